"""Work along a line of time, as ledgers that know of all of it or of a part, and what the history tells of the rest."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from tallybook.domain.backfill import Candidate, Evidence, window_of
from tallybook.domain.events import (
    BackfilledPart,
    BackfilledSession,
    Body,
    GoalContinued,
    GoalFinished,
    GoalStarted,
    SessionRef,
    StageMarked,
    UsageBackfilled,
)
from tallybook.domain.metrics import accounts
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import ClassUsage, SessionKey, SessionUsage, merge_classes
from worlds import CLASSES, Book, clock

if TYPE_CHECKING:
    from collections.abc import Collection

    from tallybook.domain.backfill import Verdict
    from tallybook.domain.figures import GoalUsage
    from tallybook.domain.goal import Goal
    from tallybook.domain.state import LedgerState

PARENTS: Final = {"s0": None, "s1": "s0", "s2": "s1", "s3": None}
ROOTS: Final = ("s0", "s3")
_BEGIN: Final = datetime.fromisoformat(clock(0)).timestamp()


class Command(msgspec.Struct, frozen=True):
    """What was run at one moment for one goal in its session."""

    tick: int
    goal: str
    session: str
    body: Body


class Timeline(msgspec.Struct, frozen=True):
    """Responses and commands; no two at the same moment."""

    responses: tuple[tuple[int, str, ClassUsage], ...]
    commands: tuple[Command, ...]

    def goals(self) -> list[str]:
        """In the order in which they were started."""
        return list(dict.fromkeys(command.goal for command in self.commands))

    def counter(self, session: str, tick: int) -> SessionUsage:
        """What the session had used before a moment."""
        classes = merge_classes(usage for at, name, usage in self.responses if name == session and at < tick)
        return SessionUsage("claude", session, classes, Quality.EXACT, parent=PARENTS[session])

    def book(self, unknown: Collection[str] = ()) -> Book:
        """The ledger, where nobody measured the goals that are ``unknown``."""
        book = Book()
        for command in self.commands:
            body = command.body
            if command.goal not in unknown:
                tree = [name for name in PARENTS if command.session in above(name)]
                busy = [name for name in tree if self.counter(name, command.tick).classes]
                known = [name for name in tree if name == command.session or is_above(name, busy)]
                book.snap(command.goal, *(self.counter(name, command.tick) for name in known))
                if isinstance(body, GoalStarted):
                    body = replace(body, session=SessionRef("claude", command.session, "flag"))
            book.write(command.goal, body)
        return book

    def candidate(self, goal: Goal, evidence: Evidence = Evidence.SESSION) -> Candidate | None:
        """What the history tells of the goal's session; None where that was idle."""
        root = next(command.session for command in self.commands if command.goal == goal.id)
        found = [self._found(goal, name) for name in PARENTS if root in above(name)]
        busy = [one.before.session for one in found if one.parts[-1].until.classes != one.before.classes]
        sessions = tuple(one for one in found if is_above(one.before.session, busy))
        return Candidate(SessionKey("claude", root), evidence, sessions) if busy else None

    def _found(self, goal: Goal, session: str) -> BackfilledSession:
        window = window_of(goal)
        assert window is not None
        before = self.counter(session, tick_of(window.since))
        parts = tuple(
            BackfilledPart(part.attempt, part.stage, self.counter(session, tick_of(part.until)))
            for part in window.stretches
        )
        return BackfilledSession("session", before, parts)


def above(session: str | None) -> list[str]:
    """The session and its ancestors."""
    return [] if session is None else [session, *above(PARENTS[session])]


def is_above(session: str, others: list[str]) -> bool:
    """Whether it is one of the others, or an ancestor of one."""
    return any(session in above(other) for other in others)


def tick_of(microseconds: int) -> int:
    """The moment of a number that ``clock`` was given."""
    return round(microseconds / 1_000_000 - _BEGIN)


def write(book: Book, verdict: Verdict) -> str:
    """The event of a verdict; its id."""
    return book.write(verdict.goal, UsageBackfilled(clock(0), clock(0), verdict.sessions, "test/1"))


def told(state: LedgerState, goal: str) -> tuple[object, ...]:
    """The numbers of a goal that are the same however they were measured."""
    usage: GoalUsage = accounts(state).goals[goal]
    return (
        usage.measure,
        usage.own,
        usage.subtree,
        usage.classes,
        [(one.key, one.tokens) for one in usage.sessions if one.tokens],
        [(one.attempt.number, one.measure) for one in usage.attempts],
        [(one.attempt, one.name, one.measure) for one in usage.stages],
    )


_steps = st.tuples(
    st.sampled_from(("respond", "respond", "respond", "start", "mark", "go on", "finish")),
    st.integers(0, 11),
    st.integers(0, 2),
    st.integers(0, 30),
)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Two sessions, one with descendants; goals within goals; all closed at the end."""
    responses: list[tuple[int, str, ClassUsage]] = []
    commands: list[Command] = []
    opened: dict[str, str] = {}
    steps = [*draw(st.lists(_steps, min_size=8, max_size=30)), *[("finish", 0, 0, 0)] * 30]
    for tick, (name, first, second, amount) in enumerate(steps, 1):
        if name == "respond":
            tokens = TokenVector(amount, first, 0, second, 0, amount // 2, amount // 4)
            usage = ClassUsage(CLASSES[second], 1, tokens, first % 3)
            responses.append((tick, list(PARENTS)[first % 4], usage))
        elif name == "start":
            goal = f"g{len({command.goal for command in commands})}"
            opened[goal] = ROOTS[first % 2]
            commands.append(Command(tick, goal, opened[goal], GoalStarted(goal, "product", clock(tick))))
        elif opened:
            goal = list(opened)[first % len(opened)]
            body: Body = GoalFinished("success", clock(tick))
            if name == "mark" or (name == "go on" and len(opened) > 1):
                body = StageMarked("stage", clock(tick))
            elif name == "go on":
                body = GoalContinued(clock(tick), "other")
            commands.append(Command(tick, goal, opened[goal], body))
            if isinstance(body, GoalFinished):
                del opened[goal]
    return Timeline(tuple(responses), tuple(commands))
