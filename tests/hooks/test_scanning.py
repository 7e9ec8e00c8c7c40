"""Scans by real commits and real pushes: what breaks a rule is refused, and told without the secret."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gitrepo import HOOK, GitRepo, counted_calls
from tallybook.hooks.main import main
from tallybook.repo.git import Git, GitFault
from tallybook.repo.scanning.allowances import MARK
from tallybook.repo.scanning.reading import shipped_rules

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = {rule.id: rule.examples.positive[0].text for rule in shipped_rules("secrets", examples=True).rules}
TOKEN = EXAMPLES["github-token"]
SETTINGS = "config/tallybook.toml"
ALLOW = MARK.decode()
ZERO = "0" * 40


@pytest.fixture
def repo(repo: GitRepo) -> GitRepo:
    """Scans are on, commits need no task."""
    repo.commit(SETTINGS, '[scan]\nboundary = true\nsecrets = true\n[hooks]\nticket = "Add"\n')
    return repo


@pytest.fixture
def remote(repo: GitRepo, tmp_path: Path) -> GitRepo:
    """The repository has a remote, and the hook that goes with pushes."""
    bare = GitRepo.make(tmp_path / "remote.git", "--bare")
    repo.git("remote", "add", "origin", str(bare.path))
    repo.git("push", "-q", "origin", "main")
    hook = repo.hook_directory() / "pre-push"
    hook.write_text(HOOK.format(python=shlex.quote(sys.executable), name="pre-push"))
    hook.chmod(0o755)
    return bare


def commit(repo: GitRepo, *more: str) -> subprocess.CompletedProcess[str]:
    """Commit what is staged."""
    return repo.run("commit", "-m", "Add a file", *more)


def test_no_secret_of_any_kind_gets_into_a_commit(repo: GitRepo) -> None:
    """Each is refused by its place and rule, and nothing of it is left in output, ledger or data directory."""
    head = repo.git("rev-parse", "HEAD")
    for rule, secret in EXAMPLES.items():
        repo.stage(f"{rule}.txt", f"first\n{secret}\n")
    done = commit(repo)
    assert done.returncode == 1
    assert done.stderr.startswith(f"tallybook: refused: {len(EXAMPLES)} findings.\n")
    assert repo.git("rev-parse", "HEAD") == head
    repo.git("reset", "-q")
    written = b""
    for rule, secret in EXAMPLES.items():
        repo.git("add", f"{rule}.txt")
        done = commit(repo)
        assert done.returncode == 1, rule
        assert f"  {rule}.txt:2:" in done.stderr
        assert f": {rule}: " in done.stderr
        assert secret not in done.stderr + done.stdout
        repo.git("reset", "-q")
    for place in (repo.path / ".git" / "tallybook", repo.path.parent / ".local"):
        written += b"".join(path.read_bytes() for path in place.rglob("*") if path.is_file())
    assert not any(secret.encode() in written for secret in EXAMPLES.values())


def test_what_is_told(repo: GitRepo) -> None:
    """What, where, and how to allow it."""
    repo.stage("a\x1b[31m", f"x = 1\n  {TOKEN}\n")
    done = commit(repo)
    assert done.stderr == (
        "tallybook: refused: 1 finding.\n"
        "  a?[31m:2:3: github-token: GitHub personal access token (ghp_..., 40 bytes)\n"
        "Take it out, then commit again.\n"
        "What is no fault after all is allowed by a comment on its line or the one above, with a reason:\n"
        "  tally:allow RULE <reason>\n"
        "or by an [[allow]] in config/secret-rules.toml.\n"
        "  tally scan secrets --staged    (looks again)\n"
    )
    repo.stage("a\x1b[31m", f"x = 1  # {ALLOW} github-token made up\n  {TOKEN}\n")
    assert commit(repo).returncode == 0


def test_the_boundary_too(repo: GitRepo) -> None:
    """Rules of the project count as they stand in the work tree."""
    repo.stage(".env", "")
    done = commit(repo)
    assert done.returncode == 1
    assert "  .env: environment-file: settings of one machine" in done.stderr
    assert "config/boundary-rules.toml." in done.stderr
    repo.write("config/boundary-rules.toml", 'disable = ["environment-file"]\n')
    assert commit(repo).returncode == 0


def test_many_findings_are_told_in_part(repo: GitRepo) -> None:
    """Twenty of them."""
    repo.stage("a", f"{TOKEN}\n" * 23)
    assert "\n  ... and 3 more\n" in commit(repo).stderr


@pytest.mark.parametrize("partial", [("--", "a"), ("-a",), ("--amend", "-a"), ("--no-edit", "--amend", "-a")])
def test_every_way_to_commit(repo: GitRepo, partial: tuple[str, ...]) -> None:
    """The index that git makes for it is the one that is looked at."""
    repo.commit("a")
    repo.write("a", TOKEN)
    assert commit(repo, *partial).returncode == 1
    repo.write("a", "clean\n")
    repo.write("b", TOKEN)
    done = commit(repo, *partial)
    assert done.returncode == 0, done.stderr


def test_off_until_it_is_wanted(repo: GitRepo) -> None:
    """Without a setting it goes by the files of rules; the setting goes before them."""
    repo.commit(SETTINGS, '[hooks]\nticket = "Add"\n')
    repo.stage("a", TOKEN)
    repo.stage(".env", "")
    repo.write("config/secret-rules.toml", "")
    done = commit(repo)
    assert done.returncode == 1
    assert "github-token" in done.stderr
    assert "environment-file" not in done.stderr
    repo.write(SETTINGS, '[scan]\nsecrets = false\n[hooks]\nticket = "Add"\n')
    assert commit(repo).returncode == 0


def test_rules_that_can_not_be_used_refuse(repo: GitRepo) -> None:
    """Nobody relies on a scan that does not happen."""
    repo.write("config/secret-rules.toml", "[[rule]]\nid = 'x'\npattern = '(a+)+b'\n[[rule]]\nid = 'y'\n")
    repo.stage("a")
    done = commit(repo)
    assert done.returncode == 1
    assert "refused: the rules of the scan can't be used.\n  config/secret-rules.toml, rule x: " in done.stderr
    assert "    more than 20,000 are not allowed" in done.stderr
    assert "  config/secret-rules.toml, rule y: pattern must be there, and not empty\n" in done.stderr


def test_a_fault_of_ours_refuses_nothing(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning, and the rest of the hook is done."""

    def broken(*_: object) -> None:
        message = "out of luck"
        raise RuntimeError(message)

    monkeypatch.setattr("tallybook.hooks.scanning.scan", broken)
    repo.commit(SETTINGS, '[scan]\nsecrets = true\n[ledger]\npublish = "metrics/events"\n')
    repo.start()
    assert main(["pre-commit"], repo.environ, repo.path) == 0
    assert capsys.readouterr().err == (
        "tallybook: warning: the scan of pre-commit did nothing: RuntimeError: out of luck\n"
    )
    assert repo.git("diff", "--cached", "--name-only").startswith("metrics/events/")


