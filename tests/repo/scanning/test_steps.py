"""The bound on the steps of an expression, against a matcher that counts its steps."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.repo.scanning.steps import WIDEST, bound
from tallybook.repo.scanning.table import MOST_STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Counting:
    """Matches as a backtracking matcher does, one character a step, without any of its short cuts."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.steps = 0

    def ends(self, nodes: list[Any], start: int) -> Iterator[int]:
        """All places where the nodes can end, in the order in which they are tried."""
        if not nodes:
            yield start
            return
        for end in self.one(nodes[0], start):
            yield from self.ends(nodes[1:], end)

    def one(self, node: Any, start: int) -> Iterator[int]:  # noqa: ANN401 - a node of re's own parser
        operation, content = str(node[0]), node[1]
        if operation == "SUBPATTERN":
            yield from self.ends(list(content[3]), start)
        elif operation == "BRANCH":
            for choice in content[1]:
                yield from self.ends(list(choice), start)
        elif operation in {"MAX_REPEAT", "POSSESSIVE_REPEAT"}:
            found = self.repeated(content[0], content[1], list(content[2]), start)
            yield from [end for end, _ in zip(found, range(1), strict=False)] if operation[0] == "P" else found
        elif operation == "ATOMIC_GROUP":
            yield from [end for end, _ in zip(self.ends(list(content), start), range(1), strict=False)]
        else:
            self.steps += 1
            assert operation in {"LITERAL", "IN"}
            if start < len(self.text) and _holds(operation, content, self.text[start]):
                yield start + 1

    def repeated(self, least: int, most: int, inner: list[Any], start: int) -> Iterator[int]:
        if most > 0:
            for end in self.ends(inner, start):
                if end > start:
                    yield from self.repeated(max(least - 1, 0), most - 1, inner, end)
        if least == 0:
            yield start


def _holds(operation: str, content: Any, letter: str) -> bool:  # noqa: ANN401
    if operation == "LITERAL":
        return bool(ord(letter) == content)
    return any(low <= ord(letter) <= high for low, high in (_range(*one) for one in content))


def _range(kind: object, value: Any) -> tuple[int, int]:  # noqa: ANN401
    return value if str(kind) == "RANGE" else (value, value)


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Larger expressions of smaller ones."""
    counts = st.tuples(st.integers(0, 2), st.integers(1, 4)).map(lambda pair: f"{{{pair[0]},{pair[0] + pair[1]}}}")
    grouped: Callable[[str], str] = "(?:{})".format
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join).map(grouped),
        st.tuples(inner.map(grouped), counts, st.sampled_from(["", "+"])).map("".join),
        inner.map("(?>{})".format),
    )


EXPRESSIONS = st.recursive(st.sampled_from(["a", "b", "c", "[ab]", "[a-c]"]), joined, max_leaves=6)


@given(EXPRESSIONS, st.text("abc", max_size=9))
def test_no_text_takes_more_steps_than_the_bound(pattern: str, text: str) -> None:
    """Of those that fail at the end too, where a matcher tries every way that there is."""
    whole = f"{pattern}d"
    counting = Counting(text)
    parsed = list(import_module("re._parser").parse(whole))
    assert not list(counting.ends(parsed, 0))
    assert counting.steps <= bound(whole).steps


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"(a+)+$", r"(a|a)*b", r"(a|aa)+$", r"(.*a){12}", r"([a-zA-Z]+)*1", r"(?:\w+\s?)*!", r".*.*x", r"(x+x+)+y"),
        *(r"\s*\s*\s*;", r"(?i)(?:kx|\u212ax)*y", r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(?=(a+)+b)a", r"(\w*\d*)*_"),
    ],
)
def test_what_explodes_is_seen(pattern: str) -> None:
    """By far more steps than are allowed."""
    assert bound(pattern).steps > MOST_STEPS


@pytest.mark.parametrize(
    ("pattern", "most"),
    [
        (r"abc", 5),
        (r"a{1,80}b", 300),
        (r"a*+b", 3 * WIDEST + 10),
        (r"[^\n]*\n", 3 * WIDEST + 10),
        (r"(?:ab|cd){1,20}x", 300),
        (r"(?>a|ab){1,20}x", 300),
        (r"(?<![a-z])key[ \t]{0,4}+=(?P<v>\w{8,64})(?!\w)", 600),
        (r"(a)?(?(1)b|c)", 20),
        (r"(a)\1", WIDEST + 10),
        (r"\Ax\b", 10),
    ],
)
def test_what_does_not_explode_passes(pattern: str, most: int) -> None:
    """With a bound that is of use."""
    assert 0 < bound(pattern).steps <= most


@pytest.mark.parametrize("pattern", ["", "a*", "(?:a|b?)", "(?=a)", r"\b", "(?:)"])
def test_what_can_match_nothing(pattern: str) -> None:
    """It would be found everywhere."""
    assert bound(pattern).empty
    assert re.compile(pattern).fullmatch("") or bound(pattern).empty


def test_case_is_folded() -> None:
    """Letters of either case can begin what follows, those far away that fold to them too."""
    apart, alike = bound("a{1,90}A"), bound("a{1,90}A", re.IGNORECASE)
    assert alike.steps > apart.steps
    assert bound("(?i:k{1,90})\u212a").steps > bound("k{1,90}\u212a").steps


def test_categories() -> None:
    """A class and its opposite have no letter in common; two that share one have."""
    assert bound(r"[0-9]{1,90}\D").steps < bound(r"[0-9]{1,90}\w").steps
    assert bound(r"[^a]{1,90}a").steps < bound(r"[^a]{1,90}b").steps
    assert bound(r"[^\s]{1,90} ").steps < bound(r"\S{1,90}x").steps
    assert bound(".{1,90}a").steps > bound("[^a]{1,90}a").steps
    assert bound("[^a-\u0101]{1,90}b").steps < bound("[^a-c]{1,90}\u0101").steps
