"""The receipt of a change as one block of Markdown, the same whenever it is made; and as JSON.

Titles, models and names of branches are other people's words: nothing of them is taken for Markdown or HTML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.domain.money import dollars as allowed
from tallybook.domain.quality import join
from tallybook.domain.tokens import total_of
from tallybook.reports.costs import cost_json, dollars, priced_dollars, unpriced_lines
from tallybook.reports.escape import markdown
from tallybook.reports.markdown_table import TOKEN_HEAD, table, tokens_of
from tallybook.reports.vectors import Json, measured, vector
from tallybook.reports.words import NOTHING, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.domain.budgets import BudgetUse
    from tallybook.domain.tokens import TokenVector
    from tallybook.reports.receipt_model import GoalReceipt, Receipt

MARK: Final = "<!-- tallybook receipt -->"
"""The first line: by it a job finds the comment that it made before."""
_GOALS: Final = ("goal", "status", "attempts", *TOKEN_HEAD, "USD", "quality")
_STAGES: Final = ("goal", "stage", "tokens", "USD", "quality")
LONGEST: Final = 60_000
"""Characters of a receipt; a comment on GitHub has at most 65,536."""
_FEWER: Final = (100, 30, 10, 3, 0)
"""So many goals have rows of their own where all of them make it too long."""
_LONGEST_TITLE: Final = 200
_MOST_NAMED: Final = 10
_LONGEST_NAME: Final = 40
"""Characters of what a commit calls its goal, which can be anything."""


def block(it: Receipt) -> str:
    """The whole receipt, with as many of its goals in single rows as a forge takes in one comment."""
    text = ""
    for most in (len(it.goals), *_FEWER):
        text = "\n".join((MARK, *_lines(it, most))) + "\n"
        if len(text) <= LONGEST:
            break
    return text


def _lines(it: Receipt, most: int) -> Iterator[str]:
    yield f"### What {markdown(_cut(it.change))} cost\n"
    yield from table(_GOALS, _goal_rows(it, most), "No goal of the ledger is named by it.")
    rows = list(_stage_rows(it.goals[:most]))
    if rows:
        yield from table(_STAGES, rows, "")
    yield from (f"- {text}" for text in _facts(it, most))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"


def _goal_rows(it: Receipt, most: int) -> Iterator[Sequence[str]]:
    for one in it.goals[:most]:
        failed = one.failed_attempts
        attempts = f"{len(one.usage.attempts)}" + (f" ({failed} failed)" if failed else "")
        yield (
            f"{markdown(_cut(one.goal.title))} ({one.goal.id})",
            str(one.goal.status),
            attempts,
            *tokens_of(one.usage.measure.tokens),
            dollars(one.costs.total),
            str(one.usage.measure.quality),
        )
    if len(it.goals) > most:
        yield (f"and {len(it.goals) - most} more", *[""] * (len(_GOALS) - 1))
    if len(it.goals) > 1:
        attempts = str(sum(len(one.usage.attempts) for one in it.goals))
        quality = join(one.usage.measure.quality for one in it.goals)
        yield ("**all**", "", attempts, *tokens_of(_tokens(it)), dollars(it.cost), str(quality))


def _stage_rows(goals: Sequence[GoalReceipt]) -> Iterator[Sequence[str]]:
    for one in goals:
        named = any(stage.name is not None for stage in one.usage.stages)
        for stage, cost in zip(one.usage.stages, one.costs.stages, strict=True) if named else ():
            tokens = stage.measure.tokens
            yield (
                one.goal.id,
                markdown("(after the last)" if stage.name is None else _cut(stage.name)),
                NOTHING if tokens is None else f"{tokens.total:,}",
                dollars(cost),
                str(stage.measure.quality),
            )


def _facts(it: Receipt, most: int) -> Iterator[str]:
    prices = "" if it.book is None else f"; prices of {it.book}"
    yield f"cost: {markdown(priced_dollars(it.cost))}{prices}"
    if it.cost is not None:
        yield from map(markdown, unpriced_lines(it.cost))
    sessions = {share.key for one in it.goals for share in one.usage.sessions}
    agents = sorted({key.agent for key in sessions})
    yield f"sessions: {len(sessions)}" + (f" ({', '.join(agents)})" if agents else "")
    yield f"{counted(it.commits, 'commit')}, {len(it.nameless)} of them without a goal"
    yield from _named("without a goal", [commit[:12] for commit in it.nameless])
    yield from _named("goals that the ledger does not have", [markdown(name[:_LONGEST_NAME]) for name in it.unknown])
    yield from _named("over their budget", it.exceeded if len(it.goals) > most else ())
    for one in it.goals[:most]:
        yield from (f"budget of {one.goal.id}: {text}" for text in map(_budget, one.budgets))


def _named(what: str, names: Sequence[str]) -> Iterator[str]:
    """Some of them, if there are any."""
    if names:
        more = len(names) - _MOST_NAMED
        yield f"{what}: {', '.join(names[:_MOST_NAMED])}" + (f", and {more} more" if more > 0 else "")


def _budget(it: BudgetUse) -> str:
    parts = []
    if it.tokens is not None:
        used = NOTHING if it.used_tokens is None else f"{it.used_tokens:,}"
        parts.append(f"{used} of {it.tokens:,} tokens")
    if it.nano_usd is not None:
        least = "at least " if it.is_least else ""
        parts.append(f"{least}{dollars(it.cost)} of {allowed(it.nano_usd)} USD")
    stage = "" if it.stage is None else f"stage {markdown(it.stage)}: "
    return f"{stage}{', '.join(parts)}{' — **exceeded**' if it.exceeded else ''}"


def _tokens(it: Receipt) -> TokenVector | None:
    known = [one.usage.measure.tokens for one in it.goals if one.usage.measure.tokens is not None]
    return total_of(known) if known else None


def receipt_json(it: Receipt) -> dict[str, Json]:
    """The same in numbers."""
    nameless: list[Json] = [*it.nameless]
    exceeded: list[Json] = [*it.exceeded]
    unknown: list[Json] = [*it.unknown]
    return {
        "change": it.change,
        "commits": it.commits,
        "nameless": nameless,
        "unknown": unknown,
        "goals": [_goal_json(one) for one in it.goals],
        "tokens": vector(_tokens(it)),
        "cost": cost_json(it.cost),
        "exceeded": exceeded,
        "book": it.book,
        "markdown": block(it),
    }


def _goal_json(one: GoalReceipt) -> Json:
    sessions: list[Json] = [{"agent": share.key.agent, "id": share.key.session} for share in one.usage.sessions]
    stages: list[Json] = [
        {"name": stage.name, "cost": cost_json(cost), **measured(stage.measure)}
        for stage, cost in zip(one.usage.stages, one.costs.stages, strict=True)
    ]
    return {
        "id": one.goal.id,
        "title": one.goal.title,
        "status": str(one.goal.status),
        "attempts": len(one.usage.attempts),
        "failed_attempts": one.failed_attempts,
        "sessions": sessions,
        "stages": stages,
        "cost": cost_json(one.costs.total),
        **measured(one.usage.measure),
    }
