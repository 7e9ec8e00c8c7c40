"""Chats to facts: every telling of an answer is one; a whole document is its own head with messages in it."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.copies import copied
from tallybook.agents.documents import Torn, decoded
from tallybook.agents.gemini_cli import facts, records, sessions
from tallybook.agents.gemini_cli.doings import Doings, Progress, Spot
from tallybook.agents.port import Batch, Occurrence, SessionFact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tallybook.agents.port import Line, LogFile

_KINDS: Final = frozenset({"user", "gemini", "info", "error", "warning"})


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
    doing: Progress = msgspec.field(default_factory=Progress)


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
        self._last: dict[str, int] = {}
        """The latest moment of each session."""
        self._doings = Doings(state.doing)
        self._bad = 0
        self._unknown = 0

    def take(self, record: records.Record | None, offset: int) -> None:
        """Read one record; what it is is told by the fields that Gemini itself looks at, in its order."""
        self._place = offset
        if record is None or (record.rewound and records.text(record.rewound) is None):
            self._bad += 1
        elif record.rewound:
            self._doings.rewound(records.text(record.rewound) or "", self._state.session)
        elif records.text(record.id) or records.text(record.type):
            self._message(record)
        elif record.patch:
            self._patch(records.readable(record.patch, records.record))
        elif records.text(record.session_id):
            self._head(record)
        else:
            self._stranger(record.type, record.id, record.session_id)

    def _stranger(self, *names: records.Raw) -> None:
        """A record of no known kind; it is a bad one where a name of it is no text."""
        if any(map(records.is_wrong, names)):
            self._bad += 1
        else:
            self._unknown += 1

    def batch(self) -> Batch:
        """What was read."""
        return Batch(
            occurrences=tuple(self._occurrences),
            sessions=tuple(self._facts()),
            state=b"" if self._log.whole else _encode_state(self._state),
            bad_lines=self._bad,
            unknown_records=self._unknown,
            items=tuple(self._doings.items),
        )

    def _facts(self) -> Iterator[SessionFact]:
        for name, fact in self._sessions.items():
            at = self._last.get(name)
            yield fact if at is None else sessions.joined(fact, SessionFact(name, last_at=at))

    def _head(self, record: records.Record) -> None:
        self._name(record)
        state = self._state
        fact = sessions.head_fact(record, state.session, self._log)
        state.born = fact.born_at if state.born is None else state.born
        state.project = records.text(record.project_hash)
        state.model = records.text(record.model)
        state.doing.sent = fact.origin != "main"
        self._tell(fact)
        self._locate(record)
        self._metadata(record, self._message)

    def _patch(self, record: records.Record | None) -> None:
        if record is None:
            self._bad += 1
            return
        self._name(record)
        if record.directories:
            self._locate(record)
        self._metadata(record, self._repeated)

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

    def _metadata(self, record: records.Record, take: Callable[[records.Record], None]) -> None:
        self._moved(records.instant(record.start_time))
        self._moved(records.instant(record.last_updated))
        if record.messages and record.messages != records.NULL:
            messages = records.readable(record.messages, records.listed)
            self._bad += messages is None
            for raw in messages or ():
                message = records.readable(raw, records.record)
                if message is None:
                    self._bad += 1
                else:
                    take(message)

    def _repeated(self, message: records.Record) -> None:
        """A message of a history that is written once more, with what the program itself has put into it."""
        at = records.instant(message.timestamp)
        identity, kind = records.text(message.id), records.text(message.type)
        if kind == "user" and identity is not None:
            session = self._state.session
            key = identity if sessions.UUID.fullmatch(identity) else f"{session}/{identity}"
            self._doings.repeated(message.content, Spot(key, session, at, at))
        self._moved(at)
        self._tell_of(kind, message, at, None)

    def _message(self, message: records.Record) -> None:
        """A message that is written, or what has become of it."""
        at = records.instant(message.timestamp)
        self._moved(at)
        kind = records.text(message.type)
        spot = self._spot(records.text(message.id), at)
        if spot is not None and kind == "user":
            self._doings.asked(message.content, spot)
        elif spot is not None and kind != "gemini" and kind in _KINDS:
            self._doings.said(kind or "", message.content, spot)
        self._tell_of(kind, message, at, spot)

    def _spot(self, identity: str | None, at: int | None) -> Spot | None:
        """A message by what all its copies share; None where nothing tells it from another."""
        session, born = self._state.session, self._state.born
        if identity is None and at is None:
            return None
        if identity is None or at is None or sessions.UUID.fullmatch(identity):
            key = f"{session}@{at}" if identity is None else identity
            key = key if at is not None or sessions.UUID.fullmatch(key) else f"{session}/{identity}"
        else:
            key = f"{identity}@{at}"
        old = at is not None and born is not None and at < born
        return Spot(key, session, at, copied(at) if old else at)

    def _tell_of(self, kind: str | None, message: records.Record, at: int | None, spot: Spot | None) -> None:
        """Take what a message tells of usage, and of what the model did, if it has a spot."""
        if kind != "gemini":
            if kind not in _KINDS:
                self._stranger(message.type)
            return
        calls = records.readable(message.tool_calls, records.tool_calls) or []
        if spot is not None and calls:
            self._doings.calls(calls, spot)
        model = records.text(message.model)
        if message.tokens == records.NULL:
            counts = None
            if model is None:
                return  # the agent itself has put it there
        elif message.tokens:
            counts = records.readable(message.tokens, records.tokens)
            self._bad += counts is None
            if counts is None:
                return
        else:
            return
        if spot is not None:
            self._doings.answer(message, bool(counts and counts.thoughts), spot)
            self._doings.model(model or self._state.model, spot)
        self._answer(message, at, counts, calls)

    def _answer(
        self, message: records.Record, at: int | None, tokens: records.Tokens | None, calls: list[records.ToolCall]
    ) -> None:
        state, identity, model = self._state, records.text(message.id), records.text(message.model)
        if identity is None and at is None:
            self._bad += 1  # nothing tells it from another
            return
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
        said = self._sessions.get(fact.session)
        if fact.model != "unknown" and (said is None or said.model is None):
            self._tell(SessionFact(fact.session, model=fact.model))

    def _next(self, at: int | None) -> int:
        """Where it stands: the line; in a document, where bytes move, the moment, or right behind what is before it."""
        if self._log.whole:
            self._place = self._place + 1 if at is None or at <= self._place else at
        return self._place

    def _moved(self, at: int | None) -> None:
        self._doings.seen(at)
        if at is not None:
            session = self._state.session
            if session not in self._sessions:
                self._tell(SessionFact(session))
            if at > self._last.get(session, -1):
                self._last[session] = at

    def _tell(self, fact: SessionFact) -> None:
        """Join a fact with what these lines said before of its session."""
        said = self._sessions.get(fact.session)
        self._sessions[fact.session] = fact if said is None else sessions.joined(said, fact)


def _is_joined(calls: list[records.ToolCall]) -> bool:
    """Whether calls were noted at more than one moment, which only those of several answers are."""
    moments = sorted(at for one in calls if (at := records.instant(one.timestamp)) is not None)
    return any(later - earlier > records.APART for earlier, later in pairwise(moments))


def _fingerprint(raw: bytes) -> int:
    return int.from_bytes(blake2b(raw, digest_size=8).digest())
