"""Which responses a question is about, as a condition in SQL."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.history.names import stored_text

if TYPE_CHECKING:
    from tallybook.history.store import Store

_ALL: Final = "1"


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

    def __init__(self, store: Store, where: Filter) -> None:
        self._store = store
        self._where = where
        self._sessions = _sessions(store, where)
        conditions, values = _of_numbers("r.session", self._sessions), []
        conditions += _of_numbers("r.model", _models(store, where.models))
        self.undated = " AND ".join(conditions) or _ALL
        for sign, moment in ((">=", where.since), ("<", where.until)):
            if moment is not None:
                conditions.append(f"r.at {sign} ?")
                values.append(moment)
        self.condition = " AND ".join(conditions) or _ALL
        """On a response ``r`` that is dated; ``undated`` is the one on others."""
        self.values = tuple(values)

    def has(self, at: int) -> bool:
        """Whether a moment lies in the time that is asked for."""
        since, until = self._where.since, self._where.until
        return (since is None or at >= since) and (until is None or at < until)

    def has_session(self, number: int) -> bool:
        """Whether the session is one that is asked for."""
        return self._sessions is None or number in self._sessions

    def agents(self) -> tuple[str, ...]:
        """The agents with a session that is asked for, and a response in it."""
        rows = self._store.rows(
            f"""SELECT name FROM agent a WHERE EXISTS (SELECT 1 FROM session s JOIN response r ON r.session = s.id
            WHERE s.agent = a.id AND {self.undated}) ORDER BY name"""  # noqa: S608 - numbers
        )
        return tuple(name for (name,) in rows)


def _of_numbers(column: str, numbers: set[int] | None) -> list[str]:
    return [] if numbers is None else [f"{column} IN ({', '.join(map(str, sorted(numbers)))})"]


def _models(store: Store, patterns: tuple[str, ...]) -> set[int] | None:
    if not patterns:
        return None
    words = store.rows("SELECT id, text FROM word WHERE id IN (SELECT DISTINCT model FROM response)")
    return {number for number, text in words if any(fnmatchcase(text, stored_text(one)) for one in patterns)}


def _sessions(store: Store, where: Filter) -> set[int] | None:
    if not (where.agents or where.projects or where.sessions or where.origins):
        return None
    rows = store.rows("SELECT s.id, a.name, s.name, s.cwd, s.origin FROM session s JOIN agent a ON a.id = s.agent")
    return {
        number
        for number, agent, name, project, origin in rows
        if (not where.agents or agent in where.agents)
        and (not where.sessions or name in where.sessions)
        and (not where.origins or origin in where.origins)
        and (not where.projects or _is_project(project, where.projects))
    }


def _is_project(project: str | None, wanted: tuple[str, ...]) -> bool:
    return project is not None and any(stored_text(one) in {project, PurePath(project).name} for one in wanted)
