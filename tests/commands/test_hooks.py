"""`tally hooks`: git calls tallybook, a commit without a task is refused, and all of it goes away again."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from commands.bench import tree

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench

NAMES = ["commit-msg", "prepare-commit-msg", "pre-commit", "pre-push", "post-merge"]


def rows(bench: Bench, *arguments: str) -> dict[str, str]:
    told = bench.ok("hooks", *arguments, "--json").json
    assert told["schema"] == "tallybook.hooks/1"
    assert [row["name"] for row in told["hooks"]] == NAMES
    for row in told["hooks"]:
        assert row["path"] == str(bench.repo / ".git" / "hooks" / row["name"])
    return {row["name"]: row["action"] for row in told["hooks"]}


def commit(bench: Bench, name: str, message: str) -> subprocess.CompletedProcess[str]:
    (bench.repo / name).write_text(f"{name}\n")
    bench.git("add", name)
    return subprocess.run(["git", "commit", "-m", message], cwd=bench.repo, capture_output=True, text=True, check=False)


def test_a_life_of_hooks(bench: Bench) -> None:
    before = tree(bench.repo / ".git" / "hooks")
    assert set(rows(bench, "status").values()) == {"absent"}
    assert set(rows(bench, "install", "--dry-run").values()) == {"installed"}
    assert tree(bench.repo / ".git" / "hooks") == before
    assert set(rows(bench, "install").values()) == {"installed"}
    assert set(rows(bench, "install").values()) == {"unchanged"}
    assert set(rows(bench, "status").values()) == {"installed"}
    installed = tree(bench.repo / ".git" / "hooks")
    assert set(rows(bench, "uninstall", "--dry-run").values()) == {"removed"}
    assert tree(bench.repo / ".git" / "hooks") == installed
    assert set(rows(bench, "uninstall").values()) == {"removed"}
    assert set(rows(bench, "uninstall").values()) == {"absent"}
    assert set(tree(bench.repo / ".git" / "hooks")) == set(before)


def test_a_commit_is_refused_and_accepted(bench: Bench) -> None:
    bench.ok("hooks", "install")
    done = commit(bench, "one", "Add one")
    assert done.returncode == 1
    assert "tally start-task" in done.stderr
    assert "Traceback" not in done.stderr
    assert commit(bench, "one", "Add one\n\nNo-Task: a trial").returncode == 0
    goal = bench.start()
    assert commit(bench, "two", "Add two").returncode == 0
    assert f"Task: {goal}" in bench.git("log", "-1", "--format=%B")
    unknown = commit(bench, "three", "Add three\n\nTask: g260101-00000000")
    assert unknown.returncode == 1
    bench.ok("hooks", "uninstall")
    assert commit(bench, "four", "Add four").returncode == 0


def test_a_hook_that_was_there_runs_and_comes_back(bench: Bench) -> None:
    hook = bench.repo / ".git" / "hooks" / "commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    assert rows(bench, "status")["commit-msg"] == "foreign"
    assert rows(bench, "install")["commit-msg"] == "chained"
    bench.start()
    assert commit(bench, "one", "Add one").returncode == 0
    assert (bench.repo / "ran").exists()
    assert rows(bench, "uninstall")["commit-msg"] == "restored"
    assert hook.read_text() == "#!/bin/sh\ntouch ran\n"


def test_people_get_lines(bench: Bench) -> None:
    lines = bench.ok("hooks", "status").out.splitlines()
    assert [line.split()[:2] for line in lines] == [[name, "absent"] for name in NAMES]


def test_a_shared_directory_needs_force(bench: Bench, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    bench.git("config", "core.hooksPath", str(shared))
    assert bench.refused("hooks", "install") == "hooks-outside"
    assert not shared.exists()
    bench.ok("hooks", "install", "--force")
    assert sorted(path.name for path in shared.iterdir()) == sorted(NAMES)
    assert bench.refused("hooks", "uninstall") == "hooks-outside"
    bench.ok("hooks", "uninstall", "--force")
    assert list(shared.iterdir()) == []


def test_outside_of_git(bench: Bench, tmp_path: Path) -> None:
    bench.go(tmp_path)
    for command in ("install", "uninstall", "status"):
        assert bench.refused("hooks", command) == "no-repository"


def test_a_command_must_be_named(bench: Bench) -> None:
    assert bench.misused("hooks") == "usage"
    assert bench.tally("hooks", "--help").out.count("install") >= 2
