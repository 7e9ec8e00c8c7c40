"""Looks through ledger, history and commits for goals that somebody should look at; writes nothing to any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.clock import unix_milliseconds
from tallybook.domain.audit import audit
from tallybook.domain.backfill import microseconds
from tallybook.domain.events import UsageSnapshot
from tallybook.domain.findings import Facts, Finding, Limits
from tallybook.domain.goal import Goal
from tallybook.domain.outcome_audit import is_claim
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.usage import SessionKey
from tallybook.domain.usage_audit import lacking
from tallybook.history.compare import last_activities
from tallybook.history.zones import LocalZone
from tallybook.repo.git import GitFault
from tallybook.repo.touched import files_by_task
from tallybook.usecases.backfill import foreseen
from tallybook.usecases.capture import look_into, settlements
from tallybook.usecases.goal_cost import goal_cost
from tallybook.usecases.price_book import PriceBook
from tallybook.usecases.usage import period
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from tallybook.domain.state import LedgerState
    from tallybook.history.store import Store
    from tallybook.ledger.replica import Replica
    from tallybook.usecases.workspace import Workspace

_SECOND: Final = 1_000_000
LIMITS: Final = Limits()


class Unavailable(msgspec.Struct, frozen=True):
    """Something that could not be looked at."""

    code: str
    reason: str


class Audit(msgspec.Struct, frozen=True):
    """What was found."""

    findings: tuple[Finding, ...]
    goals: Mapping[str, Goal]
    """All goals, by id."""
    unavailable: tuple[Unavailable, ...]
    problems: tuple[Problem, ...]

    @property
    def faults(self) -> int:
        """How many findings are more than notes."""
        return sum(not finding.note for finding in self.findings)


def audit_history(workspace: Workspace, since: str | None = None, *, update: bool = True) -> Audit | Refusal:
    """Look through everything, or through goals that were open at the date ``since`` or later.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    when = period(since, None, LocalZone())
    if isinstance(when, Refusal):
        return when
    replica = workspace.replica()
    state = replica.state

    def look(store: Store, problems: tuple[Problem, ...]) -> Audit:
        touched = _touched(workspace, state)
        files = {} if isinstance(touched, Unavailable) else touched
        found = audit(state, _facts(workspace, replica, store, files), when.since, LIMITS)
        replica.save()
        told = (*workspace.problems, *problems_of(replica, state), *problems, *store.problems)
        missing = (touched,) if isinstance(touched, Unavailable) else ()
        return Audit(found, state.goals, missing, told)

    return look_into(workspace, look, update=update)


def _facts(workspace: Workspace, replica: Replica, store: Store, files: Mapping[str, frozenset[str]]) -> Facts:
    facts = facts_of(workspace, replica, store)
    verdicts = foreseen(workspace, store, replica.state, [it.id for it in lacking(replica.state, facts.writers)])
    fillable = frozenset(goal for goal, verdict in verdicts.items() if verdict.reason is None)
    book, goals = PriceBook(workspace), replica.state.goals.values()
    costs = {goal.id: goal_cost(replica.state, book, goal.id) for goal in goals if goal.merged_into is None}
    book.keep()
    return replace(facts, fillable=fillable, files=files, costs=costs)


def facts_of(workspace: Workspace, replica: Replica, store: Store) -> Facts:
    """What is known besides the ledger, but for what a backfill would find, prices, and the files of commits."""
    return Facts(
        now=unix_milliseconds(workspace.clock.now()) * 1000,
        writers=frozenset(workspace.ledger.writers().ids),
        last_at=last_activities(store, _named(replica.state)),
        settleable=_settleable(store, replica.state),
        unpublished=replica.unpublished,
        publishes=workspace.ledger.place.published is not None,
    )


def _named(state: LedgerState) -> set[SessionKey]:
    """Sessions that the ledger has a name for."""
    named = (SessionKey(goal.session.agent, goal.session.id) for goal in state.goals.values() if goal.session)
    return {*state.lines, *named}


def _settleable(store: Store, state: LedgerState) -> frozenset[tuple[str, SessionKey]]:
    """The boundaries that `tally settle` would settle now."""
    found = settlements(store, state, {key for _, key in state.pending})
    bodies = (event.body for event in found if isinstance(event.body, UsageSnapshot))
    return frozenset((body.settles or "", usage.key) for body in bodies for usage in body.sessions)


def _touched(workspace: Workspace, state: LedgerState) -> Mapping[str, frozenset[str]] | Unavailable:
    """What the commits of each goal changed since the first goal began that can be judged."""
    begun = [microseconds(goal.started_at) or 0 for goal in state.goals.values() if is_claim(goal)]
    if not begun:
        return {}
    if workspace.repository is None:
        return Unavailable("changed-files", "this is no git repository, so goals are not judged by their files")
    found = files_by_task(workspace.repository, min(begun) // _SECOND, workspace.settings.ledger_publish)
    if isinstance(found, GitFault):
        return Unavailable("changed-files", f"goals are not judged by their files: {found.message}")
    return found
