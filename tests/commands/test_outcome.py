"""`tally outcome`: merged, reverted, abandoned, and what an accepted goal costs with all of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from commands.agents import CodexAgent

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench, Json


class Work:
    """Goals and the commits that name them."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.number = bench, 0
        bench.git("branch", "-M", "main")

    def commit(self, goal: str | None, *more: str, name: str = "", date: str = "") -> str:
        """A commit that names the goal; its id."""
        self.number += 1
        path = self.bench.repo / (name or f"file {self.number}")
        path.write_text(f"{self.number}\n")
        self.bench.git("add", "--", path.name)
        words = (f"Work {self.number}", *more, *([f"Task: {goal}"] if goal else []))
        at = (f"--date={date}",) if date else ()
        self.bench.git("commit", "-q", *at, "-m", "\n\n".join(words))
        return self.bench.git("rev-parse", "HEAD")

    def goal(self, title: str, tokens: int | None = None, status: str = "success") -> str:
        """A finished goal that used so many tokens."""
        goal = self.bench.start(title, "--untracked")
        by_hand = () if tokens is None else ("--tokens-input", str(tokens))
        reason = ("--failure-reason", "other") if status == "fail" else ()
        self.bench.ok("finish-task", goal, "--status", status, *reason, *by_hand)
        return goal

    def side(self, name: str) -> None:
        self.bench.git("checkout", "-q", "-b", name, "main")

    def main(self) -> None:
        self.bench.git("checkout", "-q", "main")

    def told(self, *words: str) -> Json:
        found = self.bench.ok("outcome", *words, "--json").json
        assert found["schema"] == "tallybook.outcome/1"
        assert sum(found["counts"].values()) == len(found["goals"])
        return found

    def outcomes(self, *words: str) -> dict[str, str]:
        return {one["title"]: one["outcome"] for one in self.told(*words)["goals"]}


@pytest.fixture
def work(bench: Bench) -> Work:
    return Work(bench)


def test_what_became_of_each(work: Work) -> None:
    """With merges, squashes, rebases, reverts, branches that nobody merged, and goals without commits."""
    bench = work.bench
    straight, merged, squashed, rebased = (work.goal(name, 100) for name in ("straight", "merged", "squash", "rebased"))
    taken, again, waiting = (work.goal(name, 50) for name in ("taken back", "and again", "waiting"))
    failed, nothing = work.goal("failed", 30, "fail"), work.goal("nothing")
    work.commit(straight)
    work.side("feature")
    work.commit(merged)
    work.main()
    bench.git("merge", "-q", "--no-ff", "-m", "Join", "feature")
    work.commit(None, f"* Add a\n\nTask: {squashed}", "* Add b")
    work.side("moved")
    work.commit(rebased)
    work.main()
    first, second = work.commit(taken, name="one"), work.commit(again, name="two")
    bench.git("revert", "--no-edit", first)
    bench.git("revert", "--no-edit", second)
    bench.git("revert", "--no-edit", "HEAD")
    bench.git("rebase", "-q", "main", "moved")
    work.main()
    bench.git("merge", "-q", "--ff-only", "moved")
    work.side("elsewhere")
    work.commit(waiting)
    work.commit(failed)
    work.main()
    told = work.told()
    assert work.outcomes() == {
        **dict.fromkeys(("straight", "merged", "squash", "rebased", "and again"), "merged"),
        "taken back": "reverted",
        "waiting": "open",
        "failed": "abandoned",
        "nothing": "no-commits",
    }
    assert told["main"] == "main"
    assert told["tokens"] == {
        "accepted": 5, "known": 5, "spent": 580, "per_accepted": 116, "median": 100, "p90": 100,
    }  # fmt: skip
    assert told["counts"] == {"merged": 5, "reverted": 1, "open": 1, "abandoned": 1, "no-commits": 1}
    (one,) = (one for one in told["goals"] if one["id"] == taken)
    assert one["commits"] == [{"id": first, "on_main": True, "reverted": True}]
    said = bench.ok("outcome").out
    assert "tokens: 580 for all, 116 for each of 5 accepted; median 100, p90 100 (n 5)" in said
    assert "9 goals beside main: 5 merged, 1 reverted, 1 open, 1 abandoned, 1 no-commits" in said
    assert nothing in said


