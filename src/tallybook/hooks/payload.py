"""What an agent tells its hooks on stdin: three facts are taken, all else is dropped unseen.

Standard library only. The text is hostile until proved otherwise; what is wrong with it is a value.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from tallybook.agents.handover import SESSION_ID

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import BinaryIO

LARGEST = 16 << 20
"""Bytes; a hook that tells the end of a turn is handed the last answer too."""
_LONGEST_PATH = 1 << 15


class Payload(NamedTuple):
    """What is taken."""

    event: str
    """Name of the event, such as ``SessionStart``."""
    session: str
    cwd: str
    """Absolute."""


class BadPayload(NamedTuple):
    """Why nothing is done."""

    message: str


def read_payload(stream: BinaryIO | None, events: Collection[str]) -> Payload | BadPayload:
    """Read one JSON object that tells of one of ``events``."""
    if stream is None:
        return BadPayload("stdin is closed")
    if stream.isatty():
        return BadPayload("an agent calls this and tells of its session on stdin")
    raw = stream.read(LARGEST + 1)
    if len(raw) > LARGEST:
        return BadPayload(f"stdin holds more than {LARGEST >> 20} MiB")
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        told = None
    return _checked(told, events) if isinstance(told, dict) else BadPayload("stdin holds no JSON object")


def _checked(told: dict[str, object], events: Collection[str]) -> Payload | BadPayload:
    event, session, cwd = (told.get(name) for name in ("hook_event_name", "session_id", "cwd"))
    if not isinstance(event, str) or event not in events:
        return BadPayload(f"hook_event_name is not {' or '.join(events)}")
    if not isinstance(session, str) or not SESSION_ID.fullmatch(session):
        return BadPayload("session_id is no session id")
    if not isinstance(cwd, str) or not os.path.isabs(cwd) or "\0" in cwd or len(cwd) > _LONGEST_PATH:  # noqa: PTH117
        return BadPayload("cwd is no absolute path")
    return Payload(event, session, cwd)
