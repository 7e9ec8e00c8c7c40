"""Totals that were seen to responses: what was added from each to the next, whatever the order of looking.

A response here is all that was served between two looks at a session. Where a part of the total has fallen, the
session has begun to count anew, and all of the new total was added. A total that was seen before is an earlier version
of the document that came back: nothing was added, and counting goes on from there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from tallybook.agents.droid.facts import Message, Origin, Snapshot, Totals, decode
from tallybook.agents.port import Response
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.agents.port import SourceRows


class Seen(msgspec.Struct, frozen=True):
    """A total, and the log that it was seen in."""

    source: str
    fact: Snapshot
    index: int
    """Among the rows of its log."""

    @property
    def order(self) -> tuple[int, int, tuple[int, ...], str, str, int]:
        """By the moment of writing, then by what was used."""
        fact, totals = self.fact, self.fact.totals
        moment = -1 if fact.written is None else fact.written
        return moment, totals.sum, (*totals.parts, totals.thinking), self.source, fact.model, fact.locked or 0


class Talk(msgspec.Struct):
    """All that was seen of one session."""

    totals: list[Seen] = []
    answers: list[int] = []
    """Moments of the model's messages."""
    others: list[int] = []
    """Moments of other messages."""
    origin: str | None = None


def derive(unit: Sequence[SourceRows]) -> list[Response]:
    """Count one unit; the responses are in the order of their keys."""
    found = [one for _, one in looks(unit) if isinstance(one, Response)]
    return sorted(found, key=lambda response: response.key)


class Nothing(StrEnum):
    """Why a look at a total is no response."""

    SEEN = "this total was seen before: an earlier version of the document came back"
    SAME = "nothing was added to the total before"


def looks(unit: Sequence[SourceRows]) -> Iterator[tuple[Seen, Response | Nothing]]:
    """Every look at a total, in the order of each session, and what was added since the one before."""
    talks: dict[str, Talk] = defaultdict(Talk)
    for source in unit:
        for index, row in enumerate(source.rows):
            fact = decode(row.data)
            if isinstance(fact, Snapshot):
                talks[fact.session].totals.append(Seen(source.key, fact, index))
            else:
                _add(talks, row.at, fact)
    for talk in talks.values():
        talk.totals.sort(key=lambda seen: seen.order)
        talk.answers.sort()
        talk.others.sort()
    for session in sorted(talks):
        yield from _looks(talks, session)


def _add(talks: dict[str, Talk], at: int | None, fact: Message | Origin) -> None:
    talk = talks[fact.session]
    if isinstance(fact, Origin):
        talk.origin = fact.origin if talk.origin is None else min(talk.origin, fact.origin)
    elif at is not None:
        (talk.answers if fact.answers else talk.others).append(at)


def _looks(talks: dict[str, Talk], session: str) -> Iterator[tuple[Seen, Response | Nothing]]:
    talk = talks[session]
    base, counted, known = _taken_over(talks, talk), 0, set[Totals]()
    for seen in talk.totals:
        totals = seen.fact.totals
        if totals in known:
            base = totals
            yield seen, Nothing.SEEN
            continue
        known.add(totals)
        added = totals.since(base) if totals.covers(base) else totals
        base = totals
        if added.sum:
            counted += added.sum
            yield seen, _response(seen, added, counted, _moment(talk, seen.fact))
        else:
            yield seen, Nothing.SAME


def _taken_over(talks: dict[str, Talk], talk: Talk) -> Totals:
    """What a session that goes on after a compaction did not use itself: at most the total of the one before it.

    That one may have been resumed since. So the first of its totals is taken that was written when this session's first
    one was there: it is no less than what was taken over, and nothing is counted twice.
    """
    earlier = talks[talk.origin].totals if talk.origin in talks else []
    if not earlier or not talk.totals:
        return Totals()
    first = talk.totals[0].fact
    later = (seen for seen in earlier if (seen.fact.written or 0) >= (first.written or 0))
    return first.totals.within(next(later, earlier[-1]).fact.totals)


def _moment(talk: Talk, fact: Snapshot) -> int | None:
    """When the model last spoke before the total was written, else when the provider was settled, else nobody knows."""
    for moments in (talk.answers, talk.others):
        until = len(moments) if fact.written is None else bisect_right(moments, fact.written)
        if until:
            return moments[until - 1]
    return fact.locked


def _response(seen: Seen, added: Totals, counted: int, at: int | None) -> Response:
    fact = seen.fact
    return Response(
        key=f"{fact.session}:{'.'.join(map(str, (*fact.totals.parts, fact.totals.thinking)))}",
        session=fact.session,
        source=seen.source,
        offset=counted,
        at=at,
        model=fact.model,
        tokens=TokenVector(
            input=added.input,
            cache_read=added.read,
            cache_write_unknown=added.write,
            output=added.output,
            reasoning=min(added.thinking, added.output),
        ),
        quality=Quality.ESTIMATED,
        effort=fact.effort,
        provider=fact.provider,
    )
