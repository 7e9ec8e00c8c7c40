"""Escapers: whatever comes in, the medium obeys nothing of it."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tallybook.reports.escape import markdown, terminal

RENDERER = MarkdownIt().enable(["table", "strikethrough"])


@given(st.text(st.characters(codec=None)))
def test_a_terminal_gets_one_line_without_controls(text: str) -> None:
    shown = terminal(text)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    shown.encode()


@given(st.text())
def test_markdown_has_no_bare_marks(text: str) -> None:
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*\[\]<>|#~]", markdown(text).replace("&#8203;", ""))


@example("11. a")
@example("- a")
@example(" + a")
@given(st.text(st.sampled_from("ab1 \\`*_{}[]<>()#+-.!|~&@:$^=/w;l\n'\"é"), max_size=12) | st.text(max_size=12))
def test_markdown_reads_as_it_was_written(text: str) -> None:
    """In a cell of a table and behind the dash of a list, a renderer shows the very text."""
    shown = " ".join(terminal(text).split())
    for source, tag in ((f"| head |\n|---|\n| {markdown(text)} |", "td"), (f"- {markdown(text)}", "li")):
        tree = RENDERER.render(source)
        found = re.search(rf"<{tag}>(.*)</{tag}>", tree, re.DOTALL)
        cell = "" if found is None else html.unescape(found[1])
        assert " ".join(cell.replace("\u200b", "").split()) == shown.replace("\u200b", ""), tree


@pytest.mark.parametrize("text", ["2026-11-22T04:59:00.5Z", "exact_fit", "a-b.py", "(see there)"])
def test_ids_and_times_stay_readable(text: str) -> None:
    assert markdown(text) == text


@pytest.mark.parametrize("text", ["https://x.example", "www.x.example", "me@x.example", "#12", ":smile:"])
def test_nothing_becomes_a_link(text: str) -> None:
    assert "\\" in markdown(text)


@pytest.mark.parametrize("text", ["@team", "me@x.example", "o/r#12", "grp/it!12", "@_a", "(@a)", "@@a", "@"])
def test_nobody_is_mentioned(text: str) -> None:
    """Not in what a renderer makes of it either, which is where forges look for people and numbers."""
    shown = html.unescape(RENDERER.render(f"- {markdown(text)}"))
    assert re.search(r"@[\w-]|[#!]\d", shown) is None
    assert text in shown.replace("\u200b", "")


@pytest.mark.parametrize("text", ["", "plain words", "café ☕", "日本語"])
def test_harmless_text_stays(text: str) -> None:
    assert terminal(text) == markdown(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb", "a\\u{a}b"), ("\x1b[31m", "\\u{1b}[31m"), ("\u202e", "\\u{202e}"), ("\udc80", "\\u{dc80}")],
)
def test_what_is_hidden_is_named(text: str, shown: str) -> None:
    assert terminal(text) == shown
