"""Occurrences into responses: each answer once, in however many forks its entry stands."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tallybook.agents.pi.facts import Answer, decode
from tallybook.agents.pi.lineage import Copy, Lineage
from tallybook.agents.port import Response
from tallybook.domain.quality import Quality, worst
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from tallybook.agents.pi.facts import Counts, Head
    from tallybook.agents.port import SourceRows


def derive(unit: Sequence[SourceRows]) -> list[Response]:
    """Count one unit; the responses are in the order of their keys."""
    lineage, groups = sorted_out(unit)
    found = [response(name, copies, lineage) for held in groups for name, copies in answers_of(held)]
    return sorted(found, key=lambda one: one.key)


def sorted_out(unit: Sequence[SourceRows]) -> tuple[Lineage, list[list[Copy]]]:
    """What heads tell, and the answers by group."""
    heads: list[Head] = []
    groups: dict[str, list[Copy]] = defaultdict(list)
    for source in unit:
        for index, row in enumerate(source.rows):
            fact = decode(row.data)
            if isinstance(fact, Answer):
                groups[row.group].append(Copy(source.key, row.group, row.offset, row.at, fact, index))
            else:
                heads.append(fact)
    return Lineage(heads), list(groups.values())


def answers_of(copies: list[Copy]) -> Iterator[tuple[str, list[Copy]]]:
    """The copies of each answer, with a name for it within its group."""
    if copies[0].fact.response:
        for same in _same(copies):
            entry, at = min((one.fact.entry, -1 if one.at is None else one.at) for one in same)
            yield f"{entry}@{at}", same
        return
    named: dict[str, list[Copy]] = defaultdict(list)
    for copy in copies:
        if copy.fact.entry:
            named[copy.fact.entry].append(copy)
    entries = sorted(named)
    nameless: dict[str, int] = defaultdict(int)  # entries have ids since version 2, and a migration gives them some
    for copy in sorted(copies, key=lambda one: (one.source, one.offset)):
        if not copy.fact.entry:
            number = nameless[copy.source]
            nameless[copy.source] += 1
            named[entries[number] if number < len(entries) else f"#{number}"].append(copy)
    yield from named.items()


def _same(copies: list[Copy]) -> Iterator[list[Copy]]:
    """Copies of one answer keep its entry or its time; some servers give their ids to several answers."""
    leader: dict[Hashable, Hashable] = {}

    def find(key: Hashable) -> Hashable:
        while leader.setdefault(key, key) != key:
            key = leader[key]
        return key

    keys = [_keys(copy) for copy in copies]
    for first, *others in keys:
        for other in others:
            leader[find(other)] = find(first)
    found: dict[Hashable, list[Copy]] = defaultdict(list)
    for copy, (first, *_) in zip(copies, keys, strict=True):
        found[find(first)].append(copy)
    yield from found.values()


def _keys(copy: Copy) -> list[Hashable]:
    entry, at, counts = copy.fact.entry, copy.at, copy.fact.counts
    keys: list[Hashable] = [("line", entry, at)] if entry and at is not None else []
    keys += [("entry", entry, counts)] if entry else []
    keys += [("time", at, counts)] if at is not None else []
    return keys or [("counts", counts)]


def response(name: str, copies: list[Copy], lineage: Lineage) -> Response:
    """The response that these copies are."""
    owner = lineage.owner(copies)
    kept = min(
        copies, key=lambda one: (one.fact.session != owner.session, -one.fact.counts.sum, one.source, one.offset)
    )
    fact = kept.fact
    quality = worst(_quality(fact.counts), Quality.LOWER_BOUND if fact.broken else Quality.EXACT)
    return Response(
        key=f"{name}{kept.group if kept.group.startswith('@') else '#' + fact.response}",
        session=owner.session,
        source=kept.source,
        offset=kept.offset,
        at=kept.at,
        model=fact.model,
        tokens=_tokens(fact.counts),
        quality=quality if owner.proved else worst(quality, Quality.UNVERIFIED),
        calls=fact.calls,
        effort=fact.effort,
        provider=fact.provider,
    )


def _tokens(counts: Counts) -> TokenVector:
    output = counts.output or 0
    five, hour, unknown = _lives(counts)
    return TokenVector(
        input=counts.input or 0,
        cache_read=counts.read or 0,
        cache_write_5m=five,
        cache_write_1h=hour,
        cache_write_unknown=unknown,
        output=output,
        reasoning=min(counts.reasoning or 0, output),
    )


def _lives(counts: Counts) -> tuple[int, int, int]:
    """Cache writes for five minutes, for an hour, and for nobody knows how long.

    A provider that tells of some that live an hour has no others but those of five minutes; one that tells of none
    may not tell at all.
    """
    write, five, hour = counts.write or 0, counts.write_5m or 0, counts.write_1h or 0
    if five + hour > write:
        return 0, 0, write
    if hour and counts.write_5m is None:
        return write - hour, hour, 0
    return five, hour, write - five - hour


def _quality(counts: Counts) -> Quality:
    """Exact where all parts are told and the total says the same; some providers leave the caches out of it."""
    without_caches = (counts.input or 0) + (counts.output or 0)
    if not counts.sum or (counts.total or 0) > counts.sum:
        return Quality.LOWER_BOUND
    if not counts.total:
        return Quality.LOWER_BOUND if None in counts.parts else Quality.EXACT
    if counts.total == counts.sum or (counts.total == without_caches and None not in counts.parts):
        return Quality.EXACT
    return Quality.ESTIMATED