def test_a_git_that_fails_refuses_nothing(repo: GitRepo, capsys: pytest.CaptureFixture[str]) -> None:
    """It would fail by itself where it matters; at its first call or at its last."""
    repo.stage("a")
    read = Git.read

    def broken(git: Git, *arguments: str, text: bytes | None = None) -> bytes | GitFault:
        fault = GitFault("git-failed", "out of luck", 128)
        return fault if "--batch" in arguments else read(git, *arguments, text=text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Git, "read", broken)
        assert main(["pre-commit"], repo.environ, repo.path) == 0
    assert capsys.readouterr().err == "tallybook: warning: nothing was scanned: out of luck\n"
    (repo.path / ".git" / "index").write_bytes(b"broken")
    assert main(["pre-commit"], repo.environ, repo.path) == 0
    assert "warning: nothing was scanned: " in capsys.readouterr().err


def test_what_can_not_be_looked_into_is_told(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And goes on."""
    monkeypatch.setattr("tallybook.repo.scanning.sources.LARGEST", 3)
    repo.stage("large", "1234")
    assert main(["pre-commit"], repo.environ, repo.path) == 0
    assert capsys.readouterr().err == ("tallybook: warning: large was not looked into: it has 4 bytes, more than 3\n")


def test_the_published_ledger_is_left_alone(repo: GitRepo) -> None:
    """Tallybook writes it, from texts that were screened; a title may be allowed by hand."""
    repo.commit(SETTINGS, '[scan]\nsecrets = true\n[ledger]\npublish = "metrics/events"\n[hooks]\nticket = "Add"\n')
    repo.start(f"Look at {TOKEN}")
    for name in ("a", "b"):
        repo.stage(name)
        assert commit(repo).returncode == 0
    repo.stage("metrics/events/other.txt", TOKEN)
    assert commit(repo).returncode == 1


def test_few_calls_of_git(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many for a hundred files as for one, with the one that finds the repository."""
    calls = counted_calls(monkeypatch)
    for number in (1, 100):
        for name in range(number):
            repo.stage(f"{number}/{name}", f"{name}\n")
        before = len(calls)
        assert main(["pre-commit"], repo.environ, repo.path) == 0
        assert len(calls) - before == 5


def push(repo: GitRepo, *words: str) -> subprocess.CompletedProcess[str]:
    """Push with the hook."""
    return repo.run("push", *(words or ("origin", "main")))


def test_what_is_pushed_is_scanned(repo: GitRepo, remote: GitRepo) -> None:
    """Also what was taken out again, by the commit that has it; the remote stays as it is."""
    before = remote.git("rev-parse", "main")
    bad = repo.commit("a", f"\n{TOKEN}\n")
    repo.commit("a", "clean\n")
    done = push(repo)
    assert done.returncode == 1
    assert (
        f"  a:2:1: github-token: GitHub personal access token (ghp_..., 40 bytes) in commit {bad[:12]}\n" in done.stderr
    )
    assert "Take it out of the commits that have it, then push again.\n" in done.stderr
    assert "tally scan secrets --range A..B" in done.stderr
    assert TOKEN not in done.stderr
    assert remote.git("rev-parse", "main") == before
    repo.git("reset", "-q", "--hard", before)
    repo.commit("b")
    assert push(repo).returncode == 0


def test_what_the_remote_has_is_not_scanned_again(repo: GitRepo, remote: GitRepo) -> None:
    """Neither with a new branch nor with a tag; a deleted branch brings nothing."""
    repo.commit("a", TOKEN)
    repo.git("push", "-q", "--no-verify", "origin", "main")
    repo.git("checkout", "-q", "-b", "topic")
    repo.commit("b")
    repo.git("tag", "-a", "-m", "one", "v1")
    repo.git("tag", "v2", "HEAD:a")
    for words in (("origin", "topic"), ("origin", "v1", "v2"), ("origin", ":topic"), ("origin", "main")):
        done = push(repo, *words)
        assert done.returncode == 0, done.stderr
        assert "tallybook" not in done.stderr
    assert remote.git("tag") == "v1\nv2"


def test_new_branches_tags_and_forced_pushes(repo: GitRepo, remote: GitRepo) -> None:
    """Whatever the ref is, what is new with it counts."""
    assert remote.git("rev-parse", "main") == repo.git("rev-parse", "main")
    start = repo.git("rev-parse", "main")
    repo.commit("a", TOKEN)
    repo.git("tag", "-a", "-m", "one", "v1")
    for words in (("origin", "HEAD:topic"), ("origin", "v1"), ("--all", "origin"), ("--mirror", "origin")):
        assert push(repo, *words).returncode == 1
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "--amend", "-m", "Another")
    repo.commit("c", TOKEN)
    assert push(repo, "--force", "origin", "main").returncode == 1
    assert remote.git("rev-parse", "main") == start


