"""What the rest of the program asks of the store; every answer is typed and depends on the stored facts alone."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.agents.identity import Candidate
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import ClassUsage, SessionKey
from tallybook.history.names import digest, stored_text
from tallybook.history.response_keys import key_text, packed_key
from tallybook.history.rollup import COMPONENTS
from tallybook.history.store import Store
from tallybook.history.sums import SUMS, Span, used, used_through

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST_NAMED: Final = 10_000
"""Names in one query."""


class SessionCounter(msgspec.Struct, frozen=True):
    """What one session has used, and what is still under way in it."""

    key: SessionKey
    classes: tuple[ClassUsage, ...]
    """Sorted by price class, each class once."""
    quality: Quality
    """Exact for a session without responses, unless it is older than any usage in its agent's logs."""
    parent: str | None
    born_at: int | None
    """Microseconds since the epoch, UTC."""
    last_at: int | None
    pending: bool
    """A tool call is logged whose response has no final usage yet."""
    pending_call: str | None
    high_water: str | None
    """Key of the last response counted, in byte order of the newest log."""
    unreported: tuple[str, ...]
    """Components of the token vector that this agent does not log."""


class SessionRow(msgspec.Struct, frozen=True):
    """One session as lists show it."""

    agent: str
    session: str
    paths: tuple[str, ...]
    born_at: int | None
    last_at: int | None
    cwd: str | None
    model: str | None
    parent: str | None
    origin: str
    responses: int
    tokens: TokenVector | None
    """None for a session without responses that is older than any usage in its agent's logs."""

    @property
    def key(self) -> SessionKey:
        """The session's identity."""
        return SessionKey(self.agent, self.session)

    @property
    def total(self) -> int:
        """All its tokens that are known."""
        return 0 if self.tokens is None else self.tokens.total


class Total(msgspec.Struct, frozen=True):
    """A sum over many responses."""

    responses: int
    tokens: TokenVector


class Selection(msgspec.Struct, frozen=True):
    """Which sessions a list shows; newest first."""

    agent: str | None = None
    session: str | None = None
    directories: tuple[str, ...] | None = None
    """Only sessions with one of these as cwd."""
    since: int | None = None
    """Only sessions that moved then or later, in microseconds since the epoch."""
    limit: int | None = None


def session_tree(store: Store, key: SessionKey) -> tuple[SessionKey, ...]:
    """The session, then all its descendants, nearest first; a cycle of parents is cut where it closes."""
    rows = store.rows(
        """WITH RECURSIVE tree (name) AS (VALUES (?) UNION
            SELECT s.name FROM tree JOIN session s ON s.parent = tree.name
            WHERE s.agent = (SELECT id FROM agent WHERE name = ?))
        SELECT s.parent, s.name FROM session s JOIN tree ON s.name = tree.name
        WHERE s.agent = (SELECT id FROM agent WHERE name = ?) ORDER BY s.born_at IS NULL, s.born_at, s.name""",
        (stored_text(key.session), key.agent, key.agent),
    )
    children: dict[str | None, list[str]] = defaultdict(list)
    for parent, name in rows:
        children[parent].append(name)
    found: dict[str, None] = {}
    waiting = deque([key.session])
    while waiting:
        name = waiting.popleft()
        if name not in found:
            found[name] = None
            waiting.extend(children[name])
    return tuple(SessionKey(key.agent, name) for name in found)


def usage_of(store: Store, key: SessionKey) -> SessionCounter | None:
    """What the session has used up to now; None where no log has told of it."""
    found = _session(store, key)
    if found is None:
        return None
    last = _last_response(store, found.number)
    call = _pending_call(store, key)
    return found.counter(
        used(store, found.span),
        Under(call is not None or (last is not None and not last.final), call, last.key if last else None),
    )


def unknown_sessions(store: Store, keys: Iterable[SessionKey]) -> list[SessionKey]:
    """Those of the sessions that no log has told of."""
    asked = list(keys)
    known = session_times(store, asked)
    return [key for key in asked if key not in known]


def session_times(store: Store, keys: Iterable[SessionKey]) -> dict[SessionKey, tuple[int | None, int | None]]:
    """When each of the sessions that logs have told of began, and when it moved last, microseconds since the epoch."""
    stored = {key: (key.agent, stored_text(key.session)) for key in keys}
    agents = dict(store.rows("SELECT id, name FROM agent"))
    names = sorted({name for _, name in stored.values()})
    found: dict[tuple[str, str], tuple[int | None, int | None]] = {}
    for start in range(0, len(names), _MOST_NAMED):
        some = names[start : start + _MOST_NAMED]
        marks = ", ".join("?" * len(some))
        rows = store.rows(f"SELECT agent, name, born_at, last_at FROM session WHERE name IN ({marks})", some)  # noqa: S608
        found |= {(agents[agent], name): (born, last) for agent, name, born, last in rows}
    return {key: found[name] for key, name in stored.items() if name in found}


