"""All sessions of the history, with what stands above and below each, read at once for questions about many."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.usage import SessionKey
from tallybook.history.names import stored_text
from tallybook.history.sums import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tallybook.history.store import Store

_ALONE: Final[tuple[str, ...]] = ()


class Told(msgspec.Struct, frozen=True):
    """What logs tell of one session."""

    name: str
    """As the store holds it."""
    span: Span
    parent: str | None
    cwd: str | None
    unreported: tuple[str, ...]
    """Components of the token vector that its agent does not log."""


class Kin:
    """The sessions that logs tell of, and their trees; each tree is made once."""

    def __init__(self, told: Iterable[tuple[str, Told]]) -> None:
        self._told: dict[tuple[str, str], Told] = {}
        below: dict[tuple[str, str], list[str]] = defaultdict(list)
        for agent, one in told:
            self._told[agent, one.name] = one
            if one.parent is not None:
                below[agent, one.parent].append(one.name)
        self._below = dict(below)
        self._trees: dict[SessionKey, Mapping[SessionKey, int]] = {}
        self._lines: dict[SessionKey, tuple[SessionKey, ...]] = {}
        self._keys: dict[int, SessionKey] = {
            one.span.number: SessionKey(agent, name) for (agent, name), one in self._told.items()
        }

    def told(self, key: SessionKey) -> Told | None:
        """What logs tell of a session; None where they tell nothing."""
        return self._told.get((key.agent, stored_text(key.session)))

    def key(self, number: int) -> SessionKey:
        """The session with this number in the store."""
        return self._keys[number]

    def tree(self, key: SessionKey) -> Mapping[SessionKey, int]:
        """The session and all its descendants with their places, as ``queries.session_tree`` orders them."""
        known = self._trees.get(key)
        if known is None:
            found = {key.session: None}
            waiting = [key.session]
            for name in waiting:
                new = [child for child in self._below.get((key.agent, name), _ALONE) if child not in found]
                found.update(dict.fromkeys(new))
                waiting += new
            keys = (SessionKey(key.agent, name) for name in found)
            known = self._trees[key] = {each: place for place, each in enumerate(keys)}
        return known

    def lineage(self, key: SessionKey) -> tuple[SessionKey, ...]:
        """The session and those above it, nearest first, as far as logs tell; a circle is cut where it closes."""
        known = self._lines.get(key)
        if known is None:
            found: dict[str, None] = {}
            name: str | None = key.session
            while name is not None and name not in found:
                one = self._told.get((key.agent, stored_text(name)))
                if one is None:
                    break
                found[name] = None
                name = one.parent
            known = self._lines[key] = tuple(SessionKey(key.agent, each) for each in found)
        return known

    def without_children(self, keys: Iterable[SessionKey]) -> list[SessionKey]:
        """Those that are no child sessions of others among them, with which they count."""
        own = dict.fromkeys(keys)
        return [key for key in own if len(own) == 1 or own.keys().isdisjoint(self._above(key))]

    def _above(self, key: SessionKey) -> set[SessionKey]:
        """All in whose trees the session is, itself aside; logs may tell nothing of the last one."""
        found: set[str] = set()
        one = self.told(key)
        while one is not None and one.parent is not None and one.parent not in found:
            found.add(one.parent)
            one = self._told.get((key.agent, one.parent))
        return {SessionKey(key.agent, name) for name in found - {key.session}}


def read_kin(store: Store) -> Kin:
    """Read them, in one question."""
    rows = store.rows(
        """SELECT a.name, a.unreported, a.usage_since, s.id, s.name, s.parent, s.born_at, s.last_at, s.cwd
        FROM session s JOIN agent a ON a.id = s.agent ORDER BY s.born_at IS NULL, s.born_at, s.name"""
    )
    parts = {unreported: tuple(unreported.split()) for _, unreported, *_ in rows}

    def told() -> Iterable[tuple[str, Told]]:
        for agent, unreported, since, number, name, parent, born_at, last_at, cwd in rows:
            silent = None not in {born_at, since} and born_at < since
            yield agent, Told(name, Span(number, born_at, last_at, silent), parent, cwd, parts[unreported])

    return Kin(told())
