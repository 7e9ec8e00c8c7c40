"""`tally check-commits`: what hooks would have refused is found afterwards, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commands.clones import Clone, git, tip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from commands.bench import Bench, Json

UNKNOWN = "g260101-zzzzzzzz"


class Work:
    """Commits past all hooks."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.number = bench, 0
        self.base = self.head

    @property
    def head(self) -> str:
        return self.bench.git("rev-parse", "HEAD")

    def commit(self, *paragraphs: str, name: str = "") -> str:
        """A commit of a file with this message; its id."""
        self.number += 1
        path = self.bench.repo / (name or f"file {self.number}")
        path.write_text(f"{self.number}\n")
        self.bench.git("add", "--", path.name)
        self.bench.git("commit", "-q", "-m", "\n\n".join(paragraphs))
        return self.head

    def check(self, *words: str, code: int | None = None) -> Json:
        """What is found in the commits since the base, with as many findings as the exit code tells."""
        said = self.bench.tally("check-commits", f"{self.base}..HEAD", *words, "--json")
        told = said.json
        assert told["schema"] == "tallybook.check-commits/1"
        assert said.code == bool(told["findings"]) if code is None else code
        broken = sum(one["commit"] is not None for one in told["findings"])
        assert told["commits"] == told["named"] + told["excused"] + told["own"] + broken
        return told

    def broken(self, *words: str) -> dict[str | None, str]:
        return {one["commit"]: one["code"] for one in self.check(*words)["findings"]}


@pytest.fixture
def work(bench: Bench) -> Work:
    return Work(bench)


def test_what_the_hook_lets_through_is_not_found(work: Work) -> None:
    """Goals that are open, closed or published; reasons; merges, squashes and reverts."""
    bench = work.bench
    goal = bench.start()
    taken_back = work.commit("Add one", f"Task: {goal}")
    bench.ok("finish-task", goal, "--status", "success")
    work.commit("Add two", f"task : {goal}\nReviewed-by: Ada")
    work.commit("Add three", "No-Task: release bookkeeping")
    bench.git("revert", "--no-edit", taken_back)
    bench.git("checkout", "-q", "-b", "side", "HEAD~1")
    work.commit("Add four", f"Task: {goal}")
    bench.git("checkout", "-q", "-")
    bench.git("merge", "-q", "--no-ff", "-m", "Join", "side")
    work.commit("Add all (#12)", f"* Add a\n\nTask: {goal}", "* Add b\n\nAnd more.")
    told = work.check()
    assert told["findings"] == []
    assert (told["commits"], told["named"], told["excused"], told["own"]) == (7, 4, 1, 2)
    assert told["remote"] is None


def test_every_bypassed_commit_is_found(work: Work) -> None:
    """In the order of git, each with what is wrong and how it is mended."""
    goal = work.bench.start()
    wanted = [
        (work.commit("Add one"), "no-task"),
        (work.commit("Add two", "No-Task:"), "no-reason"),
        (work.commit("Add three", f"Task: {UNKNOWN}"), "unknown-task"),
        (work.commit("Add four", f"Task: {goal}\nTask: {UNKNOWN}"), "unknown-task"),
        (work.commit("Add five", f"Task: {goal} and more"), "unknown-task"),
        (work.commit("Add six", "Task: a text\nthat goes on"), "no-task"),
        (work.commit('Revert "Add one"'), "no-task"),
        (work.commit("fixup! Add one"), "no-task"),
    ]
    assert list(work.broken().items()) == wanted[::-1]
    said = work.bench.tally("check-commits", f"{work.base}..HEAD")
    assert said.code == 1
    assert f"{wanted[0][0][:12]}: names no task: Add one" in said.out
    assert UNKNOWN in said.out
    assert "8 commits: 0 named, 0 with a reason for none, 0 made by git itself; 8 findings" in said.out


def test_who_only_says_to_revert_is_found(work: Work) -> None:
    """The commit must be behind it, and no other file touched."""
    goal = work.bench.start()
    one = work.commit("Add one", f"Task: {goal}", name="one")
    said = f"This reverts commit {one}."
    assert work.broken() == {}
    real = work.commit('Revert "Add one"', said, name="one")
    assert work.broken() == {}
    more = work.commit('Revert "Add one"', said, name="other")
    nothing = work.commit('Revert "nothing"', f"This reverts commit {'0' * 40}.", name="one")
    assert work.broken() == {more: "no-task", nothing: "no-task"}
    work.bench.git("commit", "-q", "--allow-empty", "-m", f"Empty\n\n{said}")
    assert set(work.broken()) == {more, nothing, work.head}
    assert real


