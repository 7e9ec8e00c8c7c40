"""Reads complete lines of one log: any split of the file into runs of lines leaves the same facts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.claude_code import costs, rows, usage
from tallybook.agents.claude_code.doings import COPY, Doings, Progress, Spot
from tallybook.agents.claude_code.prompts import Kind
from tallybook.agents.claude_code.records import (
    KNOWN,
    SYNTHETIC,
    THREADED,
    TOLD,
    Answer,
    CostState,
    Entry,
    System,
    decode,
    head_of,
    instant,
    is_on_main,
    tool_calls,
    usual,
)
from tallybook.agents.claude_code.sessions import Sessions, thread_name
from tallybook.agents.lines import LineReader, cut
from tallybook.agents.names import branch_name, directory, level
from tallybook.agents.port import Batch, Occurrence
from tallybook.agents.surrogates import mended, storable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tallybook.agents.claude_code.records import Record, Usage
    from tallybook.agents.lines import Block
    from tallybook.agents.port import Line, LogFile, OwnCounter

_BOM: Final = b"\xef\xbb\xbf"
_AGENT_FILE: Final = re.compile(r"agent-(.+)\.jsonl", re.DOTALL)
_REMEMBERED: Final = 1000
_THREADS: Final = 50


class State(msgspec.Struct, array_like=True):
    """What a later run of lines must know of the earlier ones."""

    born: int | None = None
    """Time of the first dated record."""
    live: bool = False
    """Whether that record is one that is never copied into another session's file."""
    placed: bool = False
    """Whether a record with a working directory has been seen."""
    chain: dict[int, str] = msgspec.field(default_factory=dict)
    """Roots of inline sidechains (before 2.0) by the hash of each record's uuid, the newest last."""
    pending: tuple[str, str, str] | None = None
    """Tool call, its session and its message, while the message has no final usage."""
    turns: dict[str, bytes] = msgspec.field(default_factory=dict)
    """The running turn of each thread, the newest last."""
    cwd: str | None = None
    branch: str | None = None
    """Where the first record with a working directory was written."""
    latest: int | None = None
    """Time of the last dated record that was decoded."""
    progress: Progress = msgspec.field(default_factory=Progress)


