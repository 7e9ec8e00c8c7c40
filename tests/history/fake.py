"""A reader of a made-up format with all that the store must cope with: groups, links, copies, state, pending calls.

A line is a JSON object. ``id`` makes it a response; rows of one unit with the same id are copies, of which the
earliest counts. ``link`` names a group to be counted together with this one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from backports.zstd import compress
from msgspec.structs import astuple

from tallybook.agents.port import Batch, Grown, Keeping, LogFile, Occurrence, Response, SessionFact
from tallybook.agents.verdicts import Verdict, What
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.history.ingest import IngestReport, ingest
from tallybook.history.names import name_hash
from tallybook.history.pieces import unpacked
from tallybook.history.response_keys import key_text
from tallybook.history.rollup import SUMS
from tallybook.history.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tallybook.agents.port import Line, SourceRows

Row = Mapping[str, object] | bytes
SECOND = 1_000_000
T0 = 1_790_000_000 * SECOND


class FakeReader:
    agent = "fake"
    unreported: tuple[str, ...] = ("cache_write_1h", "reasoning")
    unlogged: tuple[str, ...] = ("dreams",)
    usage_since: int | None = None
    session_variables: tuple[str, ...] = ("FAKE_SESSION", "FAKE_OLD_SESSION")
    call_variable: str | None = "FAKE_CALL"

    def __init__(self, version: str = "1") -> None:
        self.version = version
        self.reads: list[str] = []
        self.units: list[list[str]] = []
        self.grown: list[str] = []

    def log_at(self, path: Path) -> LogFile:
        return LogFile(self.agent, path.name.removesuffix(".log"), str(path))

    def roots(self, environ: Mapping[str, str]) -> tuple[Path, ...]:
        return (Path(environ["FAKE_HOME"]),)

    def keepings(self, environ: Mapping[str, str]) -> tuple[Keeping, ...]:
        return (Keeping(self.roots(environ)[0], 30),)

    def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
        found: dict[str, LogFile] = {}
        for place, _, names in os.walk(environ["FAKE_HOME"]):
            for name in sorted(names):
                path = Path(place, name)
                key = name.removesuffix(".zst").removesuffix(".log")
                if name.endswith(".log"):
                    found[key] = LogFile(self.agent, key, str(path))
                elif name.endswith(".log.zst"):
                    found.setdefault(key, LogFile(self.agent, key, str(path), compressed=True))
        yield from found.values()

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        self.reads.append(log.key)
        batch = _Lists()
        count, batch.call, batch.caller = json.loads(state or b"[0, null, null]")
        for line in lines:
            count += 1
            try:
                row = json.loads(line.raw)
            except ValueError:
                batch.bad += 1
                continue
            batch.take(log, line.offset, count, row)
        return Batch(
            tuple(batch.occurrences),
            tuple(batch.sessions),
            tuple(batch.links),
            json.dumps([count, batch.call, batch.caller]).encode(),
            batch.call,
            batch.caller,
            batch.bad,
            batch.unknown,
        )

    def derive(self, unit: Sequence[SourceRows]) -> list[Response]:
        self.units.append([source.key for source in unit])
        return self._counted(unit)

    def _counted(self, unit: Sequence[SourceRows]) -> list[Response]:
        rows = [(source.key, row, json.loads(row.data)) for source in unit for row in source.rows]
        best: dict[str, Response] = {}
        for key, row, fact in rows:
            found = _response(key, row, fact)
            if fact["id"] not in best or _order(found) < _order(best[fact["id"]]):
                best[fact["id"]] = found
        return list(best.values())

    def kept(self, source: SourceRows) -> bytes | None:
        return str(source.rows[-1].offset).encode()

    def grow(self, kept: bytes, source: SourceRows) -> Grown | None:
        """Rows with ids that are new are responses of their own; the store knows whether they are."""
        assert int(kept) < source.rows[0].offset
        self.grown.append(source.key)
        return Grown(tuple(self._counted([source])), self.kept(source))

    def explain(self, unit: Sequence[SourceRows]) -> Iterator[Verdict]:
        counted = {(one.source, one.offset): one for one in self.derive(unit)}
        for source in unit:
            for nth, row in enumerate(source.rows):
                found = counted.get((source.key, row.offset))
                what, key = (What.COUNTED, found.key) if found else (What.REPEATED, str(json.loads(row.data)["id"]))
                yield Verdict(source.key, nth, what, "as the fake has it", None, (key,))

    def is_agent_process(self, argv: Sequence[str]) -> bool:
        return bool(argv) and argv[0] == self.agent

    def registered_session(self, environ: Mapping[str, str], pid: int, started: str) -> str | None:
        return environ.get(f"REGISTRY_{self.agent}_{pid}_{started}")


class _Lists:
    def __init__(self) -> None:
        self.occurrences: list[Occurrence] = []
        self.sessions: list[SessionFact] = []
        self.links: list[tuple[str, str]] = []
        self.call: str | None = None
        self.caller: str | None = None
        self.bad = self.unknown = 0

    def take(self, log: LogFile, offset: int, count: int, row: dict[str, object]) -> None:
        group = str(row.get("group", log.key))
        session = str(row.get("session", log.key))
        at = row.get("at")
        assert at is None or isinstance(at, int)
        if "id" in row:
            self.call = self.caller = None
            data = json.dumps({**row, "session": session, "count": count}).encode()
            self.occurrences.append(Occurrence(group, offset, at, data))
        elif "pending" in row:
            self.call, self.caller = str(row["pending"]), session
        elif "fact" in row:
            fact = row["fact"]
            assert isinstance(fact, dict)
            self.sessions.append(SessionFact(session, **fact))
        elif "link" not in row:
            self.unknown += 1
        if "link" in row:
            self.links.append((group, str(row["link"])))


def _response(key: str, row: Occurrence, fact: dict[str, object]) -> Response:
    parts = fact.get("tokens", {"input": fact["count"], "output": 1})
    assert isinstance(parts, dict)
    return Response(
        key=str(fact["id"]),
        session=str(fact["session"]),
        source=key,
        offset=row.offset,
        at=row.at,
        model=str(fact.get("model", "m1")),
        tokens=TokenVector(**parts),
        tier=str(fact.get("tier", "standard")),
        quality=Quality(str(fact.get("quality", "exact"))),
        final=bool(fact.get("final", True)),
        calls=tuple(str(fact["calls"]).split()) if "calls" in fact else (),
        effort=_word(fact, "effort"),
        branch=_word(fact, "branch"),
        cwd=_word(fact, "cwd"),
        web_searches=int(str(fact.get("web_searches", 0))),
    )


def _word(fact: dict[str, object], name: str) -> str | None:
    return str(fact[name]) if name in fact else None


def _order(response: Response) -> tuple[int, str, int]:
    return (-1 if response.at is None else response.at, response.source, response.offset)


class World:
    """A place with logs and a data directory; every write gets a time of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs = root / "logs"
        self.data = root / "data"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.environ = {"FAKE_HOME": str(self.logs)}
        self.ticks = T0 * 1000

    def path(self, key: str, place: str = "live") -> Path:
        return self.logs / place / f"{key}.log"

    def put(self, path: Path, content: bytes) -> Path:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return self.touch(path)

    def touch(self, path: Path) -> Path:
        self.ticks += 1_000_000
        os.utime(path, ns=(self.ticks, self.ticks))
        return path

    def write(self, key: str, *rows: Row) -> Path:
        return self.put(self.path(key), lines(*rows))

    def append(self, key: str, *rows: Row) -> Path:
        path = self.path(key)
        return self.put(path, path.read_bytes() + lines(*rows))

    def compress(self, path: Path) -> Path:
        packed = self.put(path.with_name(f"{path.name}.zst"), compress(path.read_bytes()))
        path.unlink()
        return packed

    def ingest(self, reader: FakeReader | None = None, data: Path | None = None) -> IngestReport:
        with open_store(data or self.data) as store:
            return ingest(store, [reader or FakeReader()], self.environ)

    def store(self) -> Store:
        return open_store(self.data)

    def dump(self) -> dict[str, list[tuple[object, ...]]]:
        with self.store() as store:
            return dump(store)

    def cold(self) -> dict[str, list[tuple[object, ...]]]:
        """What a first ingest of the present logs gives."""
        data = self.root / "cold"
        for part in data.glob("*"):
            part.unlink()
        self.ingest(data=data)
        with open_store(data) as store:
            return dump(store)


