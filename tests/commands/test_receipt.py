"""`tally receipt`: what a range or a pull request cost, as Markdown that nobody's title can break."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from commands.agents import ClaudeAgent, CodexAgent

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench, Json

HOSTILE = "Add | a `shelf` <img src=x onerror=alert(1)> [x](javascript:1) **b** \u202e\n# no @team #12 --> &amp;"


class Work:
    """Goals that an agent works on, and the commits that name them."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.agent, self.number = bench, CodexAgent(bench, 1), 0
        bench.git("branch", "-M", "main")
        bench.git("checkout", "-q", "-b", "feature")

    def goal(self, title: str = "Add a shelf", *more: str, status: str = "success") -> str:
        """A goal with a stage and two responses."""
        environ = self.agent.environ
        goal = self.bench.start(title.replace("\n", " "), *more, **environ)
        self.agent.say()
        self.bench.ok("mark", "plan", "--goal", goal, **environ)
        self.agent.say()
        reason = ("--failure-reason", "other") if status == "fail" else ()
        self.bench.ok("finish-task", goal, "--status", status, *reason, **environ)
        return goal

    def commit(self, *paragraphs: str) -> str:
        """A commit with this message; its id."""
        self.number += 1
        (self.bench.repo / f"file {self.number}").write_text("x\n")
        self.bench.git("add", "-A")
        self.bench.git("commit", "-q", "-m", "\n\n".join(paragraphs))
        return self.bench.git("rev-parse", "HEAD")

    def told(self, *words: str) -> Json:
        found = self.bench.ok("receipt", *words, "--json").json
        assert found["schema"] == "tallybook.receipt/1"
        return found


@pytest.fixture
def work(bench: Bench) -> Work:
    return Work(bench)


