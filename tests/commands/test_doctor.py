"""`tally doctor`: a healthy world, an empty one, and what holds of every check."""

from __future__ import annotations

import errno
import re
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import program, tree
from commands.checkup import GROUPS, checkup, of_status, only, problems, setting
from tallybook.clock import SystemClock
from tallybook.usecases.doctor import examination
from tallybook.usecases.doctor.examination import CHECKS, Check, examine
from tallybook.usecases.doctor.finding import Status, ok
from tallybook.usecases.workspace import open_workspace

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from commands.bench import Bench
    from tallybook.usecases.doctor.finding import Finding
    from tallybook.usecases.workspace import Workspace


@pytest.fixture
def healthy(bench: Bench) -> tuple[Bench, CodexAgent]:
    """A repository with everything in use: published ledger, hooks, two agents, an open goal."""
    agent = CodexAgent(bench, 1)
    agent.say()
    ClaudeAgent(bench, 2).say()
    bench.ok("sessions")
    bench.ok("init", "--publish", "metrics/events")
    bench.ok("hooks", "install")
    bench.start(**agent.environ)
    agent.say()
    return bench, agent


def test_a_healthy_world(healthy: tuple[Bench, CodexAgent]) -> None:
    bench, agent = healthy
    places = (bench.home, bench.repo)
    before = {name: found for name, found in tree(*places).items() if not name.startswith(str(bench.data))}
    found = checkup(bench, **agent.environ)
    assert problems(found) == {}
    after = {name: found for name, found in tree(*places).items() if not name.startswith(str(bench.data))}
    after.pop(str(bench.home)), before.pop(str(bench.home))
    assert after == before
    assert {name.partition(".")[0] for name in found} == set(GROUPS)
    assert only(found, "ledger.lock", "ok")["where"]["file"] == str(bench.ledger / "ledger.lock")
    assert "another process is kept out" in found["ledger.lock"][0]["message"]
    assert only(found, "ledger.events", "ok")["message"] == "2 events by 1 writer, verified"
    assert "2 events on this machine alone" in only(found, "ledger.copies", "note")["message"]
    assert "2 events" in only(found, "ledger.writer", "ok")["message"]
    for hook in ("commit-msg", "prepare-commit-msg", "pre-commit", "pre-push", "post-merge"):
        assert "answered as it should" in only(found, f"git.{hook}", "ok")["message"]
    assert "1 log in" in only(found, "agents.codex", "ok")["message"]
    assert "codex/2" in found["agents.codex"][0]["message"]
    assert only(found, "agents.claude", "ok")["where"]["file"].endswith(".jsonl")
    session = only(found, "agents.session", "ok")
    assert session["message"] == f"codex {agent.session}, found by variable"
    assert session["where"]["file"] == str(agent.log)
    assert "2 responses from 2 logs" in only(found, "data.store", "ok")["message"]
    assert "mode 0700" in only(found, "data.directory", "ok")["message"]


def test_people_get_groups_of_lines(healthy: tuple[Bench, CodexAgent]) -> None:
    bench, agent = healthy
    said = bench.ok("doctor", **agent.environ)
    lines = said.out.splitlines()
    assert [line for line in lines if not line.startswith(" ")][:-1] == list(GROUPS)
    assert lines[-1].startswith("no problem, ")
    assert said.err == ""
    setting(bench, "[ledger]\npublish = 3\n")
    said = bench.tally("doctor", **agent.environ)
    assert said.code == 1
    assert said.out.splitlines()[-1].startswith("1 problem, ")
    at = said.out.splitlines().index(f"  problem  {'settings':<18} ledger.publish must be text, and not empty")
    assert said.out.splitlines()[at + 1].strip() == "config/tallybook.toml"
    assert said.out.splitlines()[at + 2].strip() == "> the setting is ignored"


def test_before_anything_was_done(bench: Bench) -> None:
    before = tree(bench.repo.parent, bench.home)
    found = checkup(bench)
    assert problems(found) == {}
    assert tree(bench.repo.parent, bench.home) == before
    assert only(found, "ledger.directory", "note")["hint"] == "the first task makes it"
    assert "no data directory" in only(found, "ledger.lock", "note")["message"]
    assert only(found, "ledger.events", "ok")["message"] == "0 events by 0 writers, verified"
    assert only(found, "ledger.copies", "ok")
    assert only(found, "ledger.writer", "ok")["message"].startswith("none yet")
    assert only(found, "ledger.clock", "ok")["message"].endswith("no event to compare it with")
    assert only(found, "data.directory", "note")
    assert only(found, "data.store", "note")["hint"].startswith("tally sessions")
    assert only(found, "agents.logs", "note")
    assert "no agent's session" in only(found, "agents.session", "note")["message"]
    assert only(found, "git.hooks", "note")["hint"] == "tally hooks install"


def test_a_ledger_of_ones_own_choice(bench: Bench, tmp_path: Path) -> None:
    other = tmp_path / "other"
    bench.ok("start-task", "--title", "t", "--kind", "meta", "--ledger", str(other))
    found = checkup(bench, "--ledger", str(other))
    assert only(found, "ledger.directory", "ok")["where"]["file"] == str(other)
    assert only(found, "ledger.events", "ok")["message"].startswith("1 event by")
    assert problems(checkup(bench, TALLYBOOK_LEDGER=str(other))) == {}


def test_outside_of_git(bench: Bench, tmp_path: Path) -> None:
    place = tmp_path / "plain"
    place.mkdir()
    bench.go(place)
    found = checkup(bench)
    assert problems(found) == {}
    assert "no git repository" in only(found, "git.repository", "note")["message"]
    assert "git.hooks" not in found
    bench.start()
    found = checkup(bench)
    assert "outside of git" in only(found, "ledger.copies", "note")["message"]
    assert only(found, "ledger.lock", "ok")