def read(log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
    """The facts in ``lines``, which follow those that left ``state``."""
    scan = _Scan(log, msgspec.msgpack.decode(state, type=State) if state else State())
    if isinstance(lines, LineReader):
        for block in lines.blocks():
            scan.block(block)
    else:
        for line in lines:
            scan.line(line)
    return scan.batch()


class _Place(msgspec.Struct, frozen=True, gc=False):
    offset: int
    at: int | None
    session: str
    thread: str
    evidence: int
    origin: str | None


class _Scan:
    def __init__(self, log: LogFile, state: State) -> None:
        path = log.path
        agent = _AGENT_FILE.fullmatch(path.name)
        self._agent = storable(agent[1]) if agent else None
        self._file_session = session_of(path)
        self._key = log.key
        self._state = state
        self._sessions = Sessions()
        self._occurrences: list[Occurrence] = []
        self._told: tuple[object, ...] = ()
        self._changed: tuple[str | None, str | None] = (None, None)
        self._bad = 0
        self._unknown = 0
        self._doings = Doings(state.progress)
        self._counters: list[OwnCounter] = []

    def batch(self) -> Batch:
        items = self._doings.finish()
        call, session, _ = self._state.pending or (None, None, None)
        return Batch(
            occurrences=tuple(self._occurrences),
            sessions=self._sessions.facts(),
            state=msgspec.msgpack.encode(self._state),
            pending_call=call,
            pending_session=session,
            bad_lines=self._bad,
            unknown_records=self._unknown,
            items=items,
            limits=tuple(self._doings.limits),
            counters=tuple(self._counters),
        )

    def block(self, block: Block) -> None:
        """Read a run of lines; those whose kind says nothing are not cut out of it."""
        offset, buffer, size = block
        begin, find, view = 0, buffer.find, memoryview(buffer)
        while begin < size:
            newline = find(b"\n", begin, size)
            kind, head = head_of(buffer, begin, newline)
            if kind in TOLD and (record := usual(kind, view[begin:newline])) is not None:
                self._record(offset + begin, record)
            elif self._tells(kind, head):
                self._take(offset + begin, cut(buffer, begin, newline), kind)
            else:
                self._unknown += kind not in KNOWN
            begin = newline + 1

    def line(self, line: Line) -> None:
        kind, head = head_of(line.raw, 0, len(line.raw))
        if self._tells(kind, head):
            self._take(line.offset, line.raw, kind)
        else:
            self._unknown += kind not in KNOWN

    def _tells(self, kind: str | None, head: bytes) -> bool:
        """Whether a record must be decoded: all, until time and place are known, and while a call is pending."""
        if kind is None or kind in TOLD or (kind in THREADED and (self._agent is not None or not is_on_main(head))):
            return True
        return self._state.born is None or not self._state.placed or self._state.pending is not None

    def _take(self, offset: int, line: bytes, kind: str | None) -> None:
        raw = line.removeprefix(_BOM)
        if not raw or raw.isspace():
            return
        record = decode(raw, kind)
        if record is None:
            from tallybook.agents.claude_code.partly import answer_in  # noqa: PLC0415 - few lines need it

            self._bad += 1
            whole = mended(raw)
            record = (decode(whole, kind) if whole else None) or answer_in(whole or raw)
        if record is not None:
            self._record(offset, record)

    def _record(self, offset: int, record: Record) -> None:
        state = self._state
        self._unknown += record.type not in KNOWN
        at = instant(record.timestamp)
        early = state.born is None or not state.placed
        if state.born is None and at is not None:
            state.born, state.live = at, record.uuid is None
        thread = self._thread(record) if self._agent is not None or record.sidechain or record.agent else ""
        evidence = _evidence(state, at)
        origin = record.origin if record.forked_from or record.request_session else None
        place = _Place(offset, at, record.session or self._file_session, thread, evidence, origin)
        if early and record.session:
            if not state.placed and isinstance(record.cwd, str):
                state.placed, state.cwd, state.branch = True, directory(record.cwd), branch_name(record.branch)
            self._seen(record, place)
        if record.type == "user":
            state.pending = None
        self._tell(record, place)
        state.latest = at or state.latest

    def _tell(self, record: Record, place: _Place) -> None:
        """What the record tells by its kind."""
        if type(record) is Answer:  # quicker than isinstance, and there are very many records
            if record.message.model == SYNTHETIC:
                self._doings.failed(record, self._spot(record, place))
            elif record.message.usage:
                self._count(record, record.message.usage, place)
                self._doings.answer(record, self._spot(record, place))
        elif type(record) is Entry:
            self._entry(record, place)
        elif type(record) is System:
            self._doings.system(record, self._spot(record, place))
        elif type(record) is CostState:
            self._counters += costs.counters(record, place.session, self._state.latest)

    def _spot(self, record: Record, place: _Place) -> Spot:
        """A copy is told later than what it is a copy of."""
        at, session, thread, origin = place.at, place.session, place.thread, place.origin
        key = record.uuid or f"{self._key}:{place.offset}"
        copied = origin is not None or place.evidence == rows.COPIED
        if at is not None and (thread or copied):
            at += (2 * COPY if copied else 0) + (COPY if thread else 0)
        if thread or origin is not None:
            session = thread_name(origin or session, thread)
        return Spot(session, at, key, not thread)

    def _thread(self, record: Record) -> str:
        """Empty for the main conversation; before 2.0 a sidechain stands inline and is told by its first record."""
        agent = record.agent or self._agent
        if agent is None and record.sidechain:
            agent = self._root(record)
        return f"agent-{agent}" if agent else ""

    def _root(self, record: Record) -> str:
        chain = self._state.chain
        own = record.uuid or "sidechain"
        root = chain.get(rows.fingerprint(record.parent), own) if record.parent else own
        if record.uuid:
            chain[rows.fingerprint(record.uuid)] = root
            if len(chain) > _REMEMBERED:
                del chain[next(iter(chain))]
        return root

    def _seen(self, record: Record, place: _Place, model: str | None = None) -> None:
        at = None if place.evidence == rows.COPIED else place.at
        fact = self._sessions.fact(place.session, place.thread)
        fact.seen(at, record, model)
        if not place.thread and not fact.forked_from:
            fact.forked_from = place.origin

    def _entry(self, entry: Entry, place: _Place) -> None:
        kind = self._doings.entry(entry, self._spot(entry, place))
        turn = rows.packed_uuid(entry.prompt) or (rows.packed_uuid(entry.uuid) if kind is Kind.HUMAN else None)
        if turn is not None:
            turns = self._state.turns
            turns.pop(place.thread, None)
            turns[place.thread] = turn
            if len(turns) > _THREADS:
                del turns[next(iter(turns))]

    def _count(self, answer: Answer, counts: Usage, place: _Place) -> None:
        row = self._row(answer, counts, place)
        group = answer.message.id or answer.uuid or f"{self._key}:{place.offset}"
        self._occurrences.append(Occurrence(group, place.offset, place.at, rows.encode(row)))
        self._seen(answer, place, row.model)
        pending = self._state.pending
        if row.calls and not row.final:
            self._state.pending = (row.calls[-1], thread_name(place.session, place.thread), group)
        elif pending and (row.final or pending[2] != group):
            self._state.pending = None

    def _where(self, record: Answer) -> tuple[str | None, str | None]:
        """Branch and directory, where they are not the first record's; they hardly ever change."""
        told = (record.branch, record.cwd, self._state.branch, self._state.cwd)
        if told != self._told:
            branch = _changed(branch_name(record.branch), self._state.branch)
            self._told, self._changed = told, (branch, _changed(directory(record.cwd), self._state.cwd))
        return self._changed

    def _row(self, record: Answer, counts: Usage, place: _Place) -> rows.Row:
        message, block, origin = record.message, record.block, place.origin
        branch, cwd = self._where(record)
        return rows.Row(  # by position, in the order of its fields: eight times as fast
            rows.packed(place.session),
            place.evidence,
            self._state.born,
            rows.fingerprint(record.uuid) if record.uuid else None,
            record.request or None,
            place.thread,
            message.stop_reason is not None,
            usage.finished(record, counts),
            block if type(block) is int and 0 <= block < _REMEMBERED else -1,
            usage.name(message.model),
            usage.tier(counts),
            usage.parts(counts, counts),
            tool_calls(message),
            rows.packed(origin) if origin else None,
            rows.packed(record.ancestor) if record.ancestor not in (None, "", place.session) else None,
            usage.advisors(counts, record.advisor) if counts.iterations else (),
            self._state.turns.get(place.thread),
            level(record.effort) if record.effort is not None else None,
            branch,
            cwd,
            usage.searches(counts) if counts.server_tool_use else 0,
        )


def _evidence(state: State, at: int | None) -> int:
    born = state.born
    if at is None or born is None:
        return rows.UNPROVED
    if at < born:
        return rows.COPIED
    return rows.LIVE if state.live else rows.UNPROVED


def _changed(value: str | None, first: str | None) -> str | None:
    return None if value == first else value


def session_of(path: Path) -> str:
    """The session that a log belongs to by its place, for records that do not say it."""
    parts = path.parts
    if "subagents" in parts[1:]:
        return storable(parts[len(parts) - 1 - parts[::-1].index("subagents") - 1])
    return storable(path.stem)
