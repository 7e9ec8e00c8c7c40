"""A thread counted as it grows is what all its rows give, whatever its rows are and wherever it stood in between."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.codex.worlds import worlds
from loggen.codex import Rollout, plus, uuid7
from loggen.harness import ingest
from tallybook.agents.codex import facts, growing
from tallybook.agents.codex.reader import CodexReader
from tallybook.agents.port import Occurrence, SourceRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loggen.codex import Usage, World
    from tallybook.agents.port import Response

READER = CodexReader()
THREAD = "t1"
TURNS = st.sampled_from(["a", "b", "c", "", None])
MODELS = st.sampled_from(["m1", "m2", None])
EFFORTS = st.sampled_from([None, "high"])
USAGES = st.sampled_from([(5, 1, 0, 2, 0), (9, 1, 1, 3, 1), (0, 0, 0, 0, 0)])
TOTALS = st.integers(0, 6).map(lambda n: (5 * n, n, 0, 2 * n, 0))
FACTS = st.one_of(
    st.builds(facts.Count, st.just(-1), TOTALS, USAGES),
    st.builds(facts.Record, st.just(-1), st.just(THREAD), TURNS, st.sampled_from(["r1", "r2", "r3", "r4"]), USAGES),
    st.builds(facts.Call, st.just(-1), st.sampled_from(["x", "y", "z"])),
    st.builds(facts.Turn, st.just(-1), TURNS, st.none()),
    st.builds(facts.Context, st.just(-1), TURNS, MODELS, EFFORTS, st.sampled_from([None, "/x"])),
    st.builds(facts.Settings, st.just(-1), st.none(), MODELS, st.sampled_from([None, "fast"]), EFFORTS),
    st.builds(facts.Window, st.just(-1), st.integers(1, 2)),
    st.just(facts.Search(-1)),
    st.just(facts.Stop(-1)),
    st.just(facts.Compacted(-1)),
    st.just(facts.Review(-1, entered=True)),
    st.builds(facts.Count, st.just(-1), TOTALS, st.none()),
)
COMMON = st.one_of(
    st.builds(facts.Count, st.just(-1), TOTALS, USAGES),
    st.builds(facts.Record, st.just(-1), st.just(THREAD), TURNS, st.sampled_from([f"r{n}" for n in range(9)]), USAGES),
    st.builds(facts.Turn, st.just(-1), TURNS, st.none()),
    st.builds(facts.Context, st.just(-1), TURNS, MODELS, EFFORTS),
    st.just(facts.Search(-1)),
    st.builds(facts.Call, st.just(-1), st.sampled_from(["x", "y", "z"])),
)
HEAD = facts.Meta(-1, THREAD, None, None, None, based=False, born=0)


def rows_of(told: Sequence[facts.AnyFact]) -> tuple[Occurrence, ...]:
    return tuple(Occurrence(THREAD, number * 10, number * 1000, facts.encode(fact)) for number, fact in enumerate(told))


class Grower:
    """What the store does with one log: further rows where the reader can count them, else all rows."""

    def __init__(self) -> None:
        self.responses: dict[str, Response] = {}
        self.kept: bytes | None = None
        self.steps = 0

    def take(self, rows: tuple[Occurrence, ...], known: int) -> None:
        fresh = SourceRows("log", rows[known:])
        grown = None if self.kept is None or not fresh.rows else READER.grow(self.kept, fresh)
        if grown is not None and not any(one.key in self.responses for one in grown.responses):
            self.responses |= {one.key: one for one in grown.responses}
            self.kept = grown.kept
            self.steps += 1
        elif fresh.rows:
            whole = SourceRows("log", rows)
            self.responses = {one.key: one for one in READER.derive([whole])}
            self.kept = READER.kept(whole)


def grown_through(rows: tuple[Occurrence, ...], ends: Sequence[int]) -> Grower:
    """The rows as they arrive up to each of ``ends``; compared at each with what all rows so far give."""
    grower = Grower()
    for before, end in pairwise([0, *ends]):
        grower.take(rows[:end], before)
        if end:
            assert sorted(grower.responses.values(), key=lambda one: one.key) == READER.derive(
                [SourceRows("log", rows[:end])]
            )
    return grower


def ends_in(data: st.DataObject, count: int) -> list[int]:
    return [*sorted(data.draw(st.lists(st.integers(0, count), max_size=8))), count]


@given(st.lists(FACTS, max_size=30), st.booleans(), st.data())
def test_any_facts_in_any_parts(told: list[facts.AnyFact], headed: bool, data: st.DataObject) -> None:
    rows = rows_of([HEAD, *told] if headed else told)
    grown_through(rows, ends_in(data, len(rows)))


@given(st.lists(COMMON, min_size=5, max_size=40), st.data())
@settings(max_examples=300)
def test_common_facts_in_any_parts(told: list[facts.AnyFact], data: st.DataObject) -> None:
    rows = rows_of([HEAD, facts.Context(-1, None, "m1"), *told])
    grown_through(rows, ends_in(data, len(rows)))


@given(worlds(), st.data())
def test_the_threads_of_any_world_in_any_parts(world: World, data: st.DataObject) -> None:
    for key, content in world.files().items():
        (batch,) = ingest(READER, key, [content])
        if len({row.group for row in batch.occurrences}) == 1:
            grown_through(batch.occurrences, ends_in(data, len(batch.occurrences)))


def long_log(*, recorded: bool, turns: bool) -> tuple[Occurrence, ...]:
    rollout = Rollout(uuid7(1))
    rollout.meta()
    rollout.turn(uuid7(2), "gpt-5.5")
    total: Usage = (0, 0, 0, 0, 0)
    for number in range(60):
        usage = (1000 + number, 100, 0, 50 + number, 0)
        total = plus(total, usage)
        rollout.call(f"call_{number}")
        if turns and number % 7 == 6:
            rollout.turn(uuid7(10 + number), "gpt-5.5" if number % 2 else "gpt-5.5-mini")
        if recorded:
            rollout.record(f"resp_{number}", usage, None)
        rollout.output(f"call_{number}")
        rollout.count(total, usage)
    (batch,) = ingest(READER, rollout.key, [rollout.data()])
    return batch.occurrences


@pytest.mark.parametrize("turns", [False, True], ids=["one-turn", "turns"])
@pytest.mark.parametrize("recorded", [False, True], ids=["counts", "records"])
def test_a_usual_log_is_read_once_and_then_grows(recorded: bool, turns: bool) -> None:
    rows = long_log(recorded=recorded, turns=turns)
    ends = [30, *range(31, len(rows) + 1)]
    grower = grown_through(rows, ends)
    # A turn whose model is not told yet is waited for.
    assert grower.steps >= len(ends) - 1 - (4 * 9 if turns else 0)
    assert grower.kept is not None
    assert len(grower.kept) < 4000


def test_what_changes_earlier_responses_is_left_to_all_rows() -> None:
    rows = long_log(recorded=False, turns=False)
    kept = READER.kept(SourceRows("log", rows))
    assert kept is not None
    strange: list[Any] = [
        facts.Meta(-1, "t0", None, None, None, based=False, born=0),
        facts.Compacted(-1),
        facts.Review(-1, entered=True),
        facts.Record(-1, rows[0].group, None, "r", (1, 0, 0, 1, 0)),
        facts.Context(-1, uuid7(2), "another"),
        facts.Count(-1, (10**6, 0, 0, 10**6, 0), None),
    ]
    for fact in strange:
        late = Occurrence(rows[0].group, rows[-1].offset + 1, None, facts.encode(fact))
        assert READER.grow(kept, SourceRows("log", (late,))) is None


def test_a_total_that_comes_back_after_one_that_a_record_told_needs_all_rows() -> None:
    usage = (5, 1, 0, 2, 0)
    told: list[facts.AnyFact] = [
        HEAD,
        facts.Context(-1, None, "m1"),
        facts.Record(-1, THREAD, None, "r1", usage),
        facts.Count(-1, (5, 1, 0, 2, 0), usage),
        facts.Turn(-1, None, None),
        facts.Count(-1, (10, 2, 0, 4, 0), usage),
        facts.Count(-1, (15, 3, 0, 6, 0), usage),
        facts.Count(-1, (5, 1, 0, 2, 0), usage),
    ]
    assert grown_through(rows_of(told), [6, 7, 8]).steps == 1


@pytest.mark.parametrize("limit", ["MOST_ROWS", "MOST_TURNS"])
def test_nothing_is_kept_of_what_would_be_too_much(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = long_log(recorded=True, turns=True)
    source = SourceRows("log", rows)
    assert READER.kept(source) is not None
    monkeypatch.setattr(growing, limit, 2)
    assert READER.kept(source) is None
