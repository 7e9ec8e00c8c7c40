"""The commands of a task's life: find the session, take the snapshot, decide, write one batch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.agents.identity import Ambiguous, Answer, Flag, Found, NoSession
from tallybook.agents.registry import AGENTS
from tallybook.domain.budgets import budgets_of, notices
from tallybook.domain.commands import (
    AddCheck,
    Circumstances,
    ContinueTask,
    Decision,
    EnsureTask,
    FinishTask,
    MarkStage,
    MergeTasks,
    Request,
    SetBudget,
    StartTask,
    UpdateTask,
)
from tallybook.domain.decide import decide
from tallybook.domain.events import NewEvent, SessionRef
from tallybook.domain.goal import Goal
from tallybook.domain.metrics import Accounts, accounts
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.quality import Quality
from tallybook.domain.resolve import resolve
from tallybook.domain.state import LedgerState, open_goals
from tallybook.domain.usage import SessionKey, SessionUsage
from tallybook.domain.workflow import Command
from tallybook.history.sighting import Awaited
from tallybook.history.store import StoreUnavailable
from tallybook.usecases.awaiting import await_call
from tallybook.usecases.capture import Wanted, reader_versions, settlements, usage_now, with_history
from tallybook.usecases.detection import ambiguous, detected
from tallybook.usecases.price_book import PriceBook
from tallybook.usecases.screening import secret_refusal
from tallybook.usecases.workspace import Workspace, circumstances_of, problems_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.history.ingest import IngestReport
    from tallybook.history.store import Store


class TaskResult(msgspec.Struct, frozen=True):
    """What a command did."""

    goal: Goal | None
    """None where there was nothing to do for any."""
    state: LedgerState
    accounts: Accounts
    notices: tuple[str, ...]
    problems: tuple[Problem, ...]
    book: PriceBook
    over_budget: bool = False


class Logged(msgspec.Struct, frozen=True):
    """Usage read from a log that was named, not from the sessions at work."""

    session: SessionRef
    usage: tuple[SessionUsage, ...]


class _Captured(msgspec.Struct, frozen=True):
    circumstances: Circumstances
    settled: tuple[NewEvent, ...] = ()
    notices: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


class _Asked(msgspec.Struct, frozen=True):
    circumstances: Circumstances
    request: Request
    call: str | None


_RUN_BY_AGENT: Final = frozenset({"variable", "process", "registry", "hook"})
PROVED: Final = frozenset({"flag", "environment", "variable", "process", "registry"})
"""How a session is found that no look at the history would change."""
_COMMANDS = {
    StartTask: Command.START,
    ContinueTask: Command.CONTINUE,
    MarkStage: Command.MARK,
    FinishTask: Command.FINISH,
    EnsureTask: Command.ENSURE,
}
"""The commands that state a boundary of the session they run in."""


def perform(workspace: Workspace, request: Request, flag: Flag, logged: Logged | None = None) -> TaskResult | Refusal:
    """Carry ``request`` out: one batch in the ledger, or a refusal and nothing written.

    Usage is that of the session of this command and of those that work on the goal, unless it was ``logged`` elsewhere.
    """
    refusal = secret_refusal(request)
    if refusal is not None:
        return refusal
    replica = workspace.replica()
    if logged is None:
        captured = _captured(workspace, replica.state, request, flag)
        if isinstance(captured, Refusal):
            return captured
    else:
        there = circumstances_of(workspace, replica.state)
        there = replace(there, session=logged.session, usage=logged.usage, reader=reader_versions())
        captured = _Captured(there)
    made: list[Decision] = []

    def deciding(state: LedgerState) -> Sequence[NewEvent] | Refusal:
        decision = decide(state, captured.circumstances, request)
        if isinstance(decision, Refusal):
            return decision
        made.append(decision)
        return (*captured.settled, *decision.events) if decision.events else ()

    written = replica.transact(deciding)
    if isinstance(written, Refusal):
        return replace(written, problems=replica.problems)
    state = replica.state
    result = _result(workspace, state, made[0], captured)
    result = replace(result, problems=(*result.problems, *problems_of(replica, state)))
    replica.save()
    result.book.keep()
    return result


def _captured(workspace: Workspace, before: LedgerState, request: Request, flag: Flag) -> _Captured | Refusal:
    circumstances = circumstances_of(workspace, before)
    if not workspace.settings.capture:
        return _Captured(circumstances)
    alone = _needs_no_session(before, request, flag)
    taken = _taken_over(before, request) if alone else ()
    if alone and not taken:
        return _Captured(circumstances)
    known = detected(workspace, None, flag)
    if alone and not (isinstance(known, Found) and SessionKey(known.agent, known.session) in taken):
        return _of_merged(workspace, before, _Asked(circumstances, request, None))
    proved = known if isinstance(known, Found) and known.detected_by in PROVED else None
    awaited = None
    if isinstance(known, Found) and known.detected_by in _RUN_BY_AGENT:
        wait = partial(await_call, workspace.environ, known.agent, known.session)
        awaited = Awaited(known.agent, known.session, wait)

    def looking(store: Store, report: IngestReport) -> _Captured | Refusal:
        found = proved or detected(workspace, store, flag)
        if isinstance(found, Refusal):
            return found
        if isinstance(found, Ambiguous):
            found = _narrowed(before, found, request)
            if isinstance(found, Refusal):
                return found
        session = _reference(found) if isinstance(found, Found) else None
        there = replace(circumstances, session=session)
        call = found.call_id if isinstance(found, Found) else None
        captured = _measured(store, before, _Asked(there, request, call))
        return replace(
            captured,
            notices=(*_about(found, request, flag), *_silent(captured)),
            problems=(*report.problems, *store.problems),
        )

    try:
        return with_history(workspace, looking, None if proved is None else _at_work(before, proved), awaited)
    except StoreUnavailable as error:
        session = _reference(known) if isinstance(known, Found) else None
        return _unmeasured(replace(circumstances, session=session), error)


def _taken_over(state: LedgerState, request: Request) -> tuple[SessionKey, ...]:
    """The sessions that a goal without one of its own has from goals that were merged into it."""
    match request:
        case ContinueTask() | MarkStage() | FinishTask():
            return () if request.goal is None else state.joined.get(request.goal, ())
        case _:
            return ()


def _of_merged(workspace: Workspace, before: LedgerState, asked: _Asked) -> _Captured:
    """What the sessions of goals used that were merged into one that asks for none; the command runs elsewhere."""

    def measuring(store: Store, report: IngestReport) -> _Captured:
        return replace(_measured(store, before, asked), problems=(*report.problems, *store.problems))

    agents = {key.agent for key in _taken_over(before, asked.request)} & set(AGENTS)
    try:
        return with_history(workspace, measuring, agents)
    except StoreUnavailable as error:
        return _unmeasured(asked.circumstances, error)


def _unmeasured(circumstances: Circumstances, error: StoreUnavailable) -> _Captured:
    problem = Problem("history-unusable", f"usage is not measured: {error.message}", hint=error.hint)
    return _Captured(circumstances, problems=(problem,))


def _at_work(state: LedgerState, found: Found) -> set[str]:
    """The agents whose logs can tell of what the command is about; with ten thousands of logs each one counts."""
    joined = (state.joined.get(goal, ()) for goal in state.index.open)
    return {found.agent, *(key.agent for keys in joined for key in keys)} & set(AGENTS)


def _needs_no_session(state: LedgerState, request: Request, flag: Flag) -> bool:
    """Whether it makes no difference where the command runs, or the user has asked for no session.

    No session asked for: now, or when the goal was opened; one that is named now counts.
    """
    match request:
        case StartTask():
            return request.untracked
        case EnsureTask():
            return False
        case UpdateTask() | SetBudget():
            return request.goal is not None
        case MergeTasks():
            return not all(name in state.index.open for name in (request.keep, request.drop))
        case AddCheck():
            return True
        case _:
            named = None if request.goal is None else state.goals.get(request.goal)
            return named is not None and named.untracked and flag.session is None


def _about(found: Answer, request: Request, flag: Flag) -> Iterator[str]:
    """What to say of how the session was found."""
    if isinstance(found, Found) and found.detected_by == "directory":
        yield f"the session {found.agent} {found.session} was taken since it is the one at work in this directory"
    if isinstance(found, NoSession) and flag.guess and type(request) in _COMMANDS:
        start = isinstance(request, StartTask)
        yield f"no agent session was found: {found.hint if start else 'name one with --agent and --session'}"


def _silent(captured: _Captured) -> Iterator[str]:
    for usage in captured.circumstances.usage:
        if usage.quality is Quality.UNMEASURED:
            yield f"no log tells what {usage.agent} {usage.session} used; until one does, it is unmeasured"


def _measured(store: Store, state: LedgerState, asked: _Asked) -> _Captured:
    wanted = _wanted(state, asked)
    if wanted is None:
        return _Captured(asked.circumstances)
    usage = usage_now(store, wanted)
    settled = tuple(settlements(store, state, (part.key for part in usage)))
    return _Captured(replace(asked.circumstances, usage=usage, reader=reader_versions()), settled)


def _wanted(state: LedgerState, asked: _Asked) -> Wanted | None:
    """The sessions that the command states a boundary of; None where it states none."""
    request, session = asked.request, asked.circumstances.session
    own = () if session is None else (SessionKey(session.agent, session.id),)
    calls = {key: asked.call for key in own if asked.call is not None}
    match request:
        case StartTask():
            return Wanted(own, request.started_at, calls)
        case EnsureTask():
            return Wanted(own, None, calls)
        case MergeTasks():
            both = (state.joined.get(goal, ()) for goal in (request.keep, request.drop))
            return Wanted(tuple(dict.fromkeys(key for joined in both for key in joined)), None, calls)
        case ContinueTask() | MarkStage() | FinishTask():
            goal = resolve(state, asked.circumstances, _COMMANDS[type(request)], request.goal)
            if isinstance(goal, Refusal):
                return None
            sessions = tuple(dict.fromkeys((*own, *state.joined.get(goal.id, ()))))
            return Wanted(sessions, goal.started_at, calls)
        case _:
            return None


def _reference(found: Found) -> SessionRef:
    return SessionRef(found.agent, found.session, found.detected_by)


def _narrowed(state: LedgerState, found: Ambiguous, request: Request) -> Found | NoSession | Refusal:
    """Of several sessions the one that works on a goal already; to start a goal, a doubt is refused."""
    if isinstance(request, StartTask | EnsureTask):
        return ambiguous(found)
    working = {key for goal in open_goals(state) for key in state.joined.get(goal.id, ())}
    likely = [one for one in found.candidates if SessionKey(one.agent, one.session) in working]
    if len(likely) == 1:
        return Found(likely[0].agent, likely[0].session, "directory")
    return NoSession(found.hint)


def _result(workspace: Workspace, state: LedgerState, decision: Decision, captured: _Captured) -> TaskResult:
    shared = accounts(state)
    goal = None if decision.goal is None else state.goals[decision.goal]
    book = PriceBook(workspace)
    budgets = () if goal is None else budgets_of(state, goal.id, shared.goals[goal.id], book.of_class)
    return TaskResult(
        goal=goal,
        state=state,
        accounts=shared,
        notices=(*decision.notices, *(captured.notices if decision.events else ()), *notices(budgets)),
        problems=(*workspace.problems, *captured.problems, *book.problems()),
        book=book,
        over_budget=any(budget.exceeded for budget in budgets),
    )
