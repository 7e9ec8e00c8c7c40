"""`tally sync`: clones that never see each other come to one ledger through a bare remote, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from commands.bench import program
from commands.checkup import checkup
from commands.clones import REF, Clone, git, put, tip
from tallybook.ledger.synced import NAME
from tallybook.repo.shared_ref import SharedRef
from tallybook.usecases import sync as usecase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from commands.bench import Bench


def test_two_clones_come_to_the_same(clone: Callable[..., Clone]) -> None:
    """Each has the goals of both, byte for byte, and a third clone has them at once."""
    one, two = clone("one"), clone("two")
    mine, theirs = one.start("mine"), two.start("theirs")
    assert (one.alone, two.alone) == (2, 2)
    told = one.sync()
    assert told["schema"] == "tallybook.sync/1"
    assert (told["received"], told["sent"], told["remote"], told["ref"]) == (0, 2, "origin", REF)
    told = two.sync()
    assert (told["received"], told["sent"], told["writers"]) == (2, 2, 2)
    assert (one.sync()["received"], one.alone, two.alone) == (2, 0, 0)
    two.ok("finish-task", theirs, "--status", "success")
    assert two.alone == 1
    two.sync(), one.sync()
    three = clone("three")
    assert three.sync()["received"] == 5
    assert one.goals() == two.goals() == three.goals() == {mine: "open", theirs: "success"}
    assert one.files == two.files == three.files
    assert all(each.tally("verify").code == 0 for each in (one, two, three))
    assert git("status", "--porcelain", cwd=one.path) == ""


def test_twice_changes_nothing(clone: Callable[..., Clone], remote: Path) -> None:
    """No commit and no push the second time, and a dry run never."""
    one = clone("one")
    one.start("mine")
    told = one.sync("--dry-run")
    assert (told["dry_run"], told["sent"], tip(remote), one.alone) == (True, 2, None, 2)
    one.sync()
    before = tip(remote)
    told = one.sync()
    assert (told["received"], told["sent"], told["rounds"], tip(remote)) == (0, 0, 1, before)
    two = clone("two")
    assert two.sync("--dry-run")["received"] == 2
    assert two.files == {}
    assert "received 2 events, sent 0 (origin); 1 writer here" in two.ok("sync").out


@pytest.mark.parametrize("kind", ["worktree", "detached", "shallow", "unborn", "sha256", "partial"])
def test_wherever_it_runs(clone: Callable[..., Clone], remote: Path, tmp_path: Path, bench: Bench, kind: str) -> None:
    """Linked, detached, shallow, without commits, with long hashes, with files that come when asked for."""
    if kind == "sha256":
        path = tmp_path / "long.git"
        git("init", "-q", "--bare", "--object-format=sha256", str(path), cwd=tmp_path)
        git("init", "-q", "--object-format=sha256", "one", cwd=tmp_path)
        git("remote", "add", "origin", str(path), cwd=tmp_path / "one")
        one, remote = Clone(bench, tmp_path / "one"), path
    else:
        one = clone("one", *{"shallow": ["--depth=1"], "partial": ["--filter=blob:none"]}.get(kind, []))
    if kind == "partial":
        git("config", "uploadpack.allowFilter", "true", cwd=remote)
        other = clone("other")
        other.start("theirs")
        other.sync()
    if kind == "worktree":
        git("worktree", "add", "-q", "../linked", cwd=one.path)
        one = Clone(bench, tmp_path / "linked")
    if kind == "detached":
        git("checkout", "-q", "--detach", cwd=one.path)
    if kind == "unborn":
        git("checkout", "-q", "--orphan", "new", cwd=one.path)
    one.start("mine")
    assert one.sync()["sent"] == 2
    assert one.sync()["sent"] == 0
    assert len(one.goals()) == 1 + (kind == "partial")
    assert tip(remote) is not None
    assert (one.path / ".git").exists()
    if kind == "shallow":
        assert git("rev-parse", "--is-shallow-repository", cwd=one.path) == "true"


def test_a_branch_instead_of_the_ref(clone: Callable[..., Clone], remote: Path) -> None:
    """For forges that take no other refs: by option, or by the settings."""
    one, two = clone("one"), clone("two")
    one.start("mine")
    branch = "refs/heads/tallybook-ledger"
    one.sync("--ref", branch)
    (two.path / "config").mkdir()
    (two.path / "config" / "tallybook.toml").write_text(f'[ledger]\nsync_ref = "{branch}"\nsync_remote = "origin"\n')
    assert two.sync()["received"] == 2
    assert (tip(remote), tip(remote, branch) is None) == (None, False)


def test_a_race_is_run_again(clone: Callable[..., Clone], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second fetches again and pushes both."""
    one, two = clone("one"), clone("two")
    one.start("mine"), two.start("theirs")
    push = SharedRef.push
    pushed: list[str] = []

    def late(shared: SharedRef, commit: str, before: str | None) -> object:
        if not pushed:
            pushed.append(commit)
            two.sync()
        return push(shared, commit, before)

    monkeypatch.setattr(SharedRef, "push", late)
    told = one.sync()
    assert (told["rounds"], told["received"], told["sent"]) == (2, 2, 2)
    monkeypatch.undo()
    two.sync()
    assert one.files == two.files


