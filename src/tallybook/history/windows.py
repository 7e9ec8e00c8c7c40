"""Which sessions were at work within a stretch of time, and what stands above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.usage import SessionKey
from tallybook.history.names import stored_text

if TYPE_CHECKING:
    from tallybook.history.store import Store


def at_work(store: Store, since: int, until: int) -> frozenset[SessionKey]:
    """The sessions with a dated response at ``since`` or later and before ``until`` (microseconds, UTC)."""
    rows = store.rows(
        """SELECT a.name, s.name FROM session s JOIN agent a ON a.id = s.agent
        WHERE EXISTS (SELECT 1 FROM response r WHERE r.session = s.id AND r.at >= ? AND r.at < ?)""",
        (since, until),
    )
    return frozenset(SessionKey(agent, name) for agent, name in rows)


def lineage(store: Store, key: SessionKey) -> tuple[SessionKey, ...]:
    """The session and those above it, nearest first, as far as logs tell of them; a circle is cut where it closes."""
    found: dict[str, None] = {}
    name: str | None = key.session
    while name is not None and name not in found:
        rows = store.rows(
            "SELECT s.parent FROM session s JOIN agent a ON a.id = s.agent WHERE a.name = ? AND s.name = ?",
            (key.agent, stored_text(name)),
        )
        if not rows:
            break
        found[name] = None
        name = rows[0][0]
    return tuple(SessionKey(key.agent, each) for each in found)
