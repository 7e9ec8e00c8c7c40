"""A thread to facts: each message and each event of the ledger is one, under a name that no rewriting changes."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from tallybook.agents import values
from tallybook.agents.amp import facts, records
from tallybook.agents.amp.doings import Doings, Spot
from tallybook.agents.amp.threads import Thread, thread_of
from tallybook.agents.copies import copied
from tallybook.agents.documents import Torn, decoded
from tallybook.agents.port import Batch, Occurrence, SessionFact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Line, LogFile

_TICK: Final = 1000
"""Amp's clock ticks once in so many microseconds; what shares a tick is put in the order of the document."""
_LARGEST: Final = 10**12
_ENDS: Final = {"complete": facts.End.COMPLETE, "streaming": facts.End.OPEN}


def read(log: LogFile, lines: Iterable[Line]) -> Batch:
    """Read one document."""
    scan = _Scan()
    for line in lines:
        document = decoded(line.raw, records.thread)
        if isinstance(document, Torn):
            return Batch(torn=document.why)
        if document is None:
            return Batch(bad_lines=1)
        scan.take(document, thread_of(document, PurePath(log.key).stem))
    return scan.batch()


class _Scan:
    """One thread."""

    def __init__(self) -> None:
        self._thread = Thread("", None)
        self._occurrences: list[Occurrence] = []
        self._links: dict[tuple[str, str], None] = {}
        self._seen: Counter[str] = Counter()
        self._answered: set[tuple[str | None, int | None, int | None]] = set()
        """What the ledger has of messages; nothing of it was copied from another thread."""
        self._own = False
        """A message of the thread itself has been read; behind it none is a copy."""
        self._moments: list[int] = []
        self._place = 0
        self._model: str | None = None
        self._call: str | None = None
        self._sessions: tuple[SessionFact, ...] = ()
        self._doings = Doings()
        self._bad = 0

    def take(self, document: records.Thread, thread: Thread) -> None:
        """Read the ledger, then messages."""
        self._thread = thread
        self._place = thread.born or 0
        ledger = values.readable(document.usage_ledger, records.ledger)
        self._bad += ledger is None and bytes(document.usage_ledger) != b"null"
        for raw in self._list(ledger.events if ledger else records.Ledger().events):
            self._event(raw)
        self._place = thread.born or 0
        messages = self._list(document.messages)
        for index, raw in enumerate(messages):
            self._message(index, raw, last=index == len(messages) - 1)
        if self._occurrences:
            self._keep(thread.id, None, facts.Told(thread.id))
        last_at = max(self._moments, default=thread.born)
        self._sessions = (thread.fact(last_at, self._model),)

    def batch(self) -> Batch:
        """What the document held."""
        return Batch(
            occurrences=tuple(self._occurrences),
            sessions=self._sessions,
            links=tuple(self._links),
            pending_call=self._call,
            pending_session=self._thread.id if self._call else None,
            bad_lines=self._bad,
            items=tuple(self._doings.items),
        )

    def _list(self, raw: records.Raw) -> list[records.Raw]:
        found = values.readable(raw, records.messages)
        self._bad += found is None and bytes(raw) != b"null"
        return found or []

    def _message(self, index: int, raw: records.Raw, *, last: bool) -> None:
        message = values.readable(raw, records.message)
        told = message is not None and message.usage != values.ABSENT
        usage = values.readable(message.usage, records.usage) if message and told else None
        if message is None or (usage is None and told):
            self._bad += 1
        elif message.role == "assistant":
            self._answer(index, message, usage, last=last)
        else:
            meta = values.readable(message.meta, records.meta)
            at = values.instant(meta.sent_at) if meta else None
            self._moved(at)
            self._own = self._own or not self._thread.inherits(index, at)
            number = "" if message.message_id is None else str(message.message_id)
            content = None if at is None else f"{number}@{at}"
            spot = self._spot(at, number or f"[{index}]", content, inherited=not self._own)
            if message.role == "user":
                self._doings.asked(message, spot)
            elif message.role == "info":
                self._doings.info(message, spot)

    def _spot(self, at: int | None, name: str, content: str | None, *, inherited: bool) -> Spot:
        """A message, known by what all its copies share, or else by its thread; a copy is told later."""
        thread = self._thread
        home = thread.origin if inherited and thread.origin is not None else thread.id
        key = f"{home}/{name}" if content is None else content
        return Spot(key, home, at if home == thread.id else copied(at), thread.parent is not None)

    def _answer(self, index: int, message: records.Message, usage: records.Usage | None, *, last: bool) -> None:
        end = _end(message, last=last)
        calls = tuple(block.id for block in message.blocks if block.type == "tool_use" and block.id)
        if last and calls and (usage is None or end is facts.End.OPEN):
            self._call = calls[-1]
        number = "" if message.message_id is None else str(message.message_id)
        if usage is None and (end is not facts.End.COMPLETE or (last and calls)):
            if end is facts.End.BROKEN:
                inherited = not self._own and self._thread.inherits(index, None)
                spot = self._spot(None, number or f"[{index}]", None, inherited=inherited)
                self._doings.answer(message, spot)
            return  # it has not been served whole, or its usage is still to come
        usage = usage or records.Usage()
        thread, at = self._thread, values.moment(usage.timestamp)
        answered = (number, usage.input_tokens, usage.output_tokens) in self._answered
        inherited = not (self._own or answered) and thread.inherits(index, at)
        self._own = not inherited
        model = values.named(usage.model)
        counts = facts.Counts(
            usage.input_tokens,
            usage.cache_read_input_tokens,
            usage.cache_creation_input_tokens,
            usage.output_tokens,
            usage.total_input_tokens,
        )
        self._model = model or self._model
        name = number or f"[{index if at is None else _digest(counts.told)}]"
        if number and at is None and end is facts.End.COMPLETE and counts.used is not None:
            name = f"{number}={_digest(counts.used)}"  # an edited thread may give the number to another answer
        group = self._once(f"{thread.id}/{name}{'' if at is None else f'@{at}'}{'<' * inherited}")
        fact = facts.Message(
            thread.id,
            thread.born,
            inherited,
            thread.origin,
            number,
            model or "unknown",
            counts,
            end,
            calls,
            _window(usage.max_input_tokens),
        )
        self._keep(group, at, fact)
        if number:
            self._link(group, f"{fact.home}/{number}")
        content = f"={_digest((number, at, fact.model, counts.told))}"
        self._link(group, content)
        if end is not facts.End.OPEN:
            spot = self._spot(at, name, None if at is None else content, inherited=inherited)
            self._doings.answer(message, spot)
            self._doings.model(model, spot)

    def _event(self, raw: records.Raw) -> None:
        event = values.readable(raw, records.event)
        if event is None:
            self._bad += 1
            return
        thread, at = self._thread, values.instant(event.timestamp)
        tokens = event.tokens or records.Tokens()
        counts = facts.Counts(
            tokens.input,
            tokens.cache_read_input_tokens,
            tokens.cache_creation_input_tokens,
            tokens.output,
            total=tokens.total,
        )
        identity = "" if event.id is None else str(event.id)
        number = None if event.to_message_id is None else str(event.to_message_id)
        answers = number if event.operation_type in {None, "inference"} else None
        fact = facts.Event(
            thread.id,
            thread.born,
            thread.inherits(None, at),
            thread.origin,
            identity,
            answers,
            values.text(event.subagent),
            values.text(event.model) or "unknown",
            counts,
        )
        if not fact.inherited:
            self._answered.add((answers, counts.input, counts.output))
        told = _digest((at, event.operation_type, number, fact.model, counts.told))
        group = self._once(f"{thread.id}!{identity or told}")
        self._keep(group, at, fact)
        if answers is not None:
            self._link(group, f"{fact.home}/{answers}")
        if fact.subagent:
            self._link(group, fact.subagent)
        if identity:
            self._link(group, f"!{identity}={told}")

    def _once(self, group: str) -> str:
        """The name, with a number for the second and later of one document that would share it."""
        self._seen[group] += 1
        return group if self._seen[group] == 1 else f"{group}#{self._seen[group]}"

    def _moved(self, at: int | None) -> None:
        if at is not None:
            self._moments.append(at)

    def _keep(self, group: str, at: int | None, fact: facts.Fact) -> None:
        self._moved(at)
        self._place = self._place + 1 if at is None or 0 <= self._place - at < _TICK else at
        self._occurrences.append(Occurrence(group, self._place, at, facts.encode(fact)))

    def _link(self, group: str, other: str) -> None:
        self._links[group, other] = None


def _end(message: records.Message, *, last: bool) -> facts.End:
    """A message that says nothing is complete; one that others follow is not being written any more."""
    if message.stage is None:
        return facts.End.COMPLETE
    end = _ENDS.get(message.stage, facts.End.BROKEN)
    return facts.End.BROKEN if end is facts.End.OPEN and not last else end


def _window(raw: records.Raw) -> int | None:
    told = values.readable(raw, records.number)
    return told if told is not None and 0 < told <= _LARGEST else None


def _digest(told: object) -> str:
    return blake2b(repr(told).encode(), digest_size=8).hexdigest()