def test_a_merge_that_is_taken_back(work: Work) -> None:
    """Takes all with it that it had brought, and no more."""
    before, brought = work.goal("before"), work.goal("brought")
    work.commit(before)
    work.side("feature")
    work.commit(brought)
    work.commit(brought)
    work.main()
    work.commit(before)
    work.bench.git("merge", "-q", "--no-ff", "-m", "Join", "feature")
    work.bench.git("revert", "--no-edit", "-m", "1", "HEAD")
    assert work.outcomes() == {"before": "merged", "brought": "reverted"}


@pytest.mark.parametrize(
    ("merge", "revert"),
    [
        ("Join (#7)", ('Revert "Join (#7)" (#8)', "Reverts o/r#7")),
        ("Merge pull request #7 from o/side", ('Revert "Join" (#8)', "Reverts o/r.s#7\r")),
        (
            "Merge branch 'side'\n\nSee merge request g/p!7",
            ("Revert \"Merge branch 'side'\"", "This reverts merge request !7"),
        ),
        ("Merge branch 'side'\n\nSee merge request g/p!7", ('Revert "x"', "This reverts merge request g/p!7")),
    ],
)
def test_a_pull_request_that_is_taken_back(work: Work, merge: str, revert: tuple[str, str]) -> None:
    """In the words of forges, which name its number; what comes after the revert stands, under that number too."""
    before, brought, after = work.goal("before"), work.goal("brought"), work.goal("after")
    work.commit(before)
    work.side("side")
    work.commit(brought)
    work.main()
    work.commit(before)
    work.bench.git("merge", "-q", "--no-ff", "-m", merge, "side")
    subject, body = revert
    work.bench.git("commit", "-q", "--allow-empty", "-m", f"Talk of {subject}", "-m", body)
    assert work.outcomes()["brought"] == "merged"
    work.bench.git("commit", "-q", "--allow-empty", "-m", subject, "-m", body)
    work.bench.git("commit", "-q", "--allow-empty", "-m", "Join again (#7)", "-m", f"Task: {after}")
    assert work.outcomes() == {"before": "merged", "brought": "reverted", "after": "merged"}


def test_a_squash_of_several_reverts(work: Work) -> None:
    """Takes back all that it names, until it is taken back itself."""
    one, two = work.goal("one"), work.goal("two")
    words = [f"This reverts commit {work.commit(goal)}." for goal in (one, two)]
    work.commit(None, f"* Revert one\n\n{words[0]}\n\n* Revert two\n\n  {words[1]}")
    assert set(work.outcomes().values()) == {"reverted"}
    work.bench.git("revert", "--no-edit", "HEAD")
    assert set(work.outcomes().values()) == {"merged"}


def test_goals_that_were_merged_count_as_one(work: Work) -> None:
    """A commit of either will do."""
    kept, dropped = work.bench.start("kept", "--untracked"), work.bench.start("dropped", "--untracked")
    work.commit(dropped)
    work.bench.ok("merge-tasks", "--keep", kept, "--drop", dropped)
    assert work.outcomes() == {"kept": "merged"}


