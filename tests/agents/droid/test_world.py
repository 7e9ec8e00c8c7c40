"""However often and in whatever order one looks at Droid's sessions, what they used counts once."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from loggen.droid import Happened, Parts, World, encode, lines, settings
from loggen.harness import derive
from tallybook.agents.droid.reader import DroidReader
from tallybook.agents.port import Batch, Line, LogFile
from tallybook.history.activity import activity_by_session
from tallybook.history.ingest import ingest
from tallybook.history.own_cells import CONTINUED, own_compared
from tallybook.history.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

READER = DroidReader()
NAME = "s.settings.json"
GROWTH = st.lists(st.tuples(*[st.integers(0, 50)] * 5), min_size=1, max_size=12)


def seen(content: bytes, written: int | None) -> Batch:
    """What one look at a document brings."""
    return READER.read(LogFile("droid", NAME, NAME, whole=True, written=written), [Line(0, content)], b"")


def grown(steps: Sequence[tuple[int, ...]]) -> list[Parts]:
    """Totals that only grow."""
    totals: list[Parts] = []
    here = [0] * 5
    for step in steps:
        here = [one + more for one, more in zip(here, step, strict=True)]
        given_, write, read, output, thinking = here
        totals.append((given_, write, read, output, thinking))
    return totals


@given(GROWTH, st.randoms(use_true_random=False), st.booleans())
def test_any_looks_in_any_order_add_up_to_the_last_total(
    steps: list[tuple[int, ...]], rng: random.Random, dated: bool
) -> None:
    """One late look gives one response; more looks give more of them, with the same sum."""
    totals = grown(steps)
    looks = [
        seen(encode(settings(total), rng), 1000 * n if dated else None)
        for n, total in enumerate(totals)
        if n == len(totals) - 1 or rng.random() < 0.6
    ]
    looks += rng.sample(looks, rng.randrange(len(looks) + 1))
    rng.shuffle(looks)
    found = derive(READER, {NAME: looks})
    assert sum(one.tokens.total for one in found) == sum(totals[-1][:4])
    assert derive(READER, {NAME: looks[-1:] + looks[:-1]}) == found
    late = derive(READER, {NAME: [seen(encode(settings(totals[-1])), 10**6)]})
    assert len(late) == (sum(totals[-1][:4]) > 0)
    assert len({one.offset for one in found}) == len({one.key for one in found}) == len(found)


@given(GROWTH, GROWTH, st.randoms(use_true_random=False))
def test_a_total_that_falls_begins_anew(
    before: list[tuple[int, ...]], after: list[tuple[int, ...]], rng: random.Random
) -> None:
    """Where one looked before and after, nothing is lost."""
    first, second = grown(before), grown(after)
    if all(new >= old for new, old in zip(second[0][:4], first[-1][:4], strict=True)) or {*first} & {*second}:
        return  # nothing shows that it fell
    looks = [seen(encode(settings(total)), 1000 * n) for n, total in enumerate([*first, *second])]
    rng.shuffle(looks)
    found = derive(READER, {NAME: looks})
    assert sum(one.tokens.total for one in found) == sum(first[-1][:4]) + sum(second[-1][:4])


class Home:
    """Droid's directory, and a store that looks at it."""

    def __init__(self, place: Path) -> None:
        self.root = place / ".factory" / "sessions" / "-srv-shop"
        self.root.mkdir(parents=True)
        self.environ = {"FACTORY_HOME_OVERRIDE": str(place)}

    def write(self, world: World, rng: random.Random) -> None:
        """Write all sessions as they stand; each document has the time at which it was written."""
        for session in world.sessions:
            path = self.root / f"{session.id}.settings.json"
            content = encode(settings(session.total, model=session.model))
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)
                os.utime(path, ns=(session.written * 10**6, session.written * 10**6))
            beside = self.root / f"{session.id}.jsonl"
            whole = lines(session.records)
            beside.write_bytes(whole if rng.random() < 0.8 else whole[: rng.randrange(len(whole))])

    def read(self, store: Store) -> None:
        report = ingest(store, [READER], self.environ)
        assert (report.problems, report.bad_lines, report.unknown_records) == ((), 0, 0)


def counted(store: Store) -> dict[str, int]:
    rows: list[tuple[str, int]] = store.rows(
        """SELECT s.name, sum(r.input + r.cache_read + r.cache_write_unknown + r.output) FROM response r
        JOIN session s ON s.id = r.session GROUP BY s.name"""
    )
    return dict(rows)


def things(store: Store) -> Counter[Happened]:
    """What the store knows to have happened."""
    rows = activity_by_session(store)
    return Counter({(row.session.session, row.kind, row.name): row.count for row in rows if row.session is not None})


@given(st.integers(0, 2**32), st.booleans())
@hypothesis_settings(max_examples=40)
def test_sessions_that_compact_fork_and_delegate_count_what_is_their_own(seed: int, resumes: bool) -> None:
    """A total that was taken over from the session before a compaction is not counted again, at any look.

    If that one goes on later, a part of the new session's first total may be left out; nothing is counted twice.
    """
    rng = random.Random(seed)
    world = World(rng, resumes)
    with TemporaryDirectory() as name:
        home = Home(Path(name))
        with open_store(Path(name) / "grown") as store:
            for _ in range(rng.randrange(1, 6)):
                for _ in range(rng.randrange(1, 8)):
                    world.step()
                home.write(world, rng)
                home.read(store)
            for session in world.sessions:
                (home.root / f"{session.id}.jsonl").write_bytes(lines(session.records))
            home.read(store)
            found, expected = counted(store), world.expected()
            if not resumes:
                assert found == expected
            assert all(total <= expected.get(session, 0) for session, total in found.items())
            assert things(store) == world.happenings({session.id for session in world.sessions})
            compared = own_compared(store)
            assert {cell.cause for cell in compared.cells} <= {CONTINUED}
            assert len(compared.cells) + compared.equal == len(world.sessions)
