"""What the store tells of all sessions at once is what it tells of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from history.fake import SECOND, T0, FakeReader, World
from tallybook.domain.comparison import Stored
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import SessionKey
from tallybook.history.compare import classes_of, last_activities, stored_sessions
from tallybook.history.queries import session_rows, usage_of

if TYPE_CHECKING:
    from pathlib import Path

ODD = SessionKey("fake", "odd\udcff")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.write(
        "a",
        {"id": "r1", "session": "s", "at": T0, "tokens": {"input": 3, "output": 1}},
        {"id": "r2", "session": "s", "tokens": {"input": 4}},
        {"id": "r3", "session": ODD.session, "at": T0 + SECOND, "tokens": {"input": 5}},
        {"session": "child", "fact": {"parent": "s", "born_at": T0}},
    )
    world.ingest()
    return world


def test_all_sessions_at_once(world: World) -> None:
    """Sums, parents and last activities are those of the lists; an odd name is told as it was asked for."""
    with world.store() as store:
        rows = {row.key: row for row in session_rows(store)}
        found = stored_sessions(store)
        assert found == {key: Stored(row.tokens, row.parent) for key, row in rows.items()}
        assert last_activities(store) == {key: row.last_at for key, row in rows.items()}
        assert ODD not in found
        assert stored_sessions(store, [ODD, SessionKey("fake", "s")])[ODD].tokens == TokenVector(input=5)
        assert last_activities(store, [ODD])[ODD] == T0 + SECOND


def test_price_classes(world: World) -> None:
    with world.store() as store:
        counter = usage_of(store, SessionKey("fake", "s"))
        assert counter is not None
        assert classes_of(store, SessionKey("fake", "s")) == counter.classes
        assert classes_of(store, SessionKey("fake", "nosuch")) == ()


def test_a_session_older_than_any_usage(tmp_path: Path) -> None:
    """Nothing is known of what it used; one that has a response all the same is known."""
    world, reader = World(tmp_path), FakeReader()
    reader.usage_since = T0
    world.write(
        "a",
        {"session": "early", "fact": {"born_at": T0 - SECOND}},
        {"session": "late", "fact": {"born_at": T0}},
        {"session": "both", "fact": {"born_at": T0 - SECOND}},
        {"id": "r1", "session": "both", "at": T0, "tokens": {"input": 3}},
    )
    world.ingest(reader)
    with world.store() as store:
        told = {key.session: stored.tokens for key, stored in stored_sessions(store).items()}
    assert told == {"early": None, "late": TokenVector(), "both": TokenVector(input=3)}
