"""Facts to responses: each counted once, whichever logs are present and whatever their order."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.agents.codex.facts import Counts, Record
from tallybook.agents.codex.marks import Mark, marks_of
from tallybook.agents.codex.moments import uuid_milliseconds
from tallybook.agents.codex.prefix import Boundary, Family, boundary_of, starts_anew
from tallybook.agents.codex.steps import Step
from tallybook.agents.codex.threads import Thread, thread_of
from tallybook.agents.port import Response
from tallybook.domain.quality import Quality, worst
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.agents.port import SourceRows


_COUNTS: Final = "(((%d, %d, %d, %d, %d), (%d, %d, %d, %d, %d)), %d)"
_RECORDED: Final = "\0"
"""Stands in the identity of a record, and in no other."""


class Claim(msgspec.Struct, frozen=True):
    """One row that says: this response is that thread's."""

    identity: str
    """The same for every copy of the response."""
    rank: tuple[int, str, str, int]
    """The lowest claim is the one that is counted."""
    response: Response

    @property
    def place(self) -> tuple[str, int]:
        """Its log, and the index of its row there."""
        return self.rank[2:]


class _Told(msgspec.Struct, frozen=True, gc=False):
    """What one row tells of a response, whoever's it is."""

    thread: Thread
    place: int
    """Index of the row."""
    usage: Counts
    mark: Mark

    def response(self, key: str, session: str, quality: Quality = Quality.EXACT) -> Response:
        """The response of that session."""
        row = self.thread.rows[self.place]
        fresh, cached, written, output, reasoning = self.usage
        mark = self.mark
        return Response(  # by position, in the order of its fields: six times as fast
            key,
            session,
            self.thread.key,
            row.offset,
            row.at,
            mark.model,
            TokenVector(fresh - cached - written, cached, 0, 0, written, output, reasoning),
            mark.tier,
            worst(quality, Quality.LOWER_BOUND) if mark.compacted else quality,
            True,
            mark.calls,
            mark.turn,
            mark.effort,
            None,
            mark.cwd,
            mark.provider,
            mark.window,
            mark.searches,
        )


def derive(unit: Sequence[SourceRows]) -> list[Response]:
    """Count one unit; the responses are in the order of their keys."""
    return sorted((claim.response for claim in account_of(unit).best.values()), key=lambda response: response.key)


class Left(StrEnum):
    """Why a step is not this thread's to count."""

    UNTOLD = "a fork's first total: how much of it is its own is not told"
    BEGIN = "a fork begins by repeating its parent's total"
    FORWARDED = "forwarded from a review that has a log of its own"
    INHERITED = "copied from the thread that this one was forked from, and counted there"


class Passed(msgspec.Struct, frozen=True):
    """One step that claims nothing."""

    source: str
    nth: int
    why: Left
    step: Step


class Account(msgspec.Struct, frozen=True):
    """All that one unit tells of responses."""

    family: Family
    claims: list[Claim | Passed]
    told: set[str]
    """What records tell of steps that were copied."""
    best: dict[str, Claim]
    """The claims that count, by what they claim."""


def account_of(unit: Sequence[SourceRows]) -> Account:
    """Every claim, and the best of those that claim the same."""
    family = Family(thread_of(source) for source in sorted(unit, key=lambda source: source.key) if source.rows)
    bounds = [(thread, boundary_of(thread, family)) for thread in family.threads]
    told = {
        identity_of(step)
        for thread, bound in bounds
        for step in thread.steps
        if step.index in thread.covered and step.index < bound.start
    }
    claims = [claim for thread, bound in bounds for claim in _claims(thread, bound, family)]
    best: dict[str, Claim] = {}
    for claim in claims:
        if isinstance(claim, Passed):
            continue
        held = best.get(claim.identity)
        if claim.identity not in told and (held is None or claim.rank < held.rank):
            best[claim.identity] = claim
    return Account(family, claims, told, dict(_apart(best)))


def _apart(best: dict[str, Claim]) -> Iterator[tuple[str, Claim]]:
    """The claims with keys of their own: servers on one's own machine use ids of responses again within a thread."""
    if len({claim.response.key for claim in best.values()}) == len(best):
        yield from best.items()
        return
    taken: Counter[str] = Counter()
    for identity, claim in sorted(best.items(), key=lambda one: one[1].rank):
        key = claim.response.key
        taken[key] += 1
        again = taken[key] > 1 and _RECORDED in identity
        yield identity, _renamed(claim, f"{key}#{taken[key]}") if again else claim


