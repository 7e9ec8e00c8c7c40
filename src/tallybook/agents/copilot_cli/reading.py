"""Lines to facts: one pass over events or telemetry, told apart line by line, whatever the order of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.copies import copied
from tallybook.agents.copilot_cli import facts, records, telemetry
from tallybook.agents.copilot_cli.doings import Doings, Progress, Spot
from tallybook.agents.copilot_cli.metrics import compaction_counts, receipt_counts, sums_of
from tallybook.agents.copilot_cli.paths import session_at
from tallybook.agents.copilot_cli.sessions import Known, Sessions
from tallybook.agents.port import Batch, Occurrence
from tallybook.agents.surrogates import mended

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Line, LogFile

_BOM: Final = b"\xef\xbb\xbf"
_KINDS: Final = frozenset(
    {"abort", "agent", "assistant", "auto_mode_switch", "capabilities", "command", "commands", "elicitation"}
    | {"exit_plan_mode", "extensions", "external_tool", "factory", "hook", "mcp", "mcp_app", "metric", "model"}
    | {"pending_messages", "permission", "sampling", "session", "session_limits_exhausted", "skill", "subagent"}
    | {"system", "tool", "tool_search", "ui", "user", "user_input", "workflow"}
)
"""What the types of events begin with."""


class State(msgspec.Struct, array_like=True):
    """What a later read of the same file must know."""

    known: Known
    family: str | None = None
    """The group of all events; a fork copies its parent's first one, and so both have the same."""
    doing: Progress = msgspec.field(default_factory=Progress)


