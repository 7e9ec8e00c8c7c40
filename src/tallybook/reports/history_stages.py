"""What stages of the history have done, as JSON and as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.reports.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.history.ingest import IngestReport
    from tallybook.history.stages import Outcome
    from tallybook.reports.vectors import Json

_WHAT: Final = {"activity": "log", "classify": "session", "threads": "session", "attempts": "session"}
"""What a stage works on; the rest is directories."""


def stages_json(report: IngestReport | None, outcomes: Sequence[Outcome]) -> dict[str, Json]:
    """``ingest`` is null where no logs were to be read."""
    ingested: Json = None
    if report is not None:
        ingested = {
            "logs": report.files_seen,
            "read": report.files_read,
            "bytes": report.bytes_read,
            "bad_lines": report.bad_lines,
            "unknown_records": report.unknown_records,
        }
    stages: list[Json] = [
        {"name": one.name, "version": one.version, "ran": one.ran, "changed": one.rows} for one in outcomes
    ]
    return {"ingest": ingested, "stages": stages}


def stages_lines(report: IngestReport | None, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One line for each."""
    if report is not None:
        read = f"{report.files_read:,} of {counted(report.files_seen, 'log')} read, {report.bytes_read:,} bytes"
        bad = f", {counted(report.bad_lines, 'bad line')}" if report.bad_lines else ""
        unknown = f", {counted(report.unknown_records, 'unknown record')}" if report.unknown_records else ""
        yield f"ingest    {read}{bad}{unknown}"
    for one in outcomes:
        what = f"{_what(one)} changed" if one.ran else "nothing new"
        yield f"{one.name:<10}{what}"


def _what(one: Outcome) -> str:
    name = _WHAT.get(one.name)
    if name is None:
        return f"{one.rows:,} {'directory' if one.rows == 1 else 'directories'}"
    return counted(one.rows, name)
