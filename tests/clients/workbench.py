"""Real agent programs against a model server on loopback: what they were served is the truth."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
AGAIN = {"codex": ["resume", "--last"], "claude": ["--continue"]}
"""How the last session is gone on with."""
COMPONENTS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
SERVED = ("input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "output")
PINS = {"codex": "@openai/codex@0.169.0", "claude": "@anthropic-ai/claude-code@2.1.197"}
EARLIER = {
    "codex-0.130.0": "@openai/codex@0.130.0",
    **{f"claude-{version}": f"@anthropic-ai/claude-code@{version}" for version in ("1.0.128", "2.0.77", "2.1.105")},
    "claude-2.1.330": "@anthropic-ai/claude-code@2.1.330",
}
"""Other builds, whose hooks are tried too."""


_CLIENTS = Path(os.environ.get("TALLYBOOK_CLIENTS", ROOT.parent / "shared" / "clients"))
"""As the environment had it when the tests began: each of them runs in one of its own."""


def clients_directory() -> Path:
    """Where the scripts that run real agent programs lie."""
    return _CLIENTS


def missing() -> str | None:
    """Why real agent programs can't be run here, or None."""
    if not (clients_directory() / "mock_llm.py").exists():
        return "no scripts for real agent programs: set TALLYBOOK_CLIENTS to their directory"
    for program in ("npm", "unshare", "ip"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    probe = subprocess.run([clients_directory() / "netns.sh", "true"], capture_output=True, check=False)
    return None if probe.returncode == 0 else "network namespaces can't be made here"


def install(tools: Path, pins: Mapping[str, str]) -> str | None:
    """Install agent programs below ``tools`` unless they are there; the reason if that fails.

    Tests that run side by side wait for each other: two installs into one place would take each other's files away.
    """
    tools.mkdir(parents=True, exist_ok=True)
    with (tools / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        return _installed(tools, pins)


def _installed(tools: Path, pins: Mapping[str, str]) -> str | None:
    for name, package in pins.items():
        place = tools / name
        if (place / "node_modules").exists():
            continue
        place.mkdir(parents=True, exist_ok=True)
        (place / "package.json").write_text('{"name": "bench", "private": true}')
        done = subprocess.run(
            ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", package],
            cwd=place,
            env={"PATH": os.environ["PATH"], "HOME": str(tools / "npm-home")},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode != 0:
            shutil.rmtree(place / "node_modules", ignore_errors=True)
            return f"npm could not install {package}: {done.stderr.strip()[-200:]}"
    return None


class Served(msgspec.Struct, frozen=True):
    """One model call, as the server counted it."""

    label: str
    session: str
    tokens: dict[str, int]
    calls: int
    asked: bool
    """It answers the prompt; other calls are the agent's own idea, such as the warm-up of early builds."""


class Bench(msgspec.Struct):
    """One place in which agents run, with the command under test on their PATH."""

    place: Path
    tools: Path
    scripts: dict[str, str] = msgspec.field(default_factory=dict)
    """Further commands on the agents' PATH, by name."""

    @property
    def out(self) -> Path:
        return self.place / "out"

    def run(self, only: str, *prompts: str) -> list[Served]:
        """Run ``prompts`` in one session of the agent ``only``; everything that was served, in order."""
        self.login()
        steps: list[list[object]] = [
            [only, [f"run-{number}"], [*(AGAIN[only] if number else []), f"[[run {prompt}]]"], None]
            for number, prompt in enumerate(prompts)
        ]
        return [call for calls in wrapped(self, steps).values() for call in calls]

    def run_hooked(self, agent: str, tool: str, *prompts: str) -> list[Served]:
        """Run ``prompts`` in one session of one build, with the hooks that its own files name."""
        scripts, driver = clients_directory(), Path(__file__).with_name("hooked_run.py")
        words = (sys.executable, driver, scripts, self.out, agent, self.tools / tool, self.login(), *prompts)
        done = subprocess.run(
            [scripts / "netns.sh", *map(str, words)],
            env={"PATH": os.environ["PATH"], "HOME": str(self.place), "TALLYBOOK_HOME": str(self.place / "data")},
            capture_output=True,
            text=True,
            check=False,
            timeout=170,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [served(call) for call in self.truth()]

    def login(self) -> Path:
        """The directory of commands; a login shell sets PATH anew, and the agents' own shell tool starts one."""
        commands = self.commands()
        for agent in PINS:
            home = self.out / agent / "home"
            home.mkdir(parents=True, exist_ok=True)
            (home / ".bash_profile").write_text(f'export PATH="{commands}:$PATH"\n')
        return commands

    def commands(self) -> Path:
        """The directory with the command under test, and what else is to be on the agents' PATH."""
        place = self.place / "bin"
        place.mkdir(parents=True, exist_ok=True)
        tally = f'#!/bin/sh\nexport TALLYBOOK_HOME="{self.place}/data"\nexec "{sys.executable}" -m tallybook "$@"\n'
        for name, text in {"tally": tally, **self.scripts}.items():
            (place / name).write_text(text)
            (place / name).chmod(0o755)
        return place

    def truth(self) -> list[dict[str, object]]:
        """All model calls that stand in a session's log, as the server counted them, in order."""
        lines = (self.out / "truth" / "ground_truth.jsonl").read_text().splitlines()
        # Calls without tools (titles, topic checks of older builds) stand in no session log.
        return [call for call in map(json.loads, lines) if not call.get("side")]

    def tally(self, agent: str, *arguments: str) -> dict[str, object]:
        """The JSON object of a command, run by hand in the agent's repository."""
        done = subprocess.run(
            [sys.executable, "-m", "tallybook", *arguments, "--json"],
            cwd=self.out / agent / "work",
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.out / agent / "home"),
                "TALLYBOOK_HOME": str(self.place / "data"),
                **{
                    name: str(self.out / agent / "home" / place)
                    for name, place in (("CODEX_HOME", ".codex"), ("CLAUDE_CONFIG_DIR", ".claude"))
                },
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        document: dict[str, object] = json.loads(done.stdout)
        return document


def wrapped(bench: Bench, steps: list[list[object]]) -> dict[str, list[Served]]:
    """Run the steps as ``wrapped.py`` explains; what was served during each, by its title."""
    scripts = clients_directory()
    own = str(Path(__file__).with_name("wrapped.py"))
    words = [str(scripts), str(bench.tools), str(bench.out), str(bench.commands()), json.dumps(steps)]
    done = subprocess.run(
        [scripts / "netns.sh", sys.executable, own, *words],
        env={"PATH": os.environ["PATH"], "HOME": str(bench.place)},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, list[Served]] = {}
    for call in bench.truth():
        found.setdefault(str(call["scenario"]), []).append(served(call))
    return found


def served(call: dict[str, object]) -> Served:
    """One line of the server's own account."""
    neutral, act = call["neutral"], call["act"]
    assert isinstance(neutral, dict)
    assert isinstance(act, dict)
    tokens = {name: int(neutral[theirs]) for name, theirs in zip(COMPONENTS, SERVED, strict=True)}
    return Served(str(call["label"]), str(call["session"]), tokens, int(act.get("calls", 0)), call.get("tag") == "run")
