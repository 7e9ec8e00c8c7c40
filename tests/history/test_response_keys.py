"""Any key comes back from its row as it was given, and common ones take few bytes."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tallybook.history.response_keys import key_text, packed_key, packed_keys

UUID = "be5997e7-fd26-47c6-a53c-675b29d70756"
MESSAGE = "msg_01NRCtR2w6VPzeUG4tNwc5xT:req_011CyuRBhjL38iVoyv3L54Dk"
TEXT = st.text(st.characters(codec="utf-8"))
HEX = st.text("0123456789abcdefABCDEF :", max_size=20)
SESSIONS = st.one_of(TEXT, st.just(UUID), st.just(""))
IDS = st.text("msgreq_:01Cz é-/+=", max_size=60)


@given(SESSIONS, st.one_of(TEXT, HEX, IDS), st.booleans())
@example("", ":", False)
@example("", "", False)
@example(UUID, "", True)
@example("a", "a:0A", False)
@example("a", "a:0 1", False)
@example("a", "a:\u0660\u0661", False)
def test_a_key_comes_back(session: str, rest: str, of_session: bool) -> None:
    """Whatever its form; and a row can be found by it without knowing its session."""
    key = f"{session}:{rest}" if of_session else rest
    packed = packed_key(key, session)
    assert key_text(packed, session) == key
    assert packed in packed_keys(key)


@given(SESSIONS, st.integers(0, 56), st.characters(codec="utf-8"))
def test_one_other_letter_makes_another_key(session: str, place: int, letter: str) -> None:
    """Where an id has not the known form at some place, it is kept as it is."""
    key = MESSAGE[:place] + letter + MESSAGE[place + 1 :]
    assert key_text(packed_key(key, session), session) == key


@given(SESSIONS, st.lists(st.one_of(TEXT, HEX, IDS, st.just(MESSAGE)), min_size=2, max_size=2, unique=True))
def test_two_keys_of_a_session_differ(session: str, keys: list[str]) -> None:
    """In what their rows hold as well."""
    one, other = (packed_key(key, session) for key in keys)
    assert one != other


@pytest.mark.parametrize(
    ("key", "size"),
    [(f"{UUID}:70130b3bdba86eb1", 9), (MESSAGE, 33), (f"{MESSAGE}x", 59), ("r1", 3), (f"other:{UUID}", 43)],
)
def test_common_keys_take_few_bytes(key: str, size: int) -> None:
    """Ids of threads, messages and requests are long, and most of them is the same or text for bits."""
    assert len(packed_key(key, UUID)) == size
