"""Entry point of the `tracekit` command: it dispatches and words errors; heavy modules load when a command runs."""

from __future__ import annotations

import gc
import itertools
import os
import shlex
import sys

#: Exit codes, as the documentation states them.
EXIT_ERROR, EXIT_USAGE, EXIT_FAILED_RUNS, EXIT_INTERRUPTED = 1, 2, 3, 130


def main() -> None:
    """Run the command line; print an error as one sentence on stderr, with a traceback only under --debug."""
    words = sys.argv[1:]
    try:
        _run(words)
    finally:
        _let_go()


def _let_go() -> None:
    """Stop idle workers and freeze the heap now: left to the exit of the process, they take a second."""
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
        # The reader of our output has closed it (`| head`): drop what is still buffered.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_ERROR)
    except Exception as error:
        if _debugging(words):
            raise
        sentence, code = _worded(error, words)
        print(sentence, file=sys.stderr)
        sys.exit(code)
    if code == EXIT_INTERRUPTED:
        print("Interrupted before the end; run the command again to get its result.", file=sys.stderr)
    sys.exit(code)


def _debugging(words: list[str]) -> bool:
    asked = "--debug" in itertools.takewhile(lambda word: word.startswith("-"), words)
    return asked or os.environ.get("TRACEKIT_DEBUG", "0").lower() not in ("", "0", "false")


def _worded(error: Exception, words: list[str]) -> tuple[str, int]:
    """Word an error in one sentence, and return it with the exit code."""
    from tracekit.errors import TracekitError

    # The analysis package imports nothing of tracekit, so its errors are recognised by their module.
    of_analysis = isinstance(error, ValueError) and type(error).__module__.startswith("tracekit_analysis")
    if isinstance(error, TracekitError) or of_analysis:
        if getattr(error, "interrupts_runs", False):
            return f"{str(error)[0].upper()}{str(error)[1:]}", EXIT_INTERRUPTED
        return f"Error: {error}", EXIT_ERROR
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return (
            f"Error: {name}{error.strerror or error}; choose another folder or free some space.",
            EXIT_ERROR,
        )
    if isinstance(error, OverflowError):
        return f"Error: a number is too large ({error}); use a smaller one.", EXIT_ERROR
    if isinstance(error, MemoryError):
        return "Error: not enough memory; use fewer runs or signals, or a smaller --jobs.", EXIT_ERROR
    again = shlex.join(["tracekit", "--debug", *words])
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"Error: tracekit has a bug ({what}); `{again}` shows where. Please report it.", EXIT_ERROR
