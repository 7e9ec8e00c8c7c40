"""What logs say of sessions, joined so that no order of arrival shows."""

from __future__ import annotations

from functools import reduce
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from tallybook.agents.port import SessionFact
from tallybook.history.names import stored_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

LATEST: Final = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""
_MAIN: Final = "main"
_FIELDS: Final = SessionFact.__struct_fields__[1:]
"""All but the session itself."""
_COLUMNS: Final = ", ".join(_FIELDS).replace("commit", "commit_id")
_values: Final[Callable[[SessionFact], tuple[Any, ...]]] = attrgetter(*_FIELDS)
_AT_ONCE: Final = 1000
_TEXTS: Final = tuple(field for field in _FIELDS if not field.endswith("_at"))


def moment(at: int | None) -> int | None:
    """A moment between 1970 and 9999; anything else is as good as none."""
    return at if at is not None and 0 <= at <= LATEST else None


def fill(earlier: SessionFact, later: SessionFact) -> SessionFact:
    """What both say: the earlier one has the word, the later fills its gaps; the last activity is the latest."""
    moments = [at for at in (earlier.last_at, later.last_at) if at is not None]
    return SessionFact(
        earlier.session,
        later.parent if earlier.parent is None else earlier.parent,
        later.forked_from if earlier.forked_from is None else earlier.forked_from,
        later.born_at if earlier.born_at is None else earlier.born_at,
        max(moments, default=None),
        later.cwd if earlier.cwd is None else earlier.cwd,
        later.model if earlier.model is None else earlier.model,
        later.origin if earlier.origin == _MAIN else earlier.origin,
        later.branch if earlier.branch is None else earlier.branch,
        later.commit if earlier.commit is None else earlier.commit,
        later.version if earlier.version is None else earlier.version,
        later.entry if earlier.entry is None else earlier.entry,
        later.provider if earlier.provider is None else earlier.provider,
    )


def clean(fact: SessionFact) -> SessionFact:
    """A fact that the store can hold."""
    texts = {field: text for field in _TEXTS if (text := getattr(fact, field)) is not None and not text.isascii()}
    return replace(
        fact,
        session=stored_text(fact.session),
        born_at=moment(fact.born_at),
        last_at=moment(fact.last_at),
        **{field: stored_text(text) for field, text in texts.items()},
    )


def fact_rows(
    connection: sqlite3.Connection, source: int, facts: Iterable[SessionFact], sessions: dict[str, int]
) -> list[tuple[Any, ...]]:
    """Rows of facts of one log, in the order of its lines, joined with what it said before."""
    rows = []
    for name, fact in _said(facts).items():
        stored = connection.execute(
            f"SELECT {_COLUMNS} FROM fact WHERE source = ? AND session = ?",  # noqa: S608
            (source, sessions[name]),
        ).fetchone()
        joined = fill(SessionFact(name, *stored), fact) if stored else fact
        rows.append((source, sessions[name], *_values(joined)))
    return rows


def first_fact_rows(source: int, facts: Iterable[SessionFact], sessions: dict[str, int]) -> list[tuple[Any, ...]]:
    """The same of a log that has said nothing before."""
    return [(source, sessions[name], *_values(fact)) for name, fact in _said(facts).items()]


def put_facts(connection: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write such rows."""
    insert = f"INSERT OR REPLACE INTO fact (source, session, {_COLUMNS}) VALUES (?, ?{', ?' * len(_FIELDS)})"  # noqa: S608
    connection.executemany(insert, rows)


def settle_sessions(connection: sqlite3.Connection, sessions: Iterable[int]) -> None:
    """Join anew what all logs say of these sessions; one of which nothing is known any more is forgotten.

    The model is that of the last response; what facts say of it counts for sessions without one. A fork is born with
    the first response of its own, since its log may begin with the times of what it was copied from.
    """
    wanted = sorted(sessions)
    for start in range(0, len(wanted), _AT_ONCE):
        _settle(connection, wanted[start : start + _AT_ONCE])


def _settle(connection: sqlite3.Connection, sessions: Sequence[int]) -> None:
    rows = connection.execute(
        f"""SELECT session, {_COLUMNS} FROM fact JOIN source ON source.id = fact.source
        WHERE session IN ({_marks(sessions)}) ORDER BY session, born_at IS NULL, born_at, source.key""",  # noqa: S608
        sessions,
    )
    facts = {session: [SessionFact("", *row[1:]) for row in told] for session, told in groupby(rows, itemgetter(0))}
    counted = _counted(connection, sessions)
    settled = [
        (*_values(_joined(facts.get(session, ()), counted.get(session))), session)
        for session in sessions
        if session in facts or session in counted
    ]
    update = f"UPDATE session SET {_COLUMNS.replace(',', ' = ?,')} = ? WHERE id = ?"  # noqa: S608
    connection.executemany(update, settled)
    unknown = [(session,) for session in sessions if session not in facts and session not in counted]
    connection.executemany("DELETE FROM session WHERE id = ?", unknown)


def _joined(facts: Iterable[SessionFact], counted: SessionFact | None) -> SessionFact:
    joined = reduce(fill, facts, SessionFact(""))
    if counted is not None:
        joined = replace(fill(joined, counted), model=counted.model or joined.model)
    if joined.forked_from is not None:
        joined = replace(joined, born_at=None if counted is None else counted.born_at)
    return joined


def _counted(connection: sqlite3.Connection, sessions: Sequence[int]) -> dict[int, SessionFact]:
    """What responses say of those of the sessions that have some."""
    rows = connection.execute(
        f"""SELECT session, min(first), max(latest) FROM response_context
        WHERE session IN ({_marks(sessions)}) GROUP BY session""",  # noqa: S608
        sessions,
    ).fetchall()
    models = _last_models(connection, sessions)
    return {
        session: SessionFact("", born_at=born_at, last_at=last_at, model=models.get(session))
        for session, born_at, last_at in rows
    }


def _last_models(connection: sqlite3.Connection, sessions: Sequence[int]) -> dict[int, str]:
    """The model of the last response whose model is known; of several of one moment, of the last in the last log."""
    rows = connection.execute(
        f"""SELECT c.session, c.latest, source.key, word.text FROM response_context c JOIN word ON word.id = c.model
        JOIN source ON source.id = c.source WHERE c.session IN ({_marks(sessions)}) AND word.text <> 'unknown'
        ORDER BY c.session, c.latest DESC, source.key DESC""",  # noqa: S608
        sessions,
    ).fetchall()
    found = {}
    for session, told in groupby(rows, itemgetter(0)):
        known = [row[1:] for row in told]
        at, log, model = known[0]
        several = len({model for *last, model in known if last == [at, log]}) > 1
        found[session] = _last_of(connection, session, at, log) if several else model
    return found


def _last_of(connection: sqlite3.Connection, session: int, at: int | None, log: str) -> str:
    """The known model of the last response of a session in one log that is of this moment."""
    row = connection.execute(
        """SELECT word.text FROM response r JOIN word ON word.id = r.model JOIN source ON source.id = r.source
        WHERE r.session = ? AND r.at IS ? AND source.key = ? AND word.text <> 'unknown'
        ORDER BY r.offset DESC LIMIT 1""",
        (session, at, log),
    ).fetchone()
    return str(row[0])


def _said(facts: Iterable[SessionFact]) -> dict[str, SessionFact]:
    """All that facts say of each session."""
    said: dict[str, SessionFact] = {}
    for fact in facts:
        said[fact.session] = fill(said[fact.session], fact) if fact.session in said else fact
    return said


def _marks(values: Sequence[int]) -> str:
    return ", ".join("?" * len(values))
