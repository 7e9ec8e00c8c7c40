"""The fold: events in their total order become the present state.

The result depends on the set of events alone. A fault in the data becomes a Problem; nothing here raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tallybook.domain import replay_backfill, replay_goals, replay_usage
from tallybook.domain.events import (
    BudgetSet,
    Event,
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
from tallybook.domain.state import LedgerState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def order(events: Iterable[Event]) -> list[Event]:
    """The union of events by id, in their total order."""
    unique: dict[str, Event] = {}
    for event in events:
        same = unique.setdefault(event.id, event)
        if same is not event and same != event:
            unique[event.id] = min(same, event, key=lambda either: (either.order, repr(either)))
    return sorted(unique.values(), key=lambda event: (event.order, event.id))


def fold(events: Iterable[Event]) -> LedgerState:
    """The state after all ``events``, in whatever order they come."""
    state = LedgerState()
    for event in order(events):
        apply(state, event)
    return state


def apply(state: LedgerState, event: Event) -> None:
    """Bring ``state`` forward by one event, which must come after all that were applied."""
    state.events += 1
    handler = _HANDLERS.get(type(event.body))
    if handler is None:
        state.unknown_types[event.type] = state.unknown_types.get(event.type, 0) + 1
    else:
        handler(state, event, event.body)


_HANDLERS: dict[type, Callable[[LedgerState, Event, Any], None]] = {
    GoalStarted: replay_goals.started,
    GoalContinued: replay_goals.continued,
    GoalFinished: replay_goals.finished,
    GoalCorrected: replay_goals.corrected,
    GoalUpdated: replay_goals.updated,
    GoalsMerged: replay_goals.merged,
    StageMarked: replay_goals.marked,
    UsageSnapshot: replay_usage.snapshot,
    UsageBackfilled: replay_backfill.backfilled,
    UsageManual: replay_goals.told,
    GoalLinked: replay_goals.linked,
    BudgetSet: replay_goals.budgeted,
}
