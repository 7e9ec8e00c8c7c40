"""The ready jobs of ``tools/ci``: their steps are run here, by the shell that a forge runs them with."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from commands.clones import git

if TYPE_CHECKING:
    from collections.abc import Callable

    from commands.bench import Bench
    from commands.clones import Clone

CI = Path(__file__).parent.parent.parent / "tools" / "ci"
TITLE = 'Add a shelf"; touch gotcha; $(touch gotcha) `touch gotcha`'


def job(name: str) -> dict[str, Any]:
    """The one job of a file."""
    whole: dict[str, Any] = YAML(typ="safe").load((CI / name).read_text())
    found: dict[str, Any] = whole["jobs"]["receipt"] if "jobs" in whole else whole["tallybook"]
    return found


class Runner:
    """A clone in which steps run, with stand-ins for what would talk to the forge."""

    def __init__(self, bench: Bench, place: Path, *, published: bool = True) -> None:
        self.bench, self.place = bench, place
        programs = place / "programs"
        programs.mkdir()
        python = shlex.quote(sys.executable)
        self._program(programs / "tally", f'exec {python} -P -m tallybook "$@"')
        self._program(programs / "python", f'exec {python} "$@"')
        for name, answer in (
            ("gh", f'[ "$2" != --paginate ] || cat {place}/known'),
            ("curl", f"case $* in */user) echo '{{\"id\": 7}}';; *per_page*) cat {place}/notes;; esac"),
        ):
            self._program(programs / name, f'printf "%s\\n" "$*" >>{place / name}.log\n{answer}')
        (place / "known").write_text("")
        (place / "notes").write_text("[]")
        (place / "summary").write_text("")
        if published:
            bench.ok("init", "--publish", "metrics/events")
            bench.git("branch", "-M", "main")
            bench.git("checkout", "-q", "-b", "feature")
        self.environ = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "BASE": bench.git("rev-parse", "main" if published else "HEAD"),
            "RUNNER_TEMP": str(place),
            "GITHUB_STEP_SUMMARY": str(place / "summary"),
            "PR_TITLE": TITLE,
            "GH_TOKEN": "x",
            "COMMENTS": "repos/o/r/issues/1/comments",
            "OURS": "repos/o/r/issues/comments",
        }

    def _program(self, path: Path, text: str) -> None:
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def commit(self, message: str) -> None:
        """With the ledger beside."""
        self.bench.git("add", "-A")
        self.bench.git("commit", "-q", "--allow-empty", "-m", message)

    def run(self, script: str, shell: str = "bash -e -o pipefail", **environ: str) -> int:
        """The exit status of a step."""
        words = [*shlex.split(shell), "-c", script]
        done = subprocess.run(
            words, cwd=self.bench.repo, env=self.environ | environ, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr
        assert not (self.bench.repo / "gotcha").exists()
        return done.returncode

    def told(self, program: str) -> list[str]:
        """How a stand-in was called."""
        path = self.place / f"{program}.log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def runner(bench: Bench, tmp_path: Path) -> Runner:
    return Runner(bench, tmp_path)


def step(name: str) -> str:
    """The script of a step of the workflow."""
    (found,) = (one["run"] for one in job("github.yml")["steps"] if one.get("name") == name)
    return str(found)


def test_github(runner: Runner) -> None:
    """A bypassed commit fails the job; the receipt is there all the same, and is posted once, then changed."""
    bench = runner.bench
    goal = bench.start("Add a | shelf", "--untracked", "--budget-tokens", "100")
    bench.ok("finish-task", goal, "--status", "success", "--tokens-input", "40")
    runner.commit(f"Add it\n\nTask: {goal}")
    assert runner.run(step("Look at the commits")) == 0
    assert runner.run(step("Write the receipt")) == 0
    text = (runner.place / "receipt.md").read_text()
    assert text.startswith("<!-- tallybook receipt -->\n")
    assert goal in text
    assert (runner.place / "summary").read_text() == text
    assert runner.run(step("Post the receipt")) == 0
    assert runner.told("gh")[-1].startswith("api --silent --method POST repos/o/r/issues/1/comments --field body=@")
    (runner.place / "known").write_text("77\n")
    assert runner.run(step("Post the receipt")) == 0
    assert "--method PATCH repos/o/r/issues/comments/77" in runner.told("gh")[-1]
    assert runner.run(step("Check the budgets")) == 0
    runner.commit("Past the hooks")
    assert runner.run(step("Look at the commits")) == 1
    bench.ok("update", goal, "--tokens-input", "140")
    assert runner.run(step("Check the budgets")) == 1


def test_the_ledger_is_brought_first(bench: Bench, tmp_path: Path, clone: Callable[..., Clone]) -> None:
    """Where it is synced through the remote and no copy of it comes with the commits."""
    ours, job_s = clone("ours"), clone("job")
    ours.ok("init", "--sync")
    goal = ours.start("Add a shelf")
    git("add", "-A", cwd=ours.path)
    git("commit", "-q", "-m", "Add it", "-m", f"Task: {goal}", cwd=ours.path)
    ours.sync()
    git("push", "-q", "origin", "HEAD:feature", cwd=ours.path)
    git("fetch", "-q", "origin", cwd=job_s.path)
    git("checkout", "-q", "--detach", "origin/feature", cwd=job_s.path)
    bench.repo = job_s.path
    bench.go(job_s.path)
    runner = Runner(bench, tmp_path, published=False)
    runner.environ["BASE"] = git("rev-parse", "origin/main", cwd=job_s.path)
    for name in ("Bring the ledger", "Look at the commits", "Write the receipt"):
        assert runner.run(step(name)) == 0
    assert f"({goal})" in (runner.place / "receipt.md").read_text()


def test_github_scripts_hold_nothing_that_others_choose() -> None:
    """What a pull request says comes by variables of the environment alone."""
    steps = job("github.yml")["steps"]
    assert all("${{" not in one.get("run", "") for one in steps)
    assert [one["name"] for one in steps if one.get("if", "").startswith("always()")] == [
        "Write the receipt",
        "Post the receipt",
    ]


@pytest.mark.parametrize("shell", ["bash -e -o pipefail", "sh -e"])
def test_gitlab(runner: Runner, shell: str) -> None:
    """The receipt is kept whatever the verdict; it is posted where there is a token."""
    bench = runner.bench
    goal = bench.start("Add a shelf", "--untracked")
    bench.ok("finish-task", goal, "--status", "success")
    runner.commit(f"Add it\n\nTask: {goal}")
    (script,) = job("gitlab.yml")["script"]
    given = {
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": runner.environ["BASE"],
        "CI_COMMIT_SHA": bench.git("rev-parse", "HEAD"),
        "CI_MERGE_REQUEST_TITLE": TITLE,
        "CI_API_V4_URL": "https://gitlab.example/api/v4",
        "CI_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_IID": "2",
    }
    assert runner.run(script, shell, **given) == 0
    assert goal in (bench.repo / "receipt.md").read_text()
    assert runner.told("curl") == []
    assert runner.run(script, shell, **given | {"TALLYBOOK_TOKEN": "t"}) == 0
    notes = "https://gitlab.example/api/v4/projects/1/merge_requests/2/notes"
    said = runner.told("curl")
    assert [line.split()[-1] for line in said] == [
        "https://gitlab.example/api/v4/user",
        f"{notes}?order_by=created_at&sort=asc&per_page=100",
        notes,
    ]
    assert "--request" not in said[-1]
    mark = "<!-- tallybook receipt -->\n"
    others = [{"id": 5, "author": {"id": 8}, "body": mark}, {"id": 6, "author": {"id": 7}, "body": "Fine"}]
    known = [*others, {"id": 77, "author": {"id": 7}, "body": mark}, {"id": 78, "author": {"id": 7}, "body": mark}]
    (runner.place / "notes").write_text(json.dumps(known))
    assert runner.run(script, shell, **given | {"TALLYBOOK_TOKEN": "t"}) == 0
    assert runner.told("curl")[-1].endswith(f"--request PUT --data-urlencode body@receipt.md {notes}/77")
    (bench.repo / "receipt.md").unlink()
    runner.commit("Past the hooks")
    assert runner.run(script, shell, **given | {"CI_COMMIT_SHA": bench.git("rev-parse", "HEAD")}) == 1
    assert goal in (bench.repo / "receipt.md").read_text()