def lines(*rows: Row) -> bytes:
    return b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)


DUMPS = {
    "responses": """SELECT a.name, key_text(r.key, s.name), s.name, o.key, r.offset, r.at, m.text, t.text, r.input,
        r.cache_read,
        r.cache_write_5m, r.cache_write_1h, r.cache_write_unknown, r.output, r.reasoning, q.text, r.final, r.calls,
        e.text, b.text, c.text, p.text, r.turn, r.window, r.web_searches
        FROM response r JOIN session s ON s.id = r.session JOIN agent a ON a.id = s.agent
        JOIN source o ON o.id = r.source JOIN word m ON m.id = r.model JOIN word t ON t.id = r.tier
        JOIN word q ON q.id = r.quality
        LEFT JOIN word e ON e.id = r.effort LEFT JOIN word b ON b.id = r.branch LEFT JOIN word c ON c.id = r.cwd
        LEFT JOIN word p ON p.id = r.provider""",
    "sessions": """SELECT name, parent, forked_from, born_at, last_at, cwd, model, origin, branch, commit_id, version,
        entry, provider FROM session""",
    "sources": """SELECT key, cursor, head_size, head, state, pending_call, pending_session, bad_lines,
        unknown_records, gone FROM source""",
}
PIECES = "SELECT s.key, p.data FROM piece p JOIN source s ON s.id = p.source ORDER BY p.id"


