"""`Ledger-Head:` trailers, and `tally verify --against`: what was written down in commits can't be changed unseen."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ledger.ledgers import tampered
from tallybook.ledger.line import RawEvent, parse

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench, Json


def git(bench: Bench, *words: str) -> str:
    """Run git in the repository, with our hooks finding the program."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "GIT_EDITOR": "true"}
    done = subprocess.run(["git", *words], cwd=bench.repo, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def heads(bench: Bench, revision: str = "HEAD") -> list[str]:
    """The anchors of one commit."""
    return git(bench, "log", "-1", "--format=%(trailers:key=Ledger-Head,valueonly)", revision).split()


@pytest.fixture
def goal(bench: Bench) -> str:
    """An open goal, where anchoring and the hooks are on."""
    bench.ok("init", "--anchor")
    bench.ok("hooks", "install")
    return bench.start("one", "--untracked")


def commit(bench: Bench, *words: str) -> str:
    """An empty commit; returns its id."""
    git(bench, "commit", "-q", "--allow-empty", *(words or ("-m", "Do it")))
    return git(bench, "rev-parse", "HEAD")


def verified(bench: Bench, revision: str = "HEAD") -> tuple[int, Json]:
    """Exit code and what was found."""
    said = bench.tally("verify", "--against", revision, "--json")
    return said.code, said.json


def own(bench: Bench) -> Path:
    """The file of the one writer."""
    (path,) = bench.ledger.glob("*.ndjson")
    return path


def event_of(line: bytes) -> RawEvent:
    """A whole line."""
    found = parse(line)
    assert isinstance(found, RawEvent)
    return found


def test_a_commit_of_a_goal_names_the_head(bench: Bench, goal: str) -> None:
    """Writer, number and hash of the last line; it holds, and what came since is counted."""
    first = commit(bench)
    last = event_of(own(bench).read_bytes().splitlines()[-1])
    assert heads(bench) == [f"{own(bench).stem}:1:{last.digest[:32]}"]
    bench.ok("mark", "plan", "--goal", goal)
    commit(bench, "-m", f"More\n\nTask: {goal}")
    code, told = verified(bench)
    assert code == 0
    assert told["against"]["commits"] == 2
    assert [(one["seq"], one["state"], one["since"]) for one in told["against"]["anchors"]] == [
        (1, "holds", 1), (2, "holds", 0),
    ]  # fmt: skip
    assert told["against"]["anchors"][0]["commit"] == first
    assert "2 anchors in 2 commits of HEAD: 2 hold" in bench.ok("verify", "--against", "HEAD").out


def test_commits_of_no_goal_name_none(bench: Bench, goal: str) -> None:
    """Nor does anything where it is switched off."""
    commit(bench, "-m", "Tidy\n\nNo-Task: tidying")
    assert heads(bench) == []
    (bench.repo / "config" / "tallybook.toml").unlink()
    commit(bench, "-m", f"Do it\n\nTask: {goal}")
    assert heads(bench) == []
    code, told = verified(bench)
    assert (code, [note["code"] for note in told["notes"]]) == (0, ["no-anchors"])


def test_an_amended_commit_has_one_of_each_writer(bench: Bench, goal: str) -> None:
    """The newer head takes the place of the older; a rebase and a cherry-pick leave it as it is."""
    commit(bench)
    bench.ok("mark", "plan", "--goal", goal)
    commit(bench, "--amend", "--no-edit")
    assert [head.split(":")[1] for head in heads(bench)] == ["2"]
    before = heads(bench)
    bench.ok("mark", "build", "--goal", goal)
    git(bench, "checkout", "-q", "-b", "side", "HEAD~1")
    git(bench, "cherry-pick", "--allow-empty", "-")
    assert heads(bench) == before


def test_a_message_that_is_left_empty_stays_empty(bench: Bench, goal: str) -> None:
    """The trailers alone are no message: git gives the commit up."""
    del goal
    with pytest.raises(subprocess.CalledProcessError):
        git(bench, "commit", "--allow-empty")


def test_a_squash_keeps_the_heads_of_others(bench: Bench, goal: str) -> None:
    """Of each writer the newest; the own one is the present head."""
    git(bench, "checkout", "-q", "-b", "side")
    other = "w-00000001:{}:" + "a" * 32
    for number in (3, 7, 5):
        (bench.repo / f"file{number}").write_text("x")
        git(bench, "add", ".")
        trailers = f"Task: {goal}\nLedger-Head: {other.format(number)}\nLedger-Head: junk"
        git(bench, "commit", "-q", "--no-verify", "-m", f"Part {number}\n\n{trailers}")
    git(bench, "checkout", "-q", "-")
    git(bench, "merge", "--squash", "-q", "side")
    git(bench, "commit", "-q", "--no-edit")
    assert sorted(head.partition(":")[0] for head in heads(bench)) == sorted(["w-00000001", own(bench).stem])
    assert other.format(7) in heads(bench)


def lines_of(bench: Bench) -> list[bytes]:
    """All lines of the file."""
    return own(bench).read_bytes().splitlines()


def written(bench: Bench, lines: list[bytes]) -> None:
    """Put other lines in their place."""
    own(bench).write_bytes(b"".join(line + b"\n" for line in lines))


def rehashed(lines: list[bytes]) -> list[bytes]:
    """The lines chained anew, as somebody would who wants no check to see it."""
    found: list[bytes] = []
    for line in lines:
        old = event_of(line)
        prev = event_of(found[-1]).digest if found else old.envelope.prev
        found.append(tampered(line, {old.envelope.prev.encode(): prev.encode()}))
    return found


@pytest.mark.parametrize(
    ("deed", "code", "found"),
    [
        ("rewritten", 3, "anchor-changed"),
        ("cut", 3, "anchor-cut"),
        ("replaced tail", 3, "anchor-changed"),
        ("removed", 1, "anchor-absent"),
    ],
)
def test_what_was_changed_is_found(bench: Bench, goal: str, deed: str, code: int, found: str) -> None:
    """A consistent rewriting, a cut tail, a last line made anew, a file taken away: each by its name."""
    for stage in ("plan", "build"):
        bench.ok("mark", stage, "--goal", goal)
        commit(bench, "-m", f"Do {stage}\n\nTask: {goal}")
    one, two, three = lines_of(bench)
    if deed == "rewritten":
        written(bench, rehashed([one, tampered(two, {b'"plan"': b'"plot"'}), three]))
    elif deed == "cut":
        written(bench, [one, two])
    elif deed == "replaced tail":
        written(bench, [one, two, tampered(three, {b'"build"': b'"bulk!"'})])
    else:
        own(bench).unlink()
    if deed != "removed":
        assert bench.tally("verify").code == 0, "the chain alone does not show it"
    exit_code, told = verified(bench)
    problems = [problem for problem in told["problems"] if problem["code"].startswith("anchor")]
    assert (exit_code, [problem["code"] for problem in problems]) == (code, [found])
    if deed == "rewritten":
        assert problems[0]["where"]["line"] == 2
        assert "nothing tells since when" in problems[0]["message"]
    if deed == "replaced tail":
        assert "up to event 2 it is as it was then" in problems[0]["message"]
    assert told["against"]["holding"] == {"rewritten": 0, "cut": 1, "replaced tail": 1, "removed": 0}[deed]


def test_the_copy_that_a_commit_carries_shows_the_line(bench: Bench, goal: str) -> None:
    """Without any anchor too: the first line that is another one, or missing."""
    (bench.repo / "config" / "tallybook.toml").write_text('[ledger]\npublish = "metrics/events"\n')
    bench.ok("mark", "plan", "--goal", goal)
    commit(bench)
    bench.ok("mark", "build", "--goal", goal)
    git(bench, "rm", "-q", "--cached", "-r", "metrics")
    one, two, three = lines_of(bench)
    copy = bench.repo / "metrics" / "events" / own(bench).name
    copy.unlink()
    written(bench, rehashed([one, tampered(two, {b'"plan"': b'"plot"'}), three]))
    code, told = verified(bench)
    (problem,) = [problem for problem in told["problems"] if problem["code"].startswith("published")]
    assert (code, problem["code"], problem["where"]["line"]) == (3, "published-changed", 2)
    written(bench, [one])
    code, told = verified(bench)
    assert (code, told["problems"][0]["code"]) == (1, "published-lost")


def test_a_range_and_a_trailer_that_is_none(bench: Bench, goal: str) -> None:
    """Only commits of the range count; junk proves nothing and is said."""
    first = commit(bench)
    commit(bench, "--no-verify", "-m", f"More\n\nTask: {goal}\nLedger-Head: w-1:two:three\nLedger-Head: \x1b[31m")
    code, told = verified(bench, f"{first}..HEAD")
    assert code == 1
    assert {problem["code"] for problem in told["problems"]} == {"anchor-unreadable"}
    assert len(told["problems"]) == 2
    assert "\x1b" not in bench.tally("verify", "--against", "HEAD").err


@pytest.mark.parametrize(("revision", "code"), [("nowhere", 1), ("--all", 2), ("", 2), ("HEAD..nowhere", 1)])
def test_what_is_no_revision(bench: Bench, goal: str, revision: str, code: int) -> None:
    """A clear word; an option is never handed to git."""
    del goal
    said = bench.tally("verify", f"--against={revision}", "--json")
    assert (said.code, said.error) == (code, "bad-revision")


def test_outside_of_a_repository(bench: Bench, tmp_path: Path) -> None:
    """There are no commits."""
    (tmp_path / "bare").mkdir()
    said = bench.tally("verify", "--against", "HEAD", "--json", cwd=tmp_path / "bare")
    assert (said.code, said.error) == (1, "no-work-tree")


def test_a_shallow_clone_says_so(bench: Bench, goal: str, tmp_path: Path) -> None:
    """Anchors in commits that are not there are not seen."""
    del goal
    for _ in "12":
        commit(bench)
    git(bench, "clone", "-q", "--depth=1", bench.repo.as_uri(), str(tmp_path / "short"))
    said = bench.tally("verify", "--against", "HEAD", "--json", cwd=tmp_path / "short")
    assert "shallow" in [note["code"] for note in said.json["notes"]]
    assert [problem["code"] for problem in said.json["problems"]] == ["anchor-absent"]
    assert said.code == 1