def test_long_without_a_commit(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody merged for so many days is given up."""
    goal = work.goal("old")
    work.side("feature")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-05T10:00:00Z")
    work.commit(goal)
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    work.main()
    assert work.outcomes() == {"old": "abandoned"}
    assert work.outcomes("--stale-days", "100000") == {"old": "open"}


def test_the_main_line(work: Work, tmp_path: Path) -> None:
    """It is named, or the remote's, or one with a usual name, or HEAD; what is on it here or there counts."""
    bench = work.bench
    goal = work.goal("one")
    work.commit(goal)
    bench.git("branch", "-m", "main", "odd")
    assert work.told()["main"] == "HEAD"
    bench.git("branch", "master", "HEAD~1")
    assert (work.told()["main"], work.outcomes()) == ("master", {"one": "open"})
    assert work.outcomes("--main", "odd") == {"one": "merged"}
    bench.git("clone", "-q", "--bare", str(bench.repo), str(tmp_path / "remote"))
    bench.git("remote", "add", "origin", str(tmp_path / "remote"))
    bench.git("fetch", "-q", "origin")
    bench.git("remote", "set-head", "origin", "odd")
    assert (work.told()["main"], work.outcomes()) == ("odd", {"one": "merged"})
    bench.git("checkout", "-q", "--detach")
    bench.git("branch", "-f", "odd", "HEAD~1")
    assert work.outcomes() == {"one": "merged"}


def test_money_of_what_was_measured(work: Work) -> None:
    """Of two accepted goals each; a failed one stays in the sum."""
    bench = work.bench
    agent = CodexAgent(bench, 1)
    spent = []
    for title, status in (("one", "success"), ("two", "success"), ("three", "fail")):
        goal = bench.start(title, **agent.environ)
        agent.say()
        reason = ("--failure-reason", "other") if status == "fail" else ()
        bench.ok("finish-task", goal, "--status", status, *reason, **agent.environ)
        work.commit(None if status == "fail" else goal)
        spent.append(bench.shown(goal)["tokens"]["total"])
    told = work.told()
    assert told["tokens"]["spent"] == sum(spent) == sum(one["tokens"] for one in told["goals"])
    assert told["nano_usd"]["spent"] == sum(one["cost"]["nano_usd"] for one in told["goals"])
    money = told["nano_usd"]
    assert (money["accepted"], money["known"]) == (2, 2)
    assert all(type(money[name]) is int and money[name] > 0 for name in ("spent", "per_accepted", "median", "p90"))
    assert abs(money["per_accepted"] * 2 - money["spent"]) <= 1
    assert told["book"].startswith("genai-prices ")


def test_questions(work: Work, tmp_path: Path) -> None:
    """Goals are chosen by kind and time; bad questions are refused."""
    bench = work.bench
    work.goal("one")
    bench.ok("finish-task", bench.start("two", "--untracked", kind="meta"), "--status", "success")
    assert set(work.outcomes("--kind", "meta")) == {"two"}
    assert set(work.outcomes("--until", "2026-01-01")) == set()
    assert bench.misused("outcome", "--kind", "play") == "unknown-kind"
    assert bench.misused("outcome", "--main", "a\nb") == "bad-revision"
    assert bench.refused("outcome", "--main", "no-such") == "bad-revision"
    assert bench.misused("outcome", "--since", "soon") == "unreadable-date"
    assert bench.tally("outcome", "--stale-days", "0").code == 2
    bench.git("clone", "-q", "--depth", "1", f"file://{bench.repo}", str(tmp_path / "shallow"))
    (problem,) = bench.ok("outcome", "--json", cwd=tmp_path / "shallow").json["problems"]
    assert problem["code"] == "shallow"
    bench.go(tmp_path)
    assert bench.refused("outcome") == "no-work-tree"


def test_before_the_first_commit(bench: Bench, tmp_path: Path) -> None:
    """There is a goal, and nothing else."""
    bench.git("init", "-q", str(tmp_path / "new"))
    bench.go(tmp_path / "new")
    bench.start("one", "--untracked")
    told = bench.ok("outcome", "--json").json
    assert [one["outcome"] for one in told["goals"]] == ["no-commits"]
    assert told["tokens"] == dict.fromkeys(("spent", "per_accepted", "median", "p90")) | {"accepted": 0, "known": 0}
    assert "tokens: nothing is known" in bench.ok("outcome").out


def test_hostile_titles(work: Work) -> None:
    """Nothing that a terminal obeys is shown."""
    goal = work.goal("Red \u202e \u2066one")
    work.commit(goal)
    assert re.search("[\x1b\u202e\u2066]", work.bench.ok("outcome").out) is None
