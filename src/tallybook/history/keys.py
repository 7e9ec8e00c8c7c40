"""Names what sums are added up by: the store's numbers become agents, models, days and blocks."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tallybook.history.blocks import hour_at
from tallybook.history.projects import project_directories

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tallybook.history.store import Store

    Rows = Collection[Sequence[Any]]
    """What begins like ``Values`` each."""
    _Told = dict[str, dict[int, Any]]
    """Of sessions, by what is asked and their numbers."""

_EPOCH: Final = date(1970, 1, 1)
_FIRST: Final = (date.min - _EPOCH).days
_LAST: Final = (date.max - _EPOCH).days
_OF_SESSIONS: Final = {"agent": "agent", "session": "name", "origin": "origin", "project": "cwd", "branch": "branch"}
"""Columns of what a session is known by; responses may tell project and branch otherwise."""
_PLANS: Final = "SELECT session, plan FROM limit_sample WHERE plan IS NOT NULL ORDER BY at, source, name"
"""A plan is what the log told last."""
_MOST_NAMED: Final = 10_000
"""Sessions that are asked for by number."""
_OF_RESPONSES: Final = ("model", "effort", "tier")
_OTHERWISE: Final = {"project": "cwd", "branch": "branch"}


class Values(NamedTuple):
    """What the store tells of some responses, in its own numbers; None for what was not asked."""

    session: int | None
    model: int | None
    day: int | None
    """Local, since 1970-01-01."""
    hour: int | None
    """Since the epoch; where blocks are asked for, the place of the first hour of the block."""
    effort: int | None = None
    branch: int | None = None
    """Like ``cwd``, 0 or None where the session's own holds."""
    cwd: int | None = None
    tier: int | None = None


_SESSION, _MODEL, _DAY, _HOUR = range(4)
"""Where they stand among them."""


class Keys:
    """The keys of all that one question brought."""

    def __init__(self, store: Store, by: Iterable[str]) -> None:
        self._store = store
        self._by = tuple(by)
        asked = set(self._by)
        self._words: dict[int, str] = {}
        if asked & {*_OF_RESPONSES, *_OTHERWISE}:
            self._words = dict(store.rows("SELECT id, text FROM word"))

    def names(self, rows: Rows) -> list[tuple[str | None, ...]]:
        """The key of each of them, in the order of what was asked."""
        if not self._by:
            return [()] * len(rows)
        told = self._of_sessions(rows)
        return list(zip(*(self._column(name, rows, told) for name in self._by), strict=True))

    def _column(self, name: str, rows: Rows, told: _Told) -> Sequence[str | None]:
        if name in _OTHERWISE:
            return self._otherwise(name, rows, told[name])
        if name in told:
            return _looked_up(told[name], _SESSION, rows)
        if name in _OF_RESPONSES:
            return _looked_up(self._words, Values._fields.index(name), rows)
        if name == "block":
            return _called(_begin, _HOUR, rows)
        return _called(_OF_DAYS[name], _DAY, rows)

    def _of_sessions(self, rows: Rows) -> _Told:
        """What is asked of the sessions of these rows, by their numbers."""
        found: _Told = {}
        asked = [name for name in _OF_SESSIONS if name in self._by]
        if asked:
            numbers = {row[_SESSION] for row in rows if row[_SESSION] is not None}
            which = f"WHERE id IN ({', '.join(map(str, numbers))})" if len(numbers) <= _MOST_NAMED else ""
            columns = ", ".join(_OF_SESSIONS[name] for name in asked)
            sessions = self._store.rows(f"SELECT id, {columns} FROM session {which}")  # noqa: S608 - numbers
            ids, *others = zip(*sessions, strict=True) if sessions else [()] * (1 + len(asked))
            found = {name: dict(zip(ids, values, strict=True)) for name, values in zip(asked, others, strict=True)}
        if "agent" in found:
            agents = dict(self._store.rows("SELECT id, name FROM agent"))
            found["agent"] = {number: agents[agent] for number, agent in found["agent"].items()}
        if "plan" in self._by:
            found["plan"] = dict(self._store.rows(_PLANS))
        return found

    def _otherwise(self, name: str, rows: Rows, its: Mapping[int, str | None]) -> list[str | None]:
        member = Values._fields.index(_OTHERWISE[name])
        projects = project_directories(self._store) if name == "project" else {}
        own = {number: projects.get(text, text) for number, text in self._words.items() if text}
        return [own[row[member]] if row[member] in own else _renamed(projects, its[row[_SESSION]]) for row in rows]


def _renamed(projects: Mapping[str, str], text: str | None) -> str | None:
    return text if text is None else projects.get(text, text)


def _looked_up(names: Mapping[int, Any], member: int, rows: Rows) -> list[str | None]:
    return [names.get(row[member]) for row in rows]


def _called(name: Callable[[int], str], member: int, rows: Rows) -> list[str | None]:
    numbers = [row[member] for row in rows]
    names = {number: name(number) for number in set(numbers)}
    return [names[number] for number in numbers]


def _date(number: int) -> date:
    """A local day; the first or the last that calendars have, where it lies beyond them."""
    return _EPOCH + timedelta(days=max(_FIRST, min(number, _LAST)))


@lru_cache(maxsize=4096)
def _day(number: int) -> str:
    return _date(number).isoformat()


@lru_cache(maxsize=4096)
def _week(number: int) -> str:
    year, week, _ = _date(number).isocalendar()
    return f"{year}-W{week:02}"


def _month(number: int) -> str:
    return _day(number)[:7]


def _begin(place: int) -> str:
    day, hour = divmod(hour_at(place), 24)
    return f"{_day(day)}T{hour:02}:00:00Z"


_OF_DAYS: Final[Mapping[str, Callable[[int], str]]] = {"day": _day, "week": _week, "month": _month}
