"""What happens in a session besides answers, as items whose keys every copy of a message keeps.

A fork copies messages under new ids and keeps when they were created, for whom and by which model: that is what a
message is known by. Each thing is told by one message alone, whatever else has been read, since rows come in any order.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents import names
from tallybook.agents.calls import shell_item
from tallybook.agents.copies import copied
from tallybook.agents.names import OTHER, safe_name
from tallybook.agents.opencode import records
from tallybook.agents.opencode.parts import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.agents.calls import Place
    from tallybook.agents.port import ItemRow

_SHELL: Final = "bash"
_SENDS: Final = "task"
_SKILL: Final = "skill"
_WEB: Final = {"codesearch": "search", "webfetch": "fetch", "websearch": "search"}
_SAID: Final = {"text": "message", "reasoning": "reasoning"}
_STEPS: Final = frozenset({"step-finish", "step-start"})
_CAME: Final = frozenset({"agent", "file", "subtask", "text"})
_ABORTED: Final = "MessageAbortedError"
_GOES_ON: Final = frozenset({"tool-calls", "unknown"})
_ID: Final = re.compile(r"msg_([0-9a-f]{12})[0-9A-Za-z]{14}")
_TICKS: Final = 12
_ERA: Final = 1 << 36
"""Milliseconds after which the time in an id begins anew."""
_SLACK: Final = 1000
_MILLISECOND: Final = 1000
_NO_MODEL: Final = records.Model()
_NO_FAULT: Final = records.Fault()


class Surroundings(msgspec.Struct, frozen=True):
    """What is known of a message beside itself."""

    parts: tuple[Part, ...] | None = None
    """None where they are not kept here."""
    born: int | None = None
    """When its session began; microseconds since the epoch, UTC."""
    sent: bool = False
    """Its session was sent by another one."""
    earlier: records.Record | None = None
    """The user's message before, of one of the user's."""
    asked: records.Record | None = None
    """The user's message that an answer answers, where a turn ends with it."""
    requested: bool = False
    """Of a summary: what it answers asks for one."""


class Spot(msgspec.Struct, frozen=True, gc=False):
    """A message: who it is, whose and when."""

    key: str
    session: str
    at: int | None
    is_copy: bool
    created: int | None
    completed: int | None
    like: bytes
    """When it was created, by which model and agent, in short."""

    def item(self, kind: str, name: str, amount: int | None = None) -> ItemRow:
        """Something that the message tells."""
        return (self.key, self.session, self.at, kind, name, amount, None)


def spot_of(identity: str, session: str, record: records.Record, born: int | None) -> Spot:
    """A message by what all its copies share; one that is older than its session, or its id, is a copy."""
    created, completed = record.moment("created"), record.moment("completed")
    is_copy = _is_copied(identity, created) if born is None else created is not None and created < born
    asked = record.asked or _NO_MODEL
    like = digest((created, record.model or asked.model, record.provider or asked.provider, record.agent))
    key = identity if created is None else f"{like.hex()}{'' if record.role == 'assistant' else '?'}"
    return Spot(key, session, copied(created) if is_copy else created, is_copy, created, completed, like)


def digest(told: object) -> bytes:
    """Something in short."""
    return blake2b(repr(told).encode(), digest_size=8).digest()


