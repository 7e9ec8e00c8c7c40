"""`tally cost`: rows by goal, commit, branch and reference that add up to all that was used."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent
from gitrepo import counted_calls
from ledger.ledgers import append
from tallybook.clock import SystemClock, SystemIds
from tallybook.domain.events import GoalLinked, NewEvent
from tallybook.ledger.store import Ledger, LedgerPlace

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench, Json

WAYS = ("goal", "commit", "branch", "pr", "ref")


def told(bench: Bench, by: str) -> dict[str | None, Json]:
    """The rows by their keys, what belongs to nothing by its kind; they must add up to the total."""
    found = bench.ok("cost", "--by", by, "--json").json
    assert found["schema"] == "tallybook.cost/1"
    rows = found["rows"]
    whole = found["total"]["tokens"]
    for name in whole or ():
        assert sum(row["tokens"][name] for row in rows if row["tokens"]) == whole[name]
    keyed = {row["key"][by] or f"({row['part']})": row for row in rows}
    assert len(keyed) == len(rows)
    return keyed


def used(rows: dict[str | None, Json]) -> dict[str | None, int | None]:
    return {key: row["tokens"] and row["tokens"]["total"] for key, row in rows.items()}


def goal(bench: Bench, tokens: int, *more: str, status: str = "success") -> str:
    """A finished goal that used so many tokens."""
    found = bench.start(f"of {tokens}", "--untracked", *more)
    reason = ("--failure-reason", "other") if status == "fail" else ()
    bench.ok("finish-task", found, "--status", status, *reason, "--tokens-input", str(tokens))
    return found


def commit(bench: Bench, name: str, *words: str) -> str:
    """A commit of one file that says so; its id."""
    (bench.repo / name).write_text(name)
    bench.git("add", "--", name)
    bench.git("commit", "-q", "-m", "\n\n".join((f"Write {name}", *words)))
    return bench.git("rev-parse", "HEAD")


def test_rows_add_up_to_what_was_logged(bench: Bench, tmp_path: Path) -> None:
    """Whatever the rows are: goals, what was used between them, and sessions that no goal knows, elsewhere."""
    one = ClaudeAgent(bench, 1)
    bench.go(tmp_path)
    other = ClaudeAgent(bench, 2)
    bench.go(bench.repo)
    one.say()
    first = bench.start("first", **one.environ)
    one.say()
    bench.ok("finish-task", first, "--status", "success", **one.environ)
    one.say()
    bench.start("second", **one.environ)
    other.say()
    whole = bench.ok("usage", "--json").json["total"]["tokens"]
    for by in WAYS:
        found = told(bench, by)
        assert bench.ok("cost", "--by", by, "--json").json["total"]["tokens"] == whole
        assert {"(remainder)", "(unattributed)"} <= found.keys()
        assert found["(unattributed)"]["cost"]["nano_usd"] is None
        assert "tally usage" in found["(unattributed)"]["cost"]["reason"]
    shown = bench.ok("show", first, "--json").json["goal"]
    row = told(bench, "goal")[first]
    assert (row["tokens"], row["cost"], row["confidence"]) == (shown["tokens"], shown["cost"], "declared")


def test_commits_after_rebase_squash_and_pick(bench: Bench) -> None:
    """What is on the main line takes all of a goal; what was left on branches takes nothing more."""
    bench.git("branch", "-M", "main")
    ids = [goal(bench, tokens) for tokens in (100, 70, 30, 5)]
    squashed, rebased, picked, alone = ids
    bench.git("checkout", "-q", "-b", "squash")
    for name in ("a", "b"):
        commit(bench, name, f"Task: {squashed}")
    bench.git("checkout", "-q", "-b", "rebase", "main")
    commit(bench, "c", f"Task: {rebased}")
    bench.git("checkout", "-q", "-b", "pick", "main")
    commit(bench, "d", f"Task: {picked}")
    bench.git("checkout", "-q", "main")
    bench.git("merge", "-q", "--squash", "squash")
    bench.git(
        "commit", "-q", "-m", f"Shelves (#7)\n\n* Write a\n\n  Task: {squashed}\n\n* Write b\n\n  Task: {squashed}"
    )
    on_main = [bench.git("rev-parse", "HEAD")]
    bench.git("checkout", "-q", "rebase")
    bench.git("rebase", "-q", "main")
    bench.git("checkout", "-q", "main")
    bench.git("merge", "-q", "--ff-only", "rebase")
    on_main.append(bench.git("rev-parse", "HEAD"))
    bench.git("cherry-pick", "pick")
    on_main.append(bench.git("rev-parse", "HEAD"))
    found = told(bench, "commit")
    assert used(found) == {on_main[0]: 100, on_main[1]: 70, on_main[2]: 30, "(unlinked)": 5}
    assert found["(unlinked)"]["goals"] == [alone]
    assert {row["confidence"] for key, row in found.items() if key != "(unlinked)"} == {"trailer"}


def test_several_commits_share_and_failed_and_reverted_work_stays(bench: Bench) -> None:
    """A goal is split evenly over its commits; numbers given by hand are no surer for that."""
    bench.git("branch", "-M", "main")
    failed, good = goal(bench, 11, status="fail"), goal(bench, 4)
    first, second = (commit(bench, name, f"Task: {failed}") for name in ("a", "b"))
    third = commit(bench, "c", f"Task: {good}")
    bench.git("revert", "--no-edit", second)
    found = told(bench, "commit")
    assert sorted(used(found)[one] or 0 for one in (first, second)) == [5, 6]
    assert used(found)[third] == 4
    assert len(found) == 3
    assert found[first]["quality"] == "unverified"


def test_branches_and_references(bench: Bench) -> None:
    """The branch is the one on which a goal began; a reference was given; merged goals count with the kept one."""
    bench.git("checkout", "-q", "-b", "feature/a")
    kept, dropped = goal(bench, 10, "--ref", "ABC-1"), goal(bench, 20, "--ref", "ABC-2")
    nothing = bench.start("never measured", "--untracked", "--ref", "ABC-3")
    bench.ok("merge-tasks", "--keep", kept, "--drop", dropped)
    branches = told(bench, "branch")
    assert used(branches) == {"feature/a": 30}
    assert branches["feature/a"]["confidence"] == "inferred"
    refs = told(bench, "ref")
    assert used(refs) == {"ABC-1": 15, "ABC-2": 15, "ABC-3": None}
    assert refs["ABC-3"]["goals"] == [nothing]
    assert refs["ABC-3"]["cost"]["nano_usd"] is None


def test_a_table_that_nothing_breaks_out_of(bench: Bench) -> None:
    """Names of branches come from git, which lets much through."""
    bench.git("checkout", "-q", "-b", "x\u202egnp\u2028|<b>")
    goal(bench, 1_234)
    said = bench.ok("cost", "--by", "branch")
    head, row, last = said.out.split("\n")[:3]
    assert head == "branch\tgoals\ttokens\tUSD\tquality\tconfidence"
    assert re.search(r"\t1\t1,234\t—\t", row)
    assert not {"\u202e", "\u2028"}.intersection(said.out)
    assert last.startswith("all rows: 1,234 tokens")


def test_places_without_commits(bench: Bench, tmp_path: Path) -> None:
    """Commits need a repository, goals don't; a shallow clone says that it is one; nothing at all is no fault."""
    assert told(bench, "goal") == {}
    outside = tmp_path / "outside"
    outside.mkdir()
    bench.ok("cost", cwd=outside)
    assert bench.refused("cost", "--by", "commit", cwd=outside) == "no-work-tree"
    assert bench.misused("cost", "--by", "moon") == "usage"
    commit(bench, "a")
    bench.git("clone", "-q", "--depth", "1", bench.repo.as_uri(), "shallow", cwd=tmp_path)
    found = bench.ok("cost", "--by", "commit", "--json", cwd=tmp_path / "shallow").json
    assert "shallow" in [problem["code"] for problem in found["problems"]]