def tables(text: str) -> list[list[str]]:
    """The cells of every row of the tables, as Markdown reads them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    rows: list[list[str]] = []
    for before, token in itertools.pairwise(tokens):
        if before.type == "tr_open":
            rows.append([])
        if token.type == "inline" and before.type in {"th_open", "td_open"}:
            rows[-1].append("".join(part.content for part in token.children or ()))
    return rows


def test_what_a_change_cost(work: Work) -> None:
    """Each goal that it names, once, with stages, failed attempts, sessions and money; sums are those of the goals."""
    bench = work.bench
    outside = work.goal("Not of it")
    one, two = work.goal("Add a shelf"), work.goal("And a failure", status="fail")
    work.commit("Add it", f"Task: {one}")
    work.commit("Add more", f"Task: {one}\nTask: {two}")
    bare = work.commit("Add without")
    work.commit("Add the rest", "No-Task: bookkeeping")
    told = work.told("main..feature")
    assert [goal["id"] for goal in told["goals"]] == [one, two]
    shown = {goal: bench.shown(goal) for goal in (one, two, outside)}
    assert told["tokens"]["total"] == sum(shown[goal]["tokens"]["total"] for goal in (one, two))
    assert told["cost"]["nano_usd"] == sum(shown[goal]["cost"]["nano_usd"] for goal in (one, two))
    assert (told["commits"], told["nameless"]) == (4, [bare])
    assert [goal["failed_attempts"] for goal in told["goals"]] == [0, 1]
    for goal in told["goals"]:
        assert goal["cost"] == shown[goal["id"]]["cost"]
        assert sum(stage["tokens"]["total"] for stage in goal["stages"]) == goal["tokens"]["total"]
    text = bench.ok("receipt").out
    assert text == told["markdown"].replace("main..feature", "main..HEAD")
    assert text == bench.ok("receipt", "main..HEAD").out
    assert text.startswith("<!-- tallybook receipt -->\n### What main..HEAD cost\n")
    rows = tables(text)
    assert rows[0] == [
        "goal",
        "status",
        "attempts",
        "input",
        "cache read",
        "cache write",
        "output",
        "total",
        "USD",
        "quality",
    ]
    assert rows[1][0] == f"Add a shelf ({one})"
    assert rows[2][:3] == [f"And a failure ({two})", "fail", "1 (1 failed)"]
    assert rows[3][0].endswith("all")
    assert rows[3][7] == f"{told['tokens']['total']:,}"
    assert rows[4] == ["goal", "stage", "tokens", "USD", "quality"]
    assert [row[:2] for row in rows[5:7]] == [[one, "plan"], [one, "(after the last)"]]
    assert f"without a goal: {bare[:12]}" in text
    assert "sessions: 1 (codex)" in text
    assert "prices of genai-prices" in text


def test_a_pull_request(work: Work) -> None:
    """By the number that the forge has put into its squash or its merge, or that a goal refers to."""
    bench = work.bench
    squashed, merged, referred = (
        work.goal("squashed"),
        work.goal("merged"),
        work.goal("referred", "--ref", "https://example.com/o/r/pull/7"),
    )
    work.commit("Merged work", f"Task: {merged}")
    bench.git("checkout", "-q", "main")
    work.commit("Add a shelf (#7)", f"* one\n\nTask: {squashed}", "* two")
    bench.git("merge", "-q", "--no-ff", "-m", "Merge pull request #8 from me/feature\n\nMerged work", "feature")
    work.commit("Not of it (#77)", "No-Task: another")
    assert {goal["id"] for goal in work.told("#7")["goals"]} == {squashed, referred}
    assert {goal["id"] for goal in work.told("8")["goals"]} == {merged}
    assert work.told("8")["change"] == "#8"
    assert work.told("#9")["goals"] == []
    said = bench.ok("receipt", "#9")
    assert "No goal of the ledger is named by it." in said.out
    assert "no commit and no goal here belongs to #9" in said.err


def test_goals_that_the_ledger_lacks_are_told(work: Work) -> None:
    """As in a job whose clone has no ledger: it is not told that there was nothing to tell."""
    goal = work.goal()
    work.commit("Add it", f"Task: {goal}\nTask: g260101-aaaaaaaa")
    work.commit("Add more", "Task: | @team " + "x" * 60 + "\nTask: not-there")
    told = work.told()
    assert told["unknown"] == ["g260101-aaaaaaaa", "not-there", "| @team " + "x" * 60]
    assert [problem["code"] for problem in told["problems"]] == ["unknown-goals"]
    assert "- goals that the ledger does not have: g260101-aaaaaaaa, not-there, " in told["markdown"]
    assert "x" * 41 not in told["markdown"]
    for name in range(12):
        work.commit("Add", f"Task: lost-{name}")
    assert ", and 5 more\n" in work.told()["markdown"]


def test_commits_that_need_no_goal_are_not_missed(work: Work) -> None:
    """One that the ledger links to a goal, a revert, and one with a reason."""
    bench = work.bench
    goal = work.goal()
    first = work.commit("Add it", f"Task: {goal}")
    bench.git("checkout", "-q", "-b", "again", "main")
    bench.git("cherry-pick", "--no-commit", first)
    bench.git("commit", "-q", "-m", "Add it again")
    picked = bench.git("rev-parse", "HEAD")
    work.commit("Tidy", "No-Task: bookkeeping")
    bench.git("revert", "--no-edit", "HEAD")
    assert work.told("main..again")["nameless"] == [picked]
    assert work.told("main..again")["goals"] == []
    bench.ok("cost", "--repair", "--apply")
    told = work.told("main..again")
    assert (told["nameless"], [one["id"] for one in told["goals"]], told["commits"]) == ([], [goal], 3)


def test_budgets_are_checked(work: Work) -> None:
    """Exit 1 where one is exceeded, and the receipt says which."""
    bench = work.bench
    goal = work.goal("Over", "--budget-tokens", "10", "--budget-usd", "100")
    work.commit("Add it", f"Task: {goal}")
    assert bench.ok("receipt").code == 0
    said = bench.tally("receipt", "--check")
    assert (said.code, goal in said.err) == (1, True)
    assert "**exceeded**" in said.out
    assert "of 100.00 USD" in said.out
    assert work.told()["exceeded"] == [goal]
    fine = work.goal("Under", "--budget-tokens", "10000000")
    work.commit("Add more", f"Task: {fine}")
    assert bench.ok("receipt", "HEAD~1..HEAD", "--check").code == 0


def test_a_forge_takes_it_in_one_comment(work: Work) -> None:
    """However many goals and however long their titles are; sums are those of all, and JSON has every one."""
    bench = work.bench
    goals = [bench.start("@" * 1900, "--untracked", "--budget-tokens", "1") for _ in range(60)]
    for goal in goals:
        bench.ok("finish-task", goal, "--status", "success", "--tokens-input", "5")
    work.commit("Add it", "\n".join(f"Task: {goal}" for goal in goals))
    told = work.told()
    text = told["markdown"]
    assert 5_000 < len(text) <= 60_000 < len(text) * 4
    rows = tables(text)
    shown = len(rows) - 3
    assert rows[-2][0] == f"and {60 - shown} more"
    assert rows[-1][7] == "300"
    assert len(told["goals"]) == len(told["exceeded"]) == 60
    assert ", and 50 more" in text
    assert {len(row) for row in rows} == {10}


def test_hostile_words_stay_words(work: Work) -> None:
    """Of titles, stages, branches and models nothing becomes a link, markup, another cell or line."""
    bench = work.bench
    bench.git("checkout", "-q", "-b", "a|b`<b>&#64;x@y")
    goal = work.goal(HOSTILE)
    bench.ok("finish-task", bench.start("untracked", "--untracked"), "--status", "success")
    agent = ClaudeAgent(bench, 2)
    other = bench.start("Of | another", **agent.environ)
    agent.say()
    bench.ok("mark", "a | b <i>", "--goal", other, **agent.environ)
    bench.ok("finish-task", other, "--status", "success", **agent.environ)
    work.commit("Add it", f"Task: {goal}\nTask: {other}")
    text = bench.ok("receipt", "main..a|b`<b>&#64;x@y").out
    rows = tables(text)
    assert len(rows[1]) == len(rows[0])
    assert {len(row) for row in rows} == {10, 5}
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert re.findall(r"<(?!/?(?:h3|table|thead|tbody|tr|t[hd]|strong|ul|li|p|!--))", html) == []
    assert "\u202e" not in text
    assert "@team" not in text.replace("\\@team", "")


def test_it_is_written_to_a_file(work: Work, tmp_path: Path) -> None:
    """Again the same bytes."""
    goal = work.goal()
    work.commit("Add it", f"Task: {goal}")
    path = tmp_path / "receipt.md"
    said = work.bench.ok("receipt", "--output", str(path))
    assert (said.out, "written" in said.err) == ("", True)
    first = path.read_bytes()
    assert "unchanged" in work.bench.ok("receipt", "-o", str(path)).err
    assert path.read_bytes() == first


def test_questions_that_have_no_answer(work: Work, tmp_path: Path) -> None:
    """Each is refused with a code; a shallow clone is said to be one."""
    bench = work.bench
    assert bench.refused("receipt", "no-such..HEAD") == "bad-revision"
    assert bench.misused("receipt", "a\nb") == "bad-revision"
    assert bench.refused("receipt", "HEAD^{tree}") == "bad-revision"
    bench.git("clone", "-q", "--depth", "1", f"file://{bench.repo}", str(tmp_path / "shallow"))
    problems = bench.ok("receipt", "HEAD", "--json", cwd=tmp_path / "shallow").json["problems"]
    assert "shallow" in {problem["code"] for problem in problems}
    bench.git("init", "-q", str(tmp_path / "new"))
    assert bench.ok("receipt", "--json", cwd=tmp_path / "new").json["commits"] == 0
    bench.go(tmp_path)
    assert bench.refused("receipt") == "no-work-tree"
