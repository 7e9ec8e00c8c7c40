"""What samples of an allowance say of it now: how much is left, how fast it goes, and when it may be used up.

Agents tell the use of an allowance as a rounded share. So every rate is an interval: what lies within the rounding of
the first and the last sample of the window that runs now. All shares are hundredths of a percent, all moments
microseconds since the epoch, UTC.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

FULL: Final = 10_000
"""An allowance that is used up, in hundredths of a percent."""
_WHOLE: Final = 100
"""One percent."""
_MINUTE: Final = 60_000_000
HOUR: Final = 60 * _MINUTE
STEADY: Final = 5 * _MINUTE
"""Moments of a reset that are nearer to each other are those of one window."""


class Sample(msgspec.Struct, frozen=True):
    """How much of an allowance was used at one moment."""

    at: int
    used: int
    resets_at: int | None


class Before(StrEnum):
    """Whether the allowance is used up before its window ends."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


class Pace(msgspec.Struct, frozen=True):
    """How fast the allowance went within its window; as low and as high as the rounding of samples leaves open."""

    since: int
    """Of the first sample, or the begin of the window where one sample is all there is."""
    samples: int
    low: Fraction
    """Hundredths of a percent in an hour; never less than 0."""
    high: Fraction
    """Always more than 0."""


class Outlook(msgspec.Struct, frozen=True):
    """When the allowance is used up if it goes on as it went."""

    earliest: int
    latest: int | None
    """None where it may never be."""
    before_reset: Before | None
    """None where no reset is known."""


class Standing(msgspec.Struct, frozen=True):
    """One allowance at one moment."""

    used: int | None
    """By the last sample; None where its window has ended since, or nothing was told."""
    left: int | None
    over: bool
    """The window of the last sample has ended: what was used in the next one is not known."""
    pace: Pace | None
    outlook: Outlook | None


def standing(samples: Sequence[Sample], window: int | None, now: int) -> Standing:
    """What the samples of one allowance, in the order of time, say at ``now``; ``window`` is its length in minutes.

    What a clock that was wrong has dated later than now is taken as told now.
    """
    if not samples:
        return Standing(None, None, over=False, pace=None, outlook=None)
    samples = [one if one.at <= now else replace(one, at=now) for one in samples]
    last = samples[-1]
    if last.resets_at is not None and last.resets_at <= now:
        return Standing(None, None, over=True, pace=None, outlook=None)
    pace = _pace(_running(_without_late(samples)), window)
    outlook = None if pace is None else _outlook(last, pace, _rounding(samples))
    return Standing(last.used, max(FULL - last.used, 0), over=False, pace=pace, outlook=outlook)


def _without_late(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Without what a session told late: the word of another window, or a lower use that had been and is surpassed.

    Only the end of a window tells what is of the same one; without an end a use that fell is a reset.
    """
    last = samples[-1]
    if last.resets_at is None:
        return samples
    same = [one for one in samples if _same_end(one, last)]
    before = accumulate((one.used for one in same), max)
    after = [*accumulate((one.used for one in reversed(same)), max)][::-1]
    rows = zip(same, before, after, strict=True)
    return [one for one, most, later in rows if one.used >= most or later < most]


def _running(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples of the window that the last one belongs to: use only grows in it, and its end stays."""
    last = samples[-1]
    first = len(samples) - 1
    for number in range(len(samples) - 2, -1, -1):
        one, later = samples[number], samples[number + 1]
        if one.used > later.used or not _same_end(one, last):
            break
        first = number
    return samples[first:]


def _same_end(one: Sample, other: Sample) -> bool:
    if one.resets_at is None or other.resets_at is None:
        return one.resets_at == other.resets_at
    return abs(one.resets_at - other.resets_at) <= STEADY


def _rounding(samples: Sequence[Sample]) -> Fraction:
    """How far a sample may be from the truth: half a percent where whole percents are told, else half a hundredth."""
    return Fraction(_WHOLE if all(one.used % _WHOLE == 0 for one in samples) else 1, 2)


def _pace(samples: Sequence[Sample], window: int | None) -> Pace | None:
    first, last = samples[0], samples[-1]
    error = _rounding(samples)
    since, used = first.at, max(first.used - error, Fraction(0))
    most = first.used + error
    begin = None if last.resets_at is None or window is None else last.resets_at - window * _MINUTE
    if first.at == last.at:
        if begin is None or begin >= last.at:
            return None
        since, used, most = begin, Fraction(0), Fraction(0)
    hours = Fraction(last.at - since, HOUR)
    low = max((max(last.used - error, Fraction(0)) - most) / hours, Fraction(0))
    return Pace(since, len(samples), low, (last.used + error - used) / hours)


def _outlook(last: Sample, pace: Pace, error: Fraction) -> Outlook:
    least, most = max(FULL - last.used - error, Fraction(0)), max(FULL - last.used + error, Fraction(0))
    earliest = last.at + int(least / pace.high * HOUR)
    latest = None if pace.low == 0 else last.at + int(most / pace.low * HOUR)
    return Outlook(earliest, latest, None if last.resets_at is None else _before(earliest, latest, last.resets_at))


def _before(earliest: int, latest: int | None, end: int) -> Before:
    if earliest >= end:
        return Before.NO
    return Before.YES if latest is not None and latest < end else Before.MAYBE
