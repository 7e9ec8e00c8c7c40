"""Local days: what SQL makes of stretches of offsets is what the time zone itself says."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.history.zones import LocalZone, NamedZone, Stretch, local_day, named, stretches

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = 0, 4_000_000_000


@given(name=st.sampled_from(ZONES), moments=st.lists(st.integers(FIRST, LAST), min_size=1, max_size=20))
def test_sql_cuts_the_days_of_the_zone(name: str, moments: list[int]) -> None:
    """Every moment falls on the day that its clocks show."""
    zone = ZoneInfo(name)
    parts = stretches(NamedZone(zone), min(moments), max(moments))
    connection = sqlite3.connect(":memory:")
    for at in moments:
        (number,) = connection.execute(f"SELECT {local_day('?1', parts)}", (at,)).fetchone()
        local = (EPOCH + timedelta(seconds=at)).astimezone(zone).date()
        assert EPOCH.date() + timedelta(days=number) == local


def test_a_stretch_begins_with_the_second_of_the_change() -> None:
    """Berlin put its clocks forward at 01:00 UTC on 29 March 2026."""
    begin, end = (int(datetime(2026, month, 15, tzinfo=UTC).timestamp()) for month in (3, 4))
    change = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp())
    assert stretches(NamedZone(ZoneInfo("Europe/Berlin")), begin, end) == (Stretch(begin, 3600), Stretch(change, 7200))


def test_a_garbage_future_costs_nothing() -> None:
    """The last offset that is known stays for ever."""
    parts = stretches(NamedZone(ZoneInfo("Europe/Berlin")), 4_102_444_000, 250_000_000_000)
    assert len(parts) == 1


def test_the_local_zone_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """``TZ`` decides, daylight saving time and all."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        zone = LocalZone()
        summer, winter = datetime(2026, 7, 1, 12), datetime(2026, 1, 1, 12)  # noqa: DTZ001 - local
        for local, offset in ((summer, 7200), (winter, 3600)):
            at = zone.instant(local)
            assert at == int(local.replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp())
            assert zone.offset(at) == offset
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("name", ["Nowhere/City", "", "../etc/passwd", "/etc/localtime", "a\0b", "Europe"])
def test_no_zone_of_that_name(name: str) -> None:
    """Neither a typo nor a path is a zone."""
    assert named(name) is None
