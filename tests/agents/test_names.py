"""Names are kept; what could be text, a path or a secret is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.agents.names import (
    OTHER,
    branch_name,
    commit_name,
    directory,
    entry_name,
    level,
    plain,
    safe_name,
    version_name,
)

NAMES = (
    "Bash", "exec_command", "mcp__github__create_issue", "x86_64-linux-gnu-gcc", "python3.11", "g++", "7z", "2to3",
    "mcp__12345678-1234-4abc-8def-123456789012__run", "claude-code:review", "ListMcpResourcesToolWithAnEvenLongerName",
)  # fmt: skip
SECRETS = (
    "sk-proj-abc", "sk_live_1", "ghp_x", "AKIA1234", "xoxb-1", "eyJhbGciOi", "hf_a", "npm_a", "glpat-1",
    "Zq9Xk7aB3dE5fG7hJ9kL1mN3", "0123456789abcdef", "password=hunter2", "a b", "/etc/passwd", "a@b.example", "[", "",
    "-rf", "42", "x" * 81, "naïve", "two\nlines", "x" * 41,
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_are_kept(name: str) -> None:
    """A name that tools and programs really have stands as it is."""
    assert safe_name(name) == name


@pytest.mark.parametrize("secret", SECRETS)
def test_what_could_be_a_secret_is_other(secret: str) -> None:
    """Text, paths, numbers and keys are told as ``other``."""
    assert safe_name(secret) == (OTHER if secret else "")


@pytest.mark.parametrize("value", [None, 3, True, [], {"a": "b"}, 1.5])
def test_what_is_no_text_is_no_name(value: object) -> None:
    """Whatever JSON stands in a field, no function raises."""
    assert safe_name(value) == ("" if value is None else OTHER)
    others = [branch_name, commit_name, directory, entry_name, level, plain, version_name]
    assert {function(value) for function in others} == {None}


@given(st.text())
def test_a_name_holds_nothing_but_letters_digits_and_marks(text: str) -> None:
    """No text gets through that has a space, a slash or an equals sign."""
    for kept in (safe_name(text), plain(text) or "", version_name(text) or "", level(text) or ""):
        assert kept in {text, OTHER, ""}
        assert not set(kept) & set(" /=@'\"$\n\t\0")


@pytest.mark.parametrize("name", ["main", "feature/a-b_c.d", "dependabot/npm/@types/node", "fix#12", "0123abcd" * 5])
def test_branches_are_kept(name: str) -> None:
    """Names that git allows and people use."""
    assert branch_name(name) == name


@pytest.mark.parametrize(
    "name", ["/a", "a b", "a..b", "a//b", "x.lock", "a@b", "ghp_x", "k/aB3dE5fG7hJ9kL1mN3", "x" * 201]
)
def test_what_is_no_branch_is_left_out(name: str) -> None:
    """What git would refuse, or what could be a key."""
    assert branch_name(name) is None


def test_other_fields_have_shapes_of_their_own() -> None:
    """Versions, commits, ways to run, levels, directories."""
    assert [version_name(text) for text in ("2.1.330", "0.104.0-alpha.1", "2.1.200 x", "main", "1.ghp_x")] == [
        "2.1.330", "0.104.0-alpha.1", None, None, None,
    ]  # fmt: skip
    assert [commit_name(text) for text in ("f861cb1", "F861", "")] == ["f861cb1", None, None]
    assert [entry_name(text) for text in ("Codex Desktop", "sdk-cli", "my secret plan", "")] == [
        "Codex Desktop", "sdk-cli", OTHER, None,
    ]  # fmt: skip
    assert [level(text) for text in ("high", "xhigh", "HIGH", "very high")] == ["high", "xhigh", None, None]
    assert [directory(text) for text in ("/srv/shop", "", "a\0b", "x" * 5000)] == ["/srv/shop", None, None, None]
