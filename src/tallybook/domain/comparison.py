"""Puts what the ledger counted of each session beside what the history holds of it now, and names the difference.

For each session and in all: history + missing = counter + unattributed, component by component.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.attribution import segments_of
from tallybook.domain.metrics import accounts
from tallybook.domain.tokens import ZERO, TokenVector, total_of
from tallybook.domain.usage import ClassUsage, SessionKey, merge_classes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tallybook.domain.state import LedgerState


class Cause(StrEnum):
    """Why the two numbers of a session differ."""

    EQUAL = "equal"
    NO_GOAL = "no-goal"
    """No command of a goal ever ran in it."""
    NEVER_LOGGED = "never-logged"
    """A command ran in it, but no log has ever told of it."""
    LOG_TURNED_UP = "log-turned-up"
    """No log told of it when its commands ran; one does now."""
    ELSEWHERE = "elsewhere"
    """Another clone counted it, and its log is not here."""
    LOG_GONE = "log-gone"
    """This clone counted it, and no log tells of it any more."""
    LOG_CHANGED = "log-changed"
    """Its logs tell less of some price class than they did when it was counted."""
    SETTLED_LATER = "settled-later"
    """Its last boundary waits for a response; something has been logged since."""
    WENT_ON = "went-on"
    """It was used after its last boundary."""


class Stored(msgspec.Struct, frozen=True):
    """What the history holds of one session."""

    tokens: TokenVector | None
    """None where its logs are older than any usage in them."""
    parent: str | None = None


class Compared(msgspec.Struct, frozen=True):
    """One session on both sides."""

    key: SessionKey
    parent: str | None
    cause: Cause
    goals: tuple[tuple[str, TokenVector | None], ...]
    """What each goal has of it, as ``show`` tells; None where nothing was measured."""
    remainder: TokenVector | None
    counter: TokenVector | None
    """Σ goals + remainder; None where no boundary has a counter."""
    history: TokenVector | None
    """None where no log tells of it, or of any usage in it."""

    @property
    def unattributed(self) -> TokenVector:
        """What the history holds beyond the counter."""
        return (self.history or ZERO).growth_since(self.counter or ZERO)

    @property
    def missing(self) -> TokenVector:
        """What was counted and the history does not hold."""
        return (self.counter or ZERO).growth_since(self.history or ZERO)


class Sums(msgspec.Struct, frozen=True):
    """Some sessions added up."""

    goals: TokenVector
    remainder: TokenVector
    counter: TokenVector
    history: TokenVector
    unattributed: TokenVector
    missing: TokenVector


def compared(
    state: LedgerState,
    stored: Mapping[SessionKey, Stored],
    classes_of: Callable[[SessionKey], tuple[ClassUsage, ...]],
    writers: Iterable[str],
) -> tuple[Compared, ...]:
    """Every session that one of the two knows, sorted.

    ``classes_of`` is asked for the price classes of stored sessions; ``writers`` are those of this clone.
    """
    both = _Both(state, stored, classes_of, frozenset(writers))
    return tuple(both.row(key) for key in sorted({*state.lines, *stored}))


def sums_of(rows: Iterable[Compared]) -> Sums:
    """The sums over some sessions."""
    some = tuple(rows)
    return Sums(
        goals=total_of(tokens for row in some for _, tokens in row.goals if tokens is not None),
        remainder=total_of(row.remainder for row in some if row.remainder is not None),
        counter=total_of(row.counter for row in some if row.counter is not None),
        history=total_of(row.history for row in some if row.history is not None),
        unattributed=total_of(row.unattributed for row in some),
        missing=total_of(row.missing for row in some),
    )


class _Both:
    """The two sides."""

    def __init__(
        self,
        state: LedgerState,
        stored: Mapping[SessionKey, Stored],
        classes_of: Callable[[SessionKey], tuple[ClassUsage, ...]],
        writers: frozenset[str],
    ) -> None:
        self._state = state
        self._stored = stored
        self._classes_of = classes_of
        self._accounts = accounts(state)
        self._goals = self._shares()
        self._own = _touched(state, writers)

    def _shares(self) -> Mapping[SessionKey, list[tuple[str, TokenVector | None]]]:
        found: dict[SessionKey, list[tuple[str, TokenVector | None]]] = {}
        for goal, usage in self._accounts.goals.items():
            for share in usage.sessions:
                found.setdefault(share.key, []).append((goal, share.tokens if share.measured else None))
        return found

    def row(self, key: SessionKey) -> Compared:
        line, stored = self._state.lines.get(key), self._stored.get(key)
        share = None if line is None or not line.is_measured else self._accounts.shares[key]
        parent = line.parent if line is not None else None
        return Compared(
            key,
            parent if parent is not None or stored is None else stored.parent,
            self._cause(key, stored),
            tuple(self._goals.get(key, ())),
            None if share is None else share.rest,
            None if share is None else share.counter,
            None if stored is None else stored.tokens,
        )

    def _cause(self, key: SessionKey, stored: Stored | None) -> Cause:
        line = self._state.lines.get(key)
        if line is None:
            return Cause.NO_GOAL
        if stored is None:
            gone = Cause.LOG_GONE if key in self._own else Cause.ELSEWHERE
            return gone if line.is_measured else Cause.NEVER_LOGGED
        if not line.is_measured:
            return Cause.LOG_TURNED_UP
        counted = merge_classes(usage for segment in segments_of(key, line) for usage in segment.classes)
        now = {usage.price_class: usage for usage in self._classes_of(key)}
        if all(usage == now.get(usage.price_class) for usage in counted) and len(counted) == len(now):
            return Cause.EQUAL
        if not all(_covers(now.get(usage.price_class), usage) for usage in counted):
            return Cause.LOG_CHANGED
        return Cause.SETTLED_LATER if line.points[-1].pending else Cause.WENT_ON


def _covers(now: ClassUsage | None, counted: ClassUsage) -> bool:
    return now is not None and now.responses >= counted.responses and now.tokens.covers(counted.tokens)


def _touched(state: LedgerState, writers: frozenset[str]) -> frozenset[SessionKey]:
    """Sessions that goals of these writers have joined or own a part of."""
    mine = [goal.id for goal in state.goals.values() if goal.writer in writers]
    tables = (state.joined, state.index.owned)
    return frozenset(key for goal in mine for table in tables for key in table.get(goal, ()))
