"""Whatever sessions do, every response is counted once, as the session's that it is, whatever is read first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from agents.codex.worlds import worlds
from loggen.codex import Truth, Usage, World
from loggen.harness import count, derive, ingest
from tallybook.agents.codex.reader import CodexReader
from tallybook.domain.quality import Quality

if TYPE_CHECKING:
    from random import Random

    from tallybook.agents.port import Response

READER = CodexReader()


def usage_of(response: Response) -> Usage:
    tokens = response.tokens
    return (tokens.context, tokens.cache_read, tokens.cache_write_unknown, tokens.output, tokens.reasoning)


def truth_of(response: Response) -> Truth:
    return Truth(response.session, response.model, usage_of(response), response.calls)


@given(worlds(), st.randoms(use_true_random=False))
def test_every_response_is_counted_once_for_its_session(world: World, random: Random) -> None:
    files = list(world.files().items())
    random.shuffle(files)
    responses = count(READER, dict(files))
    expected = [truth for session in world.sessions for truth in session.truths]
    told = [truth_of(response) for response in responses]
    assert Counter((truth.session, truth.usage, truth.calls) for truth in told) == Counter(
        (truth.session, truth.usage, truth.calls) for truth in expected
    )
    assert {response.quality for response in responses} <= {Quality.EXACT}
    assert len({response.key for response in responses}) == len(responses)


@given(worlds(), st.data())
def test_models_are_those_of_the_turn(world: World, data: st.DataObject) -> None:
    session = data.draw(st.sampled_from(world.sessions))
    known = {truth.usage: truth.model for truth in session.truths if truth.model != "unknown"}
    found = {usage_of(response): response.model for response in count(READER, world.files())}
    assert {usage: found[usage] for usage in known} == known


@given(worlds(), st.data())
def test_any_subset_counts_what_it_holds_and_the_rest_adds_up(world: World, data: st.DataObject) -> None:
    files = world.files()
    present = data.draw(st.sets(st.sampled_from(sorted(files))))
    some = count(READER, {key: files[key] for key in sorted(present)})
    assert Counter(usage_of(response) for response in some) == world.expected(present)
    ordered = data.draw(st.permutations(sorted(files)))
    assert count(READER, {key: files[key] for key in ordered}) == count(READER, files)


@given(worlds(), st.data())
def test_any_split_into_arrivals_is_the_same_as_one(world: World, data: st.DataObject) -> None:
    files = world.files()
    batches = {}
    for key, content in files.items():
        torn = content + b'{"timestamp":"2026-09-01T08:00:00.000Z","type":"event_ms'
        cuts = sorted(data.draw(st.lists(st.integers(0, len(torn)), max_size=4)))
        pieces = [torn[start:end] for start, end in zip([0, *cuts], [*cuts, len(torn)], strict=True)]
        batches[key] = ingest(READER, key, pieces)
    assert derive(READER, batches) == count(READER, files)
    whole = {key: ingest(READER, key, [content])[-1] for key, content in files.items()}
    assert {key: read[-1].pending_call for key, read in batches.items()} == {
        key: batch.pending_call for key, batch in whole.items()
    }
