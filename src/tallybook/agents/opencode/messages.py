"""Messages of a database, each with what is known of it beside itself: its parts, its session, what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.agents.opencode import records
from tallybook.agents.opencode.database import columns, number_of, span, text_of, within
from tallybook.agents.opencode.doings import ends_turn
from tallybook.agents.opencode.parts import part_of
from tallybook.agents.opencode.rows import MessageRow

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from tallybook.agents.opencode.database import Snapshot, Table
    from tallybook.agents.opencode.parts import Part

LONGEST: Final = 64 * 1024 * 1024
"""Characters of one message."""
DATA: Final = f"CASE WHEN length({{0}}) <= {LONGEST} THEN {{0}} END"
_PARTS: Final = frozenset({"id", "message_id", "data"})
_MILLISECOND: Final = 1000

Beside = tuple[records.Record | None, records.Record | None, bool]
"""The user's message before, the one that is answered, and whether that asks for a summary."""
_NOTHING: Final[Beside] = (None, None, False)


class _Row(NamedTuple):
    number: int
    id: str | None
    session: str | None
    told: records.Record | None
    known: bool
    born: int | float | None
    fork: bool
    sent: bool

    @property
    def tells(self) -> bool:
        """Whether it tells anything, or nobody understands it."""
        role = None if self.told is None else self.told.role
        return role in {None, "assistant"} or (role == "user" and bool(self.id and self.session))

    @property
    def is_stepped(self) -> bool:
        """Its steps tell more than itself."""
        return self.told is not None and not (self.told.finish and self.told.tokens)


class Messages:
    """The messages of one snapshot."""

    def __init__(self, snapshot: Snapshot, tables: Table) -> None:
        self._snapshot = snapshot
        self._tables = tables
        self._has_parts = tables.get("part", frozenset()) >= _PARTS
        self._prompts: dict[str, records.Record] = {}
        """Of the block that is being read, by their ids."""

    def of(self, block: int) -> Iterator[MessageRow]:
        """The messages of a block that tell anything, and those that nobody understands."""
        found = [one for one in self._rows(block) if one.tells]
        self._prompts = {one.id: one.told for one in found if one.id and one.told and one.told.role == "user"}
        parts = self._parts_of(block, {one.number for one in found if one.is_stepped})
        for one in found:
            earlier, asked, requested = self._beside(one)
            yield MessageRow(
                one.id,
                one.session,
                one.known,
                one.born,
                one.fork,
                one.told,
                tuple(parts.get(one.number, ())) if self._has_parts else None,
                one.sent,
                earlier,
                asked,
                requested,
            )

    def _rows(self, block: int) -> Iterator[_Row]:
        join, told = "", "NULL, NULL, NULL, NULL"
        if "id" in self._tables.get("session", ()):
            join, told = (
                "LEFT JOIN session s ON s.id = m.session_id",
                columns(self._tables, "session", ("id", "time_created", "title", "parent_id")),
            )
        query = f"""SELECT m.rowid, m.id, m.session_id, {DATA.format("m.data")}, {told}
            FROM message m {join} WHERE {within("m")} ORDER BY m.rowid"""  # noqa: S608 - names of this package
        for number, identity, session, data, known, born, title, parent in self._snapshot.rows(query, span(block)):
            yield _Row(
                number,
                text_of(identity),
                text_of(session),
                records.whole(data) if isinstance(data, bytes) else None,
                known is not None,
                number_of(born),
                records.is_fork(text_of(title)),
                parent is not None,
            )

    def _beside(self, row: _Row) -> Beside:
        record = row.told
        if record is None or not row.session:
            return _NOTHING
        if record.role == "user":
            return self._earlier(row.session, record), None, False
        parent = record.parent
        if parent is not None and ends_turn(record):
            return None, self._prompts.get(parent) or self._prompt(parent), False
        if parent is not None and record.summary is True:
            return None, None, self._asks_for_summary(parent)
        return _NOTHING

    def _prompt(self, message: str) -> records.Record | None:
        query = f"SELECT {DATA.format('data')} FROM message WHERE id = CAST(? AS TEXT)"  # noqa: S608 - see above
        found = (data for (data,) in self._snapshot.rows(query, (_bytes(message),)) if isinstance(data, bytes))
        return next(map(records.whole, found), None)

    def _earlier(self, session: str, record: records.Record) -> records.Record | None:
        """The user's message before in the same session."""
        created = record.moment("created")
        if created is None or "time_created" not in self._tables["message"]:
            return None
        query = f"""SELECT {DATA.format("data")} FROM message
            WHERE session_id = CAST(? AS TEXT) AND time_created < ? AND instr(data, '"user"')
            ORDER BY time_created DESC, id DESC"""  # noqa: S608 - see above
        for (data,) in self._snapshot.rows(query, (_bytes(session), created // _MILLISECOND)):
            before = records.whole(data) if isinstance(data, bytes) else None
            if before is not None and before.role == "user":
                return before
        return None

    def _parts_of(self, block: int, stepped: Container[int]) -> dict[int, list[Part]]:
        """The parts of all messages of a block, by the number of the message's row."""
        found: dict[int, list[Part]] = {}
        if self._has_parts:
            query = f"""SELECT m.rowid, p.data FROM message m JOIN part p ON p.message_id = m.id WHERE {within("m")}
                ORDER BY m.rowid, p.id"""  # noqa: S608 - see above
            for number, data in self._snapshot.rows(query, span(block)):
                if not isinstance(data, bytes) or len(data) > LONGEST:
                    continue
                part = part_of(data, steps=number in stepped)
                if part is not None:
                    found.setdefault(number, []).append(part)
        return found

    def _asks_for_summary(self, message: str) -> bool:
        if not self._has_parts:
            return False
        query = "SELECT data FROM part WHERE message_id = CAST(? AS TEXT)"
        told = (part_of(data) for (data,) in self._snapshot.rows(query, (_bytes(message),)) if isinstance(data, bytes))
        return any(part is not None and part.kind == "compaction" for part in told)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
