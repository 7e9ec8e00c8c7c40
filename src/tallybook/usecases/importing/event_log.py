"""Logs of events with full records of goals: the last record of each holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.domain.imports import ImportedAttempt, ImportedGoal, Note
from tallybook.domain.problems import Where
from tallybook.usecases.importing.event_lines import GOAL_ID, log_events
from tallybook.usecases.importing.tidying import RefusedRecordError, Tidying, Told, last_moment, short, titled, tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallybook.usecases.importing.event_lines import LogEvent
    from tallybook.usecases.importing.tidying import Raw

SYSTEM: Final = "events"
_ENTRY: Final = re.compile(r"(.+)-attempt-([0-9]{1,9})")
_STATUS: Final = {"in_progress": None, "success": "success", "fail": "fail"}
_TOKENS: Final = ("input_tokens", "cached_input_tokens", "output_tokens", "tokens_total")
_MOST_ATTEMPTS: Final = 1000


class Log(msgspec.Struct, frozen=True):
    """What a file told."""

    records: tuple[ImportedGoal, ...]
    changes: tuple[Note, ...]
    refused: tuple[Note, ...]


class _Found(msgspec.Struct):
    """All that events said of one goal."""

    raw: dict[str, Any]
    where: Where
    told_at: str
    entries: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    merged_into: str | None = None
    contains: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """Numbers of goals that were merged into it, by their ids, as far as its own have them in them."""


def read_log(data: bytes, file: str, *, allow_secret_like: bool = False) -> Log:
    """Read a log; ``file`` is its name in what is told of it."""
    refused: list[Note] = []
    found: dict[str, _Found] = {}
    for event in log_events(data, file, refused):
        _take(event, found)
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


def _take(event: LogEvent, found: dict[str, _Found]) -> None:
    before = found.get(event.goal)
    one = found.setdefault(event.goal, _Found(event.record, event.where, event.told_at))
    if event.kind == "goals_merged":
        _merge(event, None if before is None else before.raw, found)
    one.raw, one.where, one.told_at = event.record, event.where, event.told_at
    told = event.told.get("entries", event.record.get("entries"))
    single = event.told.get("entry")
    for entry in [*(told if isinstance(told, list) else ()), *((single,) if single else ())]:
        if isinstance(entry, dict) and isinstance(entry.get("entry_id"), str):
            one.entries[entry["entry_id"]] = entry


def _merge(event: LogEvent, before: Raw | None, found: dict[str, _Found]) -> None:
    """The dropped goal is merged; what the kept one's record has of it is noted, for nothing may count twice."""
    dropped = event.told.get("dropped_goal_id", event.record.get("dropped_goal_id"))
    if not isinstance(dropped, str) or not GOAL_ID.fullmatch(dropped):
        return
    lost = event.told.get("dropped_goal")
    raw = lost if isinstance(lost, dict) else {"goal_id": dropped}
    one = found.setdefault(dropped, _Found(raw, event.where, event.told_at))
    one.merged_into = event.goal
    if dropped == event.goal:
        return
    kept = found[event.goal]
    contained = _contained(before or {}, event.record, one.raw, _TOKENS)
    contained |= _contained(before or {"attempts": 1}, event.record, one.raw, ("attempts",))
    if contained:
        kept.contains[dropped] = contained


def _contained(before: Raw, after: Raw, lost: Raw, names: tuple[str, ...]) -> dict[str, int]:
    """The numbers of the dropped record, if those of the kept one have grown by all of them."""
    numbers = {name: lost[name] for name in names if _is_count(lost.get(name))}
    compared = {name: number for name, number in numbers.items() if number and _is_count(after.get(name))}
    grown = all(
        after[name] >= number + (before[name] if _is_count(before.get(name)) else 0)
        for name, number in compared.items()
    )
    return compared if grown else {}


def _is_count(told: object) -> bool:
    return type(told) is int and told >= 0


def _record(work: Tidying, found: _Found, *, allow_secret_like: bool) -> ImportedGoal:
    raw = work.raw
    date = GOAL_ID.fullmatch(work.id)
    assert date is not None  # noqa: S101 - it was taken by it
    if raw.keys() == {"goal_id"}:
        message = f"nothing is told of it but that it was merged into {found.merged_into}"
        raise RefusedRecordError(message)
    status = raw.get("status")
    if not isinstance(status, str) or status not in _STATUS:
        message = f"the status {short(status)} is unknown"
        raise RefusedRecordError(message)
    started_at = work.time("started_at")
    if started_at is None:
        started_at = f"{date[1]}{date[2]}-{date[3]}-{date[4]}T00:00:00.000000Z"
        work.change("it has no start; the day of its id stands for it")
    ended, kind = _STATUS[status], work.kind("goal_type")
    vector, unreported = tokens(work, _told(work, found))
    if raw.get("cost_usd") is not None:
        work.change(f"cost_usd {short(raw['cost_usd'])} was left out: costs here follow from tokens and prices")
    outcome = None if ended is None else work.outcome(ended, kind, started_at)
    attempts = _attempts(work, found, started_at)
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
        attempts=attempts,
        tokens=vector,
        unreported=unreported,
        merged_into=found.merged_into,
        told_at=found.told_at or last_moment(outcome, started_at, *(one.started_at for one in attempts)),
        where=work.where,
    )


def _told(work: Tidying, found: _Found) -> Told:
    """The tokens, without those of goals that were merged into it: these are told of themselves."""
    numbers = {name: work.count(name) for name in _TOKENS}
    for dropped, contained in found.contains.items():
        own: dict[str, int] = {name: (numbers[name] or 0) - contained[name] for name in _TOKENS if name in contained}
        if not own:
            continue
        if min(own.values()) < 0:
            work.change(f"its tokens may contain those of {dropped}, which was merged into it; they were left in")
            continue
        numbers.update(own)
        work.change(f"its tokens contained those of {dropped}, which was merged into it; they count there")
    return Told(*numbers.values())


def _attempts(work: Tidying, found: _Found, started_at: str) -> tuple[ImportedAttempt, ...]:
    """One for each entry, and more where the goal counts more; of those nothing is known."""
    count = work.count("attempts") or 1
    others = sum(contained.get("attempts", 0) for contained in found.contains.values())
    if 0 < others < count:
        count -= others
        work.change(f"of its attempts {others} were those of goals that were merged into it; they count there")
    else:
        others = 0
    if count > _MOST_ATTEMPTS:
        work.change(f"of {count} attempts {_MOST_ATTEMPTS} were taken")
    own = _entries(work, found.entries, started_at)
    own = own[: count if others else _MOST_ATTEMPTS]
    while len(own) < min(count, _MOST_ATTEMPTS):
        own.append(ImportedAttempt(own[-1].started_at if own else started_at))
    return tuple(own)


def _entries(work: Tidying, entries: Mapping[str, Raw], started_at: str) -> list[ImportedAttempt]:
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
    return found
