"""Why a session has come to what it has: every fact of every log that tells of it, with the verdict of its reader."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from tallybook.agents.port import LogFile
from tallybook.agents.verdicts import Verdict, What
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.history.names import name_hash, stored_text
from tallybook.history.response_keys import key_text
from tallybook.history.shelf import Shelf
from tallybook.history.sums import VECTOR
from tallybook.history.units import Gathered, unit_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from tallybook.agents.port import LogReader, Occurrence
    from tallybook.domain.usage import SessionKey
    from tallybook.history.store import Store

_IMPOSSIBLE: Final = "no model can have used so many tokens"
_EARLIER: Final = "counted from what was read before; the log can't be explained now"


class Counted(NamedTuple):
    """One response as the store has it."""

    key: str
    source: str
    offset: int
    at: int | None
    model: str
    tier: str
    tokens: TokenVector
    quality: Quality


class Told(NamedTuple):
    """One fact at its place, and what became of it."""

    offset: int
    at: int | None
    verdict: Verdict
    counted: tuple[Counted, ...] = ()
    """The responses of the session that it counts as."""


class ToldLog(msgspec.Struct, frozen=True):
    """One log that tells of a session."""

    log: LogFile
    cursor: int
    """How far it was read."""
    readable: bool
    """It is there still, and this version has read it."""
    whole: bool
    """All of its facts are here; else only those that the session shares with others."""
    told: tuple[Told, ...]
    """In the order of their places."""
    bad: int = 0
    """Parts of a document that can't be understood; lines are looked at one by one."""


class Explanation(msgspec.Struct, frozen=True):
    """All of one session."""

    logs: tuple[ToldLog, ...]
    places: dict[str, tuple[str, int | None]]
    """Where each response is counted that a verdict names: the path of its log, and the byte; None in a document."""
    responses: tuple[Counted, ...]
    """Those of the session, in the order of time."""


def explanation(store: Store, reader: LogReader, key: SessionKey) -> Explanation | None:
    """Explain one session; None where no log has told of it."""
    with store.transaction() as connection:
        row = connection.execute(
            "SELECT s.id, s.agent FROM session s JOIN agent a ON a.id = s.agent WHERE a.name = ? AND s.name = ?",
            (key.agent, stored_text(key.session)),
        ).fetchone()
        return None if row is None else _Explaining(connection, reader, *row).explain(stored_text(key.session))


class _Source(NamedTuple):
    key: str
    path: bytes
    compressed: int
    cursor: int
    gone: int
    current: int
    bad: int


