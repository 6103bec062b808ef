"""`python -m tracekit.cli`: the `tracekit` command where it is not on the path."""

from tracekit.cli import main

main()
