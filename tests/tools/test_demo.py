"""The demo holds the tool to numbers that it knows, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[2] / "tools" / "demo.py"
WRONG = (
    "import sys; sys.path.insert(0, sys.argv[1]); import demo; demo.REMAINDER.append('plan'); sys.exit(demo.main([]))"
)


def run(place: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Python with a home and a directory for temporary files of its own."""
    for name in ("home", "tmp"):
        (place / name).mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(place / "home"), "TMPDIR": str(place / "tmp")}
    command = [sys.executable, "-B", *words]
    return subprocess.run(command, cwd=place, env=env, capture_output=True, encoding="utf-8", check=False, timeout=120)


def test_runs_green_and_leaves_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, DEMO)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("All numbers equal the truth of the 17 made-up responses.\n")
    assert "this commit names no task" in done.stdout
    assert re.search(r"(?m)^Task: g\d{6}-\w{8}$", done.stdout)
    assert "# Work done by agents\n" in done.stdout
    assert str(tmp_path) not in done.stdout
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == [Path("home"), Path("tmp")]


def test_sees_a_wrong_number(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", WRONG, DEMO.parent)
    assert done.returncode == 1
    assert re.search(r"(?m)^WRONG  remainder: shown .*, true ", done.stdout)
    assert done.stdout.endswith("Some numbers are wrong.\n")


def test_keeps_its_world_where_asked(tmp_path: Path) -> None:
    done = run(tmp_path, DEMO, "--keep", tmp_path / "kept")
    assert done.returncode == 0
    goal = re.findall(r"g\d{6}-\w{8}", done.stdout)[0]
    look = f'. "{tmp_path}/kept/environment" && exec "{sys.executable}" -m tallybook show {goal} --json'
    shown = subprocess.run(["sh", "-c", look], capture_output=True, text=True, check=True)
    assert '"total": 102065' in shown.stdout


@pytest.mark.parametrize("words", [["--keep"], ["--other", "x"]])
def test_refuses_what_it_does_not_know(tmp_path: Path, words: list[str]) -> None:
    done = run(tmp_path, DEMO, *words)
    assert (done.returncode, done.stdout) == (2, "")


def test_refuses_a_place_in_use(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    done = subprocess.run([sys.executable, "-B", DEMO, "--keep", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is in use" in done.stderr
