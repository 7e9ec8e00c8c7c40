"""Subscriptions beside what their usage would cost by the token, as JSON and as lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from tallybook.clock import timestamp
from tallybook.domain.money import Cost
from tallybook.domain.subscriptions import Subscription
from tallybook.reports.costs import cost_json, dollars, priced_dollars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.reports.vectors import Json


class SubscriptionUse(msgspec.Struct, frozen=True):
    """One subscription, as far as it holds in the time that was asked for."""

    it: Subscription
    begin: int
    """Microseconds since the epoch, as ``end``, which is not in it."""
    end: int
    tokens: int
    """Of what it covers."""
    cost: Cost
    """What that would cost by the token."""

    @property
    def paid(self) -> int:
        """Picodollars, spread evenly over the time between two payments."""
        return self.it.paid(self.begin, self.end)


class Apart(msgspec.Struct, frozen=True):
    """Subscriptions, and what none of them covers."""

    uses: tuple[SubscriptionUse, ...]
    rest: Cost
    """By the token."""


def apart_json(apart: Apart) -> Json:
    """Each subscription, what all of them cost, and what is left to be paid by the token."""
    return {
        "paid": _money(sum(use.paid for use in apart.uses)),
        "rows": [_row(use) for use in apart.uses],
        "rest": cost_json(apart.rest),
    }


def _row(use: SubscriptionUse) -> Json:
    return {
        "agent": use.it.agent,
        "plan": use.it.plan,
        "source": use.it.source,
        "fee": _money(use.it.pico_usd),
        "every": str(use.it.every),
        "since": _time(use.begin),
        "until": _time(use.end),
        "paid": _money(use.paid),
        "tokens": use.tokens,
        "cost": cost_json(use.cost),
    }


def apart_lines(apart: Apart) -> Iterator[str]:
    """One for each subscription, and one for the rest."""
    for use in apart.uses:
        name = use.it.agent if use.it.plan is None else f"{use.it.agent} ({use.it.plan})"
        time = f"{_time(use.begin)[:10]} to {_time(use.end - 1)[:10]}"
        fee = f"{dollars(_cost(use.it.pico_usd))} USD a {use.it.every}"
        yield (
            f"subscription of {name}, {fee}: {dollars(_cost(use.paid))} USD for {time}; "
            f"by the token what it covers would cost {priced_dollars(use.cost)}"
        )
    yield f"by the token beside subscriptions: {priced_dollars(apart.rest)}"


def _money(pico_usd: int) -> Json:
    cost = _cost(pico_usd)
    return {"usd": cost.usd, "nano_usd": cost.nano_usd}


def _cost(pico_usd: int) -> Cost:
    return Cost(pico_usd)


def _time(moment: int) -> str:
    return timestamp(datetime.fromtimestamp(moment // 1_000_000, UTC).replace(microsecond=moment % 1_000_000))
