"""The events of a log, line by line, whatever a union merge has made of the file: in the order in which they were told.

Two objects on one line are two events; what is none is told of with its place.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.domain.imports import Note
from tallybook.domain.problems import Where
from tallybook.usecases.importing.tidying import instant, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.usecases.importing.tidying import Raw

TYPES: Final = frozenset(
    {"goal_started", "goal_continued", "goal_finished", "goal_updated", "goals_merged", "usage_synced"}
)
GOAL_ID: Final = re.compile(r"([0-9]{2})([0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])-[0-9]{1,9}")
_KEPT_IN: Final = ("goal", "record", "goal_record", "payload", "data")
"""Members in which a record may stand, if not in the event itself."""
_TIMES: Final = ("ts", "timestamp", "occurred_at", "recorded_at", "created_at", "at")
_OBJECT: Final = re.compile(r'\{\s*"')
_LONGEST: Final = 16 * 1024 * 1024
_MOST_BREAKS: Final = 64
"""So often a line is taken up again behind something that is broken."""


class LogEvent(msgspec.Struct, frozen=True):
    """One event that tells the whole record of a goal."""

    kind: str
    """Of ``TYPES``."""
    goal: str
    record: dict[str, Any]
    """The record, with all that its system had in it."""
    told: dict[str, Any]
    """The event around it; the same where the record stands in no member."""
    told_at: str
    """When; empty where neither it nor an event before it says so."""
    where: Where


def is_type(told: object) -> bool:
    """Whether it is the name of an event's type."""
    return isinstance(told, str) and told in TYPES


def log_events(data: bytes, file: str, refused: list[Note]) -> list[LogEvent]:
    """The events, each once, the earliest first; what is none goes to ``refused``.

    An event without a time was told when the one before it was. Of two that were told together the one with more
    attempts, or with an end, comes later; after that it is their place in the file that counts.
    """
    found: list[LogEvent] = []
    at = ""
    for told, where in _objects_of(data, file, refused):
        at = _time(told) or at
        event = _event(told, at, where)
        if isinstance(event, Note):
            refused.append(event)
        else:
            found.append(event)
    found.sort(key=lambda event: (event.told_at, _attempts(event.record), event.record.get("status") != "in_progress"))
    seen: set[str] = set()
    return [event for event in found if _is_first(event, seen)]


def _event(told: Raw, at: str, where: Where) -> LogEvent | Note:
    kind = told.get("event_type", told.get("type"))
    if not isinstance(kind, str) or kind not in TYPES:
        return Note("", f"the type of the event {short(kind)} is unknown", where)
    record = next((told[name] for name in _KEPT_IN if isinstance(told.get(name), dict)), told)
    goal = record.get("goal_id", told.get("goal_id"))
    if not isinstance(goal, str) or not GOAL_ID.fullmatch(goal):
        return Note("", f"the goal {short(goal)} is no id of a goal", where)
    return LogEvent(kind, goal, record, told, at, where)


def _is_first(event: LogEvent, seen: set[str]) -> bool:
    """Whether no event with its id was there before; an id that is the goal's is none of the event."""
    identity = event.told.get("event_id") or event.told.get("id")
    if not isinstance(identity, str) or identity == event.goal:
        return True
    if identity in seen:
        return False
    seen.add(identity)
    return True


def _time(told: Raw) -> str | None:
    return next((at for name in _TIMES if (at := instant(told.get(name))) is not None), None)


def _attempts(record: Raw) -> int:
    told = record.get("attempts")
    return told if type(told) is int else 0


def _objects_of(data: bytes, file: str, refused: list[Note]) -> Iterator[tuple[Raw, Where]]:
    """Objects line by line; several on one line are several."""
    byte = 0
    for number, raw in enumerate(data.split(b"\n"), 1):
        where = Where(file, number, byte)
        byte += len(raw) + 1
        text = raw.decode("utf-8", "replace").strip("\ufeff \t\r")
        if len(raw) > _LONGEST:
            refused.append(Note("", "the line is too long", where))
            continue
        for told in _objects(text):
            if isinstance(told, dict):
                yield told, where
            else:
                refused.append(Note("", "a part of the line is no JSON object", where))


def _objects(text: str) -> Iterator[object]:
    """Each JSON value in a line, and None for a stretch that is none; after that it goes on at the next object."""
    decode, at, breaks = json.JSONDecoder().raw_decode, 0, 0
    while at < len(text) and breaks < _MOST_BREAKS:
        if text[at] in " \t\r,":
            at += 1
            continue
        try:
            value, at = decode(text, at)
        except (ValueError, RecursionError):
            breaks += 1
            following = _OBJECT.search(text, at + 1)
            at = len(text) if following is None else following.start()
            if breaks == 1:
                yield None
        else:
            yield value
