"""`characterize`: one row of columns per series."""
