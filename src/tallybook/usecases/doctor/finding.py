"""What one check of the doctor has to say: a name, how it is, what is there, and what helps.

A check is a function from the workspace to findings; what goes wrong inside it becomes one more finding elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.problems import Where
from tallybook.usecases.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.domain.problems import Problem


NOWHERE: Final = Where()


class Status(StrEnum):
    """How it is with one thing."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing is broken."""
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    """Stable kebab-case name."""
    status: Status
    message: str
    hint: str = ""
    """What helps, a command where one does."""
    where: Where = NOWHERE


Look = Callable[[Workspace], Iterable[Finding]]


def ok(name: str, message: str, where: Path | None = None) -> Finding:
    """All is well."""
    return Finding(name, Status.OK, message, where=_place(where))


def note(name: str, message: str, hint: str = "", where: Path | None = None) -> Finding:
    """Nothing is broken, but it should be known."""
    return Finding(name, Status.NOTE, message, hint, _place(where))


def problem(name: str, message: str, hint: str, where: Path | None = None) -> Finding:
    """Something does not work, or soon won't."""
    return Finding(name, Status.PROBLEM, message, hint, _place(where))


def told(name: str, found: Problem, status: Status) -> Finding:
    """A problem that another part of the program has found."""
    return Finding(name, status, found.message, found.hint, found.where)


def _place(path: Path | None) -> Where:
    return NOWHERE if path is None else Where(str(path))
