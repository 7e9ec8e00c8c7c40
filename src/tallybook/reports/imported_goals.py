"""What became of another system's ledger, as JSON and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.reports.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.domain.imports import ImportPlan, Note
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
    """The note with its place."""
    place = ":".join(str(part) for part in (it.where.file, it.where.line) if part is not None)
    return f"{place}: {it.id}{': ' if it.id else ''}{it.text}"


def plan_line(it: ImportPlan, *, dry_run: bool) -> str:
    """How many goals."""
    would = "would be " if dry_run else ""
    new, grown = counted(len(it.new), "goal"), f"{len(it.grown)} {would}brought up to date"
    return f"{new} {would}new, {grown}, {it.known} known already"
