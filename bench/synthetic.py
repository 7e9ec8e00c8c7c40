"""Made-up ledgers of any size, written through the project's own codec, with the true totals beside them."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from tallybook.clock import timestamp, unix_milliseconds
from tallybook.domain.events import Event, GoalFinished, GoalStarted, SessionRef, StageMarked, UsageSnapshot
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import ClassUsage, PriceClass, SessionUsage, SnapshotReason
from tallybook.ledger.codec import encode
from tallybook.ledger.line import FIRST_PREV, Envelope, build

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.domain.events import Body

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
WRITER = "w-5f0c1a52"


class Truth(NamedTuple):
    """What was written."""

    events: int
    totals: dict[str, int]
    """Tokens by goal id."""
    open: str
    """The one goal that was left open."""


def goal_id(number: int) -> str:
    """The id of the ``number``th goal."""
    text = ""
    for _ in range(8):
        number, digit = divmod(number, 32)
        text = LETTERS[digit] + text
    return f"g260101-{text}"


class _Writer:
    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._prev = FIRST_PREV
        self._random = random.Random(1)
        self.seq = 0

    def write(self, goal: str, body: Body) -> None:
        self.seq += 1
        at = BEGIN + timedelta(milliseconds=self.seq * 10)
        bits = self._random.getrandbits(76)
        milliseconds = f"{unix_milliseconds(at):012x}"
        low = f"{bits & (1 << 48) - 1:012x}"
        identity = f"{milliseconds[:8]}-{milliseconds[8:]}-7{bits >> 60 & 0xFFF:03x}-8{bits >> 48 & 0xFFF:03x}-{low}"
        hlc = f"{unix_milliseconds(at):013d}-0000"
        event = Event(identity, WRITER, self.seq, timestamp(at), hlc, goal, body)
        envelope = Envelope(event.id, WRITER, self.seq, self._prev, event.at, hlc, event.type, goal)
        line, _ = build(envelope, encode(body))
        self._file.write(line + b"\n")
        self._prev = hashlib.sha256(line).hexdigest()

    def close(self) -> None:
        self._file.close()


def write_ledger(home: Path, goals: int, events_per_goal: int, worktree: str | None = "wt-0000000000") -> Truth:
    """One writer's goals, each with a session of its own; a snapshot before every event, as the commands write them.

    The last goal is left open.
    """
    home.mkdir(parents=True)
    writer, chance = _Writer(home / f"{WRITER}.ndjson"), random.Random(2)
    totals = {}
    for number in range(goals):
        goal, session = goal_id(number), f"5f0c1a52-7d1e-4c7e-9a52-{number:012x}"
        counter, responses = TokenVector(), 0
        steps = events_per_goal // 2
        for step in range(steps):
            last = step == steps - 1 and number < goals - 1
            grown = [chance.randrange(5000) for _ in range(5)]
            counter += TokenVector(grown[0], grown[1] * 10, grown[2], 0, 0, grown[3], min(grown[3], grown[4]))
            responses += 1 + chance.randrange(4)
            reason = SnapshotReason.START if step == 0 else SnapshotReason.FINISH if last else SnapshotReason.MARK
            price = PriceClass(f"model-{number % 7}", "standard", "≤200k", f"2026-01-{1 + number % 28:02}")
            usage = SessionUsage(
                "claude",
                session,
                (ClassUsage(price, responses, counter, 0),),
                Quality.EXACT,
                born_after_start=step == 0,
                high_water=f"msg_{responses:024}",
            )
            now = timestamp(BEGIN + timedelta(milliseconds=writer.seq * 10))
            writer.write(goal, UsageSnapshot(reason, (usage,), "claude/1 codex/1"))
            if step == 0:
                reference = SessionRef("claude", session, "variable")
                start = GoalStarted(f"Goal number {number}", "product", now, worktree, reference, branch="main")
                writer.write(goal, start)
            elif last:
                writer.write(goal, GoalFinished("success", now, result_fit="exact_fit"))
            else:
                writer.write(goal, StageMarked(f"stage {step}", now))
        totals[goal] = counter.total
    writer.close()
    return Truth(writer.seq, totals, goal_id(goals - 1))
