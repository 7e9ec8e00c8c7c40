"""`tally run` as a process among processes: streams, exit codes, signals, and what can go wrong on either side."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent
from commands.bench import program, tokens
from commands.test_privacy import MARK
from commands.worker import used, worker
from tallybook.usecases.run import end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from commands.bench import Bench, Json

RUN = ("run", "--title", "Mend a shelf", "--kind", "product")
TALLY = [sys.executable, "-m", "tallybook"]
TRAP = """\
import signal, sys, time
told = []
for name in sys.argv[1].split(","):
    signal.signal(getattr(signal, name), lambda number, _: told.append(signal.Signals(number).name))
print("ready", flush=True)
end = time.monotonic() + 20
while not told and time.monotonic() < end:
    time.sleep(0.01)
time.sleep(0.3)
print(*told, flush=True)
sys.exit(int(sys.argv[2]))
"""


def goals(bench: Bench) -> list[Json]:
    found: list[Json] = bench.state()["goals"]
    return found


@pytest.mark.parametrize(
    ("script", "code", "reason", "notes"),
    [
        ("exit 0", 0, None, None),
        ("exit 3", 3, "other", "exit status 3"),
        ("exit 130", 130, "other", "exit status 130"),
        ("kill -9 $$", 137, "other", "ended by signal 9 (SIGKILL)"),
        ("kill -INT $$", 130, "other", "ended by signal 2 (SIGINT)"),
        ("kill -40 $$", 168, "other", "ended by signal 40 (signal 40)"),
    ],
)
def test_the_exit_status_closes_the_goal_and_is_handed_on(
    bench: Bench, script: str, code: int, reason: str | None, notes: str | None
) -> None:
    fit = ("--result-fit", "exact_fit")
    done = program(*RUN, *fit, "--", "sh", "-c", f"cat; echo oops >&2; {script}", input="in and out\n")
    assert (done.returncode, done.stdout) == (code, "in and out\n")
    (goal,) = goals(bench)
    assert (goal["status"], goal["failure_reason"], goal["notes"]) == ("fail" if code else "success", reason, notes)
    assert goal["result_fit"] == (None if code else "exact_fit")
    assert done.stderr.splitlines()[0] == "oops"
    assert f"tally: {goal['id']}  {goal['status']}  Mend a shelf  unmeasured\n" in done.stderr
    assert "stopped by the user" not in done.stderr


def test_notes_of_the_user_stay_beside_the_status(bench: Bench) -> None:
    assert program(*RUN, "--notes", "a try", "--", "false").returncode == 1
    assert program(*RUN, "--notes", "a try", "--quiet", "--", "true").stderr == ""
    assert sorted(goal["notes"] for goal in goals(bench)) == ["a try", "a try; exit status 1"]


def test_all_that_a_goal_can_be_told_at_its_start(bench: Bench) -> None:
    one = bench.start("one")
    bench.ok("finish-task", one, "--status", "success")
    more = ("--ref", "X-1", "--model", "m", "--supersedes", one, "--input", one, "--input-source", "s")
    said = bench.ok(*RUN, *more, "--budget-tokens", "5", "--budget-usd", "2", "--source-id", "a", "--json", "true")
    goal = said.json["goal"]
    assert (goal["links"]["refs"], goal["model"], goal["supersedes"]) == (["X-1"], "m", one)
    assert (goal["links"]["inputs"], goal["links"]["input_sources"]) == ([one], ["s"])
    assert goal["budget"]["tokens"] == 5
    assert goal["source_id"] == "a"


def test_json_has_stdout_for_itself(bench: Bench, tmp_path: Path) -> None:
    done = program(*RUN, "--json", "--output", str(tmp_path / "object"), "--", "sh", "-c", "echo printed; kill -15 $$")
    found = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert "printed\n" in done.stderr
    assert set(found) == {"schema", "goal", "exit_status", "signal", "problems"}
    assert (found["schema"], found["exit_status"], found["signal"]) == ("tallybook.run/1", 143, "SIGTERM")
    assert found["goal"] == goals(bench)[0]
    assert json.loads((tmp_path / "object").read_text()) == found


def test_the_object_in_a_file_leaves_stdout_to_the_command(bench: Bench, tmp_path: Path) -> None:
    done = program(*RUN, "-o", str(tmp_path / "object"), "--", "echo", "--json")
    assert done.stdout == "--json\n"
    assert json.loads((tmp_path / "object").read_text())["goal"] == goals(bench)[0]
    gone = program(*RUN, "-o", str(tmp_path / "there" / "object"), "--", "sh", "-c", "echo x")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "its directory does not exist" in gone.stderr
    (tmp_path / "there").mkdir()
    late = program(*RUN, "-o", str(tmp_path / "there" / "object"), "--", "rmdir", str(tmp_path / "there"))
    assert late.returncode == 0
    assert "its directory does not exist" in late.stderr
    assert len(goals(bench)) == 2


def test_a_file_that_may_not_be_written_is_told_before(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    said = bench.tally(*RUN, "-o", str(tmp_path / "object"), "--", "true")
    assert (said.code, said.out) == (1, "")
    assert "Permission denied" in said.err
    assert goals(bench) == []


@pytest.mark.parametrize(
    ("command", "code", "error"),
    [
        (["nosuch-command"], 127, "command-not-found"),
        (["./nosuch"], 127, "command-not-found"),
        (["./plain"], 126, "command-not-executable"),
        (["/"], 126, "command-not-executable"),
    ],
)
def test_a_command_that_cannot_be_run_opens_no_goal(bench: Bench, command: list[str], code: int, error: str) -> None:
    (bench.repo / "plain").write_text("true\n")
    said = bench.tally(*RUN, "--json", "--", *command)
    assert (said.code, said.error) == (code, error)
    assert bench.lines() == {}


def test_a_script_without_a_first_line_runs_as_in_every_shell(bench: Bench) -> None:
    script = bench.repo / "plain"
    script.write_text('echo "$1"; exit 4\n')
    script.chmod(0o755)
    done = program(*RUN, "--", "./plain", "word")
    assert (done.returncode, done.stdout) == (4, "word\n")


@pytest.mark.parametrize(
    ("first", "code", "notes"),
    [
        ("#!/no/such/interpreter", 127, "could not be started: No such file or directory"),
        ("#!/etc/passwd", 126, "could not be started: Permission denied"),
    ],
)
def test_a_command_that_the_system_does_not_start(bench: Bench, first: str, code: int, notes: str) -> None:
    script = bench.repo / "odd"
    script.write_text(f"{first}\n")
    script.chmod(0o755)
    done = program(*RUN, "--", "./odd")
    assert done.returncode == code
    assert f"tally: the command {notes}" in done.stderr
    (goal,) = goals(bench)
    assert (goal["status"], goal["notes"]) == ("fail", notes)


def test_what_is_refused_starts_nothing(bench: Bench) -> None:
    command = ("--", "touch", "touched")
    assert bench.tally("run", "--title", "t", "--kind", "nosuch", *command).code == 2
    assert bench.tally("run", "--title", "t", "--kind", "meta").code == 2
    assert bench.tally("run", "--kind", "meta", *command).code == 2
    assert bench.tally("run", "--title", "t", "--kind", "meta", "--supersedes", "g261122-00000000", *command).code == 1
    assert bench.tally("run", "--title", "t", "--kind", "meta", "--result-fit", "exact_fit", *command).code == 2
    assert bench.tally("run", "--title", "t", "--kind", "product", "--result-fit", "miss", *command).code == 2
    secret = f"ghp_{MARK}aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1"
    assert bench.tally("run", "--title", secret, "--kind", "product", *command).code == 1
    (bench.home / "file").write_text("")
    said = bench.tally(*RUN, "--json", *command, TALLYBOOK_LEDGER=str(bench.home / "file" / "ledger"))
    assert (said.code, said.error) == (1, "ledger-unusable")
    assert not (bench.repo / "touched").exists()
    assert bench.lines() == {}


@pytest.mark.parametrize("more", [(), ("--json",)])
@pytest.mark.parametrize("code", [0, 5])
def test_a_ledger_that_is_lost_meanwhile_leaves_the_status_alone(
    bench: Bench, more: tuple[str, ...], code: int
) -> None:
    place = bench.ledger
    script = f"mv '{place}' '{place}.away'; touch '{place}'; exit {code}"
    said = bench.tally(*RUN, *more, "--ledger", str(place), "--", "sh", "-c", script)
    assert said.code == code
    place.unlink()
    Path(f"{place}.away").rename(place)
    (goal,) = goals(bench)
    assert goal["status"] == "open"
    status = "--status fail --failure-reason other --notes 'exit status 5'" if code else "--status success"
    hint = f"close it with: tally finish-task {goal['id']} {status} --ledger {place}"
    assert hint in said.err
    if more:
        assert said.error == "ledger-unusable"
    bench.ok("finish-task", goal["id"], "--status", "success")


def test_a_goal_that_is_gone_from_the_ledger(bench: Bench) -> None:
    bench.start("other")
    script = f"for file in '{bench.ledger}'/*.ndjson; do head -n 1 $file > x; cat x > $file; done; exit 2"
    said = bench.tally(*RUN, "--json", "--", "sh", "-c", script)
    assert (said.code, said.error) == (2, "goal-unknown")


@pytest.mark.parametrize(
    ("number", "status", "notes"),
    [
        (signal.SIGTERM, 0, "exit status 0 after SIGTERM"),
        (signal.SIGTERM, 9, "exit status 9 after SIGTERM"),
        (signal.SIGHUP, 0, "exit status 0 after SIGHUP"),
        (signal.SIGINT, 0, None),
        (signal.SIGQUIT, 7, "exit status 7"),
        (signal.SIGUSR1, 0, None),
        (signal.SIGUSR2, 0, None),
    ],
)
def test_signals_are_handed_on(bench: Bench, number: signal.Signals, status: int, notes: str | None) -> None:
    command = [*TALLY, *RUN, "--", sys.executable, "-c", TRAP, number.name, str(status)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(number)
        out, _ = running.communicate(timeout=30)
    assert (running.returncode, out) == (status, f"{number.name}\n")
    (goal,) = goals(bench)
    assert (goal["status"], goal["notes"]) == ("fail" if notes else "success", notes)


def test_what_was_ignored_before_stays_ignored(bench: Bench) -> None:
    script = "trap '' HUP; exec \"$@\""
    inner = [*TALLY, *RUN, "--", "sh", "-c", "echo ready; sleep 1; kill -HUP $$; echo alive"]
    with subprocess.Popen(["sh", "-c", script, "sh", *inner], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGHUP)
        assert running.communicate(timeout=30)[0] == "alive\n"
    assert goals(bench)[0]["status"] == "success"


def test_a_run_that_is_killed_leaves_a_goal_to_close_by_hand(bench: Bench, tmp_path: Path) -> None:
    command = worker("claude", 1, tmp_path / "truth", ["show"], ["say"], ["hold"], ["hold"], ["hold"], ["say"])
    with subprocess.Popen([*TALLY, *RUN, "--", *command], start_new_session=True) as running:
        end = time.monotonic() + 20
        while not bench.events("usage_snapshot") and time.monotonic() < end:
            time.sleep(0.05)
        running.kill()
    while not (tmp_path / "truth").exists() and time.monotonic() < end:
        time.sleep(0.05)
    (goal,) = goals(bench)
    assert goal["status"] == "open"
    done = bench.ok("finish-task", goal["id"], "--status", "fail", "--failure-reason", "other", "--json").goal
    first, last = used(tmp_path / "truth")
    assert tokens(done["tokens"]) == first + last


def read_all(terminal: int) -> Iterator[bytes]:
    with suppress(OSError):
        while data := os.read(terminal, 4096):
            yield data


def test_ctrl_c_reaches_the_command_once_and_the_goal_is_closed(bench: Bench) -> None:
    terminal, other = pty.openpty()
    # A session leader that opens a terminal is controlled by it.
    on_it = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(other)]
    command = [*TALLY, *RUN, "--", sys.executable, "-c", TRAP, "SIGINT,SIGTERM", "6"]
    with subprocess.Popen([*on_it, *command], start_new_session=True) as running:
        out = b""
        while b"ready" not in out:
            out += os.read(terminal, 4096)
        os.close(other)
        os.write(terminal, b"\x03")
        out += b"".join(read_all(terminal))
    os.close(terminal)
    assert running.returncode == 6
    assert out.count(b"SIGINT") == 1
    (goal,) = goals(bench)
    assert (goal["status"], goal["notes"]) == ("fail", "exit status 6")


def test_an_impatient_ctrl_c_after_the_command_does_not_keep_the_goal_open(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> object:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(os.getpid(), number)
        return end(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("tallybook.cli.run_output.end", interrupted)
    bench.ok(*RUN, "--", "true")
    assert goals(bench)[0]["status"] == "success"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_descriptors_and_the_goal_are_handed_down(bench: Bench) -> None:
    script = (
        f'{sys.executable} -m tallybook run --title t --kind meta --quiet -- sh -c "cat <&9; echo \\$TALLYBOOK_GOAL"'
    )
    done = subprocess.run(["bash", "-c", f"{script} 9<<< nine"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["nine", goals(bench)[0]["id"]]


def test_no_word_of_the_command_is_kept(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    agent.say()
    bench.ok(*RUN, "--", "sh", "-c", f": {MARK}", f"--password={MARK}", **agent.environ)
    bench.tally(*RUN, "--", "sh", "-c", f": {MARK}; exit 1")
    for place in (bench.data, bench.ledger.parent):
        for path in place.rglob("*"):
            assert not path.is_file() or MARK.encode() not in path.read_bytes(), path
            assert MARK not in path.name
