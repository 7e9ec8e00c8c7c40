"""Whatever chats live through, and however often one looks, each answer that was ever seen counts once."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from loggen.gemini import Known, World
from tallybook.agents.gemini_cli.reader import GeminiReader
from tallybook.history.ingest import ingest
from tallybook.history.store import Store, open_store


def found(store: Store) -> Counter[Known]:
    """What the store has of each response."""
    rows = store.rows(
        """SELECT s.name, m.text, r.input, r.cache_read, r.output, r.reasoning, q.text FROM response r
        JOIN session s ON s.id = r.session JOIN word q ON q.id = r.quality JOIN word m ON m.id = r.model"""
    )
    return Counter((row[0], row[1], (row[2], row[3], row[4], row[5]), row[6]) for row in rows)


class Home:
    """Gemini's directory, and a store that looks at it."""

    def __init__(self, place: str) -> None:
        self.place = Path(place)
        self.chats = self.place / ".gemini" / "tmp"
        self.moment = 10**18

    def write(self, files: dict[str, bytes]) -> None:
        """Make the directory hold these files and no others; each that changes gets a time of its own."""
        for path in [path for path in self.chats.rglob("*.json*") if str(path.relative_to(self.chats)) not in files]:
            path.unlink()
        for name, content in files.items():
            path = self.chats / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)

    def read(self, store: Store) -> None:
        """Bring the store up to date."""
        report = ingest(store, [GeminiReader()], {"GEMINI_CLI_HOME": str(self.place)})
        assert (report.problems, report.bad_lines, report.unknown_records) == ((), 0, 0)


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=60)
def test_every_answer_that_was_seen_counts_once(seed: int, short: bool) -> None:
    """Gemini deletes transcripts; what was read of them stays, and a store made anew has what is left."""
    rng = random.Random(seed)
    world = World(rng, short)
    with TemporaryDirectory() as place:
        home = Home(place)
        with open_store(home.place / "grown") as store:
            for _ in range(rng.randrange(1, 25)):
                world.step()
                if rng.random() < 0.4:
                    home.write(world.files())
                    home.read(store)
                    world.look()
                    assert found(store) == world.expected()
                    if rng.random() < 0.3:
                        world.lose()
        world.forget()
        world.look()
        home.write(world.files())
        with open_store(home.place / "cold") as store:
            home.read(store)
            assert found(store) == world.expected()
