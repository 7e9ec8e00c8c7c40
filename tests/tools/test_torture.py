"""The command that runs the torture suite: its table, its selections, its exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def torture(*words: str | Path, tests: Path = ROOT / "tests") -> subprocess.CompletedProcess[str]:
    """Run it from the checkout."""
    command = [sys.executable, "-m", "tools.torture", "--jobs", "1", *words]
    environ = {"PYTHONPATH": f"{ROOT / 'src'}:{tests}", "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120)


def test_rows_are_put_into_one_table(tmp_path: Path) -> None:
    """With the seed, the machine and the counts; what is run again takes the place of what was there."""
    first = torture("--seed", "7", "--small", "--rows", "kill,full", "--results", tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("seed 7\n")
    torture("--seed", "8", "--small", "--rows", "kill", "--results", tmp_path)
    (path,) = tmp_path.iterdir()
    page = path.read_text()
    assert path.name.startswith("torture-")
    assert all(f"- {fact}: " in page for fact in ("commit", "kernel", "file system", "tree of src/tallybook/ledger"))
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    assert [line[0] for line in lines] == ["row", "---", "kill", "full"]
    assert [line[3:7] for line in lines[2:]] == [["small", "8", "50", "0"], ["small", "7", "200", "0"]]


def test_a_part_can_be_run(tmp_path: Path) -> None:
    """The table says so."""
    done = torture("--seed", "7", "--small", "--rows", "full", "--parts", "10", "--results", tmp_path)
    assert done.returncode == 0
    (path,) = tmp_path.iterdir()
    assert "| 1/10 of small | 7 | 20 | 0 |" in path.read_text()


def test_cases_can_be_chosen(tmp_path: Path) -> None:
    """No table is kept of them."""
    done = torture("--seed", "7", "--small", "--rows", "full", "--only", "limit 1", "--results", tmp_path)
    assert done.returncode == 0
    assert " 0 failures" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_is_not_there_is_named() -> None:
    """With those that are."""
    done = torture("--rows", "flop")
    assert done.returncode == 2
    assert "there is no row flop; there are syscalls, strace, truncate" in done.stderr
