"""What follows from responses and items: sessions in their trees, and how their calls went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.domain.tokens import COMPONENTS, TokenVector
from tallybook.domain.usage import SessionKey
from tallybook.history.attempts import DONE, PROMPT, SERVICE, Attempts, Step, attempts_of
from tallybook.history.items import FAILURE, TOOL, call_of
from tallybook.history.settling import NAME as ACTIVITY
from tallybook.history.settling import families, held_items, settle_activity
from tallybook.history.stages import Outcome, Rows, replace_rows, run_stage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

    from tallybook.history.items import Happened
    from tallybook.history.store import Store

THREADS_VERSION: Final = 1
THREADS: Final = "threads"
ATTEMPTS_VERSION: Final = 1
ATTEMPTS: Final = "attempts"
_STEPS: Final = DONE | {FAILURE, PROMPT, SERVICE}
_Sums = tuple[int, ...]
"""Responses, then the token vector."""
_NOTHING: Final[_Sums] = (0,) * (1 + len(COMPONENTS))
_encode: Final = msgspec.msgpack.encode
_decode: Final = msgspec.msgpack.Decoder(tuple[int, ...]).decode


class ThreadSums(msgspec.Struct, frozen=True):
    """One session in its tree."""

    key: SessionKey
    root: SessionKey
    parent: SessionKey | None
    depth: int
    responses: int
    tokens: TokenVector
    tree_responses: int
    """Of the session and of all below it."""
    tree_tokens: TokenVector


class SessionAttempts(msgspec.Struct, frozen=True):
    """How the calls of one session went."""

    key: SessionKey
    attempts: Attempts


def derive_threads(store: Store) -> Outcome:
    """Put all sessions into their trees, with their sums and those of their subtrees."""
    sessions = store.rows(
        """SELECT s.id, p.id FROM session s LEFT JOIN session p ON p.agent = s.agent AND p.name = s.parent
        ORDER BY s.id"""
    )
    sums = ", ".join(f"coalesce(sum({name}), 0)" for name in COMPONENTS)
    used = store.rows(f"SELECT session, count(*), {sums} FROM response GROUP BY session ORDER BY session")  # noqa: S608

    def make(connection: sqlite3.Connection) -> int:
        return replace_rows(connection, "thread", _threads(dict(sessions), used))

    return run_stage(store, (THREADS, THREADS_VERSION), [*sessions, *used], make)


def thread_sums(store: Store, key: SessionKey | None = None) -> tuple[ThreadSums, ...]:
    """Sessions with their subtrees, or one of them; run ``derive_threads`` first."""
    rows = store.rows(
        """SELECT g.name, s.name, r.name, p.name, t.depth, t.own, t.tree FROM thread t
        JOIN session s ON s.id = t.session JOIN agent g ON g.id = s.agent JOIN session r ON r.id = t.root
        LEFT JOIN session p ON p.id = t.parent
        WHERE ?1 IS NULL OR (g.name = ?1 AND s.name = ?2) ORDER BY g.name, r.name, t.depth, s.name""",
        (key.agent if key else None, key.session if key else None),
    )
    return tuple(_sums(*row) for row in rows)


def derive_attempts(store: Store) -> Outcome:
    """Count attempts, failures and retries of all sessions."""
    settle_activity(store)
    inputs = store.rows("SELECT version, input FROM stage WHERE name = ?", (ACTIVITY,))

    def make(connection: sqlite3.Connection) -> int:
        return replace_rows(connection, "attempt", _attempts(connection))

    return run_stage(store, (ATTEMPTS, ATTEMPTS_VERSION), inputs, make)


def session_attempts(store: Store) -> tuple[SessionAttempts, ...]:
    """All sessions in which a tool or the service was called; run ``derive_attempts`` first."""
    rows = store.rows(
        """SELECT g.name, s.name, a.calls, a.failed, a.retries, a.recovered, a.service_failed, a.service_retries
        FROM attempt a JOIN session s ON s.id = a.session JOIN agent g ON g.id = s.agent ORDER BY 1, 2"""
    )
    return tuple(SessionAttempts(SessionKey(agent, name), Attempts(*counts)) for agent, name, *counts in rows)


def _threads(parents: Mapping[int, int | None], used: Rows) -> Iterator[tuple[Any, ...]]:
    own: dict[int, _Sums] = {session: tuple(sums) for session, *sums in used}
    lines = {session: _line(session, parents) for session in parents}
    tree = {session: own.get(session, _NOTHING) for session in parents}
    for session, line in lines.items():
        for above in line[1:]:
            tree[above] = _plus(tree[above], own.get(session, _NOTHING))
    for session, line in lines.items():
        parent = line[1] if len(line) > 1 else None
        sums = _encode(own.get(session, _NOTHING)), _encode(tree[session])
        yield session, line[-1], parent, len(line) - 1, *sums


def _line(session: int, parents: Mapping[int, int | None]) -> list[int]:
    """The session, its parent, and so on up to the root; in a circle of parents the least session is the root."""
    line = [session]
    while (above := parents.get(line[-1])) is not None and above not in line:
        line.append(above)
    if above is not None:
        root = min(line[line.index(above) :])
        del line[line.index(root) + 1 :]
    return line


def _plus(left: _Sums, right: _Sums) -> _Sums:
    return tuple(one + other for one, other in zip(left, right, strict=True))


def _sums(agent: str, name: str, root: str, parent: str | None, *rest: Any) -> ThreadSums:  # noqa: ANN401 - of SQLite
    depth, own, tree = rest
    responses, *tokens = _decode(own)
    tree_responses, *tree_tokens = _decode(tree)
    return ThreadSums(
        SessionKey(agent, name),
        SessionKey(agent, root),
        None if parent is None else SessionKey(agent, parent),
        depth,
        responses,
        TokenVector(*tokens),
        tree_responses,
        TokenVector(*tree_tokens),
    )


def _attempts(connection: sqlite3.Connection) -> list[tuple[int, ...]]:
    whats = {number: kind for number, kind in connection.execute("SELECT id, kind FROM what") if kind in _STEPS}
    sources = {row[0] for row in connection.execute("SELECT source FROM activity_source")}
    pairs = connection.execute(
        """SELECT DISTINCT f.source, a.source FROM activity a
        JOIN (SELECT session, min(source) AS source FROM activity GROUP BY session) f ON f.session = a.session
        WHERE a.source > f.source"""
    ).fetchall()  # logs of one session go together
    found: list[tuple[int, ...]] = []
    for family in families(connection, sources, pairs):
        happened: dict[int, list[tuple[int, Step]]] = {}
        for items in held_items(connection, family).values():
            for item in items:
                if item.what in whats:
                    step = _step(whats[item.what], item)
                    happened.setdefault(item.session, []).append((item.at or 0, step))
        for session, steps in happened.items():
            steps.sort(key=lambda pair: pair[0])
            counts = attempts_of(step for _, step in steps)
            if any(counts):
                found.append((session, *counts))
    return sorted(found)


def _step(kind: str, item: Happened) -> Step:
    if kind == FAILURE:
        return Step(kind, call_of(item.key))
    return Step(kind, item.key, (item.what, item.mark) if kind == TOOL and item.mark is not None else None)
