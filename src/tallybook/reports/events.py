"""One event of the ledger, as a row and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.events import (
    BudgetSet,
    GoalContinued,
    GoalCorrected,
    GoalFinished,
    GoalLinked,
    GoalsMerged,
    GoalStarted,
    GoalUpdated,
    StageMarked,
    UsageBackfilled,
    UsageManual,
    UsageSnapshot,
)
from tallybook.domain.money import dollars
from tallybook.domain.tokens import total_of
from tallybook.reports.words import counted

if TYPE_CHECKING:
    from tallybook.domain.events import Event
    from tallybook.reports.vectors import Json


def event_json(event: Event) -> dict[str, Json]:
    """The event's place in the ledger and what it says in short."""
    return {
        "id": event.id,
        "writer": event.writer,
        "seq": event.seq,
        "at": event.at,
        "type": event.type,
        "goal": event.goal,
        "summary": summary(event),
    }


def event_cells(event: Event) -> tuple[str, str, str, str]:
    """Time, goal, type, and what it says in short."""
    return (event.at, event.goal, event.type, summary(event))


def summary(event: Event) -> str:
    """What the event says, in a few words."""
    match event.body:
        case GoalStarted(title=text) | StageMarked(stage=text):
            words = text
        case GoalContinued(failure_reason=reason):
            words = f"next attempt; the one before: {reason or 'reason not given'}"
        case GoalFinished(status=status, failure_reason=reason) | GoalCorrected(status=status, failure_reason=reason):
            words = status if reason is None else f"{status}: {reason}"
        case GoalsMerged(dropped=dropped):
            words = f"took in {dropped}"
        case UsageSnapshot() | UsageBackfilled() as found:
            words = _snapshot(found) if isinstance(found, UsageSnapshot) else _backfilled(found)
        case UsageManual(tokens=tokens):
            words = f"by hand: {tokens.total:,} tokens"
        case GoalUpdated() as update:
            words = ", ".join(name for name in GoalUpdated.__struct_fields__ if getattr(update, name) not in {None, ()})
        case GoalLinked(kind=kind, target=target):
            words = f"{kind} {target}"
        case BudgetSet() as budget:
            words = _budget(budget)
        case _:
            words = ""
    return words


def _budget(budget: BudgetSet) -> str:
    tokens = None if budget.tokens is None else f"{budget.tokens:,} tokens"
    money = None if budget.nano_usd is None else f"{dollars(budget.nano_usd)} USD"
    amount = ", ".join(part for part in (tokens, money) if part is not None) or "none"
    return amount if budget.stage is None else f"{budget.stage}: {amount}"


def _backfilled(found: UsageBackfilled) -> str:
    if not found.sessions:
        return "taken back"
    evidence = ", ".join(sorted({session.evidence for session in found.sessions}))
    return f"{counted(len(found.sessions), 'session')} by {evidence}, {found.since} to {found.until}"


def _snapshot(snapshot: UsageSnapshot) -> str:
    total = total_of(usage.tokens for usage in snapshot.sessions).total
    waits = ", pending" if any(usage.pending for usage in snapshot.sessions) else ""
    return f"{snapshot.reason}: {counted(len(snapshot.sessions), 'session')}, {total:,} tokens{waits}"
