"""Functions applied over the groups of a table, in memory or in Parquet files, in one process or several."""
