"""The two forms of the report: HTML and PDF."""
