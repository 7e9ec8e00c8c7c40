"""The present state for reading commands: nothing is written, logs are not read; the history is taken as it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.imports import SYSTEMS
from tallybook.domain.metrics import Accounts, accounts
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.resolve import goals_here, workflow_state
from tallybook.domain.tokens import TokenVector, total_of
from tallybook.domain.workflow import Command, verdict
from tallybook.reports.model import ReportData, WorkflowView
from tallybook.usecases.price_book import PriceBook
from tallybook.usecases.workspace import Workspace, circumstances_of, problems_of

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.domain.goal import Goal
    from tallybook.domain.usage import SessionKey
    from tallybook.ledger.replica import Replica


class View(msgspec.Struct, frozen=True):
    """What `show` and `report` show."""

    data: ReportData
    workflow: Callable[[], WorkflowView]
    """Asks git how the worktree is."""
    keep: Callable[[], None]
    """Keeps the numbers that were asked for, so that the next command needs not work them out."""


def look(workspace: Workspace, *, priced: bool = True) -> View:
    """Read the ledger, and of the history what lies outside of all goals.

    Where it is not ``priced``, the book of prices stays closed until a price is asked for.
    """
    found = workspace.replica()
    shared = accounts(found.state)
    unattributed, problems = _unattributed(workspace, shared)
    found_here = (*workspace.problems, *problems_of(found, found.state), *problems)
    book = PriceBook(workspace)
    version = book.version if priced else None
    told = (*found_here, *book.problems())
    data = ReportData(found.state, shared, unattributed, told, book.of_class, version)

    def keep() -> None:
        found.save()
        book.keep()

    return View(data, partial(_workflow, workspace, found), keep)


def pick(view: View, goal: str) -> Goal | Refusal:
    """One goal by its id, or by the one that it had in another system."""
    goals = view.data.state.goals
    found = goals.get(goal)
    if found is not None:
        return found
    former = [one for one in goals.values() if {f"{system}:{goal}" for system in SYSTEMS}.intersection(one.refs)]
    return former[0] if len(former) == 1 else unknown_goal(goal)


def unknown_goal(goal: str) -> Refusal:
    """The refusal of an id that no event has."""
    return Refusal("goal-unknown", f"there is no goal {goal} in this ledger", "tally show lists the goals")


def _workflow(workspace: Workspace, found: Replica) -> WorkflowView:
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
        unpublished=found.unpublished,
    )


def _unattributed(workspace: Workspace, shared: Accounts) -> tuple[TokenVector | None, tuple[Problem, ...]]:
    """What the history holds beyond the sessions' counters; None without capture or before anything was read."""
    from tallybook.history.store import NAME, StoreUnavailable  # noqa: PLC0415 - not all commands look

    if not workspace.settings.capture or not _may_be_there(workspace.data / NAME):
        return None, ()
    from tallybook.history import queries  # noqa: PLC0415 - there may be no history
    from tallybook.history.as_it_is import read_store  # noqa: PLC0415

    try:
        with read_store(workspace.data) as store:
            total = queries.history_total(store).tokens
            counted = _counted(shared, set(queries.unknown_sessions(store, shared.shares)))
            return total.growth_since(counted), tuple(store.problems)
    except StoreUnavailable as error:
        return None, (Problem("history-unusable", error.message, hint=error.hint),)


def _may_be_there(path: Path) -> bool:
    """Whether there is such a file; in a directory that can't be looked into, whoever opens it is told why."""
    try:
        return path.exists()
    except OSError:
        return True


def _counted(shared: Accounts, strange: set[SessionKey]) -> TokenVector:
    """What all sessions but the strange ones have counted, added up from the smaller part of them."""
    shares = shared.shares
    few = [key for key in shares if key not in strange]
    if len(few) <= len(strange):
        return total_of(shares[key].counter for key in few)
    return shared.counter.growth_since(total_of(shares[key].counter for key in strange))
