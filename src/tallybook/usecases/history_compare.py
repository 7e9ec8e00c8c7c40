"""Compares the ledger with the history, session by session; writes nothing to either."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from tallybook.agents.registry import AGENTS
from tallybook.domain.comparison import Cause, Compared, compared
from tallybook.domain.problems import Problem, Refusal
from tallybook.history.compare import classes_of, stored_sessions
from tallybook.usecases.capture import look_into
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from tallybook.history.store import Store
    from tallybook.usecases.workspace import Workspace


class Request(msgspec.Struct, frozen=True):
    """What a person asks."""

    agents: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    update: bool = True
    """Whether the logs are read first."""


class Comparison(msgspec.Struct, frozen=True):
    """All sessions that were asked for, equal ones too."""

    rows: tuple[Compared, ...]
    problems: tuple[Problem, ...]

    @property
    def differing(self) -> tuple[Compared, ...]:
        """Those that the ledger knows, and not as the history does."""
        return tuple(row for row in self.rows if row.cause not in {Cause.EQUAL, Cause.NO_GOAL})


def compare(workspace: Workspace, request: Request) -> Comparison | Refusal:
    """Put the ledger beside the history.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    strangers = [name for name in request.agents if name not in AGENTS]
    if strangers:
        known = f"known: {', '.join(AGENTS)}"
        return Refusal("unknown-agent", f"there is no agent {strangers[0]!r}", known, usage=True)
    replica = workspace.replica()
    state = replica.state

    def look(store: Store, problems: tuple[Problem, ...]) -> Comparison:
        stored = stored_sessions(store, state.lines)
        rows = compared(state, stored, partial(classes_of, store), workspace.ledger.writers().ids)
        replica.save()
        told = (*workspace.problems, *problems_of(replica, state), *problems, *store.problems)
        return Comparison(tuple(row for row in rows if _is_wanted(row, request)), told)

    return look_into(workspace, look, update=request.update)


def _is_wanted(row: Compared, request: Request) -> bool:
    agent, session = row.key.agent, row.key.session
    return (not request.agents or agent in request.agents) and (not request.sessions or session in request.sessions)
