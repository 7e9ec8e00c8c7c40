"""Rows and documents to facts: each message is one, under its id, whichever of the two stores has it."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.agents import names
from tallybook.agents.documents import Torn, decoded
from tallybook.agents.opencode import facts, records
from tallybook.agents.opencode.rows import (
    TABLES,
    Block,
    MessageRow,
    Rest,
    Seen,
    SessionRow,
    State,
    decode,
    encode,
    state_of,
)
from tallybook.agents.port import Batch, Occurrence, SessionFact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Line, LogFile


def document(log: LogFile, lines: Iterable[Line]) -> Batch:
    """Read one JSON file: a message, if it tells a role, else a session."""
    scan = _Scan()
    named = PurePosixPath(log.key)  # which is text, whatever the file system holds
    for line in lines:
        record = decoded(line.raw, records.record)
        if isinstance(record, Torn):
            return Batch(torn=record.why)
        identity = named.stem if record is None else records.text(record.id) or named.stem
        if record is None:
            scan.bad += 1
        elif records.told(record.role):
            home = records.text(record.session) or named.parent.name
            scan.message(_Answer(identity, facts.Session(home, None, fork=False)), record)
        else:
            scan.document(identity, record)
    return scan.batch(b"")


def rows(lines: Iterable[Line], state: bytes) -> Batch:
    """Read the rows of a database that have changed since ``state``."""
    past = state_of(state)
    scan = _Scan()
    seen: tuple[dict[int, tuple[Block, int]], ...] = tuple({} for _ in TABLES)
    block: Block | None = None
    rest: Rest | None = None
    for line in lines:
        fact = decode(line.raw)
        if isinstance(fact, Block):
            block = fact
            seen[fact.table][fact.number] = fact, 0
        elif isinstance(fact, Rest):
            rest = fact
        elif not scan.row(fact) and block is not None:
            seen[block.table][block.number] = block, seen[block.table][block.number][1] + 1
    if rest is None:
        return scan.batch(state)
    now = _state(past if past.schema == rest.schema else State(), rest, seen)
    scan.bad = sum(one.bad for blocks in now.seen for one in blocks.values())
    scan.unknown = rest.unknown
    return scan.batch(encode(now), more=rest.more)


def _state(past: State, rest: Rest, seen: tuple[dict[int, tuple[Block, int]], ...]) -> State:
    tables = []
    for there, before, read in zip(rest.blocks, past.seen, seen, strict=True):
        fresh = {
            number: Seen(block.sum, bad, rest.run if block.open else None) for number, (block, bad) in read.items()
        }
        tables.append(
            {number: fresh.get(number) or before[number] for number in there if number in fresh or number in before}
        )
    return State(rest.schema, rest.run, rest.more, tuple(tables))


class _Answer(msgspec.Struct):
    """What is known of a message beside its JSON."""

    id: str
    home: facts.Session
    known: bool = False
    """``home`` is all that can be known of the session."""
    row: bool = False
    steps: tuple[bytes, ...] = ()


class _Scan:
    """Some messages and sessions."""

    def __init__(self) -> None:
        self._occurrences: list[Occurrence] = []
        self._sessions: list[SessionFact] = []
        self._links: list[tuple[str, str]] = []
        self.bad = 0
        self.unknown = 0

    def batch(self, state: bytes, *, more: bool = False) -> Batch:
        """All that was found."""
        return Batch(
            occurrences=tuple(self._occurrences),
            sessions=tuple(self._sessions),
            links=tuple(self._links),
            state=state,
            bad_lines=self.bad,
            unknown_records=self.unknown,
            more=more,
        )

    def row(self, row: SessionRow | MessageRow) -> bool:
        """Take one row; tell whether it can be understood."""
        if not row.id:
            return False
        if isinstance(row, SessionRow):
            fact = SessionFact(
                row.id,
                parent=row.parent or None,
                born_at=records.instant(row.created),
                last_at=records.instant(row.updated),
                cwd=names.directory(row.directory),
                version=names.version_name(row.version),
            )
            self._session(fact, fork=row.fork)
            return True
        record = None if row.data is None else records.whole(row.data)
        if record is None or not row.session or records.text(record.role) is None:
            return False
        home = facts.Session(row.session, records.instant(row.born), row.fork)
        return self.message(_Answer(row.id, home, row.known, row=True, steps=row.steps), record)

    def document(self, identity: str, record: records.Record) -> None:
        """Take the file of a session."""
        if not any(records.told(raw) for raw in (record.id, record.time, record.directory)):
            self.bad += 1
            return
        born, _, last = records.times(record.time)
        fact = SessionFact(
            identity,
            parent=records.text(record.parent),
            born_at=born,
            last_at=last,
            cwd=names.directory(records.text(record.directory)),
            version=names.version_name(records.text(record.version)),
        )
        self._session(fact, fork=records.is_fork(records.text(record.title)))

    def message(self, answer: _Answer, record: records.Record) -> bool:
        """Take a message; tell whether it can be understood. One that no model wrote leaves nothing."""
        if records.text(record.role) != "assistant":
            return True
        tokens = records.readable(record.tokens, records.tokens)
        if tokens is None and records.told(record.tokens):
            self.bad += 1
            return False
        created, completed, _ = records.times(record.time)
        turn = records.text(record.parent)
        told = _counts(tokens)
        identity = (records.text(record.model), records.text(record.provider), records.text(record.agent))
        fact = facts.Message(
            id=answer.id,
            home=answer.home,
            created=created,
            completed=completed,
            model=identity[0] or "unknown",
            provider=names.plain(identity[1]),
            like=_digest((created, *identity)),
            print=_digest((created, completed, *identity, told.parts, told.total)),
            counts=_stepped(told, answer.steps),
            end=_end(record, completed),
            stepped=bool(answer.steps),
            row=answer.row,
            turn=None if turn is None else _digest(turn).hex(),
            effort=names.level(records.text(record.variant)),
        )
        self._keep(answer, fact)
        if not answer.known:
            place = records.readable(record.path, records.place) or records.Place()
            at = completed if completed is not None else created
            self._sessions.append(
                SessionFact(answer.home.id, last_at=at, cwd=names.directory(records.text(place.cwd)), model=identity[0])
            )
        return True

    def _session(self, fact: SessionFact, *, fork: bool) -> None:
        parent = fact.parent if fact.parent != fact.session else None
        self._sessions.append(replace(fact, parent=parent, origin="subagent" if parent else "main"))
        data = facts.encode(facts.Session(fact.session, fact.born_at, fork))
        self._occurrences.append(Occurrence(f"session/{fact.session}", fact.born_at or 0, None, data))

    def _keep(self, answer: _Answer, fact: facts.Message) -> None:
        at = fact.completed if fact.completed is not None else fact.created
        group = f"message/{fact.id}"
        self._occurrences.append(Occurrence(group, fact.created or 0, at, facts.encode(fact)))
        if fact.created is not None:
            self._links.append((group, f"at/{fact.created}"))
        if not answer.known:
            self._links.append((group, f"session/{answer.home.id}"))


def _counts(tokens: records.Tokens | None) -> facts.Counts:
    if tokens is None:
        return facts.Counts()
    cache = tokens.cache or records.Cache()
    return facts.Counts(tokens.input, cache.read, cache.write, tokens.output, tokens.reasoning, tokens.total)


def _stepped(told: facts.Counts, steps: tuple[bytes, ...]) -> facts.Counts:
    """The sum of all steps where these are more than the one that the message tells of."""
    counts = [_counts(records.readable(step, records.tokens)) for step in steps]
    if len(counts) <= 1 or not all(one.known == len(one.parts) for one in counts):
        return told
    parts = [sum(part or 0 for part in column) for column in zip(*(one.parts for one in counts), strict=True)]
    if any(part < (own or 0) for part, own in zip(parts, told.parts, strict=True)):
        return told
    return facts.Counts(*parts)


def _end(record: records.Record, completed: int | None) -> facts.End:
    if completed is None:
        return facts.End.OPEN
    if records.told(record.error) and records.text(record.finish) is None:
        return facts.End.BROKEN
    return facts.End.COMPLETE


def _digest(told: object) -> bytes:
    return blake2b(repr(told).encode(), digest_size=8).digest()
