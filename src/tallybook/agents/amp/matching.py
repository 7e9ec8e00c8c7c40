"""Which facts tell of one response: copies and versions of a message or event, and the message of an event.

Neither the order of the facts nor how many versions of a thread were looked at decides anything here.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from tallybook.agents.amp.facts import End, Event, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

T = TypeVar("T", Message, Event)


class Held(msgspec.Struct, Generic[T], frozen=True):
    """One fact at its place."""

    source: str
    group: str
    offset: int
    at: int | None
    fact: T
    index: int
    """Among the rows of its log."""
    alike: tuple[Held[T], ...] = ()
    """All copies and versions of it, once they are found."""

    @property
    def owner(self) -> tuple[bool, bool, int, str]:
        """The lowest owns what several threads hold: one that did not copy it, then the one born first."""
        fact = self.fact
        return fact.inherited, fact.born is None, fact.born or 0, fact.thread


def once_messages(held: Sequence[Held[Message]]) -> list[Held[Message]]:
    """Each message once, with the counts of its best version."""
    valid = list(_lasting(held))
    copied = {_content(one) for one in valid if one.fact.inherited}

    def keys(one: Held[Message]) -> Iterator[Hashable]:
        yield "group", one.group
        if one.fact.number and not one.fact.inherited:
            yield "version", one.fact.thread, one.fact.number, one.fact.model, one.fact.counts
        if one.at is not None or _content(one) in copied:
            yield _content(one)

    return [_best(cluster, _message_rank) for cluster in _clusters(valid, keys)]


def once_events(held: Sequence[Held[Event]]) -> list[Held[Event]]:
    """Each event once."""

    def keys(one: Held[Event]) -> Iterator[Hashable]:
        yield "group", one.group
        if one.fact.id:
            yield "content", one.fact.id, one.at, one.fact.model, one.fact.counts

    return [_best(cluster, _event_rank) for cluster in _clusters(held, keys)]


class Row(msgspec.Struct, frozen=True):
    """One response: a message, an event, or both."""

    held: Held[Message] | Held[Event]
    """The message, or else the event."""
    message: Held[Message] | None
    event: Held[Event] | None


def rows(messages: Iterable[Held[Message]], events: Iterable[Held[Event]]) -> Iterator[Row]:
    """Each message with the event that tells of it; each of both once, and alone where the other is missing."""
    waiting: dict[Hashable, list[Held[Message]]] = defaultdict(list)
    for message in messages:
        waiting[message.fact.home, message.fact.number].append(message)
    asking: dict[Hashable, list[Held[Event]]] = defaultdict(list)
    for event in events:
        asking[event.fact.home, event.fact.answers].append(event)
    for key in {**waiting, **asking}:
        free, left = {one.group: one for one in waiting[key]}, {one.group: one for one in asking[key]}
        for _, _, first, second in sorted(_distance(one, other) for one in free.values() for other in left.values()):
            if first in free and second in left:
                message = free.pop(first)
                yield Row(message, message, left.pop(second))
        for message in free.values():
            yield Row(message, message, None)
        for event in left.values():
            yield Row(event, None, event)


def _lasting(held: Sequence[Held[Message]]) -> Iterator[Held[Message]]:
    """Without what a later version has replaced: a message gets its time, and its end, when it has been served.

    One that was complete and told its counts is replaced by none but a version with the same counts and a time; another
    with its number has been given that number since. Copies stay, and what they are copies of, since it proves whose
    they are.
    """
    versions: dict[tuple[str, str], list[Held[Message]]] = defaultdict(list)
    for one in held:
        versions[one.fact.home, one.fact.number].append(one)
    for found in versions.values():
        dated = {one.fact.counts.used for one in found if one.at is not None}
        ended = any(one.fact.end is not End.OPEN for one in found)
        served = any(_is_served(one.fact) for one in found)
        copied = {_content(one) for one in found if one.fact.inherited}
        for one in found:
            if _is_served(one.fact):
                replaced = one.fact.counts.used in dated
            else:
                replaced = bool(dated) or served or (ended and one.fact.end is End.OPEN)
            if one.at is not None or not replaced or not one.fact.number or _content(one) in copied:
                yield one


def _is_served(fact: Message) -> bool:
    """Whether nothing that counts can be added to it any more."""
    return fact.end is End.COMPLETE and fact.counts.used is not None


def _content(one: Held[Message]) -> Hashable:
    """What all copies of a message share."""
    return "content", one.fact.number, one.at, one.fact.model, one.fact.counts


def _clusters(held: Iterable[Held[T]], keys: Callable[[Held[T]], Iterator[Hashable]]) -> Iterator[list[Held[T]]]:
    """Facts that share a key, however far."""
    leader: dict[Hashable, Hashable] = {}

    def find(key: Hashable) -> Hashable:
        while leader.setdefault(key, key) != key:
            key = leader[key]
        return key

    found = list(held)
    for one in found:
        first, *others = keys(one)
        for other in others:
            leader[find(other)] = find(first)
    clusters: dict[Hashable, list[Held[T]]] = defaultdict(list)
    for one in found:
        clusters[find(next(keys(one)))].append(one)
    yield from clusters.values()


def _best(cluster: list[Held[T]], rank: Callable[[T], tuple[int, ...]]) -> Held[T]:
    """The best version that the owner holds."""
    owner = min(one.owner for one in cluster)
    own = [one for one in cluster if one.owner == owner]
    best = min(own, key=lambda one: (rank(one.fact), one.source, one.group, one.offset))
    return replace(best, group=min(one.group for one in own), alike=tuple(cluster))


def _message_rank(fact: Message) -> tuple[int, ...]:
    return fact.end, -fact.counts.known, *(-(part or 0) for part in reversed(fact.counts.parts))


def _event_rank(fact: Event) -> tuple[int, ...]:
    return -fact.counts.known, *(-(part or 0) for part in reversed(fact.counts.parts))


def _distance(message: Held[Message], event: Held[Event]) -> tuple[bool, int, str, str]:
    """How ill they match: the same counts come first, then the least time between them."""
    told, counted = message.fact.counts, event.fact.counts
    same = (told.input, told.output) == (counted.input, counted.output)
    apart = 2**63 if message.at is None or event.at is None else abs(message.at - event.at)
    return not same, apart, message.group, event.group
