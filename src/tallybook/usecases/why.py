"""Explains what a session has come to: every line of every log that tells of it, counted or not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tallybook.agents.registry import AGENTS, reader
from tallybook.domain.attribution import segments_of
from tallybook.domain.money import Cost
from tallybook.domain.ownership import goals_of
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.quality import Quality
from tallybook.domain.sizes import context_band
from tallybook.domain.state import kept_goal
from tallybook.domain.tokens import TokenVector, total_of
from tallybook.domain.usage import PriceClass, SessionKey
from tallybook.history import queries
from tallybook.history.explanation import explanation
from tallybook.history.names import stored_text
from tallybook.history.own_cells import Unitemised, unitemised
from tallybook.usecases.capture import look_into
from tallybook.usecases.price_book import PriceBook
from tallybook.usecases.session_costs import session_costs
from tallybook.usecases.why_lines import Spot, View, WhyLog, explained
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from tallybook.history.explanation import Counted
    from tallybook.history.store import Store
    from tallybook.usecases.workspace import Workspace


class Why(msgspec.Struct, frozen=True):
    """The explanation."""

    key: SessionKey
    logs: tuple[WhyLog, ...]
    responses: int
    tokens: TokenVector | None
    """The sum of all that is counted; None for a session that is older than any usage in its agent's logs."""
    quality: Quality | None
    """Of these tokens, whatever their price; None where nothing is counted."""
    cost: Cost | None
    """What it cost; None where nothing is counted."""
    unitemised: tuple[Unitemised, ...]
    """What the agent's own counter has beyond that, by model; of the sessions below this one too."""
    problems: tuple[Problem, ...]


class Question(msgspec.Struct, frozen=True):
    """What a person asks."""

    session: str
    agent: str | None = None
    all: bool = False
    """Whether lines without usage, and those of other sessions, are shown one by one too."""


def explain_session(workspace: Workspace, question: Question) -> Why | Refusal:
    """Explain one session.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    agent = question.agent
    if agent is not None and agent not in AGENTS:
        return Refusal("unknown-agent", f"there is no agent {agent!r}", f"known: {', '.join(AGENTS)}", usage=True)

    def told(store: Store, met: tuple[Problem, ...]) -> Why | Refusal:
        found = _keys(store, question)
        if not found:
            hint = "tally sessions lists those that logs tell of"
            return Refusal("unknown-session", f"no log tells of a session {question.session[:80]!r}", hint, usage=True)
        if len(found) > 1:
            hint = f"--agent says whose: {', '.join(key.agent for key in found)}"
            return Refusal("ambiguous-session", "more than one agent has a session of that id", hint, usage=True)
        problems = (*workspace.problems, *met, *store.problems)
        return _why(workspace, store, found[0], _Wish(question.all, problems))

    return look_into(workspace, told, update=True)


class _Wish(NamedTuple):
    every: bool
    problems: tuple[Problem, ...]


def _keys(store: Store, question: Question) -> list[SessionKey]:
    rows = store.rows(
        "SELECT a.name, s.name FROM session s JOIN agent a ON a.id = s.agent WHERE s.name = ? ORDER BY a.name",
        (stored_text(question.session),),
    )
    return [SessionKey(*row) for row in rows if question.agent in {None, row[0]} and row[0] in AGENTS]


def _why(workspace: Workspace, store: Store, key: SessionKey, wish: _Wish) -> Why | Refusal:
    found = explanation(store, reader(key.agent), key)
    if found is None:
        return Refusal("unknown-session", f"no log tells of {key.session!r}", "tally sessions lists them", usage=True)
    goals, faults = _goals(workspace, key, found.responses)
    spots = {name: Spot(*place) for name, place in found.places.items()}
    view = View(reader(key.agent), key.session, spots, goals, wish.every)
    logs = [explained(view, log) for log in found.logs]
    book = PriceBook(workspace)
    cost = session_costs(store, book, (key,)).get(key)
    told = (log.fault for log in logs if log.fault is not None)
    problems = (*wish.problems, *faults, *told, *book.problems())
    counted = [one for log in logs for line in log.lines for one in line.counted]
    counter = queries.usage_of(store, key)
    measured = counter is not None and counter.quality is not Quality.UNMEASURED
    tokens = total_of(one.tokens for one in counted) if measured else None
    quality = counter.quality if counter and counted else None
    rest = tuple(unitemised(store, key))
    return Why(key, tuple(logs), len(counted), tokens, quality, cost, rest, problems)


def _goals(
    workspace: Workspace, key: SessionKey, responses: tuple[Counted, ...]
) -> tuple[dict[str, str | None], tuple[Problem, ...]]:
    """The goal of each response that the ledger knows of; undated ones could be any, so then none is told."""
    replica = workspace.replica()
    state = replica.state
    faults = problems_of(replica, state)
    line = state.lines.get(key)
    dated = [(one, one.at) for one in responses if one.at is not None]
    if line is None or len(dated) < len(responses):
        return {}, faults
    classes = [PriceClass(one.model, one.tier, context_band(one.tokens.context), _day(at)) for one, at in dated]
    owners = goals_of(segments_of(key, line), classes)
    goals = (None if goal is None else kept_goal(state.goals, goal) for goal in owners)
    return dict(zip((one.key for one in responses), goals, strict=True)), faults


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at // 1_000_000, UTC):%Y-%m-%d}"