def test_a_squash_of_several_reverts_is_gits_own(work: Work) -> None:
    """It touches files of what it takes back, of any of them, and all of these are behind it."""
    goal = work.bench.start()
    words = [f"This reverts commit {work.commit('Add', f'Task: {goal}', name=name)}." for name in ("one", "two")]
    for name in ("one", "two"):
        (work.bench.repo / name).write_text("as before\n")
    work.bench.git("commit", "-q", "-a", "-m", "Revert both (#3)", "-m", words[0], "-m", words[1])
    assert work.broken() == {}
    false = work.commit("Revert both (#4)", words[0], f"This reverts commit {'0' * 40}.", name="one")
    assert work.broken() == {false: "no-task"}


def test_a_pull_request_that_a_forge_takes_back(work: Work) -> None:
    """By its number, behind it, and no other file: GitLab names no commit then."""
    bench, goal = work.bench, work.bench.start()
    bench.git("checkout", "-q", "-b", "side")
    work.commit("Add one", f"Task: {goal}", name="one")
    bench.git("checkout", "-q", "-")
    work.commit("Add two", "No-Task: bookkeeping", name="two")
    bench.git("merge", "-q", "--no-ff", "-m", "Merge branch 'side' into 'main'\n\nSee merge request a/b!7", "side")
    said = ("Revert \"Merge branch 'side' into 'main'\"", "This reverts merge request !7")
    work.commit(*said, name="one")
    assert work.broken() == {}
    work.commit("Add (#8)", "No-Task: bookkeeping", name="three")
    work.commit('Revert "Add (#8)" (#9)', "Reverts o/r#8", name="three")
    assert work.broken() == {}
    other = work.commit(*said, name="two")
    unknown = work.commit('Revert "Add" (#10)', "Reverts o/r#11", name="one")
    itself = work.commit('Revert "Add" (#12)', "Reverts o/r#12", name="one")
    assert work.broken() == dict.fromkeys((other, unknown, itself), "no-task")


def test_tickets(work: Work) -> None:
    """A subject that begins with one will do, and a title has to."""
    (work.bench.repo / "config").mkdir()
    (work.bench.repo / "config" / "tallybook.toml").write_text('[hooks]\nticket = "[A-Z]+-[0-9]+: "\n')
    work.commit("ABC-12: add one")
    late = work.commit("Add two, see ABC-12: there")
    assert work.broken("--title", "ABC-13: add both") == {late: "no-task"}
    assert work.broken("--title", "Add both") == {None: "no-task", late: "no-task"}


@pytest.mark.parametrize(
    ("title", "code"),
    [
        ("Add a parser", None),
        (" \t ", "title-empty"),
        ("x" * 201, "title-long"),
        ("x" * 200, None),
        ("Add\x1b[31m red", "title-control"),
        ("Add \u202e red", "title-control"),
        ("two\nlines", "title-control"),
        ("fixup! Add it", "title-unready"),
        ("Überprüfe 数える", None),
    ],
)
def test_titles(bench: Bench, title: str, code: str | None) -> None:
    """One visible line, ready to be merged; a terminal gets nothing that it would obey."""
    said = bench.tally("check-commits", "--title", title, "--json")
    assert [one["code"] for one in said.json["findings"]] == ([] if code is None else [code])
    assert said.code == (code is not None)
    assert "\x1b" not in bench.tally("check-commits", "--title", title).out


def test_the_text_of_a_pull_request(bench: Bench, tmp_path: Path) -> None:
    """Its trailers name the goal of the commit that it becomes."""
    goal, body = bench.start(), tmp_path / "body.md"
    for text, code in (
        (f"What it does.\r\n\r\nTask: {goal}\r\n", None),
        ("No-Task: bookkeeping", None),
        ("What it does.", "no-task"),
        ("", "no-task"),
        (f"Task: {UNKNOWN}", "unknown-task"),
        ("No-Task:", "no-reason"),
    ):
        body.write_bytes(text.encode())
        told = bench.tally("check-commits", "--title", "Add it", "--body", str(body), "--json").json
        assert [one["code"] for one in told["findings"]] == ([] if code is None else [code]), text
    said = bench.tally("check-commits", "--title", "Add it", "--body", str(tmp_path / "none.md"))
    assert (said.code, "none.md" in said.err) == (1, True)


