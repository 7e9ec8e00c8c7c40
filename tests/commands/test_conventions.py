"""What holds of every command: streams, exit codes, help, and that reading writes nothing."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import program, tree
from tallybook.cli.catalogue import COMMANDS
from tallybook.ledger.store import Ledger

if TYPE_CHECKING:
    from commands.bench import Bench

READING = [
    *(["show"], ["show", "--json"], ["log"], ["report"], ["report", "--json"], ["verify"], ["sessions"]),
    *(["usage"], ["usage", "--by", "session", "--json"]),
    *(["sessions", "--json"], ["hooks", "status"], ["--help"], ["mark", "--help"], ["settle"]),
    *(["doctor"], ["doctor", "--json"], ["scan", "secrets"], ["scan", "boundary", "--json"]),
    *(["history", "update"], ["history", "classify", "--json"], ["history", "derive"]),
    *(["history", "compare", "--all"], ["history", "compare", "--json"], ["history", "audit", "--json"]),
    *(["cost-audit"], ["cost-audit", "--json"], ["cost-audit", "--no-update", "--kind", "check"]),
    *(["budget", "show"], ["check", "list"], ["check", "list", "--json"]),
    *(["completion", "bash"], ["completion", "bash", "--", "show", ""]),
    *(["init", "--dry-run"], ["hooks", "install", "--dry-run"], ["hooks", "uninstall", "--dry-run"]),
    *(["agent", "status"], ["agent", "install", "codex", "--dry-run"], ["agent", "uninstall", "claude", "--dry-run"]),
]
TALLY = [sys.executable, "-m", "tallybook"]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_reading_writes_nothing_outside_of_the_data_directory(bench: Bench, command: list[str]) -> None:
    agent = CodexAgent(bench, 1)
    agent.say()
    ClaudeAgent(bench, 2).say()
    bench.start(**agent.environ)
    agent.say()
    (bench.repo / "dirty").write_text("x")
    agents = (bench.home / ".codex", bench.home / ".claude")
    before = tree(bench.repo, *agents)
    around = sorted(path.name for path in (*bench.home.iterdir(), *bench.repo.parent.iterdir()))
    bench.ok(*command)
    assert tree(bench.repo, *agents) == before
    assert sorted(path.name for path in (*bench.home.iterdir(), *bench.repo.parent.iterdir())) == around


@pytest.mark.parametrize(
    "command",
    [["show"], ["log"], ["report"], ["verify"], ["hooks", "status"], ["agent", "status"], ["settle"], ["doctor"]],
)
def test_reading_before_anything_was_written_makes_nothing(bench: Bench, command: list[str]) -> None:
    before = tree(bench.repo.parent, bench.home)
    bench.ok(*command)
    assert tree(bench.repo.parent, bench.home) == before


def test_files_are_private(bench: Bench) -> None:
    old = os.umask(0)
    try:
        agent = ClaudeAgent(bench, 1)
        agent.say()
        goal = bench.start(**agent.environ)
        bench.ok("mark", "plan", **agent.environ)
        bench.ok("finish-task", goal, "--status", "success", **agent.environ)
        bench.ok("sessions")
        bench.ok("report")
    finally:
        os.umask(old)
    for place in (bench.data, bench.ledger.parent):
        for name, (mode, _, content) in tree(place).items():
            assert mode & 0o777 == (0o700 if content is None else 0o600), name


def test_every_command_has_help(bench: Bench) -> None:
    listed = bench.ok("--help").out
    for name in COMMANDS:
        assert name in listed
        said = bench.ok(name, "--help")
        assert "Usage: tally" in said.out
        assert said.out == bench.ok(name, "-h").out
    assert bench.ok("--version").out == program("-V").stdout


GROUPS = {
    "agent": ("agent install", "agent uninstall", "agent status"),
    "budget": ("budget set", "budget show"),
    "limits": ("limits", "limits status-text"),
    "prices": ("prices list", "prices show", "prices coverage", "prices explain"),
    "check": ("check start", "check mark", "check complete", "check add", "check list"),
    "scan": ("scan boundary", "scan secrets"),
    "history": tuple(f"history {name}" for name in ("update", "ingest", "classify", "derive", "compare", "audit")),
}
ONE_OBJECT = [name for command in COMMANDS for name in GROUPS.get(command, (command,))]


@pytest.mark.parametrize("command", sorted(set(ONE_OBJECT) - {"hook", "hooks"}))
def test_every_command_gives_one_object(bench: Bench, command: str) -> None:
    goal, other = (bench.start(title, "--untracked", kind="check") for title in ("one", "other"))
    more = {
        "start-task": ("--title", "t", "--kind", "meta"),
        "continue-task": (goal,),
        "mark": ("plan", "--goal", goal),
        "finish-task": (goal, "--status", "success"),
        "update": (goal, "--title", "t"),
        "merge-tasks": ("--keep", goal, "--drop", other),
        "budget set": (goal, "--tokens", "5"),
        "agent install": ("claude",),
        "agent uninstall": ("codex",),
        "check start": ("--source-id", "s"),
        "check mark": ("--id", goal, "--stage", "read"),
        "check complete": ("--id", goal),
        "check add": ("--source-id", "s"),
        "completion": ("bash",),
        "reconcile": ("report.json",),
        "limits status-text": ("panel.txt",),
        "import": ("report.json",),
        "prices show": ("gpt-5",),
        "sync": ("--remote", "."),
        "check-commits": ("--title", "Add a parser"),
    }
    (bench.repo / "panel.txt").write_text("Credits: 3 credits")
    (bench.repo / "report.json").write_text('{"daily": []}')
    more["run"] = more["start-task"]
    if command in {"why", "prices explain"}:
        session = ClaudeAgent(bench, 1)
        session.say()
        more["why"] = (session.session,)
    if command == "prices explain":
        (log,) = bench.ok("why", session.session, "--json").json["logs"]
        more[command] = next((one["response"],) for line in log["lines"] for one in line["counted"])
    last = ("true",) if command == "run" else ()
    said = bench.ok(*command.split(), *more.get(command, ()), "--json", *last)
    assert said.json["schema"].startswith("tallybook.")
    assert isinstance(said.json["problems"], list)
    wrong = bench.tally(*command.split(), "--no-such-option", "--json")
    assert (wrong.code, wrong.error) == (2, "usage")
    assert wrong.err.startswith("tally: No such option")


def test_what_is_no_command(bench: Bench) -> None:
    assert bench.misused("nosuch") == "usage"
    said = bench.tally()
    assert (said.code, said.err) == (2, "tally: no command was given\n  tally --help tells what it takes\n")
    assert bench.misused("show", "a", "b") == "usage"


def test_a_lock_that_is_held_is_exit_4_and_names_the_holder(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    goal = bench.start()
    monkeypatch.setattr("tallybook.usecases.workspace.Ledger", partial(Ledger, lock_timeout=0.2))
    script = (
        "import pathlib, sys; from tallybook.ledger.lock import held\n"
        "with held(pathlib.Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    words = [sys.executable, "-c", script, str(bench.ledger), "--secret"]
    with subprocess.Popen(words, **pipes) as holder:  # type: ignore[call-overload]
        assert holder.stdout.readline()
        (file,) = bench.ledger.glob("*.ndjson")
        file.write_bytes(file.read_bytes() + b"torn")
        before = bench.lines()
        for command in (("mark", "plan"), ("finish-task", goal, "--status", "success"), ("repair",)):
            said = bench.tally(*command, "--json")
            assert (said.code, said.error) == (4, "lock-timeout")
            assert re.search(rf"0\.2 s by process {holder.pid} \(python[^ ]*\), since 20[-0-9]+T[:0-9]+Z: ", said.err)
            assert "--secret" not in said.err
        for command in (("show",), ("log",), ("report",)):
            bench.ok(*command)
        holder.stdin.close()
    assert bench.lines() == before
    bench.ok("mark", "plan")


def test_a_reader_that_leaves_early_is_no_fault(bench: Bench) -> None:
    goal = bench.start()
    for number in range(40):
        bench.ok("mark", f"stage {number} " + "x" * 1500, "--goal", goal)
    for command in ("show --json", "log", "report", "show nosuch --json", "--help", "--version"):
        line = f"{sys.executable} -m tallybook {command} | head -c 1; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
        assert done.returncode == (1 if "nosuch" in command else 0), done
        assert "Exception" not in done.stderr
        assert "Traceback" not in done.stderr


def test_talk_that_nobody_hears_changes_no_exit_code(bench: Bench) -> None:
    """Talk goes to a pipe whose reader has left before there was any."""
    bench.start()
    for command, code in (("usage", 0), ("usage --json", 0), ("mark plan", 0), ("nosuch", 2)):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "w") as deaf:
            done = subprocess.run([*TALLY, *command.split()], stdout=subprocess.PIPE, stderr=deaf, check=False)
        assert done.returncode == code, done


@pytest.mark.parametrize("command", ["show", "show --json", "report", "log", "--version", "mark plan --json", "nosuch"])
@pytest.mark.parametrize("where", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams(bench: Bench, command: str, where: str) -> None:
    bench.start()
    line = f"{sys.executable} -m tallybook {command} {where}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == (2 if command == "nosuch" else 0)
    assert "Traceback" not in done.stderr
    assert bench.ok("verify").code == 0


@pytest.mark.parametrize("command", ["show", "report", "log --json", "--version", "mark plan"])
def test_a_full_device_is_told(bench: Bench, command: str) -> None:
    bench.start()
    line = f"{sys.executable} -m tallybook {command} > /dev/full"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_any_encoding_will_do(bench: Bench) -> None:
    assert bench.repo == Path.cwd()
    done = program(
        "start-task", "--title", "café ☕", "--kind", "meta", env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert done.returncode == 0
    assert "caf\\xe9 \\u2615" in done.stdout
    told = program("show", "--json", env={**os.environ, "PYTHONIOENCODING": "ascii"}).stdout
    assert told.isascii()
    assert "caf\\u00e9 \\u2615" in told
    assert "café ☕" in program("show", "--json", env={**os.environ, "PYTHONIOENCODING": "utf-8"}).stdout


def test_a_directory_whose_name_is_no_text(bench: Bench, tmp_path: Path) -> None:
    place = tmp_path / os.fsdecode(b"caf\xe9")
    place.mkdir()
    bench.git("init", "-q", cwd=place)
    for command in (("init",), ("hooks", "status"), ("show",), ("sessions",)):
        assert bench.ok(*command, "--json", cwd=place).json["schema"]
        done = program(*command, cwd=place, errors="replace", env={**os.environ, "PYTHONIOENCODING": "utf-8"})
        assert done.returncode == 0
        assert "Traceback" not in done.stderr


def test_an_interrupt_leaves_nothing_behind(bench: Bench) -> None:
    bench.start()
    before = bench.lines()
    with (bench.ledger / "ledger.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen([*TALLY, "mark", "plan"], stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate(timeout=20)
    assert waiting.returncode == 130
    assert err == "tally: stopped by the user\n"
    assert bench.lines() == before
    bench.ok("mark", "plan")
