"""The one place where a command ends: results become exit codes, faults become words, nothing becomes a traceback."""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tallybook.cli.parameters import BadValueError
from tallybook.cli.plain import plain_call
from tallybook.cli.render import STOPPED, CommandEnded, fail

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
    try:
        result = _called(arguments)
    except BrokenPipeError:
        raise
    except CommandEnded as ended:
        return ended.status
    except Exception as error:  # noqa: BLE001 - the one exit point
        from tallybook.cli.faults import describe

        return fail(describe(error), json=json)
    except KeyboardInterrupt:
        return fail(STOPPED, json=json)
    if result == STOPPED.exit_code:  # what typer makes of Ctrl-C
        return fail(STOPPED, json=json)
    return result if isinstance(result, int) else OK


def _called(arguments: list[str]) -> object:
    """Call the command; the parser library is asked where the line is not plain, and tells what is wrong with it."""
    call = plain_call(arguments)
    if call is not None:
        with suppress(BadValueError):
            return call()
    from tallybook.cli.lazy import command_line

    return command_line().main(arguments, prog_name="tally", standalone_mode=False)
