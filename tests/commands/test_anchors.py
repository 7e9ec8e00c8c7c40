"""`Ledger-Head:` trailers, and `tally verify --against`: what was written down in commits can't be changed unseen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ledger.ledgers import tampered
from tallybook.ledger.line import RawEvent, parse
from tallybook.repo.git import Git, GitFault

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


def test_an_amended_commit_of_a_ledger_that_was_set_back(bench: Bench, goal: str) -> None:
    """The later head stays, as it shows that something is gone."""
    bench.ok("mark", "plan", "--goal", goal)
    commit(bench)
    before = heads(bench)
    one, _ = lines_of(bench)
    written(bench, [one])
    state_says(bench, one, 0)
    commit(bench, "--amend", "--no-edit")
    assert heads(bench) == before
    assert verified(bench)[0] == 3


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
        ("removed", 3, "anchor-cut"),
        ("removed with its state", 1, "anchor-absent"),
        ("flipped", 3, "anchor-cut"),
        ("cut and gone on", 3, "anchor-changed"),
        ("cut, and a new writer", 3, "anchor-cut"),
        ("in another order", 1, None),
    ],
)
def test_what_was_changed_is_found(bench: Bench, goal: str, deed: str, code: int, found: str | None) -> None:
    """A consistent rewriting, a cut tail, a last line made anew, a file taken away: each by its name.

    Lines in another order are told by the chain alone: every one of them is there.
    """
    for stage in ("plan", "build"):
        bench.ok("mark", stage, "--goal", goal)
        commit(bench, "-m", f"Do {stage}\n\nTask: {goal}")
    done(bench, deed, goal)
    assert bench.tally("verify").code == {"flipped": 3, "in another order": 1}.get(deed, 0), "what the chain shows"
    exit_code, told = verified(bench)
    problems = [problem for problem in told["problems"] if problem["code"].startswith("anchor")]
    assert (exit_code, [problem["code"] for problem in problems]) == (code, [] if found is None else [found])
    if deed == "rewritten":
        assert problems[0]["where"]["line"] == 2
        assert "nothing tells since when" in problems[0]["message"]
    if deed == "replaced tail":
        assert "up to event 2 it is as it was then" in problems[0]["message"]
    holding = {"rewritten": 0, "in another order": 2, "removed": 0, "removed with its state": 0}
    assert told["against"]["holding"] == holding.get(deed, 1)


def done(bench: Bench, deed: str, goal: str) -> None:
    """Do to the three lines what nobody should."""
    one, two, three = lines_of(bench)
    lines = {
        "rewritten": rehashed([one, tampered(two, {b'"plan"': b'"plot"'}), three]),
        "replaced tail": [one, two, tampered(three, {b'"build"': b'"bulk!"'})],
        "flipped": [one, two[:99] + bytes([two[99] ^ 1]) + two[100:], three],
        "in another order": [one, three, two],
    }
    written(bench, lines.get(deed, [one, two]))
    if deed.startswith("removed"):
        own(bench).unlink()
    if deed == "removed with its state":
        next(bench.ledger.glob("*.state.json")).unlink()
    if deed == "cut and gone on":
        state_says(bench, two, len(one) + 1)
    if deed in {"cut and gone on", "cut, and a new writer"}:
        bench.ok("mark", "another", "--goal", goal)
        assert len(list(bench.ledger.glob("*.ndjson"))) == 1 + (deed == "cut, and a new writer")


def state_says(bench: Bench, line: bytes, start: int) -> None:
    """The state tells of this line as the last: what somebody writes who wants the next command to go on there."""
    path = bench.ledger / f"{event_of(line).envelope.writer}.state.json"
    state = json.loads(path.read_bytes())
    path.write_text(
        json.dumps({**state, "seq": event_of(line).envelope.seq, "hash": event_of(line).digest, "start": start})
    )


def test_a_colleague_whose_events_have_not_come(bench: Bench, goal: str, tmp_path: Path) -> None:
    """Their commits were fetched and their ledger was not, or not all of it: that is no damage."""
    other = tmp_path / "other"
    git(bench, "clone", "-q", str(bench.repo), str(other))
    theirs = bench.ok(
        "start-task", "--title", "two", "--kind", "product", "--untracked", "--quiet", cwd=other
    ).out.strip()
    bench.ok("mark", "plan", "--goal", theirs, cwd=other)
    (path,) = (other / ".git" / "tallybook" / "events").glob("*.ndjson")
    first, second = path.read_bytes().splitlines()
    anchor = f"{path.stem}:2:{event_of(second).digest[:40]}"
    commit(bench, "--no-verify", "-m", f"Theirs\n\nTask: {theirs}\nLedger-Head: {anchor}")
    for here, code, found in (
        ([], 1, "anchor-absent"),
        ([first], 1, "anchor-behind"),
        ([first, second], 0, None),
        ([second], 3, None),
        ([first, tampered(second, {b'"plan"': b'"plot"'})], 3, "anchor-changed"),
    ):
        (bench.ledger / path.name).write_bytes(b"".join(line + b"\n" for line in here))
        exit_code, told = verified(bench)
        problems = [problem["code"] for problem in told["problems"] if problem["code"].startswith("anchor")]
        assert (exit_code, problems) == (code, [] if found is None else [found])
    assert event_of(first).envelope.goal == theirs
    assert goal != theirs


def test_what_is_said_of_each_writer(bench: Bench, goal: str) -> None:
    """Up to where it is as it was, by the oldest commit that names it, and how much nothing covers."""
    first = commit(bench)
    commit(bench, "-m", "Again")
    bench.ok("mark", "plan", "--goal", goal)
    said = bench.ok("verify", "--against", "HEAD").out
    assert "1 anchor in 2 commits of HEAD: 1 hold" in said
    assert f"{own(bench).stem}: as commit {first[:12]} names it up to event 1, 1 event since" in said


def test_a_squash_that_left_anchors_in_the_text(bench: Bench, goal: str) -> None:
    """Forges and rebases join messages: a line that is an anchor counts wherever it stands, prose does not."""
    commit(bench)
    bench.ok("mark", "plan", "--goal", goal)
    commit(bench, "-m", "More")
    quoted = git(bench, "log", "--format=* %B", "-2")
    text = f"Both (#1)\n\n{quoted}\nLedger-Head: as prose\n\nCo-authored-by: Bob <b@example.com>"
    alone = git(bench, "commit-tree", "-m", text, "HEAD^{tree}")
    code, told = verified(bench, alone)
    assert (code, [one["seq"] for one in told["against"]["anchors"]]) == (0, [1, 2])


def test_a_rebase_keeps_the_anchors(bench: Bench, goal: str) -> None:
    """Of commits that are only moved, and of those that become one by it."""
    commit(bench)
    base = git(bench, "rev-parse", "HEAD")
    for number in (1, 2):
        bench.ok("mark", f"stage{number}", "--goal", goal)
        (bench.repo / f"file{number}").write_text("x")
        git(bench, "add", ".")
        git(bench, "commit", "-q", "-m", f"Part {number}")
    before = heads(bench)
    git(bench, "checkout", "-q", "-b", "other", base)
    commit(bench, "-m", "Other\n\nNo-Task: none")
    git(bench, "rebase", "-q", "other", "main")
    assert heads(bench) == before
    git(bench, "-c", "sequence.editor=sed -i 2s/pick/squash/", "rebase", "-q", "-i", "HEAD~2")
    code, told = verified(bench, "HEAD~1..HEAD")
    assert (code, [one["seq"] for one in told["against"]["anchors"]]) == (0, [2, 3])


def test_commits_that_were_replaced_here_count_as_they_were_made(bench: Bench, goal: str) -> None:
    """A replacement and a graft hide nothing."""
    del goal
    first = commit(bench)
    second = commit(bench, "-m", "More\n\nNo-Task: none")
    bare = git(bench, "commit-tree", "-m", "Nothing to see", f"{first}^{{tree}}")
    git(bench, "replace", first, bare)
    (bench.repo / ".git" / "info" / "grafts").write_text(f"{second}\n")
    assert [one["commit"] for one in verified(bench)[1]["against"]["anchors"]] == [first]


def test_thousands_of_commits_are_one_question(bench: Bench, goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each anchor is seen, and git is asked as often as for one."""
    del goal
    commit(bench)
    asked: list[str] = []
    read = Git.read

    def counted(self: Git, *words: str, text: bytes | None = None) -> bytes | GitFault:
        asked.append(words[0])
        return read(self, *words, text=text)

    monkeypatch.setattr(Git, "read", counted)
    verified(bench)
    few = len(asked)
    head = git(bench, "rev-parse", "HEAD")
    stream = []
    for number in range(1, 4001):
        message = f"Part {number}\n\nLedger-Head: w-0000000a:{number}:{number:032x}\n"
        before = f"from {head}\n" if number == 1 else ""
        stream.append(
            f"commit refs/heads/many\ncommitter A <a@example.com> {number} +0000\n"
            f"data {len(message)}\n{message}{before}"
        )
    words = ("git", "fast-import", "--quiet")
    subprocess.run(words, cwd=bench.repo, input="\n".join(stream), text=True, check=True)
    asked.clear()
    code, told = verified(bench, "many")
    assert (code, len(told["against"]["anchors"]), len(asked)) == (1, 4001, few)
    assert [problem["code"] for problem in told["problems"]] == ["anchor-absent"]


