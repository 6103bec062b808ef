"""One recorded series made fit for analysis, or refused with a reason: input, interleaved channels, epochs."""
