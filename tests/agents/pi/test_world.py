"""Whatever sessions live through, each answer counts once, for the session that it was served in."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from loggen.harness import count, derive, ingest
from loggen.pi import Happened, Served, World, encode
from tallybook.agents.pi.reader import PiReader
from tallybook.history.activity import activity_by_session
from tallybook.history.ingest import ingest as ingest_all
from tallybook.history.store import Store, open_store

if TYPE_CHECKING:
    from tallybook.agents.port import Response

READER = PiReader()
SEEDS = st.integers(0, 2**32)


def lived(seed: int, tells: bool, repeats: bool) -> World:
    rng = random.Random(seed)
    world = World(rng, tells, repeats)
    for _ in range(rng.randrange(1, 40)):
        world.step()
    return world


def told(responses: list[Response]) -> Counter[Served]:
    return Counter(served(one) for one in responses)


def served(one: Response) -> Served:
    tokens = one.tokens
    return one.session, (tokens.input, tokens.cache_read, tokens.cache_write, tokens.output), one.model


@given(SEEDS, st.booleans(), st.booleans())
def test_every_answer_counts_once_for_its_session(seed: int, tells: bool, repeats: bool) -> None:
    """Forks, branches, compactions and calls on the side: what was served is what is counted, exactly."""
    world = lived(seed, tells, repeats)
    found = count(READER, world.files())
    assert told(found) == world.expected()
    assert {one.quality for one in found} <= {"exact"}
    assert len({one.key for one in found}) == len(found)


@given(SEEDS, st.booleans())
def test_any_files_in_any_order_count_what_they_hold(seed: int, tells: bool) -> None:
    """Of the files that are there each answer counts once, and what is called exact has its true session."""
    world = lived(seed, tells, repeats=False)
    rng = random.Random(seed)
    files = [one for one in world.files().items() if rng.random() < 0.6]
    names = {name for name, _ in files}
    held = Counter(
        parts
        for session, parts, model in world.served
        if any(any(usage_of(line) == parts for line in one.lines) for one in world.sessions if one.path in names)
    )
    first = count(READER, dict(files))
    rng.shuffle(files)
    assert count(READER, dict(files)) == first
    assert Counter(served(one)[1] for one in first) == held
    true = {parts: session for session, parts, _ in world.served}
    for one in first:
        if one.quality == "exact":
            assert one.session == true[served(one)[1]]
        else:
            assert one.quality == "unverified"


def usage_of(line: dict[str, object]) -> tuple[object, ...] | None:
    message = line.get("message")
    used = message.get("usage") if isinstance(message, dict) else line.get("usage")
    if not isinstance(used, dict):
        return None
    return used["input"], used["cacheRead"], used["cacheWrite"], used["output"]


@given(SEEDS, st.booleans())
def test_any_split_of_the_bytes_and_any_spelling_counts_the_same(seed: int, tells: bool) -> None:
    """Files that grow byte by byte, keys in another order and other blanks change nothing but offsets."""
    world = lived(seed, tells, repeats=False)
    rng = random.Random(seed)
    batches = {}
    for session in world.sessions:
        content = encode(session.lines, rng)
        cuts = sorted(rng.randrange(len(content) + 1) for _ in range(rng.randrange(6)))
        pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
        batches[session.path] = ingest(READER, session.path, pieces)
        assert sum(batch.bad_lines + batch.unknown_records for batch in batches[session.path]) == 0
    assert told(derive(READER, batches)) == world.expected()


def stored(store: Store) -> Counter[tuple[str, tuple[int, ...], str]]:
    rows = store.rows(
        """SELECT s.name, r.input, r.cache_read, r.cache_write_unknown, r.output, m.text FROM response r
        JOIN session s ON s.id = r.session JOIN word m ON m.id = r.model"""
    )
    return Counter((row[0], row[1:5], row[5]) for row in rows)


@given(SEEDS, st.booleans())
@settings(max_examples=40)
def test_a_store_that_looks_again_and_again_has_what_one_look_has(seed: int, tells: bool) -> None:
    """Sessions grow, forks are seen before their parents or after them, files vanish: nothing is lost or doubled."""
    rng = random.Random(seed)
    world = World(rng, tells)
    with TemporaryDirectory() as name:
        place = Path(name)
        environ = {"PI_CODING_AGENT_SESSION_DIR": str(place / "sessions")}
        with open_store(place / "store") as store:
            for _ in range(rng.randrange(1, 6)):
                for _ in range(rng.randrange(1, 8)):
                    world.step()
                files = list(world.files().items())
                rng.shuffle(files)
                for path, content in files:
                    write(place / "sessions" / "--srv--" / Path(path).name, content)
                    if rng.random() < 0.2:
                        ingest_all(store, [READER], environ)
                report = ingest_all(store, [READER], environ)
                assert (report.problems, report.bad_lines, report.unknown_records) == ((), 0, 0)
                assert stored(store) == world.expected()
                assert things(store) == world.happenings(set(world.files()))
            for log in (place / "sessions" / "--srv--").iterdir():
                log.unlink()
            ingest_all(store, [READER], environ)
            assert stored(store) == world.expected()
            assert things(store) == world.happenings(set(world.files()))


def things(store: Store) -> Counter[Happened]:
    """What the store knows to have happened."""
    rows = activity_by_session(store)
    return Counter({(row.session.session, row.kind, row.name): row.count for row in rows if row.session is not None})


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
