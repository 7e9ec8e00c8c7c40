"""Who was at work within a stretch of time, what had been used before a moment, and what stands above a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from history.fake import SECOND, T0, World
from history.test_queries import S, row
from tallybook.domain.quality import Quality
from tallybook.domain.usage import SessionKey
from tallybook.history.queries import usage_before
from tallybook.history.windows import at_work, lineage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_window_begins_with_its_first_moment_and_ends_before_its_last(world: World) -> None:
    world.write("a", row("r1"), row("r2", at=T0 + 9 * SECOND), row("q1", session="other", at=T0 + SECOND))
    world.ingest()
    other = SessionKey("fake", "other")
    with world.store() as store:
        found = [at_work(store, T0 + since, T0 + until) for since, until in ((0, SECOND), (1, SECOND + 1), (2, 3))]
    assert found == [{S}, {other}, set()]


def test_what_was_used_before_a_moment_in_whatever_log(world: World) -> None:
    """The moment itself is not before it."""
    world.write("a", row("r2", at=T0 + SECOND, tokens={"output": 2}))
    world.write("b", row("r1", tokens={"output": 1}), row("r3", at=T0 + 2 * SECOND, tokens={"output": 4}))
    world.ingest()
    with world.store() as store:
        assert usage_before(store, SessionKey("fake", "nobody"), T0) is None
        counters = [usage_before(store, S, T0 + after) for after in (0, 1, SECOND + 1, 3 * SECOND)]
    found = [sum(usage.tokens.output for usage in counter.classes) for counter in counters if counter is not None]
    assert found == [0, 1, 3, 7]


def test_an_undated_response_has_the_moment_of_its_neighbour(world: World) -> None:
    """It is counted with it, and as an estimate."""
    world.write("a", row("r1", tokens={"output": 1}), row("r2", at=None, tokens={"output": 2}))
    world.ingest()
    with world.store() as store:
        before, after = (usage_before(store, S, T0 + moment) for moment in (0, 1))
    assert before is not None
    assert after is not None
    assert (before.classes, before.quality) == ((), Quality.EXACT)
    assert sum(usage.tokens.output for usage in after.classes) == 3
    assert after.quality is Quality.ESTIMATED


def test_what_stands_above_a_session(world: World) -> None:
    """As far as logs tell of it; a circle is cut where it closes."""
    above = {"s": "p", "p": "gone", "c1": "c2", "c2": "c1"}
    world.write("a", *({"session": name, "fact": {"parent": parent, "born_at": T0}} for name, parent in above.items()))
    world.ingest()
    with world.store() as store:
        names = [[key.session for key in lineage(store, SessionKey("fake", name))] for name in ("s", "c1", "nobody")]
    assert names == [["s", "p"], ["c1", "c2"], []]