def test_somebody_is_always_quicker(clone: Callable[..., Clone], monkeypatch: pytest.MonkeyPatch) -> None:
    """After some rounds it is given up, and what came in is here."""
    one, two = clone("one"), clone("two")
    one.start("mine")
    push = SharedRef.push
    busy: list[int] = []

    def late(shared: SharedRef, commit: str, before: str | None) -> object:
        if shared.git.directory == one.path and len(busy) < 99:
            busy.append(1)
            two.start("another")
            two.sync()
        return push(shared, commit, before)

    monkeypatch.setattr(SharedRef, "push", late)
    monkeypatch.setattr(usecase, "_PAUSE", 0)
    said = one.tally("sync", "--json")
    assert (said.code, said.error, len(busy)) == (1, "sync-race", usecase.ROUNDS)
    assert len(one.goals()) == usecase.ROUNDS


@pytest.mark.parametrize("step", ["fetch", "store", "commit", "push"])
def test_an_interruption_leaves_both_sides_whole(
    clone: Callable[..., Clone], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Stopped before any step, the next sync completes it."""
    one, two = clone("one"), clone("two")
    two.start("theirs")
    two.sync()
    one.start("mine")

    def stopped(*_: object) -> object:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SharedRef, step, stopped)
        assert one.tally("sync").code == 130
    assert one.tally("verify").code == 0
    told = one.sync()
    assert told["sent"] == 2
    two.sync()
    assert one.files == two.files
    assert len(one.goals()) == 2


def test_a_backup_that_was_restored_goes_on_as_a_new_writer(clone: Callable[..., Clone], tmp_path: Path) -> None:
    """The remote has events of its own that it lost: they come back, and its old file is never written to again."""
    one = clone("one")
    kept = one.start("kept")
    shutil.copytree(one.home, tmp_path / "backup")
    lost = one.start("lost")
    one.sync()
    (writer,) = one.files
    for path in (tmp_path / "backup").iterdir():
        (one.home / path.name).write_bytes(path.read_bytes())
    assert set(one.goals()) == {kept}
    told = one.sync()
    assert told["received"] == 2
    assert told["minted"] not in {None, writer}
    before = one.files[writer]
    new = one.start("new")
    one.sync()
    assert set(one.goals()) == {kept, lost, new}
    assert (one.files[writer], set(one.files)) == (before, {writer, told["minted"]})
    assert one.tally("verify").code == 0


def test_a_fork_of_a_writer_keeps_both_sides(clone: Callable[..., Clone], tmp_path: Path) -> None:
    """A backup that had gone on before it was noticed: all events of both are there, and the fork is told of."""
    one = clone("one")
    one.start("kept")
    shutil.copytree(one.home, tmp_path / "backup")
    one.start("there")
    one.sync()
    for path in (tmp_path / "backup").iterdir():
        (one.home / path.name).write_bytes(path.read_bytes())
    one.start("here")
    told = one.sync()
    assert (told["received"], told["sent"]) == (2, 2)
    assert told["minted"] is not None
    two = clone("two")
    two.sync()
    assert len(two.goals()) == 3
    assert two.goals() == one.goals()
    assert one.tally("verify").code == 1
    assert one.sync()["sent"] == 0


@pytest.mark.parametrize("goes_on", [False, True])
def test_what_only_the_published_copy_has_is_sent(clone: Callable[..., Clone], tmp_path: Path, goes_on: bool) -> None:
    """After a backup was restored the copy gives back what the ledger lost, and other clones get it."""
    one = clone("one")
    one.ok("init", "--publish", "metrics/events")
    kept = one.start("kept")
    shutil.copytree(one.home, tmp_path / "backup")
    lost = one.start("lost")
    one.ok("hook", "pre-commit")
    shutil.rmtree(one.home)
    shutil.copytree(tmp_path / "backup", one.home)
    more = {one.start("more")} if goes_on else set()
    told = one.sync()
    assert (told["received"], told["sent"]) == (0, 4 + 2 * len(more))
    assert set(one.goals()) == {kept, lost} | more
    two = clone("two")
    two.sync()
    assert two.goals() == one.goals()
    assert [each.tally("verify").code for each in (one, two)] == [0, 0]


def test_a_published_copy_that_can_not_be_read_is_left_alone(clone: Callable[..., Clone]) -> None:
    """Something else than a directory stands in its place."""
    one = clone("one")
    one.ok("init", "--publish", "metrics/events")
    one.start("mine")
    (one.path / "metrics").mkdir()
    (one.path / "metrics" / "events").write_text("x")
    assert one.sync()["sent"] == 2


def test_a_copied_clone_is_another_writer(clone: Callable[..., Clone], tmp_path: Path, bench: Bench) -> None:
    """Original and copy go on side by side; neither writes into the other's file."""
    one = clone("one")
    one.start("before")
    shutil.copytree(one.path, tmp_path / "copy", symlinks=True)
    copy = Clone(bench, tmp_path / "copy")
    one.start("original"), copy.start("copied")
    for each in (one, copy, one):
        each.sync()
    assert one.files == copy.files
    assert len(one.files) == 2
    assert len(one.goals()) == 3
    assert one.tally("verify").code == 0


def test_damage_does_not_travel(clone: Callable[..., Clone], remote: Path) -> None:
    """A damaged line here is not sent and told of; one there is not taken, and is mended by who has it whole."""
    one, two = clone("one"), clone("two")
    one.start("mine")
    two.start("theirs")
    two.sync()
    (own,) = one.files
    first, second = one.files[own].splitlines(keepends=True)
    (one.home / f"{own}.ndjson").write_bytes(first.replace(b'"seq":1', b'"seq":7') + second)
    told = one.sync()
    assert [problem["code"] for problem in told["problems"]] == ["local-bad-sum"]
    assert (told["sent"], told["problems"][0]["where"]["line"]) == (1, 1)
    (one.home / f"{own}.ndjson").write_bytes(first + second)
    (other,) = two.files
    whole = two.files[other]
    put(remote, {f"{other}.ndjson": whole.replace(b'"seq":2', b'"seq":9'), f"{own}.ndjson": second})
    three = clone("three")
    told = three.sync()
    assert (told["received"], [problem["code"] for problem in told["problems"]]) == (2, ["remote-bad-sum"])
    assert told["problems"][0]["where"]["file"] == f"{REF}:{other}.ndjson"
    assert (two.sync()["sent"], one.sync()["sent"]) == (1, 1)
    three.sync()
    assert three.files == {other: whole, own: first + second}


def test_a_damaged_copy_of_others_is_replaced_by_the_whole_one(clone: Callable[..., Clone]) -> None:
    """What could not be read goes to the quarantine, not away."""
    one, two = clone("one"), clone("two")
    one.start("mine")
    one.sync(), two.sync()
    (writer,) = one.files
    path = two.home / f"{writer}.ndjson"
    path.write_bytes(path.read_bytes().replace(b'"seq":1', b'"seq":8') + b'{"torn')
    two.sync()
    assert two.files == one.files
    assert b'"seq":8' in (two.home / f"{writer}.quarantine").read_bytes()
    assert two.tally("verify").code == 0


def test_a_ref_that_was_deleted_comes_back(clone: Callable[..., Clone], remote: Path) -> None:
    """All that is here goes up again, the events of others too; another history of it is met in the middle."""
    one, two = clone("one"), clone("two")
    one.start("mine"), two.start("theirs")
    one.sync(), two.sync(), one.sync()
    git("update-ref", "-d", REF, cwd=remote)
    assert one.sync()["sent"] == 4
    put(remote, {})
    assert two.sync()["sent"] == 4
    assert clone("three").sync()["received"] == 4


@pytest.mark.parametrize(
    ("case", "code"),
    [("offline", "sync-failed"), ("none", "no-remote"), ("outside", "no-work-tree"), ("refused", "sync-refused"),
     ("option", "bad-remote")],
)  # fmt: skip
def test_what_can_not_be_synced(
    clone: Callable[..., Clone], remote: Path, tmp_path: Path, bench: Bench, case: str, code: str
) -> None:
    """A clear word, exit 1, and nothing has changed here."""
    one = clone("one")
    one.start("mine")
    before = one.files
    words: tuple[str, ...] = ()
    if case == "offline":
        git("remote", "set-url", "origin", "https://ada:secret@localhost:1/gone.git", cwd=one.path)
    elif case == "none":
        git("remote", "rename", "origin", "one", cwd=one.path)
        git("remote", "add", "two", "x", cwd=one.path)
        git("checkout", "-q", "--detach", cwd=one.path)
    elif case == "outside":
        (tmp_path / "bare").mkdir()
        one = Clone(bench, tmp_path / "bare")
        before = {}
    elif case == "refused":
        hook = remote / "hooks" / "pre-receive"
        hook.write_text("#!/bin/sh\necho no >&2\nexit 1\n")
        hook.chmod(0o755)
    else:
        words = ("--remote=--upload-pack=touch x",)
    said = one.tally("sync", "--json", *words)
    assert (said.code, said.error) == (2 if case == "option" else 1, code)
    assert "secret" not in said.out + said.err
    assert case == "outside" or one.files == before


def test_the_remote_of_the_branch_comes_first(clone: Callable[..., Clone]) -> None:
    """Else origin, else the only one."""
    one = clone("one")
    one.start("mine")
    git("remote", "rename", "origin", "upstream", cwd=one.path)
    git("remote", "add", "origin", "nowhere", cwd=one.path)
    assert one.sync()["remote"] == "upstream"
    git("remote", "remove", "origin", cwd=one.path)
    git("checkout", "-q", "--detach", cwd=one.path)
    assert one.sync()["remote"] == "upstream"


def test_a_note_that_can_not_be_read_says_that_nothing_is_there(clone: Callable[..., Clone]) -> None:
    """Until the next sync writes it anew."""
    one = clone("one")
    one.start("mine")
    one.sync()
    for content in ('{"lines": 3}', '{"remote": "", "ref": "", "at": "", "lines": {"w": "x"}}', "\0"):
        (one.home / NAME).write_text(content)
        assert one.alone == 2
    one.sync()
    assert one.alone == 0


def test_init_switches_it_on(clone: Callable[..., Clone]) -> None:
    """Alone or with a published copy, once, and not into a file where it would break something."""
    one = clone("one")
    one.ok("init", "--sync", "--publish", "metrics/events")
    settings = one.path / "config" / "tallybook.toml"
    assert settings.read_text() == '[ledger]\npublish = "metrics/events"\nsync = true\n'
    before = settings.read_bytes()
    one.ok("init", "--sync")
    assert settings.read_bytes() == before
    settings.write_text('[ledger]\npublish = "metrics/events"\n')
    assert one.tally("init", "--sync").code == 1


def test_pushes_and_merges_take_the_ledger_along(clone: Callable[..., Clone], remote: Path) -> None:
    """With real hooks: a push sends, a merge brings; a failing sync blocks neither."""
    one, two = clone("one"), clone("two")
    for each in (one, two):
        each.ok("init", "--sync")
        each.ok("hooks", "install")
    goal = one.start("mine")
    environ = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    git("add", ".", cwd=one.path)
    git("commit", "-q", "-m", f"Do it\n\nTask: {goal}", cwd=one.path, **environ)
    git("push", "-q", "origin", "HEAD:main", cwd=one.path, **environ)
    assert tip(remote) is not None
    assert goal not in two.goals()
    (two.path / "config" / "tallybook.toml").unlink()
    git("pull", "-q", "--no-rebase", "origin", "main", cwd=two.path, **environ)
    assert goal in two.goals()
    hook = remote / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/tallybook/*) exit 1;; esac\n')
    hook.chmod(0o755)
    one.start("more")
    git("commit", "-q", "--allow-empty", "-m", f"More\n\nTask: {goal}", cwd=one.path, **environ)
    done = subprocess.run(
        ["git", "push", "origin", "HEAD:main"], cwd=one.path, env={**os.environ, **environ}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert "warning: the ledger was not synced" in done.stderr
    assert git("rev-parse", "HEAD", cwd=one.path) == tip(remote, "refs/heads/main")


def test_a_goal_of_another_clone_is_looked_for_by_sync(clone: Callable[..., Clone], tmp_path: Path) -> None:
    """The refusal of an unknown goal names the command that brings it."""
    one = clone("one")
    message = tmp_path / "message"
    message.write_text("Do it\n\nTask: g261122-00000000\n")
    assert "git pull" in one.tally("hook", "commit-msg", str(message)).err
    one.ok("init", "--sync")
    assert "tally sync" in one.tally("hook", "commit-msg", str(message)).err


def test_many_at_once(clone: Callable[..., Clone]) -> None:
    """Real processes of several clones at the same time: all come to the same in the end."""
    clones = [clone(f"c{number}") for number in range(3)]
    for each in clones:
        each.start("one")
    command = [sys.executable, "-m", "tallybook", "sync"]
    running = [subprocess.Popen(command, cwd=each.path, stderr=subprocess.PIPE) for each in clones * 2]
    assert [(process.wait(60), process.communicate()[1]) for process in running] == [(0, b"")] * 6
    for each in clones:
        each.sync()
    assert clones[0].files == clones[1].files == clones[2].files
    assert len(clones[0].goals()) == 3


def told_of_copies(one: Clone) -> list[tuple[str, str]]:
    """What `doctor` says of where the events are."""
    one.bench.go(one.path)
    return [(row["status"], row["message"]) for row in checkup(one.bench)["ledger.copies"]]


def test_doctor_says_what_the_remote_has(clone: Callable[..., Clone]) -> None:
    """Never synced, synced, gone on since, and published in between."""
    one = clone("one")
    one.ok("init", "--sync")
    one.start("mine")
    ((status, message),) = told_of_copies(one)
    assert (status, message) == ("note", "sync is on and has not run yet; 2 events on this machine alone")
    one.sync()
    ((status, message),) = told_of_copies(one)
    assert status == "ok"
    assert message.startswith(f"2 events at origin ({REF}) as of 2")
    assert message.endswith("; none on this machine alone")
    one.start("more")
    ((status, message),) = told_of_copies(one)
    assert (status, message.endswith("; 2 events on this machine alone")) == ("note", True)
    settings = one.path / "config" / "tallybook.toml"
    settings.write_text('[ledger]\nsync = true\npublish = "metrics/events"\n')
    first, second, *_ = told_of_copies(one)
    assert first[1].endswith("; 2 events on this machine alone")
    assert second == ("note", "0 events in the published copy, 0 of them by others; 2 events on this machine alone")
    one.ok("hook", "pre-commit")
    one.start("last")
    first, second, *_ = told_of_copies(one)
    assert first[1].endswith(", 4 not there yet; 2 events on this machine alone")
    assert second == ("note", "4 events in the published copy, 0 of them by others; 2 events on this machine alone")


def test_killed_at_any_call_of_git(clone: Callable[..., Clone], tmp_path: Path) -> None:
    """Before one call, right behind the next: the ledgers stay whole, and the next sync completes it."""
    one, two = clone("one"), clone("two")
    counter, search = tmp_path / "calls", os.environ["PATH"]
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\nPATH="{search}"\nleft=$(($(cat {counter}) - 1))\necho $left > {counter}\n'
        '[ $left -eq 0 ] || exec git "$@"\n[ $BEHIND = no ] || git "$@"\nkill -9 $PPID\n'
    )
    wrapper.chmod(0o755)
    goals: set[str] = set()
    number, status = 0, -signal.SIGKILL
    while status == -signal.SIGKILL:
        number += 1
        goals |= {each.begin(f"{number}") for each in (one, two)}
        two.sync()
        counter.write_text(f"{number}\n")
        environ = {"PATH": f"{wrapper.parent}{os.pathsep}{search}", "BEHIND": "no" if number % 2 else "yes"}
        done = program("sync", cwd=one.path, env={**os.environ, **environ})
        status = done.returncode
        assert one.tally("verify").code == 0
        one.sync(), two.sync()
        assert one.files == two.files
        assert set(one.goals()) == set(two.goals()) == goals
    assert (status, number > 10) == (0, True), done
