"""What sessions had used before moments: all at once as one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.fake import SECOND, T0, FakeReader, World
from history.test_queries import DAY, S, row
from tallybook.domain.quality import Quality
from tallybook.domain.usage import SessionKey
from tallybook.history import portions
from tallybook.history.counters import Counter, counters_before
from tallybook.history.kin import read_kin
from tallybook.history.sums import used_before

if TYPE_CHECKING:
    from pathlib import Path

NAMES = "stu"
MOMENTS = st.integers(-1, 12).map(lambda part: T0 + part * DAY // 4)
ROWS = st.fixed_dictionaries(
    {
        "session": st.sampled_from(NAMES),
        "at": MOMENTS,
        "model": st.sampled_from(("m1", "m2")),
        "quality": st.sampled_from(("exact", "lower_bound")),
        "tokens": st.fixed_dictionaries({"input": st.sampled_from((1, 200_001)), "output": st.integers(0, 9)}),
        "web_searches": st.integers(0, 2),
    }
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def outputs(world: World, *moments: int) -> list[int]:
    """What the session had put out before each moment."""
    with world.store() as store:
        found = counters_before(store, read_kin(store), {S: moments})
    return [sum(usage.tokens.output for usage in found[S, at].classes) for at in moments]


def test_what_was_used_before_a_moment_in_whatever_log(world: World) -> None:
    """The moment itself is not before it."""
    world.write("a", row("r2", at=T0 + SECOND, tokens={"output": 2}))
    world.write("b", row("r1", tokens={"output": 1}), row("r3", at=T0 + 2 * SECOND, tokens={"output": 4}))
    world.ingest()
    assert outputs(world, *(T0 + after for after in (SECOND + 1, 0, 1, 3 * SECOND))) == [3, 0, 1, 7]


def test_of_a_session_that_no_log_tells_of_nothing_is_said(world: World) -> None:
    with world.store() as store:
        assert counters_before(store, read_kin(store), {SessionKey("fake", "nobody"): [T0]}) == {}


def test_an_undated_response_has_the_moment_of_its_neighbour(world: World) -> None:
    """It is counted with it, and as an estimate."""
    world.write("a", row("r1", tokens={"output": 1}), row("r2", at=None, tokens={"output": 2}))
    world.ingest()
    assert outputs(world, T0, T0 + 1) == [0, 3]
    with world.store() as store:
        found = counters_before(store, read_kin(store), {S: [T0, T0 + 1]})
    assert [found[S, at].quality for at in (T0, T0 + 1)] == [Quality.EXACT, Quality.ESTIMATED]


def test_a_session_that_may_hold_answers_without_usage(world: World) -> None:
    """Nothing is known of it before its first response, and the least from then on."""
    reader = FakeReader()
    reader.usage_since = T0 + 1
    world.write("a", {"session": "s", "fact": {"born_at": T0}}, row("r1", at=T0 + SECOND))
    world.ingest(reader)
    with world.store() as store:
        found = counters_before(store, read_kin(store), {S: [T0, T0 + DAY]})
    assert [found[S, at].quality for at in (T0, T0 + DAY)] == [Quality.UNMEASURED, Quality.LOWER_BOUND]


@given(
    st.lists(ROWS, max_size=12),
    st.dictionaries(st.sampled_from(NAMES), st.lists(MOMENTS, max_size=5)),
    st.sampled_from((1, 2, 1000)),
)
def test_all_at_once_is_as_one_by_one(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[dict[str, object]],
    asked: dict[str, list[int]],
    at_once: int,
) -> None:
    """However many of them go into one question."""
    world = World(tmp_path_factory.mktemp("world"))
    world.write("a", *(row(f"r{number}", **more) for number, more in enumerate(rows)))
    world.ingest()
    with world.store() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(portions, "AT_ONCE", at_once)
        kin = read_kin(store)
        found = counters_before(store, kin, {SessionKey("fake", name): moments for name, moments in asked.items()})
        truth: dict[tuple[SessionKey, int], Counter] = {}
        for name, moments in asked.items():
            key = SessionKey("fake", name)
            told = kin.told(key)
            if told is not None:
                truth |= {(key, at): Counter(*used_before(store, told.span, at)) for at in moments}
    assert found == truth
