"""Escapers: whatever comes in, the medium obeys nothing of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.reports.escape import markdown, terminal


@given(st.text(st.characters(codec=None)))
def test_a_terminal_gets_one_line_without_controls(text: str) -> None:
    shown = terminal(text)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    shown.encode()


@given(st.text())
def test_markdown_has_no_bare_marks(text: str) -> None:
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>|#~]", markdown(text))


@pytest.mark.parametrize("text", ["", "plain words", "café ☕", "日本語"])
def test_harmless_text_stays(text: str) -> None:
    assert terminal(text) == markdown(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb", "a\\u{a}b"), ("\x1b[31m", "\\u{1b}[31m"), ("\u202e", "\\u{202e}"), ("\udc80", "\\u{dc80}")],
)
def test_what_is_hidden_is_named(text: str, shown: str) -> None:
    assert terminal(text) == shown
