"""Every command of the pages about CI and worktrees is run, in the order of the page, in a world as the page has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from docs.pages import ROOT, divided

BIN = '#!/bin/sh\nexec "{python}" -P -m tallybook "$@"\n'
REMEMBER = '\nprintf "%s\\n" "$PWD" >"$KEPT/pwd"\nprintf "%s" "${GOAL-}" >"$KEPT/goal"\n'


class Shell(msgspec.Struct):
    """Runs blocks one after the other; directory, GOAL and the data directory go on to the next."""

    place: Path
    environ: dict[str, str]
    at: Path
    said: list[str] = msgspec.field(default_factory=list)

    def run(self, script: str) -> str:
        done = subprocess.run(
            ["sh", "-eu", "-c", script + REMEMBER],
            cwd=self.at,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        self.at = Path((self.place / "pwd").read_text().strip())
        self.environ["GOAL"] = (self.place / "goal").read_text()
        self.said.append(done.stdout)
        return done.stdout

    def fails(self, script: str) -> int:
        return subprocess.run(
            ["sh", "-eu", "-c", script], cwd=self.at, env=self.environ, capture_output=True, check=False
        ).returncode


def blocks(page: str) -> list[str]:
    """What the page has its reader type; every block is of the shell."""
    found = divided(ROOT / "docs" / "how-to" / page)[1]
    assert {block.language for block in found} == {"sh"}
    return ["\n".join(block.lines) for block in found]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A clone `shop` with one commit, of a bare `origin`; another clone `other`."""
    programs = tmp_path / "bin"
    programs.mkdir()
    tally = programs / "tally"
    tally.write_text(BIN.format(python=sys.executable))
    tally.chmod(0o755)
    environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "KEPT": str(tmp_path), "SHARED": str(tmp_path)}
    shell = Shell(tmp_path, environ, tmp_path)
    shell.run("""
        git init -q --bare origin
        git clone -q origin shop 2>/dev/null
        cd shop
        git commit -q --allow-empty -m "Begin" -m "No-Task: it begins"
        git push -q origin HEAD
        git clone -q ../origin ../other
    """)
    return shell


def test_ci(shell: Shell) -> None:
    shell.run("""
        tally init --publish metrics/events
        tally hooks install
        git add .
        GOAL=$(tally start-task --title "Add a shelf" --kind product --untracked --quiet)
        git commit -q -m "Publish the ledger"
        git push -q origin HEAD
        git clone -q ../origin ../job
        cd ../job
    """)
    shell.environ["BASE"] = "HEAD~1"
    goal = shell.environ["GOAL"]
    prepare, look, title, scan, cost, work, publish, kept = blocks("ci.md")

    said = shell.run(prepare)
    assert "no problem" in said
    assert "1 event by 1 writer: clean" in said
    assert goal in (shell.at / "report.md").read_text()

    assert "0 findings" in shell.run(look)
    shell.run('git commit -q --allow-empty -m "Add two"')
    assert shell.fails(look) == 1
    shell.run('git commit -q --amend --allow-empty -m "Add two" -m "No-Task: a trial"')
    assert "1 with a reason" in shell.run(look)
    shell.run('git commit -q --amend --allow-empty -m "Add two" -m "Task: g260101-00000000"')
    assert shell.fails(look) == 1
    shell.environ["PR_TITLE"] = "Add two; $(touch gotcha)"
    shell.run('echo "No-Task: a trial" >body.md')
    assert "0 findings" in shell.run(title)
    assert not (shell.at / "gotcha").exists()
    shell.run("echo text >body.md")
    assert shell.fails(title) == 1
    shell.run("rm body.md")
    shell.run("git reset -q --hard HEAD~1")

    assert shell.run(scan).count("clean") == 2
    shell.run('touch .env; git add .env; git commit -q -m "Add three" -m "No-Task: a trial"')
    assert shell.fails(scan) == 1
    shell.run("git reset -q --hard HEAD~1")

    shell.run(cost)
    assert goal in (shell.at / "receipt.md").read_text()
    shell.run("rm receipt.md")

    shell.run(work)
    shown = shell.run('tally show "$GOAL"')
    assert "success" in shown
    assert "unmeasured" in shown
    shell.run(publish)
    goal = shell.environ["GOAL"]
    shell.run("cd ../other; git pull -q")
    assert "Nightly clean-up" in shell.run("tally show")
    shell.environ["GOAL"] = goal

    shell.run(kept)
    assert "Nightly" in (shell.at / "nightly.md").read_text()
    assert (shell.place / "events").is_dir()
    assert not list((shell.at / ".git").glob("tallybook/events/*.ndjson"))


def test_worktrees(shell: Shell) -> None:
    tree, named, removed, publish, pull, union, copy, shared = blocks("worktrees.md")

    assert "here" in shell.run(tree)
    assert shell.at.name == "shop-fix"
    shell.run(named)
    assert "success" in shell.run(removed)

    shell.run(publish)
    goal = shell.environ["GOAL"]
    assert f"Task: {goal}" in shell.run("git log -1 --format=%B; cd ../shop")
    assert "Publish the ledger" in shell.run(pull)
    assert shell.at.name == "other"
    assert shell.fails("tally mark review") == 1

    assert shell.run(union).splitlines()[-1].endswith("clean")
    assert "success" in shell.run(f"tally show {goal}")
    files = shell.run("ls metrics/events").split()
    assert len(files) == 2

    said = shell.run(copy)
    assert "written by the clone at" in said
    assert said.splitlines()[-1].endswith("3 writers: clean")

    assert "Seen by all" in shell.run(shared)


def test_two_agents_in_one_worktree_must_name_their_goals(shell: Shell) -> None:
    """What the page says of several agents at once."""
    shell.run("""
        GOAL=$(tally start-task --title "One" --kind product --quiet)
        tally start-task --title "Two" --kind product --quiet
    """)
    assert shell.fails("tally mark plan") == 1
    shell.run('tally mark plan --goal "$GOAL"')
