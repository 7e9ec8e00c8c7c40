"""Faults in data as values: what is wrong, where, and what to do next."""

from __future__ import annotations

import msgspec


class Where(msgspec.Struct, frozen=True):
    """A place in a file; ``line`` counts from 1, ``byte`` from 0."""

    file: str | None = None
    line: int | None = None
    byte: int | None = None


class Problem(msgspec.Struct, frozen=True):
    """One fault found in data that was read."""

    code: str
    """Stable kebab-case name."""
    message: str
    where: Where = Where()
    hint: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """Why a command was not carried out, and which command helps."""

    code: str
    message: str
    hint: str = ""
    usage: bool = False
    """An argument can't be read or isn't allowed; else the state forbids it."""
    problems: tuple[Problem, ...] = ()
    """What could not be read of that state."""
