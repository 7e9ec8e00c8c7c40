"""What became of another system's ledger, as JSON and in words."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from tallybook.reports.words import counted

MOST_ALIKE: Final = 20
"""So many notes of one kind people get."""
_VALUES: Final = re.compile(r"'[^']*'|[0-9][0-9,.T:Z-]*|ANALYSIS-\S+")

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.domain.import_plan import ImportPlan
    from tallybook.domain.imports import Note
    from tallybook.reports.vectors import Json


def plan_json(it: ImportPlan) -> dict[str, Json]:
    """Ids of goals by what became of them."""
    return {"new": [*it.new], "grown": [*it.grown], "known": it.known, "events": len(it.events)}


def notes_json(notes: Sequence[Note]) -> list[Json]:
    """Each with the record and the place that it is of."""
    return [
        {
            "id": one.id or None,
            "message": one.text,
            "where": {"file": one.where.file, "line": one.where.line, "byte": one.where.byte},
        }
        for one in notes
    ]


def note_line(it: Note) -> str:
    """The note with its place: file, line and the byte at which the record begins or is named."""
    place = ":".join(str(part) for part in (it.where.file, it.where.line, it.where.byte) if part is not None)
    return f"{place}: {it.id}{': ' if it.id else ''}{it.text}"


def note_lines(title: str, notes: Sequence[Note]) -> list[str]:
    """The notes for people: what is said of very many records is said of some, and counted."""
    said: Counter[str] = Counter()
    lines = []
    for one in notes:
        kind = _VALUES.sub("", one.text)
        said[kind] += 1
        if said[kind] <= MOST_ALIKE:
            lines.append(f"{title}  {note_line(one)}")
    more = sum(max(count - MOST_ALIKE, 0) for count in said.values())
    return [*lines, f"{title}  and {more:,} more like these; --json lists them all"] if more else lines


def plan_line(it: ImportPlan, *, dry_run: bool) -> str:
    """How many goals."""
    would = "would be " if dry_run else ""
    new, grown = counted(len(it.new), "goal"), f"{len(it.grown)} {would}brought up to date"
    return f"{new} {would}new, {grown}, {it.known} known already"
