"""What has changed in a database since the last look, block by block; of a large one, a part at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.agents.opencode import records
from tallybook.agents.opencode.database import columns, number_of, opened, span, text_of, within
from tallybook.agents.opencode.messages import DATA, Messages
from tallybook.agents.opencode.rows import BITS, TABLES, Block, MessageRow, Rest, SessionRow, State, encode, state_of
from tallybook.agents.port import Line, UnreadableRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.agents.opencode.database import Snapshot, Table
    from tallybook.agents.opencode.records import Tokens
    from tallybook.agents.port import LogFile

MOST: Final = 16_384
"""Rows after which the rest waits for the next look, so that memory does not grow with the database."""
_TOLD: Final = ("id", "parent_id", "directory", "version", "time_created", "time_updated", "title", "revert")
_USED: Final = ("tokens_input", "tokens_output", "tokens_reasoning", "tokens_cache_read", "tokens_cache_write")
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
        messages = Messages(self._snapshot, self._tables)
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
                yield from self._sessions(block.number) if name == "session" else messages.of(block.number)
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
        told = columns(self._tables, "session", _TOLD + _USED)
        query = f"SELECT {told} FROM session s WHERE {within('s')}"  # noqa: S608 - see above
        for row in self._snapshot.rows(query, span(block)):
            identity, parent, directory, version, created, updated, title, revert, *used = row
            is_fork = records.is_fork(text_of(title))
            counted = tuple(one for one in used if type(one) is int)
            tells = len(counted) == len(_USED) and any(counted)
            yield SessionRow(
                text_of(identity),
                text_of(parent),
                text_of(directory),
                text_of(version),
                number_of(created),
                number_of(updated),
                is_fork,
                records.readable(revert, records.revert) if isinstance(revert, bytes) else None,
                counted if tells else None,
                tuple(self._copied(identity, created)) if tells and is_fork else (),
            )

    def _copied(self, session: object, born: object) -> Iterator[Tokens]:
        """What the answers have used that a fork begins with."""
        if not isinstance(session, bytes) or type(born) is not int or "time_created" not in self._tables["message"]:
            return
        query = f"""SELECT {DATA.format("data")} FROM message
            WHERE session_id = CAST(? AS TEXT) AND time_created < ?"""  # noqa: S608 - names of this module
        for (data,) in self._snapshot.rows(query, (session, born)):
            record = records.whole(data) if isinstance(data, bytes) else None
            if record is not None and record.tokens is not None:
                yield record.tokens
