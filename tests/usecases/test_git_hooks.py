"""Hooks come where git looks for them and go again without a trace."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path

import pytest

from gitrepo import GitRepo
from tallybook.usecases.git_hooks import EARLIER, NAMES, HookChange, HooksRefusal, install, script, status, uninstall

Listing = dict[str, tuple[int, bytes | str]]


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    repo = GitRepo.make(tmp_path / "re po")
    repo.commit("first")
    return repo


def actions(changes: list[HookChange] | HooksRefusal) -> dict[str, str]:
    """Action by name."""
    assert isinstance(changes, list)
    assert [change.name for change in changes] == list(NAMES)
    return {change.name: change.action for change in changes}


def everywhere(action: str) -> dict[str, str]:
    """The same action for every hook."""
    return dict.fromkeys(NAMES, action)


def listing(directory: Path) -> Listing:
    """Names, modes and contents of a directory."""
    return {
        path.name: (path.lstat().st_mode, str(path.readlink()) if path.is_symlink() else path.read_bytes())
        for path in directory.iterdir()
    }


def foreign(repo: GitRepo, name: str, text: str) -> Path:
    """A hook of somebody else."""
    path = repo.hook_directory() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o750)
    return path


def test_in_and_out_again(repo: GitRepo) -> None:
    hooks = repo.hook_directory()
    before = listing(hooks)
    assert actions(status(repo.repository())) == everywhere("absent")
    assert actions(install(repo.repository(), dry_run=True)) == everywhere("installed")
    assert actions(uninstall(repo.repository())) == everywhere("absent")
    assert listing(hooks) == before
    assert actions(install(repo.repository())) == everywhere("installed")
    once = listing(hooks)
    assert actions(install(repo.repository())) == everywhere("unchanged")
    assert listing(hooks) == once
    assert actions(status(repo.repository())) == everywhere("installed")
    assert actions(uninstall(repo.repository(), dry_run=True)) == everywhere("removed")
    assert listing(hooks) == once
    assert actions(uninstall(repo.repository())) == everywhere("removed")
    assert listing(hooks) == before


def test_git_runs_them(repo: GitRepo) -> None:
    install(repo.repository())
    repo.stage("a")
    # A directory of the work tree must not stand in for the installed package.
    repo.write("tallybook/__main__.py", "raise SystemExit(0)\n")
    assert repo.run("commit", "-m", "Add a").returncode == 1
    goal = repo.start()
    repo.git("commit", "-q", "-m", "Add a")
    assert repo.tasks() == [goal]
    far = GitRepo.make(repo.path.parent / "far", "--bare")
    repo.git("push", "-q", str(far.path), "main")


def test_program_that_is_gone(repo: GitRepo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another ``tally`` on PATH is used; without one the commit goes through with a warning."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "it's gone"))
    install(repo.repository())
    repo.stage("a")
    done = repo.run("commit", "-m", "Add a")
    assert (done.returncode, "tally is not installed any more" in done.stderr) == (0, True)
    tally = tmp_path / "bin" / "tally"
    tally.parent.mkdir()
    tally.write_text('#!/bin/sh\necho "called with $*" >&2\nexit 1\n')
    tally.chmod(0o755)
    done = repo.run("commit", "--allow-empty", "-m", "Add a", PATH=f"{tally.parent}:{os.environ['PATH']}")
    assert (done.returncode, "called with hook pre-commit" in done.stderr) == (1, True)
    monkeypatch.undo()
    assert actions(status(repo.repository())) == everywhere("outdated")
    assert actions(install(repo.repository())) == everywhere("updated")


@pytest.mark.parametrize("interpreter", ["/bin/sh", "/usr/bin/env bash"])
def test_earlier_hooks_run_first(repo: GitRepo, interpreter: str) -> None:
    text = f'#!{interpreter}\necho "$0 $*" >>seen\ncat >>input\n[ ! -e stop ] || exit 7\n'
    for name in NAMES:
        foreign(repo, name, text)
    kept = listing(repo.hook_directory())
    assert actions(install(repo.repository())) == everywhere("chained")
    assert actions(install(repo.repository())) == everywhere("unchanged")
    assert actions(status(repo.repository())) == everywhere("chained")
    goal = repo.start()
    repo.stage("a")
    repo.git("commit", "-q", "-m", "Add a")
    assert repo.tasks() == [goal]
    seen = (repo.path / "seen").read_text().splitlines()
    assert [Path(line.split()[0]).name.removesuffix(EARLIER) for line in seen] == [
        "pre-commit",
        "prepare-commit-msg",
        "commit-msg",
    ]
    assert seen[1].endswith(".git/COMMIT_EDITMSG message")
    # Those that are read in know themselves by their own name.
    assert (EARLIER in seen[0]) == (interpreter != "/bin/sh")
    far = GitRepo.make(repo.path.parent / "far", "--bare")
    repo.git("push", "-q", str(far.path), "main")
    head = repo.git("rev-parse", "HEAD")
    assert (repo.path / "input").read_text() == f"refs/heads/main {head} refs/heads/main {'0' * 40}\n"
    repo.write("stop")
    assert repo.run("commit", "--allow-empty", "-m", "Stopped").returncode == 1
    assert repo.run("push", str(far.path), "main:other").returncode == 1
    assert actions(uninstall(repo.repository())) == everywhere("restored")
    assert listing(repo.hook_directory()) == kept


def test_earlier_hook_that_git_would_not_have_run(repo: GitRepo) -> None:
    foreign(repo, "commit-msg", "#!/bin/sh\nexit 1\n").chmod(0o644)
    (repo.hook_directory() / "pre-commit").symlink_to("nowhere")
    before = listing(repo.hook_directory())
    changes = actions(install(repo.repository()))
    assert (changes["commit-msg"], changes["pre-commit"], changes["pre-push"]) == ("chained", "chained", "installed")
    repo.stage("a")
    repo.git("commit", "-q", "-m", "Add a\n\nNo-Task: a try")
    assert actions(uninstall(repo.repository()))["pre-commit"] == "restored"
    assert listing(repo.hook_directory()) == before


def test_hook_that_another_tool_wrote_over_ours(repo: GitRepo) -> None:
    foreign(repo, "commit-msg", "#!/bin/sh\n# one\n")
    install(repo.repository())
    foreign(repo, "commit-msg", "#!/bin/sh\n# two\n")
    assert actions(status(repo.repository()))["commit-msg"] == "foreign"
    assert actions(install(repo.repository()))["commit-msg"] == "blocked"
    assert actions(uninstall(repo.repository(), dry_run=True))["commit-msg"] == "foreign"
    hooks = repo.hook_directory()
    assert (hooks / "commit-msg").read_text() == "#!/bin/sh\n# two\n"
    assert (hooks / f"commit-msg{EARLIER}").read_text() == "#!/bin/sh\n# one\n"
    foreign(repo, "commit-msg", "#!/bin/sh\n# one\n")
    assert actions(install(repo.repository()))["commit-msg"] == "chained"


def test_hooks_path_and_linked_worktree(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = GitRepo(tmp_path / "linked", repo.environ)
    install(linked.repository())
    assert actions(status(repo.repository())) == everywhere("installed")
    repo.git("config", "core.hooksPath", ".husky/_")
    assert actions(install(repo.repository())) == everywhere("installed")
    assert (repo.path / ".husky" / "_" / "commit-msg").is_file()


def test_directory_that_others_share(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("config", "core.hooksPath", str(tmp_path / "shared"))
    for refusal in (install(repo.repository()), uninstall(repo.repository())):
        assert isinstance(refusal, HooksRefusal)
        assert (refusal.code, bool(refusal.hint)) == ("hooks-outside", True)
    assert not (tmp_path / "shared").exists()
    assert actions(status(repo.repository())) == everywhere("absent")
    assert actions(install(repo.repository(), force=True)) == everywhere("installed")
    assert actions(uninstall(repo.repository(), force=True)) == everywhere("removed")


def test_directory_that_cannot_be_written(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = repo.repository()

    def full(*_: object, **__: object) -> tuple[int, str]:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkstemp", full)
        refusal = install(repository)
    assert isinstance(refusal, HooksRefusal)
    assert (refusal.code, "No space" in refusal.message) == ("hooks-unwritable", True)
    install(repository)
    monkeypatch.setattr(Path, "unlink", full)
    assert isinstance(uninstall(repository), HooksRefusal)


def test_git_that_fails(repo: GitRepo) -> None:
    repository = repo.repository()
    (repo.path / ".git" / "config").write_text("[broken\n")
    for refusal in (install(repository), uninstall(repository), status(repository)):
        assert isinstance(refusal, HooksRefusal)
        assert refusal.code == "git-failed"


def test_script_quotes_the_interpreter() -> None:
    assert f"{shlex.quote(sys.executable)} -P -m tallybook hook commit-msg" in script("commit-msg")
