"""A goal around one command: opened before it, closed by its exit status, with the sessions that worked below it.

Nothing of the command's words is kept. Whatever happens to the account, the command runs to its end undisturbed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.agents.identity import Flag
from tallybook.domain.commands import FinishTask, StartTask
from tallybook.domain.metrics import accounts
from tallybook.domain.problems import Refusal
from tallybook.domain.quality import Quality
from tallybook.domain.usage import SessionKey
from tallybook.history.store import StoreUnavailable
from tallybook.usecases.capture import with_history
from tallybook.usecases.child import Ended, Program, find_program, run_program, signal_name
from tallybook.usecases.joining import Born, Span, born_there, join, shown_by, without_children
from tallybook.usecases.price_book import PriceBook
from tallybook.usecases.tasks import TaskResult, perform
from tallybook.usecases.watching import Watch
from tallybook.usecases.workspace import Workspace, problems_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.offspring import AtWork
    from tallybook.domain.goal import Goal
    from tallybook.history.ingest import IngestReport
    from tallybook.history.store import Store

GOAL_VARIABLE: Final = "TALLYBOOK_GOAL"
"""Holds the goal's id for the command and all below it."""
_SILENT: Final = "{} was at work below the command, but no log of it was found; what it used is not counted"


class RunRequest(msgspec.Struct, frozen=True):
    """What to run, and the goal for it."""

    start: StartTask
    argv: tuple[str, ...]
    flag: Flag
    result_fit: str | None = None
    """Of a success."""
    stdout: int | None = None
    """The descriptor that takes the command's standard output; None leaves it as it is."""


class Begun(msgspec.Struct, frozen=True):
    """A goal that is open, and the command that is to run for it."""

    workspace: Workspace
    request: RunRequest
    program: Program
    opened: TaskResult

    @property
    def goal(self) -> Goal:
        """The goal as it was opened."""
        return self.opened.state.goals[self.request.start.goal]

    @property
    def span(self) -> Span:
        """The goal and its start."""
        return Span(self.request.start.goal, self.goal.started_at)

    @property
    def is_watched(self) -> bool:
        """Whether sessions are looked for at all."""
        return self.workspace.settings.capture and not self.request.start.untracked


class _Company(msgspec.Struct, frozen=True):
    """The sessions that a goal takes."""

    descendants: tuple[SessionKey, ...] = ()
    """At work in a process below the command."""
    born: tuple[SessionKey, ...] = ()
    """Began in the right place while the command ran: all that can be said where no process shows its session."""
    notices: tuple[str, ...] = ()
    is_whole: bool = True
    """Of every agent that was seen, a session was found."""

    def flag(self) -> Flag:
        """The first of them as the session of the command that closes the goal.

        None where some agent's is not known: what the goal shows is a lower bound then.
        """
        if not self.is_whole or (not self.descendants and not self.born):
            return Flag(guess=False)
        key = (*self.descendants, *self.born)[0]
        return Flag(key.agent, key.session, "descendant" if self.descendants else "born", guess=False)


def begin(workspace: Workspace, request: RunRequest) -> Begun | Refusal:
    """Find the command and open the goal; nothing is written where the command can't be run.

    Raises:
        LedgerError: the ledger can't be written; nothing was started.

    """
    if request.result_fit is not None and request.start.kind != "product":
        message = f"only product goals have a result fit, this one is of kind {request.start.kind}"
        return Refusal("outcome-invalid", message, "leave --result-fit out", usage=True)
    path = find_program(request.argv[0], workspace.environ)
    if isinstance(path, Refusal):
        return path
    flag = replace(request.flag, guess=False)
    opened = perform(workspace, request.start, flag)
    if isinstance(opened, Refusal):
        return opened
    environ = {**workspace.environ, GOAL_VARIABLE: request.start.goal}
    return Begun(workspace, request, Program(request.argv, path, environ, request.stdout), opened)


def carry_out(begun: Begun) -> tuple[Ended, tuple[AtWork, ...]]:
    """Run the command to its end; how it ended, and which agents were seen below it."""
    if not begun.is_watched:
        return run_program(begun.program, lambda _: None), ()
    mark = (GOAL_VARIABLE, begun.request.start.goal)
    watch = Watch(begun.workspace, begun.span, mark)
    return run_program(begun.program, watch.look), watch.seen


