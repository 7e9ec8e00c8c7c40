"""Hooks that are missing, worn out or broken: the doctor runs what is installed and sees what it answers."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from commands.bench import tree
from commands.checkup import checkup, only, problems
from tallybook.usecases.doctor import hooks
from tallybook.usecases.git_hooks import EARLIER, MARKER, NAMES

if TYPE_CHECKING:
    from commands.bench import Bench


@pytest.fixture
def directory(bench: Bench) -> Path:
    """The hooks directory, with all hooks installed."""
    bench.ok("hooks", "install")
    return bench.repo / ".git" / "hooks"


def heal(bench: Bench, hint: str) -> None:
    """Follow the hint; then nothing is wrong with any hook."""
    assert hint.startswith("tally hooks install")
    bench.ok(*hint.partition(",")[0].split()[1:])
    found = checkup(bench)
    for name in NAMES:
        assert only(found, f"git.{name}", "ok")


def test_a_hook_that_is_missing(bench: Bench, directory: Path) -> None:
    (directory / "commit-msg").unlink()
    row = only(checkup(bench), "git.commit-msg", "problem")
    assert row["message"] == "it is missing, while others are installed"
    heal(bench, row["hint"])


def test_a_hook_of_somebody_else_in_its_place(bench: Bench, directory: Path) -> None:
    (directory / "pre-commit").write_text("#!/bin/sh\n")
    row = only(checkup(bench), "git.pre-commit", "problem")
    assert "somebody else" in row["message"]
    heal(bench, row["hint"])


def test_hooks_of_others_alone(bench: Bench) -> None:
    place = bench.repo / ".git" / "hooks"
    place.mkdir(exist_ok=True)
    (place / "pre-push").write_text("#!/bin/sh\n")
    row = only(checkup(bench), "git.hooks", "note")
    assert "pre-push of somebody else would go on working" in row["message"]
    heal(bench, row["hint"])


def test_a_hook_that_is_not_executable(bench: Bench, directory: Path) -> None:
    (directory / "pre-commit").chmod(0o644)
    row = only(checkup(bench), "git.pre-commit", "problem")
    assert row["message"] == "it is not executable, so git passes it over"
    heal(bench, row["hint"])


def test_a_hook_whose_python_is_gone(bench: Bench, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        path = directory / name
        path.write_text(path.read_text().replace(sys.executable, "/nowhere/python3"))
    found = checkup(bench, PATH=os.defpath)
    for name in NAMES:
        message = only(found, f"git.{name}", "problem")["message"]
        assert "tally is not installed any more" in message
    heal(bench, found["git.commit-msg"][0]["hint"])
    monkeypatch.setenv("PATH", os.defpath)
    assert problems(checkup(bench)) == {}


def test_an_older_hook_that_works(bench: Bench, directory: Path) -> None:
    path = directory / "commit-msg"
    path.write_text(path.read_text() + "# of an earlier version\n")
    row = only(checkup(bench), "git.commit-msg", "note")
    assert row["message"].startswith("it works, but")
    heal(bench, row["hint"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("exit 0", "it ended with 0 where 1 is right"),
        ("echo broken >&2; exit 1", "it ended with 1 where 0 is right: broken"),
        ("echo warning: asleep >&2; grep -q No-Task: $1", "it ran and did nothing: warning: asleep"),
        ("exec sleep 60", "it did not end within 0.5 s"),
    ],
)
def test_a_hook_that_answers_wrongly(
    bench: Bench, directory: Path, monkeypatch: pytest.MonkeyPatch, body: str, words: str
) -> None:
    monkeypatch.setattr(hooks, "_SECONDS", 0.5)
    for name in set(NAMES) - {"commit-msg"}:
        (directory / name).unlink()
    (directory / "commit-msg").write_text(f"#!/bin/sh\n{MARKER}\n{body}\n")
    row = only(checkup(bench), "git.commit-msg", "problem")
    assert row["message"] == words


def test_a_hook_whose_interpreter_is_none(bench: Bench, directory: Path) -> None:
    (directory / "pre-push").write_text(f"#!/nowhere/sh\n{MARKER}\n")
    row = only(checkup(bench), "git.pre-push", "problem")
    assert row["message"] == "it can't be run: No such file or directory"
    heal(bench, row["hint"])


def test_a_chained_hook_of_somebody_else_is_not_run(bench: Bench) -> None:
    path = bench.repo / ".git" / "hooks" / "pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\ntouch {bench.repo}/ran\n")
    path.chmod(0o755)
    bench.ok("hooks", "install")
    assert path.with_name(f"pre-commit{EARLIER}").exists()
    assert "behind the hook that was there before" in only(checkup(bench), "git.pre-commit", "ok")["message"]
    assert not (bench.repo / "ran").exists()


def test_hooks_are_tried_where_nothing_of_the_user_is(bench: Bench, directory: Path, tmp_path: Path) -> None:
    (directory / "pre-push").write_text(f"#!/bin/sh\n{MARKER}\nenv >{tmp_path}/seen; pwd >>{tmp_path}/seen\n")
    goal = bench.start()
    note = bench.repo / ".git" / "tallybook-prepared"
    note.write_text("kept")
    before = tree(bench.repo, bench.data)
    checkup(bench, GIT_CEILING_DIRECTORIES=str(tmp_path))
    assert tree(bench.repo, bench.data).keys() == before.keys()
    seen = (tmp_path / "seen").read_text()
    assert str(bench.ledger) not in seen
    assert f"TALLYBOOK_HOME={bench.data}" not in seen
    assert f"GIT_CEILING_DIRECTORIES={tmp_path}\n" not in seen
    assert not Path(seen.splitlines()[-1]).exists()
    assert bench.shown(goal)["status"] == "open"


def test_a_directory_that_others_share(bench: Bench, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    bench.git("config", "core.hooksPath", str(shared))
    note, row = checkup(bench)["git.hooks"]
    assert note["where"]["file"] == str(shared)
    assert row["hint"] == "tally hooks install --force, or unset core.hooksPath"
    heal(bench, row["hint"])
    assert only(checkup(bench), "git.hooks", "note")


def test_no_place_to_try_them_in(bench: Bench, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(bench.home / "gone"))
    row = only(checkup(bench), "git.hooks", "problem")
    assert row["message"].startswith("the check itself failed: FileNotFoundError")
    assert directory.exists()


def test_git_that_fails(bench: Bench, directory: Path, tmp_path: Path) -> None:
    real = bench.git("--exec-path")
    programs = tmp_path / "bin"
    programs.mkdir()

    def git(*cases: str) -> dict[str, str]:
        path = programs / "git"
        path.write_text(f'#!/bin/sh\ncase "$*" in\n{" ;; ".join(cases)} ;;\n*) exec {real}/git "$@" ;;\nesac\n')
        path.chmod(0o755)
        return {"PATH": f"{programs}:{os.environ['PATH']}"}

    found = checkup(bench, **git("*init*) echo fatal: no >&2; exit 128"))
    assert "no repository could be made" in only(found, "git.commit-msg", "problem")["message"]
    found = checkup(bench, **git("*--git-path*) exit 1", "*worktree*) exit 1", "*check-attr*) exit 1"))
    assert {"git.hooks", "git.repository"} <= set(problems(found))
    found = checkup(bench, **git("--version) echo git version 2.21.4"))
    assert "2.21.4 is too old" in only(found, "git.git", "problem")["message"]
    found = checkup(bench, **git("--version) echo git version of mine"))
    assert only(found, "git.git", "note")
    (bench.repo / "config").mkdir()
    (bench.repo / "config" / "tallybook.toml").write_text('[ledger]\npublish = "p"\n')
    found = checkup(bench, **git("*check-attr*) exit 1"))
    assert "git can't tell its attributes" in problems(found)["ledger.copies"]
    assert directory.exists()


def test_no_git_at_all(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = checkup(bench, PATH=str(tmp_path / "empty"))
    assert "git can't be run" in only(found, "git.git", "problem")["message"]
    assert only(found, "git.repository", "problem")["hint"].startswith("install git")
