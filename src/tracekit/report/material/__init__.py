"""What the report knows: runs digested, labels, comparisons and tables for its sections."""
