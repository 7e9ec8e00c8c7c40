"""Names what sums are added up by: the store's numbers become agents, models, days and blocks."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from tallybook.history.blocks import hour_at
from tallybook.history.projects import project_directories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tallybook.history.store import Store

    Sums = Mapping[str, Sequence[Any]]
    """What the store tells of some sums: by fields of ``Values``, one number for each sum."""
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
_PART: Final = 4
"""Where more than a fourth of the sessions of a stretch are wanted, all of it is read: naming them takes longer."""
_OF_RESPONSES: Final = ("model", "effort", "tier")
_OTHERWISE: Final = {"project": "cwd", "branch": "branch"}


class Keys:
    """The keys of all that one question brought."""

    def __init__(self, store: Store, by: Iterable[str]) -> None:
        self._store = store
        self._by = tuple(by)
        asked = set(self._by)
        self._words: dict[int, str] = {}
        if asked & {*_OF_RESPONSES, *_OTHERWISE}:
            self._words = dict(store.rows("SELECT id, text FROM word"))

    def names(self, sums: Sums) -> list[tuple[str | None, ...]]:
        """The key of each of them, in the order of what was asked, which is something."""
        told = self._of_sessions(sums)
        return list(zip(*(self._column(name, sums, told) for name in self._by), strict=True))

    def _column(self, name: str, sums: Sums, told: _Told) -> Iterable[str | None]:
        if name in _OTHERWISE:
            return self._otherwise(name, sums, told[name])
        if name in told:
            return map(told[name].get, sums["session"])
        if name in _OF_RESPONSES:
            return map(self._words.get, sums[name])
        if name == "block":
            return _called(_begin, sums["hour"])
        return _called(_OF_DAYS[name], sums["day"])

    def _of_sessions(self, sums: Sums) -> _Told:
        """What is asked of the sessions of these sums, by their numbers."""
        found: _Told = {}
        asked = [name for name in _OF_SESSIONS if name in self._by]
        if asked:
            numbers = {number for number in sums["session"] if number is not None}
            low, high = min(numbers, default=0), max(numbers, default=0)
            few = len(numbers) <= min(_MOST_NAMED, (high - low) // _PART)
            which = f"IN ({', '.join(map(str, numbers))})" if few else f"BETWEEN {low} AND {high}"
            columns = ", ".join(_OF_SESSIONS[name] for name in asked)
            sessions = self._store.rows(f"SELECT id, {columns} FROM session WHERE id {which}")  # noqa: S608 - numbers
            ids, *others = zip(*sessions, strict=True) if sessions else [()] * (1 + len(asked))
            found = {name: dict(zip(ids, values, strict=True)) for name, values in zip(asked, others, strict=True)}
        if "agent" in found:
            agents = dict(self._store.rows("SELECT id, name FROM agent"))
            found["agent"] = {number: agents[agent] for number, agent in found["agent"].items()}
        if "plan" in self._by:
            found["plan"] = dict(self._store.rows(_PLANS))
        return found

    def _otherwise(self, name: str, sums: Sums, its: Mapping[int, str | None]) -> list[str | None]:
        projects = project_directories(self._store) if name == "project" else {}
        own = {number: projects.get(text, text) for number, text in self._words.items() if text}
        else_ = {number: text and projects.get(text, text) for number, text in its.items()}
        pairs = zip(sums[_OTHERWISE[name]], sums["session"], strict=True)
        return [own[number] if number in own else else_[session] for number, session in pairs]


def _called(name: Callable[[int], str], numbers: Sequence[Any]) -> Iterable[str]:
    names = {number: name(number) for number in set(numbers)}
    return map(names.__getitem__, numbers)


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
