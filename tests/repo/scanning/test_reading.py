"""Files of rules: what they may say, and what is told where they say something else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.repo.scanning.kinds import FILES, has_rules
from tallybook.repo.scanning.reading import rules_of, shipped_rules
from tallybook.repo.scanning.rules import BadRules, BoundaryBook, SecretBook
from tallybook.repo.scanning.self_test import self_test

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.repo.scanning.kinds import Kind

RULE = """
[[rule]]
id = "shop-token"
pattern = 'shop_[0-9]{8}'
keywords = ["SHOP_"]
"""


def written(top: Path, text: str | bytes, kind: Kind = "secrets") -> SecretBook | BoundaryBook | BadRules:
    """The rules of a project that has this file."""
    place = top / FILES[kind]
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(text.encode() if isinstance(text, str) else text)
    return rules_of(top, kind)


def faults(top: Path, text: str | bytes, kind: Kind = "secrets") -> list[str]:
    """What is told of a file, its name at the head of each."""
    found = written(top, text, kind)
    assert isinstance(found, BadRules)
    assert all(str(fault).startswith(str(FILES[kind])) for fault in found.faults)
    return [str(fault).removeprefix(str(FILES[kind])) for fault in found.faults]


@pytest.mark.parametrize("kind", ["boundary", "secrets"])
def test_without_a_file_the_shipped_rules_hold(tmp_path: Path, kind: Kind) -> None:
    """Outside of a repository too."""
    assert rules_of(tmp_path, kind) == rules_of(None, kind) == shipped_rules(kind)
    assert not has_rules(tmp_path, kind)


def test_own_rules_stand_on_those_that_are_shipped(tmp_path: Path) -> None:
    """In front of them, or in the place of one with the same id; and some can be left out."""
    shipped = shipped_rules("secrets")
    found = written(tmp_path, 'disable = ["crates-token"]\nignore = ["*.lock"]' + RULE)
    assert isinstance(found, SecretBook)
    assert has_rules(tmp_path, "secrets")
    assert found.ignored == ("*.lock",)
    assert [rule.id for rule in found.rules] == [
        "shop-token",
        *(rule.id for rule in shipped.rules if rule.id != "crates-token"),
    ]
    assert found.rules[0].keywords == (b"shop_",)
    again = written(tmp_path, RULE.replace("shop-token", "npm-token"))
    assert not isinstance(again, BadRules)
    assert [rule.id for rule in again.rules].count("npm-token") == 1
    assert len(again.rules) == len(shipped.rules)


def test_own_rules_alone(tmp_path: Path) -> None:
    """An allowance may name a shipped rule all the same, so that taking them back breaks nothing."""
    allow = '[[allow]]\nrule = "npm-token"\npath = "a"\nreason = "made up"\n'
    found = written(tmp_path, 'extends = "nothing"\n' + allow + RULE)
    assert not isinstance(found, BadRules)
    assert [rule.id for rule in found.rules] == ["shop-token"]
    assert found.allowances == (("npm-token", "a", "made up"),)


def test_a_boundary(tmp_path: Path) -> None:
    """All conditions are read; an extension may stand without its dot."""
    text = """
    [[rule]]
    id = "x"
    message = "no"
    roots = ["src"]
    paths = ["a"]
    globs = ["*.b"]
    extensions = ["c", ".d"]
    literals = ["e"]
    patterns = ['f{1,3}']
    ignore_case = true
    max_bytes = 7
    only = ["g"]
    exempt = ["h"]
    positive = [{ path = "i", text = "e" }, { size = 9 }]
    """
    found = written(tmp_path, text, "boundary")
    assert isinstance(found, BoundaryBook)
    rule = found.rules[0]
    assert rule.extensions == (".c", ".d")
    assert rule[:3] == ("x", "no", ("src",))
    assert (rule.paths, rule.globs, rule.literals, rule.patterns) == (("a",), ("*.b",), ("e",), ("f{1,3}",))
    assert (rule.ignore_case, rule.max_bytes, rule.only, rule.exempt) == (True, 7, ("g",), ("h",))
    assert rule.examples.positive == (("e", "i", None), ("", "example", 9))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = ", ": Invalid value (at end of document)"),
        (b"\xff", ": 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        ("x = 1", ": there is no key 'x'"),
        ('extends = "all"', ': extends must be "default" or "nothing"'),
        ("extends = 1", ": extends must be text"),
        ('disable = ["nosuch"]', ": disable names 'nosuch', which is no shipped rule"),
        ("disable = [1]", ": disable must be a list of texts that are not empty"),
        ("ignore = 'x'", ": ignore must be a list of texts that are not empty"),
        ("rule = 1", ": rule must be tables"),
        ("[[rule]]\npattern = 'a'", ", rule rule 1: id must be there, and not empty"),
        ("[[rule]]\nid = 'A b'\npattern = 'a'", ", rule A b: an id is small letters, digits, dots, hyphens"),
        ("[[rule]]\nid = 'a'", ", rule a: pattern must be there, and not empty"),
        ("[[rule]]\nid = 'a'\npattern = 1", ", rule a: pattern must be text"),
        (
            "[[rule]]\nid = 'a'\npattern = '('",
            ", rule a: '(' is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        ("[[rule]]\nid = 'a'\npattern = '" + "(" * 5000 + "'", ", rule a: '(((((((("),
        ("[[rule]]\nid = 'a'\npattern = 'a{99999999999999999999}'", ", rule a: 'a{999"),
        ("[[rule]]\nid = 'a'\npattern = '(a+)+b'", ", rule a: '(a+)+b' could take 1,000,000,000,000,000 steps"),
        ("[[rule]]\nid = 'a'\npattern = 'a*'", ", rule a: 'a*' matches nothing at all, so it would match everywhere"),
        ("[[rule]]\nid = 'a'\npattern = 'é'", ", rule a: '\\xe9' must be of ASCII characters"),
        ("[[rule]]\nid = 'a'\npattern = 'a'\nkeywords = ['é']", ", rule a: keywords must be of ASCII characters"),
        ("[[rule]]\nid = 'a'\npattern = 'a'\nkeywords = ['']", ", rule a: keywords must be a list of texts"),
        ("[[rule]]\nid = 'a'\npattern = 'a'\ncheck = 'x'", ', rule a: check can be "jwt" alone'),
        ("[[rule]]\nid = 'a'\npattern = 'a'\nentropy = -1", ", rule a: entropy must be a number that is not negative"),
        ("[[rule]]\nid = 'a'\npattern = 'a'\nentropy = true", ", rule a: entropy must be a number"),
        ("[[rule]]\nid = 'a'\npattern = 'a'\nentropy = nan", ", rule a: entropy must be a number"),
        ("[[rule]]\nid = 'a'\npattern = 'a'\nignore_case = 1", ", rule a: ignore_case must be true or false"),
        ("[[rule]]\nid = 'a'\npattern = 'a'\nglobs = ['x']", ", rule a: there is no key 'globs'"),
        (
            "[[rule]]\nid = 'a'\npattern = 'a'\npositive = [1]",
            ", rule a: positive must be a list of texts, or lists of",
        ),
        (
            "[[rule]]\nid = 'a'\npattern = 'a'\nnegative = 'a'",
            ", rule a: negative must be a list of texts, or lists of",
        ),
        (RULE + RULE, ", rule shop-token: a second rule has this id"),
        ("[[allow]]\nrule = 'npm-token'\npath = 'a'", ", rule npm-token: reason must be there, and not empty"),
        ("[[allow]]\nrule = 'x'\npath = 'a'\nreason = 'b'", ", rule x: there is no such rule to allow"),
        (b"#" * ((1 << 20) + 1), ": it is larger than 1 MiB"),
    ],
)
def test_what_can_not_be_used_is_told_with_its_place(tmp_path: Path, text: str | bytes, told: str) -> None:
    """The file and the rule; none of the other rules holds then."""
    (found,) = faults(tmp_path, text)
    assert found.startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rule]]\nid = 'a'", ", rule a: it keeps nothing out"),
        ("[[rule]]\nid = 'a'\nmax_bytes = 1.5", ", rule a: max_bytes must be a whole number"),
        ("[[rule]]\nid = 'a'\npatterns = ['x.*x.*x']", ", rule a: 'x.*x.*x' could take"),
        ("[[rule]]\nid = 'a'\nglobs = ['x']\npositive = [['a']]", ", rule a: positive must be a list of tables with"),
        (
            "[[rule]]\nid = 'a'\nglobs = ['x']\npositive = [{ path = '' }]",
            ", rule a: positive must be a list of tables",
        ),
        ("[[rule]]\nid = 'a'\nglobs = ['x']\npositive = [{ text = 1 }]", ", rule a: positive must be a list of tables"),
        ("[[rule]]\nid = 'a'\nglobs = ['x']\npositive = [{ size = true }]", ", rule a: positive must be a list of"),
    ],
)
def test_what_a_boundary_can_not_be(tmp_path: Path, text: str, told: str) -> None:
    """As with secrets."""
    (found,) = faults(tmp_path, text, "boundary")
    assert found.startswith(told)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Nobody mends a file one fault at a time."""
    assert len(faults(tmp_path, "x = 1\n[[rule]]\nid = 'a'\n[[rule]]\nid = 'B'\npattern = '('\n")) == 4


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    """A pipe is not waited for, a directory is no file."""
    place = tmp_path / FILES["secrets"]
    place.parent.mkdir()
    os.mkfifo(place)
    assert isinstance(rules_of(tmp_path, "secrets"), BadRules)
    place.unlink()
    place.mkdir()
    found = rules_of(tmp_path, "secrets")
    assert isinstance(found, BadRules)
    assert str(found.faults[0]) == "config/secret-rules.toml: can't be read: Is a directory"


