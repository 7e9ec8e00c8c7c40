from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledger.ledgers import NOW
from strategies import hlcs, maybe, moments
from tallybook.clock import unix_milliseconds
from tallybook.ledger.hlc import HORIZON_MS, horizon, latest, tick

usable = st.builds("{:013d}-{:04x}".format, st.integers(0, 9_999_999_999_998), st.integers(0, 0xFFFF))


@given(maybe(usable), maybe(usable), moments)
def test_a_tick_is_after_all_that_it_was_told(previous: str | None, seen: str | None, now: datetime) -> None:
    time = tick(previous, seen, now)
    assert all(time > other for other in (previous, seen) if other is not None)
    assert time >= f"{unix_milliseconds(now):013d}-0000"
    assert len(time) == 18


def test_the_wall_clock_leads_where_it_is_ahead() -> None:
    assert tick(None, None, NOW) == "1795314314123-0000"
    assert tick("1795314314122-ffff", "1795314314000-0001", NOW) == "1795314314123-0000"


def test_within_a_millisecond_the_counter_rises_and_carries() -> None:
    assert tick("1795314314123-0000", None, NOW) == "1795314314123-0001"
    assert tick("1795314314123-000f", "1795314314123-ffff", NOW) == "1795314314124-0000"


def test_a_wall_clock_that_goes_back_is_not_followed() -> None:
    assert tick("1795314314123-0000", None, NOW - timedelta(days=400)) == "1795314314123-0001"


def test_before_the_epoch_there_is_no_time() -> None:
    assert tick(None, None, datetime(1960, 1, 1, tzinfo=UTC)) == "0000000000000-0000"


@given(st.lists(hlcs), moments)
def test_only_what_lies_within_a_day_is_followed(times: list[str], now: datetime) -> None:
    limit = unix_milliseconds(now) + HORIZON_MS
    assert latest(times, now) == max((time for time in times if int(time[:13]) <= limit), default=None)


def test_the_horizon_is_the_whole_last_millisecond() -> None:
    assert horizon(NOW) == "1795400714123-ffff"
