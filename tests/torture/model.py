"""Anything that can be done with ledgers, in any order, beside a model that is a set of events for each clone."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, ClassVar, Final

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from msgspec.structs import replace

from ledger.ledgers import NOW, CrashError, HandClock
from tallybook.clock import unix_milliseconds
from tallybook.domain.replay import fold
from tallybook.ledger.course import TORN_TAIL
from tallybook.ledger.line import RawEvent, parse
from tallybook.ledger.publish import publish
from tallybook.ledger.reading import Reading, read
from tallybook.ledger.replica import Replica
from torture.bodies import batch, events, lines
from torture.checks import holds, mends, verdict_of
from torture.ledgers import ledger_in
from torture.medium import Medium
from torture.orders import state_hash
from torture.plan import Case, Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tallybook.domain.events import Event, NewEvent
    from tallybook.domain.state import LedgerState
    from tallybook.ledger.store import Ledger
    from torture.plan import Plan

SMALL: Final = (500, 30)
"""Examples, and steps of each."""
FULL: Final = (10_000, 50)
CHUNK: Final = 50
"""Examples of one case."""
CLONES: Final = 3
_DAY: Final = 24 * 3600 * 1000

clones = st.integers(0, CLONES - 1)
chances = st.integers(0, 2**32).map(Random)


class Clone:
    """One clone: the real ledger, and what must be in it."""

    def __init__(self, base: Path, medium: Medium, clock: HandClock, number: int) -> None:
        self.base = base
        self.ledger: Ledger = ledger_in(base, medium, seed=number, clock=clock)
        medium.put(base / "git" / "HEAD", b"")
        self.checkpoint = base / "checkpoint.db"
        self.replica = Replica(self.ledger, self.checkpoint)
        self.events: dict[str, Event] = {}
        self.published: set[str] = set()
        self.writers: set[str] = set()
        self.torn = False

    @property
    def files(self) -> list[Path]:
        """The ledger files in the home."""
        home = self.ledger.place.home
        try:
            names = self.ledger.files.names(home)
        except FileNotFoundError:
            return []
        return [home / name for name in sorted(names) if name.endswith(".ndjson")]


class Machine(RuleBasedStateMachine):
    """Clones of one project on one machine with one clock."""

    base: ClassVar[Path]

    @initialize()
    def begin(self) -> None:
        self.clock = HandClock(NOW)
        self.strangers = 0
        self.medium = Medium(self.base)
        self.clones = [Clone(self.base / str(number), self.medium, self.clock, number) for number in range(CLONES)]
        for clone in self.clones:
            clone.checkpoint.unlink(missing_ok=True)

    # what is done

    @rule(number=clones, chance=chances, count=st.integers(1, 5))
    def write(self, number: int, chance: Random, count: int) -> None:
        clone = self.clones[number]
        new = batch(chance, count)
        seen: list[str] = []

        def decide(state: LedgerState) -> list[NewEvent]:
            seen.append(state_hash(state))
            return new

        done = clone.replica.transact(decide)
        assert isinstance(done, tuple)
        assert seen == [state_hash(fold(clone.events.values()))], "it was decided on another state"
        assert [(event.goal, event.body) for event in done] == [(one.goal, one.body) for one in new]
        self.written(clone, done)
        clone.torn = False

    @rule(number=clones, chance=chances, at=st.integers(0, 40))
    def write_and_die(self, number: int, chance: Random, at: int) -> None:
        clone = self.clones[number]
        left = at

        def watch(_: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise CrashError

        self.medium.watch = watch
        try:
            clone.ledger.transact(clone.ledger.read, lambda _: batch(chance, 3))
        except CrashError:
            pass
        finally:
            self.medium.watch = lambda _: None
            self.medium.kill()
        found = clone.ledger.read().events
        self.written(clone, tuple(event for event in found if event.id not in clone.events))
        clone.torn = False  # or not: a batch is written at once here, unless it is torn by ``tear``

    def written(self, clone: Clone, new: tuple[Event, ...]) -> None:
        """Times and writers are as they must be."""
        wall = unix_milliseconds(self.clock.moment)
        near = [event.hlc for event in clone.events.values() if int(event.hlc[:13]) <= wall + _DAY]
        for event in new:
            own = [known.hlc for known in clone.events.values() if known.writer == event.writer]
            assert all(event.hlc > time for time in (*near, *own)), "an event is before one that was seen"
            latest = max([wall, *(int(time[:13]) for time in (*near, *own))])
            assert wall <= int(event.hlc[:13]) <= latest + 1, "the clock was dragged along"
            clone.writers.add(event.writer)
            clone.events[event.id] = event
            near.append(event.hlc)
        others = [other.writers for other in self.clones if other is not clone]
        assert all(clone.writers.isdisjoint(names) for names in others), "two clones write as the same writer"

    @rule(hours=st.sampled_from((-30, -1, 0, 1, 30)), milliseconds=st.integers(0, 2))
    def clock_moves(self, hours: int, milliseconds: int) -> None:
        self.clock.moment += timedelta(hours=hours, milliseconds=milliseconds)

    @rule(number=clones, size=st.integers(1, 300))
    def tear(self, number: int, size: int) -> None:
        """A process of this clone has died within its write."""
        clone = self.clones[number]
        current = clone.ledger.writers().current
        if current is not None and current.seq and not clone.torn:
            path = clone.ledger.place.home / f"{current.writer}.ndjson"
            self.medium.put(path, self.medium.get(path) + b"{" * size, self.medium.look(path))
            clone.torn = True

    @rule(number=clones)
    def mend(self, number: int) -> None:
        clone = self.clones[number]
        mends(clone.ledger, (), damaged=True)
        clone.torn = False

    @rule(number=clones)
    def make_public(self, number: int) -> None:
        clone = self.clones[number]
        current = clone.ledger.writers().current
        published = clone.ledger.place.published
        assert published is not None
        if current is not None:
            publish(clone.ledger.place.home, current.writer, published, self.medium)

    @rule(source=clones, into=clones)
    def bring(self, source: int, into: int) -> None:
        """Files of one clone come to another, as by a merge of published copies."""
        published = self.clones[into].ledger.place.published
        assert published is not None
        if source != into:
            for path in self.clones[source].files:
                data = self.medium.get(path)
                whole = data[: data.rfind(b"\n") + 1]
                place = published / path.name
                if not self.medium.there(place) or whole.startswith(self.medium.get(place)):
                    self.medium.put(place, whole)
                    self.came(source, into, whole)

    @rule(source=clones, into=clones)
    def copy(self, source: int, into: int) -> None:
        """The ledger of one clone takes the place of another's, states and all."""
        one, other = self.clones[source], self.clones[into]
        home, place = one.ledger.place.home, other.ledger.place
        known = {event.writer for event in one.events.values()}
        if one is other or not self.medium.there(home) or not other.writers.isdisjoint(known | one.writers):
            return  # with a state of its own from before, a clone would go on where it was then
        self.medium.remove(place.home)
        for name in self.medium.names(home):
            self.medium.put(place.home / name, self.medium.get(home / name))
        assert place.published is not None
        left = read(self.medium, (place.published,)) if self.medium.there(place.published) else Reading()
        other.events = {event.id: event for event in left.events}
        for path in one.files:
            self.came(source, into, self.medium.get(path))
        other.torn = one.torn

    def came(self, source: int, into: int, data: bytes) -> None:
        """The target holds all events now that stand in ``data``."""
        parsed = (parse(line) for line in data.split(b"\n")[:-1])
        for raw in parsed:
            assert isinstance(raw, RawEvent)
            identity = raw.envelope.id
            self.clones[into].events[identity] = self.clones[source].events[identity]

    @rule(number=clones, chance=chances, hours=st.sampled_from((-100, 1, 23, 25, 1000)))
    def stranger(self, number: int, chance: Random, hours: int) -> None:
        """Events of a machine whose clock is wrong."""
        clone = self.clones[number]
        self.strangers += 1
        writer = f"w-f{self.strangers:07x}"
        time = unix_milliseconds(self.clock.moment + timedelta(hours=hours))
        made = []
        for seq, event in enumerate(events(chance, 3, 1), 1):
            identity = f"f{self.strangers:07x}{event.id[8:]}"
            made.append(replace(event, id=identity, writer=writer, seq=seq, hlc=f"{time:013d}-{seq:04x}"))
        data = b"".join(line + b"\n" for line in lines(made))
        self.medium.put(clone.ledger.place.home / f"{writer}.ndjson", data)
        clone.events |= {event.id: event for event in made}

    # what must hold

    @rule(number=clones)
    def look(self, number: int) -> None:
        clone = self.clones[number]
        reading = holds(clone.ledger, (), damaged=True)
        codes = {problem.code for problem in verdict_of(clone.ledger, reading).problems}
        assert codes <= {TORN_TAIL, "far-future"}, codes
        assert set(reading.events) == set(clone.events.values()), "the ledger holds other events than the model"
        replica = clone.replica.refresh()
        assert state_hash(replica.state) == state_hash(fold(clone.events.values())), "the replica has another state"

    @rule(number=clones)
    def begin_again(self, number: int) -> None:
        """Another command: the state is kept and taken up."""
        clone = self.clones[number]
        clone.replica.refresh().save()
        clone.replica = Replica(clone.ledger, clone.checkpoint)
        self.look(number)

    def teardown(self) -> None:
        for number in range(CLONES if hasattr(self, "clones") else 0):
            self.look(number)


def cases(plan: Plan) -> Iterator[Case]:
    """Examples, some at a time."""
    examples, steps = FULL if plan.full else SMALL
    for number in range(examples // CHUNK):
        yield Case(f"examples from {number * CHUNK}", partial(_examples, plan, number, steps))


def _examples(plan: Plan, number: int, steps: int) -> int:
    base = plan.base / str(number)

    class Here(Machine):
        pass

    Here.base = base
    phases = (Phase.generate,) if plan.first else (Phase.generate, Phase.shrink)
    run_state_machine_as_test(
        seed(plan.rng("model", number).getrandbits(64))(Here),
        settings=settings(
            max_examples=CHUNK,
            stateful_step_count=steps,
            phases=phases,
            database=None,
            deadline=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return CHUNK


ROW: Final = Row(
    "model",
    "the ledger's interface as a state machine of three clones beside a model",
    "equal",
    cases,
)
