"""What the store holds of every session, for a comparison with the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.comparison import Stored
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import SessionKey
from tallybook.history.names import stored_text
from tallybook.history.queries import usage_of
from tallybook.history.sums import SUMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tallybook.domain.usage import ClassUsage
    from tallybook.history.store import Store


def stored_sessions(store: Store, known: Iterable[SessionKey] = ()) -> dict[SessionKey, Stored]:
    """All sessions that logs tell of, under the names of those ``known`` where the store writes them otherwise."""
    rows = store.rows(
        f"""WITH used AS (SELECT r.session, {SUMS} FROM response r GROUP BY r.session)
        SELECT a.name, s.name, s.parent, s.born_at < a.usage_since, u.*
        FROM session s JOIN agent a ON a.id = s.agent LEFT JOIN used u ON u.session = s.id"""  # noqa: S608
    )
    names = _names(known)
    found = {}
    for agent, name, parent, silent, session, *parts in rows:
        tokens = TokenVector(*parts) if session is not None else None if silent else TokenVector()
        found[names.get((agent, name)) or SessionKey(agent, name)] = Stored(tokens, parent)
    return found


def last_activities(store: Store, known: Iterable[SessionKey] = ()) -> dict[SessionKey, int | None]:
    """When each session that logs tell of moved last, in microseconds since the epoch, UTC; named as above."""
    names = _names(known)
    rows = store.rows("SELECT a.name, s.name, s.last_at FROM session s JOIN agent a ON a.id = s.agent")
    return {names.get((agent, name)) or SessionKey(agent, name): at for agent, name, at in rows}


def classes_of(store: Store, key: SessionKey) -> tuple[ClassUsage, ...]:
    """What the session has used up to now, by price class."""
    counter = usage_of(store, key)
    return () if counter is None else counter.classes


def _names(known: Iterable[SessionKey]) -> Mapping[tuple[str, str], SessionKey]:
    return {(key.agent, stored_text(key.session)): key for key in known if stored_text(key.session) != key.session}