def _is_copied(identity: str, created: int | None) -> bool:
    found = _ID.fullmatch(identity)
    if found is None or created is None:
        return False
    later = ((int(found[1], 16) >> _TICKS) - created // _MILLISECOND) % _ERA
    return _SLACK < later < _ERA // 2


def asked(record: records.Record, spot: Spot, around: Surroundings) -> list[ItemRow]:
    """What a message of the user tells, or one in the user's place."""
    parts = around.parts
    compactions = [part for part in parts or () if part.kind == "compaction"]
    items = [spot.item("compaction", part.name or "") for part in compactions[:1]]
    came = parts is None or any(part.kind in _CAME and not part.put_in for part in parts)
    if came:
        items.append(spot.item("prompt", "agent" if around.sent else "typed"))
        items += _attached(parts or (), spot)
    elif not compactions and any(part.kind == "text" for part in parts or ()):
        items.append(spot.item("injected", "synthetic"))
    if not compactions and around.earlier is not None:
        items += _changes(record, around.earlier, spot)
    return items


def _attached(parts: Sequence[Part], spot: Spot) -> list[ItemRow]:
    items: list[ItemRow] = []
    files = 0
    for number, part in enumerate(parts):
        place = (f"{spot.key}:{number}", spot.session, spot.at)
        if part.kind == "file":
            kind = part.name or ""
            place = (f"{spot.key}:{files}", *place[1:])
            files += 1
            if kind.startswith("image/"):
                items.append((*place, "image", "prompt", None, None))
            else:
                name = "document" if kind == "application/pdf" else "file"
                items.append((*place, "attachment", name, None, None))
        elif part.kind == "subtask":
            items.append((*place, "subagent", safe_name(part.name) or "default", None, None))
    return items


def _changes(record: records.Record, before: records.Record, spot: Spot) -> list[ItemRow]:
    """What is another than with the message before."""
    was, now = before.asked or _NO_MODEL, record.asked or _NO_MODEL
    told = (
        ("model-switch", was.model, now.model),
        ("effort", names.level(was.variant), names.level(now.variant)),
        ("mode", before.agent, record.agent),
    )
    return [
        spot.item(kind, safe_name(new.replace("/", ":")))
        for kind, old, new in told
        if new is not None and new != old and (old is not None or kind == "effort")
    ]


def answered(record: records.Record, spot: Spot, around: Surroundings) -> list[ItemRow]:
    """What an answer tells: each kind of part once, each call, its first piece, how it ended."""
    items: list[ItemRow] = []
    is_summary = record.summary is True
    first = _contents(around.parts or (), spot, items, is_summary=is_summary)
    created = spot.created
    if first is not None and created is not None and first >= created:
        items.append(spot.item("first-token", "", first - created))
    if is_summary and not around.requested:
        items.append(spot.item("compaction", ""))
    if spot.completed is not None:
        _end(record, spot, around, items)
    return items


def _contents(parts: Sequence[Part], spot: Spot, items: list[ItemRow], *, is_summary: bool) -> int | None:
    """Tell of what an answer consists; returns when the first piece of it was there."""
    seen: set[str] = set()
    begun: list[int] = []
    number = -1
    for part in parts:
        kind = part.kind
        number += kind not in _STEPS
        if kind in _SAID:
            if part.begun:
                begun.append(part.begun)
            if kind not in seen and not part.put_in:
                seen.add(kind)
                items.append(spot.item(_SAID[kind], "summary" if is_summary and kind == "text" else ""))
        elif kind == "tool":
            _call(part, (f"{spot.key}/{part.call or number}", spot.session, spot.at), items)
        elif kind == "retry":
            key = f"{spot.key}/retry:{part.number}" if part.number is not None else f"{spot.key}/part:{number}"
            at = copied(part.begun) if spot.is_copy else part.begun
            items.append((key, spot.session, at, "api-error", _failure(part.status, None), None, None))
    return min(begun, default=None)


def _end(record: records.Record, spot: Spot, around: Surroundings, items: list[ItemRow]) -> None:
    """How an answer ended, and the turn with it."""
    error, how = record.error or _NO_FAULT, "completed"
    if error.name == _ABORTED:
        how = "aborted"
        items.append(spot.item("abort", "interrupted"))
    elif record.tells("error"):
        how = "failed"
        items.append(spot.item("api-error", _failure(error.status, error.name)))
    before = around.asked
    if before is None or before.role != "user" or not ends_turn(record):
        return
    prompt = spot_of(record.parent or "", spot.session, before, around.born)
    began, completed = prompt.created, spot.completed
    took = completed - began if began is not None and completed is not None and completed >= began else None
    items.append(prompt.item("turn", how, took))


def ends_turn(record: records.Record) -> bool:
    """Whether a turn ends with an answer, whole or not: it calls nothing more, and it is no summary."""
    if record.summary is True or record.time is None:
        return False
    return record.finish not in _GOES_ON or record.tells("error")


def _failure(status: int | None, name: str | None) -> str:
    return (safe_name(name) or OTHER) if status is None else f"http-{status}"


def _call(part: Part, place: Place, items: list[ItemRow]) -> None:
    name = part.name or ""
    tool = safe_name(name) or OTHER
    begun, ended = part.begun, part.ended
    took = ended - begun if begun is not None and ended is not None and ended >= begun else None
    items.append((*place, "tool", tool, took, part.given))
    if part.failed:
        items.append((*place, "tool-error", tool, None, None))
    if part.denied:
        items.append((*place, "tool-denied", tool, None, None))
    if name in _WEB:
        items.append((*place, "web", _WEB[name], None, None))
    elif name in {_SHELL, _SENDS, _SKILL}:
        given = (records.readable(part.given, records.given) if part.given else None) or records.Given()
        if name == _SENDS:
            items.append((*place, "subagent", safe_name(given.subagent_type) or "default", None, None))
        elif name == _SKILL:
            items.append((*place, "skill", safe_name(given.name) or "default", None, None))
        else:
            command = given.command
            item = shell_item(place, command) if isinstance(command, str) else None
            if item is not None:
                items.append(item)


def undone(session: str, revert: records.Revert | None, at: int | None) -> list[ItemRow]:
    """A session is taken back to before one of its messages, for as long as nothing follows."""
    message = None if revert is None else revert.message
    return [] if message is None else [(f"{session}<{message}", session, at, "undo", "", None, None)]
