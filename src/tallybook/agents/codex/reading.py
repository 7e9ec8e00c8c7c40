"""Lines to facts: one pass that decodes only what tells usage, whatever the order of keys or the spacing."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.codex import facts, records
from tallybook.agents.codex.moments import microseconds
from tallybook.agents.codex.sessions import Header, header_of
from tallybook.agents.lines import LineReader, cut, lines_of
from tallybook.agents.names import directory, level, plain
from tallybook.agents.port import Batch, Line, Occurrence, SessionFact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tallybook.agents.lines import Block
    from tallybook.agents.port import LogFile

_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_THREAD_IN_NAME: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BOM: Final = b"\xef\xbb\xbf"
_LARGEST: Final = 2**40
_SKIPPED: Final = {
    b"event_msg": frozenset(kind.encode() for kind in records.EVENTS),
    b"response_item": frozenset(kind.encode() for kind in records.ITEMS),
}
_PASSED: Final = frozenset(kind + b'","payload":{"type":"' + name for kind, names in _SKIPPED.items() for name in names)
"""Skipped kinds, as ``records.SHAPE`` finds them."""
_USUAL: Final[dict[bytes, Callable[[memoryview], records.CountLine | records.CallLine]]] = {
    b'event_msg","payload":{"type":"token_count': msgspec.json.Decoder(records.CountLine).decode,
    **dict.fromkeys(
        (
            b'response_item","payload":{"type":"function_call',
            b'response_item","payload":{"type":"custom_tool_call',
            b'response_item","payload":{"type":"local_shell_call',
        ),
        msgspec.json.Decoder(records.CallLine).decode,
    ),
}
_CLOSED: Final = ord("}")
_NOTHING: Final[frozenset[bytes]] = frozenset()

_envelope: Final = msgspec.json.Decoder(records.Envelope).decode
_kind: Final = msgspec.json.Decoder(records.Kind).decode
_token_count: Final = msgspec.json.Decoder(records.TokenCount).decode
_usage_record: Final = msgspec.json.Decoder(records.UsageRecord).decode
_turn_started: Final = msgspec.json.Decoder(records.TurnStarted).decode
_turn_context: Final = msgspec.json.Decoder(records.TurnContext).decode
_settings: Final = msgspec.json.Decoder(records.SettingsApplied).decode
_tool_call: Final = msgspec.json.Decoder(records.ToolCall).decode


class State(msgspec.Struct, array_like=True):
    """What a later read of the same file must know."""

    thread: str
    named: bool
    """Whether the file has told its thread, by its first line or by its name."""
    total: facts.Counts | None = None
    call: str | None = None
    forwarding: bool = False
    """Waiting for the first count that ties a review to the thread that asked for it."""
    unsourced: bool = False
    """A main thread whose head names no fork source; an ancestor's head further down does."""
    at: int | None = None
    cwd: str | None = None
    provider: str | None = None
    window: int | None = None


_encode_state: Final = msgspec.msgpack.Encoder().encode
_decode_state: Final = msgspec.msgpack.Decoder(State).decode