def read(log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
    """Read complete lines that follow those which left ``state``."""
    known = msgspec.msgpack.decode(state, type=State) if state else State(Known(session_at(log.path)))
    scan = _Scan(known)
    for line in lines:
        scan.take(line)
    return scan.batch()


class _Scan:
    """One run of lines."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._sessions = Sessions(state.known)
        self._doings = Doings(state.doing)
        self._occurrences: list[Occurrence] = []
        self._links: dict[tuple[str, str], None] = {}
        self._line: Line
        self._at: int | None = None
        self._bad = 0
        self._unknown = 0

    def batch(self) -> Batch:
        """What the lines held."""
        items = self._doings.finish()
        return Batch(
            occurrences=tuple(self._occurrences),
            sessions=self._sessions.facts(),
            links=tuple(self._links),
            state=msgspec.msgpack.encode(self._state),
            bad_lines=self._bad,
            unknown_records=self._unknown,
            items=items,
        )

    def take(self, line: Line) -> None:
        """Read one line; one that cannot be understood is counted and passed over."""
        raw = line.raw.removeprefix(_BOM) if line.offset == 0 else line.raw
        self._line = line
        if not raw.isspace():
            self._bad += not (self._understood(raw) or ((whole := mended(raw)) and self._understood(whole)))

    def _understood(self, raw: bytes) -> bool:
        head = records.readable(raw, records.line)
        if head is None:
            return False
        if not records.is_absent(head.trace) or records.is_absent(head.data):
            return self._telemetry(head, raw)
        self._at = records.instant(head.timestamp)
        return self._event(head)

    def _telemetry(self, head: records.Line, raw: bytes) -> bool:
        found = telemetry.span_of(head, raw)
        if found is None:
            self._unknown += head.type not in telemetry.KINDS and head.type.partition(".")[0] not in _KINDS
            return True
        self._at = found.at
        session = found.span.session
        group = found.group or (f"session:{session}" if session else None)
        if group is None:
            return False
        if session:
            self._links[group, f"session:{session}"] = None
            self._sessions.told(session, found)
        if found.span.call:
            self._links[group, f"call:{found.span.call}"] = None
        self._keep(group, found.span)
        return True

    def _event(self, head: records.Line) -> bool:
        state = self._state
        agent = records.text(head.agent)
        identity = records.text(head.id) or f"{state.known.session}+{self._line.offset}"
        if head.type == "session.start" and state.family is None:
            self._sessions.start(records.readable(head.data, records.start), self._at)
            state.family = f"family:{identity}"
        elif state.family is None:
            state.family = f"session:{state.known.session}"
            self._keep_event(facts.Begin(f"{state.known.session}^", state.known.session, None))
        self._links[state.family, f"session:{state.known.session}"] = None
        self._sessions.seen(agent, self._at)
        known = self._usage(identity, agent, head)
        if known:
            session, is_copy = self._sessions.whose(agent, self._at), state.known.is_copied(self._at)
            told = copied(self._at) if is_copy else self._at
            self._doings.event(head.type, head.data, Spot(identity, session, self._at, told, agent is not None))
        return known

    def _usage(self, identity: str, agent: str | None, head: records.Line) -> bool:
        """Take what an event tells of usage; tell whether it can be understood."""
        match head.type:
            case "session.start" | "session.resume":
                return self._begin(identity, head)
            case "assistant.message":
                return self._answer(identity, agent, head.data)
            case "session.usage_record":
                return self._receipt(identity, agent, head.data)
            case "session.shutdown" | "session.usage_checkpoint":
                return self._snapshot(identity, head)
            case "session.compaction_complete":
                return self._compaction(identity, agent, head.data)
            case "session.model_change" if agent is None:
                change = records.readable(head.data, records.model_change)
                self._sessions.model(records.text(change.new_model) if change else None)
            case _:
                self._unknown += head.type.partition(".")[0] not in _KINDS
        return True

    def _begin(self, identity: str, head: records.Line) -> bool:
        start = records.readable(head.data, records.start)
        if start is None:
            return False
        known = self._state.known
        resumed = head.type == "session.resume"
        if resumed:
            self._sessions.model(records.text(start.selected_model))
        self._keep_event(
            facts.Begin(
                identity,
                known.session,
                None if resumed else known.born,
                joined=records.is_true(start.already_in_use) or records.is_true(start.session_was_active),
                continues=start.session_limits is not msgspec.UNSET and resumed,
            )
        )
        return True

    def _answer(self, identity: str, agent: str | None, data: records.Raw) -> bool:
        message = records.readable(data, records.message)
        if message is None:
            return False
        calls = records.readable(message.tool_requests, records.requests) or []
        call = self._call(message.api_call_id)
        model = records.text(message.model) or (self._state.known.model if agent is None else None)
        self._keep_event(
            facts.Answer(
                identity,
                agent,
                call,
                model,
                message.output_tokens,
                tuple(call.tool_call_id for call in calls if call.tool_call_id),
                records.text(message.interaction_id),
            )
        )
        return True

    def _receipt(self, identity: str, agent: str | None, data: records.Raw) -> bool:
        record = records.readable(data, records.usage_record)
        if record is None:
            return False
        usage = record.usage
        told = records.readable(usage.accounting, records.accounting) or records.Accounting()
        if agent is None:
            self._sessions.served(told.source_session_id, self._at)
        else:
            self._sessions.counted(agent, self._at)
        self._keep_event(
            facts.Receipt(
                identity,
                agent,
                told.source_session_id,
                told.sequence,
                self._call(usage.api_call_id),
                records.text(usage.model) or "unknown",
                receipt_counts(usage),
                records.text(usage.reasoning_effort),
                records.readable(usage.max_prompt_tokens, records.count),
                records.text(usage.model_provider),
            )
        )
        return True

    def _snapshot(self, identity: str, head: records.Line) -> bool:
        metrics = records.readable(head.data, records.metrics)
        found = None if metrics is None else sums_of(metrics)
        if metrics is None or found is None:
            return False
        closing = head.type == "session.shutdown"
        for agent in {one.agent: None for one in found if one.agent is not None}:
            self._sessions.counted(agent, self._at)
        if closing or found:
            receipted = not records.is_absent(metrics.watermarks)
            self._keep_event(facts.Snapshot(identity, closing, receipted, found))
        return True

    def _compaction(self, identity: str, agent: str | None, data: records.Raw) -> bool:
        event = records.readable(data, records.compacted)
        used = records.readable(event.compaction_tokens_used, records.compaction_usage) if event else None
        if event is None or used is None:
            return event is not None and records.is_absent(event.compaction_tokens_used)
        if agent is not None:
            self._sessions.counted(agent, self._at)
        model = records.text(used.model) or records.text(event.model) or self._state.known.model
        self._keep_event(facts.Compaction(identity, agent, model, compaction_counts(used)))
        return True

    def _call(self, raw: records.Raw) -> str | None:
        """The id of a response; of one that was copied, telemetry may tell whose it is."""
        call = records.text(raw)
        if call and self._state.known.is_copied(self._at):
            self._links[self._state.family or "", f"call:{call}"] = None
        return call

    def _keep_event(self, fact: facts.Fact) -> None:
        self._keep(self._state.family or "", fact)

    def _keep(self, group: str, fact: facts.Fact) -> None:
        self._occurrences.append(Occurrence(group, self._line.offset, self._at, facts.encode(fact)))
