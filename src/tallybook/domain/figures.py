"""Reported numbers as values, and a memory of those that were worked out already.

Each is kept until something changes that it depends on; dropping any of them changes no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Final

import attrs

from tallybook.domain.attribution import Segment
from tallybook.domain.goal import Attempt, ManualUsage
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import ZERO, TokenVector, total_of
from tallybook.domain.usage import ClassUsage, SessionKey

UNKNOWN_MODEL: Final = "unknown"


@attrs.frozen
class Measure:
    """One number and how far it can be trusted; ``tokens`` is None where nothing was measured."""

    tokens: TokenVector | None
    quality: Quality


@attrs.frozen
class StageUsage:
    """What one stage used; the unmarked tail of an attempt has no name."""

    goal: str
    """Differs from the goal it is counted with after a merge."""
    attempt: int
    name: str | None
    at: str | None
    notes: str | None
    measure: Measure


@attrs.frozen
class AttemptUsage:
    """What one attempt used."""

    attempt: Attempt
    goal: str
    """Differs from the goal it is counted with after a merge."""
    measure: Measure


@attrs.frozen
class SessionShare:
    """What one session used for the goal."""

    key: SessionKey
    parent: str | None
    tokens: TokenVector
    measured: bool = True
    """False where no log told anything; then ``tokens`` says nothing and is shown as null."""


@attrs.frozen
class ManualShare:
    """Numbers given by hand for one goal."""

    goal: str
    """Differs from the goal it is counted with after a merge."""
    usage: ManualUsage
    counts: bool
    """Nothing was captured for that goal, so these numbers stand for it."""


@attrs.frozen
class GoalUsage:
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

    @property
    def by_model(self) -> tuple[tuple[str, TokenVector], ...]:
        """Tokens per model, sorted by name."""
        parts = [(usage.price_class.model, usage.tokens) for usage in self.classes]
        parts += [(share.usage.model or UNKNOWN_MODEL, share.usage.tokens) for share in self.manual if share.counts]
        models = sorted({model for model, _ in parts})
        return tuple((model, total_of(tokens for name, tokens in parts if name == model)) for model in models)


@attrs.frozen
class Share:
    """What one session, or all of them, counted, and what of it belongs to no goal."""

    counter: TokenVector = ZERO
    rest: TokenVector | None = None
    """None where there was no moment without a goal, which is not the same as nothing used in one."""


@attrs.define
class Figures:
    """A memory of numbers."""

    usages: MutableMapping[str, GoalUsage] = attrs.field(factory=dict)
    """By goal id."""
    measures: MutableMapping[str, Measure] = attrs.field(factory=dict)
    """By goal id, ``GoalUsage.measure`` alone."""
    shares: MutableMapping[SessionKey, Share] = attrs.field(factory=dict)
    """Of each session as it was when it was last asked for."""
    total: Share = Share()
    """The sum of ``shares``."""
    changed: set[SessionKey] = attrs.field(factory=set)
    """Sessions whose share is not what it was."""
    segments: dict[SessionKey, Mapping[str | None, tuple[tuple[int, Segment], ...]]] = attrs.field(factory=dict)
    """Each session cut at its boundaries, each part with its number, by the goal that owns it."""

    def forget_goal(self, goal: str) -> None:
        """Something changed that the goal's numbers depend on."""
        self.usages.pop(goal, None)
        self.measures.pop(goal, None)

    def forget_session(self, key: SessionKey) -> None:
        """Some boundary of the session changed."""
        self.segments.pop(key, None)
        self.changed.add(key)
