"""Chats to facts: every telling of an answer is one; a whole document is its own head with messages in it."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.documents import Torn, decoded
from tallybook.agents.gemini_cli import facts, records, sessions
from tallybook.agents.port import Batch, Occurrence, SessionFact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Line, LogFile

_KINDS: Final = frozenset({"user", "gemini", "info", "error", "warning"})
_APART: Final = 20_000
"""Calls of one answer are noted at one moment; those of the next can't be within so many microseconds."""


class State(msgspec.Struct, array_like=True):
    """What a later read of the same log must know."""

    session: str
    born: int | None = None
    project: str | None = None
    """Hash of the directory, as long as nothing has told which that is."""
    model: str | None = None
    """Of the whole chat; a message has its own."""
    last: dict[int, int] = msgspec.field(default_factory=dict)
    """By the id of a message, what it told the last time; both as fingerprints."""


_encode_state: Final = msgspec.msgpack.Encoder().encode
_decode_state: Final = msgspec.msgpack.Decoder(State).decode


def read(log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
    """Read complete lines that follow those which left ``state``, or one document."""
    scan = _Scan(log, _decode_state(state) if state else State(sessions.first_name(log)))
    for line in lines:
        record = decoded(line.raw, records.record)
        if log.whole and isinstance(record, Torn):
            return Batch(torn=record.why)
        scan.take(None if isinstance(record, Torn) else record, line.offset)
    return scan.batch()


class _Scan:
    """One run of lines, or one document."""

    def __init__(self, log: LogFile, state: State) -> None:
        self._log = log
        self._state = state
        self._place = 0
        self._occurrences: list[Occurrence] = []
        self._sessions: dict[str, SessionFact] = {}
        self._bad = 0
        self._unknown = 0

    def take(self, record: records.Record | None, offset: int) -> None:
        """Read one record; what it is is told by the fields that Gemini itself looks at, in its order."""
        self._place = offset
        if record is None or (record.rewound and records.text(record.rewound) is None):
            self._bad += 1
        elif record.rewound:
            pass  # what is rewound has been served
        elif records.text(record.id) or records.text(record.type):
            self._message(record)
        elif record.patch:
            self._patch(records.readable(record.patch, records.record))
        elif records.text(record.session_id):
            self._head(record)
        else:
            self._unknown += 1

    def batch(self) -> Batch:
        """What was read."""
        return Batch(
            occurrences=tuple(self._occurrences),
            sessions=tuple(self._sessions.values()),
            state=b"" if self._log.whole else _encode_state(self._state),
            bad_lines=self._bad,
            unknown_records=self._unknown,
        )

    def _head(self, record: records.Record) -> None:
        self._name(record)
        state = self._state
        fact = sessions.head_fact(record, state.session, self._log)
        state.born = fact.born_at if state.born is None else state.born
        state.project = records.text(record.project_hash)
        state.model = records.text(record.model)
        self._tell(fact)
        self._locate(record)
        self._metadata(record)

    def _patch(self, record: records.Record | None) -> None:
        if record is None:
            self._bad += 1
            return
        self._name(record)
        if record.directories:
            self._locate(record)
        self._metadata(record)

    def _name(self, record: records.Record) -> None:
        """Take the session that is told; another one than before begins anew."""
        identity = records.text(record.session_id)
        name = sessions.scoped(identity, self._log) if identity else self._state.session
        if name != self._state.session:
            self._state.session, self._state.born = name, None

    def _locate(self, record: records.Record) -> None:
        state = self._state
        if state.project is None:
            return
        cwd = sessions.place(state.project, self._log, records.readable(record.directories, records.texts) or ())
        if cwd is not None:
            state.project = None
            self._tell(SessionFact(state.session, cwd=cwd))

    def _metadata(self, record: records.Record) -> None:
        self._moved(records.instant(record.start_time))
        self._moved(records.instant(record.last_updated))
        if record.messages and record.messages != records.NULL:
            messages = records.readable(record.messages, records.listed)
            self._bad += messages is None
            for raw in messages or ():
                self._inner(records.readable(raw, records.record))

    def _inner(self, message: records.Record | None) -> None:
        if message is None:
            self._bad += 1
        else:
            self._message(message)

    def _message(self, message: records.Record) -> None:
        at = records.instant(message.timestamp)
        self._moved(at)
        kind = records.text(message.type)
        if kind != "gemini":
            self._unknown += kind not in _KINDS
        elif message.tokens == records.NULL:
            if model := records.text(message.model):  # what the agent itself has put there names none
                self._answer(message, at, None, model)
        elif message.tokens:
            counts = records.readable(message.tokens, records.tokens)
            if counts is None:
                self._bad += 1
            else:
                self._answer(message, at, counts, records.text(message.model))

    def _answer(
        self, message: records.Record, at: int | None, tokens: records.Tokens | None, model: str | None
    ) -> None:
        state, identity = self._state, records.text(message.id)
        if identity is None and at is None:
            self._bad += 1  # nothing tells it from another
            return
        calls = records.readable(message.tool_calls, records.tool_calls) or []
        fact = facts.Answer(
            session=state.session,
            born=state.born,
            unique=identity is None or sessions.UUID.fullmatch(identity) is not None,
            model=model or state.model or "unknown",
            counts=None if tokens is None else facts.Counts(*msgspec.structs.astuple(tokens)),
            calls=tuple(call for one in calls if (call := records.text(one.id))),
            joined=_is_joined(calls),
        )
        self._keep(identity or f"{state.session}@{at}", at, fact)

    def _keep(self, group: str, at: int | None, fact: facts.Answer) -> None:
        """Keep what a message tells, unless it tells the same as the last time."""
        data = facts.encode(fact)
        name, told = _fingerprint(group.encode()), _fingerprint(data + repr(at).encode())
        if self._state.last.get(name) == told:
            return
        self._state.last[name] = told
        self._occurrences.append(Occurrence(group, self._next(at), at, data))
        if fact.model != "unknown":
            self._tell(SessionFact(fact.session, model=fact.model))

    def _next(self, at: int | None) -> int:
        """Where it stands: the line; in a document, where bytes move, the moment, or right behind what is before it."""
        if self._log.whole:
            self._place = self._place + 1 if at is None or at <= self._place else at
        return self._place

    def _moved(self, at: int | None) -> None:
        if at is not None:
            self._tell(SessionFact(self._state.session, last_at=at))

    def _tell(self, fact: SessionFact) -> None:
        """Join a fact with what these lines said before of its session."""
        said = self._sessions.get(fact.session)
        self._sessions[fact.session] = fact if said is None else sessions.joined(said, fact)


def _is_joined(calls: list[records.ToolCall]) -> bool:
    """Whether calls were noted at more than one moment, which only those of several answers are."""
    moments = sorted(at for one in calls if (at := records.instant(one.timestamp)) is not None)
    return any(later - earlier > _APART for earlier, later in pairwise(moments))


def _fingerprint(raw: bytes) -> int:
    return int.from_bytes(blake2b(raw, digest_size=8).digest())
