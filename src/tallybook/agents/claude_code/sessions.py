"""What a log says of sessions: each fact is the same however the log was cut into runs of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.agents.names import branch_name, entry_name, version_name
from tallybook.agents.port import SessionFact

if TYPE_CHECKING:
    from tallybook.agents.claude_code.records import Record


def thread_name(session: str, thread: str) -> str:
    """The session id of a thread: the session's own for the main conversation."""
    return f"{session}/{thread}" if thread else session


class Fact(msgspec.Struct):
    """What is known so far of one thread."""

    session: str
    thread: str
    born_at: int | None = None
    last_at: int | None = None
    cwd: str | None = None
    model: str | None = None
    forked_from: str | None = None
    branch: str | None = None
    version: str | None = None
    entry: str | None = None

    def seen(self, at: int | None, record: Record, model: str | None) -> None:
        """Take in one record; the first directory and model stay, and what the first record with one says."""
        if at is not None:
            if self.born_at is None or at < self.born_at:
                self.born_at = at
            if self.last_at is None or at > self.last_at:
                self.last_at = at
        if self.cwd is None and isinstance(record.cwd, str):
            self.cwd = record.cwd
            self.branch = branch_name(record.branch)
            self.version = version_name(record.version)
            self.entry = entry_name(record.entry)
        self.model = self.model or model

    def frozen(self) -> SessionFact:
        """The fact as the port wants it."""
        return SessionFact(
            session=thread_name(self.session, self.thread),
            parent=self.session if self.thread else None,
            forked_from=self.forked_from,
            born_at=self.born_at,
            last_at=self.last_at,
            cwd=self.cwd,
            model=self.model,
            origin=_origin(self.thread),
            branch=self.branch,
            version=self.version,
            entry=self.entry,
        )


def _origin(thread: str) -> str:
    if not thread:
        return "main"
    return "compaction" if thread.startswith("agent-acompact") else "subagent"


class Sessions:
    """The sessions of one run of lines, in the order in which they were met."""

    def __init__(self) -> None:
        self._facts: dict[tuple[str, str], Fact] = {}

    def fact(self, session: str, thread: str) -> Fact:
        """The fact of one thread, to be filled."""
        fact = self._facts.get((session, thread))
        if fact is None:
            fact = self._facts[session, thread] = Fact(session, thread)
        return fact

    def facts(self) -> tuple[SessionFact, ...]:
        """All facts met."""
        return tuple(fact.frozen() for fact in self._facts.values())
