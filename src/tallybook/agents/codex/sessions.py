"""What a ``session_meta`` tells of one thread: who it is, where it comes from, where it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tallybook.agents.codex import facts, records
from tallybook.agents.codex.moments import microseconds, uuid_milliseconds
from tallybook.agents.names import branch_name, commit_name, entry_name, plain, version_name
from tallybook.agents.port import SessionFact
from tallybook.agents.values import tolerant

_decode: Final = tolerant(records.SessionMeta, "id")
_ORIGINS: Final = {"review": "review", "compact": "compaction", "memory_consolidation": "memory"}


class Header(msgspec.Struct, frozen=True):
    """One ``session_meta``."""

    raw: records.SessionMeta
    meta: facts.Meta
    session: SessionFact
    related: Sequence[str]
    """Threads that it names as parent, fork source or base."""


def header_of(payload: msgspec.Raw, ordinal: int, at: int | None) -> Header:
    """Read the payload of a ``session_meta`` that was written at ``at``."""
    raw = _decode(payload)
    origin = _origin(raw)
    parent = _parent(raw, origin)
    base = raw.history_base.thread_id if raw.history_base else None
    forked_from = raw.forked_from_id or base
    meta = facts.Meta(
        ordinal,
        raw.id,
        forked_from,
        parent,
        raw.subagent_history_start_ordinal,
        raw.history_base is not None,
        _born(raw, at),
    )
    session = SessionFact(
        raw.id,
        parent=parent,
        forked_from=forked_from if origin == "main" else None,
        born_at=meta.born,
        cwd=raw.cwd,
        origin=origin,
        branch=branch_name(_git(raw, "branch")),
        commit=commit_name(_git(raw, "commit_hash")),
        version=version_name(raw.cli_version),
        entry=entry_name(raw.originator),
        provider=plain(raw.model_provider),
    )
    return Header(raw, meta, session, [other for other in (raw.forked_from_id, base, parent) if other])


def _git(raw: records.SessionMeta, name: str) -> object:
    return raw.git.get(name) if isinstance(raw.git, dict) else None


def _born(raw: records.SessionMeta, at: int | None) -> int | None:
    told = microseconds(raw.timestamp)
    if told is not None:
        return told
    made = uuid_milliseconds(raw.id)
    return at if made is None else made * 1000


def _origin(raw: records.SessionMeta) -> str:
    child = raw.source.subagent if isinstance(raw.source, records.Source) else None
    if isinstance(child, str):
        return _ORIGINS.get(child, "subagent")
    return "subagent" if child is not None or raw.parent_thread_id else "main"


def _parent(raw: records.SessionMeta, origin: str) -> str | None:
    """The thread that started this one; before 0.140 only a spawn names it, from 0.142 the root is a last resort."""
    if origin == "main":
        return None
    child = raw.source.subagent if isinstance(raw.source, records.Source) else None
    spawn = child.thread_spawn if isinstance(child, records.Subagent) else None
    named = (spawn.parent_thread_id if spawn else None) or raw.parent_thread_id or raw.session_id
    return named if named != raw.id else None
