"""Lists the sessions that the logs tell of, brought up to date first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.registry import AGENTS
from tallybook.clock import unix_milliseconds
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.usage import SessionKey
from tallybook.history.queries import Selection, session_rows
from tallybook.reports.sessions import ListedSession
from tallybook.usecases.capture import look_into
from tallybook.usecases.price_book import PriceBook
from tallybook.usecases.session_costs import session_costs

if TYPE_CHECKING:
    from tallybook.history.store import Store
    from tallybook.usecases.workspace import Workspace

LIVE: Final = 10 * 60 * 1_000_000
"""Microseconds from its last activity within which a session counts as live; clocks may differ a little."""
_MOST: Final = 2**31
"""Nobody has so many sessions."""


class SessionList(msgspec.Struct, frozen=True):
    """Sessions, the one that moved last first."""

    rows: tuple[ListedSession, ...]
    more: bool
    """Others moved earlier, and are left out."""
    problems: tuple[Problem, ...]


def list_sessions(workspace: Workspace, agent: str | None, limit: int) -> SessionList | Refusal:
    """The sessions of one agent, or of all.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    if agent is not None and agent not in AGENTS:
        return Refusal("unknown-agent", f"there is no agent {agent!r}", f"known: {', '.join(AGENTS)}", usage=True)
    now, book = unix_milliseconds(workspace.clock.now()) * 1000, PriceBook(workspace)

    def listing(store: Store, problems: tuple[Problem, ...]) -> SessionList:
        most = min(limit, _MOST)
        found = session_rows(store, Selection(agent=agent, limit=most + 1))
        rows = found[:most]
        costs = session_costs(store, book, [SessionKey(row.agent, row.session) for row in rows])
        listed = (
            ListedSession(
                row,
                row.last_at is not None and abs(now - row.last_at) < LIVE,
                costs.get(SessionKey(row.agent, row.session)),
            )
            for row in rows
        )
        met = (*workspace.problems, *problems, *store.problems, *book.problems())
        return SessionList(tuple(listed), len(found) > most, met)

    return look_into(workspace, listing, update=True)
