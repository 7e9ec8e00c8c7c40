"""What a session had come to at a moment in the past; only dated responses can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.history.names import stored_text
from tallybook.history.response_keys import key_text

if TYPE_CHECKING:
    from tallybook.domain.usage import SessionKey
    from tallybook.history.store import Store


def response_before(store: Store, key: SessionKey, at: int) -> str | None:
    """Key of the last response of this session at or before a moment (microseconds, UTC); None where none is dated so.

    ``queries.usage_through`` it is the counter at that moment, as far as one log holds the session.
    """
    rows = store.rows(
        """SELECT r.key FROM response r JOIN session s ON s.id = r.session JOIN agent a ON a.id = s.agent
        WHERE a.name = ? AND s.name = ? AND r.at <= ? ORDER BY r.at DESC, r.offset DESC, r.key DESC LIMIT 1""",
        (key.agent, stored_text(key.session), at),
    )
    return key_text(rows[0][0], stored_text(key.session)) if rows else None
