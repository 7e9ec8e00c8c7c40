"""Reported numbers as values, and a memory of those that were worked out already.

Each is kept until something changes that it depends on; dropping any of them changes no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Final

import msgspec

from tallybook.domain.attribution import Part, Segment, Tally
from tallybook.domain.goal import Attempt, ManualUsage
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import ZERO, TokenVector, total_of
from tallybook.domain.usage import ClassUsage, SessionKey

UNKNOWN_MODEL: Final = "unknown"


class Measure(msgspec.Struct, frozen=True):
    """One number and how far it can be trusted; ``tokens`` is None where nothing was measured."""

    tokens: TokenVector | None
    quality: Quality


class StageUsage(msgspec.Struct, frozen=True):
    """What one stage used; the unmarked tail of an attempt has no name."""

    goal: str
    """Differs from the goal it is counted with after a merge."""
    attempt: int
    name: str | None
    at: str | None
    notes: str | None
    measure: Measure


class AttemptUsage(msgspec.Struct, frozen=True):
    """What one attempt used."""

    attempt: Attempt
    goal: str
    """Differs from the goal it is counted with after a merge."""
    measure: Measure


class SessionShare(msgspec.Struct, frozen=True):
    """What one session used for the goal."""

    key: SessionKey
    parent: str | None
    tokens: TokenVector
    measured: bool = True
    """False where no log told anything; then ``tokens`` says nothing and is shown as null."""


class ManualShare(msgspec.Struct, frozen=True):
    """Numbers given by hand for one goal."""

    goal: str
    """Differs from the goal it is counted with after a merge."""
    usage: ManualUsage
    counts: bool
    """Nothing was captured for that goal, so these numbers stand for it."""


class GoalUsage(msgspec.Struct, frozen=True):
    """All numbers of one goal."""

    measure: Measure
    """The goal with its child sessions."""
    own: TokenVector | None
    """Without the child sessions; numbers given by hand are the goal's own."""
    subtree: TokenVector | None
    """The child sessions alone; ``own + subtree`` is the whole."""
    captured: Measure
    """What snapshots tell; equal to ``measure`` unless numbers given by hand stand in for what nobody measured."""
    manual: tuple[ManualShare, ...]
    """Numbers given by hand, kept whether they count or not."""
    classes: tuple[ClassUsage, ...]
    sessions: tuple[SessionShare, ...]
    attempts: tuple[AttemptUsage, ...]
    stages: tuple[StageUsage, ...]
    unreported: tuple[str, ...]
    backfilled: tuple[str, ...] = ()
    """The goals counted here whose usage was found in the history afterwards."""

    @property
    def by_model(self) -> tuple[tuple[str, TokenVector], ...]:
        """Tokens per model, sorted by name."""
        parts = [(usage.price_class.model, usage.tokens) for usage in self.classes]
        parts += [(share.usage.model or UNKNOWN_MODEL, share.usage.tokens) for share in self.manual if share.counts]
        models = sorted({model for model, _ in parts})
        return tuple((model, total_of(tokens for name, tokens in parts if name == model)) for model in models)


Spending = tuple[tuple[str, ClassUsage], ...]
"""What snapshots tell of a goal: agents with what their responses of one price class used, sorted. Of one class that of
which searches of the web were counted stands apart, so that nothing that has a price is lost."""


class Share(msgspec.Struct, frozen=True):
    """What one session, or all of them, counted, and what of it belongs to no goal."""

    counter: TokenVector = ZERO
    rest: TokenVector | None = None
    """None where there was no moment without a goal, which is not the same as nothing used in one."""


class Figures(msgspec.Struct, eq=False):
    """A memory of numbers, which says nothing that the state does not: any two are alike."""

    usages: MutableMapping[str, GoalUsage] = msgspec.field(default_factory=dict)
    """By goal id."""
    measures: MutableMapping[str, Measure] = msgspec.field(default_factory=dict)
    """By goal id, ``GoalUsage.measure`` alone."""
    spending: MutableMapping[str, Spending] = msgspec.field(default_factory=dict)
    """By goal id."""
    shares: MutableMapping[SessionKey, Share] = msgspec.field(default_factory=dict)
    """Of each session as it was when it was last asked for."""
    total: Share = Share()
    """The sum of ``shares``."""
    changed: set[SessionKey] = msgspec.field(default_factory=set)
    """Sessions whose share is not what it was."""
    segments: dict[SessionKey, Mapping[str | None, tuple[tuple[int, Segment], ...]]] = msgspec.field(
        default_factory=dict
    )
    """Each session cut at its boundaries, each part with its number, by the goal that owns it."""
    tallies: dict[SessionKey, Mapping[Part | None, Tally]] = msgspec.field(default_factory=dict)
    """Each session added up by the attempt that owns a part of it, the remainder under None."""

    def __eq__(self, other: object) -> bool:
        """Whether it is such a memory, whatever it holds."""
        return isinstance(other, Figures)

    __hash__ = None  # type: ignore[assignment]

    def forget_goal(self, goal: str) -> None:
        """Something changed that the goal's numbers depend on."""
        for known in (self.usages, self.measures, self.spending):
            known.pop(goal, None)

    def forget_session(self, key: SessionKey) -> None:
        """Some boundary of the session changed."""
        self.segments.pop(key, None)
        self.tallies.pop(key, None)
        self.changed.add(key)
