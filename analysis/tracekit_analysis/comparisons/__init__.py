"""Comparisons over seeds: do optimizers differ, which is best, how many seeds does an answer need."""
