"""Time and ids: the forms that everything else relies on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tallybook.clock import SystemClock, SystemIds, goal_id, timestamp, unix_milliseconds, uuid7

MOMENT = datetime(2026, 11, 22, 23, 30, 5, 123456, tzinfo=UTC)
EAST = timezone(timedelta(hours=5, minutes=30))


class Bits:
    """The same bits every time."""

    def __init__(self, ones: bool) -> None:
        self.ones = ones

    def bits(self, count: int) -> int:
        return 2**count - 1 if self.ones else 0


def test_the_system_clock_is_aware_and_moves() -> None:
    first = SystemClock().now()
    assert first.utcoffset() == timedelta(0)
    assert SystemClock().now() >= first


def test_system_ids_have_as_many_bits_as_asked_for() -> None:
    drawn = [SystemIds().bits(40) for _ in range(200)]
    assert len(set(drawn)) == 200
    assert max(drawn) < 2**40
    assert max(drawn) >= 2**38


def test_a_timestamp_is_utc_to_the_microsecond() -> None:
    assert timestamp(MOMENT) == "2026-11-22T23:30:05.123456Z"
    assert timestamp(MOMENT.astimezone(EAST)) == timestamp(MOMENT)
    assert timestamp(MOMENT.replace(microsecond=0)) == "2026-11-22T23:30:05.000000Z"


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_milliseconds_are_whole_and_never_ahead(moment: datetime) -> None:
    found = unix_milliseconds(moment)
    exact = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert found in {exact, exact - 1}


def test_a_uuid7_has_its_time_and_version() -> None:
    for ids in (Bits(ones=False), Bits(ones=True), SystemIds()):
        found = UUID(uuid7(MOMENT, ids))
        assert found.version == 7
        assert found.variant == "specified in RFC 4122"
        assert found.int >> 80 == unix_milliseconds(MOMENT)


def test_uuids_sort_by_time() -> None:
    later = uuid7(MOMENT + timedelta(milliseconds=1), Bits(ones=False))
    assert uuid7(MOMENT, Bits(ones=True)) < later


def test_a_goal_id_has_the_utc_day_and_forty_bits() -> None:
    assert goal_id(MOMENT, Bits(ones=False)) == "g261122-00000000"
    assert goal_id(MOMENT, Bits(ones=True)) == "g261122-zzzzzzzz"
    assert goal_id(MOMENT.astimezone(EAST), Bits(ones=False)) == "g261122-00000000"
    assert re.fullmatch("g261122-[0-9a-hjkmnp-tv-z]{8}", goal_id(MOMENT, SystemIds()))
