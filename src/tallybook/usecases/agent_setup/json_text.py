"""Adds to and takes from a JSON text without touching any other byte of it.

Taking away what was added gives back the earlier bytes. A list or object made here has blanks behind its opening
bracket, and goes when it is empty again; what is put into an empty one of somebody else stands right behind the
bracket, so that the empty one is told apart and stays.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Plain = str | int | Sequence["Plain"] | Mapping[str, "Plain"]

_DECODER: Final = json.JSONDecoder()
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_UNIT: Final = "  "


class Fault(NamedTuple):
    """Why a text can't be edited."""

    message: str
    line: int | None = None
    """From 1."""


class Item(NamedTuple):
    """One element of a list, or one member of an object."""

    start: int
    """Of the element, or of the member's name."""
    value: int
    end: int
    key: str | None


class Container(NamedTuple):
    """A list or an object in the text."""

    start: int
    """Of its opening bracket."""
    items: tuple[Item, ...]

    def member(self, name: str) -> Item | None:
        """The member of that name."""
        return next((item for item in self.items if item.key == name), None)


def parsed(text: str) -> object | Fault:
    """The value of the text."""
    try:
        found: object = json.loads(text.removeprefix("\ufeff"), parse_constant=_refused, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        return Fault(f"{error.msg[:1].lower()}{error.msg[1:]} (column {error.colno})", error.lineno)
    except ValueError as error:
        return Fault(str(error))
    except RecursionError:
        return Fault("it is nested too deep")
    return found


def outline(text: str, at: int) -> Container:
    """The list or object whose opening bracket stands at ``at``, in a text that can be parsed."""
    items: list[Item] = []
    position = _past_blanks(text, at + 1)
    while text[position] not in "]}":
        start, key = position, None
        if text[at] == "{":
            key, position = _DECODER.raw_decode(text, position)
            position = _past_blanks(text, _past_blanks(text, position) + 1)
        value = position
        _, position = _DECODER.raw_decode(text, value)
        items.append(Item(start, value, position, key))
        position = _past_blanks(text, position)
        if text[position] == ",":
            position = _past_blanks(text, position + 1)
    return Container(at, tuple(items))


def root(text: str) -> Container:
    """The outermost object of the text."""
    return outline(text, _past_blanks(text, text.startswith("\ufeff")))


def added(text: str, container: Container, key: str | None, value: Plain) -> str:
    """The text with one more item at the end of the container, laid out like those that are there."""
    newline = "\r\n" if "\r\n" in text else "\n"
    if container.items:
        lead = text[container.start + 1 : container.items[0].start]
        at, before = container.items[-1].end, "," + (lead or " ")
        base = lead.rpartition("\n")[2] if "\n" in lead else None
    else:
        line = text.rfind("\n", 0, container.start) + 1
        at, before, base = container.start + 1, "", _BLANK.match(text, line)[0]  # type: ignore[index]
    unit = _unit(text)
    name = "" if key is None else f"{json.dumps(key)}: "
    shown = rendered(value, None if base is None else newline + base, unit)
    return text[:at] + before + name + shown + text[at:]


def taken(text: str, path: Sequence[tuple[Container, int]]) -> str | None:
    """The text without the item at the end of ``path`` (containers from the outermost in, and which item of each).

    A container that is empty by that and was made here goes too; None if the outermost one does.
    """
    for container, index in reversed(path):
        items = container.items
        item = items[index]
        if index:
            return text[: items[index - 1].end] + text[item.end :]
        if len(items) > 1:
            return text[: item.start] + text[items[1].start :]
        if item.start == container.start + 1:
            return text[: item.start] + text[item.end :]
    return None


def rendered(value: Plain, line: str | None, unit: str) -> str:
    """The value as JSON: on lines that begin with ``line`` and are indented by ``unit``, or all on one line."""
    if isinstance(value, str | int):
        return json.dumps(value)
    inner = " " if line is None else line + unit
    deeper = None if line is None else inner
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {rendered(part, deeper, unit)}" for key, part in value.items()]
    else:
        parts = [rendered(part, deeper, unit) for part in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    between = ", " if line is None else "," + inner
    return opening + inner + between.join(parts) + (" " if line is None else line) + closing


def _unit(text: str) -> str:
    """What one level is indented by: the blanks before the first member."""
    found = re.match(r"\ufeff?\s*\{[ \t\r]*\n([ \t]+)", text)
    return found[1] if found else _UNIT


def _past_blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()


def _refused(name: str) -> object:
    message = f"{name} is no JSON"
    raise ValueError(message)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "a name stands twice in one object"
        raise ValueError(message)
    return found
