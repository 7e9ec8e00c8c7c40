"""What the doctor found, as groups of lines or as one object."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from tallybook.cli.render import document, line
from tallybook.domain.problems import Problem
from tallybook.reports import contract
from tallybook.reports.words import counted
from tallybook.usecases.doctor.finding import Status

if TYPE_CHECKING:
    from tallybook.reports.vectors import Json
    from tallybook.usecases.doctor.examination import Entry, Examination
    from tallybook.usecases.doctor.finding import Finding


def show_examination(found: Examination, *, json: bool) -> int:
    """Tell of all checks and return the exit code: 1 where there is a problem."""
    problems, notes = found.of(Status.PROBLEM), found.of(Status.NOTE)
    if json:
        rows: list[Json] = [_row(entry) for entry in found.entries]
        named = (Problem(it.name, it.message, it.where, it.hint) for it in problems)
        counts: dict[str, Json] = {str(status): len(found.of(status)) for status in Status}
        document("doctor", {"checks": rows, "counts": counts, "problems": contract.problems(named)})
    else:
        for group, entries in groupby(found.entries, lambda entry: entry.group):
            line(group)
            for entry in entries:
                _show(entry.finding)
        verdict = counted(len(problems), "problem") if problems else "no problem"
        line(f"{verdict}, {counted(len(notes), 'note')}")
    return 1 if problems else 0


def _row(entry: Entry) -> Json:
    it = entry.finding
    return {
        "group": entry.group,
        "name": it.name,
        "status": str(it.status),
        "message": it.message,
        "where": {"file": it.where.file, "line": it.where.line, "byte": it.where.byte},
        "hint": it.hint,
    }


def _show(it: Finding) -> None:
    where = it.where
    place = ":".join(str(part) for part in (where.file, where.line) if part is not None)
    byte = "" if where.byte is None else f" (byte {where.byte})"
    line(f"  {it.status:<8} {it.name:<18} {it.message}")
    if place:
        line(f"{'':30}{place}{byte}")
    if it.hint and it.status is not Status.OK:
        line(f"{'':28}> {it.hint}")
