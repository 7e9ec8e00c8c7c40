"""The present state for reading commands: nothing is written, logs are not read; the history is taken as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from tallybook.domain.metrics import Accounts, accounts
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.resolve import goals_here, workflow_state
from tallybook.domain.tokens import TokenVector, total_of
from tallybook.domain.workflow import Command, verdict
from tallybook.history import queries
from tallybook.history.store import NAME, StoreUnavailable, open_store
from tallybook.ledger.file import OS_FILES
from tallybook.ledger.reading import read
from tallybook.reports.model import ReportData, WorkflowView
from tallybook.usecases.workspace import Replayed, Workspace, circumstances_of

if TYPE_CHECKING:
    from tallybook.domain.goal import Goal
    from tallybook.domain.tokens import TokenVector


@attrs.frozen
class View:
    """What `show` and `report` show."""

    data: ReportData
    workflow: WorkflowView


def look(workspace: Workspace) -> View:
    """Read the ledger, and of the history what lies outside of all goals."""
    found = workspace.replay()
    shared = accounts(found.state)
    unattributed, problems = _unattributed(workspace, shared)
    data = ReportData(found.state, shared, unattributed, (*workspace.problems, *found.problems, *problems))
    return View(data, _workflow(workspace, found))


def pick(view: View, goal: str) -> Goal | Refusal:
    """One goal by its id."""
    found = view.data.state.goals.get(goal)
    if found is None:
        return unknown_goal(goal)
    return found


def unknown_goal(goal: str) -> Refusal:
    """The refusal of an id that no event has."""
    return Refusal("goal-unknown", f"there is no goal {goal} in this ledger", "tally show lists the goals")


def _workflow(workspace: Workspace, found: Replayed) -> WorkflowView:
    state = found.state
    circumstances = circumstances_of(workspace, state)
    here = goals_here(state, circumstances)
    place = workflow_state(state, circumstances)
    cell = verdict(place, Command.SHOW, goal_is_open=bool(here))
    return WorkflowView(
        state=place,
        worktree=circumstances.worktree,
        open=tuple(goal.id for goal in here),
        say=cell.say,
        hint=cell.hint,
        unpublished=_unpublished(workspace, found),
    )


def _unpublished(workspace: Workspace, found: Replayed) -> int:
    """How many events stand in no published copy."""
    published = workspace.ledger.place.published
    carried = () if published is None else read(OS_FILES, (published,)).events
    return len({event.id for event in found.reading.events} - {event.id for event in carried})


def _unattributed(workspace: Workspace, shared: Accounts) -> tuple[TokenVector | None, tuple[Problem, ...]]:
    """What the history holds beyond the sessions' counters; None without capture or before anything was read."""
    if not workspace.settings.capture or not (workspace.data / NAME).exists():
        return None, ()
    try:
        with open_store(workspace.data) as store:
            total = queries.history_total(store).tokens
            strange = queries.unknown_sessions(store, shared.shares)
            counted = shared.counter.growth_since(total_of(shared.shares[key].counter for key in strange))
            return total.growth_since(counted), tuple(store.problems)
    except StoreUnavailable as error:
        return None, (Problem("history-unusable", error.message, hint=error.hint),)
