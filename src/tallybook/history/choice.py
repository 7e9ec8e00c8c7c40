"""Which responses a question is about, as a condition in SQL."""

from __future__ import annotations

from fnmatch import fnmatchcase
from operator import contains
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.history.grain import ASKED, IN_HOUR, QUARTER, grain_in
from tallybook.history.names import stored_text
from tallybook.history.projects import project_directories
from tallybook.history.rollup import COMPONENTS, KEYS, of_response

if TYPE_CHECKING:
    from tallybook.history.store import Store

_ALL: Final = "1"
_COLUMNS: Final = (*KEYS, "responses", *COMPONENTS, "web_searches")
"""Of a row of the rollup."""
_OF_ONE: Final = (*of_response(), "1", *(f"r.{name}" for name in _COLUMNS[len(KEYS) + 1 :]))
_MOST_NAMED: Final = 1_000
"""Texts of a list that SQLite is asked for; of longer lists all are read."""
_SINGLE: Final = ", ".join(f"{it} AS {name}" for name, it in zip(_COLUMNS, _OF_ONE, strict=True))
"""The same of one response."""


class Filter(msgspec.Struct, frozen=True):
    """Which responses count; an empty list leaves all."""

    since: int | None = None
    """Microseconds since the epoch: this moment and later ones."""
    until: int | None = None
    """Only earlier moments than this."""
    agents: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    """Names, or patterns with ``*``."""
    projects: tuple[str, ...] = ()
    """Directories, or their last parts."""
    sessions: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


class Choice:
    """A filter, looked up in the store."""

    def __init__(self, store: Store, where: Filter, step: int = IN_HOUR) -> None:
        """Of a question that cuts time into steps of so many quarters of an hour."""
        self._store = store
        self._where = where
        self._sessions = _sessions(store, where)
        conditions = _of_numbers("r.session", self._sessions) + _of_numbers("r.model", _models(store, where.models))
        self._in_projects = _in_projects(store, where.projects)
        if self._in_projects is not None:
            conditions.append(_of_projects(self._in_projects, _directories(store, where.projects)))
        self.condition = " AND ".join(conditions) or _ALL
        """On a row ``r`` of ``table``, and on a response ``r`` that is not dated, whose time ``has`` knows of."""
        grain, since, until = grain_in(store.rows(ASKED)), where.since, where.until
        self.table = _dated(since, until, grain) if step % grain == 0 else f"({_single(since, until)})"
        """Dated responses of the time that is asked for, added up or each by itself."""

    def has(self, at: int) -> bool:
        """Whether a moment lies in the time that is asked for."""
        since, until = self._where.since, self._where.until
        return (since is None or at >= since) and (until is None or at < until)

    def has_session(self, number: int) -> bool:
        """Whether the session is one that is asked for."""
        return all(some is None or number in some for some in (self._sessions, self._in_projects))

    def agents(self) -> tuple[str, ...]:
        """The agents with a session that is asked for, and a response in it."""
        rows = self._store.rows(
            f"""SELECT name FROM agent a WHERE EXISTS (SELECT 1 FROM session s JOIN rollup r ON r.session = s.id
                WHERE s.agent = a.id AND {self.condition})
            OR EXISTS (SELECT 1 FROM session s JOIN undated r ON r.session = s.id
                WHERE s.agent = a.id AND {self.condition}) ORDER BY name"""  # noqa: S608 - numbers
        )
        return tuple(name for (name,) in rows)


