"""Made-up events of every type, by chance of a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.domain.events import (
    Body,
    BudgetSet,
    Event,
    GoalContinued,
    GoalCorrected,
    GoalFinished,
    GoalLinked,
    GoalsMerged,
    GoalStarted,
    GoalUpdated,
    NewEvent,
    SessionRef,
    StageMarked,
    UsageManual,
    UsageSnapshot,
)
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import ClassUsage, PriceClass, SessionUsage, SnapshotReason
from tallybook.ledger.codec import encode
from tallybook.ledger.line import FIRST_PREV, Envelope, build

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

_DAYS: Final = ("2026-11-21", "2026-11-22")
_TEXTS: Final = ("a", "Änderung", '\u2028 \\ " {', "tab\tand\nnewline", "x" * 300, "名前")


def goal(number: int) -> str:
    """The id of a goal."""
    return f"g261122-{number:08d}"


def moment(number: int) -> str:
    """A time."""
    return f"2026-11-22T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}+00:00"


def usage(rng: Random, session: int, total: int) -> SessionUsage:
    """A session's counter that has come to about ``total``."""
    classes = []
    for number, day in enumerate(_DAYS[: rng.randint(1, 2)]):
        count = total // (number + 1)
        vector = TokenVector(count, 3 * count, count // 7, 0, number, count // 5, count // 9)
        classes.append(ClassUsage(PriceClass("m1", "standard", "≤200k", day), count, vector, count % 5 or None))
    parent = f"s{session - 1}" if session % 3 == 2 else None
    return SessionUsage("claude", f"s{session}", tuple(classes), rng.choice(tuple(Quality)), parent)


def body(rng: Random, number: int, goals: int) -> Body:
    """One body of any type; ``number`` is how many came before."""
    at, text, other = moment(number), rng.choice(_TEXTS), goal(rng.randrange(goals))
    makers: tuple[Callable[[], Body], ...] = (
        *[lambda: _snapshot(rng, number)] * 3,
        lambda: GoalStarted(text, "product", at, "tree", SessionRef("claude", f"s{rng.randrange(6)}", "flag")),
        lambda: GoalContinued(at, rng.choice(("other", None))),
        lambda: GoalFinished(rng.choice(("success", "fail")), at, "other", None, text),
        lambda: GoalCorrected("fail", at, "other", notes=text),
        lambda: GoalUpdated(title=text, inputs=(other,), refs=(text,)),
        lambda: GoalsMerged(other),
        lambda: GoalLinked("commit", text, "trailer"),
        lambda: UsageManual(TokenVector(input=number), ("input",)),
        lambda: BudgetSet(tokens=number),
        lambda: StageMarked(f"stage {rng.randrange(3)}", at, text),
    )
    return rng.choice(makers)()


def _snapshot(rng: Random, number: int) -> UsageSnapshot:
    sessions = sorted(rng.sample(range(6), rng.randint(1, 3)))
    usages = tuple(usage(rng, session, 10 * number + rng.randrange(10)) for session in sessions)
    return UsageSnapshot(rng.choice(tuple(SnapshotReason)), usages, "torture/1")


def batch(rng: Random, count: int, goals: int = 5) -> list[NewEvent]:
    """What one command may write."""
    first = rng.randrange(1000)
    return [NewEvent(goal(rng.randrange(goals)), body(rng, first + number, goals)) for number in range(count)]


def events(rng: Random, count: int, writers: int = 3) -> list[Event]:
    """A set of events by several writers, some at the same time, with goals that were started twice, merged in
    circles or never started."""
    found, last = [], dict.fromkeys((f"w-{number:08x}" for number in range(writers)), 0)
    goals = max(count // 12, 2)
    for number in range(count):
        writer = rng.choice(tuple(last))
        last[writer] += 1
        time = f"{1_795_314_314_000 + number // 2:013d}-{last[writer] % 0x10000:04x}"
        identity = f"01935f4e-8a7b-7c3d-9e2f-{number:012x}"
        at = f"2026-11-22T02:25:14.{number:06}Z"
        event = Event(identity, writer, last[writer], at, time, goal(rng.randrange(goals)), body(rng, number, goals))
        found.append(event)
    return found


def lines(of: Sequence[Event]) -> list[bytes]:
    """The events' lines without newlines, each writer's chained."""
    heads: dict[str, str] = {}
    found = []
    for event in of:
        prev = heads.get(event.writer, FIRST_PREV)
        envelope = Envelope(event.id, event.writer, event.seq, prev, event.at, event.hlc, event.type, event.goal)
        line, raw = build(envelope, encode(event.body))
        heads[event.writer] = raw.digest
        found.append(line)
    return found
