"""What became of goals, as rows and as JSON, and what an accepted one takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.outcomes import Landing
from tallybook.reports.costs import cost_json
from tallybook.reports.words import NOTHING, counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallybook.domain.goal import Goal
    from tallybook.domain.money import Cost
    from tallybook.domain.outcomes import PerAccepted, Work
    from tallybook.reports.vectors import Json

HEAD = ("outcome", "goal", "status", "commits", "tokens", "USD", "title")
NUMBERS = frozenset({"commits", "tokens", "USD"})


def outcome_json(goal: Goal, landing: Landing, work: Work, spent: tuple[int | None, Cost | None]) -> dict[str, Json]:
    """One goal, what it used, and its commits, the newest first."""
    commits: list[Json] = [
        {"id": commit, "on_main": commit in work.landed, "reverted": commit in work.landed and commit not in work.alive}
        for commit in work.commits
    ]
    return {
        "id": goal.id,
        "title": goal.title,
        "kind": goal.kind,
        "status": str(goal.status),
        "outcome": str(landing),
        "tokens": spent[0],
        "cost": cost_json(spent[1]),
        "commits": commits,
    }


def per_accepted_json(it: PerAccepted) -> dict[str, Json]:
    """What an accepted goal takes."""
    return {
        "accepted": it.accepted,
        "known": it.known,
        "spent": it.spent,
        "per_accepted": it.mean,
        "median": it.median,
        "p90": it.p90,
    }


def row(goal: Goal, landing: Landing, work: Work, spent: tuple[int | None, Cost | None]) -> Sequence[str]:
    """The cells of one goal."""
    tokens, cost = spent
    return (
        str(landing),
        goal.id,
        str(goal.status),
        f"{len(work.commits):,}",
        NOTHING if tokens is None else f"{tokens:,}",
        NOTHING if cost is None or cost.usd is None else cost.usd,
        goal.title,
    )


def counts_line(counts: Mapping[Landing, int], main: str) -> str:
    """How many goals came to what."""
    goals = sum(counts.values())
    return f"{counted(goals, 'goal')} beside {main}: " + ", ".join(f"{counts[one]:,} {one}" for one in Landing)


def per_accepted_line(what: str, it: PerAccepted) -> str:
    """Such as ``tokens: 120 for all, 60 for each of 2 accepted; median 50, p90 70 (n 2)``."""
    if it.spent is None:
        return f"{what}: nothing is known"
    mean = f"{it.mean:,} for each of {it.accepted:,} accepted" if it.mean is not None else "no goal is accepted"
    own = "" if it.median is None else f"; median {it.median:,}, p90 {it.p90:,} (n {it.known:,})"
    return f"{what}: {it.spent:,} for all, {mean}{own}"