def test_in_a_bare_repository(bench: Bench, tmp_path: Path) -> None:
    bench.git("init", "-q", "--bare", str(tmp_path / "bare"))
    bench.go(tmp_path / "bare")
    row = only(checkup(bench), "git.repository", "problem")
    assert row["hint"] == "run it in a work tree: git worktree add DIRECTORY"


def test_a_check_that_breaks_is_a_finding(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(place: object) -> os.statvfs_result:
        raise OSError(errno.EIO, "Input/output error", str(place))

    monkeypatch.setattr("tallybook.usecases.doctor.places.os.statvfs", broken)
    found = checkup(bench)
    row = only(found, "ledger.space", "problem")
    assert row["message"].startswith("the check itself failed: OSError: Input/output error, ")
    assert row["hint"] == "mend the place named"
    assert set(problems(found)) == {"ledger.space", "data.space"}


def test_a_check_that_hangs_is_given_up(bench: Bench) -> None:
    done = threading.Event()

    def hanging(_: Workspace) -> Iterator[Finding]:
        done.wait(30)
        yield ok("late", "too late")

    def failing(_: Workspace) -> Iterator[Finding]:
        message = "no such luck"
        raise RuntimeError(message)

    bench.start()
    checks = [Check("a", "hanging", hanging, 0.05), Check("a", "failing", failing), CHECKS[0]]
    hung, failed, version = examine(open_workspace(), checks).entries
    done.set()
    assert (hung.finding.name, hung.finding.status) == ("hanging", Status.PROBLEM)
    assert "longer than 0.05 s" in hung.finding.message
    assert failed.finding.message == "the check itself failed: RuntimeError: no such luck"
    assert "please report it" in failed.finding.hint
    assert version.finding.status is Status.OK


def test_every_check_is_bounded_and_named_once() -> None:
    assert all(0 < check.seconds <= 60 for check in examination.CHECKS)
    assert len({(check.group, check.name) for check in examination.CHECKS}) == len(examination.CHECKS)


def test_hostile_names_are_made_harmless(bench: Bench) -> None:
    place = bench.repo.parent / "evil\x1b[31m\u202e"
    place.mkdir()
    bench.git("init", "-q", cwd=place)
    said = bench.tally("doctor", cwd=place, **{"TALLYBOOK_\x1b[2J": "x"})
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out
    assert "\\u{1b}[31m" in said.out


def test_as_a_process_of_its_own(bench: Bench) -> None:
    bench.start()
    done = program("doctor", cwd=bench.repo)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("no problem")


def test_settings_are_told(bench: Bench) -> None:
    setting(bench, '[capture]\nenabled = false\n[hooks]\nticket = "[A-Z]+: "\n[other]\n')
    found = checkup(bench)
    wrong, rest = found["settings.settings"]
    assert (wrong["status"], wrong["where"]["file"]) == ("problem", "config/tallybook.toml")
    assert rest["status"] == "note"
    assert rest["message"] == "the ledger is not published, capture off, tickets like [A-Z]+: "
    setting(bench, "[ledger\n")
    assert "settings.settings" in problems(checkup(bench))
    setting(bench, "")
    assert only(checkup(bench), "settings.settings", "ok")


def test_the_environment_is_told_by_name_alone(bench: Bench) -> None:
    secret = "sk-verysecret"  # noqa: S105 - made up
    said = bench.tally("doctor", "--json", TALLYBOOK_SESSION=f"codex:{secret}", TALLYBOOK_LEGDER="x")
    rows = [row for row in said.json["checks"] if row["name"] == "environment"]
    assert "TALLYBOOK_SESSION" in rows[0]["message"]
    assert secret not in str(rows)
    assert of_status(rows, "note") == ["there is no variable TALLYBOOK_LEGDER"]
    row = only(checkup(bench, TALLYBOOK_GOAL="g261122-k3f9x2ab"), "settings.environment", "ok")
    assert "TALLYBOOK_GOAL" in row["message"]
    rows = checkup(bench, TALLYBOOK_LEDGER="near")["settings.environment"]
    assert "relative" in of_status(rows, "note")[0]
    rows = checkup(bench, GIT_CEILING_DIRECTORIES="/nowhere")["settings.environment"]
    assert of_status(rows, "note") == ["git looks elsewhere because of GIT_CEILING_DIRECTORIES"]


def test_every_variable_of_the_reference_is_known(bench: Bench) -> None:
    reference = Path(__file__).resolve().parents[2] / "docs" / "reference" / "commands.md"
    named = re.findall(r"(?m)^\| `(TALLYBOOK_[A-Z_]+)` \|", reference.read_text())
    assert len(named) >= 4
    place = str(bench.home / "elsewhere")
    said = bench.tally("doctor", "--json", **dict.fromkeys(named, place))
    assert "there is no variable" not in said.out


def test_the_clock_is_compared_with_the_ledger(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def ahead(**delta: float) -> None:
        with monkeypatch.context() as patch:
            real = SystemClock.now
            patch.setattr(SystemClock, "now", lambda self: real(self) + timedelta(**delta))
            bench.start(f"ahead by {delta}")

    bench.start()
    assert only(checkup(bench), "ledger.clock", "ok")
    ahead(hours=2)
    row = only(checkup(bench), "ledger.clock", "note")
    assert "new events are put behind it" in row["message"]
    assert "the one of this machine was ahead" in row["hint"]
    ahead(days=3)
    found = checkup(bench)
    assert "and 1 in all more than a day" in only(found, "ledger.clock", "problem")["message"]
    assert set(problems(found)) == {"ledger.clock"}
