"""Whose lines these are: the session that a chat tells, or else its name; facts are the same however lines are cut."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from tallybook.agents.gemini_cli import paths, records
from tallybook.agents.port import SessionFact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tallybook.agents.port import LogFile

UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Until 0.39 a subagent was named by its sender's id, its own name and a few characters.
_SENT: Final = re.compile(rf"({UUID.pattern})-.+", re.DOTALL)
_ENDING: Final = re.compile(r"\.jsonl?(?:\.unreadable-[0-9]+)?$")


def first_name(log: LogFile) -> str:
    """The session of a chat that has not told it yet."""
    return scoped(_ENDING.sub("", paths.spelled(log.path.name)), log)


def scoped(identity: str, log: LogFile) -> str:
    """A session's name; ids of some subagents are six characters, which only their sender makes unique."""
    above = paths.sender(log.path)
    return identity if above is None or UUID.fullmatch(identity) else f"{above}/{identity}"


def head_fact(record: records.Record, name: str, log: LogFile) -> SessionFact:
    """What the head of a chat says of its session."""
    parent, kind = paths.sender(log.path), records.text(record.kind)
    if parent is None and kind == "subagent" and (sent := _SENT.fullmatch(name)):
        parent = sent[1]
    return SessionFact(
        name,
        parent=parent if parent != name else None,
        born_at=records.instant(record.start_time),
        origin="subagent" if parent is not None or kind == "subagent" else "main",
    )


def place(project: str, log: LogFile, told: Iterable[str]) -> str | None:
    """The directory that a project's hash stands for, where anything names it; the hash proves it."""
    return next((one for one in _named(told, lambda: paths.noted_directory(log.path)) if _hash(one) == project), None)


def _named(told: Iterable[str], noted: Callable[[], str | None]) -> Iterator[str]:
    yield from told
    note = noted()
    if note is not None:
        yield note


def _hash(directory: str) -> str:
    return sha256(directory.encode()).hexdigest()


def joined(earlier: SessionFact, later: SessionFact) -> SessionFact:
    """What both say: the earlier one has the word, the later fills its gaps; the last activity is the latest."""
    return SessionFact(
        earlier.session,
        parent=earlier.parent or later.parent,
        born_at=later.born_at if earlier.born_at is None else earlier.born_at,
        last_at=max((at for at in (earlier.last_at, later.last_at) if at is not None), default=None),
        cwd=earlier.cwd or later.cwd,
        model=earlier.model or later.model,
        origin=later.origin if earlier.origin == "main" else earlier.origin,
    )
