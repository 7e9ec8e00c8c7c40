"""Items are kept in blocks: small, exact, in their order, and nothing of a text in them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.agents.port import Item
from tallybook.domain.activity import KINDS
from tallybook.history.items import (
    Happened,
    bounded,
    call_of,
    key_of,
    merged,
    millisecond,
    pack,
    packed_items,
    packed_numbers,
    unpack,
    unpack_keys,
)
from tallybook.history.names import stored_text
from tallybook.history.secret import local_key, mark

if TYPE_CHECKING:
    from pathlib import Path

WORDS = st.integers(-(2**63), 2**63 - 1)
HAPPENED = st.builds(
    Happened,
    st.integers(0, 2**62 + 2**16),
    st.integers(1, 3),
    st.integers(1, 9),
    st.none() | st.integers(0, 253_402_300_799_999),
    st.none() | st.integers(0, 2**40),
    st.none() | WORDS,
)


@given(st.lists(HAPPENED))
def test_a_block_gives_back_what_it_was_given(items: list[Happened]) -> None:
    """In the same order, with and without times, amounts and marks."""
    names, keys, data = pack(items)
    assert list(unpack(names, keys, data)) == items
    assert list(unpack_keys(keys)) == [item.key for item in items]


@given(st.lists(HAPPENED), st.integers(0, 50))
def test_joining_in_pieces_is_joining_at_once(items: list[Happened], cut: int) -> None:
    """Blocks can be folded at any time."""
    assert merged([*merged(items[:cut]), *items[cut:]]) == merged(items)
    assert merged(merged(items)) == merged(items)


def test_what_is_told_later_adds_to_what_was_told_first() -> None:
    """A call that is answered later gets its duration; its moment, session and mark stay."""
    told = [Happened(1, 7, 2, 100, None, 5), Happened(2, 7, 2, 101, 9, None), Happened(1, 8, 3, 200, 44, None)]
    assert merged(told) == [Happened(1, 7, 3, 100, 44, 5), Happened(2, 7, 2, 101, 9, None)]


def test_an_item_of_another_agent_or_kind_is_another() -> None:
    """The key stands for agent, kind and key together."""
    item = Item("k", "s", None, "tool")
    keys = {
        key_of("a", item),
        key_of("b", item),
        key_of("a", item._replace(kind="shell")),
        key_of("a", item._replace(key="l")),
    }
    assert len(keys) == 4
    assert key_of("a", item) == key_of("a", item._replace(session="t", at=3, name="n"))


@pytest.mark.parametrize(("amount", "kept"), [(None, None), (0, 0), (5, 5), (-1, None), (2**62, None)])
def test_an_impossible_amount_is_none(amount: int | None, kept: int | None) -> None:
    """Sums of amounts can't overflow."""
    assert bounded(amount) == kept


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    """Two runs have the same key; a torn one is replaced; two directories have different ones."""
    key = local_key(tmp_path)
    assert len(key) == 32
    assert local_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "history.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["history.key"]
    (tmp_path / "history.key").write_bytes(key[:7])
    fresh = local_key(tmp_path)
    assert fresh != key
    assert local_key(tmp_path) == fresh


@given(st.binary(), st.binary())
def test_a_mark_tells_texts_apart_only_with_its_key(left: bytes, right: bytes) -> None:
    """64 bits, the same for the same text."""
    key, other = b"k" * 32, b"o" * 32
    assert (mark(key, left) == mark(key, right)) == (left == right)
    assert mark(key, left) != mark(other, left)
    assert -(2**63) <= mark(key, left) < 2**63


ITEMS = st.builds(
    Item,
    st.sampled_from(["a", "b", "turn:1", "turn:2", "turn:02", "turn:1000", "c\udc80", ""]),
    st.sampled_from(["s", "t", "\udcff"]),
    st.none() | st.integers(-5, 2**60),
    st.sampled_from(["tool", "shell", "tool-error", "of no kind"]),
    st.sampled_from(["x", "y"]),
    st.none() | st.integers(-1, 9),
    st.none() | st.sampled_from([b"secret", b"", b"other"]),
)
KEY = b"k" * 32


def one_by_one(items: list[Item], block_sessions: list[str], block_whats: list[tuple[str, str]]) -> list[Happened]:
    """What the store shall hold, by the definition."""
    sessions = {name: 10 + place for place, name in enumerate(block_sessions)}
    whats = {pair: 20 + place for place, pair in enumerate(block_whats)}
    return merged(
        Happened(
            key_of("a", item),
            sessions.get(stored_text(item.session), -1),
            whats.get((item.kind, item.name), -1),
            millisecond(item.at),
            bounded(item.amount),
            None if item.secret is None else mark(KEY, item.secret),
        )
        for item in items
    )


@given(st.lists(ITEMS, min_size=1))
def test_packing_at_once_is_packing_one_by_one(items: list[Item]) -> None:
    """Whatever a reader tells, and however often; no secret is in it."""
    block = packed_items("a", KEY, items)
    assert block is not None
    numbers = list(range(10, 10 + len(block.sessions))), list(range(20, 20 + len(block.whats)))
    found = list(unpack(packed_numbers(numbers), block.keys, block.data))
    assert found == one_by_one(items, block.sessions, block.whats)
    assert block.size == len(found)
    assert all(item.at is None or 0 <= item.at < 2**48 for item in found)
    assert not any(text in block.data for text in (b"secret", b"other"))


def test_no_items_are_no_block() -> None:
    """Nothing is stored of a log that tells of none."""
    assert packed_items("a", KEY, ()) is None


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(0, 1200)), unique=True, max_size=20))
def test_places_in_a_turn_are_different_items(told: list[tuple[str, int]]) -> None:
    """A key that ends with a number is another one for each number, and than the same without it."""
    texts = {f"{text}:{number}" for text, number in told} | {text for text, _ in told}
    keys = {key_of("a", Item(text, "s", None, kind)) for text in texts for kind in ("tool", "turn", "undo")}
    assert len(keys) == 3 * len(texts)


@given(st.text(max_size=9))
def test_a_failure_names_its_call(text: str) -> None:
    """Both are told with the call's id."""
    failure = key_of("a", Item(text, "s", None, "tool-error"))
    assert call_of(failure) == key_of("a", Item(text, "s", None, "tool"))


def test_every_kind_has_its_place() -> None:
    """Which is a part of what is stored: these never change, and a new kind comes behind them."""
    first = key_of("a", Item("x", "s", None, "tool"))
    places = {kind: (key_of("a", Item("x", "s", None, kind)) - first) // 1024 for kind in KINDS}
    assert sorted(places.values()) == list(range(len(KINDS)))
    assert [places[kind] for kind in ("tool", "tool-error", "shell", "turn", "prompt", "undo")] == [0, 1, 2, 6, 7, 24]
