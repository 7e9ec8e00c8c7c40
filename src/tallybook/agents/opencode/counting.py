"""Facts to responses: a message counts once, whichever store has it, however often forks have copied it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from tallybook.agents.opencode.facts import Counts, End, Message, Session, decode
from tallybook.agents.port import Response
from tallybook.domain.quality import Quality, worst
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from tallybook.agents.port import SourceRows

_OWN: Final = 0
_DOUBTFUL: Final = 1
"""In a session that is called a fork, or of which nothing is known: it counts unless another one can be it."""
_COPY: Final = 2
"""Older than the session that holds it."""


class Held(NamedTuple):
    """A message at its place, with all that is known of its session."""

    source: str
    offset: int
    at: int | None
    fact: Message
    born: int | None
    claim: int
    """How well the session can call it its own; the lowest is best."""
    nth: int
    """Among the rows of its log."""


class Version(NamedTuple):
    """A message as one place tells it."""

    source: str
    offset: int
    at: int | None
    fact: Message
    nth: int
    """Among the rows of its log."""


class Group(NamedTuple):
    """Messages that were created alike."""

    owned: Sequence[Held]
    """Those that are no copies."""
    versions: Sequence[Version]
    """All that is told of any."""


def derive(unit: Sequence[SourceRows]) -> list[Response]:
    """Count one unit; the responses are in the order of their keys."""
    responses = [response(held) for group in groups_of(unit) for held in group.owned if is_served(held)]
    return sorted(responses, key=lambda one: one.key)


def groups_of(unit: Sequence[SourceRows]) -> list[Group]:
    """All messages of a unit, by what copies share."""
    versions: dict[str, list[Version]] = defaultdict(list)
    sessions: dict[str, list[Session]] = defaultdict(list)
    for source in unit:
        for nth, row in enumerate(source.rows):
            fact = decode(row.data)
            if isinstance(fact, Session):
                sessions[fact.id].append(fact)
            else:
                versions[fact.id].append(Version(source.key, row.offset, row.at, fact, nth))
                sessions[fact.home.id].append(fact.home)
    alike: dict[Hashable, list[Held]] = defaultdict(list)
    for found in versions.values():
        held = _held(min(found, key=_version), sessions)
        alike[_likeness(held.fact)].append(held)
    return [
        Group(
            group if len(group) == 1 else list(_once(group)),
            [version for held in group for version in versions[held.fact.id]],
        )
        for group in alike.values()
    ]


def _version(found: Version) -> tuple[bool, bool, int, tuple[int, ...], str]:
    """The lowest is taken whole: one that has ended, then a row, then the one that tells more."""
    source, _, _, fact, _ = found
    counts = fact.counts
    more = tuple(-(part or 0) for part in (*counts.parts, counts.total))
    return fact.end is End.OPEN, not fact.row, -counts.known, more, source


def _held(found: Version, sessions: dict[str, list[Session]]) -> Held:
    source, offset, at, fact, nth = found
    told = sessions[fact.home.id]
    born = min((one.born for one in told if one.born is not None), default=None)
    if born is not None and fact.created is not None and fact.created < born:
        claim = _COPY
    else:
        claim = _DOUBTFUL if born is None or any(one.fork for one in told) else _OWN
    return Held(source, offset, at, fact, born, claim, nth)


def _once(group: list[Held]) -> Iterator[Held]:
    """Messages that were created alike, without copies; two that are nobody's copy are two, however alike."""
    whole: dict[bytes, list[Held]] = defaultdict(list)
    for held in group:
        if held.fact.end is not End.OPEN:
            whole[held.fact.print].append(held)
    waiting = sorted((held for held in group if held.fact.end is End.OPEN), key=_rank)
    for print_ in sorted(whole):
        own = [held for held in whole[print_] if held.claim == _OWN]
        if own:
            yield from own
            continue
        first = min(whole[print_], key=_rank)
        if waiting and _rank(waiting[0]) < _rank(first):
            yield _ended(waiting.pop(0), first)
        else:
            alone = sum(held.claim == first.claim for held in whole[print_]) == 1
            yield first if alone else first._replace(claim=_COPY)
    yield from [held for held in waiting if held.claim == _OWN] or ([] if whole else waiting[:1])


def _ended(seen: Held, copy: Held) -> Held:
    """A message that was last seen while it was written, and whose copy tells how it ended."""
    fact = replace(copy.fact, id=seen.fact.id, home=seen.fact.home, turn=seen.fact.turn)
    return copy._replace(fact=fact, born=seen.born, claim=seen.claim)


def _rank(held: Held) -> tuple[int, bool, int, str, str]:
    """The lowest owns what several sessions hold."""
    return held.claim, held.born is None, held.born or 0, held.fact.home.id, held.fact.id


def _likeness(fact: Message) -> Hashable:
    """By which copies find each other; nothing without a time is taken for one."""
    return fact.id if fact.created is None else (fact.created, fact.like)


def is_served(held: Held) -> bool:
    """Whether a model has answered, or is about to."""
    fact = held.fact
    if fact.counts.used:
        return True
    if fact.end is End.OPEN:
        return held.claim != _COPY
    return fact.end is End.COMPLETE and (fact.stepped or not fact.counts.known)


def response(held: Held) -> Response:
    """The response that a message is."""
    fact, counts = held.fact, held.fact.counts
    quality, inside = _quality(counts)
    if fact.end is not End.COMPLETE or not counts.used:
        quality = worst(quality, Quality.LOWER_BOUND)
    if held.claim == _COPY:
        quality = worst(quality, Quality.UNVERIFIED)
    reasoning, output = counts.reasoning or 0, counts.output or 0
    return Response(
        key=fact.id,
        session=fact.home.id,
        source=held.source,
        offset=held.offset,
        at=held.at,
        model=fact.model,
        tokens=TokenVector(
            input=counts.input or 0,
            cache_read=counts.read or 0,
            cache_write_unknown=counts.write or 0,
            output=output if inside else output + reasoning,
            reasoning=reasoning,
        ),
        quality=quality,
        final=fact.end is not End.OPEN or held.claim == _COPY,
        turn=fact.turn,
        effort=fact.effort,
        provider=fact.provider,
    )


def _quality(counts: Counts) -> tuple[Quality, bool]:
    """How well the parts stand up to the total, and whether it proves that reasoning is a part of the output.

    Some providers leave what caches read or wrote out of their total.
    """
    total = sum(part or 0 for part in counts.parts)
    known = Quality.EXACT if counts.known == len(counts.parts) else Quality.LOWER_BOUND
    if counts.total is None or not counts.used:
        return known, False
    read, write, reasoning = counts.read or 0, counts.write or 0, counts.reasoning or 0
    uncached = {total, total - write, total - read - write}
    if counts.total in uncached:
        return (Quality.EXACT if counts.total == total else known), False
    if counts.total in {one - reasoning for one in uncached} and (counts.output or 0) >= reasoning:
        return known, True
    return (Quality.LOWER_BOUND if counts.total > total else Quality.ESTIMATED), False
