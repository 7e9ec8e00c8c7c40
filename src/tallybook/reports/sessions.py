"""One agent session, as a row and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from tallybook.clock import timestamp
from tallybook.domain.money import Cost
from tallybook.history.queries import SessionRow
from tallybook.reports.costs import cost_json, dollars
from tallybook.reports.vectors import vector
from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from tallybook.reports.vectors import Json


class ListedSession(msgspec.Struct, frozen=True):
    """One row of the list."""

    row: SessionRow
    live: bool
    cost: Cost | None = None
    """Of its own responses; None where nothing was measured."""

    @property
    def last_activity(self) -> str | None:
        """UTC, ISO 8601."""
        if self.row.last_at is None:
            return None
        return timestamp(datetime.fromtimestamp(self.row.last_at / 1_000_000, UTC))

    def cells(self) -> tuple[str, ...]:
        """Agent, session, last activity, live, model, tokens, dollars, directory."""
        row = self.row
        live = "live" if self.live else ""
        tokens = NOTHING if row.tokens is None else f"{row.tokens.total:,}"
        numbers = (tokens, dollars(self.cost))
        return (row.agent, row.session, self.last_activity or "", live, row.model or "", *numbers, row.cwd or "")


def session_json(listed: ListedSession) -> dict[str, Json]:
    """One row of the list of sessions."""
    row = listed.row
    paths: list[Json] = [*row.paths]
    return {
        "agent": row.agent,
        "id": row.session,
        "paths": paths,
        "last_activity": listed.last_activity,
        "live": listed.live,
        "cwd": row.cwd,
        "model": row.model,
        "parent": row.parent,
        "origin": row.origin,
        "responses": row.responses,
        "tokens": vector(row.tokens),
        "cost": cost_json(listed.cost),
    }
