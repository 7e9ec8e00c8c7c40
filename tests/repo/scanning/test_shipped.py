"""The rules that come with the program, on their own examples and on hostile text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.screening import RULES, secret_rule
from tallybook.repo.scanning.boundary_hits import Seen, boundary_hits
from tallybook.repo.scanning.hits import entropy, secret_hits
from tallybook.repo.scanning.kinds import KINDS
from tallybook.repo.scanning.reading import shipped_rules
from tallybook.repo.scanning.rules import Boundary, BoundaryBook, Examples, Secret, SecretBook
from tallybook.repo.scanning.self_test import self_test
from tallybook.repo.scanning.steps import bound
from tallybook.repo.scanning.table import MOST_STEPS

if TYPE_CHECKING:
    from tallybook.repo.scanning.rules import Book

SECRETS = shipped_rules("secrets", examples=True)
BOUNDARY = shipped_rules("boundary", examples=True)
assert isinstance(SECRETS, SecretBook)
assert isinstance(BOUNDARY, BoundaryBook)
KNOWN, BARRED = SECRETS.rules, BOUNDARY.rules
RULES_BY_ID = {rule.id: rule for rule in KNOWN}
LOW_KNOWLEDGE = {"connection-string", "basic-auth", "assigned-password", "assigned-secret"}
"""Rules that go by what stands in front of a secret: they stand last, and others may know theirs."""


@pytest.mark.parametrize("book", [SECRETS, BOUNDARY], ids=["secrets", "boundary"])
def test_every_rule_keeps_what_its_examples_promise(book: Book) -> None:
    """Each has a positive and a negative one, and its expression is bounded."""
    assert self_test(book) == ()
    assert len(book.rules) >= (40 if book is SECRETS else 5)


@pytest.mark.parametrize("rule", KNOWN, ids=lambda rule: rule.id)
def test_a_secret_is_known_by_its_own_rule_among_all(rule: Secret) -> None:
    """No other rule takes it away, and nothing of it but a public beginning is kept."""
    for example in rule.examples.positive:
        data = example.text.encode()
        (hit,) = secret_hits(data, KNOWN)
        assert hit.rule == rule.id
        assert hit.start is not None
        assert hit.length is not None
        assert len(hit.shown) <= 4
        assert data[hit.start :].startswith(hit.shown.encode())
        assert 0 < hit.length <= len(data) - hit.start
    for example in rule.examples.negative:
        assert secret_hits(example.text.encode(), KNOWN) == []


@pytest.mark.parametrize("rule", KNOWN, ids=lambda rule: rule.id)
def test_a_secret_is_found_wherever_it_stands(rule: Secret) -> None:
    """In a long line, in a binary file, behind much text, at each edge of a piece that is looked at."""
    (text, *_) = (example.text.encode() for example in rule.examples.positive)
    for before in (b"\n" * 5000, b"x = 1; " * 2000, b"\0\xff\n" * 3000, *(b" " * n for n in range(4060, 4110, 7))):
        found = secret_hits(before + b" " + text + b" \n" + before, (rule,))
        assert [hit.length for hit in found] == [hit.length for hit in secret_hits(text + b" \n", (rule,))]
        assert found


def test_a_rule_without_a_keyword_of_its_own_says_why_it_is_tried_everywhere() -> None:
    """A keyword is a part of each positive example, so that the look near it finds the secret."""
    for rule in KNOWN:
        for example in rule.examples.positive:
            assert not rule.keywords or any(word in example.text.lower().encode() for word in rule.keywords)
    assert [rule.id for rule in KNOWN if not rule.keywords] == ["discord-bot-token"]


@pytest.mark.parametrize(
    "expression",
    [(rule.id, rule.pattern, rule.ignore_case) for rule in KNOWN]
    + [(rule.id, pattern, rule.ignore_case) for rule in BARRED for pattern in rule.patterns],
    ids=lambda found: found[0],
)
def test_the_work_of_an_expression_grows_with_the_text_alone(expression: tuple[str, str, bool]) -> None:
    """From each place it takes so many steps at most, whatever stands there."""
    _, pattern, ignore_case = expression
    found = bound(pattern, re.IGNORECASE if ignore_case else 0)
    assert 0 < found.steps <= MOST_STEPS // 2
    assert not found.empty


def test_what_is_shipped_without_examples_is_the_same() -> None:
    """The examples are left out of what the hooks read, and nothing else."""
    for kind in KINDS:
        light, book = shipped_rules(kind), shipped_rules(kind, examples=True)
        assert len(light.rules) == len(book.rules)
        for number, whole in enumerate(book.rules):
            assert isinstance(whole, Secret | Boundary)
            assert light.rules[number] == whole._replace(examples=Examples())
        assert (light.ignored, light.allowances) == (book.ignored, book.allowances)


def test_a_title_is_screened_for_what_the_rules_know() -> None:
    """The quick look at titles goes by the same names, and knows all that the rules of these names know."""
    assert set(RULES) <= set(RULES_BY_ID)
    for name in RULES:
        for example in RULES_BY_ID[name].examples.positive:
            assert secret_rule(example.text) is not None


@given(st.binary(max_size=300))
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    """Nothing fails, and places are inside of the text."""
    hits = [*secret_hits(data, KNOWN), *boundary_hits(Seen("a", len(data), data), BARRED)]
    assert all(hit.start is None or 0 <= hit.start < len(data) for hit in hits)


@given(st.lists(st.sampled_from(KNOWN), min_size=1, max_size=5), st.data())
def test_secrets_side_by_side_are_all_found(rules: list[Secret], data: st.DataObject) -> None:
    """Each at its own place, in order."""
    chosen = [rule for rule in rules if rule.id not in LOW_KNOWLEDGE]
    texts = [data.draw(st.sampled_from(rule.examples.positive)).text for rule in chosen]
    found = secret_hits("\n".join(texts).encode(), KNOWN)
    assert [hit.rule for hit in found] == [rule.id for rule in chosen]
    assert [hit.start for hit in found] == sorted(hit.start or 0 for hit in found)


def test_many_secrets_cost_no_more_than_their_number() -> None:
    """As many comparisons as there are secrets, not as there are pairs of them."""
    text = (RULES_BY_ID["npm-token"].examples.positive[0].text + "\n").encode()
    assert len(secret_hits(text * 20_000, KNOWN)) == 20_000


def test_a_long_line_is_looked_at_in_pieces_that_overlap() -> None:
    """Wherever a secret or a word stands in it, it is found once, at its place."""
    rule = RULES_BY_ID["npm-token"]
    secret = rule.examples.positive[0].text
    word = BARRED[0]._replace(globs=(), literals=(secret,))
    for number in (1, 590, 600, 610, 620, *range(700, 840, 9), 1400):
        text = "npm_ x " * number + secret + " npm_ y" * 1500
        for hits in (secret_hits(text.encode(), (rule,)), boundary_hits(Seen("a", len(text), text.encode()), (word,))):
            assert [hit.start for hit in hits] == [7 * number]


def test_entropy() -> None:
    """Bits per byte."""
    assert entropy(b"aaaa") == 0
    assert entropy(b"abcd") == 2
    assert entropy(bytes(range(256))) == 8


def test_one_finding_of_a_line_and_its_place_in_bytes() -> None:
    """A literal counts once in a line, and letters of several bytes before it count as so many."""
    rule = BARRED[0]._replace(id="x", globs=(), literals=("Zoo",), patterns=("b+",), ignore_case=True)
    text = "é zoo zoo bbb\nü\n🦉 ZOO".encode()
    hits = boundary_hits(Seen("a.txt", len(text), text), (rule,))
    assert [hit.start for hit in hits] == [text.index(b"zoo"), text.index(b"ZOO")]


@pytest.mark.parametrize(
    ("conditions", "path", "right"),
    [
        ({"roots": ("src", "README.md")}, "src/a.py", True),
        ({"roots": ("src", "README.md")}, "README.md", True),
        ({"roots": ("src", "README.md")}, "lib/src/a.py", False),
        ({"roots": ("src",)}, "Src/a.py", False),
        ({"paths": ("docs/private/",)}, "Docs/Private/a", False),
        ({"paths": ("docs/private",)}, "docs/private.md", True),
        ({"globs": ("*.key",)}, "a/b/c.KEY", False),
        ({"globs": ("a/*/c",)}, "a/x/c/d", False),
        ({"globs": ("a/*/c",)}, "x/a/x/c", True),
        ({"globs": ("**/c",)}, "a/b/c", False),
        ({"globs": ("build/",)}, "x/build/a", False),
        ({"globs": ("/build",)}, "x/build", True),
        ({"globs": ("a/**",)}, "a", False),
        ({"globs": ("x",), "exempt": ("docs/**",)}, "docs/x", True),
        ({"globs": ("x",), "only": ("docs/**",)}, "src/x", True),
        ({"globs": ("x",), "only": ("docs/**",)}, "docs/x", False),
        ({"extensions": (".P12",)}, "a.p12", False),
        ({"max_bytes": 3}, "a", False),
        ({"max_bytes": 4}, "a", True),
    ],
)
def test_conditions_of_a_boundary(conditions: dict[str, object], path: str, right: bool) -> None:
    """Each by itself; case counts at the top level alone."""
    bare: dict[str, Any] = dict.fromkeys(("roots", "paths", "globs", "extensions", "literals", "patterns", "only"), ())
    rule = BARRED[0]._replace(**{**bare, "exempt": (), "max_bytes": None, **conditions})
    assert (boundary_hits(Seen(path, 4, b"text"), (rule,)) == []) is right
