"""Sends `hook …` and `--version` to paths that import next to nothing, and all else to the command line."""

from __future__ import annotations

import gc
import os
import sys

_FAILED = 1
_INTERRUPTED = 130
RARELY = 200_000
"""So many new objects before cycles are looked for: a command lives shortly, and makes values that have none."""


def main() -> int:
    """Run the command in ``sys.argv`` and return its exit code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us: else a file of ours would take its number
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    code = 0
    try:
        code = _dispatch(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        _let_go(sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # a reader of a pipe may leave when it likes
            sys.stderr.write(f"tally: stdout: {error.strerror}\n")
            return code or _FAILED
    finally:
        try:
            sys.stderr.flush()
        except OSError:  # nobody hears the rest of the talk, which changes nothing of what was done
            _let_go(sys.stderr.fileno())
    return code


def _let_go(stream: int) -> None:
    """Point a stream nowhere: what is left in its buffer must not be flushed again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def _dispatch(arguments: list[str]) -> int:
    helpless = not {"--help", "-h"} & set(arguments)
    if arguments[:2] == ["hook", "session-end"] and helpless:
        from tallybook.cli.session_end import main as session_end  # noqa: PLC0415 - an agent waits for this path

        return session_end(arguments[2:], os.environ)
    if arguments[:1] == ["hook"] and helpless:
        from tallybook.hooks.main import main as hook  # noqa: PLC0415 - git waits for this path

        return hook(arguments[1:], os.environ)
    if arguments in (["--version"], ["-V"]):
        from tallybook import __version__  # noqa: PLC0415 - answered before anything is imported

        sys.stdout.write(f"tally {__version__}\n")
        return 0
    gc.set_threshold(RARELY)
    from tallybook.cli.main import run  # noqa: PLC0415 - typer takes 40 ms

    try:
        return run(arguments)
    finally:
        gc.freeze()  # else the interpreter looks for cycles in all there is before it ends, for 10 ms


if __name__ == "__main__":
    sys.exit(main())
