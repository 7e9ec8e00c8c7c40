"""What the tests of the ledger share: a clock and ids in hand, small ledgers, and files that fail on demand."""

from __future__ import annotations

import errno
import json
import os
import random
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from tallybook.domain.events import Event, GoalFinished, GoalStarted, NewEvent, StageMarked, UnknownBody
from tallybook.ledger.codec import encode
from tallybook.ledger.file import OS_FILES, OsFiles
from tallybook.ledger.line import FIRST_PREV, Envelope, build
from tallybook.ledger.store import Ledger, LedgerPlace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tallybook.ledger.file import FileSystem

NOW = datetime(2026, 11, 22, 2, 25, 14, 123456, tzinfo=UTC)
GOAL = "g261122-k3f9x2ab"
OTHER = "g261122-00000000"
WRITER = "w-4f2a9c1e"


class HandClock:
    """A clock that stands still until it is set."""

    def __init__(self, moment: datetime = NOW) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def forward(self, **delta: float) -> None:
        self.moment += timedelta(**delta)


class SeededIds:
    """Random bits that are the same in every run."""

    def __init__(self, seed: object = 0) -> None:
        self._random = random.Random(str(seed))

    def bits(self, count: int) -> int:
        return self._random.getrandbits(count)


def ledger_at(base: Path, *, files: FileSystem = OS_FILES, clock: HandClock | None = None, seed: object = 0) -> Ledger:
    """The ledger of the clone in ``base``, whose git directory is ``base/git``."""
    (base / "git").mkdir(parents=True, exist_ok=True)
    place = LedgerPlace(base / "git" / "tallybook" / "events", base / "metrics", base / "git")
    return Ledger(place, clock or HandClock(), SeededIds((seed, len(list(base.rglob("*"))))), files, 5.0)


def append(ledger: Ledger, *new: NewEvent) -> tuple[Event, ...]:
    """Append a batch that nothing can refuse."""
    done = ledger.transact(ledger.read, lambda _: new)
    assert isinstance(done, tuple)
    return done


def started(goal: str = GOAL, worktree: str | None = None, title: str = "Fix the parser") -> NewEvent:
    return NewEvent(goal, GoalStarted(title, "product", "2026-11-22T02:25:14+00:00", worktree))


def marked(stage: str = "plan", goal: str = GOAL) -> NewEvent:
    return NewEvent(goal, StageMarked(stage, "2026-11-22T02:26:14+00:00"))


def finished(goal: str = GOAL, status: str = "success") -> NewEvent:
    return NewEvent(goal, GoalFinished(status, "2026-11-22T02:27:14+00:00"))


def own_file(ledger: Ledger) -> Path:
    """The one ledger file in the ledger's home."""
    (path,) = ledger.place.home.glob("*.ndjson")
    return path


def envelope_of(event: Event, prev: str = FIRST_PREV) -> Envelope:
    return Envelope(event.id, event.writer, event.seq, prev, event.at, event.hlc, event.type, event.goal)


def line_of(event: Event) -> bytes:
    """A whole line, the first of its chain, without its newline."""
    return build(envelope_of(event), encode(event.body))[0]


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines))


class CrashError(BaseException):
    """The process is dead from here on."""


class FaultyFiles(OsFiles):
    """The system's files; call number ``at`` fails as ``how`` tells, counted from 0 over all calls.

    ``how`` is an errno; ``crash``, after which every call fails; or ``short:N``, a write that takes N bytes (or half,
    or all but one) and, with ``crash-short:N``, the process with it.
    """

    def __init__(self, at: int = -1, how: int | str = errno.EIO) -> None:
        self.at = at
        self.how = how
        self.calls: list[str] = []
        self.dead = False

    def _step(self, name: str) -> bool:
        """Whether this very call is the one to fail."""
        if self.dead:
            raise CrashError
        self.calls.append(name)
        if len(self.calls) - 1 != self.at:
            return False
        if isinstance(self.how, int):
            raise OSError(self.how, os.strerror(self.how))
        if self.how == "crash":
            self.dead = True
            raise CrashError
        return True

    def open(self, path: Path, flags: int) -> int:
        self._step("open")
        return super().open(path, flags)

    def stat(self, descriptor: int) -> os.stat_result:
        self._step("stat")
        return super().stat(descriptor)

    def look(self, path: Path) -> os.stat_result:
        self._step("look")
        return super().look(path)

    def read(self, descriptor: int, count: int, offset: int) -> bytes:
        self._step("read")
        return super().read(descriptor, count, offset)

    def write(self, descriptor: int, data: bytes) -> int:
        if not self._step("write"):
            return super().write(descriptor, data)
        kind, _, part = str(self.how).partition(":")
        count = {"half": len(data) // 2, "most": len(data) - 1}.get(part, int(part) if part.isdigit() else 0)
        written = super().write(descriptor, data[:count]) if count else 0
        if kind == "crash-short":
            self.dead = True
            raise CrashError
        return written

    def truncate(self, descriptor: int, length: int) -> None:
        self._step("truncate")
        super().truncate(descriptor, length)

    def sync(self, descriptor: int) -> None:
        self._step("sync")
        super().sync(descriptor)

    def sync_directory(self, path: Path) -> None:
        self._step("sync_directory")
        super().sync_directory(path)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)
        self._step("close")

    def replace(self, source: Path, target: Path) -> None:
        self._step("replace")
        super().replace(source, target)

    def make_directory(self, path: Path) -> None:
        self._step("make_directory")
        super().make_directory(path)

    def names(self, path: Path) -> list[str]:
        self._step("names")
        return super().names(path)


def codes(problems: Sequence[object]) -> list[str]:
    """The codes of problems, sorted."""
    return sorted(str(getattr(problem, "code", problem)) for problem in problems)


def tampered(line: bytes, change: Mapping[bytes, bytes]) -> bytes:
    """A line with other bytes and a right checksum."""
    head = line[:-26]
    for old, new in change.items():
        assert old in head
        head = head.replace(old, new, 1)
    return head + b',"sum":"' + sha256(head).hexdigest()[:16].encode() + b'"}'


def lines_of(events: Sequence[Event]) -> list[bytes]:
    """Events of a made-up world as whole lines: their short names become names that a line may hold."""
    return [_line_of_world(event) for event in events]


def _line_of_world(event: Event) -> bytes:
    text = json.dumps([event.id, event.goal, {} if isinstance(event.body, UnknownBody) else encode(event.body)])
    text = re.sub(r'"e(\d{5})"', lambda found: f'"01935f4e-8a7b-7c3d-9e2f-{int(found[1]):012x}"', text)
    identity, goal, body = json.loads(re.sub(r'"g(\d+)"', lambda found: f'"g260620-{int(found[1]):08}"', text))
    writer = {"w-a": "w-0000000a", "w-b": "w-0000000b"}[event.writer]
    kind = "sung_" + event.type if isinstance(event.body, UnknownBody) else event.type
    return build(Envelope(identity, writer, event.seq, FIRST_PREV, event.at, event.hlc, kind, goal), body)[0]
