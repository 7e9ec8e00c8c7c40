"""Names what sums are added up by: the store's numbers become agents, models, days and blocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tallybook.history.blocks import HOUR, Lanes
from tallybook.history.projects import project_directories

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tallybook.history.store import Store

_EPOCH: Final = date(1970, 1, 1)
_OF_SESSIONS: Final = ("agent", "session", "origin", "project", "branch", "plan")
"""What a session is known by; responses may tell project and branch otherwise."""
_OF_RESPONSES: Final = ("model", "effort", "tier")
_OTHERWISE: Final = {"project": "cwd", "branch": "branch"}


class Values(NamedTuple):
    """What the store tells of some responses, in its own numbers; None for what was not asked."""

    session: int | None
    model: int | None
    day: int | None
    """Local, since 1970-01-01."""
    hour: int | None
    """Since the epoch, of a response or of the begin of its block: blocks begin and end with one."""
    effort: int | None = None
    branch: int | None = None
    """Like ``cwd``, 0 or None where the session's own holds."""
    cwd: int | None = None
    tier: int | None = None


_SESSION, _MODEL, _DAY, _HOUR = range(4)
"""Where they stand among them."""


class Keys:
    """The key of any values that one question brought."""

    def __init__(self, store: Store, by: Sequence[str]) -> None:
        self._sessions: dict[int | None, tuple[str | None, ...]] = {}
        self._agents: dict[int | None, int] = {}
        if set(by) & set(_OF_SESSIONS):
            rows = store.rows(
                """SELECT s.id, a.name, s.name, s.origin, s.cwd, s.branch
                FROM session s JOIN agent a ON a.id = s.agent"""
            )
            plans = _plans(store) if "plan" in by else {}
            self._sessions = {number: (*names, plans.get(number)) for number, *names in rows}
        self._words: dict[int | None, str] = {}
        if set(by) & {*_OF_RESPONSES, *_OTHERWISE}:
            self._words = dict(store.rows("SELECT id, text FROM word"))
        self._projects = project_directories(store) if "project" in by else {}
        self._lanes = Lanes(())
        self._namers = [self._namer(name) for name in by]
        if {"agent", "block"} <= set(by):
            self._agents = dict(store.rows("SELECT id, agent FROM session"))

    def cut(self, lanes: Lanes) -> None:
        """Name hours by the blocks that they are in."""
        self._lanes = lanes

    def name(self, values: Sequence[Any]) -> tuple[str | None, ...]:
        """The key, in the order of what was asked, of what begins like ``Values``."""
        return tuple([namer(values) for namer in self._namers])

    def _namer(self, name: str) -> Callable[[Sequence[Any]], str | None]:
        words, sessions = self._words, self._sessions
        if name in _OTHERWISE:
            place, member = _OF_SESSIONS.index(name), Values._fields.index(_OTHERWISE[name])
            projects = self._projects if name == "project" else {}

            def otherwise(values: Sequence[Any]) -> str | None:
                found = words.get(values[member]) or sessions[values[_SESSION]][place]
                return found if found is None else projects.get(found, found)

            return otherwise
        if name in _OF_SESSIONS:
            place = _OF_SESSIONS.index(name)
            return lambda values: sessions[values[_SESSION]][place]
        if name in _OF_RESPONSES:
            member = Values._fields.index(name)
            return lambda values: words.get(values[member])
        if name == "block":
            return lambda values: _moment(self._lanes.begin(self.lane(values), values[_HOUR] or 0) * HOUR)
        of_day = {"day": _day, "week": _week, "month": _month}[name]
        return lambda values: of_day(values[_DAY] or 0)

    def lane(self, values: Sequence[Any]) -> int | None:
        """The number of the agent whose blocks count; None where those of all agents together do."""
        return self._agents.get(values[_SESSION])


def _plans(store: Store) -> dict[int, str]:
    """The subscription of each session whose log tells one, as it told last."""
    return dict(store.rows("SELECT session, plan FROM limit_sample WHERE plan IS NOT NULL ORDER BY at, source, name"))


@lru_cache(maxsize=4096)
def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


@lru_cache(maxsize=4096)
def _week(number: int) -> str:
    year, week, _ = (_EPOCH + timedelta(days=number)).isocalendar()
    return f"{year}-W{week:02}"


@lru_cache(maxsize=4096)
def _month(number: int) -> str:
    return _day(number)[:7]


@lru_cache(maxsize=4096)
def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
