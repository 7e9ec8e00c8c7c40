"""Checks: goals of one kind with a source and a pass; one that is over can be recorded from the log of its session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.agents.identity import Flag
from tallybook.clock import goal_id
from tallybook.domain.attribution import segments_of
from tallybook.domain.commands import AddCheck, StartTask
from tallybook.domain.goal import Goal
from tallybook.domain.metrics import Accounts, accounts
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.state import LedgerState
from tallybook.domain.tokens import total_of
from tallybook.usecases.log_usage import usage_of_log
from tallybook.usecases.price_book import PriceBook
from tallybook.usecases.tasks import Logged, TaskResult, perform
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from tallybook.domain.tokens import TokenVector
    from tallybook.usecases.workspace import Workspace

KIND = "check"


class NewCheck(msgspec.Struct, frozen=True):
    """What is known of a check when it begins."""

    source: str
    pass_number: int | None = None
    agent: str | None = None
    model: str | None = None
    notes: str | None = None
    started_at: str | None = None
    allow_secret_like: bool = False


class CheckList(msgspec.Struct, frozen=True):
    """Checks by source, then by pass."""

    goals: tuple[Goal, ...]
    state: LedgerState
    accounts: Accounts
    problems: tuple[Problem, ...]
    book: PriceBook


def started(
    workspace: Workspace, new: NewCheck, inputs: tuple[str, ...] = (), input_sources: tuple[str, ...] = ()
) -> StartTask:
    """The request that opens the check."""
    return StartTask(
        goal=goal_id(workspace.clock.now(), workspace.ids),
        title=f"Check of {new.source}",
        kind=KIND,
        started_at=new.started_at,
        agent=new.agent,
        model=new.model,
        notes=new.notes,
        inputs=inputs,
        input_sources=input_sources,
        source_id=new.source,
        pass_number=new.pass_number,
        allow_secret_like=new.allow_secret_like,
    )


def add_check(
    workspace: Workspace, request: AddCheck, usage_from: str | None, session: str | None
) -> TaskResult | Refusal:
    """Record a check that is over.

    Usage that ``usage_from`` (``AGENT:PATH``) tells of goes to the check as far as no other goal has it already.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    if usage_from is None:
        return perform(workspace, request, Flag())
    found = usage_of_log(workspace, usage_from, session)
    if isinstance(found, Refusal):
        return found
    total = total_of(part.tokens for part in found.usage).total
    taken = owned(workspace.replica().state, found)
    if taken and sum(tokens.total for tokens in taken.values()) >= total:
        message = f"the tokens of this log belong to {', '.join(taken)} already; nothing was written"
        return Refusal("log-counted", message, "tally show GOAL tells what it used")
    result = perform(workspace, request, Flag(), found)
    if isinstance(result, Refusal) or not taken:
        return result
    said = [f"{tokens.total:,} tokens of the log belong to {goal} and stay there" for goal, tokens in taken.items()]
    return replace(result, notices=(*result.notices, *said))


def owned(state: LedgerState, logged: Logged) -> dict[str, TokenVector]:
    """What goals have of these sessions already."""
    shares: dict[str, list[TokenVector]] = {}
    for part in logged.usage:
        line = state.lines.get(part.key)
        for segment in () if line is None else segments_of(part.key, line):
            if segment.owner is not None and segment.tokens:
                shares.setdefault(segment.owner.goal, []).append(segment.tokens)
    return {goal: total_of(tokens) for goal, tokens in shares.items()}


def listed(workspace: Workspace, source: str | None) -> CheckList:
    """All checks, or those of one source."""
    found = workspace.replica()
    checks = [
        goal
        for goal in found.state.goals.values()
        if goal.kind == KIND and (source is None or goal.source_id == source)
    ]
    checks.sort(key=lambda goal: (goal.source_id or "", goal.pass_number or 0, goal.started_at, goal.id))
    problems = (*workspace.problems, *problems_of(found, found.state))
    return CheckList(tuple(checks), found.state, accounts(found.state), problems, PriceBook(workspace))
