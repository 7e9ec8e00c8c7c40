"""What a command takes, told without the parser library: that takes longer to import than most commands to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Completion = Callable[[Mapping[str, Any], str], list[tuple[str, str]]]
"""Takes the values given so far and the beginning of a word; the words that could stand there, with what they mean."""


class Option(msgspec.Struct, frozen=True):
    """A word with dashes: a flag, or one that a value follows."""

    name: str
    short: str | None = None
    metavar: str | None = None
    help: str | None = None
    min: int | None = None
    """Of a number."""
    autocompletion: Completion | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The words that it goes by."""
        return (self.name,) if self.short is None else (self.name, self.short)


class Argument(msgspec.Struct, frozen=True):
    """A value that is known by its place."""

    metavar: str | None = None
    help: str | None = None
    autocompletion: Completion | None = None


class BadValueError(Exception):
    """A value that was given to ``option`` makes no sense; a command raises this before it does anything."""

    def __init__(self, message: str, option: str) -> None:
        super().__init__(message)
        self.message = message
        self.option = option
