"""Batches: the events of one command in the order in which they are written, snapshots first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import asdict

from tallybook.domain.events import Body, GoalUpdated, NewEvent, UsageManual, UsageSnapshot
from tallybook.domain.tokens import COMPONENTS, TokenVector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.domain.commands import Changes, Circumstances, ManualNumbers
    from tallybook.domain.usage import SnapshotReason


def batch(goal: str, bodies: Iterable[Body | None]) -> tuple[NewEvent, ...]:
    """Events of one goal; None stands for one that there is no need of."""
    return tuple(NewEvent(goal, body) for body in bodies if body is not None)


def snapshot(circumstances: Circumstances, reason: SnapshotReason) -> UsageSnapshot | None:
    """What the sessions of the command have used, where there are any."""
    if not circumstances.usage:
        return None
    return UsageSnapshot(reason, circumstances.usage, circumstances.reader)


def by_hand(numbers: ManualNumbers | None) -> UsageManual | None:
    """Numbers that were given by hand; how long a cache write lives is not asked for."""
    if numbers is None:
        return None
    counts = numbers.counts()
    unreported = tuple(name for name in COMPONENTS if name not in counts)
    return UsageManual(TokenVector(**counts), unreported, numbers.model)


def changed(changes: Changes) -> GoalUpdated | None:
    """New values of fields, where there are any."""
    body = GoalUpdated(**asdict(changes))
    return None if body == GoalUpdated() else body