def test_goals_of_the_copy_in_the_commits_are_known(work: Work) -> None:
    """Also where another commit is checked out."""
    bench = work.bench
    bench.ok("init", "--publish", "metrics/events")
    goal = bench.start()
    (file,) = bench.ledger.glob("*.ndjson")
    copy = bench.repo / "metrics" / "events"
    copy.mkdir(parents=True)
    (copy / file.name).write_bytes(file.read_bytes() + b"no line\n")
    bench.git("add", "config", "metrics")
    work.commit("Add one", f"Task: {goal}")
    end = work.head
    bench.git("checkout", "-q", "--detach", work.base)
    file.unlink()
    said = bench.tally("check-commits", f"{work.base}..{end}", "--json")
    assert (said.code, said.json["named"]) == (0, 1)


def test_goals_are_fetched_and_not_taken(clone: Callable[..., Clone], remote: Path) -> None:
    """The ledger here and on the remote stay as they are; a remote that is away is said."""
    one, two = clone("one"), clone("two")
    goal = one.begin("mine")
    one.sync()
    git("commit", "-q", "--allow-empty", "-m", f"Add it\n\nTask: {goal}", cwd=two.path)
    before, there = two.files, tip(remote)
    assert two.tally("check-commits", "HEAD~1..HEAD").code == 1
    told = two.ok("check-commits", "HEAD~1..HEAD", "--fetch", "--json").json
    assert (told["named"], told["remote"], told["problems"]) == (1, "origin", [])
    assert (two.files, tip(remote)) == (before, there)
    (two.path / "config").mkdir()
    (two.path / "config" / "tallybook.toml").write_text("[ledger]\nsync = true\n")
    assert two.ok("check-commits", "HEAD~1..HEAD").code == 0
    assert two.tally("check-commits", "HEAD~1..HEAD", "--no-fetch").code == 1
    git("remote", "set-url", "origin", str(remote.parent / "nowhere"), cwd=two.path)
    away = two.tally("check-commits", "HEAD~1..HEAD", "--json")
    assert (away.code, [one["code"] for one in away.json["problems"]]) == (1, ["sync-failed"])
    git("remote", "remove", "origin", cwd=two.path)
    assert [one["code"] for one in two.tally("check-commits", "HEAD", "--json").json["problems"]] == ["no-remote"]


def test_a_shallow_clone_is_said_to_be_one(work: Work, tmp_path: Path) -> None:
    """What is not there can't be judged."""
    work.commit("Add one", "No-Task: a trial")
    work.bench.git("clone", "-q", "--depth", "1", f"file://{work.bench.repo}", str(tmp_path / "shallow"))
    told = work.bench.ok("check-commits", "HEAD", "--json", cwd=tmp_path / "shallow").json
    assert [one["code"] for one in told["problems"]] == ["shallow"]
    refused = work.bench.refused("check-commits", f"{work.base}..HEAD", cwd=tmp_path / "shallow")
    assert refused == "bad-revision"


def test_bad_questions(bench: Bench, tmp_path: Path) -> None:
    """Each is refused with a code."""
    assert bench.misused("check-commits") == "nothing-asked"
    assert bench.misused("check-commits", "a\nb") == "bad-revision"
    assert bench.refused("check-commits", "no-such..HEAD") == "bad-revision"
    assert bench.refused("check-commits", "HEAD^{tree}") == "bad-revision"
    bench.go(tmp_path)
    assert bench.refused("check-commits", "HEAD") == "no-work-tree"


def test_hostile_messages(work: Work) -> None:
    """Bytes that are no text, separators and control characters neither hide a commit nor reach the terminal."""
    goal = work.bench.start()
    bad = work.commit("Add \x1b[31mred\x1e\x1f, \u202eone")
    work.commit("Add two", f"Task: {goal}")
    (work.bench.repo / "message").write_bytes(b"Add \xff\xfe three\n\nTask: \x1e" + goal.encode())
    work.bench.git("-c", "i18n.commitEncoding=latin1", "commit", "-q", "--allow-empty", "-F", "message")
    strange = work.head
    assert work.broken() == {strange: "unknown-task", bad: "no-task"}
    said = work.bench.tally("check-commits", f"{work.base}..HEAD")
    assert not {"\x1b", "\x1e", "\x1f", "\u202e"} & set(said.out + said.err)
