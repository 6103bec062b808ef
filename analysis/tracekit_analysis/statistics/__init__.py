"""Statistics of one series: a series in, one frozen result out."""
