"""Trailers mean what they mean to git."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrepo import closed_environ
from tallybook.repo.git import Git, GitFault
from tallybook.repo.messages import BLANK
from tallybook.repo.trailers import _asked, add_trailers, plain_trailers, squashed, task_trailers, without_own

KEYS = ("Task", "task", "No-Task", "NO-TASK", "Signed-off-by", "a", "-x", "Conflicts", "https")
LINES = st.one_of(
    st.builds(
        "{}{}{}".format, st.sampled_from(KEYS), st.sampled_from((": ", ":", " : ", ":\t", " ")), st.text("ab :é-")
    ),
    st.sampled_from(
        ("", "", "", " ", "\t", "word", " folded", "\tfile", "---", "--- a", "* item", "(cherry picked from")
    ),
    st.text("ab:# -\t\r\x0b\xa0\x1c", max_size=6),
)


def git_here() -> Git:
    """Git outside of any repository."""
    place = Path(os.environ["HOME"])
    return Git(place, closed_environ(place))


@settings(max_examples=120)
@given(st.lists(LINES, min_size=1, max_size=8).map("\n".join).map(lambda text: text.lstrip(BLANK)))
def test_plain_answers_are_those_of_git(text: str) -> None:
    found = plain_trailers(text)
    if found is not None:
        assert list(found) == _asked(git_here(), text)


@pytest.mark.parametrize(
    ("text", "tasks", "reasons"),
    [
        ("Add a\n\nTask: g1", ("g1",), ()),
        ("Add a\n\nTASK:   g1  \nno-task: because\n", ("g1",), ("because",)),
        ("Add a\n\nTask: g1\n\nMore.", (), ()),
        ("Task: g1", (), ()),
        ("Task: g1\n\nbody", (), ()),
        ("Add a\n\nTask:", ("",), ()),
        ("Add a\n\nTask:g1", ("g1",), ()),
        ("Add a\n\nTask : g1", ("g1",), ()),
        ("Add a\n\nNo-Task: a long\n reason", (), ("a long reason",)),
        ("Add a\n\nprose here\nTask: g1", (), ()),
        ("Add a\n\nprose here\nTask: g1\nSigned-off-by: A <a@b>", ("g1",), ()),
        ("Add a\n\n    Task: g1", (), ()),
        ("Add a\n---\nfile | 1\n\nTask: g1", ("g1",), ()),
        ("Add a\n\nTask: g1\n# why", ("g1",), ()),
        ("Add a\n\nSubtask: g1", (), ()),
    ],
)
def test_task_trailers(text: str, tasks: tuple[str, ...], reasons: tuple[str, ...]) -> None:
    assert task_trailers(git_here(), text) == (tasks, reasons)


def test_separators_of_the_user_do_not_matter(tmp_path: Path) -> None:
    environ = closed_environ(tmp_path) | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "trailer.separators",
        "GIT_CONFIG_VALUE_0": "=",
    }
    assert task_trailers(Git(tmp_path, environ), "Add a\n\nTask:g1") == (("g1",), ())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Add a", "Add a\n\nTask: g1\n"),
        ("Add a\n\nSigned-off-by: A <a@b>\n", "Add a\n\nSigned-off-by: A <a@b>\nTask: g1\n"),
        ("Add a\n\nTask: g1\n", "Add a\n\nTask: g1\n"),
        ("Add a\n\n# said\n", "Add a\n\nTask: g1\n\n# said\n"),
        ("Add a\n\n; said\n", "Add a\n\n; said\n\nTask: g1\n"),
    ],
)
def test_adding(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "-message"
    path.write_text(before)
    assert add_trailers(git_here(), path, ["Task: g1"]) is None
    assert path.read_text() == after


def test_adding_with_another_comment_character(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_text("Add a\n\n; said\n")
    assert add_trailers(git_here(), path, ["Task: g1", "Task: g2"], ";") is None
    assert path.read_text() == "Add a\n\nTask: g1\nTask: g2\n\n; said\n"
    assert isinstance(add_trailers(Git(tmp_path, {"PATH": ""}), path, ["Task: g1"]), GitFault)


def test_lines_taken_out_and_quoted_lines() -> None:
    assert without_own("a\ntask: x\nTasks: y\nLedger-Head: w\nTask : z") == "a\nTasks: y\n"
    quoted = "    Task: g2\n\n    Task: g1\n    Ledger-Head: w\n    Task: g2\nTask: g3\n"
    assert squashed(quoted, "task") == ["g2", "g1"]
    assert squashed(quoted, "ledger-head") == ["w"]
