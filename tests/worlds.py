"""Whole worlds for tests: events as the commands write them, with the true owner of every response beside them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from tallybook.domain.attribution import Owner, Segment, SessionLine, segments_of
from tallybook.domain.events import (
    BackfilledPart,
    BackfilledSession,
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
    SessionRef,
    StageMarked,
    UnknownBody,
    UsageBackfilled,
    UsageManual,
    UsageSnapshot,
)
from tallybook.domain.metrics import accounts
from tallybook.domain.quality import Quality
from tallybook.domain.replay import fold
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import ClassUsage, PriceClass, SessionKey, SessionUsage, SnapshotReason, merge_classes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallybook.domain.state import LedgerState

CLASSES: Final = (
    PriceClass("m1", "standard", "≤200k", "2026-06-20"),
    PriceClass("m1", "standard", "≤200k", "2026-06-21"),
    PriceClass("m2", "priority", ">272k", "2026-06-20"),
)
AGENTS: Final = ("claude", "codex")
WRITERS: Final = ("w-a", "w-b")
MOST_SESSIONS: Final = 6


def clock(number: int) -> str:
    """The time of the ``number``th event."""
    minutes, seconds = divmod(number, 60)
    return f"2026-06-20T{10 + minutes // 60:02}:{minutes % 60:02}:{seconds:02}+00:00"


def of_class(number: int, tokens: int) -> ClassUsage:
    """One input token in each of ``tokens`` responses of one price class."""
    return ClassUsage(CLASSES[number], tokens, TokenVector(input=tokens))


def used(session: str, *tokens: int) -> SessionUsage:
    """A session's counter: one number per price class, in the order of ``CLASSES``."""
    classes = tuple(of_class(number, count) for number, count in enumerate(tokens) if count)
    return SessionUsage("claude", session, classes, Quality.EXACT)


def child(parent: str, session: str, *tokens: int) -> SessionUsage:
    """The counter of a session that ``parent`` spawned."""
    return replace(used(session, *tokens), parent=parent)


def born(usage: SessionUsage) -> SessionUsage:
    """The same of a session that began after the goal."""
    return replace(usage, born_after_start=True)


def pending(usage: SessionUsage) -> SessionUsage:
    """The same with a response still to come."""
    return replace(usage, pending=True)


def lost(session: str) -> SessionUsage:
    """A session whose log was not found."""
    return SessionUsage("claude", session, (), Quality.UNMEASURED)


def attribute(lines: Mapping[SessionKey, SessionLine]) -> list[Segment]:
    """All sessions cut at their boundaries, sessions sorted, boundaries in the order of events."""
    return [segment for key in sorted(lines) for segment in segments_of(key, lines[key])]


class Book(msgspec.Struct):
    """Events as they are written, one after the other."""

    events: list[Event] = msgspec.field(default_factory=list)
    _last: Counter[str] = msgspec.field(default_factory=Counter)

    @property
    def state(self) -> LedgerState:
        return fold(self.events)

    def write(self, goal: str, body: Body, writer: str = "w-a") -> str:
        """Add one event; its id."""
        number = len(self.events) + 1
        self._last[writer] += 1
        self.events.append(
            Event(
                id=f"e{number:05}",
                writer=writer,
                seq=self._last[writer],
                at=f"2026-06-20T10:00:00.{number:06}Z",
                hlc=f"{number:013}-0000",
                goal=goal,
                body=body,
            )
        )
        return self.events[-1].id

    def snap(self, goal: str, *usages: SessionUsage, settles: str | None = None) -> str | None:
        """A snapshot, where there is a session."""
        if not usages:
            return None
        return self.write(goal, UsageSnapshot(SnapshotReason.MARK, usages, "test/1", settles))

    def start(self, goal: str, *usages: SessionUsage, kind: str = "product") -> str | None:
        session = SessionRef(usages[0].agent, usages[0].session, "flag") if usages else None
        snapshot = self.snap(goal, *usages)
        self.write(goal, GoalStarted(f"title of {goal}", kind, clock(len(self.events)), "tree", session))
        return snapshot

    def go_on(self, goal: str, *usages: SessionUsage) -> str | None:
        snapshot = self.snap(goal, *usages)
        self.write(goal, GoalContinued(clock(len(self.events)), "other"))
        return snapshot

    def mark(self, goal: str, stage: str, *usages: SessionUsage) -> str | None:
        snapshot = self.snap(goal, *usages)
        self.write(goal, StageMarked(stage, clock(len(self.events))))
        return snapshot

    def finish(self, goal: str, *usages: SessionUsage) -> str | None:
        snapshot = self.snap(goal, *usages)
        self.write(goal, GoalFinished("success", clock(len(self.events))))
        return snapshot

    def merge(self, keep: str, drop: str) -> str:
        return self.write(keep, GoalsMerged(drop))


