"""The `tracekit` command: this module only dispatches, so that `tracekit --help` answers at once."""

from __future__ import annotations

import gc
import itertools
import os
import shlex
import sys

#: Exit codes, as the documentation states them.
EXIT_ERROR, EXIT_USAGE, EXIT_FAILED_RUNS, EXIT_INTERRUPTED = 1, 2, 3, 130


def main() -> None:
    """Run the command line; an error is one sentence on stderr, with a traceback only where --debug asks for it."""
    words = sys.argv[1:]
    try:
        _run(words)
    finally:
        _let_go()


def _let_go() -> None:
    """End what would end with this process later: at its exit, idle workers and the heap take a second."""
    parallel = sys.modules.get("tracekit_analysis.tables.parallel")
    if parallel is not None:
        parallel.stop_workers()
    gc.freeze()


def _run(words: list[str]) -> None:
    try:
        from tracekit.cli.app import execute

        code = execute(words)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has read enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_ERROR)
    except Exception as error:
        if _debugging(words):
            raise
        sentence, code = _worded(error, words)
        print(sentence, file=sys.stderr)
        sys.exit(code)
    if code == EXIT_INTERRUPTED:
        print("Interrupted before the end; run the command again to have its result.", file=sys.stderr)
    sys.exit(code)


def _debugging(words: list[str]) -> bool:
    asked = "--debug" in itertools.takewhile(lambda word: word.startswith("-"), words)
    return asked or os.environ.get("TRACEKIT_DEBUG", "0").lower() not in ("", "0", "false")


def _worded(error: Exception, words: list[str]) -> tuple[str, int]:
    """Say an error in one sentence, and with which code it ends the command."""
    from tracekit.errors import TracekitError

    # The analysis layer knows nothing of tracekit; its own errors are recognised by their home.
    of_analysis = isinstance(error, ValueError) and type(error).__module__.startswith("tracekit_analysis")
    if isinstance(error, TracekitError) or of_analysis:
        if getattr(error, "interrupts_runs", False):
            return f"{str(error)[0].upper()}{str(error)[1:]}", EXIT_INTERRUPTED
        return f"Error: {error}", EXIT_ERROR
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"Error: {name}{error.strerror or error}; choose another place or make room.", EXIT_ERROR
    if isinstance(error, OverflowError):
        return f"Error: a number is too large ({error}); use one that means something.", EXIT_ERROR
    if isinstance(error, MemoryError):
        return "Error: there is not enough memory; use fewer runs, signals or --jobs.", EXIT_ERROR
    again = shlex.join(["tracekit", "--debug", *words])
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"Error: tracekit has a fault ({what}); `{again}` shows where, please report it.", EXIT_ERROR
