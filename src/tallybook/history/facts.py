"""What logs say of sessions, joined so that no order of arrival shows."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tallybook.agents.port import SessionFact
from tallybook.history.names import stored_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

LATEST: Final = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""
_MAIN: Final = "main"
_FIELDS: Final = SessionFact.__struct_fields__[1:]
"""All but the session itself."""
_COLUMNS: Final = ", ".join(_FIELDS).replace("commit", "commit_id")
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


def add_facts(
    connection: sqlite3.Connection, source: int, facts: Iterable[SessionFact], sessions: dict[str, int]
) -> None:
    """Join facts of one log, in the order of its lines, with what it said before."""
    said: dict[str, SessionFact] = {}
    for fact in facts:
        said[fact.session] = fill(said[fact.session], fact) if fact.session in said else fact
    for name, fact in said.items():
        stored = connection.execute(
            f"SELECT {_COLUMNS} FROM fact WHERE source = ? AND session = ?",  # noqa: S608
            (source, sessions[name]),
        ).fetchone()
        joined = fill(SessionFact(name, *stored), fact) if stored else fact
        connection.execute(
            f"INSERT OR REPLACE INTO fact (source, session, {_COLUMNS}) VALUES (?, ?{', ?' * len(_FIELDS)})",  # noqa: S608
            (source, sessions[name], *_values(joined)),
        )


def settle_sessions(connection: sqlite3.Connection, sessions: Iterable[int]) -> None:
    """Join anew what all logs say of these sessions; one of which nothing is known any more is forgotten.

    The model is that of the last response; what facts say of it counts for sessions without one. A fork is born with
    the first response of its own, since its log may begin with the times of what it was copied from.
    """
    for session in sorted(sessions):
        facts = connection.execute(
            f"""SELECT {_COLUMNS} FROM fact JOIN source ON source.id = fact.source
            WHERE session = ? ORDER BY born_at IS NULL, born_at, source.key""",  # noqa: S608
            (session,),
        ).fetchall()
        counted = _counted(connection, session)
        if not facts and counted is None:
            connection.execute("DELETE FROM session WHERE id = ?", (session,))
            continue
        joined = reduce(fill, (SessionFact("", *fact) for fact in facts), SessionFact(""))
        if counted is not None:
            joined = replace(fill(joined, counted), model=counted.model or joined.model)
        if joined.forked_from is not None:
            joined = replace(joined, born_at=None if counted is None else counted.born_at)
        connection.execute(
            f"UPDATE session SET {_COLUMNS.replace(',', ' = ?,')} = ? WHERE id = ?",  # noqa: S608
            (*_values(joined), session),
        )


def _counted(connection: sqlite3.Connection, session: int) -> SessionFact | None:
    """What the session's responses say of it."""
    count, born_at, last_at = connection.execute(
        "SELECT count(*), min(first), max(latest) FROM response_context WHERE session = ?", (session,)
    ).fetchone()
    if not count:
        return None
    return SessionFact("", born_at=born_at, last_at=last_at, model=_last_model(connection, session))


def _last_model(connection: sqlite3.Connection, session: int) -> str | None:
    """The model of the last response whose model is known; of several of one moment, of the last in the last log."""
    known = connection.execute(
        """SELECT c.latest, source.key, word.text FROM response_context c JOIN word ON word.id = c.model
        JOIN source ON source.id = c.source WHERE c.session = ? AND word.text <> 'unknown'
        ORDER BY c.latest DESC, source.key DESC""",
        (session,),
    ).fetchall()
    models = {model for *last, model in known if last == list(known[0][:2])}
    if len(models) < 2:  # noqa: PLR2004
        return next(iter(models), None)
    at, log, _ = known[0]
    row = connection.execute(
        """SELECT word.text FROM response r JOIN word ON word.id = r.model JOIN source ON source.id = r.source
        WHERE r.session = ? AND r.at IS ? AND source.key = ? AND word.text <> 'unknown'
        ORDER BY r.offset DESC LIMIT 1""",
        (session, at, log),
    ).fetchone()
    return str(row[0])


def _values(fact: SessionFact) -> tuple[str | int | None, ...]:
    return tuple(getattr(fact, field) for field in _FIELDS)
