"""Material of the report: digests of runs, labels, comparisons and tables for its sections."""
