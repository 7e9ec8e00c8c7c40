"""`tally cost --repair`: commits that name no goal are tied to one by what they change, or by when they were made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from commands.bench import Bench, Json


def commit(bench: Bench, name: str, *words: str) -> str:
    """A commit of one file; its id."""
    (bench.repo / name).write_text(f"{name}\n")
    bench.git("add", "--", name)
    bench.git("commit", "-q", "-m", "\n\n".join((f"Write {name}", *words)))
    return bench.git("rev-parse", "HEAD")


def proposed(bench: Bench, *words: str) -> Json:
    found = bench.ok("cost", "--repair", "--json", *words).json
    assert found["schema"] == "tallybook.cost-repair/1"
    return found


@pytest.fixture
def old(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits are made long before any goal, until a test says otherwise."""
    del bench
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2026-01-05T10:00:00Z")


@pytest.mark.usefixtures("old")
def test_the_same_change_belongs_to_the_same_goal(bench: Bench) -> None:
    """After a pick and a rebase whose messages lost the trailer; it is written only if wanted, and once."""
    goal = bench.start("one", "--untracked")
    bench.ok("finish-task", goal, "--status", "success", "--tokens-input", "90")
    bench.git("checkout", "-q", "-b", "side")
    first = commit(bench, "a", f"Task: {goal}")
    bench.git("checkout", "-q", "-")
    commit(bench, "b", "No-Task: bookkeeping")
    bench.git("cherry-pick", "--no-commit", first)
    bench.git("commit", "-q", "-m", "Write a again")
    picked = bench.git("rev-parse", "HEAD")
    commit(bench, "c")
    bench.git("revert", "--no-edit", "HEAD")
    found = proposed(bench)
    assert [(one["commit"], one["goal"], one["evidence"], one["confidence"]) for one in found["proposals"]] == [
        (picked, goal, "patch-id", "trailer")
    ]
    assert (found["applied"], bench.events("goal_linked")) == (0, [])
    said = bench.ok("cost", "--repair").out
    assert "1 proposal; --apply writes them" in said
    assert proposed(bench, "--apply")["applied"] == 1
    (link,) = bench.events("goal_linked")
    assert link["body"] == {"evidence": "patch-id", "kind": "commit", "target": picked}
    assert proposed(bench, "--apply")["proposals"] == []
    assert len(bench.events("goal_linked")) == 1
    rows = bench.ok("cost", "--by", "commit", "--json").json["rows"]
    assert {row["key"]["commit"]: row["tokens"]["total"] for row in rows} == {picked: 90}
    assert bench.tally("verify").code == 0


@pytest.mark.usefixtures("old")
def test_a_squash_belongs_to_the_goals_of_its_branch(bench: Bench) -> None:
    """As long as the branch is there, though the message names nothing of it."""
    bench.git("branch", "-M", "main")
    one, two = bench.start("one", "--untracked"), bench.start("two", "--untracked")
    bench.git("checkout", "-q", "-b", "side")
    commit(bench, "a", f"Task: {one}")
    commit(bench, "b", f"Task: {two}")
    bench.git("checkout", "-q", "main")
    commit(bench, "c", "No-Task: bookkeeping")
    bench.git("merge", "-q", "--squash", "side")
    bench.git("commit", "-q", "-m", "Add all (#3)")
    squash = bench.git("rev-parse", "HEAD")
    found = [(row["commit"], row["goal"], row["evidence"]) for row in proposed(bench)["proposals"]]
    assert found == [(squash, goal, "patch-id") for goal in sorted((one, two))]
    bench.git("branch", "-D", "side")
    assert proposed(bench)["proposals"] == []


@pytest.mark.usefixtures("old")
def test_a_squash_belongs_to_the_goals_of_its_pull_request(bench: Bench) -> None:
    """Where they refer to it, though its message names nothing of them and its branch is gone."""
    bench.git("branch", "-M", "main")
    kept = bench.start("one", "--untracked", "--ref", "https://forge.example/o/r/pull/3")
    dropped = bench.start("two", "--untracked", "--ref", "!4")
    bench.ok("merge-tasks", "--keep", kept, "--drop", dropped)
    bench.start("three", "--untracked", "--ref", "#3")
    commit(bench, "a")
    bench.git("commit", "-q", "--amend", "-m", "Add all (#3)")
    squash = bench.git("rev-parse", "HEAD")
    commit(bench, "b", "No-Task: bookkeeping (#3)")
    bench.git("checkout", "-q", "-b", "side")
    brought = commit(bench, "c")
    bench.git("checkout", "-q", "main")
    bench.git("merge", "-q", "--no-ff", "-m", "Merge branch 'side'\n\nSee merge request o/r!4", "side")
    commit(bench, "d")
    rows = [(row["commit"], row["goal"], row["evidence"], row["confidence"]) for row in proposed(bench)["proposals"]]
    assert rows == [(one, kept, "pull-request", "trailer") for one in (brought, squash)]
    assert proposed(bench, "--apply")["applied"] == 2
    assert bench.ok("outcome", "--json").json["counts"]["merged"] == 1


def test_what_was_made_while_one_goal_ran_is_inferred(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only one's own commits, and only where it was one goal alone."""
    goal = bench.start("one", "--untracked")
    monkeypatch.setenv("GIT_AUTHOR_DATE", (datetime.now(UTC) + timedelta(hours=1)).isoformat())
    mine = commit(bench, "a")
    commit(bench, "x", "No-Task: bookkeeping")
    bench.git("revert", "--no-edit", mine)
    with monkeypatch.context() as patch:
        patch.setenv("GIT_AUTHOR_EMAIL", "somebody@example.com")
        patch.setenv("GIT_AUTHOR_NAME", "Somebody")
        commit(bench, "b")
    found = {one["commit"]: (one["goal"], one["evidence"], one["confidence"]) for one in proposed(bench)["proposals"]}
    assert found == {mine: (goal, "time", "inferred")}
    bench.start("two", "--untracked")
    assert commit(bench, "c") not in {one["commit"] for one in proposed(bench)["proposals"]}


def test_questions_that_make_no_sense(bench: Bench) -> None:
    """Each is refused."""
    assert bench.misused("cost", "--apply") == "nothing-to-apply"
    place = bench.repo.parent / "plain"
    place.mkdir()
    bench.go(place)
    assert bench.refused("cost", "--repair") == "no-work-tree"
