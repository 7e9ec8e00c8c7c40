"""What subscriptions cost for a stretch of time, to the picodollar, and which sessions they cover."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

import msgspec

from tallybook.domain.money import half_even

_YEAR: Final = 12
"""In months."""
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Every(StrEnum):
    """How often it is paid."""

    MONTH = "month"
    YEAR = "year"


class Subscription(msgspec.Struct, frozen=True):
    """What is paid for an agent whatever it uses; it covers all that the agent uses in its time."""

    agent: str
    plan: str | None
    """As logs tell it: only sessions that ran under it are covered; None for all of the agent."""
    pico_usd: int
    """For one period."""
    every: Every
    since: str
    """The day of the first payment, UTC, YYYY-MM-DD; later ones are on that day of the month, or its last one."""
    until: str | None
    """The first day on which it does not hold any more."""
    source: str

    @property
    def begin(self) -> int:
        """In microseconds since the epoch."""
        return _moment(date.fromisoformat(self.since))

    @property
    def end(self) -> int | None:
        """In microseconds since the epoch, itself not in it; None where none is known."""
        return None if self.until is None else _moment(date.fromisoformat(self.until))

    def covers(self, agent: str | None, plan: str | None, moment: int) -> bool:
        """Whether it pays for what the agent uses under the plan at a moment."""
        ours = agent == self.agent and self.plan in {None, plan}
        return ours and self.begin <= moment and (self.end is None or moment < self.end)

    def clashes(self, other: Subscription) -> bool:
        """Whether both would cover the same."""
        apart = self.agent != other.agent or (None not in {self.plan, other.plan} and self.plan != other.plan)
        before = any(one.until is not None and one.until <= two.since for one, two in ((self, other), (other, self)))
        return not (apart or before)

    def paid(self, since: int, until: int) -> int:
        """Picodollars for a half-open stretch of time, in microseconds since the epoch; half to even.

        A payment is spread evenly over the time up to the next one.
        """
        since = max(since, self.begin)
        until = until if self.end is None else min(until, self.end)
        found, number = Fraction(), self._payments_before(since)
        while (first := self._payment(number)) < until:
            number += 1
            following = self._payment(number)
            within = min(until, following) - max(since, first)
            if within > 0:
                found += Fraction(self.pico_usd * within, following - first)
        return half_even(found.numerator, found.denominator)

    def _payments_before(self, moment: int) -> int:
        """So many payments at least, or none, were made before the one that pays for a moment."""
        first, day = date.fromisoformat(self.since), (_EPOCH + moment * _MICROSECOND).date()
        months = (day.year - first.year) * _YEAR + day.month - first.month
        return max(months // self._months - 1, 0)

    @property
    def _months(self) -> int:
        return _YEAR if self.every is Every.YEAR else 1

    def _payment(self, number: int) -> int:
        """When a payment was made, the first one being number 0."""
        first = date.fromisoformat(self.since)
        years, month = divmod(first.month - 1 + number * self._months, _YEAR)
        year, month = first.year + years, month + 1
        last = 31 if month == _YEAR else (date(year, month + 1, 1) - timedelta(days=1)).day
        return _moment(date(year, month, min(first.day, last)))


def _moment(day: date) -> int:
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH) // _MICROSECOND
