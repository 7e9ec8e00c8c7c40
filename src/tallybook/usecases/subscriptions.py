"""What subscriptions cost in the time of a question and what they cover, apart from what is paid by the token."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tallybook.domain.money import total_cost
from tallybook.history.usage import Query, usage
from tallybook.reports.subscriptions import Apart, SubscriptionUse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.domain.money import Cost
    from tallybook.domain.subscriptions import Subscription
    from tallybook.history.store import Store

_BY: Final = ("agent", "plan")


def told_apart(store: Store, query: Query, agreed: Sequence[Subscription], now: int) -> Apart | None:
    """The costs of a question; None without a subscription, or where less is asked for than agents in some time.

    ``now`` is in microseconds since the epoch: what is paid for later counts later.
    """
    where = query.where
    some = [one for one in agreed if not where.agents or one.agent in where.agents]
    if not some or where.models or where.projects or where.sessions or where.origins:
        return None
    held = [(one, *_within(one, query, now)) for one in some]
    costs: dict[Subscription | None, list[Cost]] = {one: [] for one in (None, *some)}
    tokens = dict.fromkeys(some, 0)
    bounds = [moment for one in some for moment in (one.begin, one.end) if moment is not None]
    for begin, end in pairwise((where.since, *sorted(_inside(where.since, where.until, bounds)), where.until)):
        rows = usage(store, replace(query, by=_BY, where=replace(where, since=begin, until=end))).rows
        for row in rows:
            agent, plan = row.key
            holder = None if begin is None else next((one for one in some if one.covers(agent, plan, begin)), None)
            costs[holder] += [] if row.cost is None else [row.cost]
            if holder is not None and row.tokens is not None:
                tokens[holder] += row.tokens.total
    uses = (SubscriptionUse(one, begin, end, tokens[one], total_cost(costs[one])) for one, begin, end in held)
    return Apart(tuple(use for use in uses if use.begin < use.end), total_cost(costs[None]))


def _within(it: Subscription, query: Query, now: int) -> tuple[int, int]:
    """From when to when it holds of the time that is asked for, up to now."""
    since, until = query.where.since, query.where.until
    ends = (now, *(moment for moment in (it.end, until) if moment is not None))
    return max(it.begin, it.begin if since is None else since), min(ends)


def _inside(since: int | None, until: int | None, moments: Sequence[int]) -> set[int]:
    """Those where a stretch of time is cut in two."""
    return {moment for moment in moments if (since is None or moment > since) and (until is None or moment < until)}
