"""How responses lie in the store: what many of one session in one log share stands once, the rest in a row of each."""

from __future__ import annotations

from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    Row = tuple[Any, ...]
    """Of a response, in the order of ``responses.COLUMNS``."""

BITS: Final = 16
"""Of the number of a response in its context; the rest of its number in the store is the context's."""
_SHARED: Final = "session, source, model, tier, quality, final, effort, branch, cwd, provider, window, web_searches"
_shared: Final = itemgetter(2, 3, 6, 7, 15, 16, 18, 19, 20, 21, 23, 24)
_GROUP: Final = 0
_KEY: Final = 1
_SESSION: Final = 2
_OFFSET: Final = 4
_AT: Final = 5
_CALLS: Final = 17
_numbers: Final = itemgetter(8, 9, 10, 11, 12, 13, 14, 22)
_MILLISECOND: Final = 1000
_UNDATED: Final = 0
_AT_ONCE: Final = 1000
_INSERT: Final = f"INSERT INTO response_own VALUES ({', '.join('?' * 13)})"  # noqa: S608
_INSERT_CONTEXT: Final = f"""INSERT INTO response_context (id, {_SHARED}, unit, base, first, latest, last)
VALUES ({", ".join("?" * 18)})"""  # noqa: S608
_HERE: Final = f"id BETWEEN context.id << {BITS} AND (context.id + 1 << {BITS}) - 1"
_LENGTHEN: Final = """UPDATE response_context SET first = min(first, ?2), latest = max(latest, ?3),
last = CASE WHEN (?4, ?5) >= (SELECT offset, key FROM response_own o WHERE o.id = last) THEN ?6 ELSE last END
WHERE id = ?1"""
_FEW: Final = 16
"""Rows at both ends of a context among which its first and its latest moment mostly are."""
_AT_END: Final = f"SELECT base + unit * step FROM response_own WHERE {_HERE} ORDER BY id"  # noqa: S608
_STANDS: Final = f"""EXISTS (SELECT 1 FROM response_own o WHERE o.id = context.last) AND (unit = {_UNDATED} OR
first IN ({_AT_END} LIMIT {_FEW}) AND latest IN ({_AT_END} DESC LIMIT {_FEW}))"""  # noqa: S608
_MEND: Final = f"""UPDATE response_context AS context SET
first = base + unit * (SELECT min(step) FROM response_own WHERE {_HERE}),
latest = base + unit * (SELECT max(step) FROM response_own WHERE {_HERE}),
last = (SELECT id FROM response_own WHERE {_HERE} ORDER BY offset DESC, key DESC LIMIT 1)
WHERE id = ? AND NOT ({_STANDS})"""  # noqa: S608
_DROP_EMPTY: Final = f"""DELETE FROM response_context AS context
WHERE id = ? AND NOT EXISTS (SELECT 1 FROM response_own WHERE {_HERE})"""  # noqa: S608
_KNOWN: Final = f"""SELECT {_SHARED}, unit, id, base, (SELECT max(id) FROM response_own WHERE {_HERE}) + 1
FROM response_context AS context WHERE session IN """  # noqa: S608


class _Context(NamedTuple):
    """A context that has room for further rows."""

    number: int
    base: int | None
    next: int
    """The number of its next response."""

    @property
    def room(self) -> int:
        return (self.number + 1 << BITS) - self.next


def put_rows(connection: sqlite3.Connection, rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Write rows behind those of their contexts; returns the group and the number of each, in the order of numbers."""
    if not rows:
        return []
    together: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        together.setdefault((*_shared(row), _unit(row[_AT])), []).append(row)
    known = _known(connection, {row[_SESSION] for row in rows})
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM response_context").fetchone()
    told: list[tuple[_Context, int, list[Row]]] = []
    begun: list[tuple[Any, ...]] = []
    for shared, waiting in together.items():
        context = known.get(shared)
        rest = waiting
        while rest:
            if context is None:
                last += 1
                context = _Context(last, rest[0][_AT], last << BITS)
                some = rest[: context.room]
                begun.append((last, *shared, context.base, *_moments(context, some), _last(context, some)))
            else:
                some = rest[: context.room]
                _lengthen(connection, context, some)
            told.append((context, shared[-1], some))
            context, rest = None, rest[len(some) :]
    connection.executemany(_INSERT_CONTEXT, begun)
    told.sort(key=lambda one: one[0].next)
    connection.executemany(_INSERT, chain.from_iterable(_owned(*one) for one in told))
    return [(row[_GROUP], number) for context, _, some in told for number, row in enumerate(some, context.next)]


def drop_rows(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Take rows out, and contexts that nothing is left in."""
    gone = [(number,) for number in numbers]
    connection.executemany("DELETE FROM response_own WHERE id = ?", gone)
    contexts = [(context,) for context in sorted({number >> BITS for (number,) in gone})]
    connection.executemany(_DROP_EMPTY, contexts)
    connection.executemany(_MEND, contexts)


def _unit(at: int | None) -> int:
    if at is None:
        return _UNDATED
    return 1 if at % _MILLISECOND else _MILLISECOND


def _known(connection: sqlite3.Connection, sessions: set[int]) -> dict[tuple[Any, ...], _Context]:
    """Contexts of these sessions that have room, by what they share and their unit."""
    found = {}
    wanted = sorted(sessions)
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        for *shared, number, base, following in connection.execute(f"{_KNOWN}({', '.join('?' * len(part))})", part):
            context = _Context(number, base, following)
            if context.room:
                found[tuple(shared)] = context
    return found


def _lengthen(connection: sqlite3.Connection, context: _Context, rows: Sequence[Row]) -> None:
    last = _last(context, rows)
    row = rows[last - context.next]
    values = (context.number, *_moments(context, rows), row[_OFFSET], row[_KEY], last)
    connection.execute(_LENGTHEN, values)


def _moments(context: _Context, rows: Sequence[Row]) -> tuple[int | None, int | None]:
    """The first and the latest."""
    if context.base is None:
        return None, None
    ats = [row[_AT] for row in rows]
    return min(ats), max(ats)


def _last(context: _Context, rows: Sequence[Row]) -> int:
    """The number of the row with the greatest offset."""
    return max((row[_OFFSET], row[_KEY], number) for number, row in enumerate(rows, context.next))[2]


def _owned(context: _Context, unit: int, rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    """Of each its row; a ``bytearray``, unlike bytes, is bound without looking for an adapter."""
    base = context.base
    for number, row in enumerate(rows, context.next):
        step = 0 if base is None else (row[_AT] - base) // unit
        yield number, row[_OFFSET], step, *_numbers(row), bytearray(row[_CALLS]), bytearray(row[_KEY])
