"""Allowances and blocks as rows and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.clock import timestamp
from tallybook.domain.limits import HOUR, Standing
from tallybook.domain.tokens import TokenVector
from tallybook.history.activity import LimitState
from tallybook.history.blocks import LENGTH
from tallybook.reports.vectors import vector
from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from fractions import Fraction

    from tallybook.domain.limits import Outlook, Pace
    from tallybook.reports.vectors import Json

HEAD: Final = ("agent", "plan", "limit", "window", "used", "left", "resets", "pace", "used up", "seen")
NUMBERS: Final = frozenset({"used", "left", "pace"})
_SECOND: Final = 1_000_000
_HUNDRED: Final = 100
_NAMES: Final = {300: "5h", 1440: "daily", 10_080: "weekly"}
_DAY, _HOUR_OF_MINUTES = 1440, 60
_MONTH: Final = range(28 * _DAY, 31 * _DAY + 1)


class Allowance(msgspec.Struct, frozen=True):
    """One allowance of one agent under one plan."""

    newest: LimitState
    standing: Standing


class BlockUse(msgspec.Struct, frozen=True):
    """What was used within five hours, from the full hour of the first response on."""

    begin: int
    """Microseconds since the epoch, UTC."""
    responses: int
    tokens: TokenVector | None
    active: bool
    """It is not over yet."""

    @property
    def end(self) -> int:
        """When the next response begins another one."""
        return self.begin + LENGTH * _SECOND


class Blocks(msgspec.Struct, frozen=True):
    """The blocks of one agent."""

    agent: str
    last: BlockUse
    largest: BlockUse
    """Of those that are over, else the last one."""


def window_name(minutes: int | None) -> str:
    """Such as ``5h``, ``weekly`` or ``90m``."""
    if minutes is None:
        return NOTHING
    if minutes in _MONTH:
        return "monthly"
    for unit, size in (("d", _DAY), ("h", _HOUR_OF_MINUTES)):
        if minutes not in _NAMES and minutes % size == 0:
            return f"{minutes // size}{unit}"
    return _NAMES.get(minutes, f"{minutes}m")


def allowance_cells(it: Allowance, now: int) -> tuple[str, ...]:
    """The columns of ``HEAD``."""
    newest, found = it.newest, it.standing
    resets = NOTHING if newest.resets_at is None else _until(newest.resets_at, now)
    return (
        newest.agent,
        newest.plan or NOTHING,
        newest.limit,
        window_name(newest.window),
        NOTHING if found.used is None else percent(found.used),
        _left(it),
        "ended" if found.over else resets,
        NOTHING if found.pace is None else _pace(found.pace),
        NOTHING if found.outlook is None else _end(found.outlook, now),
        f"{_span(now - newest.at)} ago",
    )


def _left(it: Allowance) -> str:
    if it.newest.credits is not None and it.newest.used is None:
        return f"{it.newest.credits} credits"
    return NOTHING if it.standing.left is None else percent(it.standing.left)


def percent(hundredths: int) -> str:
    """Such as ``19 %`` or ``12.5 %``."""
    return f"{decimal(hundredths)} %"


def decimal(hundredths: int) -> str:
    """A share as JSON has it, in percent: exact, such as ``12.5``."""
    whole, rest = divmod(hundredths, _HUNDRED)
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".")


def _pace(pace: Pace) -> str:
    low, high = _rate(pace.low), _rate(pace.high)
    return f"{low} %/h" if low == high else f"{low}-{high} %/h"


def _end(outlook: Outlook, now: int) -> str:
    sure = {None: "", "yes": "", "maybe": " (maybe)", "no": " (not before the reset)"}[outlook.before_reset]
    first = _until(outlook.earliest, now)
    if outlook.latest is None:
        return f"{first} or later{sure}"
    last = _until(outlook.latest, now)
    return f"{first}{sure}" if first == last else f"{first} to {last}{sure}"


def _until(at: int, now: int) -> str:
    return f"in {_span(at - now)}" if at > now else "now"


def _span(microseconds: int) -> str:
    """Two units at most."""
    minutes = max(microseconds, 0) // (_SECOND * 60)
    days, hours, rest = minutes // _DAY, minutes % _DAY // _HOUR_OF_MINUTES, minutes % _HOUR_OF_MINUTES
    if days:
        return f"{days}d {hours}h" if hours else f"{days}d"
    if hours:
        return f"{hours}h {rest}m" if rest else f"{hours}h"
    return f"{rest}m"


def limit_json(it: Allowance) -> dict[str, Json]:
    """One allowance; shares are percents, a reset of a window that has ended is told as it was."""
    newest, found = it.newest, it.standing
    return {
        "agent": newest.agent,
        "plan": newest.plan,
        "limit": newest.limit,
        "window_minutes": newest.window,
        "window": None if newest.window is None else window_name(newest.window),
        "used_percent": _share(found.used),
        "left_percent": _share(found.left),
        "observed": {"used_percent": _share(newest.used), "at": moment(newest.at), "session": newest.session},
        "resets_at": moment(newest.resets_at),
        "ended": found.over,
        "credits": newest.credits,
        "pace": None if found.pace is None else _pace_json(found.pace),
        "used_up": None if found.outlook is None else _outlook_json(found.outlook),
    }


def _pace_json(pace: Pace) -> Json:
    return {
        "percent_per_hour": {"low": _rate(pace.low), "high": _rate(pace.high)},
        "since": moment(pace.since),
        "samples": pace.samples,
    }


def _outlook_json(outlook: Outlook) -> Json:
    return {
        "earliest": moment(outlook.earliest),
        "latest": moment(outlook.latest),
        "before_reset": None if outlook.before_reset is None else str(outlook.before_reset),
    }


def blocks_json(it: Blocks, now: int) -> dict[str, Json]:
    """The last block with its pace, and the largest that is over."""
    return {"agent": it.agent, "last": _block(it.last, now), "largest": _block(it.largest, now)}


def _block(it: BlockUse, now: int) -> Json:
    pace = tokens_per_hour(it, now)
    return {
        "begin": moment(it.begin),
        "end": moment(it.end),
        "active": it.active,
        "responses": it.responses,
        "tokens": vector(it.tokens),
        "tokens_per_hour": pace,
        "projected": projected(it, now),
    }


def tokens_per_hour(it: BlockUse, now: int) -> int | None:
    """Of a block that is not over, its tokens by the time that has passed in it; None for others."""
    if not it.active or it.tokens is None or now <= it.begin:
        return None
    return it.tokens.total * HOUR // (now - it.begin)


def projected(it: BlockUse, now: int) -> int | None:
    """Tokens at the end of a block that goes on at its pace; None for one that is over."""
    pace = tokens_per_hour(it, now)
    if pace is None or it.tokens is None:
        return None
    return it.tokens.total * LENGTH * _SECOND // (now - it.begin)


def block_lines(it: Blocks, now: int) -> tuple[str, ...]:
    """The same in words."""
    last = it.last
    tokens = NOTHING if last.tokens is None else f"{last.tokens.total:,}"
    if not last.active:
        return (f"{it.agent}: no block of five hours runs; the last one, {moment(last.begin)}, had {tokens} tokens",)
    first = f"{it.agent}: block of five hours since {moment(last.begin)}, ends {_until(last.end, now)}: {tokens} tokens"
    whole = projected(last, now)
    more = () if whole is None else (f"at this pace {whole:,} at its end",)
    largest = it.largest.tokens
    rest = () if largest is None or it.largest.active else (f"the largest one so far had {largest.total:,}",)
    return ("; ".join((first, *more, *rest)),)


def moment(at: int | None) -> str | None:
    """UTC, ISO 8601; None for none, and for what no calendar has."""
    if at is None:
        return None
    try:
        return timestamp(datetime.fromtimestamp(at / _SECOND, UTC))
    except (OverflowError, ValueError, OSError):
        return None


def _share(hundredths: int | None) -> Json:
    return None if hundredths is None else decimal(hundredths)


def _rate(rate: Fraction) -> str:
    return decimal(round(rate))
