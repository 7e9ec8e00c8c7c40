"""Logs of analyses, in YAML or JSON: each becomes a check of its source, with its stages."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from tallybook.domain.imports import ImportedAttempt, ImportedGoal, ImportedStage, Note, later
from tallybook.domain.problems import Where
from tallybook.usecases.importing.documents import documents
from tallybook.usecases.importing.event_log import Log
from tallybook.usecases.importing.tidying import RefusedRecordError, Tidying, Told, first, last_moment, short, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.usecases.importing.tidying import Raw

SYSTEM: Final = "analyses"
_ID: Final = re.compile(r"ANALYSIS-([0-9]{2})([0-9]{2})-[0-9]{1,9}")
_LISTS: Final = ("analyses", "analysis_logs", "items", "records", "logs")
_STATUS: Final = {
    **dict.fromkeys(("completed", "complete", "success", "done"), "success"),
    **dict.fromkeys(("failed", "fail", "error", "cancelled", "canceled"), "fail"),
    **dict.fromkeys(("started", "in_progress", "running", "pending"), None),
}
_MOST_STAGES: Final = 1000
_ID_MEMBER: Final = re.compile(rb"""\b(?:analysis_)?id["']?\s*:\s*["']?([^"'\s,}\]]{1,200})""")


def read_analyses(data: bytes, file: str, *, allow_secret_like: bool = False) -> Log:
    """Read a log of analyses.

    Raises:
        NoDocumentError: the file can't be parsed at all.
    """
    places = _Places(data, file)
    records: dict[str, ImportedGoal] = {}
    changes: list[Note] = []
    refused: list[Note] = []
    for raw in _records([one for one in documents(data) if isinstance(one, list | dict)]):
        identity = raw.get("id", raw.get("analysis_id"))
        where = places.of(identity)
        if not isinstance(identity, str) or not _ID.fullmatch(identity):
            refused.append(Note("", f"the analysis {short(identity)} has no id that is one", where))
            continue
        work = Tidying(raw, identity, where)
        try:
            record = _record(work, allow_secret_like=allow_secret_like)
        except RefusedRecordError as error:
            refused.append(Note(identity, str(error), where))
            continue
        if identity in records:
            work.change("it stands in the file more than once; the state that was told last was taken")
            record = later(records[identity], record)
        records[identity] = record
        changes += work.changes
    return Log(tuple(records.values()), tuple(changes), tuple(refused))


class _Places:
    """Where each id stands as an id, found in one pass over the file."""

    def __init__(self, data: bytes, file: str) -> None:
        self._file = file
        self._found: dict[str, Where] = {}
        line, before = 1, 0
        for match in _ID_MEMBER.finditer(data):
            byte = match.start(1)
            line += data.count(b"\n", before, byte)
            before = byte
            self._found.setdefault(match[1].decode("utf-8", "replace"), Where(file, line, byte))

    def of(self, identity: object) -> Where:
        """The first place of an id; of one that is none, the file alone."""
        known = self._found.get(identity) if isinstance(identity, str) else None
        return Where(self._file) if known is None else known


def _records(values: list[object]) -> Iterator[Raw]:
    """All that may be records; lists in lists and empty documents are gone through."""
    waiting = values[::-1]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value[::-1]
        elif isinstance(value, dict):
            inner = next((value[name] for name in _LISTS if isinstance(value.get(name), list)), None)
            single = value.get("analysis")
            if inner is not None and "source_id" not in value:
                waiting += inner[::-1]
            else:
                record = single if isinstance(single, dict) else value
                yield {str(name): member for name, member in record.items()}
        elif value is not None:
            yield {"id": value}


def _record(work: Tidying, *, allow_secret_like: bool) -> ImportedGoal:
    date = _ID.fullmatch(work.id)
    assert date is not None  # noqa: S101 - it was taken by it
    source = work.text("source_id")
    if source is None:
        message = "it names no source_id"
        raise RefusedRecordError(message)
    status = work.raw.get("status")
    if not isinstance(status, str) or status not in _STATUS:
        message = f"the status {short(status)} is unknown"
        raise RefusedRecordError(message)
    started_at = work.time("started_at")
    if started_at is None:
        started_at = f"{date[1]}{date[2]}-01-01T00:00:00.000000Z"
        work.change("it has no start; the year of its id stands for it")
    ended = _STATUS[status]
    passed = work.count("pass")
    told = Told(work.count("tokens_in"), None, work.count("tokens_out"), _total(work))
    vector, unreported = tokens(work, told)
    agent, session = work.text("usage_provider"), work.text("usage_session_id")
    outcome = None if ended is None else work.outcome(ended, "check", started_at)
    stages = _stages(work, started_at, allow_secret_like=allow_secret_like)
    return ImportedGoal(
        system=SYSTEM,
        id=work.id,
        date=f"{date[2]}0101",
        title=f"Check of {source}"[:2000],
        kind="check",
        started_at=started_at,
        outcome=outcome,
        notes=work.text("notes", allow_secret_like=allow_secret_like),
        agent=first((work.text("tool"), agent)),
        model=work.text("model"),
        refs=() if session is None else (f"session:{agent or 'unknown'}:{session}",),
        inputs=tuple(one for one in work.names("inputs_analysis_ids") if one != work.id),
        input_sources=work.names("inputs_source_ids"),
        source_id=source,
        pass_number=passed or None,
        attempts=(ImportedAttempt(started_at),),
        stages=stages,
        tokens=vector,
        unreported=unreported,
        claims_extracted=work.count("claims_extracted"),
        claims_updated=work.count("claims_updated"),
        told_at=last_moment(outcome, started_at, *(stage.at for stage in stages)),
        where=work.where,
    )


def _total(work: Tidying) -> int | None:
    """The total, or how much a counter grew from the baseline to the end."""
    total, check = work.count("tokens_total"), work.count("tokens_check")
    before, after = work.count("tokens_baseline"), work.count("tokens_final")
    grown = None if before is None or after is None or after < before else after - before
    told = [number for number in (total, check, grown) if number is not None]
    if len(set(told)) > 1:
        work.change(f"its totals do not agree ({', '.join(f'{number:,}' for number in told)}); the first was taken")
    return told[0] if told else None


def _counted(delta: int | None, grown: int | None) -> str | None:
    """What was told of a stage's tokens, for its notes: no session says what of it is true."""
    told = [f"{number} tokens {what}" for number, what in ((delta, "of it"), (grown, "up to it")) if number is not None]
    return f"told: {', '.join(told)}" if told else None


