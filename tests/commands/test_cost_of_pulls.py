"""`tally cost --by pr`: what each pull request cost, however it was merged and by way of what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent
from gitrepo import counted_calls

if TYPE_CHECKING:
    from commands.bench import Bench, Json


@pytest.fixture(autouse=True)
def _on_main(bench: Bench) -> None:
    bench.git("branch", "-M", "main")


def told(bench: Bench) -> dict[str, Json]:
    """The rows by their keys; they must add up to the total."""
    found = bench.ok("cost", "--by", "pr", "--json").json
    rows = {row["key"]["pr"] or f"({row['part']})": row for row in found["rows"]}
    for name in found["total"]["tokens"] or ():
        assert sum(row["tokens"][name] for row in rows.values()) == found["total"]["tokens"][name]
    return rows


def used(bench: Bench) -> dict[str, int]:
    return {key: row["tokens"]["total"] for key, row in told(bench).items()}


def goal(bench: Bench, tokens: int, *more: str) -> str:
    """A finished goal that used so many tokens."""
    found = bench.start(f"of {tokens}", "--untracked", *more)
    bench.ok("finish-task", found, "--status", "success", "--tokens-input", str(tokens))
    return found


def commit(bench: Bench, subject: str, *words: str) -> None:
    bench.git("commit", "-q", "--allow-empty", "-m", "\n\n".join((subject, *words)))


def merge(bench: Bench, branch: str, message: str) -> None:
    bench.git("merge", "-q", "--no-ff", "-m", message, branch)


def test_what_comes_by_way_of_another_pull_request_is_counted_at_its_own(bench: Bench) -> None:
    """A branch for releases that is merged by a pull request takes only what no other has brought to it."""
    one, two, three = (goal(bench, 10**n) for n in range(3))
    bench.git("checkout", "-q", "-b", "develop")
    bench.git("checkout", "-q", "-b", "feature")
    commit(bench, "Add a shelf", f"Task: {one}")
    bench.git("checkout", "-q", "develop")
    merge(bench, "feature", "Merge pull request #1 from me/feature")
    commit(bench, "Add a door (#2)", f"Task: {two}")
    commit(bench, "Mend it at once", f"Task: {three}")
    bench.git("checkout", "-q", "main")
    merge(bench, "develop", "Merge pull request #3 from me/develop")
    assert used(bench) == {"#1": 1, "#2": 10, "#3": 100}
    goals = [found["id"] for found in bench.ok("receipt", "#3", "--json").json["goals"]]
    assert sorted(goals) == sorted([one, two, three])
    assert [found["id"] for found in bench.ok("receipt", "!1", "--json").json["goals"]] == [one]


def test_a_branch_that_two_pull_requests_merged_is_shared(bench: Bench) -> None:
    """To the main line and to another branch that it was merged into: neither came by way of the other."""
    one = goal(bench, 10)
    bench.git("branch", "release")
    bench.git("checkout", "-q", "-b", "fix")
    commit(bench, "Mend it", f"Task: {one}")
    for number, branch in enumerate(("main", "release"), 1):
        bench.git("checkout", "-q", branch)
        merge(bench, "fix", f"Merge pull request #{number} from me/fix")
    assert used(bench) == {"#1": 5, "#2": 5}


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ("Merge pull request #7 from me/side\n\nMerge pull request #8 from me/else", "#7"),
        ("Add a shelf (#7)\n\nbody", "#7"),
        ("Merge branch 'side' into 'main'\n\nMerge pull request #8 from x\n\nSee merge request grp/sub/it!7", "#7"),
        ("Merge branch 'side'\n\nSee merge request a!8\n\nSee merge request it!7", "#7"),
        ("Merge pull request 'Add a (#8) shelf' (#7) from me/side into main", "#7"),
        ("Merged in side (pull request #7)\n\nAdd", "#7"),
        ("Merged PR 7: Add a shelf (#8", "#7"),
        ("Merge branch 'side' of #7", "(unlinked)"),
        ("Merge pull request #0 from me/side", "(unlinked)"),
    ],
)
def test_how_forges_name_a_merge(bench: Bench, message: str, number: str) -> None:
    """The number is where the forge puts it, whatever a title pretends to be."""
    one = goal(bench, 5)
    bench.git("checkout", "-q", "-b", "side")
    commit(bench, "Add a shelf", f"Task: {one}")
    bench.git("checkout", "-q", "main")
    merge(bench, "side", message)
    assert used(bench) == {number: 5}


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("Add a shelf (#8) (#7)", "#7"),
        ("Add a shelf (!7)", "#7"),
        ("Merged in side (pull request #7)", "#7"),
        ("Merged PR 7: Add", "#7"),
        ('Revert "Add a shelf (#7)"', "(unlinked)"),
        ("Merge pull request #7 from me/side", "(unlinked)"),
    ],
)
def test_how_forges_name_a_squash(bench: Bench, subject: str, number: str) -> None:
    """A commit with one parent that only says to be a merge is none."""
    commit(bench, subject, f"Task: {goal(bench, 5)}")
    assert used(bench) == {number: 5}


def test_references_to_pull_requests_are_declarations(bench: Bench) -> None:
    """As in a receipt; a bare number may be an issue."""
    for tokens, ref in ((1, "https://forge.example/o/r/pull/7"), (10, "pr:7"), (100, "!7"), (1000, "#7"), (1, "7")):
        goal(bench, tokens, "--ref", ref)
    rows = told(bench)
    assert {key: row["tokens"]["total"] for key, row in rows.items()} == {"#7": 111, "(unlinked)": 1001}
    assert rows["#7"]["confidence"] == "declared"


def test_work_that_left_no_commit_goes_to_what_merged_its_branch(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first merge of that branch afterwards: failed goals, and sessions that nobody opened a goal for."""
    bench.git("checkout", "-q", "-b", "feature/a")
    failed = bench.start("failed", "--untracked")
    bench.ok("finish-task", failed, "--status", "fail", "--failure-reason", "other", "--tokens-input", "7")
    agents = [ClaudeAgent(bench, number, branch=name) for number, name in ((1, "feature/a"), (2, "main"), (3, "x"))]
    for agent in agents:
        agent.say()
    by_session = {
        row["key"]["session"]: row["tokens"]["total"]
        for row in bench.ok("usage", "--by", "session", "--json").json["rows"]
    }
    for number, hours in ((1, -9), (2, 2), (3, 5)):
        at = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
        monkeypatch.setenv("GIT_COMMITTER_DATE", at)
        monkeypatch.setenv("GIT_AUTHOR_DATE", at)
        bench.git("checkout", "-q", "feature/a")
        commit(bench, "More", "No-Task: bookkeeping")
        bench.git("checkout", "-q", "main")
        merge(bench, "feature/a", f"Merge pull request #{number} from me/feature/a")
    bench.git("checkout", "-q", "-b", "sync")
    commit(bench, "More", "No-Task: bookkeeping")
    bench.git("checkout", "-q", "main")
    merge(bench, "sync", "Merge pull request #4 from them/main")
    found = told(bench)
    ours, *others = (by_session[agent.session] for agent in agents)
    assert {key: row["tokens"]["total"] for key, row in found.items()} == {
        "#2": 7 + ours,
        "(unattributed)": sum(others),
    }
    assert (found["#2"]["confidence"], found["#2"]["goals"]) == ("inferred", [failed])


def test_work_without_a_goal_goes_to_the_pull_request_of_its_commits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those made meanwhile, by the time of their author, which a rebase keeps."""
    agent = ClaudeAgent(bench, 1, branch="feature")
    agent.say()
    whole = bench.ok("usage", "--json").json["total"]["tokens"]["total"]
    bench.git("checkout", "-q", "-b", "feature")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2036-01-05T10:00:00Z")
    monkeypatch.setenv("GIT_AUTHOR_DATE", (datetime.now(UTC) + timedelta(minutes=20)).isoformat())
    commit(bench, "Add a shelf (#6)")
    assert used(bench) == {"#6": whole}


def test_many_merges_take_no_more_calls_of_git(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each of them brought is found among the commits that were read."""
    numbers = []
    for number in range(1, 7):
        bench.git("checkout", "-q", "-b", f"b{number}", "main")
        commit(bench, "More", f"Task: {goal(bench, 1)}")
        bench.git("checkout", "-q", "main")
        merge(bench, f"b{number}", f"Merge pull request #{number} from me/b{number}")
        if number in {1, 6}:
            with monkeypatch.context() as patch:
                calls = counted_calls(patch)
                assert len(used(bench)) == number
                numbers.append(len(calls))
    assert numbers[0] == numbers[1]
