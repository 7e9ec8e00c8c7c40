"""Whatever happens in a chat, and however its bytes arrive, each answer counts once and as it was told last."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from loggen.gemini import Known, World
from loggen.harness import derive, document, ingest
from tallybook.agents.gemini_cli.reader import GeminiReader
from tallybook.agents.gemini_cli.sessions import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tallybook.agents.port import Batch, Response, SessionFact

READER = GeminiReader()
seeds = st.integers(min_value=0, max_value=10**6)


def world_of(seed: int, *, short: bool = False) -> World:
    world = World(random.Random(seed), short)
    for _ in range(world.rng.randrange(1, 22)):
        world.step()
    world.look()
    return world


def whole(files: Mapping[str, bytes]) -> dict[str, list[Batch]]:
    return {
        key: [document(READER, key, content)] if key.endswith(".json") else ingest(READER, key, [content])
        for key, content in files.items()
    }


def known(found: Iterable[Response]) -> Counter[Known]:
    return Counter(
        (
            one.session,
            one.model,
            (one.tokens.input, one.tokens.cache_read, one.tokens.output, one.tokens.reasoning),
            str(one.quality),
        )
        for one in found
    )


def facts(batches: Iterable[Batch]) -> dict[str, SessionFact]:
    """What all batches say of sessions."""
    said: dict[str, SessionFact] = {}
    for fact in (fact for batch in batches for fact in batch.sessions):
        said[fact.session] = joined(said[fact.session], fact) if fact.session in said else fact
    return said


@given(seeds, st.booleans(), st.booleans(), st.booleans())
def test_what_is_counted_is_the_truth(seed: int, short: bool, spaced: bool, backwards: bool) -> None:
    """Rewinds, replays, growth, resumes and copies, in any spelling of JSON."""
    world = world_of(seed, short=short)
    batches = whole(world.files(spaced=spaced, backwards=backwards))
    found = derive(READER, batches)
    assert known(found) == world.expected()
    assert len({one.key for one in found}) == len(found)
    assert sum(batch.bad_lines + batch.unknown_records for read in batches.values() for batch in read) == 0


@given(seeds, st.booleans(), st.data())
def test_arrivals_make_no_difference(seed: int, short: bool, data: st.DataObject) -> None:
    """Lines that come in any pieces of bytes are read as in one pass."""
    files = world_of(seed, short=short).files()
    at_once = whole(files)
    parts = dict(at_once)
    for key, content in files.items():
        if key.endswith(".json"):
            continue
        cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6), label=key))
        parts[key] = ingest(READER, key, [content[a:b] for a, b in pairwise([0, *cuts, len(content)])])
        assert parts[key][-1].state == at_once[key][-1].state
        assert facts(parts[key]) == facts(at_once[key])
    assert derive(READER, parts) == derive(READER, at_once)


@given(seeds, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_files_makes_no_difference(seed: int, short: bool, rng: random.Random) -> None:
    """Whichever file is found first."""
    batches = list(whole(world_of(seed, short=short).files()).items())
    found = derive(READER, dict(batches))
    rng.shuffle(batches)
    assert derive(READER, dict(batches)) == found


@given(seeds, st.booleans(), st.data())
def test_some_files_never_count_an_answer_twice(seed: int, short: bool, data: st.DataObject) -> None:
    """A part of the files gives no answer more often, and none that all of them do not give."""
    batches = whole(world_of(seed, short=short).files())
    everything = derive(READER, batches)
    chosen = data.draw(st.sets(st.sampled_from(sorted(batches))))
    some = derive(READER, {key: batches[key] for key in chosen})
    assert len({one.key for one in some}) == len(some)
    assert len(some) <= len(everything)
    if not short:
        assert {one.key for one in some} <= {one.key for one in everything}


@given(seeds)
def test_surface_makes_no_difference_to_facts(seed: int) -> None:
    """The order of keys and the space between them are nothing."""
    world = world_of(seed)
    plain, other = whole(world.files()), whole(world.files(spaced=True, backwards=True))
    for key, read in plain.items():
        assert facts(read) == facts(other[key])
        assert [(row.group, row.at, row.data) for batch in read for row in batch.occurrences] == [
            (row.group, row.at, row.data) for batch in other[key] for row in batch.occurrences
        ]
