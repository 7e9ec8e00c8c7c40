"""P1 to P5: logs read for the first time, again, and after one more line, beside a native program that keeps nothing.

The numbers that the program gives are compared with the truth after every kind of run.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Final, NamedTuple

from bench import corpus, native
from bench.processes import TALLY, environment
from bench.table import Row, skipped

from tallybook.history.queries import history_total
from tallybook.history.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

COLD, WARM = 3, 7
"""Runs of each kind, of which the median counts."""
READ: Final = (sys.executable, *TALLY, "sessions", "--limit", "1")
TARGETS: Final = {"large": (1.0, 0.08), "many": (1.0, 0.2)}
"""Of the native program's time: the first run, and the next one."""
MORE_SECONDS: Final = 0.020
MOST_PERCENT, MOST_MEGABYTES = 2.0, 150
LINEAR: Final = 2.1
ANSWER: Final = {"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 5}


class Run(NamedTuple):
    """One run of a program."""

    seconds: float
    """Wall time."""
    cpu: float
    """Seconds of all its processes together."""
    megabytes: float
    """The most that one of its processes has held in memory."""


def rows() -> list[Row]:
    """Every target, on both corpora."""
    why = corpus.missing()
    if why is not None:
        return [skipped(f"P{number}", "logs read into the history", why) for number in range(1, 6)]
    found: list[Row] = []
    for preset in TARGETS:
        with tempfile.TemporaryDirectory() as directory:
            found.extend(_World(Path(directory), preset).measured())
    return found


class _World:
    """One corpus, and a history of it."""

    def __init__(self, home: Path, preset: str) -> None:
        self._home, self._preset = home, preset
        self._total = corpus.make(home, preset)
        self._logs = sorted(path for root in (".codex", ".claude") for path in (home / root).rglob("*.jsonl"))
        self._size = sum(path.stat().st_size for path in self._logs)
        self._native = native.program(home / "npm")
        self._environ = environment(home)

    def measured(self) -> Iterator[Row]:
        """The rows, in the order of their targets."""
        cold, base = self._turns(COLD, self._first)
        yield self._beside("P1", "first run", cold, base, TARGETS[self._preset][0])
        warm, base = self._turns(WARM, self._next)
        yield self._beside("P2", "next run, nothing changed", warm, base, TARGETS[self._preset][1])
        yield self._grown()
        yield from self._small(cold)
        yield self._linear()

    def _beside(self, identity: str, what: str, run: Run, base: Run | None, most: float) -> Row:
        name, target = self._what(f"{what} ({run.cpu:.2f} s CPU)"), f"≤ {most:g} x"
        if base is None:
            return Row(identity, name, run.seconds * 1000, "ms", str(self._native), None, target, None)
        beside = f"ccusage, {base.seconds * 1000:.0f} ms ({base.cpu:.2f} s CPU)"
        ratio = run.seconds / base.seconds
        return Row(identity, name, run.seconds * 1000, "ms", beside, ratio, target, ratio <= most)

    def _grown(self) -> Row:
        """By turns with runs that find nothing changed; what was made for all these runs is on the disk before."""
        os.sync()
        runs = [(self._next(), self._after_one_line()) for _ in range(WARM)]
        warm, grown = (_median(column) for column in zip(*runs, strict=True))
        more = grown.seconds - warm.seconds
        limit = f"≤ P2 + {MORE_SECONDS * 1000:g} ms"
        beside = f"nothing changed, {warm.seconds * 1000:.0f} ms"
        return Row("P3", self._what("one line appended"), grown.seconds * 1000, "ms", beside,
                   grown.seconds / warm.seconds, limit, more <= MORE_SECONDS)  # fmt: skip

    def _small(self, cold: Run) -> Iterator[Row]:
        store = sum(part.stat().st_size for part in (self._home / "tallybook").glob("history.db*"))
        percent = 100 * store / self._size
        yield Row("P4", self._what(f"store ({store / 1e6:.1f} MB)"), percent, "%", f"logs, {self._size / 1e6:,.0f} MB",
                  None, f"≤ {MOST_PERCENT:g} %", percent <= MOST_PERCENT)  # fmt: skip
        yield Row("P4", self._what("peak memory of a process, first run"), cold.megabytes, "MB", "—", None,
                  f"≤ {MOST_MEGABYTES} MB", cold.megabytes <= MOST_MEGABYTES)  # fmt: skip

    def _linear(self) -> Row:
        """The first run over every second log, and over all; in turns, so that both see the same machine."""
        half = self._home / "half"
        for log in self._logs[::2]:
            twin = half / log.relative_to(self._home)
            twin.parent.mkdir(parents=True, exist_ok=True)
            os.link(log, twin)
        part = sum(log.stat().st_size for log in self._logs[::2])
        times = [(self._first().seconds, _run(READ, _fresh(environment(half))).seconds) for _ in range(COLD)]
        whole, less = (statistics.median(column) for column in zip(*times, strict=True))
        ratio = whole / less * 2 * part / self._size
        beside = f"every second log, {less * 1000:.0f} ms"
        return Row("P5", self._what("first run, for twice the bytes"), whole * 1000, "ms", beside, ratio,
                   f"≤ {LINEAR:g} x", ratio <= LINEAR)  # fmt: skip

    def _turns(self, count: int, run: Callable[[], Run]) -> tuple[Run, Run | None]:
        """The medians of ``run`` and of the native program, by turns."""
        runs = [(run(), self._run_native()) for _ in range(count)]
        bases = [base for _, base in runs if base is not None]
        self._check()
        return _median([own for own, _ in runs]), _median(bases) if bases else None

    def _first(self) -> Run:
        return _run(READ, _fresh(self._environ))

    def _next(self) -> Run:
        return _run(READ, self._environ)

    def _run_native(self) -> Run | None:
        if isinstance(self._native, str):
            return None
        return _run((str(self._native), *native.COMMAND), {name: self._environ[name] for name in ("PATH", "HOME")})

    def _after_one_line(self) -> Run:
        """Let a session get one more answer; it must be counted."""
        log = next(path for path in reversed(self._logs) if ".claude" in path.parts and "subagents" not in path.parts)
        identity = f"bench-{time.monotonic_ns()}"
        message = {"id": identity, "model": "m", "content": [], "stop_reason": "end_turn", "usage": ANSWER}
        record = {"type": "assistant", "uuid": identity, "requestId": identity, "sessionId": log.stem,
                  "timestamp": "2026-11-20T12:00:00.000Z", "message": message}  # fmt: skip
        with log.open("a") as file:
            file.write(json.dumps(record) + "\n")
        self._total += sum(ANSWER.values())
        run = self._next()
        self._check()
        return run

    def _check(self) -> None:
        with open_store(self._home / "tallybook") as store:
            found = history_total(store).tokens.total
        if found != self._total:
            message = f"{self._preset}: {found:,} tokens counted, {self._total:,} are true"
            raise SystemExit(message)

    def _what(self, what: str) -> str:
        return f"{self._preset}, {len(self._logs):,} logs: {what}"


def _fresh(environ: dict[str, str]) -> dict[str, str]:
    """The same surroundings, with nothing known of any log."""
    rmtree(environ["TALLYBOOK_HOME"], ignore_errors=True)
    return environ


def _run(command: Sequence[str], environ: dict[str, str]) -> Run:
    """Run a program to its end, its output thrown away."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=environ["HOME"], env=environ, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e6)


def _median(runs: Sequence[Run]) -> Run:
    return Run(*(statistics.median(column) for column in zip(*runs, strict=True)))
