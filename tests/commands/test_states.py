"""The task state machine through the commands, in every layout that git knows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench

NEED_A_GOAL = (("continue-task",), ("mark", "plan"), ("finish-task", "--status", "success"))


def state(bench: Bench, cwd: Path | None = None) -> str:
    return str(bench.ok("show", "--json", cwd=cwd).json["workflow"]["state"])


def test_a_clean_worktree(bench: Bench) -> None:
    assert state(bench) == "clean"
    for command in NEED_A_GOAL:
        assert bench.refused(*command) == f"clean-{command[0]}"
        assert "tally start-task" in bench.tally(*command).err
    assert bench.ok("start-task", "--title", "t", "--kind", "meta", "--untracked").err == ""


def test_an_active_worktree(bench: Bench) -> None:
    goal = bench.start()
    workflow = bench.ok("show", "--json").json["workflow"]
    assert (workflow["state"], workflow["open"]) == ("active", [goal])
    for command in NEED_A_GOAL:
        bench.ok(*command)
    assert state(bench) == "clean"


def test_changes_without_a_goal(bench: Bench) -> None:
    (bench.repo / "new").write_text("x")
    assert state(bench) == "started_without_goal"
    assert "work was started here without a goal" in bench.ok("show").out
    for command in NEED_A_GOAL:
        assert bench.refused(*command) == f"started_without_goal-{command[0]}"
        assert "ensure-active-task" in bench.tally(*command).err
    assert "work was started here before" in bench.ok("start-task", "--title", "t", "--kind", "meta").err
    assert state(bench) == "active"


def test_what_the_finish_left_is_no_new_work(bench: Bench) -> None:
    bench.start()
    (bench.repo / "new").write_text("x")
    bench.ok("finish-task", "--status", "success")
    assert state(bench) == "clean"
    (bench.repo / "new").write_text("y")
    assert state(bench) == "started_without_goal"


def test_a_commit_after_the_goal_is_new_work(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.start()
    bench.commit("inside")
    bench.ok("finish-task", "--status", "success")
    assert state(bench) == "clean"
    later = int(time.time()) + 5
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"{later} +0000")
    bench.commit("outside")
    assert state(bench) == "started_without_goal"


def test_outside_of_git_the_ledger_is_in_the_data_directory(bench: Bench, tmp_path: Path) -> None:
    bench.go(tmp_path)
    assert state(bench) == "uncertain"
    for command in NEED_A_GOAL:
        assert bench.refused(*command) == f"uncertain-{command[0]}"
    said = bench.ok("start-task", "--title", "t", "--kind", "meta")
    assert "git can't be asked" in said.err
    for command in NEED_A_GOAL:
        bench.ok(*command)
    assert list((bench.data / "events").glob("*.ndjson"))


def test_a_closed_goal(bench: Bench) -> None:
    goal = bench.start()
    bench.ok("finish-task", "--status", "success")
    for command in (("continue-task", goal), ("mark", "plan", "--goal", goal)):
        assert bench.refused(*command) == f"closed_repair-{command[0]}"
        assert "--supersedes" in bench.tally(*command).err
    assert bench.refused("finish-task", goal, "--status", "success") == "closed_repair-finish-task"
    assert "--amend" in bench.tally("finish-task", goal, "--status", "success").err
    bench.ok("show", goal)
    bench.start("next", "--supersedes", goal)


def layouts(bench: Bench, name: str) -> Path:
    """A directory in a work tree of that layout."""
    place = bench.repo.parent / name
    if name == "linked":
        bench.git("worktree", "add", "-q", str(place))
    elif name == "detached":
        bench.git("checkout", "-q", "--detach")
        return bench.repo
    elif name == "unborn":
        bench.git("init", "-q", str(place))
    elif name == "submodule":
        bench.git("clone", "-q", str(bench.repo), str(place) + "-source")
        bench.git("submodule", "--quiet", "add", str(place) + "-source", "part")
        bench.git("commit", "-q", "-m", "Add a part")
        return bench.repo / "part"
    elif name == "below":
        place = bench.repo / "deep" / "down"
        place.mkdir(parents=True)
        bench.commit("deep/down/file")
    return place


@pytest.mark.parametrize("name", ["linked", "detached", "unborn", "submodule", "below"])
def test_a_task_life_in_every_layout(bench: Bench, name: str) -> None:
    place = layouts(bench, name)
    bench.go(place)
    assert state(bench) == "clean"
    goal = bench.start()
    assert state(bench) == "active"
    (place / "new").write_text("x")
    bench.ok("mark", "plan")
    bench.ok("finish-task", "--status", "success")
    assert state(bench) == "clean"
    (place / "newer").write_text("x")
    assert state(bench) == "started_without_goal"
    assert bench.shown(goal)["status"] == "success"


def test_goals_of_linked_worktrees_are_apart(bench: Bench) -> None:
    other = layouts(bench, "linked")
    goal = bench.start()
    assert state(bench, other) == "clean"
    assert bench.refused("mark", "plan", cwd=other) == "clean-mark"
    assert bench.ok("mark", "plan", "--goal", goal, "--json", cwd=other).goal["id"] == goal
    assert bench.ok("show", "--json", cwd=other).json["goals"][0]["id"] == goal


@pytest.mark.parametrize("place", ["bare", "inside"])
def test_no_work_tree(bench: Bench, place: str) -> None:
    bare = bench.repo.parent / "bare.git"
    bench.git("init", "-q", "--bare", str(bare))
    bench.go(bare if place == "bare" else bench.repo / ".git")
    said = bench.ok("show", "--json")
    assert said.json["workflow"]["state"] == "uncertain"
    assert "not" in said.err or "no work tree" in said.err
    (problem,) = said.json["problems"]
    assert problem["code"] in {"bare", "inside-git-dir"}
    bench.ok("start-task", "--title", "t", "--kind", "meta")


def test_a_directory_that_was_deleted(bench: Bench) -> None:
    gone = bench.repo / "gone"
    gone.mkdir()
    bench.go(gone)
    gone.rmdir()
    for arguments in (("show",), ("start-task", "--title", "t", "--kind", "meta"), ("init",), ("hooks", "status")):
        said = bench.tally(*arguments, "--json")
        assert (said.code, said.error) == (1, "system")
        assert "the current directory does not exist any more" in said.err


def test_without_git_on_the_path(bench: Bench) -> None:
    bench.start()
    said = bench.ok("show", "--json", PATH="/nowhere")
    assert said.json["workflow"]["state"] == "uncertain"
    assert [problem["code"] for problem in said.json["problems"]] == ["no-git"]
    assert "--ledger" in said.err
    ledger = ("--ledger", str(bench.ledger))
    assert len(bench.ok("show", "--json", *ledger, PATH="/nowhere").json["goals"]) == 1


def test_a_repository_of_another_user_says_so(bench: Bench) -> None:
    bench.ok("show", GIT_TEST_ASSUME_DIFFERENT_OWNER="0")
    said = bench.ok("show", "--json", GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert [problem["code"] for problem in said.json["problems"]] == ["dubious-ownership"]
