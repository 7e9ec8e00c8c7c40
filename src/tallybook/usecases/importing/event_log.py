"""Logs of events with full records of goals: the last record of each holds, whatever a union merge made of the file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.domain.imports import ImportedAttempt, ImportedGoal, Note
from tallybook.domain.problems import Where
from tallybook.usecases.importing.tidying import RefusedRecordError, Tidying, Told, known_status, titled, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tallybook.usecases.importing.tidying import Raw

SYSTEM: Final = "events"
TYPES: Final = frozenset(
    {"goal_started", "goal_continued", "goal_finished", "goal_updated", "goals_merged", "usage_synced"}
)
_ID: Final = re.compile(r"([0-9]{2})([0-9]{2})-([0-9]{2})-([0-9]{2})-[0-9]{1,9}")
_ENTRY: Final = re.compile(r"(.+)-attempt-([0-9]{1,9})")
_KEPT_IN: Final = ("goal", "record", "goal_record", "payload", "data")
"""Members in which a record may stand, if not in the event itself."""
_TIMES: Final = ("ts", "timestamp", "occurred_at", "recorded_at", "created_at", "at")
_STATUS: Final = {"in_progress": None, "success": "success", "fail": "fail"}
_MOST_ATTEMPTS: Final = 1000
_LONGEST: Final = 16 * 1024 * 1024


class Log(msgspec.Struct, frozen=True):
    """What a file told."""

    records: tuple[ImportedGoal, ...]
    changes: tuple[Note, ...]
    refused: tuple[Note, ...]


class _Found(msgspec.Struct):
    """All that events said of one goal."""

    raw: dict[str, Any]
    where: Where
    entries: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    merged_into: str | None = None


def read_log(data: bytes, file: str, *, allow_secret_like: bool = False) -> Log:
    """Read a log; ``file`` is its name in what is told of it."""
    refused: list[Note] = []
    events = list(_events(data, file, refused))
    if all(_time(event) is not None for event, _ in events):
        events.sort(key=lambda pair: str(_time(pair[0])))
    found: dict[str, _Found] = {}
    seen: set[str] = set()
    for event, where in events:
        identity = event.get("event_id") or event.get("id")
        if isinstance(identity, str):
            if identity in seen:
                continue
            seen.add(identity)
        _take(event, where, found, refused)
    records, changes = [], []
    for name, one in found.items():
        work = Tidying(one.raw, name, one.where)
        try:
            records.append(_record(work, one, allow_secret_like=allow_secret_like))
            changes += work.changes
        except RefusedRecordError as error:
            refused.append(Note(name, str(error), one.where))
    in_order = sorted(refused, key=lambda note: note.where.byte or 0)
    return Log(tuple(records), tuple(changes), tuple(in_order))


def _events(data: bytes, file: str, refused: list[Note]) -> Iterator[tuple[Raw, Where]]:
    """Objects line by line; several on one line are several, and what is none is told of."""
    byte = 0
    for number, raw in enumerate(data.split(b"\n"), 1):
        where = Where(file, number, byte)
        byte += len(raw) + 1
        text = raw.decode("utf-8", "replace").strip("\ufeff \t\r")
        if not text:
            continue
        if len(raw) > _LONGEST:
            refused.append(Note("", "the line is too long", where))
            continue
        for told in _objects(text):
            if isinstance(told, dict):
                yield told, where
            else:
                refused.append(Note("", "a part of the line is no JSON object", where))


def _objects(text: str) -> Iterator[object]:
    """Each JSON value in a line, and None for what is none; after that it goes on at the next object."""
    decode, at = json.JSONDecoder().raw_decode, 0
    while at < len(text):
        if text[at] in " \t\r,":
            at += 1
            continue
        try:
            value, at = decode(text, at)
            yield value
        except (ValueError, RecursionError):
            yield None
            begin = text.find('{"', at + 1)
            at = len(text) if begin < 0 else begin


def _time(event: Raw) -> str | None:
    return next((event[name] for name in _TIMES if isinstance(event.get(name), str)), None)


def _take(event: Raw, where: Where, found: dict[str, _Found], refused: list[Note]) -> None:
    kind = event.get("event_type", event.get("type"))
    if not isinstance(kind, str) or kind not in TYPES:
        refused.append(Note("", f"the type of the event {str(kind)[:40]!a} is unknown", where))
        return
    record = next((event[name] for name in _KEPT_IN if isinstance(event.get(name), dict)), event)
    identity = record.get("goal_id", event.get("goal_id"))
    if not isinstance(identity, str) or not _ID.fullmatch(identity):
        refused.append(Note("", f"the goal {str(identity)[:40]!a} is no id of a goal", where))
        return
    one = found.setdefault(identity, _Found(record, where))
    one.raw, one.where = record, where
    told = event.get("entries", record.get("entries"))
    single = event.get("entry")
    for entry in [*(told if isinstance(told, list) else ()), *((single,) if single else ())]:
        if isinstance(entry, dict) and isinstance(entry.get("entry_id"), str):
            one.entries[entry["entry_id"]] = entry
    dropped = event.get("dropped_goal_id")
    if kind == "goals_merged" and isinstance(dropped, str) and _ID.fullmatch(dropped):
        lost = event.get("dropped_goal")
        raw = lost if isinstance(lost, dict) else {"goal_id": dropped}
        found.setdefault(dropped, _Found(raw, where)).merged_into = identity


def _record(work: Tidying, found: _Found, *, allow_secret_like: bool) -> ImportedGoal:
    raw = work.raw
    date = _ID.fullmatch(work.id)
    assert date is not None  # noqa: S101 - it was taken by it
    started_at = work.time("started_at")
    if started_at is None:
        started_at = f"{date[1]}{date[2]}-{date[3]}-{date[4]}T00:00:00.000000Z"
        work.change("it has no start; the day of its id stands for it")
    status = known_status(raw.get("status"), _STATUS)
    kind = work.kind("goal_type")
    told = Told(
        *(work.count(name) for name in ("input_tokens", "cached_input_tokens", "output_tokens", "tokens_total"))
    )
    vector, unreported = tokens(work, told)
    if raw.get("cost_usd") is not None:
        work.change("what it cost was left out: costs here follow from tokens and prices")
    outcome = None if status is None else work.outcome(status, kind, started_at)
    return ImportedGoal(
        system=SYSTEM,
        id=work.id,
        date=f"{date[2]}{date[3]}{date[4]}",
        title=titled(work, "title", allow_secret_like=allow_secret_like),
        kind=kind,
        started_at=started_at,
        outcome=outcome,
        notes=work.text("notes", allow_secret_like=allow_secret_like),
        agent=work.text("agent_name"),
        model=work.text("model"),
        supersedes=work.text("supersedes_goal_id"),
        attempts=_attempts(work, found.entries, started_at),
        tokens=vector,
        unreported=unreported,
        merged_into=found.merged_into,
        where=work.where,
    )


def _attempts(work: Tidying, entries: Mapping[str, Raw], started_at: str) -> tuple[ImportedAttempt, ...]:
    """One for each entry, and more where the goal counts more; of those nothing is known."""
    own = []
    for name, entry in entries.items():
        matched = _ENTRY.fullmatch(name)
        if matched is not None and matched[1] == work.id:
            own.append((int(matched[2]), entry))
    found: list[ImportedAttempt] = []
    for number, entry in sorted(own, key=lambda pair: pair[0]):
        part = Tidying(entry, f"{work.id} attempt {number}", work.where)
        begin = part.time("started_at") or (found[-1].started_at if found else started_at)
        reason = part.reason("fail") if entry.get("status") == "fail" else None
        found.append(ImportedAttempt(begin, reason))
        work.changes += part.changes
    count = work.count("attempts") or 1
    if count > _MOST_ATTEMPTS:
        work.change(f"of {count} attempts {_MOST_ATTEMPTS} were taken")
    while len(found) < min(max(count, 1), _MOST_ATTEMPTS):
        found.append(ImportedAttempt(found[-1].started_at if found else started_at))
    return tuple(found)
