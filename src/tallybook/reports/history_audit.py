"""What an audit found, as lines and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.findings import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tallybook.domain.findings import Finding, Limits
    from tallybook.domain.goal import Goal
    from tallybook.reports.vectors import Json


def finding_json(finding: Finding, goals: Mapping[str, Goal]) -> dict[str, Json]:
    """One finding."""
    goal, key = finding.goal, finding.session
    related: list[Json] = [*finding.related]
    return {
        "code": str(finding.code),
        "severity": "note" if finding.note else "problem",
        "goal": None if goal is None else {"id": goal, "title": _title(goals, goal)},
        "session": None if key is None else {"agent": key.agent, "id": key.session},
        "related": related,
        "message": finding.message,
        "hint": finding.hint,
    }


def counts_json(findings: Sequence[Finding]) -> dict[str, Json]:
    """How many findings there are of each code, notes aside."""
    return {str(code): sum(it.code is code and not it.note for it in findings) for code in Code}


def limits_json(limits: Limits) -> dict[str, Json]:
    """The limits that were applied, by name."""
    return dict(msgspec.structs.asdict(limits))


def finding_lines(finding: Finding, goals: Mapping[str, Goal]) -> Iterator[str]:
    """One finding as text: what it is, of which goal, and what comes next."""
    who = "" if finding.goal is None else f"{finding.goal}  "
    title = "" if finding.goal is None else f"  ({_title(goals, finding.goal)})"
    note = "note: " if finding.note else ""
    yield f"{finding.code:<18}  {who}{note}{finding.message}{title}"
    yield f"{'':<18}  > {finding.hint}"


def _title(goals: Mapping[str, Goal], goal: str) -> str:
    found = goals.get(goal)
    return "" if found is None else found.title
