"""The entry point: what git gets back, whatever happens inside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tallybook
from gitrepo import GitRepo, counted_calls
from tallybook.hooks import commit_msg, prepare_commit_msg
from tallybook.hooks import main as entry
from tallybook.hooks import surroundings as looking
from tallybook.hooks.advice import shown, unknown_task
from tallybook.hooks.main import main
from tallybook.hooks.pre_commit import publish_and_stage
from tallybook.hooks.surroundings import Surroundings, surroundings
from tallybook.repo.git import Git, GitFault


def around(repo: GitRepo, **environ: str) -> Surroundings:
    """What a hook in this work tree sees."""
    found = surroundings(repo.path, repo.environ | environ)
    assert isinstance(found, Surroundings)
    return found


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), 2),
        (("commit-massage", "x"), 2),
        (("commit-msg",), 2),
        (("commit-msg", "a", "b"), 2),
        (("prepare-commit-msg",), 2),
        (("prepare-commit-msg", "a", "b", "c", "d"), 2),
        (("pre-commit", "x"), 2),
        (("pre-push", "origin", "url"), 0),
        (("post-commit",), 0),
    ],
)
def test_arguments(repo: GitRepo, arguments: tuple[str, ...], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments, repo.environ, repo.path) == status
    assert bool(capsys.readouterr().err) == (status == 2)


def test_missing_file_and_no_repository_are_warnings(
    repo: GitRepo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["commit-msg", "not there"], repo.environ, repo.path) == 0
    assert capsys.readouterr().err.startswith("tallybook: warning: commit-msg did nothing: FileNotFoundError")
    assert main(["commit-msg", "x"], repo.environ, tmp_path) == 0
    assert "not a git repository" in capsys.readouterr().err


def test_a_fault_of_ours_blocks_nothing(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        message = "no\nsuch luck"
        raise RuntimeError(message)

    monkeypatch.setattr(looking, "find_repository", broken)
    assert main(["commit-msg", "x"], repo.environ, repo.path) == 0
    assert capsys.readouterr().err == "tallybook: warning: commit-msg did nothing: RuntimeError: no\\nsuch luck\n"


def test_closed_stderr_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open("w", encoding="ascii") as closed:
        pass
    monkeypatch.setattr(sys, "stderr", closed)
    entry.say("anything")


@pytest.mark.usefixtures("goal")
def test_the_three_hooks_in_process(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Relative names are those of the directory that git calls the hook in, which is ours by default."""
    (repo.path / "M").write_text("Add a\n")
    monkeypatch.chdir(repo.path)
    assert main(["commit-msg", "M"], repo.environ) == 1
    assert main(["prepare-commit-msg", "M", "message"], repo.environ | {"GIT_EDITOR": ":"}) == 0
    assert main(["commit-msg", "M"], repo.environ) == 0
    assert main(["pre-commit"], repo.environ) == 0
    repo.write("pyproject.toml", "[tool.tallybook.capture]\nenabled = 3\n")
    assert main(["commit-msg", "M"], repo.environ) == 0
    assert "warning: pyproject.toml: capture.enabled must be true or false" in capsys.readouterr().err


def test_deleted_directory(repo: GitRepo, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = tmp_path / "gone"
    assert main(["commit-msg", "x"], repo.environ, gone) == 0
    assert "does not exist any more" in capsys.readouterr().err


def test_git_that_fails_later_is_a_warning(repo: GitRepo, monkeypatch: pytest.MonkeyPatch, goal: str) -> None:
    repo.write("config/tallybook.toml", '[ledger]\npublish = "metrics"\n')
    message = repo.write("M", f"Add a\n\nTask: {goal}\nand more\n")
    fault = GitFault("git-failed", "out of luck")
    here = around(repo, GIT_EDITOR=":")
    monkeypatch.setattr(Git, "read", lambda *_, **__: fault)
    monkeypatch.setattr(Git, "write", lambda *_: fault)
    verdict = commit_msg.check(here, message)
    assert verdict == (True, "warning: the trailers can't be read: out of luck")
    assert "out of luck" in prepare_commit_msg.prepare(here, message, "message")
    message.write_text("Add a\n")
    assert prepare_commit_msg.prepare(here, message, "") == "warning: the task can't be added: out of luck"
    assert publish_and_stage(here) == "warning: the ledger can't be staged: out of luck"


def test_operation_told_by_the_reflog_action(repo: GitRepo) -> None:
    assert around(repo, GIT_REFLOG_ACTION="revert").operation() == "revert"
    assert around(repo, GIT_REFLOG_ACTION="commit (amend)").operation() is None


def test_ledger_named_in_the_environment(repo: GitRepo, tmp_path: Path) -> None:
    assert around(repo, TALLYBOOK_LEDGER=str(tmp_path / "l")).ledger == tmp_path / "l"
    assert around(repo, TALLYBOOK_LEDGER="l").ledger == repo.path / "l"
    assert around(repo).ledger == repo.path / ".git" / "tallybook" / "events"


def test_a_plain_commit_message_costs_one_git_call(repo: GitRepo, goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    message = repo.write("M", f"Add a\n\nbody\n\nTask: {goal}\n")
    calls = counted_calls(monkeypatch)
    assert main(["commit-msg", str(message)], repo.environ, repo.path) == 0
    assert len(calls) == 1
    message.write_text(f"Add a\n\nTask: {goal}\n\n# comments\n")
    assert main(["commit-msg", str(message)], repo.environ, repo.path) == 0
    assert len(calls) == 3


def test_standard_library_only(repo: GitRepo, goal: str) -> None:
    """Without site-packages all three hooks still work, and nothing of the domain is imported."""
    message = repo.write("M", "Add a\n")
    code = """
import os, sys
from tallybook.hooks.main import main
for arguments in (["pre-commit"], ["prepare-commit-msg", "M"], ["commit-msg", "M"]):
    assert main(arguments, os.environ) == 0, arguments
for name in sys.modules:
    assert name.partition(".")[0] in {*sys.stdlib_module_names, "tallybook", "__main__"}, name
    assert not name.startswith(("tallybook.domain", "tallybook.usecases")), name
"""
    source = str(Path(tallybook.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", code],
        cwd=repo.path,
        env=closed(repo) | {"PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Task: {goal}" in message.read_text()


def closed(repo: GitRepo) -> dict[str, str]:
    """The environment without a trace of a coverage measurement, which needs packages."""
    return {name: value for name, value in repo.environ.items() if not name.startswith("COV")}


def test_long_and_empty_names() -> None:
    assert shown("x" * 100) == "x" * 57 + "..."
    assert "(empty)" in unknown_task([""])
