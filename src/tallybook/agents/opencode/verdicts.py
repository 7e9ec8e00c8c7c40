"""What became of each message of OpenCode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.opencode.counting import groups_of, is_served, response
from tallybook.agents.opencode.facts import End, Session, decode
from tallybook.agents.verdicts import Verdict, What

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.agents.opencode.counting import Group, Held
    from tallybook.agents.port import SourceRows

_MESSAGE: Final = "a message of its session"
_OPEN: Final = "a message that is still written"
_VERSION: Final = "another version of the message tells more"
_COPY: Final = "a fork has copied a message that is counted in another session"
_NOTHING: Final = "no model has answered"
_BEGUN: Final = "a message that has not come to its end, and that a fork has copied so"
_SESSION: Final = "what is known of a session"


def explain(unit: Sequence[SourceRows]) -> Iterator[Verdict]:
    """The verdict on every occurrence."""
    for group in groups_of(unit):
        yield from _of_group(group)
    for source in unit:
        for nth, row in enumerate(source.rows):
            if isinstance(decode(row.data), Session):
                yield Verdict(source.key, nth, What.NO_USAGE, _SESSION)


def _of_group(group: Group) -> Iterator[Verdict]:
    places = {(held.source, held.nth): held for held in group.owned}
    counted = {held.fact.id: held for held in group.owned if is_served(held)}
    by_print = {held.fact.print: held for held in counted.values()}
    for source, _, _, fact, nth in group.versions:
        held = places.get((source, nth))
        own = counted.get(fact.id)
        if held is not None:
            yield _own(held)
        elif own is not None:
            what = What.REPEATED if own.source == source else What.COPY
            yield Verdict(source, nth, what, _VERSION, own.fact.home.id, (own.fact.id,))
        elif (other := by_print.get(fact.print)) is not None or (other := next(iter(counted.values()), None)):
            yield Verdict(source, nth, What.COPY, _COPY, other.fact.home.id, (other.fact.id,))
        else:
            yield Verdict(source, nth, What.NO_USAGE, _NOTHING, fact.home.id)


def _own(held: Held) -> Verdict:
    session = held.fact.home.id
    if not is_served(held):
        unfinished = held.fact.end is End.OPEN
        what, why = (What.UNFINISHED, _BEGUN) if unfinished else (What.NO_USAGE, _NOTHING)
        return Verdict(held.source, held.nth, what, why, session)
    found = response(held)
    return Verdict(held.source, held.nth, What.COUNTED, _MESSAGE if found.final else _OPEN, session, (found.key,))