class _Explaining:
    def __init__(self, connection: sqlite3.Connection, reader: LogReader, session: int, agent: int) -> None:
        self._connection = connection
        self._reader = reader
        self._session = session
        self._agent = agent

    def explain(self, name: str) -> Explanation:
        own = {
            source
            for (source,) in self._connection.execute(
                "SELECT source FROM fact WHERE session = ? UNION SELECT source FROM response_context WHERE session = ?",
                (self._session, self._session),
            )
        }
        gathered = Gathered(Shelf(self._connection, self._reader.agent), self._groups(own))
        sources = self._sources(own | gathered.sources)
        readable = {number: source.key for number, source in sources.items() if source.current}
        responses = self._responses()
        told = self._told(gathered, readable, {one.key: one for one in responses}, name)
        homes = {source.key: self._home(source) for source in sources.values()}
        places = {
            key: _spot(homes[source], one.offset)
            for source, found in told.items()
            for one in found
            if one.verdict.what is What.COUNTED
            for key in one.verdict.responses
        }
        kept = [one for one in responses if one.key not in places]
        for one in kept:
            verdict = Verdict(one.source, -1, What.COUNTED, _EARLIER, name, (one.key,))
            told[one.source].append(Told(one.offset, one.at, verdict, (one,)))
            places[one.key] = _spot(homes[one.source], one.offset)
        logs = [
            self._log(source, told[source.key], name, whole=number in own and _is_home(told[source.key], name))
            for number, source in sources.items()
        ]
        found = [log for log in logs if log.whole or log.told]
        return Explanation(tuple(sorted(found, key=lambda log: (not log.whole, log.log.place))), places, responses)

    def _groups(self, own: Iterable[int]) -> set[int]:
        shelf = Shelf(self._connection, self._reader.agent)
        return {
            name_hash(self._reader.agent, name)
            for source in own
            for piece in shelf.all_of(source)
            for name in piece.mentioned
        }

    def _sources(self, numbers: Iterable[int]) -> dict[int, _Source]:
        query = "SELECT key, path, compressed, cursor, gone, reader = ?, bad_lines FROM source WHERE id = ?"
        return {
            number: _Source(*self._connection.execute(query, (self._reader.version, number)).fetchone())
            for number in sorted(numbers)
        }

    def _responses(self) -> tuple[Counted, ...]:
        rows = self._connection.execute(
            f"""SELECT r.key, s.name, o.key, r.offset, r.at, m.text, t.text, q.text, {VECTOR}
            FROM response r JOIN session s ON s.id = r.session JOIN source o ON o.id = r.source
            JOIN word m ON m.id = r.model
            JOIN word t ON t.id = r.tier JOIN word q ON q.id = r.quality
            WHERE r.session = ? ORDER BY r.at, o.key, r.offset, r.key""",  # noqa: S608
            (self._session,),
        )
        return tuple(_counted(row) for row in rows)

    def _told(
        self, gathered: Gathered, readable: dict[int, str], responses: dict[str, Counted], session: str
    ) -> dict[str, list[Told]]:
        """What stands in each log."""
        told: dict[str, list[Told]] = defaultdict(list)
        for _, found in gathered.units():
            unit = unit_of(found, readable)
            rows = {source.key: source.rows for source in unit}
            for verdict in self._reader.explain(unit):
                one = _of(verdict, rows[verdict.source][verdict.nth], responses)
                told[verdict.source].append(_possible(one, session))
        return told

    def _home(self, source: _Source) -> LogFile:
        found = self._reader.log_at(Path(os.fsdecode(source.path)))
        return found._replace(key=source.key, compressed=bool(source.compressed))

    def _log(self, source: _Source, told: list[Told], session: str, *, whole: bool) -> ToldLog:
        log = self._home(source)
        own = told if whole else [one for one in told if one.counted or one.verdict.session == session]
        in_order = tuple(sorted(own, key=lambda one: one.offset))
        bad = source.bad if whole and log.whole else 0
        return ToldLog(log, source.cursor, bool(source.current and not source.gone), whole, in_order, bad)


def _spot(log: LogFile, offset: int) -> tuple[str, int | None]:
    return log.place, None if log.whole else offset


def _is_home(told: list[Told], session: str) -> bool:
    """Whether a log is not one of other sessions alone."""
    found = [one for one in told if one.verdict.what is What.COUNTED]
    return not found or any(one.counted or one.verdict.session == session for one in found)


def _possible(one: Told, session: str) -> Told:
    """A response of the session that the store has not taken is told of as such."""
    verdict = one.verdict
    if verdict.what is not What.COUNTED or verdict.session != session or one.counted:
        return one
    return one._replace(verdict=verdict._replace(what=What.BAD, why=_IMPOSSIBLE, responses=()))


def _of(verdict: Verdict, row: Occurrence, responses: dict[str, Counted]) -> Told:
    stored = verdict._replace(
        session=None if verdict.session is None else stored_text(verdict.session),
        responses=tuple(map(stored_text, verdict.responses)),
    )
    counted = tuple(responses[key] for key in stored.responses if key in responses)
    return Told(row.offset, row.at, stored, counted if stored.what is What.COUNTED else ())


def _counted(row: tuple[Any, ...]) -> Counted:
    key, session, source, offset, at, model, tier, quality, *parts = row
    return Counted(key_text(key, session), source, offset, at, model, tier, TokenVector(*parts), Quality(quality))
