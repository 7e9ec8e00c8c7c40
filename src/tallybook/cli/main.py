"""The one place where a command ends: results become exit codes, faults become words, nothing becomes a traceback."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Final

from tallybook.cli.render import CommandEnded, fail

if TYPE_CHECKING:
    from collections.abc import Sequence

OK: Final = 0


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; what is left in stdout's buffer is the caller's to flush."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    json = "--json" in own
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(list(arguments), json=json)
    except (BrokenPipeError, SystemExit):  # typer leaves by the latter where a reader has left a pipe
        return OK


def _run(arguments: list[str], *, json: bool) -> int:
    from tallybook.cli.faults import STOPPED, describe
    from tallybook.cli.lazy import command_line

    try:
        result = command_line().main(arguments, prog_name="tally", standalone_mode=False)
    except BrokenPipeError:
        raise
    except CommandEnded as ended:
        return ended.status
    except Exception as error:  # noqa: BLE001 - the one exit point
        return fail(describe(error), json=json)
    if result == STOPPED.exit_code:  # what typer makes of Ctrl-C
        return fail(STOPPED, json=json)
    return result if isinstance(result, int) else OK
