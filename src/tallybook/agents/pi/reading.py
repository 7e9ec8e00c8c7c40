"""Reads complete lines of one session's file: any split of it into runs of lines leaves the same facts."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents import values
from tallybook.agents.copies import copied
from tallybook.agents.names import level, plain
from tallybook.agents.pi import facts, names, records
from tallybook.agents.pi.doings import Doings, Progress, Spot
from tallybook.agents.port import Batch, Occurrence, SessionFact
from tallybook.agents.surrogates import mended

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Line, LogFile

_BOM: Final = b"\xef\xbb\xbf"
_MAIN: Final = "default"
"""The role of the model that answers."""
_BROKEN: Final = frozenset({"error", "aborted", "pending"})


class State(msgspec.Struct, array_like=True):
    """What a later run of lines must know of the earlier ones."""

    session: str
    headed: bool = False
    """The head has been read; a second one tells nothing."""
    born: int | None = None
    parent: str | None = None
    """Group of the head of the session that this one names as its parent."""
    model: str | None = None
    provider: str | None = None
    effort: str | None = None
    parent_session: str | None = None
    """The id of that session, and when it was born, where its name holds them."""
    parent_born: int | None = None
    progress: Progress = msgspec.field(default_factory=Progress)


class _Told(msgspec.Struct, frozen=True, gc=False):
    """What one entry tells of an answer."""

    usage: records.Raw
    stop: str | None
    model: str | None
    provider: str | None
    response: str = ""
    calls: tuple[str, ...] = ()


def read(log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
    """The facts in ``lines``, which follow those that left ``state``."""
    stem = PurePath(log.key).stem  # whose bytes are text, whatever those of the path are
    began = msgspec.msgpack.decode(state, type=State) if state else State(names.session_of(stem) or stem)
    scan = _Scan(log, began)
    for line in lines:
        scan.line(line)
    return scan.batch()


class _Scan:
    def __init__(self, log: LogFile, state: State) -> None:
        self._log = log
        self._state = state
        self._sender = names.sender(PurePath(log.key))
        self._occurrences: list[Occurrence] = []
        self._links: dict[tuple[str, str], None] = {}
        self._facts: dict[str, SessionFact] = {}
        self._doings = Doings(state.progress)
        self._touched = False
        self._last: int | None = None
        """The last moment at which something happened."""
        self._bad = 0
        self._unknown = 0

    def batch(self) -> Batch:
        self._settle()
        items = self._doings.finish()  # which the state is to know of
        return Batch(
            occurrences=tuple(self._occurrences),
            sessions=tuple(self._facts.values()),
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
        entry = values.readable(raw, records.entry)
        if entry is None and (whole := mended(raw)):
            entry = values.readable(whole, records.entry)
        if entry is None:
            self._bad += 1
            return
        self._unknown += entry.type not in records.KNOWN
        at = values.moment(entry.timestamp)
        if entry.type == "session":
            self._head(line.offset, entry, at)
        elif entry.type == "message":
            self._message(line, entry, at)
        else:
            self._other(line, entry, at)

    def _other(self, line: Line, entry: records.Entry, at: int | None) -> None:
        kind = entry.type
        if kind in records.SIDE_CALLS:
            self._follow(line, entry, at, talk=False)
            told = _Told(
                entry.usage,
                values.text(entry.stop_reason),
                values.text(entry.model),
                plain(values.text(entry.provider)),
            )
            self._answer(line.offset, entry, at, told)
            return
        if kind in records.IN_TREE:
            self._tree(line, entry, self._follow(line, entry, at, talk=kind in records.TALK))
        if kind in records.SUMMARIES and bytes(entry.usage) != b"null":
            told = _Told(entry.usage, values.text(entry.stop_reason), self._state.model, self._state.provider)
            self._answer(line.offset, entry, at, told)
        else:
            self._seen(at)

    def _tree(self, line: Line, entry: records.Entry, spot: Spot) -> None:
        """What an entry tells that is neither a message nor an answer."""
        doings = self._doings
        match entry.type:
            case "model_change":
                self._changed(entry, spot)
            case "thinking_level_change":
                effort = values.text(entry.thinking_level)
                self._state.effort = level(effort)
                doings.effort(effort, spot)
            case "compaction":
                doings.compacted(entry, spot)
            case "custom_message":
                told = values.readable(line.raw, records.put_in)
                if told is not None:
                    doings.put_in(told, spot)
            case "mode_change":
                doings.mode(values.text(entry.mode), spot)
            case "reset_boundary":
                doings.reset(spot)
            case "ttsr_injection":
                doings.ruled(spot)
            case _:
                pass

    def _changed(self, entry: records.Entry, spot: Spot) -> None:
        """Pi tells provider and model, oh-my-pi both in one, and the role that the model has."""
        model, both = values.text(entry.model_id), values.text(entry.model)
        self._model(model or both, plain(values.text(entry.provider)))
        if model is None and both is not None:
            model = both.partition("/")[2] or both
        if (values.text(entry.role) or _MAIN) == _MAIN:
            self._doings.model(model, spot)

    def _follow(self, line: Line, entry: records.Entry, at: int | None, *, talk: bool) -> Spot:
        """Where an entry stands; whatever was copied from another session is told as that one's, and later."""
        state = self._state
        identity = names.short(values.named(entry.id) or "")
        key = f"{identity}@{at}" if identity else f"@{at}#{blake2b(line.raw, digest_size=8).hexdigest()}"
        session = state.session
        if state.parent is not None:
            if at is None or state.born is None:
                at = copied(at)
            elif at < state.born:
                session = state.parent_session or session
                at = copied(at, 1 + (state.parent_born is not None and at < state.parent_born))
        sent = self._sender not in {None, state.session}
        spot = Spot(key, session, at, identity, values.named(entry.parent_id), sent)
        self._doings.follow(spot, talk=talk)
        return spot

    def _head(self, offset: int, entry: records.Entry, at: int | None) -> None:
        state = self._state
        session = values.named(entry.id)
        if state.headed or session is None:
            self._bad += session is None
            return
        self._settle()
        state.headed, state.session, state.born = True, session, at
        named = values.text(entry.parent_session)
        parent = names.named(named) if named else None
        group, own = names.head(session), names.named(self._log.key).group
        if parent is not None and parent.group not in {group, own}:
            state.parent, state.parent_session, state.parent_born = parent
            self._links[group, parent.group] = None
        else:
            parent = None
        if own != group:
            self._links[group, own] = None
        told = facts.Head(session, own, at)
        if parent is not None:
            told = facts.Head(session, own, at, parent.group, parent.session, parent.born)
        self._occurrences.append(Occurrence(group, offset, at, facts.encode(told)))
        sent = self._sender if self._sender != session else None
        self._facts[session] = SessionFact(
            session,
            parent=sent,
            forked_from=parent.session if parent and not sent else None,
            born_at=at,
            last_at=at,
            cwd=values.text(entry.cwd),
            origin="subagent" if sent else "main",
        )

    def _model(self, model: str | None, provider: str | None) -> None:
        self._state.model, self._state.provider = model or self._state.model, provider or self._state.provider

    def _message(self, line: Line, entry: records.Whole | records.Line, at: int | None) -> None:
        told = entry.message
        message = values.readable(told, records.message) if isinstance(told, msgspec.Raw) else told
        if message is None:
            self._bad += 1
            return
        if at is None:
            at = values.instant(message.timestamp)
        spot = self._follow(line, entry, at, talk=True)
        if message.role != "assistant":
            if message.role == "user":
                self._doings.asked(message, spot)
            else:
                self._doings.message(message, spot)
            self._seen(at)
            return
        model, provider = values.named(message.model), plain(message.provider)
        self._model(model, provider)
        answered = _Told(
            message.usage,
            values.named(message.stop_reason),
            values.named(message.response_model) or model,
            provider,
            names.short(values.named(message.response_id) or ""),
            tuple(block.id for block in message.blocks if block.type == "toolCall" and block.id),
        )
        self._doings.answer(message, spot)
        self._answer(line.offset, entry, at, answered)

    def _answer(self, offset: int, entry: records.Entry, at: int | None, told: _Told) -> None:
        usage = values.readable(told.usage, records.usage)
        self._bad += usage is None and bytes(told.usage) != b"null"
        counts = usage.counts() if usage else facts.Counts()
        broken = told.stop in _BROKEN
        self._seen(at)
        if usage is None or (broken and not counts.sum):
            return  # nothing tells what it used
        state = self._state
        answer = facts.Answer(
            session=state.session,
            forked=state.parent is not None,
            born=state.born,
            entry=names.short(values.named(entry.id) or ""),
            response=told.response,
            model=told.model or "unknown",
            provider=told.provider,
            effort=state.effort,
            counts=counts,
            broken=broken,
            calls=told.calls,
        )
        group = f"r:{told.response}" if told.response else f"@{at}={_digest(counts)}"
        self._occurrences.append(Occurrence(group, offset, at, facts.encode(answer)))
        if state.parent is not None and (at is None or state.born is None or at < state.born):
            self._links[group, names.head(state.session)] = None

    def _seen(self, at: int | None) -> None:
        """Something happened in the session at this moment, unless it was copied from an earlier one."""
        self._touched = True
        if at is not None and (self._last is None or at > self._last):
            self._last = at

    def _settle(self) -> None:
        """Put into the session's fact what was seen since the last time."""
        state = self._state
        if not self._touched:
            return
        sent = self._sender if self._sender != state.session else None
        known = self._facts.get(state.session) or SessionFact(
            state.session, parent=sent, origin="subagent" if sent else "main"
        )
        moments = [moment for moment in (known.last_at, self._last) if moment is not None]
        self._facts[state.session] = msgspec.structs.replace(
            known,
            last_at=max(moments, default=None),
            model=state.model or known.model,
            provider=state.provider or known.provider,
        )
        self._touched, self._last = False, None


def _digest(counts: facts.Counts) -> str:
    return blake2b(facts.encode(counts), digest_size=8).hexdigest()
