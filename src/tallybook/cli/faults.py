"""What each kind of exception is called, and which exit code it has."""

from __future__ import annotations

import errno
from pathlib import PurePath

import typer

from tallybook.cli.render import STOPPED, Failure
from tallybook.history.store import StoreUnavailable
from tallybook.ledger.errors import LedgerError, LockTimeoutError


def describe(error: Exception) -> Failure:
    """``error`` in words, with a remedy."""
    match error:
        case typer.Abort():
            failure = STOPPED
        case typer.TyperException():
            failure = Failure("usage", _sentence(error), _help(error), 2)
        case LedgerError():
            timed_out = isinstance(error, LockTimeoutError)
            code = "lock-timeout" if timed_out else "ledger-unusable"
            failure = Failure(code, str(error), error.remedy, 4 if timed_out else 1)
        case StoreUnavailable():
            failure = Failure("store-unusable", error.message, error.hint, 1)
        case OSError():
            failure = Failure("system", _system(error), _remedy(error), 1)
        case _:
            failure = Failure("internal", _internal(error), "please report it; nothing half-done was acknowledged", 1)
    return failure


def _sentence(error: typer.TyperException) -> str:
    """The parser's message on one line."""
    return " ".join(error.format_message().split()) or "no command was given"


def _help(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"{'tally' if context is None else context.command_path} --help tells what it takes"


def _system(error: OSError) -> str:
    place = "" if error.filename is None else f"{error.filename}: "
    return place + (error.strerror or str(error) or type(error).__name__)


def _remedy(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "free some space and run the command again"
    if error.errno == errno.EDQUOT:
        return "free some of your disk quota and run the command again"
    if error.errno == errno.EROFS:
        return "the file system is read-only: mount it writable, or choose another place"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return "check the permissions of the place named"
    return ""


def _internal(error: Exception) -> str:
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = "" if where is None else f" at {PurePath(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}"
    return f"a fault in tallybook itself: {type(error).__name__}: {error}{place}"
