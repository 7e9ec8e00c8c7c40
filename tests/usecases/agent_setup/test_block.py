"""The managed block comes and goes; what stands around it keeps every byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.problems import Refusal
from tallybook.usecases.agent_setup.block import BEGIN, END, with_block, without_block

BODY = "first\n\nlast\n"
texts = st.text("a \n\r\ufeff#", max_size=12) | st.lists(st.sampled_from(["a", "\r\n", "\n", "\r"])).map("".join)


def put(text: str | None, body: str = BODY) -> str:
    found = with_block(text, body)
    assert isinstance(found, str)
    return found


@given(texts)
def test_the_block_goes_without_trace(text: str) -> None:
    after = put(text)
    assert after.startswith(text)
    assert put(after) == after
    assert without_block(after) == text


@given(texts)
def test_text_without_a_block_stays(text: str) -> None:
    assert without_block(text) == text


def test_a_file_that_was_made_here_goes() -> None:
    assert put(None) == f"{BEGIN}\nfirst\n\nlast\n{END}\n"
    assert without_block(put(None)) is None
    assert without_block(put("")) == ""


@given(texts.map(lambda text: text and text + "\n"), texts.map(lambda text: text and "\n" + text))
def test_the_block_is_brought_up_to_date_in_its_place(before: str, after: str) -> None:
    old = f"{before}{BEGIN}\nold\n{END}{after}"
    new = put(old)
    assert new.startswith(before)
    assert new.endswith(after)
    middle = new[len(before) : len(new) - len(after)]
    assert middle == f"{BEGIN}\nfirst\n\nlast\n{END}"
    rest = without_block(new)
    assert not isinstance(rest, Refusal)
    assert (rest or "").split() == (before + after).split()


def test_line_ends_are_those_of_the_file() -> None:
    after = put("one\r\ntwo\r\n")
    assert after.count("\r\n") == after.count("\n") == 8


def test_what_was_written_behind_the_block_stays() -> None:
    assert without_block(put("mine\n") + "yours\n") == "mine\nyours\n"
    assert without_block(put(None) + "\nyours\n") == "\nyours\n"
    assert without_block("mine\n\n" + put(None) + "\nyours\n") == "mine\n\nyours\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"{BEGIN}\n", "1"),
        (f"a\n{END}\n", "2"),
        (f"{END}\n{BEGIN}\n", "1, 2"),
        (f"{BEGIN}\n{END}\nb\n{BEGIN}\n{END}", "1, 2, 4, 5"),
    ],
)
def test_marks_that_are_no_pair_are_refused(text: str, lines: str) -> None:
    for found in (with_block(text, BODY), without_block(text)):
        assert isinstance(found, Refusal)
        assert found.code == "block-broken"
        assert found.message.endswith(f"in line {lines}")
        assert found.hint


def test_a_mark_within_a_line_is_none() -> None:
    text = f"see {BEGIN}\n{END} there\n"
    assert without_block(text) == text
