"""`python -m tracekit.cli`, for where the `tracekit` command is not on the path."""

from tracekit.cli import main

main()
