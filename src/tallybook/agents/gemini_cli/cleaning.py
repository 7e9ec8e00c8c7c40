"""Chats that Gemini CLI deletes when it starts next in their project, however new they are.

It takes a chat without a message of the user or the model, and one of a subagent, for none, and deletes with such a
one all that share the last part of its name: where a session was resumed in another minute, that is the original too.
"""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from tallybook.agents.documents import Torn, decoded
from tallybook.agents.gemini_cli import paths, records
from tallybook.agents.trees import listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAMED: Final = re.compile(r"session-.*-([a-zA-Z0-9]{8})\.jsonl?", re.DOTALL)
_MOST: Final = 1 << 16
"""Bytes: what is longer says something."""
_QUIET: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_SAID: Final = frozenset({"user", "gemini"})


def at_once(root: Path) -> Iterator[str]:
    """Their paths, below one directory of projects."""
    for project in listed(root, []):
        alike: dict[str, list[str]] = defaultdict(list)
        for entry in listed(f"{project.path}/{paths.CHATS}", []):
            if (named := _NAMED.fullmatch(entry.name)) is not None:
                alike[named[1]].append(entry.path)
        for chats in alike.values():
            if any(map(_is_none, chats)):
                yield from chats


def _is_none(chat: str) -> bool:
    """Whether Gemini takes it for no session."""
    raw = _beginning(chat)
    if raw is None:
        return False
    told = [_record(raw)] if chat.endswith(".json") else [*map(_record, raw.splitlines())]
    head = told[0] if told else None
    if head is not None and records.text(head.kind) == "subagent":
        return True
    if len(raw) > _MOST:
        return False
    return head is None or records.text(head.session_id) is None or not any(_has_said(one) for one in told if one)


def _beginning(chat: str) -> bytes | None:
    """None for what is no file, or can't be read."""
    try:
        handle = os.open(chat, _QUIET)
    except OSError:
        return None
    try:
        return os.read(handle, _MOST + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else None
    except OSError:
        return None
    finally:
        os.close(handle)


def _has_said(record: records.Record) -> bool:
    """Whether it is a message of the user or the model, or has one in it."""
    if records.text(record.type) in _SAID:
        return True
    patch = records.readable(record.patch, records.record) if record.patch else None
    listing = records.readable((patch or record).messages, records.listed) or ()
    messages = (records.readable(one, records.record) for one in listing)
    return any(message is not None and records.text(message.type) in _SAID for message in messages)


def _record(raw: bytes) -> records.Record | None:
    found = decoded(raw, records.record)
    return None if isinstance(found, Torn) else found
