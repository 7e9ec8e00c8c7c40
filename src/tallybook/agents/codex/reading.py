"""Lines to facts: one pass that decodes only what tells usage, whatever the order of keys or the spacing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.codex import facts, records
from tallybook.agents.codex.doings import Doings
from tallybook.agents.codex.limits import Limits
from tallybook.agents.codex.moments import microseconds
from tallybook.agents.codex.sessions import Header, header_of
from tallybook.agents.codex.state import encode, state_of
from tallybook.agents.codex.telling import TOLD_QUICKLY, Telling
from tallybook.agents.lines import LineReader, cut, lines_of, on_demand
from tallybook.agents.names import directory, level, plain
from tallybook.agents.port import Batch, Line, Occurrence, SessionFact

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

    from tallybook.agents.lines import Block
    from tallybook.agents.port import LogFile

_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_BOM: Final = b"\xef\xbb\xbf"
_LARGEST: Final = 2**40
_SKIPPED: Final = frozenset(
    f'{line}","payload":{{"type":"{kind}'.encode()
    for line, kinds in (("event_msg", records.EVENTS), ("response_item", records.ITEMS))
    for kind in kinds
)
"""Kinds that tell nothing of usage, as ``records.SHAPE`` finds them."""
_TOLD: Final = {kind: tell for kind, tell in TOLD_QUICKLY.items() if kind in _SKIPPED}
_PASSED: Final = _SKIPPED - _TOLD.keys()
_CALLS: Final = {
    f'response_item","payload":{{"type":"{kind}'.encode(): kind
    for kind in ("function_call", "custom_tool_call", "local_shell_call", "web_search_call")
}
_COUNT: Final = b'event_msg","payload":{"type":"token_count'
_CLOSED: Final = ord("}")
_SPACE: Final = b" \t\r"
"""What JSON allows at the end of a line."""

_count_line: Final = on_demand(records.CountLine)
_call_line: Final = on_demand(records.CallLine)
_envelope: Final = on_demand(records.Envelope)
_kind: Final = on_demand(records.Kind)
_token_count: Final = on_demand(records.TokenCount)
_usage_record: Final = on_demand(records.UsageRecord)
_turn_started: Final = on_demand(records.TurnStarted)
_turn_context: Final = on_demand(records.TurnContext)
_turn_ended: Final = on_demand(records.TurnEnded)
_settings: Final = on_demand(records.SettingsApplied)
_tool_call: Final = on_demand(records.ToolCall)
_running: Final = msgspec.json.Decoder(records.Usage | None).decode


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


class _Scan:
    """One run of lines."""

    def __init__(self, log: LogFile, state: bytes) -> None:
        self._state = state_of(log, state)
        self._offset = self._block = 0
        self._at: int | None = None
        self._ordinal = -1
        self._tail = b""
        self._occurrences: list[Occurrence] = []
        self._sessions: list[SessionFact] = []
        self._links: dict[tuple[str, str], None] = {}
        self._model: str | None = None
        self._bad = 0
        self._unknown = 0
        self._owner = self._state.progress.owner
        self._owner.thread = self._owner.thread or self._state.thread
        self._doings = Doings(self._state.progress)
        self._telling = Telling(self._doings)
        self._limits = Limits(self._state.limits, self._state.running)

    def take_block(self, block: Block) -> None:
        """Read a run of lines: the usual ones where they stand, any other by itself."""
        offset, buffer, size = block
        self._block = offset
        if buffer.find(0, 0, size) >= 0:
            for line in lines_of(block):
                self.take(line)
            return
        begin = first = last = 0  # the last line that was understood where it stands lies between the latter two
        find, match, view = buffer.find, records.SHAPE.match, memoryview(buffer)
        while begin < size:
            newline = find(b"\n", begin, size)
            shape = match(buffer, begin, newline)
            if shape is not None and buffer[newline - 1] == _CLOSED:
                kind: bytes = shape[2]
                if kind in _PASSED or self._take_quickly(kind, shape, view):
                    first, last = begin, newline
                    begin = newline + 1
                    continue
            if raw := cut(buffer, begin, newline):
                self._tail, first = bytes(view[first:last]) or self._tail, last
                self.take(Line(offset + begin, raw))
            begin = newline + 1
        self._tail = bytes(view[first:last]) or self._tail

    def _take_quickly(self, kind: bytes, shape: re.Match[bytes], view: memoryview) -> bool:
        """Read a line of a frequent kind in one go; False if it is not as expected."""
        try:
            if kind in _TOLD:
                if self._owner.copying:
                    return False
                _TOLD[kind](self._telling, shape, view)
                return True
            begin = shape.start()
            self._offset = self._block + begin
            if kind == _COUNT:
                counted = _count_line(view[begin : shape.endpos])
                self._stand(counted.timestamp, counted.ordinal)
                self._count(counted.payload)
            elif kind in _CALLS:
                called = _call_line(view[begin : shape.endpos])
                self._stand(called.timestamp, called.ordinal)
                self._called(_CALLS[kind], called.payload)
            else:
                return False
        except _FAULTS:
            return False
        return True

    def take(self, line: Line) -> None:
        """Read one line; a line that cannot be understood is counted and passed over."""
        raw = line.raw.removeprefix(_BOM) if line.offset == 0 else line.raw
        shape = records.SHAPE.match(raw)
        self._offset = line.offset
        kind = shape[2] if shape is not None else b""
        skipped = kind in _SKIPPED
        if skipped and (raw.rstrip(_SPACE)[-1:] != b"}" or b"\0" in raw):
            self._bad += 1
            return
        try:
            if shape is None or not skipped or (kind in _TOLD and self._owner.copying):
                self._decode(raw)
            elif kind in _TOLD:
                _TOLD[kind](self._telling, shape, memoryview(raw))
        except _FAULTS:
            self._bad += 1
        else:
            self._tail = raw

    def _stand(self, timestamp: str | None, ordinal: int | None) -> None:
        self._at = microseconds(timestamp)
        self._ordinal = -1 if ordinal is None else ordinal
        if self._owner.copying:
            self._owner.line(self._ordinal, self._at)

    def batch(self) -> Batch:
        """What the lines held."""
        state = self._state
        if self._tail:
            with contextlib.suppress(*_FAULTS):  # a skipped line is not decoded before it is the last one
                state.at = microseconds(_envelope(self._tail).timestamp) or state.at
            self._sessions.append(SessionFact(state.thread, last_at=state.at, model=self._model))
        return Batch(
            items=self._doings.finish(),
            limits=self._limits.finish(),
            counters=state.counters() if self._tail else (),
            occurrences=tuple(self._occurrences),
            sessions=tuple(self._sessions),
            links=tuple(self._links),
            state=encode(state),
            pending_call=state.call,
            pending_session=state.thread if state.call is not None else None,
            bad_lines=self._bad,
            unknown_records=self._unknown,
        )

    def _decode(self, raw: bytes) -> None:
        line = _envelope(raw)
        self._stand(line.timestamp, line.ordinal)
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
                self._doings.compacted(self._at)
            case kind if kind in records.RECORDS:
                pass
            case kind if _is_item(kind):
                self._bare(kind, raw)  # the lines of logs from before September 2025
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
                end = "aborted" if kind == "turn_aborted" else "completed"
                self._doings.turn_ended(_turn_ended(payload), end, self._at)
            case "thread_settings_applied":
                self._settings(payload)
            case "entered_review_mode" | "exited_review_mode":
                self._state.forwarding = kind == "entered_review_mode"
                self._keep(facts.Review(self._ordinal, self._state.forwarding))
                if self._state.forwarding:
                    self._doings.review(self._at)
            case _:
                self._unknown += kind not in records.EVENTS
                self._telling.event(kind, payload, self._at)

    def _item(self, kind: str, payload: msgspec.Raw) -> None:
        if kind.endswith("_call"):
            self._called(kind, _tool_call(payload))
        else:
            self._unknown += kind not in records.ITEMS
            self._telling.item(kind, payload, self._at)

    def _called(self, kind: str, call: records.ToolCall) -> None:
        if call.call_id:
            self._state.call = call.call_id
            self._keep(facts.Call(self._ordinal, call.call_id))
        elif kind == "web_search_call":
            self._keep(facts.Search(self._ordinal))
        self._doings.call(kind, call, self._at)

    def _bare(self, kind: str, raw: bytes) -> None:
        if kind.endswith("_call"):
            self._doings.call(kind, _tool_call(raw), self._at)
        else:
            self._telling.item(kind, raw, self._at)

    def _count(self, counted: records.TokenCount) -> None:
        if not self._owner.copying and self._at is not None:
            self._limits.take(bytes(counted.rate_limits), self._state.thread, self._at)
        info = counted.info
        if info is None or info.total_token_usage is None:
            return
        total = info.total_token_usage.counts()
        last = None if info.last_token_usage is None else info.last_token_usage.counts()
        if last is not None and not facts.consistent(last):
            message = "more cached input than input"
            raise ValueError(message)
        state = self._state
        if total != state.total and (last is None or last[0] or last[3]):
            state.call = None
            if state.forwarding:
                state.forwarding = False
                self._link(f"review:{'.'.join(map(str, (*total, *(last or total))))}")
        state.total = total
        if info.model_context_window != state.window:
            self._window(info.model_context_window)
        if self._owner.copying:
            state.counted.copied(total)
        elif not state.forwarding:
            state.counted.own(total, last, self._at)
        self._keep(facts.Count(self._ordinal, total, last))

    def _record(self, payload: msgspec.Raw) -> None:
        record = _usage_record(payload)
        usage = record.usage.counts()
        if not facts.consistent(usage):
            message = "more cached input than input"
            raise ValueError(message)
        if not record.response_id:
            return  # no key: the token_count beside it is counted instead
        self._owner.named(record.thread_id)
        if record.thread_id == self._state.thread:
            self._state.call = None
            running = _running(record.thread_token_usage)
            if running is not None:
                self._state.recorded.own(running.counts(), usage, self._at)
        self._link(record.thread_id)
        self._keep(facts.Record(self._ordinal, record.thread_id, record.turn_id, record.response_id, usage))

    def _turn(self, payload: msgspec.Raw) -> None:
        turn = _turn_started(payload)
        self._state.call = None
        self._owner.turn(turn.turn_id, turn.started_at)
        self._doings.turn_started(turn.turn_id, self._at)
        self._keep(facts.Turn(self._ordinal, turn.turn_id, turn.started_at))
        self._window(turn.model_context_window)

    def _context(self, payload: msgspec.Raw) -> None:
        context = _turn_context(payload)
        self._owner.turn(context.turn_id, None)
        if not self._owner.copying:
            self._model = self._model or context.model  # the first one, however the file has grown
        self._doings.context(context, self._at)
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
        self._owner.named(applied.thread_id)
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
        self._owner.head(header.meta, state.thread)
        self._doings.thread(header.meta.thread, header.raw, self._at)
        self._tell(header)

    def _headless(self, line: records.Envelope, raw: bytes) -> None:
        """The head of a log from before September 2025, which has no usage, or something new."""
        if line.type or bytes(line.id) == b"null":
            self._unknown += bytes(line.record_type) == b"null"
            return
        old = msgspec.json.decode(raw, type=records.OldHead)
        self._adopt(old.id)
        self._owner.thread = self._state.thread
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