def born_at(store: Store, key: SessionKey) -> int | None:
    """When the session began, in microseconds since the epoch, UTC; None where no log tells."""
    found = _session(store, key)
    return None if found is None else found.born_at


def usage_through(store: Store, key: SessionKey, response_key: str) -> SessionCounter | None:
    """What the session has used, without what stands behind one response in the same log; None if it's unknown.

    This is the counter at a boundary that lies right behind the response: nothing is pending there.
    """
    found = _session(store, key)
    if found is None:
        return None
    rows = store.rows(
        "SELECT source, offset FROM response r WHERE session = ? AND key = ? ORDER BY offset DESC LIMIT 1",
        (found.number, packed_key(stored_text(response_key), stored_text(key.session))),
    )
    if not rows:
        return None
    return found.counter(
        used_through(store, found.span, rows[0]), Under(pending=False, call=None, high_water=response_key)
    )


def response_of_call(store: Store, key: SessionKey, call_id: str) -> str | None:
    """Key of the response of this session that issued the tool call; None where none is stored."""
    call = digest(key.agent, stored_text(call_id))
    rows = store.rows(
        """SELECT r.key, r.calls FROM response r JOIN session s ON s.id = r.session JOIN agent a ON a.id = s.agent
        WHERE a.name = ? AND s.name = ? AND instr(r.calls, ?)
        ORDER BY r.at IS NULL, r.at, r.offset, r.key""",
        (key.agent, stored_text(key.session), call),
    )
    issued = (response for response, calls in rows if call in _pieces(calls, len(call)))
    response = next(issued, None)
    return None if response is None else key_text(response, stored_text(key.session))


def session_rows(store: Store, selection: Selection | None = None) -> tuple[SessionRow, ...]:
    """Sessions, the one that moved last first; sessions without a time come last."""
    wanted = Selection() if selection is None else selection
    conditions: list[tuple[str, Sequence[object]]] = [("1", ())]
    if wanted.agent is not None:
        conditions.append(("a.name = ?", (wanted.agent,)))
    if wanted.session is not None:
        conditions.append(("s.name = ?", (stored_text(wanted.session),)))
    if wanted.directories is not None:
        marks = ", ".join("?" * len(wanted.directories))
        conditions.append((f"s.cwd IN ({marks})", [stored_text(place) for place in wanted.directories]))
    if wanted.since is not None:
        conditions.append(("s.last_at >= ?", (wanted.since,)))
    rows = store.rows(
        f"""SELECT s.id, a.name, s.name, s.born_at, s.last_at, s.cwd, s.model, s.parent, s.origin,
            coalesce(s.born_at < a.usage_since, 0)
        FROM session s JOIN agent a ON a.id = s.agent WHERE {" AND ".join(sql for sql, _ in conditions)}
        ORDER BY s.last_at DESC, a.name, s.name LIMIT ?""",  # noqa: S608
        (
            *(value for _, values in conditions for value in values),
            -1 if wanted.limit is None else wanted.limit,
        ),
    )
    return tuple(_row(store, *row) for row in rows)


def sessions_in_log(store: Store, agent: str, paths: Sequence[str]) -> tuple[SessionRow, ...]:
    """The sessions that one log speaks of and that no other session in it has spawned; ``paths`` are its names."""
    marks = ", ".join("?" * len(paths))
    rows = store.rows(
        f"""SELECT DISTINCT s.name FROM session s JOIN agent a ON a.id = s.agent WHERE a.name = ? AND s.id IN (
            SELECT session FROM fact WHERE source IN (SELECT id FROM source WHERE path IN ({marks})) UNION
            SELECT session FROM response_context WHERE source IN (SELECT id FROM source WHERE path IN ({marks})))""",  # noqa: S608
        (agent, *2 * [os.fsencode(path) for path in paths]),
    )
    names = {name for (name,) in rows}
    found = [row for name in sorted(names) for row in session_rows(store, Selection(agent=agent, session=name))]
    return tuple(row for row in found if row.parent not in names)


def history_total(store: Store) -> Total:
    """All responses of all agents: those that are dated are added up already."""
    return _total(store.rows(_total_of("whole", "1")))


def tokens_by_key(store: Store, agent: str, keys: Iterable[str] | None = None) -> dict[str, int]:
    """The total of each response of an agent, by the response's key; of these keys alone where some are given."""
    rows = store.rows(
        """SELECT s.name, r.key,
        r.input + r.cache_read + r.cache_write_5m + r.cache_write_1h + r.cache_write_unknown + r.output
        FROM response r JOIN session s ON s.id = r.session JOIN agent a ON a.id = s.agent WHERE a.name = ?""",
        (agent,),
    )
    wanted = None if keys is None else set(keys)
    found = {key_text(key, session): total for session, key, total in rows}
    return found if wanted is None else {key: total for key, total in found.items() if key in wanted}


