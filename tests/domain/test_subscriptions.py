"""What a subscription costs for some time: by hand, and whatever the dates are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.money import PICO
from tallybook.domain.subscriptions import Every, Subscription

DAY = 86_400 * 10**6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str) -> int:
    """Microseconds since the epoch."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def monthly(since: str, until: str | None = None, usd: int = 200, every: Every = Every.MONTH) -> Subscription:
    return Subscription("claude", None, usd * PICO, every, since, until, "mine")


@pytest.mark.parametrize(
    ("it", "since", "until", "nano"),
    [
        (monthly("2026-03-14"), "2026-04-14", "2026-05-14", 200 * 10**9),
        (monthly("2026-03-14"), "2026-04-14", "2026-04-29", 100 * 10**9),  # 15 of 30 days
        (monthly("2026-03-14"), "2026-04-14T12:00", "2026-04-15T00:00", 3_333_333_333),  # half a day of 30
        (monthly("2026-03-14"), "2020-01-01", "2026-03-14", 0),
        (monthly("2026-03-14"), "2020-01-01", "2026-06-14", 600 * 10**9),
        (monthly("2026-03-14", "2026-04-14"), "2020-01-01", "2030-01-01", 200 * 10**9),
        (monthly("2026-01-31"), "2026-02-28", "2026-03-31", 200 * 10**9),  # the last day of February
        (monthly("2026-01-31"), "2026-01-31", "2026-02-28", 200 * 10**9),
        (monthly("2024-01-31"), "2024-02-29", "2024-03-31", 200 * 10**9),
        (monthly("2024-02-29", every=Every.YEAR), "2025-02-28", "2026-02-28", 200 * 10**9),
        (monthly("2024-02-29", every=Every.YEAR), "2028-02-29", "2028-03-01", 547_945_205),  # one of 365 days
        (monthly("2026-12-31"), "2026-12-31", "2027-01-31", 200 * 10**9),
        (monthly("9999-12-31"), "2026-01-01", "2027-01-01", 0),
        (monthly("2026-03-14"), "2026-05-01", "2026-04-01", 0),
    ],
)
def test_by_hand(it: Subscription, since: str, until: str, nano: int) -> None:
    """A payment is spread evenly over the time to the next one."""
    assert round(Fraction(it.paid(moment(since), moment(until)), 1000)) == nano


days = st.dates(date(2019, 1, 1), date(2031, 1, 1)).map(date.isoformat)
subscriptions = st.builds(monthly, days, st.none(), st.integers(0, 10**6), st.sampled_from(Every))
moments = st.integers(moment("2018-01-01"), moment("2032-01-01"))


@given(subscriptions, st.lists(moments, min_size=2, max_size=8).map(sorted))
def test_parts_of_a_time_cost_what_all_of_it_costs(it: Subscription, cuts: list[int]) -> None:
    """But for the rounding of each to the picodollar; no part costs less than nothing."""
    parts = [it.paid(begin, end) for begin, end in pairwise(cuts)]
    assert min(parts) >= 0
    assert abs(sum(parts) - it.paid(cuts[0], cuts[-1])) <= len(parts)


@given(subscriptions, st.integers(0, 30))
def test_so_many_whole_periods_cost_so_many_fees(it: Subscription, number: int) -> None:
    """Whatever the day of the first payment, and however long months are."""
    first = date.fromisoformat(it.since)
    years, month = divmod(first.month - 1 + number * (12 if it.every is Every.YEAR else 1), 12)
    length = [31, 29 if (first.year + years) % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]
    end = date(first.year + years, month + 1, min(first.day, length))
    assert it.paid(0, moment(end.isoformat())) == number * it.pico_usd


def test_what_is_covered() -> None:
    """The agent's sessions in its time, all of them or those of one plan."""
    it = monthly("2026-03-14", "2026-05-14")
    begin, end = moment("2026-03-14"), moment("2026-05-14")
    assert [it.covers("claude", plan, begin) for plan in (None, "max")] == [True, True]
    assert [it.covers("claude", None, at) for at in (begin - 1, end - 1, end)] == [False, True, False]
    assert not it.covers("codex", None, begin)
    plus = Subscription("codex", "plus", 0, Every.MONTH, "2026-03-14", None, "")
    assert [plus.covers("codex", plan, end) for plan in (None, "plus", "pro")] == [False, True, False]


def test_which_ones_clash() -> None:
    """Those of one agent that are for any plan or the same, and hold at once on some day."""
    one = monthly("2026-03-14", "2026-05-14")
    assert one.clashes(monthly("2026-05-13"))
    assert monthly("2026-05-13").clashes(one)
    assert not one.clashes(monthly("2026-05-14"))
    assert not monthly("2026-05-14").clashes(one)
    plans = [Subscription("codex", plan, 0, Every.MONTH, "2026-03-14", None, "") for plan in (None, "plus", "pro")]
    assert [[a.clashes(b) for b in plans] for a in plans] == [
        [True, True, True],
        [True, True, False],
        [True, False, True],
    ]
    assert not one.clashes(plans[0])
