"""What had been used by a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from history.fake import SECOND, T0, World
from history.test_queries import S, row
from tallybook.domain.usage import SessionKey
from tallybook.history.moments import response_before

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_last_response_up_to_a_moment(world: World) -> None:
    world.write("a", row("r1", at=T0), row("r2", at=T0 + SECOND), row("r3", at=T0 + 2 * SECOND), row("r0", at=None))
    world.write("b", row("q1", session="other", at=T0 + SECOND))
    world.ingest()
    with world.store() as store:
        found = [response_before(store, S, T0 + after) for after in (-1, 0, SECOND, 2 * SECOND - 1, 9 * SECOND)]
        assert response_before(store, SessionKey("other", "s"), T0) is None
    assert found == [None, "r1", "r2", "r2", "r3"]
