"""Whatever sessions live through, under whatever builds, every response counts once, as far as anything tells of it."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loggen.copilot import ZERO, Parts, World
from loggen.harness import count, derive, ingest
from tallybook.agents.copilot_cli.reader import CopilotReader
from tallybook.domain.quality import Quality, join

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Batch, Response, SessionFact

READER = CopilotReader()
seeds = st.integers(0, 10**6)


def world_of(seed: int) -> World:
    world = World(random.Random(seed))
    for _ in range(world.rng.randrange(1, 30)):
        world.step()
    return world


def root(session: str) -> str:
    return session.partition("/")[0]


def summed(found: Iterable[Response]) -> dict[tuple[str, str], Parts]:
    sums: dict[tuple[str, str], Parts] = defaultdict(lambda: ZERO)
    for one in found:
        tokens = one.tokens
        parts = Parts(tokens.input, tokens.cache_read, tokens.cache_write_unknown, tokens.output, tokens.reasoning)
        sums[root(one.session), one.model] = sums[root(one.session), one.model].plus(parts)
    return {key: parts for key, parts in sums.items() if parts != ZERO}


@given(seeds, st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_every_response_counts_once(seed: int, spaced: bool, backwards: bool, rng: random.Random) -> None:
    world = world_of(seed)
    files = list(world.files(spaced=spaced, backwards=backwards).items())
    rng.shuffle(files)
    found = count(READER, dict(files))
    assert summed(found) == world.expected()
    assert len({one.key for one in found}) == len(found)
    grades: dict[str, list[Quality]] = defaultdict(list)
    for one in found:
        grades[root(one.session)].append(one.quality)
    assert {session for session, told in grades.items() if join(told) is Quality.LOWER_BOUND} == world.incomplete()
    assert {quality for told in grades.values() for quality in told} <= {Quality.EXACT, Quality.LOWER_BOUND}


@given(seeds)
def test_what_is_told_only_grows(seed: int) -> None:
    world = World(random.Random(seed))
    before: dict[tuple[str, str], Parts] = {}
    for _ in range(12):
        world.step()
        now = summed(count(READER, world.files()))
        assert now == world.expected()
        assert all(min(map(int.__sub__, now[key], parts)) >= 0 for key, parts in before.items())
        before = now


@given(seeds, st.data())
def test_a_part_of_the_files_counts_nothing_twice(seed: int, data: st.DataObject) -> None:
    world = world_of(seed)
    files = world.files()
    chosen = data.draw(st.sets(st.sampled_from(sorted(files))))
    some = count(READER, {key: files[key] for key in sorted(chosen)})
    everything = count(READER, files)

    def totals(found: Iterable[Response]) -> list[int]:
        return [sum(column) for column in zip(*(one.tokens.parts() for one in found), strict=True)]

    assert all(part <= whole for part, whole in zip(totals(some), totals(everything), strict=False))
    assert len({one.key for one in some}) == len(some)


def merged(batches: Iterable[Batch]) -> dict[str, SessionFact]:
    """Facts of one file as a store merges them: the first that is known, and the latest activity."""
    facts: dict[str, SessionFact] = {}
    for fact in (fact for batch in batches for fact in batch.sessions):
        old = facts.setdefault(fact.session, fact)
        gaps = {name: getattr(fact, name) for name in fact.__struct_fields__ if getattr(old, name) is None}
        gaps["origin"] = fact.origin if old.origin == "main" else old.origin
        last = max((at for at in (old.last_at, fact.last_at) if at is not None), default=None)
        facts[fact.session] = replace(old, **gaps | {"last_at": last})
    return facts


@given(seeds, st.data())
def test_arrivals_make_no_difference(seed: int, data: st.DataObject) -> None:
    files = world_of(seed).files()
    whole = {key: ingest(READER, key, [content]) for key, content in files.items()}
    parts: dict[str, list[Batch]] = {}
    for key, content in files.items():
        cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6), label=key))
        parts[key] = ingest(READER, key, [content[a:b] for a, b in pairwise([0, *cuts, len(content)])])
        assert parts[key][-1].state == whole[key][-1].state
        assert merged(parts[key]) == merged(whole[key])
        assert {link for batch in parts[key] for link in batch.links} == set(whole[key][0].links)
        for counter in ("bad_lines", "unknown_records"):
            assert sum(getattr(batch, counter) for batch in parts[key]) == getattr(whole[key][0], counter) == 0
    assert derive(READER, parts) == derive(READER, whole)


@given(seeds)
def test_surface_makes_no_difference_to_facts(seed: int) -> None:
    world = world_of(seed)
    plain, other = world.files(), world.files(spaced=True, backwards=True)
    for key, content in plain.items():
        first, second = ingest(READER, key, [content]), ingest(READER, key, [other[key]])
        assert merged(first) == merged(second)
        assert [(row.group, row.at, row.data) for row in first[0].occurrences] == [
            (row.group, row.at, row.data) for row in second[0].occurrences
        ]


@given(seeds)
def test_subagents_are_children_where_their_usage_is_told(seed: int) -> None:
    batches = {key: ingest(READER, key, [content]) for key, content in world_of(seed).files().items()}
    facts = [fact for read in batches.values() for batch in read for fact in batch.sessions]
    children = {one.session for one in derive(READER, batches) if "/" in one.session}
    assert children <= {fact.session for fact in facts if fact.parent == root(fact.session)}
