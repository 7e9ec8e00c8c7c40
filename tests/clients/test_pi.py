"""Pi's own sessions, written while a server on loopback counts: each logged call once, by session and model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from clients.workbench import clients_directory, install

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.clients

PIN = {"pi": "@mariozechner/pi-coding-agent@0.73.1"}
RESUMED = {"anthropic-continue-env": "anthropic-sh"}
"""What goes on in the session of another scenario; each of the others has one of its own."""
Sums = Counter[tuple[str, tuple[tuple[str, int], ...], int]]


def run(tools: Path, out: Path) -> list[dict[str, Any]]:
    """Let Pi run through its scenarios; every call that the server answered."""
    scripts = clients_directory()
    words = [sys.executable, scripts / "drive.py", "--out", out, "--tools", tools, "--only", "pi"]
    done = subprocess.run(
        [scripts / "netns.sh", *map(str, words)],
        env={"PATH": os.environ["PATH"], "HOME": str(out)},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    calls: list[dict[str, Any]] = json.loads((out / "ground_truth.json").read_text())["calls"]
    return calls


def served(calls: list[dict[str, Any]]) -> Sums:
    """Model, sums and number of calls of each session, as the server knows them."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    numbers: Counter[tuple[str, str]] = Counter()
    for call in calls:
        if call["logged"] != "yes":
            continue
        key, told = (RESUMED.get(call["scenario"], call["scenario"]), call["model"]), call["neutral"]
        numbers[key] += 1
        found[key] += Counter(
            input=told["input_uncached"],
            cache_read=told["cache_read"],
            cache_write=told["cache_write_5m"] + told["cache_write_1h"],
            output=told["output"],
        )
    return Counter((model, tuple(sorted(found[_, model].items())), numbers[_, model]) for _, model in found)


def told(out: Path, tmp_path: Path) -> Sums:
    """The same as ``tally usage`` tells it."""
    path = {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "tallybook", "usage", "--by", "session", "--by", "model", "--json"],
        cwd=out / "pi" / "work",
        env={"PATH": os.environ["PATH"], "HOME": str(out / "pi" / "home"), "TALLYBOOK_HOME": str(tmp_path / "data")}
        | path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert {row["quality"] for row in rows} == {"exact"}
    parts = ("input", "cache_read", "cache_write", "output")
    return Counter(
        (
            row["key"]["model"],
            tuple(sorted((+Counter({one: row["tokens"][one] for one in parts})).items())),
            row["responses"],
        )
        for row in rows
    )


def test_each_call_that_pi_logs_counts_once(tools: Path, tmp_path: Path) -> None:
    """Three providers, a resumed session and a fork: what is told is what was served."""
    reason = install(tools, PIN)
    if reason is not None:
        pytest.skip(reason)
    out = tmp_path / "out"
    out.mkdir()
    calls = run(tools, out)
    expected = served(calls)
    assert sum(number for _, _, number in expected.elements()) >= 9
    assert told(out, tmp_path) == expected
