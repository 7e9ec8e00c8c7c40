"""Every exception has words, a remedy where there is one, and its exit code."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from tallybook.cli.faults import describe
from tallybook.history.store import StoreUnavailable
from tallybook.ledger.errors import LedgerError, LockTimeoutError
from tallybook.ledger.holder import Holder

if TYPE_CHECKING:
    from commands.bench import Bench


def os_error(number: int, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


@pytest.mark.parametrize(
    ("error", "code", "exit_code", "message", "hint"),
    [
        (typer.Abort(), "interrupted", 130, "stopped", ""),
        (typer.BadParameter("bad\n\tthing"), "usage", 2, "bad thing", "tally --help"),
        (LedgerError("it broke", Path("/x"), "mend it"), "ledger-unusable", 1, "it broke: /x", "mend it"),
        (LockTimeoutError(Path("/x"), 10, Holder(77, "git")), "lock-timeout", 4, "process 77 (git)", "again"),
        (StoreUnavailable("gone", "find it"), "store-unusable", 1, "gone", "find it"),
        (os_error(errno.ENOSPC), "system", 1, "No space left", "free some space"),
        (os_error(errno.EACCES, "/x/y"), "system", 1, "/x/y: Permission denied", "permissions"),
        (os_error(errno.EIO, "/x/y"), "system", 1, "/x/y: Input/output error", ""),
        (OSError("plain"), "system", 1, "plain", ""),
        (OSError(), "system", 1, "OSError", ""),
        (ValueError("odd"), "internal", 1, "a fault in tallybook itself: ValueError: odd", "report"),
    ],
)
def test_each_kind(error: Exception, code: str, exit_code: int, message: str, hint: str) -> None:
    failure = describe(error)
    assert (failure.code, failure.exit_code) == (code, exit_code)
    assert message in failure.message
    assert failure.hint.startswith(hint) if not hint else hint in failure.hint


def test_a_fault_of_our_own_names_its_place(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tallybook.usecases.show.look", lambda *_, **__: broken())
    with pytest.raises(AssertionError, match=r"a fault in tallybook itself: ZeroDivisionError:  at test_faults.py:"):
        bench.tally("show")