def end(begun: Begun, ended: Ended, seen: tuple[AtWork, ...]) -> TaskResult | Refusal:
    """Let the sessions join and close the goal.

    Raises:
        LedgerError: the ledger can't be written; the goal stays open.

    """
    workspace, request = begun.workspace, begun.request
    company = _company(begun, seen) if begun.is_watched else _Company()
    flag = company.flag() if begun.goal.session is None else replace(request.flag, guess=False)
    told = failure_of(ended)
    notes = "; ".join(part for part in (request.start.notes, told) if part) or None
    failed = told is not None
    finish = FinishTask(
        status="fail" if failed else "success",
        goal=request.start.goal,
        failure_reason="other" if failed else None,
        result_fit=None if failed else request.result_fit,
        notes=notes if failed else None,
        allow_secret_like=request.start.allow_secret_like,
    )
    result = perform(workspace, finish, flag)
    if isinstance(result, Refusal):
        return _closed_already(begun) or result
    return replace(result, notices=(*company.notices, *result.notices))


def _company(begun: Begun, seen: tuple[AtWork, ...]) -> _Company:
    """Let all sessions join that worked below the command, else those that began there while it ran."""

    def joining(store: Store, _: IngestReport) -> _Company:
        found = _found(begun, store, seen)
        join(begun.workspace, store, begun.span, found.descendants, Quality.EXACT)
        join(begun.workspace, store, begun.span, found.born, _quality(found.born))
        return found

    try:
        return with_history(begun.workspace, joining)
    except StoreUnavailable:
        return _Company()  # the command that closes the goal finds the same, and tells


def _quality(born: tuple[SessionKey, ...]) -> Quality:
    return Quality.UNVERIFIED if len(born) > 1 else Quality.EXACT


def _found(begun: Begun, store: Store, seen: tuple[AtWork, ...]) -> _Company:
    shown = [(process, shown_by(store, process, begun.span.since)) for process in seen]
    keys = without_children(store, (key for _, found in shown for key in found))
    logged = {key.agent for key in keys}
    # A session that no log tells of stands as unmeasured; beside logged ones it may be a name that was given up.
    unlogged = (process for process in seen if process.registered and process.agent not in logged)
    keys += [SessionKey(process.agent, process.registered[-1]) for process in unlogged]
    lost = {process.agent for process in seen} - {key.agent for key in keys}
    born: tuple[SessionKey, ...] = ()
    if lost:
        there = (process.directory for process in seen if process.agent in lost)
        born = born_there(store, Born(_places(begun, there), frozenset(lost)), begun.span.since)
    elif not keys and begun.goal.session is None:
        born = _strangers(begun, born_there(store, Born(_places(begun, ())), begun.span.since))
    missing = lost - {key.agent for key in born}
    notices = [_SILENT.format(agent) for agent in sorted(missing)]
    listed = ", ".join(f"{key.agent} {key.session}" for key in born)
    if len(born) > 1:
        notices.append(f"several sessions began here while the command ran; all were taken, unverified: {listed}")
    elif born:
        notices.append(f"the session {listed} was taken since it began here while the command ran")
    elif not keys and not lost and begun.goal.session is None:
        notices.append("no agent was at work for this goal below the command; usage is unmeasured")
    return _Company(tuple(dict.fromkeys(keys)), born, tuple(notices), not missing)


def _places(begun: Begun, more: Iterable[str | None]) -> tuple[str, ...]:
    workspace = begun.workspace
    here = (str(workspace.cwd), os.path.realpath(workspace.cwd), workspace.environ.get("PWD"))
    return tuple(dict.fromkeys(place for place in (*here, *more) if place))


def _strangers(begun: Begun, sessions: tuple[SessionKey, ...]) -> tuple[SessionKey, ...]:
    """Those that work for no goal yet: where nobody was seen below the command, the others are somebody else's."""
    taken = begun.workspace.replica().state.index.visitors if sessions else {}
    return tuple(key for key in sessions if key not in taken)


def failure_of(ended: Ended) -> str | None:
    """Why the command counts as failed, in words; None where it does not."""
    if ended.unstarted is not None:
        return f"could not be started: {ended.unstarted}"
    if ended.signal is not None:
        return f"ended by signal {ended.signal} ({signal_name(ended.signal)})"
    status = f"exit status {ended.status}"
    if ended.told is not None:
        return f"{status} after {signal_name(ended.told)}"
    return status if ended.status else None


def _closed_already(begun: Begun) -> TaskResult | None:
    """The goal as it is, where another command has closed it while ours ran."""
    replica = begun.workspace.replica()
    state = replica.state
    goal = state.goals.get(begun.request.start.goal)
    if goal is None or goal.is_open:
        return None
    notice = f"{goal.id} was closed while the command ran, and stays as it is"
    return TaskResult(goal, state, accounts(state), (notice,), problems_of(replica, state), PriceBook(begun.workspace))