def _renamed(claim: Claim, key: str) -> Claim:
    return replace(claim, response=replace(claim.response, key=key))


def _claims(thread: Thread, bound: Boundary, family: Family) -> Iterator[Claim | Passed]:
    marks = marks_of(thread)
    for index, fact in enumerate(thread.facts):
        if type(fact) is Record:
            rank = (int(fact.thread != thread.id), fact.thread, thread.key, index)
            told = _Told(thread, index, fact.usage, marks[index])
            yield Claim(identity_of_record(fact), rank, told.response(f"{fact.thread}:{fact.response}", fact.thread))
    for step in thread.steps:
        if step.index not in thread.covered:
            told = _Told(thread, step.index, step.usage, marks[step.index])
            inherited = step.index < bound.start
            claim = (_inherited if inherited else _own)(step, told, family)
            if isinstance(claim, Left):
                yield Passed(thread.key, step.index, claim, step)
            else:
                yield _doubtful(claim) if step.index in bound.doubt else claim


def _own(step: Step, told: _Told, family: Family) -> Claim | Left:
    """A step of the thread itself, unless it only repeats the total that a fork began with."""
    thread, quality = told.thread, Quality.EXACT
    if step.first and thread.relatives:
        ancestors = family.ancestors(thread)
        repeated = any(step.content in source.contents for source in ancestors) and bool(thread.lineage)
        if step.content[1] is None or repeated:
            return Left.BEGIN if repeated else Left.UNTOLD
        quality = Quality.EXACT if starts_anew(step, ancestors) else Quality.UNVERIFIED
    elif step.gap:
        quality = Quality.LOWER_BOUND
    elif step.forwarded and _is_told_by_review(thread, step, family):
        return Left.FORWARDED
    key = f"{thread.id}:{identity_of(step)}"
    return Claim(key, (0, thread.id, thread.key, step.index), told.response(key, thread.id, quality))


def _inherited(step: Step, told: _Told, family: Family) -> Claim | Left:
    """A copied step: counted for its absent owner, once for all who copied it."""
    thread = told.thread
    owner, *others = thread.lineage or thread.relatives or (thread.id,)
    if family.sources(owner):
        return Left.INHERITED
    if any(step.content in source.contents for other in others for source in family.sources(other)):
        return Left.INHERITED
    (owner, *others), proved = _could_own((owner, *others), told.mark.turn)
    quality = Quality.EXACT if proved or all(map(family.sources, others)) else Quality.UNVERIFIED
    identity = identity_of(step)
    key = f"{owner}:{identity}"
    rank = (len(others), owner, thread.key, step.index)
    return Claim(identity, rank, told.response(key, owner, quality))


def _could_own(lineage: tuple[str, ...], turn: str | None) -> tuple[tuple[str, ...], bool]:
    """The threads of a lineage, nearest first, that can have had a turn; and whether the first of them surely had it.

    Ids of both tell when they were made since February 2026: what was copied of a turn that is older than a thread is
    not that thread's, and what is younger is no elder's, or it would not have come by way of that thread.
    """
    made = uuid_milliseconds(turn)
    for nth, thread in enumerate(lineage[:-1]):
        born = uuid_milliseconds(thread)
        if made is None or born is None:
            return lineage[nth:], False
        if born <= made:
            return lineage[nth:], True
    return lineage[-1:], True


def _doubtful(claim: Claim) -> Claim:
    return replace(claim, response=replace(claim.response, quality=Quality.UNVERIFIED))


def _is_told_by_review(thread: Thread, step: Step, family: Family) -> bool:
    """Whether another thread's log holds a step that was forwarded into this one (October to December 2025)."""
    return any(step.content in other.contents for other in family.threads if other.id != thread.id)


def identity_of_record(record: Record) -> str:
    """What every copy of a record shares, and no record of another response."""
    return f"{record.thread}:{record.response}{_RECORDED}{record.turn}{_RECORDED}{record.usage}"


def identity_of(step: Step) -> str:
    """Sixteen digits that every copy of a row shares: the hash of its counts, as Python writes them."""
    total, last = step.content
    told = repr((step.content, step.nth)) if last is None else _COUNTS % (*total, *last, step.nth)
    return blake2b(told.encode(), digest_size=8).hexdigest()
