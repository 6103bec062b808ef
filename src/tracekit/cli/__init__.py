"""The `tracekit` command."""


def main() -> None:
    """Run the command line."""
