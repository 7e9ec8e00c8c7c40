"""Sessions as builds of 2025 kept them: one document each, which tells who they are and nothing of usage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.agents.copilot_cli import records
from tallybook.agents.copilot_cli.paths import session_at
from tallybook.agents.documents import Torn, decoded
from tallybook.agents.port import Batch, SessionFact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Line, LogFile


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
    return Batch(sessions=(fact,), bad_lines=entries is None and not records.is_absent(document.timeline))
