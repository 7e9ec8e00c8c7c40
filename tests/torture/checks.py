"""What must hold of a ledger after anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.ledger.course import TORN_TAIL
from tallybook.ledger.evidence import examine
from tallybook.ledger.repair import repair
from tallybook.ledger.stream import stream
from tallybook.ledger.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.domain.events import Event
    from tallybook.ledger.reading import Reading
    from tallybook.ledger.store import Ledger
    from tallybook.ledger.verify import Verdict


def verdict_of(ledger: Ledger, reading: Reading) -> Verdict:
    """What ``verify`` says."""
    place = ledger.place
    return verify(reading, examine(ledger.files, place.home, place.published, ledger.clock.now()))


def holds(ledger: Ledger, acknowledged: Iterable[Event], *, damaged: bool = False) -> Reading:
    """No reader raises, every acknowledged event is there as it was written, none twice.

    Unless it may be ``damaged``, no line is wrong but a last one without its newline.
    """
    reading = ledger.read()
    found = {event.id: event for event in reading.events}
    assert len(found) == len(reading.events), "an event is there twice"
    own = ledger.writers().ids
    for event in acknowledged:
        assert found.get(event.id) == event, f"the acknowledged event {event.id} (seq {event.seq}) is lost"
        assert event.writer in own, f"{event.writer} is no writer of this clone any more"
    assert list(reading.events) == sorted(reading.events, key=lambda event: event.order)
    streamed: list[Event] = []
    if stream(ledger.files, ledger.place.directories, streamed.append) is not None:
        assert tuple(streamed) == reading.events, "the stream has other events than the reading"
    verdict = verdict_of(ledger, reading)
    if not damaged:
        assert {problem.code for problem in reading.problems} <= {TORN_TAIL}, reading.problems
        assert verdict.exit_code == bool(reading.problems), verdict.problems
    return reading


def mends(ledger: Ledger, acknowledged: Iterable[Event], *, damaged: bool = False) -> None:
    """A repair leaves no torn tail, takes no record, and a second one finds nothing to do."""
    before = ledger.read()
    done = repair(ledger)
    torn = [problem for problem in before.problems if problem.code == TORN_TAIL]
    assert len(done.cut) == len(torn), (done, torn)
    assert repair(ledger).cut == (), "a second repair has cut something"
    after = holds(ledger, acknowledged, damaged=damaged)
    assert after.events == before.events, "a repair has changed what is read"
    assert TORN_TAIL not in {problem.code for problem in after.problems}