class Response(msgspec.Struct, eq=False):
    """One response and the part of a goal that it truly belongs to."""

    usage: ClassUsage
    owner: Owner | None
    hidden: bool = False
    """Not logged yet."""


class LiveSession(msgspec.Struct, eq=False):
    """A session as it runs."""

    key: SessionKey
    parent: LiveSession | None
    born: int
    responses: list[Response] = msgspec.field(default_factory=list)
    waiting: list[tuple[str, str, list[Response]]] = msgspec.field(default_factory=list)
    """Pending boundaries: snapshot, goal, and all responses that lie before it."""
    counted: list[Response] = msgspec.field(default_factory=list)
    """What its last boundary covers."""
    known: bool = False
    """Whether it stood in a snapshot; only then does the ledger know of whom it is a child."""

    @property
    def line(self) -> list[LiveSession]:
        """This session and its ancestors, nearest first."""
        return [self, *(self.parent.line if self.parent else ())]


class LiveGoal(msgspec.Struct, eq=False):
    """A goal as it is worked on."""

    id: str
    started: int
    activated: int
    open: bool = True
    attempt: int = 1
    stage: int = 0
    joined: list[LiveSession] = msgspec.field(default_factory=list)
    merged_into: LiveGoal | None = None

    def owner(self, *, direct: bool) -> Owner:
        return Owner(self.id, self.attempt, self.stage, direct=direct)


class World(msgspec.Struct, eq=False):
    """Sessions respond, commands run in them; each response learns its owner when it is made."""

    book: Book = msgspec.field(default_factory=Book)
    sessions: list[LiveSession] = msgspec.field(default_factory=list)
    goals: list[LiveGoal] = msgspec.field(default_factory=list)
    settlements: list[tuple[LiveSession, str, str, list[Response]]] = msgspec.field(default_factory=list)
    ticks: int = 0

    def owner(self, session: LiveSession) -> Owner | None:
        for above in session.line:
            here = [goal for goal in self.goals if goal.open and above in goal.joined]
            if here:
                return max(here, key=lambda goal: goal.activated).owner(direct=above is session)
        return None

    def spawn(self, parent: LiveSession | None, agent: str) -> LiveSession:
        name = f"s{len(self.sessions)}"
        key = SessionKey(agent if parent is None else parent.key.agent, name)
        self.sessions.append(LiveSession(key, parent, self.ticks))
        return self.sessions[-1]

    def respond(self, session: LiveSession, usage: ClassUsage, *, hidden: bool = False) -> None:
        self.flush(session)
        session.responses.append(Response(usage, self.owner(session), hidden))

    def flush(self, session: LiveSession) -> None:
        """The log catches up; what was pending can be settled from now on."""
        for response in session.responses:
            response.hidden = False
        self.settlements += [(session, *boundary) for boundary in session.waiting]
        session.waiting.clear()

    def settle(self) -> None:
        """Write the correction of the boundary that has waited longest."""
        session, snapshot, goal, responses = self.settlements.pop(0)
        usage = SessionUsage(session.key.agent, session.key.session, classes_of(responses), Quality.EXACT)
        self.book.snap(goal, usage, settles=snapshot)

    def command(self, goal: LiveGoal, session: LiveSession | None, body: Body, writer: str) -> None:
        """What a command writes: the counters of its session, the goal's sessions, all they spawned; its own event."""
        touched = [*goal.joined, *([] if session is None else [session])]
        scope = [each for each in self.sessions if any(above in touched for above in each.line)]
        if scope:
            usages = tuple(self.counter(each, goal) for each in scope)
            snapshot = self.book.write(goal.id, UsageSnapshot(SnapshotReason.MARK, usages, "test/1"), writer)
            for each in scope:
                each.known = True
                each.counted = list(each.responses)
                if any(response.hidden for response in each.responses):
                    each.waiting.append((snapshot, goal.id, each.counted))
        self.join(goal, scope)
        self.book.write(goal.id, body, writer)

    def counter(self, session: LiveSession, goal: LiveGoal) -> SessionUsage:
        seen = [response for response in session.responses if not response.hidden]
        return SessionUsage(
            session.key.agent,
            session.key.session,
            classes_of(seen),
            Quality.EXACT,
            parent=session.parent.key.session if session.parent else None,
            born_after_start=goal in self.goals and session.born > goal.started,
            pending=len(seen) < len(session.responses),
        )

    def join(self, goal: LiveGoal, scope: list[LiveSession]) -> None:
        fresh = [each for each in scope if each.parent not in scope and each not in goal.joined]
        goal.joined += fresh
        claimed = [each for each in fresh if goal in self.goals and each.born > goal.started]
        for each in scope:
            if any(above in claimed for above in each.line):
                for response in each.responses:
                    response.owner = response.owner or goal.owner(direct=each in claimed)