def _dated(since: int | None, until: int | None, grain: int) -> str:
    """Rows of the rollup; of a step that is asked for in part, its responses."""
    width = QUARTER * grain
    first = None if since is None else -(-since // width)
    last = None if until is None else until // width
    if first is not None and last is not None and first > last:
        return f"({_single(since, until, last * grain)})"
    bounds = [f"quarter {sign} {step * grain}" for sign, step in ((">=", first), ("<", last)) if step is not None]
    parts = [f"SELECT {', '.join(_COLUMNS)} FROM rollup WHERE {' AND '.join(bounds) or _ALL}"]  # noqa: S608
    if since is not None and first is not None and since % width:
        parts.append(_single(since, first * width, (first - 1) * grain))
    if until is not None and last is not None and until % width:
        parts.append(_single(last * width, until, last * grain))
    return f"({' UNION ALL '.join(parts)})"


def _single(since: int | None, until: int | None, quarter: int | None = None) -> str:
    """Responses; all that are wanted may be in one step of the rollup, which knows their sessions."""
    bounds = [f"r.at {sign} {moment}" for sign, moment in ((">=", since), ("<", until)) if moment is not None]
    if quarter is not None:
        bounds.append(f"r.session IN (SELECT session FROM rollup WHERE quarter = {quarter})")  # noqa: S608
    return f"SELECT {_SINGLE} FROM response r WHERE {' AND '.join(('r.at IS NOT NULL', *bounds))}"  # noqa: S608


def _of_numbers(column: str, numbers: set[int] | None) -> list[str]:
    return [] if numbers is None else [f"{column} IN ({', '.join(map(str, sorted(numbers)))})"]


def _models(store: Store, patterns: tuple[str, ...]) -> set[int] | None:
    if not patterns:
        return None
    words = store.rows("SELECT id, text FROM word")
    return {number for number, text in words if any(fnmatchcase(text, stored_text(one)) for one in patterns)}


def _sessions(store: Store, where: Filter) -> set[int] | None:
    asked = {"a.name": where.agents, "s.name": where.sessions, "s.origin": where.origins}
    wanted = {column: frozenset(map(stored_text, texts)) for column, texts in asked.items() if texts}
    if not wanted:
        return None
    few = {column: texts for column, texts in wanted.items() if len(texts) <= _MOST_NAMED}
    conditions = [f"{column} IN ({', '.join('?' * len(texts))})" for column, texts in few.items()]
    rows = store.rows(
        f"""SELECT s.id, {", ".join(wanted)} FROM session s JOIN agent a ON a.id = s.agent
        WHERE {" AND ".join(conditions) or _ALL}""",  # noqa: S608 - columns of ours
        tuple(text for texts in few.values() for text in texts),
    )
    sets = tuple(wanted.values())
    return {number for number, *its in rows if all(map(contains, sets, its))}


def _in_projects(store: Store, projects: tuple[str, ...]) -> set[int] | None:
    if not projects:
        return None
    known = project_directories(store)
    rows = store.rows("SELECT id, cwd FROM session WHERE cwd IS NOT NULL")
    return {number for number, cwd in rows if _is_project(cwd, known.get(cwd, cwd), projects)}


def known_projects(store: Store) -> frozenset[str]:
    """All projects of sessions and of responses that tell a directory of their own."""
    known = project_directories(store)
    told = store.rows(
        """SELECT cwd FROM session WHERE cwd IS NOT NULL UNION SELECT text FROM word
        WHERE id IN (SELECT cwd FROM response_context)"""
    )
    return frozenset(known.get(cwd, cwd) for (cwd,) in told)


def _directories(store: Store, projects: tuple[str, ...]) -> set[int]:
    known = project_directories(store)
    words = store.rows("SELECT id, text FROM word")
    return {number for number, text in words if _is_project(text, known.get(text, text), projects)}


def _of_projects(sessions: set[int], directories: set[int]) -> str:
    """A response's own directory decides, else its session's."""
    (own,), (of_session,) = _of_numbers("coalesce(r.cwd, 0)", directories), _of_numbers("r.session", sessions)
    return f"({own} OR coalesce(r.cwd, 0) = 0 AND {of_session})"


def _is_project(cwd: str, project: str, wanted: tuple[str, ...]) -> bool:
    known = {cwd, PurePath(cwd).name, project, PurePath(project).name}
    return any(stored_text(one) in known for one in wanted)
