"""What stands above and below sessions, read at once: as the store tells it for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.fake import T0, World
from tallybook.domain.usage import SessionKey
from tallybook.history.kin import Kin, read_kin
from tallybook.history.queries import session_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.history.store import Store

NAMES = ("a", "b", "c", "d", "e")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def key(name: str) -> SessionKey:
    return SessionKey("fake", name)


def told(world: World, parents: dict[str, str | None], born: dict[str, int | None]) -> None:
    facts = ({"parent": parent, "born_at": born.get(name)} for name, parent in parents.items())
    world.write("a", *({"session": name, "fact": fact} for name, fact in zip(parents, facts, strict=True)))
    world.ingest()


def without_children(store: Store, keys: list[SessionKey]) -> list[SessionKey]:
    """By the store's own trees."""
    below = {child for root in keys for child in session_tree(store, root)[1:]}
    return [one for one in dict.fromkeys(keys) if one not in below]


def test_what_stands_above_a_session(world: World) -> None:
    """As far as logs tell of it; a circle is cut where it closes."""
    told(world, {"s": "p", "p": "gone", "c1": "c2", "c2": "c1"}, {})
    with world.store() as store:
        kin = read_kin(store)
        names = [[above.session for above in kin.lineage(key(name))] for name in ("s", "c1", "nobody", "s")]
    assert names == [["s", "p"], ["c1", "c2"], [], ["s", "p"]]


def test_what_logs_tell_of_a_session(world: World) -> None:
    """A name that fits no UTF-8 is found by the name that stands for it."""
    world.write("a", {"session": "s", "fact": {"cwd": "/src", "born_at": T0, "parent": "p"}})
    world.ingest()
    with world.store() as store:
        kin = read_kin(store)
    found = kin.told(key("s"))
    assert found is not None
    assert (found.cwd, found.parent, found.span.born_at, found.span.silent) == ("/src", "p", T0, False)
    assert found.unreported == ("cache_write_1h", "reasoning")
    assert kin.told(key("\ud800")) is None
    assert kin.key(found.span.number) == key("s")


@given(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from((*NAMES, "gone", None))),
    st.dictionaries(st.sampled_from(NAMES), st.integers(T0, T0 + 2)),
    st.lists(st.sampled_from((*NAMES, "gone")), max_size=4),
)
def test_trees_are_those_of_the_store(
    tmp_path_factory: pytest.TempPathFactory,
    parents: dict[str, str | None],
    born: dict[str, int | None],
    some: list[str],
) -> None:
    """In the same order, whatever circles there are."""
    world = World(tmp_path_factory.mktemp("world"))
    told(world, parents, born)
    with world.store() as store:
        kin: Kin = read_kin(store)
        for name in (*NAMES, "gone"):
            assert tuple(kin.tree(key(name))) == session_tree(store, key(name))
            assert list(kin.tree(key(name)).values()) == list(range(len(kin.tree(key(name)))))
        assert kin.without_children(map(key, some)) == without_children(store, [key(name) for name in some])
