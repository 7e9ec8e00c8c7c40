"""What kind of session each is, and who began its turns; by rules that a version number stands for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.usage import SessionKey
from tallybook.history.activity import ActivityCount, ActivityFilter, activity_by_session
from tallybook.history.settling import settle_activity
from tallybook.history.stages import Outcome, Rows, replace_rows, run_stage

if TYPE_CHECKING:
    import sqlite3

    from tallybook.history.store import Store

VERSION: Final = 1
NAME: Final = "classify"
PRACTICE: Final = ("command", "skill", "subagent")
"""Kinds of items that tell how people work with an agent."""
_MAIN: Final = "main"
_LABELS: Final = (
    (re.compile(r"agent-acompact\b|agent-compact\b"), "compaction"),
    (re.compile(r"agent-a?aside_question"), "aside"),
    (re.compile(r"agent-a?(?:task_summary|away_summary|summary)"), "summary"),
    (re.compile(r"agent-a?prompt_suggestion"), "suggestion"),
)
"""How Claude Code names agents that the program sends itself."""


class SessionClass(msgspec.Struct, frozen=True):
    """One session as it is classified."""

    key: SessionKey
    kind: str
    human: int
    """Turns that a person, or a program in a person's place, began."""
    agent: int
    """Turns that another session began."""
    injected: int
    """Messages that the program put in."""


def session_kind(name: str, origin: str, parent: str | None) -> str:
    """The kind of a session by its id, by what its log says of its origin, and by its parent."""
    label = name.rpartition("/")[2]
    for pattern, kind in _LABELS:
        if parent is not None and pattern.match(label):
            return kind
    if origin != _MAIN:
        return origin
    return "subagent" if parent is not None else _MAIN


def classify(store: Store) -> Outcome:
    """Classify all sessions; the same again where nothing has changed."""
    settle_activity(store)
    sessions = store.rows("SELECT id, name, origin, parent FROM session ORDER BY id")
    turns = store.rows(
        """SELECT a.session, w.kind, w.name, sum(a.count) FROM activity a JOIN what w ON w.id = a.what
        WHERE w.kind IN ('prompt', 'injected') GROUP BY a.session, w.id ORDER BY a.session, w.id"""
    )

    def make(connection: sqlite3.Connection) -> int:
        return replace_rows(connection, "session_class", _classes(sessions, turns))

    return run_stage(store, (NAME, VERSION), [*sessions, *turns], make)


def session_classes(store: Store) -> tuple[SessionClass, ...]:
    """All classified sessions, by agent and id; run ``classify`` first."""
    rows = store.rows(
        """SELECT g.name, s.name, c.kind, c.human, c.agent, c.injected FROM session_class c
        JOIN session s ON s.id = c.session JOIN agent g ON g.id = s.agent ORDER BY 1, 2"""
    )
    return tuple(SessionClass(SessionKey(agent, name), *rest) for agent, name, *rest in rows)


def practice_events(store: Store, agent: str | None = None) -> tuple[ActivityCount, ...]:
    """Skills, types of subagents and commands that were used, by session."""
    return activity_by_session(store, ActivityFilter(agent=agent, kinds=PRACTICE))


def _classes(sessions: Rows, turns: Rows) -> list[tuple[int, str, int, int, int]]:
    kinds = {number: session_kind(name, origin, parent) for number, name, origin, parent in sessions}
    found = {number: [0, 0, 0] for number in kinds}
    for session, kind, name, count in turns:
        place = 2 if kind == "injected" else int(kinds[session] != _MAIN or name != "typed")
        found[session][place] += count
    return [(number, kinds[number], *counts) for number, counts in found.items()]
