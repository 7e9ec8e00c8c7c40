"""`tally completion`: the answers, and each shell running its script, asked for completions as its user would."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tallybook.cli.catalogue import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench

TALLY = f'#!/bin/sh\nexec "{sys.executable}" -m tallybook "$@"\n'
BASH = """\
source <(tally completion bash)
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_tally_completion
printf '%s\\n' "${COMPREPLY[@]}"
"""


def asked(bench: Bench, *words: str) -> list[str]:
    """What bash is told."""
    said = bench.ok("completion", "bash", "--", *words)
    assert said.err == ""
    return said.out.splitlines()


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with the command under test."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "tally").write_text(TALLY)
    (place / "tally").chmod(0o755)
    return f"{place}:{os.environ['PATH']}"


def test_commands_options_and_choices(bench: Bench) -> None:
    assert asked(bench, "") == list(COMMANDS)
    assert asked(bench, "se") == ["settle", "sessions"]
    assert asked(bench, "hooks", "") == ["install", "uninstall", "status"]
    assert asked(bench, "mark", "--no") == ["--notes"]
    assert asked(bench, "start-task", "--title", "a b", "--kind", "") == ["product", "retro", "meta", "check"]
    assert asked(bench, "start-task", "--kind", "=", "re") == ["retro"]
    assert asked(bench, "start-task", "--kind=re") == ["retro"]
    assert asked(bench, "finish-task", "--failure-reason", "un") == ["unclear_task"]
    assert asked(bench, "completion", "") == ["bash", "zsh", "fish"]
    assert asked(bench, "run", "--kind", "meta", "--", "make", "--") == []
    assert asked(bench, "report", "--output", "") == []
    assert asked(bench, "--version", "") == asked(bench, "nosuch", "")


def test_goals_are_offered_the_open_ones_first(bench: Bench) -> None:
    old = bench.start("old")
    bench.ok("finish-task", old, "--status", "success")
    kept = bench.start("kept: open")
    newer = bench.start("newer")
    bench.ok("finish-task", newer, "--status", "success")
    for words in (["show"], ["finish-task"], ["mark", "plan", "--goal"], ["start-task", "--supersedes"]):
        assert asked(bench, *words, "") == [kept, newer, old]
    assert asked(bench, "run", "--input", old) == [old]
    assert asked(bench, "continue-task", "nosuch") == []
    assert asked(bench, "show", "--ledger", str(bench.home / "empty"), "") == []
    zsh = bench.ok("completion", "zsh", "--", "show", kept).out
    assert zsh == f"{kept}:open: kept: open\n"
    assert bench.ok("completion", "fish", "--", "show", kept).out == f"{kept}\topen: kept: open\n"


def test_what_cannot_be_read_offers_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.start()

    def broken(*_: object) -> None:
        message = "no"
        raise OSError(message)

    monkeypatch.setattr("tallybook.cli.completing.here", broken)
    assert asked(bench, "show", "") == []
    monkeypatch.setattr("tallybook.cli.completing.command_line", broken)
    assert asked(bench, "") == []


def test_as_json(bench: Bench) -> None:
    found = bench.ok("completion", "fish", "--json", "--", "mar").json
    assert found == {"schema": "tallybook.completion/1", "shell": "fish", "words": ["mark"], "problems": []}
    script = bench.ok("completion", "zsh", "--json").json["script"]
    assert script == bench.ok("completion", "zsh").out


def test_answers_import_no_library_for_terminals(bench: Bench) -> None:
    bench.start()
    code = "import sys; from tallybook.__main__ import main; main(); assert 'rich' not in sys.modules"
    command = [sys.executable, "-c", code, "completion", "bash", "--", "show", "g"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("g")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["s"], ["start-task", "settle", "sessions", "show", "sync", "scan"]),
        (["start-task", "--title", "'a b'", "--kind", ""], ["product", "retro", "meta", "check"]),
        (["verify", "--js"], ["--json"]),
    ],
)
def test_bash(bench: Bench, path: str, words: list[str], expected: list[str]) -> None:
    bench.start()
    command = ["bash", "--norc", "-c", BASH, "bash", "tally", *words]
    done = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (expected, "")


def test_bash_at_its_prompt(bench: Bench, path: str) -> None:
    goal = bench.start()
    environ = {**os.environ, "PATH": path, "TERM": "dumb", "PS1": "ready> ", "INPUTRC": "/dev/null"}
    lines = (b"source <(tally completion bash)\n", b"tally show g\t")
    assert goal in typed(["bash", "--norc", "-i"], environ, *lines, awaited=(goal,))


def test_zsh(bench: Bench, path: str) -> None:
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("zsh is not installed")
    goal = bench.start()
    environ = {**os.environ, "PATH": path, "TERM": "dumb", "PS1": "ready> "}
    setup = b"autoload -U compinit; compinit -u -D; source <(tally completion zsh)\n"
    kinds = ("product", "retro", "meta", "check")
    for line, awaited in (
        (b"tally show g\t", (goal,)),
        (b"tally start-task --kind \t\t", kinds),
        (b"tally report --output READ\t", ("README.md",)),
    ):
        said = typed([zsh, "-f", "-i"], environ, setup, line, awaited=awaited)
        assert all(word in said for word in awaited)


def test_fish(bench: Bench, path: str) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not installed")
    goal = bench.start("kept")
    environ = {**os.environ, "PATH": path}

    def offered(line: str) -> list[str]:
        script = f"tally completion fish | source; complete -C {json.dumps(line)}"
        done = subprocess.run(
            [fish, "--no-config", "-c", script], env=environ, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    assert [row.split("\t")[0] for row in offered("tally s")] == [
        *("start-task", "settle", "sessions", "show", "sync", "scan")
    ]
    assert offered("tally show ") == [f"{goal}\topen: kept"]
    assert [row.split("\t")[0] for row in offered("tally start-task --title 'a b' --kind ")] == [
        "product",
        "retro",
        "meta",
        "check",
    ]
    assert [row.split("\t")[0] for row in offered("tally report --output READ")] == ["README.md"]


def typed(command: list[str], environ: dict[str, str], *lines: bytes, awaited: tuple[str, ...]) -> str:
    """What a shell shows on a terminal of its own when the lines are typed, up to all that is awaited of the last."""
    terminal, other = pty.openpty()
    os.set_blocking(terminal, False)
    with subprocess.Popen(
        command, stdin=other, stdout=other, stderr=other, env=environ, start_new_session=True
    ) as shell:
        os.close(other)
        out = b""
        for line in lines:
            out = b""
            os.write(terminal, line)
            quiet, end = time.monotonic() + 1.5, time.monotonic() + 60
            while time.monotonic() < quiet or (line is lines[-1] and time.monotonic() < end):
                try:
                    out += os.read(terminal, 4096)
                    quiet = time.monotonic() + 1.5
                except BlockingIOError:
                    time.sleep(0.02)
                if line is lines[-1] and all(word.encode() in out for word in awaited):
                    break
        shell.kill()
    os.close(terminal)
    return out.decode(errors="replace")
