"""Runs every module of this directory that has ``rows``, prints one table and keeps it beside the commit's name."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Final

from bench.table import markdown, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.table import Row

HERE: Final = Path(__file__).resolve().parent
RESULTS: Final = HERE / "results"
MEASURED: Final = ("src", "bench", "tests/loggen", "tests/torture", "tools/torture.py", ":!bench/results")
"""What a measurement depends on."""


def main(names: Sequence[str]) -> None:
    """Run the modules named, or all; the table of all is kept."""
    found: list[Row] = []
    for name in names or sorted(path.stem for path in HERE.glob("*.py")):
        # Each in a process of its own: what a process has grown to shows in the peak memory of those it starts.
        with get_context("spawn").Pool(1) as pool:
            found.extend(pool.apply(_rows, (name,)))
    sys.stdout.write(plain(found))
    if not names:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{commit()}.md").write_text(_page(found))


def _rows(name: str) -> list[Row]:
    module = import_module(f"bench.{name}")
    if not hasattr(module, "rows"):
        return []
    sys.stderr.write(f"bench/{name}.py\n")
    return list(module.rows())


def commit() -> str:
    """The short name of the commit that is checked out."""
    return _git("rev-parse", "--short=12", "HEAD") or "unknown"


def tree(place: str) -> str:
    """The short name of what stands at a place of that commit, whatever commit else it is in."""
    return _git("rev-parse", "--short=12", f"HEAD:{place}") or "unknown"


def _page(rows: Sequence[Row]) -> str:
    return f"# Measured at {commit()}\n\n{facts()}\n{markdown(rows)}"


def facts() -> str:
    """Where it was measured, as a list, without the name of the machine or of any place on it."""
    return "".join(f"- {name}: {value}\n" for name, value in _facts())


def _facts() -> Iterator[tuple[str, str]]:
    changed = " with changes" if _git("status", "--porcelain", "--", *MEASURED) else ""
    yield "commit", commit() + changed
    yield "date", f"{datetime.now(UTC):%Y-%m-%d}"
    yield "kernel", f"{platform.system()} {platform.release()}"
    yield "CPU", f"{os.cpu_count()} x {_processor()}"
    yield "Python", f"{platform.python_implementation()} {platform.python_version()}"
    yield "file system", _file_system()
    yield "load", " ".join(f"{part:.1f}" for part in os.getloadavg()) + " (1, 5, 15 minutes, at the end)"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=HERE.parent, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _file_system() -> str:
    """The type of the file system that temporary files lie on."""
    command = ["df", "--output=fstype", gettempdir()]  # not on macOS, where it stays unknown
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout.split() or ["unknown"])[-1]


if __name__ == "__main__":
    main(sys.argv[1:])
