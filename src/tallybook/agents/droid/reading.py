"""A document to the total that stands in it now, and the file beside it to moments; both under names that outlive them.

A later version of the document has another total, so the name of a total holds the total itself and when it was
written. What was seen once stays, and the set of all that was seen is what is counted.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents import values
from tallybook.agents.copies import copied
from tallybook.agents.documents import Torn, decoded
from tallybook.agents.droid import facts, records
from tallybook.agents.droid.doings import Doings, Progress, Spot
from tallybook.agents.droid.paths import session_of
from tallybook.agents.names import entry_name, level, plain, safe_name
from tallybook.agents.port import Batch, Occurrence, OwnCounter, SessionFact
from tallybook.agents.surrogates import mended
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.agents.port import ItemRow, Line, LogFile

COUNTER: Final = "session"
"""The scope of the counter that a document has."""
UNREPORTED: Final = ("cache_write_5m", "cache_write_1h")
_BOM: Final = b"\xef\xbb\xbf"


class State(msgspec.Struct, array_like=True):
    """What a later run of lines must know of the earlier ones."""

    parent: str | None = None
    """The session that this one goes on from, as long as its lines may still prove that it took over its total."""
    origin: str | None = None
    """The session that lines are copied from, up to the message ``copying``."""
    copying: str | None = None
    sent: bool = False
    """Another session has sent this one."""
    progress: Progress = msgspec.field(default_factory=Progress)


def read_document(log: LogFile, lines: Iterable[Line]) -> Batch:
    """Read one document."""
    batch = Batch()
    for line in lines:
        settings = decoded(line.raw, records.settings)
        if isinstance(settings, Torn):
            return Batch(torn=settings.why)
        batch = Batch(bad_lines=1) if settings is None else _document(log, settings)
    return batch


def _document(log: LogFile, settings: records.Settings) -> Batch:
    session, model = session_of(PurePath(log.key).name), values.text(settings.model)
    provider = plain(values.text(settings.provider_lock))
    fact = SessionFact(session, model=model, provider=provider)
    locked = values.instant(settings.provider_lock_timestamp)
    items = tuple(_approval(session, locked, settings))
    usage = values.readable(settings.token_usage, records.token_usage)
    if usage is None:
        return Batch(sessions=(fact,), bad_lines=bytes(settings.token_usage) != b"null", items=items)
    totals = facts.Totals(
        usage.input_tokens or 0,
        usage.cache_creation_tokens or 0,
        usage.cache_read_tokens or 0,
        usage.output_tokens or 0,
        usage.thinking_tokens or 0,
    )
    effort = level(values.text(settings.reasoning_effort))
    told = facts.Snapshot(session, log.written, locked, model or "unknown", totals, provider, effort)
    data = facts.encode(told)
    group = f"{session}={blake2b(data, digest_size=12).hexdigest()}"
    place = totals.sum if log.written is None else log.written
    occurrence, counter = Occurrence(group, place, locked, data), _counter(told)
    return Batch((occurrence,), (fact,), ((group, session),), items=items, counters=(counter,))


def _approval(session: str, at: int | None, settings: records.Settings) -> Iterator[ItemRow]:
    """The policy of approval as the document has it; each that was seen is told once."""
    name = safe_name(values.text(settings.autonomy_mode))
    if name:
        yield f"{session}={name}", session, at, "approval", name, None, None


def _counter(told: facts.Snapshot) -> OwnCounter:
    totals = told.totals
    tokens = TokenVector(
        input=totals.input,
        cache_read=totals.read,
        cache_write_unknown=totals.write,
        output=totals.output,
        reasoning=min(totals.thinking, totals.output),
    )
    return OwnCounter(told.session, told.written, COUNTER, None, tokens, UNREPORTED)


def read_lines(log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
    """Read complete lines that follow those which left ``state``."""
    scan = _Scan(session_of(PurePath(log.key).name), msgspec.msgpack.decode(state, type=State) if state else State())
    for line in lines:
        scan.line(line)
    return scan.batch()


class _Scan:
    def __init__(self, session: str, state: State) -> None:
        self._session = session
        self._state = state
        self._fact = SessionFact(session)
        self._occurrences: list[Occurrence] = []
        self._links: dict[tuple[str, str], None] = {}
        self._doings = Doings(state.progress)
        self._span: tuple[int, int] | None = None
        """From the first moment to the last."""
        self._bad = 0
        self._unknown = 0

    def batch(self) -> Batch:
        items = self._doings.finish()  # which the state is to know of
        if self._span is not None:
            self._add(born_at=self._span[0], last_at=self._span[1])
        return Batch(
            occurrences=tuple(self._occurrences),
            sessions=(self._fact,),
            links=tuple(self._links),
            state=msgspec.msgpack.encode(self._state),
            bad_lines=self._bad,
            unknown_records=self._unknown,
            items=items,
        )

    def line(self, line: Line) -> None:
        raw = line.raw.removeprefix(_BOM)
        if not raw or raw.isspace():
            return
        record = values.readable(raw, records.record)
        if record is None and (whole := mended(raw)):
            record = values.readable(whole, records.record)
        if record is None:
            self._bad += 1
            return
        self._unknown += record.type not in records.KNOWN
        at = values.moment(record.timestamp)
        self._seen(at)
        match record.type:
            case "session_start":
                self._start(record)
            case "compaction_state":
                self._doings.compacted(record, self._spot(line, record, at))
                self._compacted(line.offset, at)
            case "message":
                self._message(line, record, at)
            case "agent_turn_outcome":
                self._doings.outcome(record, self._spot(line, record, at))

    def _spot(self, line: Line, record: records.Record, at: int | None) -> Spot:
        """Where a line stands; what was copied from another session is told as that one's, and later."""
        state = self._state
        identity = values.named(record.id) or values.named(record.turn_id)
        key = identity or f"@{at}#{blake2b(line.raw, digest_size=8).hexdigest()}"
        if state.copying is None or state.origin is None:
            return Spot(key, self._session, at, state.sent)
        if identity == state.copying:
            state.copying = None
        return Spot(key, state.origin, copied(at), state.sent)

    def _start(self, record: records.Record) -> None:
        caller, parent = values.text(record.calling_session_id), values.text(record.parent)
        forked = record.forked_at_message_id is not msgspec.UNSET
        state = self._state
        if isinstance(record.forked_at_message_id, msgspec.Raw) and parent != self._session:
            state.origin, state.copying = parent, values.text(record.forked_at_message_id)
        state.sent = caller is not None and caller != self._session
        self._add(cwd=values.text(record.cwd))
        if caller is not None and caller != self._session:
            self._add(parent=caller, origin="subagent")
        elif parent is not None and parent != self._session:
            if forked:
                self._add(forked_from=parent)
            else:
                state.parent = parent

    def _compacted(self, offset: int, at: int | None) -> None:
        """A session that begins with the summary of another one goes on with its total."""
        origin, self._state.parent = self._state.parent, None
        if origin is None:
            return
        self._add(parent=origin, origin="compaction")
        self._links[self._session, origin] = None
        self._keep(offset, at, facts.Origin(self._session, origin))

    def _message(self, line: Line, record: records.Whole | records.Line, at: int | None) -> None:
        told = record.message
        message = values.readable(told, records.message) if isinstance(told, msgspec.Raw) else told
        self._bad += message is None
        self._state.parent = None
        spot = self._spot(line, record, at)
        if message is not None:
            self._doings.message(message, spot)
            if self._fact.entry is None and (entry := entry_name(values.named(message.user_message_source))):
                self._add(entry=entry)
        if at is not None and message is not None:
            self._keep(line.offset, at, facts.Message(self._session, message.role == "assistant"))

    def _keep(self, offset: int, at: int | None, fact: facts.Fact) -> None:
        self._occurrences.append(Occurrence(self._session, offset, at, facts.encode(fact)))

    def _seen(self, at: int | None) -> None:
        if at is not None:
            born, last = self._span or (at, at)
            self._span = min(born, at), max(last, at)

    def _add(self, **told: object) -> None:
        self._fact = msgspec.structs.replace(self._fact, **told)
