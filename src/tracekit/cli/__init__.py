"""The `tracekit` command: this module only dispatches, so that `tracekit --help` answers at once."""

from __future__ import annotations

import os
import sys

#: Exit codes, as the documentation states them.
EXIT_ERROR, EXIT_USAGE, EXIT_FAILED_RUNS, EXIT_INTERRUPTED = 1, 2, 3, 130


def main() -> None:
    """Run the command line; an error that the user can put right is one sentence on stderr."""
    from tracekit.cli.app import app
    from tracekit.errors import TracekitError

    try:
        app()
    except TracekitError as error:
        _fail(str(error))
    except BrokenPipeError:
        # Whoever read our output has read enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_ERROR)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        _fail(f"{name}{error.strerror or error}; choose another place or make room.")
    except OverflowError as error:
        _fail(f"a number is too large ({error}); use one that means something.")
    except ValueError as error:
        # The analysis layer knows nothing of tracekit; its own errors are recognised by their home.
        if not type(error).__module__.startswith("tracekit_analysis"):
            raise
        _fail(str(error))


def _fail(sentence: str) -> None:
    print(f"Error: {sentence}", file=sys.stderr)
    interrupted = sentence.startswith("stopped;")
    sys.exit(EXIT_INTERRUPTED if interrupted else EXIT_ERROR)