def dump(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All that the store knows, by names, in an order of its own; how it lies in pieces depends on how it came."""
    store.add_function("key_text", key_text)
    found = {name: sorted(store.rows(query), key=repr) for name, query in DUMPS.items()}
    pieces = [(key, unpacked(data)) for key, data in store.rows(PIECES)]
    rows = [(key, *astuple(row)) for key, piece in pieces for row in piece.occurrences()]
    links = {(*pair, key) for key, piece in pieces for a, b in piece.links for pair in ((a, b), (b, a))}
    assert_places(store)
    assert_derived(store)
    assert_whole(store)
    return {**found, "occurrences": sorted(rows, key=repr), "links": sorted(links)}


def assert_places(store: Store) -> None:
    """Every group is found in exactly the pieces that mention it."""
    told = store.rows(
        "SELECT a.name, p.id, p.data FROM piece p JOIN source s ON s.id = p.source JOIN agent a ON a.id = s.agent"
    )
    wanted = {(name_hash(agent, name), number) for agent, number, data in told for name in unpacked(data).mentioned}
    assert set(store.rows("SELECT grp, piece FROM place")) == wanted


def assert_whole(store: Store) -> None:
    """The sum of all dated responses is that of the sums."""
    numbers = ", ".join(f"coalesce(sum({name}), 0)" for name in SUMS)
    assert store.rows(f"SELECT {numbers} FROM whole") == store.rows(f"SELECT {numbers} FROM rollup")  # noqa: S608


def assert_derived(store: Store) -> None:
    """Every response follows from exactly one group."""
    runs = store.rows("SELECT first, size FROM derived")
    assert all(size > 0 for _, size in runs)
    numbers = sorted(number for first, size in runs for number in range(first, first + size))
    assert numbers == [number for (number,) in store.rows("SELECT id FROM response ORDER BY id")]
