"""Whatever happened in the logs, and however they arrive, what is counted is the truth."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loggen.claude import Corpus, Maker
from loggen.harness import count, derive, ingest
from tallybook.agents.claude_code.reader import ClaudeCodeReader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Batch, Response, SessionFact

READER = ClaudeCodeReader()
seeds = st.integers(min_value=0, max_value=10**6)


def corpus_of(seed: int) -> Corpus:
    return Maker(random.Random(seed)).corpus()


def counted(found: Iterable[Response]) -> Counter[tuple[object, ...]]:
    return Counter((response.session, response.model, response.tokens.parts(), response.final) for response in found)


@given(seeds, st.booleans(), st.booleans())
def test_derived_is_the_truth(seed: int, spaced: bool, backwards: bool) -> None:
    corpus = corpus_of(seed)
    found = count(READER, corpus.encoded(spaced=spaced, backwards=backwards))
    assert counted(found) == Counter(msgspec.structs.astuple(truth) for truth in corpus.truth)
    assert len({response.key for response in found}) == len(found)


def merged(batches: Iterable[Batch]) -> dict[str, SessionFact]:
    """Facts of one file as a store merges them: the widest times, else the first that is known."""
    facts: dict[str, SessionFact] = {}
    for fact in (fact for batch in batches for fact in batch.sessions):
        old = facts.get(fact.session, fact)
        facts[fact.session] = replace(
            old,
            born_at=min((at for at in (old.born_at, fact.born_at) if at is not None), default=None),
            last_at=max((at for at in (old.last_at, fact.last_at) if at is not None), default=None),
            forked_from=old.forked_from or fact.forked_from,
            cwd=old.cwd or fact.cwd,
            model=old.model or fact.model,
        )
    return facts


@given(seeds, st.data())
def test_arrivals_make_no_difference(seed: int, data: st.DataObject) -> None:
    files = corpus_of(seed).encoded()
    whole = {key: ingest(READER, key, [content]) for key, content in files.items()}
    parts: dict[str, list[Batch]] = {}
    for key, content in files.items():
        cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6), label=key))
        bounds = [0, *cuts, len(content)]
        parts[key] = ingest(READER, key, [content[a:b] for a, b in pairwise(bounds)])
        assert parts[key][-1].state == whole[key][-1].state
        assert parts[key][-1].pending_call == whole[key][-1].pending_call
        assert merged(parts[key]) == merged(whole[key])
        for counter in ("bad_lines", "unknown_records"):
            assert sum(getattr(batch, counter) for batch in parts[key]) == getattr(whole[key][0], counter)
    assert derive(READER, parts) == derive(READER, whole)


@given(seeds, st.randoms(use_true_random=False))
def test_order_of_sources_makes_no_difference(seed: int, rng: random.Random) -> None:
    files = corpus_of(seed).encoded()
    shuffled = list(files.items())
    rng.shuffle(shuffled)
    assert count(READER, dict(shuffled)) == count(READER, files)


@given(seeds, st.data())
def test_subset_never_counts_an_answer_twice(seed: int, data: st.DataObject) -> None:
    """A part of the files gives no answer that all of them do not give, and no answer more often."""
    files = corpus_of(seed).encoded()
    chosen = data.draw(st.sets(st.sampled_from(sorted(files))))
    some = count(READER, {key: files[key] for key in chosen})
    everything = count(READER, files)
    assert len({response.key for response in some}) == len(some)
    assert len({(response.source, response.offset) for response in some if "#" not in response.key}) == len(some)
    if len(chosen) == len(files):
        assert some == everything


@given(seeds)
def test_surface_makes_no_difference_to_facts(seed: int) -> None:
    corpus = corpus_of(seed)
    plain, other = corpus.encoded(), corpus.encoded(spaced=True, backwards=True)
    for key, content in plain.items():
        first, second = ingest(READER, key, [content]), ingest(READER, key, [other[key]])
        assert merged(first) == merged(second)
        assert [(row.group, row.at, row.data) for row in first[0].occurrences] == [
            (row.group, row.at, row.data) for row in second[0].occurrences
        ]
        assert first[0].unknown_records == second[0].unknown_records
