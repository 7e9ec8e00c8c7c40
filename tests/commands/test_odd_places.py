"""Ledgers in odd places, on real mounts: commands say what is wrong with the place, and lose nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent
from commands.mounting import MISSING, OWN_MOUNTS

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench, Json

pytestmark = pytest.mark.skipif(not OWN_MOUNTS, reason=MISSING)


def mounted(bench: Bench, mount: str, *steps: tuple[str, ...] | str) -> list[tuple[int, Json]]:
    """Exit code and JSON of commands with a mount of their own, which is gone afterwards; text is for the shell."""
    program = f"{sys.executable} -P -m tallybook"
    script = [f"set -e; {mount}; set +e"]
    for step in steps:
        line = step if isinstance(step, str) else f'{program} {" ".join(step)} --json 2>/dev/null; echo " $?"'
        script.append(line)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [*OWN_MOUNTS, "sh", "-c", "\n".join(script)],
        cwd=bench.repo,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line]
    return [(int(code), json.loads(text)) for text, code in zip(lines[::2], lines[1::2], strict=True)]


def finding(told: Json, check: str) -> tuple[str, str]:
    """Status and message of one check of the doctor."""
    (row,) = [row for row in told["checks"] if f"{row['group']}.{row['name']}" == check]
    return row["status"], row["message"]


def test_a_read_only_file_system(bench: Bench) -> None:
    """Reading goes on, writing says where and what helps, and nothing has changed."""
    goal = bench.start("one", "--untracked")
    before = bench.lines()
    show, start, verify, doctor = mounted(
        bench,
        f"mount --bind {bench.repo} {bench.repo}; mount -o remount,ro,bind {bench.repo}; cd {bench.repo}",
        ("show",),
        ("start-task", "--title", "two", "--kind", "product", "--untracked"),
        ("verify",),
        ("doctor",),
    )
    assert (show[0], [row["id"] for row in show[1]["goals"]]) == (0, [goal])
    assert start[0] == 1
    assert "Read-only file system" in start[1]["error"]["message"]
    assert "read-only" in start[1]["error"]["hint"]
    assert verify[0] == 0
    assert finding(doctor[1], "ledger.space")[0] == "problem"
    assert "read-only" in finding(doctor[1], "ledger.space")[1]
    assert bench.lines() == before


def test_memory_and_layers_are_named(bench: Bench, tmp_path: Path) -> None:
    """A ledger that is gone with the machine or the container works, and the doctor says what it lies on."""
    ledger = tmp_path / "ledger"
    lower, upper = tmp_path / "lower", tmp_path / "upper"
    for place in (ledger, lower, upper):
        place.mkdir()
    words = ("start-task", "--title", "one", "--kind", "product", "--untracked", "--ledger", str(ledger))
    doctor = ("doctor", "--ledger", str(ledger))
    inner = f"lowerdir={lower},upperdir={upper}/u,workdir={upper}/w"
    overlay = f"mount -t tmpfs none {upper}; mkdir {upper}/u {upper}/w; mount -t overlay overlay -o {inner} {ledger}"
    for mount, kind in ((f"mount -t tmpfs none {ledger}", "tmpfs"), (overlay, "overlay")):
        start, told = mounted(bench, mount, words, doctor)
        assert start[0] == 0
        status, message = finding(told[1], "ledger.file-system")
        assert (status, message.partition(",")[0]) == ("note", kind)


def test_a_ledger_on_another_disk_than_its_clone(bench: Bench) -> None:
    """It works, and the doctor says what is to be known of it."""
    bench.start("one", "--untracked")
    words = ("start-task", "--title", "two", "--kind", "product", "--untracked")
    mount = f"mount -t tmpfs none {bench.ledger}; cd {bench.repo}"
    start, doctor = mounted(bench, mount, words, ("doctor",))
    assert start[0] == 0
    status, message = finding(doctor[1], "ledger.device")
    assert (status, message.partition(":")[0]) == ("note", f"on another file system than {bench.repo / '.git'}")
    assert finding(mounted(bench, f"cd {bench.repo}", ("doctor",))[0][1], "ledger.device")[0] == "ok"


def test_a_full_disk(bench: Bench, tmp_path: Path) -> None:
    """The event is not acknowledged, and what was there is whole; with room again the next one is good."""
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    words = ("start-task", "--title", "one", "--kind", "product", "--untracked", "--ledger", str(ledger))
    verify = ("verify", "--ledger", str(ledger))
    results = mounted(
        bench,
        f"mount -t tmpfs -o size=64k none {ledger}",
        words,
        f"dd if=/dev/zero of={ledger}/filler bs=4k count=99 2>/dev/null",
        *[words] * 9,
        verify,
        ("doctor", "--ledger", str(ledger)),
        f"rm {ledger}/filler",
        words,
        verify,
    )
    first, *tries, full, doctor, again, last = results
    assert first[0] == 0
    assert tries[-1][0] == 1
    assert "No space left" in tries[-1][1]["error"]["message"]
    acknowledged = 1 + sum(code == 0 for code, _ in tries)
    assert (full[0], full[1]["events"]) == (0, acknowledged)
    assert finding(doctor[1], "ledger.space")[0] == "problem"
    assert (again[0], last[0], last[1]["events"]) == (0, 0, acknowledged + 1)


def asked(bench: Bench, agent: ClaudeAgent) -> list[tuple[str, ...]]:
    """Every command that only reads, with what it needs."""
    return [
        ("show",),
        ("log",),
        ("verify",),
        ("report",),
        ("usage", "--by", "model"),
        ("usage", "--no-update"),
        ("sessions",),
        ("why", agent.session),
        ("limits",),
        ("history", "compare"),
        ("history", "audit"),
        ("reconcile",),
        ("check", "list"),
        ("budget", "show"),
        ("hooks", "status"),
        ("show", bench.state()["goals"][0]["id"]),
    ]


def without_notes(told: Json) -> Json:
    """What was answered, but for what stood in the way and what changes with the time of day."""
    kept = {key: value for key, value in told.items() if key not in {"problems", "blocks", "at"}}
    rows = [line for line in str(told.get("markdown", "")).splitlines() if line.startswith("|")]
    return kept | {"markdown": rows}


@pytest.mark.parametrize("place", ["read-only", "full"])
def test_nothing_can_be_written_anywhere(bench: Bench, tmp_path: Path, place: str) -> None:
    """Every command that reads says what it said before, and that the history was not brought up to date."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    bench.start("one", **agent.environ)
    agent.say()
    bench.ok("usage")
    commands = asked(bench, agent)
    before = {words: bench.tally(*words, "--json") for words in commands}
    assert {said.code for said in before.values()} <= {0, 1}
    agent.say()
    copy = tmp_path / "copy"
    mount = {
        "read-only": "; ".join(
            f"mount --bind {path} {path}; mount -o remount,ro,bind {path}" for path in (bench.home, bench.repo)
        ),
        "full": f"cp -a {bench.data} {copy}; mount -t tmpfs -o size=4m none {bench.data}; cp -a {copy}/. {bench.data};"
        f" dd if=/dev/zero of={bench.data}/filler bs=4k 2>/dev/null || true",
    }[place]
    for words, (code, told) in zip(commands, mounted(bench, f"{mount}; cd {bench.repo}", *commands), strict=True):
        assert (words, code) == (words, before[words].code)
        assert without_notes(told) == without_notes(before[words].json), words
        codes = {problem["code"] for problem in told.get("problems", ())}
        if words[0] in {"usage", "sessions", "why", "limits", "history", "reconcile"} and words[-1] != "--no-update":
            assert "history-not-updated" in codes, words
