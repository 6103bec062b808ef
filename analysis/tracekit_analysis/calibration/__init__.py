"""Error rates of the statistics, measured on simulated series with known truth."""
