"""Real processes at one ledger, killed one by one at any moment; others go on in their place."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from functools import partial
from operator import itemgetter
from random import Random
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.clock import SystemClock, SystemIds
from tallybook.domain.events import NewEvent, StageMarked
from tallybook.ledger.course import TORN_TAIL
from tallybook.ledger.store import Ledger, LedgerPlace
from torture.bodies import goal
from torture.checks import holds, mends
from torture.ledgers import append
from torture.plan import Case, Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tallybook.ledger.reading import Reading
    from torture.plan import Plan

PAUSES: Final = (0.0005, 0.005, 0.05)
"""Up to so many seconds lie between two kills; one of them each time."""
MORE: Final = 100
"""Events for a writer who is done before enough have died."""
_PATIENCE: Final = 0.03
"""Seconds that an event may take, all in all."""
_ID: Final = 36


class Round(msgspec.Struct, frozen=True):
    """How much is written, and how many die."""

    writers: int
    events: int
    """By each writer; one who is killed has a successor for the rest."""
    kills: int
    glances: int
    """How often somebody reads meanwhile."""


SMALL: Final = (Round(8, 500, 50, 8),)
FULL: Final = (Round(32, 2_000, 500, 20),) * 20


def cases(plan: Plan) -> Iterator[Case]:
    """Rounds, each with a ledger of its own."""
    for number, size in enumerate(FULL if plan.full else SMALL):
        base = plan.base / str(number)
        yield Case(f"round {number}", partial(_round, base, size, plan.rng("round", number)))


def ledger_of(base: Path) -> Ledger:
    """The ledger as a process of its own has it."""
    git = base / "git"
    git.mkdir(parents=True, exist_ok=True)
    return Ledger(LedgerPlace(git / "tallybook" / "events", None, git), SystemClock(), SystemIds(), lock_timeout=60)


class _Writer:
    """A process that writes events and keeps the ids of those that were acknowledged."""

    def __init__(self, base: Path, name: int, target: int) -> None:
        self.target = target
        self.pid = 0
        self._base = base
        self._name = name
        self._log = base / f"acknowledged.{name}"

    def start(self, seed: float) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                self._write(Random(seed))
                code = 0
            finally:
                os._exit(code)

    def acknowledged(self) -> list[str]:
        """Ids; one that was not told to its end is none."""
        try:
            text = self._log.read_text()
        except FileNotFoundError:
            return []
        return [line for line in text.split("\n") if len(line) == _ID]

    def _write(self, rng: Random) -> None:
        ledger, left = ledger_of(self._base), self.target - len(self.acknowledged())
        log = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(log, b"\n")  # whoever wrote here before may have been killed within a line
        while left > 0:
            number = min(rng.choice((1, 1, 2, 5)), left)
            body = StageMarked(f"stage {self._name}", "2026-11-22T02:26:14+00:00", "n" * rng.choice((0, 9, 3000)))
            events = append(ledger, [NewEvent(goal(self._name), body)] * number, blind=True)
            os.write(log, b"".join(event.id.encode() + b"\n" for event in events))
            left -= number


def _round(base: Path, size: Round, rng: Random) -> int:
    base.mkdir()
    writers = [_Writer(base, name, size.events) for name in range(size.writers)]
    for writer in writers:
        writer.start(rng.random())
    running = {writer.pid: writer for writer in writers}
    try:
        kills = _kill(base, size, rng, running)
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    _judge(base, writers)
    shutil.rmtree(base)
    return kills


def _kill(base: Path, size: Round, rng: Random, running: dict[int, _Writer]) -> int:
    """Kill until all is written and enough have died; a writer who is done early gets more to write."""
    kills, deadline = 0, time.monotonic() + _PATIENCE * size.writers * size.events
    glances = {size.kills * (number + 1) // (size.glances + 1) for number in range(size.glances)}
    everyone = list(running.values())
    while running:
        assert time.monotonic() < deadline, "the writers have come to a stop"
        time.sleep(rng.random() * rng.choice(PAUSES))
        if kills == size.kills:
            time.sleep(PAUSES[-1])
        for pid, writer in list(running.items()):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                assert status == 0, f"a writer has failed with {os.waitstatus_to_exitcode(status)}"
                del running[pid]
                if kills < size.kills:
                    writer.target += MORE
                    _succeed(running, writer, rng)
        if running and kills < size.kills:
            pid, writer = rng.choice(sorted(running.items(), key=itemgetter(0)))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            del running[pid]
            kills += 1
            _succeed(running, writer, rng)
            if kills in glances:
                _glance(base, everyone, kills)
    return kills


def _succeed(running: dict[int, _Writer], writer: _Writer, rng: Random) -> None:
    writer.start(rng.random())
    running[writer.pid] = writer


def _glance(base: Path, writers: list[_Writer], kills: int) -> None:
    """Read while others write; only who was killed while it made one may leave a writer of the clone behind."""
    acknowledged = [identity for writer in writers for identity in writer.acknowledged()]
    reading = ledger_of(base).read()
    _compare(reading, acknowledged)
    assert len({event.writer for event in reading.events}) <= 1 + kills, "the clone writes as ever new writers"


def _compare(reading: Reading, acknowledged: list[str]) -> None:
    found = {event.id for event in reading.events}
    assert len(found) == len(reading.events) == len({event.order for event in reading.events}), "an event is doubled"
    lost = set(acknowledged) - found
    assert not lost, f"{len(lost)} acknowledged events are lost"
    assert {problem.code for problem in reading.problems} <= {TORN_TAIL}, reading.problems[:3]


def _judge(base: Path, writers: list[_Writer]) -> None:
    acknowledged = [identity for writer in writers for identity in writer.acknowledged()]
    assert len(acknowledged) >= sum(writer.target for writer in writers)
    assert len(acknowledged) == len(set(acknowledged))
    ledger = ledger_of(base)
    _compare(ledger.read(), acknowledged)
    mends(ledger, ())
    more = append(ledger, [NewEvent(goal(0), StageMarked("last", "2026-11-22T02:26:14+00:00"))])
    reading = holds(ledger, more)
    _compare(reading, acknowledged)
    assert not reading.problems, reading.problems[:3]
    heads = Counter(event.writer for event in reading.events)
    last: dict[str, int] = {}
    for event in reading.events:
        last[event.writer] = max(last.get(event.writer, 0), event.seq)
    assert heads == last, "the numbers of a writer's events have gaps, or stand twice"


ROW: Final = Row(
    "kill",
    "real processes that append, killed with SIGKILL at any moment: 8 x 500 events / 32 x 2,000 events, 20 rounds",
    "0 acknowledged lost, 0 duplicates",
    cases,
)
