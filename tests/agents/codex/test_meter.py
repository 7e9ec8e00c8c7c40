"""The thread's own totals: where they stand, where a fork began, what they had come to before they fell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from agents.codex.worlds import worlds
from loggen.codex import Rollout, World, counts, plus, uuid7
from loggen.harness import derive, ingest
from tallybook.agents.codex.reader import CodexReader
from tallybook.domain.own_counters import own_usage
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.agents.port import Batch

READER = CodexReader()
ONE = (1000, 100, 0, 50, 5)
TWO = (2000, 200, 20, 60, 6)


def told(batches: Sequence[Batch]) -> dict[str, TokenVector]:
    """The last word of each counter of a file's thread."""
    return {one.scope: one.tokens for batch in batches for one in batch.counters}


def vector(usage: tuple[int, int, int, int, int]) -> TokenVector:
    """Counts as logged, taken apart."""
    fresh, cached, written, output, reasoning = usage
    return TokenVector(fresh - cached - written, cached, 0, 0, written, output, reasoning)


def test_a_total_that_falls_begins_anew() -> None:
    """What it had come to is kept, so that nothing of the session is missed."""
    log = Rollout(uuid7(1))
    log.meta()
    log.count(ONE, ONE)
    log.count(plus(ONE, TWO), TWO)
    log.count(ONE, ONE)
    found = told(ingest(READER, log.key, [log.data()]))
    assert found == {"thread": vector(ONE), "thread-before": vector(plus(ONE, TWO))}
    assert own_usage(found, "thread") == vector(plus(plus(ONE, TWO), ONE))


def test_a_fork_begins_where_its_ancestor_stood() -> None:
    """In a copy by the last copied line, without one by what the first own line added."""
    log = Rollout(uuid7(1), paginated=True)
    log.meta(history_base={"thread_id": uuid7(9), "end_ordinal_exclusive": 7}, forked_from_id=uuid7(9))
    log.count(plus(ONE, TWO), TWO)
    found = told(ingest(READER, log.key, [log.data()]))
    assert found == {"thread": vector(plus(ONE, TWO)), "thread-start": vector(ONE)}
    assert own_usage(found, "thread") == vector(TWO)


def test_records_have_a_total_of_their_own() -> None:
    """Only records of the thread itself are taken."""
    log = Rollout(uuid7(1))
    log.meta()
    for thread in (uuid7(1), uuid7(2)):
        running = counts(plus(ONE, TWO))
        record = {"thread_id": thread, "response_id": f"r{thread}", "usage": counts(TWO)}
        log.put("token_usage_record", {**record, "thread_token_usage": running})
    log.put("token_usage_record", {"thread_id": uuid7(1), "response_id": "r", "usage": counts(TWO)})
    found = told(ingest(READER, log.key, [log.data()]))
    assert own_usage(found, "record") == vector(TWO)
    assert own_usage(found, "thread") is None


@given(worlds(), st.integers(0, 100_000))
def test_counters_come_to_what_responses_come_to(world: World, cut: int) -> None:
    """Of threads that never had a line without usage in their counter, read in two visits."""
    for session in world.sessions:
        content = session.rollout.data()
        key = session.rollout.key
        cut %= len(content) + 1
        batches = ingest(READER, key, [content[:cut], content[cut:]])
        found = told(batches)
        assert found == told(ingest(READER, key, [content]))
        alone = [one for one in derive(READER, {key: batches}) if one.session == session.rollout.thread]
        used = sum((one.tokens for one in alone), TokenVector())
        plain = not session.recorded and not session.lineage and len(session.truths) == len(alone)
        if plain and (own := own_usage(found, "thread")) is not None:
            assert own == used