def classes_of(responses: list[Response]) -> tuple[ClassUsage, ...]:
    """A counter: the responses by price class."""
    return merge_classes(response.usage for response in responses)


_STEPS: Final = ("respond", "respond", "respond", "spawn", "start", "mark", "go on", "finish", "settle", "merge")
COMMANDS: Final = {"start", "mark", "go on", "finish"}
_steps = st.tuples(
    st.sampled_from(_STEPS), st.integers(0, 11), st.integers(0, 11), st.integers(0, 2), st.integers(0, 30)
)


def _step(world: World, step: tuple[str, int, int, int, int]) -> None:
    name, first, second, third, amount = step
    world.ticks += 1
    number, writer = world.ticks, WRITERS[third % 2]
    session = world.sessions[first % len(world.sessions)] if world.sessions else None
    while name in COMMANDS and session is not None and session.parent is not None and not session.parent.known:
        session = session.parent
    tokens = TokenVector(amount, second, 0, third, 0, amount // 2, amount // 4)
    usage = ClassUsage(CLASSES[third], 1, tokens, first % 3)
    if name == "spawn" and len(world.sessions) < MOST_SESSIONS:
        world.spawn(session if second % 2 else None, AGENTS[third % 2])
    elif name == "respond" and session is not None:
        world.respond(session, usage)
    elif name == "settle" and world.settlements:
        world.settle()
    elif name == "start":
        goal = LiveGoal(f"g{len(world.goals)}", number, number)
        _issue(world, session, usage if second % 2 else None)
        world.command(goal, session, GoalStarted(goal.id, "product", clock(number), None), writer)
        world.goals.append(goal)
    elif name == "merge":
        _merge(world, first, second)
    elif name in {"mark", "go on", "finish"}:
        opened = [goal for goal in world.goals if goal.open]
        if opened:
            _issue(world, session, usage if amount % 2 else None)
            _drive(world, opened[second % len(opened)], session if third else None, name, writer)


def _issue(world: World, session: LiveSession | None, usage: ClassUsage | None) -> None:
    """The response that runs the command, logged after it."""
    if session is not None and usage is not None:
        world.respond(session, usage, hidden=True)


def _drive(world: World, goal: LiveGoal, session: LiveSession | None, name: str, writer: str) -> None:
    now = clock(world.ticks)
    if name == "mark":
        world.command(goal, session, StageMarked("stage", now), writer)
        goal.stage += 1
    elif name == "go on":
        world.command(goal, session, GoalContinued(now, "other"), writer)
        goal.attempt, goal.stage, goal.activated = goal.attempt + 1, 0, world.ticks
    else:
        world.command(goal, session, GoalFinished("success", now), writer)
        goal.open = False


def _merge(world: World, first: int, second: int) -> None:
    closed = [goal for goal in world.goals if not goal.open and goal.merged_into is None]
    if len(closed) > 1:
        keep, drop = closed[first % len(closed)], closed[second % len(closed)]
        if keep is not drop:
            drop.merged_into = keep
            world.book.merge(keep.id, drop.id)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Sessions with children, nested goals, several goals and writers, late logs; all settled at the end."""
    world = World()
    world.spawn(None, "claude")
    for step in draw(st.lists(_steps, min_size=12, max_size=40)):
        _step(world, step)
    for session in world.sessions:
        world.flush(session)
    while world.settlements:
        world.settle()
    return world


GOALS: Final = ("g1", "g2", "g3", "g4")
_goals = st.sampled_from(GOALS)
_times = st.integers(0, 3000).map(clock)
_vectors = st.builds(TokenVector, *[st.integers(0, 50)] * 7)
_counters = st.builds(ClassUsage, st.sampled_from(CLASSES), st.integers(0, 9), _vectors)
_sessions = st.sampled_from(("s1", "s2", "s3", "s4"))
_usages = st.builds(
    SessionUsage,
    st.sampled_from(AGENTS),
    _sessions,
    st.lists(_counters, max_size=3).map(merge_classes),
    st.sampled_from(Quality),
    st.none() | _sessions,
    st.booleans(),
    st.booleans(),
)
_parts = st.builds(BackfilledPart, st.integers(1, 2), st.integers(0, 1), _usages)
_found = st.builds(BackfilledSession, st.just("time"), _usages, st.lists(_parts, max_size=2).map(tuple))
_outcomes = st.sampled_from(("success", "fail", "from a later version"))
_texts = st.sampled_from(("one", "two"))
_maybe = st.none() | _texts
_refs = st.builds(SessionRef, st.sampled_from(AGENTS), _sessions, st.just("flag"))
_bodies = st.one_of(
    st.builds(
        GoalStarted,
        _texts,
        st.sampled_from(("product", "check")),
        _times,
        worktree=_maybe,
        session=st.none() | _refs,
        supersedes=st.none() | _goals,
        inputs=st.lists(_goals, max_size=2).map(tuple),
        source_id=_maybe,
    ),
    st.builds(GoalContinued, _times, _maybe, _maybe),
    st.builds(GoalFinished, _outcomes, _times, _maybe, _maybe, _maybe),
    st.builds(GoalCorrected, _outcomes, _times, _maybe, _maybe, _maybe),
    st.builds(
        GoalUpdated,
        _maybe,
        _maybe,
        _maybe,
        _maybe,
        st.lists(_texts, max_size=2).map(tuple),
        inputs=st.lists(_goals, max_size=2).map(tuple),
        claims_extracted=st.none() | st.integers(0, 9),
        claims_updated=st.none() | st.integers(0, 9),
    ),
    st.builds(UsageManual, _vectors, st.just(("reasoning",)), _maybe),
    st.builds(GoalsMerged, _goals),
    st.builds(StageMarked, _texts, _times, _maybe, _maybe),
    st.builds(
        UsageSnapshot,
        st.sampled_from(SnapshotReason),
        st.lists(_usages, max_size=3).map(tuple),
        st.just("test/1"),
        st.none() | st.integers(1, 20).map("e{:05}".format),
    ),
    st.builds(UsageBackfilled, _times, _times, st.lists(_found, max_size=2).map(tuple), st.just("test/1")),
    st.builds(GoalLinked, st.just("commit"), _texts),
    st.builds(BudgetSet, st.none() | st.integers(0, 9), st.none() | st.integers(0, 9), _maybe),
    st.builds(UnknownBody, _texts),
)


@st.composite
def messy_events(draw: st.DrawFn) -> list[Event]:
    """What no command would write: any bodies in any order, counters that fall, sessions that spawn each other."""
    book = Book()
    for goal, body, writer in draw(st.lists(st.tuples(_goals, _bodies, st.sampled_from(WRITERS)), max_size=25)):
        book.write(goal, body, writer)
    return book.events


def numbers(state: LedgerState) -> tuple[object, ...]:
    """All that can be asked of a state in numbers."""
    found = accounts(state)
    return (
        dict(found.goals),
        dict(found.measures),
        dict(found.spending),
        found.remainder,
        found.remainder_tokens,
        found.counter,
        dict(found.shares),
    )
