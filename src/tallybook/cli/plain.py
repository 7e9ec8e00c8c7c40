"""Understands plain command lines without the parser library, which takes longer to import than they take to run.

A line is plain where every word is one of the command's own options in full, a value behind its option, or an
argument, and nothing is missing, given twice, or refused. Any other line is left to typer, which reads the same
parameters, and explains and refuses.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from enum import Enum
from functools import partial
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args, get_origin, get_type_hints

from tallybook.cli.catalogue import COMMANDS, PLAIN
from tallybook.cli.parameters import Argument, Option

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_COMPLETING: Final = "_TALLY_COMPLETE"
"""Has typer complete words."""
Value = str | int | Path | Enum


class _NotPlainError(Exception):
    """The line is for typer."""


class _Parameter(NamedTuple):
    """One parameter of a command."""

    name: str
    kind: type
    many: bool
    told: Option | Argument

    def value(self, word: str) -> Value:
        """The value that a word stands for."""
        if not word or word.startswith("-"):
            raise _NotPlainError
        if self.kind is int:
            least = self.told.min if isinstance(self.told, Option) and self.told.min is not None else 0
            if not _NUMBER.fullmatch(word) or int(word) < least:
                raise _NotPlainError
        elif issubclass(self.kind, Enum) and word not in {member.value for member in self.kind}:
            raise _NotPlainError
        found: Value = self.kind(word)
        return found


def plain_call(arguments: Sequence[str]) -> Callable[[], None] | None:
    """The command with the values of its parameters; None where the line is not plain."""
    if not arguments or arguments[0] not in PLAIN or _COMPLETING in os.environ:
        return None
    module = COMMANDS[arguments[0]]
    function = getattr(import_module(f"tallybook.cli.{module}"), module)
    try:
        return partial(function, **values_of(function, arguments[1:]))
    except _NotPlainError:
        return None


def values_of(function: Callable[..., None], words: Sequence[str]) -> dict[str, Any]:
    """The values that ``words`` give to the parameters of a command, by name.

    Raises:
        _NotPlainError: they are for typer.
    """
    parameters = _parameters(function)
    options = {name: one for one in parameters if isinstance(one.told, Option) for name in one.told.names}
    places = iter([one for one in parameters if isinstance(one.told, Argument)])
    found: dict[str, Any] = {}
    coming = iter(words)
    for word in coming:
        parameter = options.get(word) if word.startswith("-") else next(places, None)
        if parameter is None or (parameter.name in found and not parameter.many):
            raise _NotPlainError
        if parameter.kind is bool:
            found[parameter.name] = True
            continue
        value = parameter.value(next(coming, "") if word in options else word)
        if parameter.many:
            found.setdefault(parameter.name, []).append(value)
        else:
            found[parameter.name] = value
    if not found.keys() >= _needed(function, parameters):
        raise _NotPlainError
    return found


def _needed(function: Callable[..., None], parameters: Sequence[_Parameter]) -> set[str]:
    defaults = len(function.__defaults__ or ())
    return {one.name for one in parameters[: len(parameters) - defaults]}


def _parameters(function: Callable[..., None]) -> list[_Parameter]:
    hints = get_type_hints(function, include_extras=True)
    del hints["return"]
    return [_Parameter(name, *_kind(get_args(hint)[0]), get_args(hint)[1]) for name, hint in hints.items()]


def _kind(hint: Any) -> tuple[type, bool]:  # noqa: ANN401 - a type, or one of typing's forms
    """The type of one value, and whether there may be several."""
    if isinstance(hint, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    return (get_args(hint)[0], True) if get_origin(hint) is list else (hint, False)
