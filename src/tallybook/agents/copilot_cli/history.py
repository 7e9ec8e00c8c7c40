"""Sessions as builds of 2025 kept them: one document each, which tells who they are and nothing of usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.copilot_cli import records
from tallybook.agents.copilot_cli.paths import session_at
from tallybook.agents.documents import Torn, decoded
from tallybook.agents.names import OTHER, safe_name
from tallybook.agents.port import Batch, SessionFact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.agents.port import ItemRow, Line, LogFile

_DENIED: Final = frozenset({"denied", "rejected"})
_FAILED: Final = _DENIED | {"error", "failure"}


def read(log: LogFile, lines: Iterable[Line]) -> Batch:
    """Read one document; what is whole but no session is one bad line."""
    raw = b"".join(line.raw for line in lines)
    document = decoded(raw, records.history)
    if isinstance(document, Torn):
        return Batch(torn=document.why)
    if document is None:
        return Batch(bad_lines=1)
    entries = records.readable(document.timeline, records.entries)
    moments = [at for entry in entries or () if (at := records.instant(entry.timestamp)) is not None]
    fact = SessionFact(
        records.text(document.session_id) or session_at(log.path),
        born_at=records.instant(document.start_time),
        last_at=max(moments, default=None),
        model=records.text(document.selected_model),
    )
    return Batch(
        sessions=(fact,),
        bad_lines=entries is None and not records.is_absent(document.timeline),
        items=tuple(item for number, entry in enumerate(entries or ()) for item in _items(fact.session, number, entry)),
    )


def _items(session: str, number: int, entry: records.Entry) -> Iterator[ItemRow]:
    """What one entry tells; one without an id is known by its number, since entries are never taken out."""
    place = (f"{session}/{records.text(entry.id) or number}", session, records.instant(entry.timestamp))
    kind = records.text(entry.type)
    if kind == "user":
        yield (*place, "prompt", "typed", None, None)
    elif kind == "copilot":
        yield (*place, "message", "", None, None)
    elif kind == "tool_call_completed":
        call = (f"{session}/{records.text(entry.call) or number}", *place[1:])
        name = safe_name(records.text(entry.name)) or OTHER
        yield (*call, "tool", name, None, None if records.is_absent(entry.arguments) else bytes(entry.arguments))
        result = records.readable(entry.result, records.result)
        how = records.text(result.type) if result else None
        if how in _FAILED:
            yield (*call, "tool-error", name, None, None)
        if how in _DENIED:
            yield (*call, "tool-denied", name, None, None)