def test_a_branch_without_commits_hides_no_others(bench: Bench, tmp_path: Path) -> None:
    """Commits of other branches are there before the first one is made on the one that is checked out."""
    made = commit(bench, "a", f"Task: {goal(bench, 7)}")
    bench.git("checkout", "-q", "--orphan", "fresh")
    assert used(told(bench, "commit")) == {made: 7}
    bench.git("init", "-q", "empty", cwd=tmp_path)
    bench.ok("cost", "--by", "commit", cwd=tmp_path / "empty")


@pytest.mark.parametrize("words", [("cost", "--by", "pr"), ("outcome",), ("receipt",), ("check-commits", "HEAD")])
def test_why_there_is_no_repository(bench: Bench, tmp_path: Path, words: tuple[str, ...]) -> None:
    """In a bare one, in the inside of one, and where git takes its owner for a stranger, as in containers."""
    bench.git("clone", "-q", "--bare", str(bench.repo), str(tmp_path / "bare.git"))
    for place, why, help_ in (
        (tmp_path / "bare.git", "this is a bare repository", "git worktree add"),
        (bench.repo / ".git", "the inside of a git directory", "run it in the work tree"),
    ):
        assert bench.refused(*words, cwd=place) == "no-work-tree"
        said = bench.tally(*words, cwd=place)
        assert why in said.err
        assert help_ in said.err
    said = bench.tally(*words, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert "dubious ownership" in said.err
    assert "safe.directory" in said.err
    said = bench.tally("scan", "secrets", "--staged", GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert (said.code, "safe.directory" in said.err) == (1, True)


def test_damaged_repository_is_told(bench: Bench) -> None:
    """What git can't read ends in a refusal, not in rows that lack something."""
    goal(bench, 5)
    head = bench.git("rev-parse", "HEAD")
    (bench.repo / ".git" / "objects" / head[:2] / head[2:]).unlink()
    said = bench.tally("cost", "--by", "commit", "--json")
    assert said.code == 1
    assert said.json["schema"] == "tallybook.error/1"


def test_what_the_ledger_links_is_declared(bench: Bench) -> None:
    """It stands in place of the branch on which the goal began, and beside what commits name."""
    one, other = goal(bench, 8), goal(bench, 6)
    named, linked = commit(bench, "a", f"Task: {one}"), commit(bench, "b")
    ledger = Ledger(LedgerPlace(bench.ledger, None, bench.repo / ".git"), SystemClock(), SystemIds())
    links = (("commit", linked), ("branch", "feature/b"), ("ref", "ABC-9"), ("pr", "12"))
    append(ledger, *(NewEvent(other, GoalLinked(kind, target, "by hand")) for kind, target in links))
    commits = told(bench, "commit")
    assert used(commits) == {named: 8, linked: 6}
    assert (commits[named]["confidence"], commits[linked]["confidence"]) == ("trailer", "declared")
    branches = told(bench, "branch")
    assert (used(branches)["feature/b"], branches["feature/b"]["confidence"]) == (6, "declared")
    assert used(told(bench, "ref")) == {"ABC-9": 6, "(unlinked)": 8}


def test_the_sum_by_pull_request_is_the_truth(bench: Bench) -> None:
    """Squashes, merges, rebased branches, work that no pull request took, and failures: all of it, once."""
    bench.git("branch", "-M", "main")
    squash, merge, both, failed, loose = (goal(bench, 10**n) for n in range(5))
    linked = goal(bench, 10**5)
    bench.git("checkout", "-q", "-b", "one")
    commit(bench, "a", f"Task: {squash}")
    commit(bench, "b", f"Task: {both}")
    bench.git("checkout", "-q", "main")
    commit(bench, "c", "No-Task: bookkeeping")
    bench.git("merge", "-q", "--squash", "one")
    quoted = f"Add it (#1)\n\n* a\n\nTask: {squash}\n\n* b\n\nTask: {both}"
    bench.git("commit", "-q", "-m", quoted)
    bench.git("checkout", "-q", "-b", "two", "HEAD~1")
    commit(bench, "d", f"Task: {merge}")
    commit(bench, "e", f"Task: {failed}")
    bench.git("rebase", "-q", "main", "two")
    bench.git("checkout", "-q", "main")
    bench.git("merge", "-q", "--no-ff", "-m", "Merge pull request #2 from me/two", "two")
    bench.git("checkout", "-q", "-b", "three")
    commit(bench, "f", f"Task: {both}")
    bench.git("checkout", "-q", "main")
    bench.git("merge", "-q", "--no-ff", "-m", "Merge branch 'three'\n\nSee merge request me/it!3", "three")
    bench.git("branch", "-D", "one")
    common = bench.repo / ".git"
    place = LedgerPlace(common / "tallybook" / "events", None, common)
    append(
        Ledger(place, SystemClock(), SystemIds()),
        NewEvent(linked, GoalLinked("pr", "https://x.example/pull/3", "flag")),
    )
    rows = told(bench, "pr")
    assert used(rows) == {
        "#1": 1 + 50,
        "#2": 10 + 1000,
        "#3": 50 + 100_000,
        "(unlinked)": 10_000,
    }
    assert [rows[key]["confidence"] for key in ("#1", "#2", "#3", "(unlinked)")] == [
        "trailer",
        "trailer",
        "trailer",
        "none",
    ]
    assert sum(tokens or 0 for tokens in used(rows).values()) == 111_111
    assert loose in rows["(unlinked)"]["goals"]


def test_work_without_a_goal_goes_to_its_branch(bench: Bench, tmp_path: Path) -> None:
    """By its log, else by what was checked out all that time, in this repository; rows are all there is."""
    bench.git("branch", "-M", "main")
    agents = [
        ClaudeAgent(bench, number, branch=branch) for number, branch in ((1, "feature"), (2, "feature"), (3, None))
    ]
    for agent in agents:
        agent.say()
        agent.say()
    goals = ClaudeAgent(bench, 4, branch="feature")
    owned = bench.start("owned", **goals.environ)
    goals.say()
    bench.ok("finish-task", owned, "--status", "success", **goals.environ)
    bench.git("init", "-q", str(tmp_path / "elsewhere"))
    bench.go(tmp_path / "elsewhere")
    agents.append(ClaudeAgent(bench, 5, branch="feature"))
    agents[-1].say()
    bench.go(bench.repo)
    rows = bench.ok("usage", "--by", "session", "--json").json["rows"]
    by_session = {row["key"]["session"]: row for row in rows}
    found = told(bench, "branch")
    ours = [agent.session for agent in agents[:2]]
    assert found["feature"]["tokens"]["total"] == sum(by_session[session]["tokens"]["total"] for session in ours)
    assert found["feature"]["cost"]["nano_usd"] == sum(by_session[session]["cost"]["nano_usd"] for session in ours)
    assert (found["feature"]["confidence"], found["feature"]["goals"]) == ("inferred", [])
    whole = bench.ok("usage", "--json").json["total"]["tokens"]
    assert bench.ok("cost", "--by", "branch", "--json").json["total"]["tokens"] == whole
    silent, far = (by_session[agent.session]["tokens"]["total"] for agent in agents[2:])
    mine = bench.shown(owned)["tokens"]["total"]
    assert (used(found)["main"], used(found)["(unattributed)"]) == (mine + silent, far)
    bench.git("worktree", "add", "-q", "-b", "beside", str(tmp_path / "beside"))
    found = told(bench, "branch")
    assert (used(found)["main"], used(found)["(unattributed)"]) == (mine, silent + far)


def test_work_without_a_goal_goes_to_the_commits_that_were_made_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One's own that name no goal, on its branch while that is there; evenly over several, and marked as inferred."""
    bench.git("checkout", "-q", "-b", "feature")
    soon = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
    monkeypatch.setenv("GIT_AUTHOR_DATE", soon)
    first, second = commit(bench, "a"), commit(bench, "b")
    commit(bench, "c", "No-Task: bookkeeping")
    bench.git("checkout", "-q", "-b", "other", "HEAD~3")
    elsewhere = commit(bench, "d")
    with monkeypatch.context() as patch:
        patch.setenv("GIT_AUTHOR_EMAIL", "somebody@example.com")
        commit(bench, "e")
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2036-01-05T10:00:00Z")
    commit(bench, "f")
    agent, lost = ClaudeAgent(bench, 1, branch="feature"), ClaudeAgent(bench, 2, branch="gone")
    agent.say()
    lost.say()
    rows = bench.ok("usage", "--by", "session", "--json").json["rows"]
    by_session = {row["key"]["session"]: row["tokens"]["total"] for row in rows}
    found = told(bench, "commit")
    assert {key for key in found if key and not key.startswith("(")} == {first, second, elsewhere}
    assert found[elsewhere]["tokens"]["total"] <= by_session[lost.session] // 3 + 7
    everything = sum(row["tokens"]["total"] for key, row in found.items())
    assert everything == sum(by_session.values())
    assert found[first]["tokens"]["total"] >= by_session[agent.session] // 2
    assert {row["confidence"] for key, row in found.items() if key != "(unattributed)"} == {"inferred"}
    assert {row["quality"] for key, row in found.items() if key != "(unattributed)"} == {"estimated"}
    whole = bench.ok("usage", "--json").json["total"]["tokens"]
    assert bench.ok("cost", "--by", "commit", "--json").json["total"]["tokens"] == whole


def test_no_more_calls_of_git_for_more_branches(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are that somebody has worked on."""
    monkeypatch.setenv("GIT_AUTHOR_DATE", (datetime.now(UTC) + timedelta(minutes=20)).isoformat())
    calls = counted_calls(monkeypatch)
    asked = []
    for number in range(1, 5):
        bench.git("checkout", "-q", "-b", f"b{number}")
        made = commit(bench, f"f{number}")
        ClaudeAgent(bench, number, branch=f"b{number}").say()
        bench.ok("usage")
        calls.clear()
        found = told(bench, "commit")
        assert found[made]["confidence"] == "inferred"
        asked.append(len(calls))
    assert len(set(asked)) == 1


def test_a_detached_head_is_no_branch(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents write HEAD then; what was committed meanwhile is known all the same."""
    bench.git("checkout", "-q", "--detach")
    ClaudeAgent(bench, 1, branch="HEAD").say()
    bench.ok("usage")
    monkeypatch.setenv("GIT_AUTHOR_DATE", (datetime.now(UTC) + timedelta(minutes=20)).isoformat())
    made = commit(bench, "a")
    assert list(told(bench, "branch")) == ["(unattributed)"]
    found = told(bench, "commit")
    assert list(found) == [made]
    assert found[made]["confidence"] == "inferred"


def test_hostile_names_stay_names(bench: Bench) -> None:
    """Of branches, references and titles nothing reaches the terminal that it would obey."""
    name = "x\u202e/$(a);`b`|<i>"
    bench.git("checkout", "-q", "-b", name)
    goal(bench, 5, "--ref", "A\u2066|B")
    for by in ("branch", "ref"):
        assert not re.search("[\u202e\u2066\x1b]", bench.ok("cost", "--by", by).out)
    assert name in {row["key"]["branch"] for row in bench.ok("cost", "--by", "branch", "--json").json["rows"]}