class StoredSessions(msgspec.Struct, frozen=True):
    """What identity asks of the history."""

    store: Store

    def named(self, session: str) -> tuple[Candidate, ...]:
        """Sessions of any agent with this id."""
        return _candidates(session_rows(self.store, Selection(session=session)))

    def recent(self, directories: Sequence[str], since: int) -> tuple[Candidate, ...]:
        """Sessions whose cwd is one of these and that moved at ``since`` or later."""
        return _candidates(session_rows(self.store, Selection(directories=tuple(directories), since=since)))


class Under(msgspec.Struct, frozen=True):
    """What is under way at the end of a counter."""

    pending: bool
    call: str | None
    high_water: str | None


class _Session(msgspec.Struct, frozen=True):
    number: int
    key: SessionKey
    parent: str | None
    born_at: int | None
    last_at: int | None
    unreported: tuple[str, ...]
    silent: bool

    @property
    def span(self) -> Span:
        return Span(self.number, self.born_at, self.last_at, self.silent)

    def counter(self, usage: tuple[tuple[ClassUsage, ...], Quality], under: Under) -> SessionCounter:
        return SessionCounter(
            key=self.key,
            classes=usage[0],
            quality=usage[1],
            parent=self.parent,
            born_at=self.born_at,
            last_at=self.last_at,
            pending=under.pending,
            pending_call=under.call,
            high_water=under.high_water,
            unreported=self.unreported,
        )


class _Response(msgspec.Struct, frozen=True):
    key: str
    final: bool


def _session(store: Store, key: SessionKey) -> _Session | None:
    rows = store.rows(
        """SELECT s.id, s.parent, s.born_at, s.last_at, a.unreported, a.usage_since
        FROM session s JOIN agent a ON a.id = s.agent WHERE a.name = ? AND s.name = ?""",
        (key.agent, stored_text(key.session)),
    )
    for number, parent, born_at, last_at, unreported, usage_since in rows:
        silent = None not in {born_at, usage_since} and born_at < usage_since
        return _Session(number, key, parent, born_at, last_at, tuple(unreported.split()), silent)
    return None


def _last_response(store: Store, session: int) -> _Response | None:
    """The last response, in byte order, of the log that holds the session's latest one."""
    rows = store.rows(
        """WITH latest AS (SELECT c.source FROM response_context c JOIN source o ON o.id = c.source WHERE c.session = ?
            AND c.latest IS (SELECT max(latest) FROM response_context WHERE session = ?) ORDER BY o.key DESC LIMIT 1)
        SELECT r.key, s.name, c.final FROM response_context c JOIN session s ON s.id = c.session
        JOIN response_own r ON r.id = c.last
        WHERE c.session = ? AND c.source = (SELECT source FROM latest) ORDER BY r.offset DESC, r.key DESC LIMIT 1""",
        (session, session, session),
    )
    return _Response(key_text(*rows[0][:2]), bool(rows[0][2])) if rows else None


def _pending_call(store: Store, key: SessionKey) -> str | None:
    rows = store.rows(
        """SELECT o.pending_call FROM source o JOIN agent a ON a.id = o.agent
        WHERE a.name = ? AND o.pending_session = ? AND o.pending_call IS NOT NULL AND NOT o.gone
        ORDER BY o.mtime_ns DESC, o.key DESC LIMIT 1""",
        (key.agent, stored_text(key.session)),
    )
    return str(rows[0][0]) if rows else None


def _row(store: Store, number: int, *facts: Any) -> SessionRow:  # noqa: ANN401
    agent, session, born_at, last_at, cwd, model, parent, origin, silent = facts
    paths = store.rows(
        """SELECT path FROM source WHERE id IN (SELECT source FROM fact WHERE session = ?
            UNION SELECT source FROM response_context WHERE session = ?) ORDER BY key""",
        (number, number),
    )
    total = _total(store.rows(_total_of("rollup", "session = ?1"), (number,)))
    return SessionRow(
        agent=agent,
        session=session,
        paths=tuple(os.fsdecode(path) for (path,) in paths),
        born_at=born_at,
        last_at=last_at,
        cwd=cwd,
        model=model,
        parent=parent,
        origin=origin,
        responses=total.responses,
        tokens=None if silent and not total.responses else total.tokens,
    )


def _total_of(kept: str, condition: str) -> str:
    """Asks for responses and tokens: of those that are dated from the table in which they are added up."""
    names = ", ".join(COMPONENTS)
    dated = f"SELECT responses, {names} FROM {kept} WHERE {condition}"  # noqa: S608
    undated = f"SELECT 1, {names} FROM undated WHERE {condition}"  # noqa: S608
    return f"SELECT coalesce(sum(r.responses), 0), {SUMS} FROM ({dated} UNION ALL {undated}) r"  # noqa: S608


def _total(rows: list[tuple[Any, ...]]) -> Total:
    count, *parts = rows[0]
    return Total(count, TokenVector(*parts))


def _candidates(rows: Iterable[SessionRow]) -> tuple[Candidate, ...]:
    return tuple(Candidate(row.agent, row.session, row.last_at, row.cwd, row.total, row.parent) for row in rows)


def _pieces(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]
