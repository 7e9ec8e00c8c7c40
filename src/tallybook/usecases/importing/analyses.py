"""Logs of analyses, in YAML or JSON: each becomes a check of its source, with its stages."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from tallybook.domain.imports import ImportedAttempt, ImportedGoal, ImportedStage, Note
from tallybook.domain.problems import Where
from tallybook.usecases.importing.event_log import Log
from tallybook.usecases.importing.tidying import RefusedRecordError, Tidying, Told, first, known_status, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.usecases.importing.tidying import Raw

SYSTEM: Final = "analyses"
_ID: Final = re.compile(r"ANALYSIS-([0-9]{2})([0-9]{2})-[0-9]{1,9}")
_GIVEN_ID: Final = re.compile(rb"""\b(?:analysis_)?id["']?[ \t]*:[ \t]*["']?([^\s"',}]+)""")
_LISTS: Final = ("analyses", "analysis_logs", "items", "records", "logs")
_STATUS: Final = {
    **dict.fromkeys(("completed", "complete", "success", "done"), "success"),
    **dict.fromkeys(("failed", "fail", "error", "cancelled", "canceled"), "fail"),
    **dict.fromkeys(("started", "in_progress", "running", "pending"), None),
}
_MOST_STAGES: Final = 10_000


class NoAnalysesError(Exception):
    """The bytes are neither JSON nor YAML; the message says what is wrong, and where."""


def read_analyses(data: bytes, file: str, *, allow_secret_like: bool = False) -> Log:
    """Read a log of analyses.

    Raises:
        NoAnalysesError: the file can't be parsed at all.
    """
    records: dict[str, ImportedGoal] = {}
    changes: list[Note] = []
    refused: list[Note] = []
    lines = _lines(data)
    for raw in _records(_documents(data)):
        identity = raw.get("id", raw.get("analysis_id"))
        where = Where(file, lines.get(str(identity)))
        if not isinstance(identity, str) or not _ID.fullmatch(identity):
            refused.append(Note("", f"the analysis {str(identity)[:40]!a} has no id that is one", where))
            continue
        work = Tidying(raw, identity, where)
        try:
            records[identity] = _record(work, allow_secret_like=allow_secret_like)
            changes += work.changes
        except RefusedRecordError as error:
            refused.append(Note(identity, str(error), where))
    return Log(tuple(records.values()), tuple(changes), tuple(refused))


def _lines(data: bytes) -> dict[str, int]:
    """The line on which each id is given first."""
    found: dict[str, int] = {}
    line, end = 1, 0
    for match in _GIVEN_ID.finditer(data):
        line += data.count(b"\n", end, match.start())
        end = match.start()
        found.setdefault(match[1].decode("utf-8", "replace"), line)
    return found


def _documents(data: bytes) -> list[object]:
    try:
        return [json.loads(data)]
    except RecursionError as error:
        message = "it is nested too deep"
        raise NoAnalysesError(message) from error
    except ValueError:
        pass
    from ruamel.yaml import YAML  # noqa: PLC0415 - for these logs alone
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    if b"&" in data and re.search(rb"(?m)(?:^|[\s\[{,:-])\*[\w-]+\s*(?:$|[,\]}#])", data):
        message = "it has aliases, which these logs do not; they could stand for any amount of data"
        raise NoAnalysesError(message)
    try:
        return list(YAML(typ="safe", pure=True).load_all(data.decode("utf-8")))
    except UnicodeDecodeError as error:
        message = f"it is not UTF-8 (byte {error.start})"
        raise NoAnalysesError(message) from error
    except (YAMLError, ValueError, RecursionError, TypeError, KeyError) as error:
        message = " ".join(str(error).split())[:300] or type(error).__name__
        raise NoAnalysesError(message) from error


def _records(documents: list[object]) -> Iterator[Raw]:
    for document in documents:
        if isinstance(document, list):
            yield from _records(document)
        elif isinstance(document, dict):
            inner = next((document[name] for name in _LISTS if isinstance(document.get(name), list)), None)
            single = document.get("analysis")
            if inner is not None:
                yield from _records(inner)
            elif isinstance(single, dict):
                yield single
            else:
                yield {str(name): value for name, value in document.items()}


def _record(work: Tidying, *, allow_secret_like: bool) -> ImportedGoal:
    date = _ID.fullmatch(work.id)
    assert date is not None  # noqa: S101 - it was taken by it
    source = work.text("source_id")
    if source is None:
        message = "it names no source_id"
        raise RefusedRecordError(message)
    ended = known_status(work.raw.get("status"), _STATUS)
    started_at = work.time("started_at")
    if started_at is None:
        started_at = f"{date[1]}{date[2]}-01-01T00:00:00.000000Z"
        work.change("it has no start; the year of its id stands for it")
    passed = work.count("pass")
    told = Told(work.count("tokens_in"), None, work.count("tokens_out"), _total(work))
    vector, unreported = tokens(work, told)
    agent, session = work.text("usage_provider"), work.text("usage_session_id")
    return ImportedGoal(
        system=SYSTEM,
        id=work.id,
        date=f"{date[2]}0101",
        title=f"Check of {source}"[:2000],
        kind="check",
        started_at=started_at,
        outcome=None if ended is None else work.outcome(ended, "check", started_at),
        notes=work.text("notes", allow_secret_like=allow_secret_like),
        agent=first((work.text("tool"), agent)),
        model=work.text("model"),
        refs=() if session is None else (f"session:{agent or 'unknown'}:{session}",),
        inputs=tuple(one for one in work.names("inputs_analysis_ids") if one != work.id),
        input_sources=work.names("inputs_source_ids"),
        source_id=source,
        pass_number=passed or None,
        attempts=(ImportedAttempt(started_at),),
        stages=_stages(work, started_at, allow_secret_like=allow_secret_like),
        tokens=vector,
        unreported=unreported,
        claims_extracted=work.count("claims_extracted"),
        claims_updated=work.count("claims_updated"),
        where=work.where,
    )


def _total(work: Tidying) -> int | None:
    """The total, or how much a counter grew from the baseline to the end."""
    total, check = work.count("tokens_total"), work.count("tokens_check")
    before, after = work.count("tokens_baseline"), work.count("tokens_final")
    grown = None if before is None or after is None or after < before else after - before
    return next((number for number in (total, check, grown) if number is not None), None)


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
    if not isinstance(told, list) or len(told) > _MOST_STAGES:
        work.change("stages_json is no list of stages and was left out")
        return ()
    found: list[ImportedStage] = []
    for number, raw in enumerate(told, 1):
        if not isinstance(raw, dict):
            work.change(f"stage {number} is no object and was left out")
            continue
        part = Tidying(raw, f"{work.id} stage {number}", work.where)
        name = part.text("stage", allow_secret_like=allow_secret_like)
        at = part.time("timestamp") or (found[-1].at if found else started_at)
        notes = part.text("notes", allow_secret_like=allow_secret_like)
        delta = part.count("tokens_delta")
        counted = None if delta is None else f"{delta} tokens were told of it"
        both = "; ".join(text for text in (notes, counted) if text) or None
        if name is None:
            part.change("a stage has no name and was left out")
        else:
            found.append(ImportedStage(name, at, both if both is None else both[:2000]))
        work.changes += part.changes
    return tuple(found)
