"""Facts to responses: a message and its event are one response, and neither list is ever added to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.agents.amp.facts import Counts, End, Event, Message, decode
from tallybook.agents.amp.matching import Held, Row, once_events, once_messages, rows
from tallybook.agents.port import Response
from tallybook.domain.quality import Quality, worst
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.agents.port import SourceRows


def derive(unit: Sequence[SourceRows]) -> list[Response]:
    """Count one unit; the responses are in the order of their keys."""
    return sorted((response(row) for row in sorted_out(unit).rows), key=lambda one: one.key)


class Sorted(msgspec.Struct, frozen=True):
    """All that a unit tells."""

    rows: tuple[Row, ...]
    messages: tuple[Held[Message], ...]
    foreign: tuple[Held[Event], ...]
    """What a subagent used whose own thread tells it."""


def sorted_out(unit: Sequence[SourceRows]) -> Sorted:
    """The responses of a unit as rows, and what is none."""
    messages: list[Held[Message]] = []
    events: list[Held[Event]] = []
    told: set[str] = set()
    for source in unit:
        for index, row in enumerate(source.rows):
            fact = decode(row.data)
            if isinstance(fact, Message):
                messages.append(Held(source.key, row.group, row.offset, row.at, fact, index))
            elif isinstance(fact, Event):
                events.append(Held(source.key, row.group, row.offset, row.at, fact, index))
            else:
                told.add(fact.thread)
    own = [event for event in events if event.fact.subagent not in told]
    foreign = tuple(event for event in events if event.fact.subagent in told)
    return Sorted(tuple(rows(once_messages(messages), once_events(own))), tuple(messages), foreign)


def response(row: Row) -> Response:
    """The response that a message, an event or both tell of."""
    held, message, event = row.held, row.message, row.event
    fact = held.fact
    counts = held.fact.counts if message is None or event is None else _joined(message.fact, event.fact)
    end = End.COMPLETE if message is None or event is not None else message.fact.end
    doubtful = fact.inherited and (message is None or event is None or event.fact.inherited)
    at = event.at if event is not None and held.at is None else held.at
    quality = worst(_quality(counts), Quality.EXACT if end is End.COMPLETE else Quality.LOWER_BOUND)
    return Response(
        key=held.group,
        session=fact.home,
        source=held.source,
        offset=held.offset,
        at=at,
        model=next((one.fact.model for one in (message, event) if one and one.fact.model != "unknown"), "unknown"),
        tokens=TokenVector(
            input=counts.input or 0,
            cache_read=counts.read or 0,
            cache_write_unknown=counts.write or 0,
            output=counts.output or 0,
        ),
        quality=worst(quality, Quality.UNVERIFIED) if doubtful else quality,
        final=end is not End.OPEN,
        calls=message.fact.calls if message else (),
        window=message.fact.window if message else None,
    )


def _joined(message: Message, event: Event) -> Counts:
    """What both tell: input and output of the one that tells more, caches of the message where it tells them."""
    told, counted = message.counts, event.counts
    partial = message.end is not End.COMPLETE and None not in {counted.input, counted.output}
    first, second = (counted, told) if partial or counted.known > told.known else (told, counted)
    return Counts(
        first.input if first.input is not None else second.input,
        told.read if told.read is not None else counted.read,
        told.write if told.write is not None else counted.write,
        first.output if first.output is not None else second.output,
        told.inputs if first is told else None,
        None if told.known == len(told.parts) else counted.total,
    )


def _quality(counts: Counts) -> Quality:
    """Exact where all parts are told, or where a sum proves that those which are not told are nothing."""
    inputs = sum(part or 0 for part in counts.parts[:3])
    total = inputs + (counts.output or 0)
    sums = [(told, sum_) for told, sum_ in ((counts.inputs, inputs), (counts.total, total)) if told is not None]
    if any(told > sum_ for told, sum_ in sums):
        return Quality.LOWER_BOUND
    if any(told < sum_ for told, sum_ in sums):
        return Quality.ESTIMATED
    proved = counts.total is not None or (counts.inputs is not None and counts.output is not None)
    return Quality.EXACT if proved or counts.known == len(counts.parts) else Quality.LOWER_BOUND
