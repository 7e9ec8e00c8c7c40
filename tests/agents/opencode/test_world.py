"""Whatever sessions live through, in either store, and however often one looks: all that was seen counts once."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from loggen.opencode import Chat, Database, Entry, Known, World
from tallybook.agents.opencode import lines
from tallybook.agents.opencode.reader import OpenCodeReader
from tallybook.history.activity import activity_by_session, activity_counts
from tallybook.history.ingest import ingest
from tallybook.history.store import Store, open_store


def found(store: Store) -> Counter[Known]:
    rows = store.rows(
        """SELECT s.name, r.input, r.cache_read, r.cache_write_unknown, r.output - r.reasoning, r.reasoning,
        q.text, r.final FROM response r JOIN session s ON s.id = r.session JOIN word q ON q.id = r.quality"""
    )
    return Counter((row[0], (row[1], row[2], row[3], row[4], row[5]), row[6], bool(row[7])) for row in rows)


def assert_happened(store: Store, world: World, *but: str) -> None:
    """Each thing that was seen is told once, and as its own session's where that has shown it."""
    seen = [deed for deed in world.happened() if deed.kind not in but]
    assert kinds(store, *but) == Counter(one.kind for one in seen)
    told: Counter[tuple[str, str]] = Counter()
    for one in activity_by_session(store):
        assert one.session is not None
        told[one.session.session, one.kind] += one.count
    own = Counter((one.home, one.kind) for one in seen if one.at_home)
    assert own <= told


def kinds(store: Store, *but: str) -> Counter[str]:
    """How often each kind of thing is told."""
    found: Counter[str] = Counter()
    for one in activity_counts(store):
        if one.kind not in but:
            found[one.kind] += one.count
    return found


class Home:
    """OpenCode's directory, and a store that looks at it."""

    def __init__(self, place: str) -> None:
        self.place = Path(place)
        self.data = self.place / "opencode"
        self.environ = {"OPENCODE_DATA_DIR": str(self.data)}
        self._database: Database | None = None

    @property
    def database(self) -> Database:
        if self._database is None:
            self._database = Database(self.data / "opencode.db")
        return self._database

    def show(self, world: World) -> None:
        """Write all that the world has; a file that it does not have goes."""
        files = world.files()
        for path in self.data.glob("storage/*/*/*.json"):
            if str(path.relative_to(self.data / "storage")) not in files:
                path.unlink()
        for name, content in files.items():
            self.put(name, content)
        if world.rows:
            world.write(self.database)
            if world.rng.random() < 0.3:
                self.database.close()

    def put(self, name: str, content: bytes) -> None:
        path = self.data / "storage" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            draft = path.with_suffix(".draft")
            draft.write_bytes(content)
            draft.replace(path)

    def read(self, store: Store) -> None:
        report = ingest(store, [OpenCodeReader()], self.environ)
        assert (report.problems, report.bad_lines) == ((), 0)

    def clear(self) -> None:
        self.database.close()
        self._database = None
        shutil.rmtree(self.data)


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=40)
def test_every_response_that_was_seen_counts_once(seed: int, rows: bool) -> None:
    """At each look of one who looks now and then."""
    rng = random.Random(seed)
    world = World(rng, rows, moves=True)
    with TemporaryDirectory() as place:
        home = Home(place)
        with open_store(home.place / "grown") as store:
            for _ in range(rng.randrange(1, 30)):
                world.step()
                if rng.random() < 0.4:
                    home.show(world)
                    world.look()
                    home.read(store)
                    assert found(store) == world.expected()
                    assert_happened(store, world)
        home.database.close()


Arrival = Callable[[Home], None]


def arrivals(world: World, files: Mapping[str, bytes]) -> Iterator[Arrival]:
    """Every file, and every row of the database."""
    for name, content in files.items():
        yield partial(Home.put, name=name, content=content)
    for chat in world.chats:
        yield partial(_session, chat=chat)
        for entry in chat.entries:
            yield partial(_message, chat=chat, entry=entry)


def _session(home: Home, chat: Chat) -> None:
    home.database.put_session(chat.told, chat.born)


def _message(home: Home, chat: Chat, entry: Entry) -> None:
    for number, part in enumerate([*entry.steps, *entry.parts]):
        home.database.put_part(f"prt_{entry.id}_{number}", entry.id, part)
    home.database.put_message(entry.id, chat.id, entry.data, entry.updated)


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=40)
def test_no_order_of_arrival_shows(seed: int, rows: bool) -> None:
    """Rows and files come one by one: forks before parents, messages before sessions, either store before the other."""
    rng = random.Random(seed)
    world = World(rng, rows)
    for _ in range(rng.randrange(1, 25)):
        world.step()
    files = {name: content for name, content in world.files().items() if rng.random() < 0.7}
    world.look()
    coming = list(arrivals(world, files))
    with TemporaryDirectory() as place:
        for data in ("one", "other"):
            rng.shuffle(coming)
            home = Home(place)
            with open_store(home.place / data) as store:
                for arrive in coming:
                    arrive(home)
                    if rng.random() < 0.2:
                        home.database.commit()
                        home.read(store)
                home.database.commit()
                home.read(store)
                assert found(store) == world.expected()
                assert_happened(store, world, "turn")  # whose prompt must be there when it ends
            home.clear()


@given(st.integers(0, 2**32), st.integers(1, 130))
@settings(max_examples=15)
def test_parts_of_any_size_give_the_same(seed: int, most: int) -> None:
    """A large database is read part by part."""
    rng = random.Random(seed)
    world = World(rng, rows=True)
    for _ in range(60):
        world.step()
    world.look()
    before = lines.MOST
    with TemporaryDirectory() as place:
        home = Home(place)
        home.show(world)
        try:
            lines.MOST = most  # type: ignore[misc]
            with open_store(home.place / "parts") as store:
                home.read(store)
                assert found(store) == world.expected()
                assert_happened(store, world)
        finally:
            lines.MOST = before  # type: ignore[misc]
        home.database.close()
