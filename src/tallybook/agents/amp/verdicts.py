"""What became of each message and each event of Amp's threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.amp.counting import response, sorted_out
from tallybook.agents.amp.facts import Told, decode
from tallybook.agents.verdicts import Answer, Place, Verdict, What, told_again

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.agents.amp.matching import Held, Row
    from tallybook.agents.port import SourceRows

_MESSAGE: Final = "a message that no event of the ledger tells of"
_EVENT: Final = "an event of the ledger that has no message"
_BOTH: Final = "a message and the event of the ledger that tells of it"
_TWIN: Final = "the event of the ledger that tells of this message"
_OPEN: Final = "; it is still written"
_AGAIN: Final = "another version of it is counted"
_REPLACED: Final = "a later version of the message has replaced it"
_SUBAGENT: Final = "what a subagent used, whose own thread tells it"


def explain(unit: Sequence[SourceRows]) -> Iterator[Verdict]:
    """The verdict on every occurrence."""
    told = sorted_out(unit)
    seen: set[Place] = set()
    for row in told.rows:
        for verdict in _of_row(row):
            seen.add(Place(verdict.source, verdict.nth))
            yield verdict
    for message in told.messages:
        if _place(message) not in seen:
            seen.add(_place(message))
            yield Verdict(*_place(message), What.REPEATED, _REPLACED, message.fact.home)
    for event in told.foreign:
        yield Verdict(*_place(event), What.TWIN, _SUBAGENT, event.fact.subagent)
    for source in unit:
        for index, occurrence in enumerate(source.rows):
            if isinstance(decode(occurrence.data), Told):
                yield Verdict(source.key, index, What.NO_USAGE, "the thread tells usage itself")


def _of_row(row: Row) -> Iterator[Verdict]:
    found = response(row)
    why = _BOTH if row.message and row.event else _MESSAGE if row.message else _EVENT
    answer = Answer((found.key,), found.session, _place(row.held), why if found.final else why + _OPEN)
    yield from told_again(answer, map(_place, row.held.alike), _AGAIN)
    if row.message and row.event:
        for event in row.event.alike:
            yield Verdict(*_place(event), What.TWIN, _TWIN, found.session, (found.key,))


def _place(held: Held) -> Place:  # type: ignore[type-arg]
    return Place(held.source, held.index)
