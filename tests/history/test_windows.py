"""Who was at work within stretches of time, against each response looked at by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.fake import SECOND, T0, World
from history.test_queries import S, row
from tallybook.domain.usage import SessionKey
from tallybook.history.kin import read_kin
from tallybook.history.windows import at_work

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

OTHER = SessionKey("fake", "other")
MOMENTS = st.integers(0, 12)


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def found(world: World, stretches: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], frozenset[SessionKey]]:
    with world.store() as store:
        return at_work(store, read_kin(store), stretches)


def test_a_window_begins_with_its_first_moment_and_ends_before_its_last(world: World) -> None:
    world.write("a", row("r1"), row("r2", at=T0 + 9 * SECOND), row("q1", session="other", at=T0 + SECOND))
    world.ingest()
    stretches = {(T0, T0 + SECOND): {S}, (T0 + 1, T0 + SECOND + 1): {OTHER}, (T0 + 2, T0 + 3): set()}
    assert found(world, stretches) == stretches


def test_a_session_without_a_time_is_never_at_work(world: World) -> None:
    """An undated response is not placed here."""
    world.write("a", row("r1", at=None), row("q1", session="other"), row("q2", session="other", at=None))
    world.ingest()
    assert found(world, [(0, T0 * 2)]) == {(0, T0 * 2): {OTHER}}
    assert found(world, []) == {}


@given(
    st.lists(st.tuples(st.sampled_from("stu"), MOMENTS), max_size=12),
    st.sets(st.tuples(MOMENTS, MOMENTS).map(sorted).map(tuple).filter(lambda one: one[0] < one[1]), max_size=8),
)
def test_each_stretch_has_the_sessions_with_a_response_in_it(
    tmp_path_factory: pytest.TempPathFactory,
    responses: list[tuple[str, int]],
    stretches: set[tuple[int, int]],
) -> None:
    world = World(tmp_path_factory.mktemp("world"))
    world.write("a", *(row(f"r{n}", session=name, at=at) for n, (name, at) in enumerate(responses)))
    world.ingest()
    truth = {
        (since, until): {SessionKey("fake", name) for name, at in responses if since <= at < until}
        for since, until in stretches
    }
    assert found(world, stretches) == truth