def test_own_rules_are_tried_on_their_examples(tmp_path: Path) -> None:
    """What they miss, what they find that they should not, and that nothing was promised."""
    found = written(tmp_path, "extends = 'nothing'" + RULE + "positive = ['shop_1', ['shop_', '12345678']]\n")
    assert isinstance(found, SecretBook)
    assert [fault.message for fault in self_test(found)] == [
        "its positive example 1 is not found",
        "it has no negative example",
    ]
    found = written(
        tmp_path, "extends = 'nothing'" + RULE + "positive = ['shop_12345678']\nnegative = ['shop_12345678']\n"
    )
    assert isinstance(found, SecretBook)
    assert [str(fault) for fault in self_test(found)] == [
        "config/secret-rules.toml, rule shop-token: its negative example 1 is found"
    ]


def test_an_expression_that_explodes_fails_its_test() -> None:
    """Were it to be shipped, where expressions are not looked at again."""
    shipped = shipped_rules("secrets", examples=True)
    assert isinstance(shipped, SecretBook)
    rule = shipped.rules[0]._replace(pattern=f"(?:{shipped.rules[0].pattern}|(?:0+)+1)")
    (fault,) = self_test(shipped._replace(rules=(rule,)))
    assert fault.message.startswith("its expression could take 1,000,000,000,000,000 steps")


@given(st.text(max_size=200) | st.sampled_from(["[[rule]]\n", "[rule]\n", "allow = [{}]\n", "rule = [[1]]\n"]))
def test_any_text_is_rules_or_faults(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Never an error."""
    top = tmp_path_factory.mktemp("top")
    for kind in ("boundary", "secrets"):
        written(top, text.encode("utf-8", "surrogatepass"), kind)
