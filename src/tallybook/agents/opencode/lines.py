"""What has changed in a database since the last look, block by block; of a large one, a part at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tallybook.agents.opencode import records
from tallybook.agents.opencode.database import opened
from tallybook.agents.opencode.rows import BITS, TABLES, Block, MessageRow, Rest, SessionRow, State, encode, state_of
from tallybook.agents.port import Line, UnreadableRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.agents.opencode.database import Snapshot, Table
    from tallybook.agents.port import LogFile

MOST: Final = 16_384
"""Rows after which the rest waits for the next look, so that memory does not grow with the database."""
LONGEST: Final = 64 * 1024 * 1024
"""Characters of one message."""
_NEEDED: Final = frozenset({"id", "session_id", "data"})
_SUM_BITS: Final = 44


def lines(log: LogFile, state: bytes) -> Iterator[Line]:
    """Each block that is new, has changed or is open, as a line, behind it its rows; ``Rest`` is the last line."""
    with opened(log) as snapshot:
        if snapshot is None:
            return
        tables = snapshot.tables()
        if not tables:
            return
        missing = _NEEDED - tables.get("message", frozenset())
        if missing:
            what = f"column {min(missing)!r}" if "message" in tables else "table"
            message = f"it has no {what} of messages that this version knows"
            raise UnreadableRows(message)
        for fact in _Look(snapshot, tables, state_of(state)).facts():
            yield Line(0, encode(fact))


class _Found(NamedTuple):
    """One block as it stands."""

    number: int
    rows: int
    sum: int
    newest: int | None


class _Look:
    """One look at a database."""

    def __init__(self, snapshot: Snapshot, tables: Table, past: State) -> None:
        self._snapshot = snapshot
        self._tables = tables
        self._schema = snapshot.schema()
        self._past = past if past.schema == self._schema else State()
        self._run = self._past.run + (not self._past.more)
        self._left = MOST

    def facts(self) -> Iterator[Block | SessionRow | MessageRow | Rest]:
        """All lines, decoded."""
        more = False
        numbers: list[tuple[int, ...]] = []
        for table, name in enumerate(TABLES):
            blocks = self._blocks(name)
            numbers.append(tuple(block.number for block in blocks))
            newest = max((block.newest for block in blocks if block.newest is not None), default=None)
            for block in blocks:
                is_open = block.newest is None or block.newest == newest
                if not self._is_new(table, block, is_open=is_open):
                    continue
                if self._left <= 0:
                    more = True
                    break
                self._left -= block.rows
                yield Block(table, block.number, block.sum, is_open)
                yield from self._sessions(block.number) if name == "session" else self._messages(block.number)
        yield Rest(self._schema, self._run, more, self._unknown(), tuple(numbers))

    def _unknown(self) -> int:
        """Answers that stand in the table which is to follow that of messages, and not in this."""
        if not {"id", "type"} <= self._tables.get("session_message", frozenset()):
            return 0
        query = """SELECT count(*) FROM session_message
            WHERE type = 'assistant' AND id NOT IN (SELECT id FROM message)"""
        ((count,),) = self._snapshot.rows(query)
        return int(count)

    def _blocks(self, table: str) -> list[_Found]:
        if table not in self._tables:
            return []
        dated = "time_updated" in self._tables[table]
        moment = "CASE WHEN typeof(time_updated) = 'integer' THEN time_updated END" if dated else "NULL"
        place = f"(rowid & {(1 << BITS) - 1}) + 1"
        query = f"""SELECT rowid >> {BITS}, count(*), sum(({place}) * (coalesce({moment}, 0) % 2147483647 + 7)),
            max({moment}) FROM {table} GROUP BY 1 ORDER BY 1"""  # noqa: S608 - names of this module
        return [
            _Found(number, count, (count << _SUM_BITS) + weight, newest)
            for number, count, weight, newest in self._snapshot.rows(query)
        ]

    def _is_new(self, table: int, block: _Found, *, is_open: bool) -> bool:
        """An open one is read once by each run: what is written in the same millisecond does not move its sum."""
        seen = self._past.seen[table].get(block.number)
        if seen is None or seen.sum != block.sum:
            return True
        return (is_open or seen.run is not None) and seen.run != self._run

    def _sessions(self, block: int) -> Iterator[SessionRow]:
        columns = ("id", "parent_id", "directory", "version", "time_created", "time_updated", "title")
        query = f"SELECT {self._columns('session', columns)} FROM session s WHERE {_within('s')}"  # noqa: S608 - see above
        for identity, parent, directory, version, created, updated, title in self._snapshot.rows(query, _span(block)):
            yield SessionRow(
                _text(identity),
                _text(parent),
                _text(directory),
                _text(version),
                _number(created),
                _number(updated),
                records.is_fork(_text(title)),
            )

    def _messages(self, block: int) -> Iterator[MessageRow]:
        join, told = "", "NULL, NULL, NULL"
        if "id" in self._tables.get("session", ()):
            join, told = (
                "LEFT JOIN session s ON s.id = m.session_id",
                self._columns("session", ("id", "time_created", "title")),
            )
        query = f"""SELECT m.id, m.session_id, CASE WHEN length(m.data) <= {LONGEST} THEN m.data END, {told}
            FROM message m {join} WHERE {_within("m")} ORDER BY m.rowid"""  # noqa: S608 - see above
        for identity, session, data, known, born, title in self._snapshot.rows(query, _span(block)):
            raw = data if isinstance(data, bytes) else None
            record = None if raw is None else records.whole(raw)
            role = None if record is None else records.text(record.role)
            if role is not None and role != "assistant":
                continue
            steps = () if record is None or not isinstance(identity, bytes) else self._steps(identity, record)
            yield MessageRow(
                _text(identity),
                _text(session),
                known is not None,
                _number(born),
                records.is_fork(_text(title)),
                raw,
                steps,
            )

    def _steps(self, message: bytes, record: records.Record) -> tuple[bytes, ...]:
        """The parts that end a step, where the message itself tells of its last one alone, or of none."""
        tokens = records.readable(record.tokens, records.tokens) or records.Tokens()
        counts = (tokens.input, tokens.output, tokens.reasoning, tokens.total)
        cache = tokens.cache or records.Cache()
        if records.text(record.finish) is not None and any((*counts, cache.read, cache.write)):
            return ()
        if not {"message_id", "data"} <= self._tables.get("part", frozenset()):
            return ()
        query = "SELECT data FROM part WHERE message_id = CAST(? AS TEXT)"
        parts = (records.readable(data, records.part) for (data,) in self._snapshot.rows(query, (message,)) if data)
        return tuple(bytes(part.tokens) for part in parts if part is not None and part.type == "step-finish")

    def _columns(self, table: str, names: tuple[str, ...]) -> str:
        """The columns of an alias, NULL for those that this database does not have."""
        there = self._tables[table]
        return ", ".join(f"{table[0]}.{name}" if name in there else "NULL" for name in names)


def _within(alias: str) -> str:
    return f"{alias}.rowid >= ? AND {alias}.rowid < ?"


def _span(block: int) -> tuple[int, int]:
    return block << BITS, (block + 1) << BITS


def _text(value: Any) -> str | None:  # noqa: ANN401 - SQLite's columns hold whatever was put there
    if not isinstance(value, bytes):
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _number(value: Any) -> int | float | None:  # noqa: ANN401 - see above
    return value if isinstance(value, int | float) else None
