"""Tellings to responses: one answer is counted once, as its log told it last, in whatever files it stands."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from tallybook.agents.gemini_cli.facts import Answer, Counts, decode
from tallybook.agents.port import Response
from tallybook.domain.quality import Quality, join, worst
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from tallybook.agents.port import SourceRows


class Held(NamedTuple):
    """One telling at its place."""

    source: str
    offset: int
    at: int | None
    fact: Answer
    nth: int
    """Among the rows of its log."""

    @property
    def copied(self) -> bool:
        """Whether it is older than the session that tells it."""
        return self.at is not None and self.fact.born is not None and self.at < self.fact.born

    @property
    def owner(self) -> tuple[bool, bool, int, str]:
        """The lowest owns what several sessions tell: one that did not copy it, then the one born first."""
        born = self.fact.born
        return self.copied, born is None, born or 0, self.fact.session


def derive(unit: Sequence[SourceRows]) -> list[Response]:
    """Count one unit; the responses are in the order of their keys."""
    return sorted((response(group, held) for group, held in answers_of(unit)), key=lambda one: one.key)


def answers_of(unit: Sequence[SourceRows]) -> Iterator[tuple[str, list[Held]]]:
    """All tellings of each answer, with the id of its message."""
    groups: dict[str, list[Held]] = defaultdict(list)
    for source in unit:
        for index, row in enumerate(source.rows):
            groups[row.group].append(Held(source.key, row.offset, row.at, decode(row.data), index))
    for group, held in groups.items():
        for rows in _answers(held):
            yield group, rows


def _answers(held: list[Held]) -> Iterator[list[Held]]:
    """The tellings of each answer; where an id is no unique one, sessions that share no more than it share nothing."""
    if all(one.fact.unique for one in held):
        yield held
        return
    leader: dict[Hashable, Hashable] = {}

    def find(key: Hashable) -> Hashable:
        while leader.setdefault(key, key) != key:
            key = leader[key]
        return key

    for one in held:
        for key in _shared(one):
            leader[find(key)] = find(one.fact.session)
    answers: dict[Hashable, list[Held]] = defaultdict(list)
    for one in held:
        answers[find(one.fact.session)].append(one)
    yield from answers.values()


def _shared(one: Held) -> Iterator[Hashable]:
    """What two sessions share only where one has copied from the other."""
    if one.at is not None:
        yield "at", one.at
    if one.fact.counts is not None and one.fact.counts.sum:
        yield "told", one.fact.model, one.fact.counts


def response(group: str, held: list[Held]) -> Response:
    """The response that is told so."""
    owner = min(one.owner for one in held)
    own = [one for one in held if one.fact.session == owner[-1]]
    told = _told(own) or _told(held) or own
    kept = max((_last(rows) for rows in _by_source(told)), key=_preference)
    first = min((one for one in told if one.source == kept.source), key=lambda one: one.offset)
    tokens, quality = _vector(kept.fact.counts or Counts())
    if any(one.fact.joined for one in held):
        quality = worst(quality, Quality.LOWER_BOUND)
    if owner[0]:
        quality = worst(quality, Quality.UNVERIFIED)
    session = owner[-1]
    ordered = sorted(held, key=lambda one: (one.owner, one.source, one.offset))
    return Response(
        key=group if kept.fact.unique else f"{group}@{session}",
        session=session,
        source=first.source,
        offset=first.offset,
        at=min((one.at for one in told if one.at is not None), default=None),
        model=kept.fact.model,
        tokens=tokens,
        quality=quality,
        calls=tuple(dict.fromkeys(call for one in ordered for call in one.fact.calls)),
    )


def _told(held: Iterable[Held]) -> list[Held]:
    """Those that tell usage."""
    return [one for one in held if one.fact.counts is not None]


def _by_source(held: Iterable[Held]) -> Iterable[list[Held]]:
    sources: dict[str, list[Held]] = defaultdict(list)
    for one in held:
        sources[one.source].append(one)
    return sources.values()


def _last(held: list[Held]) -> Held:
    """What one log told last."""
    return max(enumerate(held), key=lambda nth: (nth[1].offset, nth[0]))[1]


def _preference(one: Held) -> tuple[int, bool, bool, str]:
    """Of several logs, the one that saw the answer grow furthest."""
    return (one.fact.counts or Counts()).sum, one.fact.counts is not None, one.fact.model != "unknown", one.source


def _vector(counts: Counts) -> tuple[TokenVector, Quality]:
    """Disjoint parts whose total is the agent's own, and how far they can be trusted."""
    whole, thoughts = counts.input or 0, counts.thoughts or 0
    cached = min(counts.cached or 0, whole)
    tokens = TokenVector(
        input=whole - cached + (counts.tool or 0),
        cache_read=cached,
        output=(counts.output or 0) + thoughts,
        reasoning=thoughts,
    )
    fits = counts.cached is not None and counts.cached <= whole
    return tokens, join((_completeness(counts), Quality.EXACT if fits or not counts.sum else Quality.ESTIMATED))


def _completeness(counts: Counts) -> Quality:
    """Exact where the parts make up the total, or where there is none and all are told; 0 is no total of an answer."""
    if not counts.sum:
        return Quality.LOWER_BOUND
    if counts.total:
        if counts.total == counts.sum:
            return Quality.EXACT
        return Quality.LOWER_BOUND if counts.total > counts.sum else Quality.ESTIMATED
    return Quality.LOWER_BOUND if None in counts.parts else Quality.EXACT
