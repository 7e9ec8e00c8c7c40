"""What will be left of a message file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitrepo import GitRepo
from tallybook.repo.git import Git
from tallybook.repo.messages import Cleaning, cleaned, cleaning, editor_used, subject, unused_comment

if TYPE_CHECKING:
    from pathlib import Path

CUT = " ------------------------ >8 ------------------------\nrest\n"


def test_cleaned() -> None:
    text = "\n#c\nAdd a  \n\n#1\nbody\n#" + CUT
    assert cleaned(text, Cleaning("#", strips=True)) == "Add a\n\nbody"
    assert cleaned(text, Cleaning("#", strips=False)) == "#c\nAdd a\n\n#1\nbody"
    assert cleaned(";" + CUT + "#" + CUT, Cleaning("#", strips=False)).startswith("; ---")
    assert subject("Add a\n\nbody") == "Add a"
    assert subject("") == ""


@pytest.mark.parametrize(
    ("settings", "text", "edited", "expected"),
    [
        ({}, "# c", True, ("#", True, False)),
        ({}, "# c", False, ("#", False, False)),
        ({"core.commentChar": ";"}, "; c", True, (";", True, False)),
        ({"core.commentString": "//"}, "// c", True, ("//", True, False)),
        ({"commit.cleanup": "strip"}, "# c", False, ("#", True, False)),
        ({"commit.cleanup": "verbatim"}, "# c", True, ("#", False, False)),
        ({"commit.cleanup": "default"}, "# c", True, ("#", True, False)),
        ({"core.commentChar": "auto"}, "#1\n\n; c\n", True, (";", True, True)),
        ({"core.commentChar": "auto"}, "#1\n\n@" + CUT, True, ("@", True, True)),
        ({"core.commentChar": "auto"}, "#1\nx\n", True, ("#", True, True)),
        ({"core.commentChar": "auto"}, "x\n", True, ("#", True, False)),
    ],
)
def test_cleaning(
    tmp_path: Path, settings: dict[str, str], text: str, edited: bool, expected: tuple[str, bool, bool]
) -> None:
    repo = GitRepo.make(tmp_path / "repo")
    for key, value in settings.items():
        repo.git("config", key, value)
    assert cleaning(Git(repo.path, repo.environ), text, edited=edited) == expected


def test_cleaning_without_git(tmp_path: Path) -> None:
    assert cleaning(Git(tmp_path, {"PATH": ""}), "# c", edited=True) == ("#", True, False)


def test_editor_and_unused_comment() -> None:
    assert (editor_used({}), editor_used({"GIT_EDITOR": "vi"}), editor_used({"GIT_EDITOR": ":"})) == (True, True, False)
    assert unused_comment("#a\n;b") == "@"
    assert unused_comment("\n".join("#;@!$%^&|:")) is None
    assert unused_comment("a\n#" + CUT) is None
