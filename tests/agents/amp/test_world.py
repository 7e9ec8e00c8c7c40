"""Whatever threads live through, and however often one looks, each response that was ever seen counts once."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from loggen.amp import Happened, Parts, World
from tallybook.agents.amp.reader import AmpReader
from tallybook.history.activity import activity_by_session
from tallybook.history.ingest import ingest
from tallybook.history.store import Store, open_store


def found(store: Store) -> Counter[tuple[str, Parts, str]]:
    rows = store.rows(
        """SELECT s.name, r.input, r.cache_read, r.cache_write_unknown, r.output, q.text FROM response r
        JOIN session s ON s.id = r.session JOIN word q ON q.id = r.quality"""
    )
    return Counter((row[0], (row[1], row[2], row[3], row[4]), row[5]) for row in rows)


def things(store: Store) -> Counter[Happened]:
    """What the store knows to have happened."""
    counts: Counter[Happened] = Counter()
    for row in activity_by_session(store):
        if row.session is not None:
            counts[row.session.session, row.kind, "" if row.kind == "turn" else row.name] += row.count
    return counts


class Home:
    """Amp's directory, and a store that looks at it."""

    def __init__(self, place: str) -> None:
        self.place = Path(place)
        self.threads = self.place / "amp" / "threads"
        self.threads.mkdir(parents=True)
        self.environ = {"AMP_DATA_DIR": str(self.place / "amp")}
        self.moment = 10**18

    def write(self, name: str, content: bytes) -> None:
        """Write a document as Amp does, in one move; each gets a time of its own."""
        self.moment += 10**6
        draft = self.threads / f"{name}.amptmp"
        draft.write_bytes(content)
        draft.replace(self.threads / name)

    def read(self, store: Store) -> None:
        report = ingest(store, [AmpReader()], self.environ)
        assert (report.problems, report.bad_lines) == ((), 0)


@given(st.integers(0, 2**32), st.booleans(), st.booleans())
@settings(max_examples=60)
def test_every_response_that_was_seen_counts_once(seed: int, dated: bool, reuses: bool) -> None:
    rng = random.Random(seed)
    world = World(rng, dated, reuses)
    with TemporaryDirectory() as place:
        home = Home(place)
        with open_store(home.place / "grown") as store:
            for _ in range(rng.randrange(1, 25)):
                world.step()
                if rng.random() < 0.4:
                    files = list(world.files().items())
                    rng.shuffle(files)
                    world.look()
                    for name, content in files:
                        home.write(name, content)
                        if rng.random() < 0.2:
                            home.read(store)
                    home.read(store)
                    assert found(store) == world.expected()
                    assert things(store) == world.happenings()
        files = list(world.files().items())
        rng.shuffle(files)
        world.forget()
        world.look()
        for path in home.threads.iterdir():
            path.unlink()
        with open_store(home.place / "cold") as store:
            for name, content in files:
                home.write(name, content)
                if rng.random() < 0.3:
                    home.read(store)
            home.read(store)
            assert found(store) == world.expected()
            assert things(store) == world.happenings()