def _stages(work: Tidying, started_at: str, *, allow_secret_like: bool) -> tuple[ImportedStage, ...]:
    told: Any = work.raw.get("stages_json", work.raw.get("stages"))
    if isinstance(told, str):
        try:
            told = json.loads(told)
        except (ValueError, RecursionError):
            told = None
        if told is None:
            work.change("stages_json is no JSON and was left out")
    if told is None:
        return ()
    if not isinstance(told, list):
        work.change("stages_json is no list of stages and was left out")
        return ()
    if len(told) > _MOST_STAGES:
        work.change(f"of {len(told)} stages {_MOST_STAGES} were taken")
    found: list[ImportedStage] = []
    for number, raw in enumerate(told[:_MOST_STAGES], 1):
        if not isinstance(raw, dict):
            work.change(f"stage {number} is no object and was left out")
            continue
        part = Tidying(raw, f"{work.id} stage {number}", work.where)
        name = part.text("stage", allow_secret_like=allow_secret_like)
        at = part.time("timestamp") or (found[-1].at if found else started_at)
        notes = part.text("notes", allow_secret_like=allow_secret_like)
        delta = part.count("tokens_delta")
        grown = part.count("tokens_cumulative")
        counted = _counted(delta, grown)
        both = "; ".join(text for text in (notes, counted) if text) or None
        if name is None:
            part.change("a stage has no name and was left out")
        else:
            found.append(ImportedStage(name, at, both if both is None else both[:2000]))
        work.changes += part.changes
    return tuple(found)
