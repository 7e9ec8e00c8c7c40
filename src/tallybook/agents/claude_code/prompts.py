"""What a user record is: a person's prompt, a command, or something that the program put in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tallybook.agents.claude_code.records import Entry

_PUT_IN: Final = ("<", "[Request interrupted")
_PERSON: Final = frozenset({"human", None})


def is_human(entry: Entry) -> bool:
    """Whether a person, or the program that a person runs, asks for something: this begins a turn."""
    if entry.meta is True or entry.summary is True or entry.results:
        return False
    if entry.writer is not None and entry.writer.kind not in _PERSON:
        return False
    return not entry.text.startswith(_PUT_IN)
