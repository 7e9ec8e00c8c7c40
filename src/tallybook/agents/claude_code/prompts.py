"""What a user record is: a person's prompt, a command, the result of a tool, or what the program put in."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Final

from tallybook.agents.claude_code.records import Origin

if TYPE_CHECKING:
    from tallybook.agents.claude_code.records import Entry


class Kind(Enum):
    """The value is the name by which it is told."""

    HUMAN = "human"
    RESULT = "result"
    COMMAND = "command"
    ABORT = "abort"
    META = "meta"
    SUMMARY = "summary"
    COMMAND_OUTPUT = "command-output"
    NOTIFICATION = "notification"
    REMINDER = "reminder"
    OTHER = "other"


_COMMAND: Final = r"<command-name>/?([^<]{1,80})</command-name>"
_TAGS: Final = (
    (("<command-name>", "<command-message>"), Kind.COMMAND),
    (("[Request interrupted",), Kind.ABORT),
    (("<local-command-", "<bash-"), Kind.COMMAND_OUTPUT),
    (("<task-notification>",), Kind.NOTIFICATION),
    (("<system-reminder>",), Kind.REMINDER),
)
_WITHIN: Final = 2000
_PERSON: Final = frozenset({"human", None})


def kind_of(entry: Entry) -> Kind:
    """What the record is."""
    if entry.results:
        return Kind.RESULT
    if entry.summary is True:
        return Kind.SUMMARY
    if entry.meta is True:
        return Kind.META
    text = entry.text
    for beginnings, kind in _TAGS:
        if text.startswith(beginnings):
            return kind
    writer = entry.writer.kind if isinstance(entry.writer, Origin) else None
    return Kind.HUMAN if writer in _PERSON else Kind.OTHER


def command_of(text: str) -> str:
    """The name of a slash command; empty where none is told."""
    told = re.compile(_COMMAND).search(text, 0, _WITHIN)
    return told[1] if told else ""