def test_the_copy_that_a_commit_carries_shows_the_line(bench: Bench, goal: str) -> None:
    """Without any anchor too: the first line that is another one, or missing."""
    (bench.repo / "config" / "tallybook.toml").write_text('[ledger]\npublish = "metrics/events"\n')
    git(bench, "add", "config")
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
    (bench.repo / "config" / "tallybook.toml").unlink()
    assert verified(bench)[1]["problems"] == told["problems"], "what the commit says of its copy counts"
    blob = git(bench, "rev-parse", f"HEAD:metrics/events/{own(bench).name}")
    (bench.repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    code, told = verified(bench)
    assert (code, [problem["code"] for problem in told["problems"]]) == (1, ["published-unreadable"])
    tree = git(bench, "rev-parse", "HEAD:metrics")
    (bench.repo / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    code, told = verified(bench)
    assert (code, told["problems"][0]["code"]) == (1, "published-unreadable")


def test_a_range_and_a_trailer_that_is_none(bench: Bench, goal: str) -> None:
    """Only commits of the range count; junk proves nothing and is said."""
    first = commit(bench)
    commit(bench, "--no-verify", "-m", f"More\n\nTask: {goal}\nLedger-Head: w-1:two:three\nLedger-Head: \x1b[31m")
    code, told = verified(bench, f"{first}..HEAD")
    assert code == 1
    assert {problem["code"] for problem in told["problems"]} == {"anchor-unreadable"}
    assert len(told["problems"]) == 2
    assert "\x1b" not in bench.tally("verify", "--against", "HEAD").err


@pytest.mark.parametrize(
    ("revision", "code"),
    [
        ("nowhere", 1), ("--all", 2), ("", 2), ("HEAD..nowhere", 1), ("HEAD:README.md", 1), ("HEAD^{tree}", 1),
        ("^HEAD", 1), ("a b", 1), (":/nothing", 1), ("HEAD\n", 2),
    ],
)  # fmt: skip
def test_what_is_no_revision(bench: Bench, goal: str, revision: str, code: int) -> None:
    """A clear word; an option is never handed to git."""
    del goal
    said = bench.tally("verify", f"--against={revision}", "--json")
    assert (said.code, said.error) == (code, "bad-revision")


@pytest.mark.parametrize("revision", ["main", "v1", "signed", "HEAD...v1", "v1..HEAD", ":/Do it", "HEAD@{0}", "@"])
def test_what_names_commits(bench: Bench, goal: str, revision: str) -> None:
    """A branch, tags of both kinds, ranges, searches: whatever git takes."""
    del goal
    git(bench, "tag", "v1")
    git(bench, "tag", "-a", "-m", "One", "signed")
    commit(bench)
    assert verified(bench, revision)[0] == 0


def test_an_unborn_branch(bench: Bench, goal: str) -> None:
    """There is nothing to compare with, and that is said."""
    del goal
    git(bench, "checkout", "-q", "--orphan", "new")
    said = bench.tally("verify", "--against", "HEAD", "--json")
    assert (said.code, said.error) == (1, "bad-revision")


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
