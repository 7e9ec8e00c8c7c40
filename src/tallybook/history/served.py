"""Single responses of the store by their keys, with all that a price depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.history.names import stored_text
from tallybook.history.response_keys import key_text, packed_keys
from tallybook.history.sums import VECTOR, Places, Span

if TYPE_CHECKING:
    from tallybook.history.store import Store


class Served(msgspec.Struct, frozen=True):
    """One response."""

    key: str
    agent: str
    session: str
    at: int
    """Microseconds since the epoch, UTC; of an undated one the moment that stands for its own."""
    dated: bool
    model: str
    tier: str
    web_searches: int
    tokens: TokenVector
    quality: Quality
    """Of the tokens."""


def served(store: Store, key: str) -> tuple[Served, ...]:
    """All responses with this key: it is unique within an agent."""
    packed = packed_keys(stored_text(key))
    rows = store.rows(
        f"""SELECT a.name, s.name, s.id, s.born_at, s.last_at, r.source, r.offset, r.at, m.text, t.text, r.web_searches,
        r.key, q.text, {VECTOR} FROM response r JOIN session s ON s.id = r.session JOIN agent a ON a.id = s.agent
        JOIN word m ON m.id = r.model JOIN word t ON t.id = r.tier JOIN word q ON q.id = r.quality
        WHERE r.key IN ({", ".join("?" * len(packed))}) ORDER BY a.name, s.name""",  # noqa: S608
        packed,
    )
    found = []
    for agent, session, number, born_at, last_at, source, offset, at, *told in rows:
        model, tier, searches, kept, quality, *parts = told
        if key_text(kept, session) != stored_text(key):
            continue
        span = Span(number, born_at, last_at, silent=False)
        when = Places(store, span).moment(source, offset) if at is None else at
        tokens = TokenVector(*parts)
        found.append(Served(key, agent, session, when, at is not None, model, tier, searches, tokens, Quality(quality)))
    return tuple(found)