def read(log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
    """Read complete lines that follow those which left ``state``."""
    scan = _Scan(log, state)
    if isinstance(lines, LineReader):
        for block in lines.blocks():
            scan.take_block(block)
    else:
        for line in lines:
            scan.take(line)
    return scan.batch()


def consistent(usage: facts.Counts) -> bool:
    """Whether the cached part of the input fits into it."""
    return usage[0] >= usage[1] + usage[2]


def _fresh_state(log: LogFile) -> State:
    found = _THREAD_IN_NAME.search(log.key.rpartition("rollout-")[2])
    return State(found.group() if found else log.key, named=found is not None)


class _Scan:
    """One run of lines."""

    def __init__(self, log: LogFile, state: bytes) -> None:
        self._state = _decode_state(state) if state else _fresh_state(log)
        self._offset = 0
        self._at: int | None = None
        self._ordinal = -1
        self._tail = b""
        self._occurrences: list[Occurrence] = []
        self._sessions: list[SessionFact] = []
        self._links: dict[tuple[str, str], None] = {}
        self._model: str | None = None
        self._bad = 0
        self._unknown = 0

    def take_block(self, block: Block) -> None:
        """Read a run of lines: the usual ones where they stand, any other by itself."""
        offset, buffer, size = block
        if buffer.find(0, 0, size) >= 0:
            for line in lines_of(block):
                self.take(line)
            return
        begin, last = 0, slice(0, 0)
        find, match, view = buffer.find, records.SHAPE.match, memoryview(buffer)
        while begin < size:
            newline = find(b"\n", begin, size)
            shape = match(buffer, begin, newline)
            kind: bytes = shape[1] if shape is not None and buffer[newline - 1] == _CLOSED else b""
            if kind in _PASSED or (kind in _USUAL and self._take_usual(kind, offset + begin, view[begin:newline])):
                last = slice(begin, newline)
            elif raw := cut(buffer, begin, newline):
                self._tail, last = bytes(view[last]) or self._tail, slice(0, 0)
                self.take(Line(offset + begin, raw))
            begin = newline + 1
        self._tail = bytes(view[last]) or self._tail

    def _take_usual(self, kind: bytes, offset: int, raw: memoryview) -> bool:
        """Read a line of a frequent kind in one go; False if it is not as expected."""
        self._offset = offset
        try:
            line: records.CountLine | records.CallLine = _USUAL[kind](raw)
            self._at = microseconds(line.timestamp)
            self._ordinal = -1 if line.ordinal is None else line.ordinal
            if isinstance(line, records.CountLine):
                self._count(line.payload)
            else:
                self._call(line.payload)
        except _FAULTS:
            return False
        return True

    def take(self, line: Line) -> None:
        """Read one line; a line that cannot be understood is counted and passed over."""
        raw = line.raw.removeprefix(_BOM) if line.offset == 0 else line.raw
        head = records.HEAD.match(raw)
        self._offset = line.offset
        if head is not None and head[2] in _SKIPPED.get(head[1], _NOTHING):
            if raw[-1:] == b"}" and b"\0" not in raw:
                self._tail = raw
            else:
                self._bad += 1
            return
        try:
            self._decode(raw)
        except _FAULTS:
            self._bad += 1
        else:
            self._tail = raw

    def batch(self) -> Batch:
        """What the lines held."""
        state = self._state
        if self._tail:
            with contextlib.suppress(*_FAULTS):  # a skipped line is not decoded before it is the last one
                state.at = microseconds(_envelope(self._tail).timestamp) or state.at
            self._sessions.append(SessionFact(state.thread, last_at=state.at, model=self._model))
        return Batch(
            occurrences=tuple(self._occurrences),
            sessions=tuple(self._sessions),
            links=tuple(self._links),
            state=_encode_state(state),
            pending_call=state.call,
            pending_session=state.thread if state.call is not None else None,
            bad_lines=self._bad,
            unknown_records=self._unknown,
        )

    def _decode(self, raw: bytes) -> None:
        line = _envelope(raw)
        self._at = microseconds(line.timestamp)
        self._ordinal = -1 if line.ordinal is None else line.ordinal
        payload = line.payload
        match line.type:
            case "event_msg":
                self._event(_kind(payload).type, payload)
            case "response_item":
                self._item(_kind(payload).type, payload)
            case "turn_context":
                self._context(payload)
            case "token_usage_record":
                self._record(payload)
            case "session_meta":
                self._meta(payload)
            case "compacted":
                self._keep(facts.Compacted(self._ordinal))
            case kind if kind in records.RECORDS or _is_item(kind):
                pass  # bare response items are the lines of logs from before September 2025
            case _:
                self._headless(line, raw)

    def _event(self, kind: str, payload: msgspec.Raw) -> None:
        match kind:
            case "token_count":
                self._count(_token_count(payload))
            case "task_started" | "turn_started":
                self._turn(payload)
            case "task_complete" | "turn_complete" | "turn_aborted":
                self._state.call = None
                self._keep(facts.Stop(self._ordinal))
            case "thread_settings_applied":
                self._settings(payload)
            case "entered_review_mode" | "exited_review_mode":
                self._state.forwarding = kind == "entered_review_mode"
                self._keep(facts.Review(self._ordinal, self._state.forwarding))
            case _:
                self._unknown += kind not in records.EVENTS

    def _item(self, kind: str, payload: msgspec.Raw) -> None:
        if kind.endswith("_call"):
            call = _tool_call(payload)
            if call.call_id:
                self._call(call)
            elif kind == "web_search_call":
                self._keep(facts.Search(self._ordinal))
        else:
            self._unknown += kind not in records.ITEMS

    def _call(self, call: records.ToolCall) -> None:
        if call.call_id:
            self._state.call = call.call_id
            self._keep(facts.Call(self._ordinal, call.call_id))

    def _count(self, counted: records.TokenCount) -> None:
        info = counted.info
        if info is None or info.total_token_usage is None:
            return
        total = info.total_token_usage.counts()
        last = None if info.last_token_usage is None else info.last_token_usage.counts()
        if last is not None and not consistent(last):
            message = "more cached input than input"
            raise ValueError(message)
        state = self._state
        if total != state.total and (last is None or last[0] or last[3]):
            state.call = None
            if state.forwarding:
                state.forwarding = False
                self._link(f"review:{'.'.join(map(str, (*total, *(last or total))))}")
        state.total = total
        self._window(info.model_context_window)
        self._keep(facts.Count(self._ordinal, total, last))

    def _record(self, payload: msgspec.Raw) -> None:
        record = _usage_record(payload)
        usage = record.usage.counts()
        if not consistent(usage):
            message = "more cached input than input"
            raise ValueError(message)
        if not record.response_id:
            return  # no key: the token_count beside it is counted instead
        if record.thread_id == self._state.thread:
            self._state.call = None
        self._link(record.thread_id)
        self._keep(facts.Record(self._ordinal, record.thread_id, record.turn_id, record.response_id, usage))

    def _turn(self, payload: msgspec.Raw) -> None:
        turn = _turn_started(payload)
        self._state.call = None
        self._keep(facts.Turn(self._ordinal, turn.turn_id, turn.started_at))
        self._window(turn.model_context_window)

    def _context(self, payload: msgspec.Raw) -> None:
        context = _turn_context(payload)
        self._model = context.model or self._model
        cwd = directory(context.cwd)
        self._keep(
            facts.Context(
                self._ordinal,
                context.turn_id,
                context.model,
                level(context.effort),
                cwd if cwd != self._state.cwd else None,
            )
        )

    def _settings(self, payload: msgspec.Raw) -> None:
        applied = _settings(payload)
        chosen = applied.thread_settings or records.ThreadSettings()
        if applied.thread_id:
            self._link(applied.thread_id)
        provider = plain(chosen.model_provider_id)
        self._keep(
            facts.Settings(
                self._ordinal,
                applied.thread_id,
                chosen.model,
                chosen.service_tier,
                level(chosen.reasoning_effort),
                provider if provider != self._state.provider else None,
            )
        )

    def _window(self, size: object) -> None:
        """Keep the size of the context where it changes."""
        if type(size) is int and 0 < size <= _LARGEST and size != self._state.window:
            self._state.window = size
            self._keep(facts.Window(self._ordinal, size))

    def _meta(self, payload: msgspec.Raw) -> None:
        header = header_of(payload, self._ordinal, self._at)
        self._adopt(header.meta.thread)
        state = self._state
        if header.meta.thread == state.thread:
            state.cwd, state.provider = header.session.cwd, header.session.provider
            state.forwarding = header.session.origin == "review" and header.meta.parent is None
            state.unsourced = header.session.origin == "main" and header.meta.forked_from is None
        elif state.unsourced:
            state.unsourced = False
            self._sessions.append(SessionFact(state.thread, forked_from=header.meta.thread))
        self._tell(header)

    def _headless(self, line: records.Envelope, raw: bytes) -> None:
        """The head of a log from before September 2025, which has no usage, or something new."""
        if line.type or bytes(line.id) == b"null":
            self._unknown += bytes(line.record_type) == b"null"
            return
        old = msgspec.json.decode(raw, type=records.OldHead)
        self._adopt(old.id)
        self._sessions.append(SessionFact(old.id, born_at=microseconds(old.timestamp)))

    def _adopt(self, thread: str) -> None:
        """Take the thread's id from the first line, or from the first that tells one where the name does not."""
        state = self._state
        if thread != state.thread and (self._offset == 0 or not state.named):
            if self._offset:
                self._links[state.thread, thread] = None
            state.thread = thread
        state.named = True

    def _tell(self, header: Header) -> None:
        self._sessions.append(header.session)
        for other in (header.meta.thread, *header.related):
            self._link(other)
        self._keep(header.meta)

    def _link(self, group: str) -> None:
        if group != self._state.thread:
            self._links[self._state.thread, group] = None

    def _keep(self, fact: facts.AnyFact) -> None:
        self._occurrences.append(Occurrence(self._state.thread, self._offset, self._at, facts.encode(fact)))


def _is_item(kind: str) -> bool:
    return kind in records.ITEMS or kind.endswith("_call")
