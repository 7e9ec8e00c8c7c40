"""How the parts of an agent's installation are told, by the commands that put, take and look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.cli.render import document, fail_with, line, say
from tallybook.domain.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.reports.vectors import Json
    from tallybook.usecases.agent_setup.setup import PartChange


def show(changes: Sequence[PartChange] | Refusal, *, dry_run: bool = False, json: bool, note: str = "") -> None:
    """One row for each part; ``note`` is what the user must still know."""
    if isinstance(changes, Refusal):
        fail_with(changes, json=json)
    if json:
        rows: list[Json] = [
            {"agent": row.agent, "scope": row.scope, "part": row.part, "action": row.action, "path": str(row.path)}
            for row in changes
        ]
        document("agent", {"parts": rows, "dry_run": dry_run, "note": note or None})
    else:
        for row in changes:
            would = "would be " if dry_run and row.action in {"created", "changed", "removed"} else ""
            line(f"{row.agent:<8}{row.scope:<9}{row.part:<14}{would + row.action:<18}{row.path}")
    if note:
        say(note)
