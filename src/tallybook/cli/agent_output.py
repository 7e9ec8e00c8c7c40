"""How the parts of an agent's installation are told, by the commands that put, take and look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.cli.render import document, fail_with, line, say, warn
from tallybook.domain.problems import Problem, Refusal
from tallybook.reports import contract

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.reports.vectors import Json
    from tallybook.usecases.agent_setup.setup import PartChange


class Telling(msgspec.Struct, frozen=True):
    """How it is told."""

    json: bool
    problems: tuple[Problem, ...]
    dry_run: bool = False
    note: str | None = None
    """What is left to the user to do."""


def show(changes: Sequence[PartChange] | Refusal, how: Telling) -> None:
    """One row for each part."""
    if isinstance(changes, Refusal):
        fail_with(changes, json=how.json)
    if how.json:
        rows: list[Json] = [
            {"agent": row.agent, "scope": row.scope, "part": row.part, "action": row.action, "path": str(row.path)}
            for row in changes
        ]
        problems = contract.problems(how.problems)
        document("agent", {"parts": rows, "dry_run": how.dry_run, "note": how.note, "problems": problems})
    else:
        for row in changes:
            would = "would be " if how.dry_run and row.action in {"created", "changed", "removed"} else ""
            line(f"{row.agent:<8}{row.scope:<9}{row.part:<14}{would + row.action:<18}{row.path}")
    if how.note:
        say(how.note)
    warn(how.problems)
