"""Looks for goals whose cost or usage is not whole; the ledger alone tells of those of other clones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.agents.registry import AGENTS, reader
from tallybook.domain.backfill import window_of
from tallybook.domain.cost_audit import cost_audit
from tallybook.domain.goal import Goal
from tallybook.domain.lost_ends import End
from tallybook.domain.metrics import members_of
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.shortfalls import CostAudit, Known
from tallybook.history.counters import counters_before
from tallybook.history.kin import read_kin
from tallybook.usecases.backfill import foreseen
from tallybook.usecases.capture import look_into
from tallybook.usecases.goal_cost import goal_cost
from tallybook.usecases.history_audit import facts_of
from tallybook.usecases.price_book import PriceBook
from tallybook.usecases.scoping import scope_of
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tallybook.domain.backfill import Verdict, Window
    from tallybook.domain.state import LedgerState
    from tallybook.domain.usage import SessionKey
    from tallybook.history.store import Store
    from tallybook.usecases.workspace import Workspace


class Request(msgspec.Struct, frozen=True):
    """Which goals to look at."""

    since: str | None = None
    """A date or time: goals that were open then or later."""
    until: str | None = None
    """Goals that began by the end of this date, or before this time."""
    kinds: tuple[str, ...] = ()
    update: bool = True
    """Whether the logs are read first."""


class Answer(msgspec.Struct, frozen=True):
    """What was found."""

    audit: CostAudit
    goals: Mapping[str, Goal]
    """All goals, by id."""
    book: str | None
    """Which prices were used."""
    problems: tuple[Problem, ...]

    @property
    def elsewhere(self) -> int:
        """How many of the goals that are not whole were worked on in other clones."""
        return sum(one.elsewhere for one in self.audit.shortfalls)


def audit_costs(workspace: Workspace, request: Request) -> Answer | Refusal:
    """Look through all goals that are asked for.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    scope = scope_of(request.since, request.until, request.kinds)
    if isinstance(scope, Refusal):
        return scope
    replica = workspace.replica()
    state, book = replica.state, PriceBook(workspace)

    def look(store: Store, problems: tuple[Problem, ...]) -> Answer:
        chosen = [goal for goal in state.goals.values() if scope.has(goal)]
        costs = {goal.id: goal_cost(state, book, goal.id) for goal in chosen}
        known = Known(
            facts=replace(facts_of(workspace, replica, store), costs=costs),
            agents={agent: reader(agent).unlogged for agent in AGENTS},
            captures=workspace.settings.capture,
            ends=_ends(store, state, _closed(state, chosen)),
        )

        def foresee(goals: Sequence[str]) -> Mapping[str, Verdict]:
            return foreseen(workspace, store, state, [goal for goal in goals if _may_be_found(state.goals[goal])])

        found = cost_audit(state, known, scope, foresee)
        replica.save()
        book.keep()
        told = (*workspace.problems, *book.problems(), *problems_of(replica, state), *problems, *store.problems)
        return Answer(found, state.goals, book.version, told)

    return look_into(workspace, look, update=request.update)


def _may_be_found(goal: Goal) -> bool:
    """Whether the history is asked for what a goal used; who asked for no session wants none."""
    return goal.outcome is not None and not goal.untracked


def _closed(state: LedgerState, chosen: Iterable[Goal]) -> Iterator[Goal]:
    """The goals that sessions worked on to an end, those among them that were merged into one."""
    members = (member for goal in chosen for member in members_of(state, goal.id))
    return (member for member in members if member.outcome is not None and state.joined.get(member.id))


def _ends(store: Store, state: LedgerState, goals: Iterable[Goal]) -> dict[str, tuple[End, ...]]:
    """What sessions of each goal, and child sessions of these, had used when it was closed."""
    kin = read_kin(store)
    windows = {goal.id: window for goal in goals if (window := window_of(goal)) is not None}
    trees = {
        goal: [*dict.fromkeys(key for joined in state.joined[goal] for key in kin.tree(joined))] for goal in windows
    }
    moments: dict[SessionKey, set[int]] = defaultdict(set)
    for goal, window in windows.items():
        for key in trees[goal]:
            moments[key] |= {window.until} if key in state.lines else {window.since, window.until}
    counters = counters_before(store, kin, moments)

    def end(key: SessionKey, window: Window) -> End:
        before = () if key in state.lines else counters[key, window.since].classes
        return End(key, before, counters[key, window.until].classes)

    return {
        goal: tuple(end(key, window) for key in trees[goal] if (key, window.until) in counters)
        for goal, window in windows.items()
    }