def test_a_remote_without_a_name_or_a_tracking_branch(repo: GitRepo, remote: GitRepo) -> None:
    """By its URL all counts that the ref there does not have; an id that is not here is passed over."""
    repo.commit("a")
    repo.commit("b", TOKEN)
    assert push(repo, str(remote.path), "main").returncode == 1
    repo.git("reset", "-q", "--hard", "HEAD~")
    assert push(repo, str(remote.path), "main").returncode == 0
    other = GitRepo.make(repo.path.parent / "other")
    other.commit("z")
    other.git("push", "-q", "--force", str(remote.path), "main")
    repo.commit("b", TOKEN)
    repo.git("branch", "-q", "-r", "-d", "origin/main")
    done = push(repo, "--force", "origin", "main")
    assert done.returncode == 1
    assert "github-token" in done.stderr


def test_a_shallow_clone_can_push(repo: GitRepo, remote: GitRepo) -> None:
    """What is missing was never looked for."""
    repo.commit("a", TOKEN)
    repo.commit("b")
    repo.git("push", "-q", "--no-verify", "origin", "main")
    repo.git("clone", "-q", "--depth", "1", remote.path.as_uri(), "../shallow")
    shallow = GitRepo(repo.path.parent / "shallow", repo.environ)
    hook = shallow.hook_directory() / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_bytes((repo.hook_directory() / "pre-push").read_bytes())
    hook.chmod(0o755)
    shallow.commit("c")
    assert push(shallow).returncode == 0
    shallow.commit("d", TOKEN)
    assert push(shallow).returncode == 1


@pytest.mark.parametrize(
    "told",
    [b"", b"\n", b"nonsense\n", f"(delete) {ZERO} refs/heads/a {'1' * 40}\n".encode(), b"a b c d\n", b"\xff\xfe\n"],
)
def test_what_git_may_write(repo: GitRepo, monkeypatch: pytest.MonkeyPatch, told: bytes) -> None:
    """Nothing that is pushed, or nothing that can be read."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(told)))
    assert main(["pre-push", "origin", "x"], repo.environ, repo.path) == 0
    monkeypatch.setattr("sys.stdin", None)
    assert main(["pre-push", "*", "x"], repo.environ, repo.path) == 0


def test_an_odd_name_of_a_remote(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that git would take for a pattern stands for no branches."""
    repo.commit("a", TOKEN)
    line = f"refs/heads/main {repo.git('rev-parse', 'HEAD')} refs/heads/main {ZERO}\n"
    for name in ("o*", "nosuch", "team/fork"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line.encode())))
        assert main(["pre-push", name, "x"], repo.environ, repo.path) == 1


def test_hooks_that_were_there_are_run_too(repo: GitRepo, remote: GitRepo) -> None:
    """They are put in front, and git's lines reach both."""
    (repo.hook_directory() / "pre-push").write_text("#!/bin/sh\ncat >earlier\n")
    environ = {**repo.environ, "TALLYBOOK_HOME": str(repo.path.parent / "data")}
    environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    install = [sys.executable, "-P", "-m", "tallybook", "hooks", "install"]
    done = subprocess.run(install, cwd=repo.path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    repo.commit("a", TOKEN)
    assert push(repo).returncode == 1
    assert (repo.path / "earlier").read_text().startswith("refs/heads/main ")
    assert remote.git("rev-list", "--count", "main") == "2"
