"""How finely sums cut time: by the hour, until days of a zone are asked for that do not begin with one."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history.fake import SECOND, T0, World
from tallybook.history.choice import Filter
from tallybook.history.grain import grain_of, step_of
from tallybook.history.rollup import KEYS, SUMS, roll_all
from tallybook.history.usage import Query, prepare, usage
from tallybook.history.zones import NamedZone, stretches

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.history.store import Store

QUARTER = 900 * SECOND
ZONES = {"UTC": 4, "Europe/Berlin": 4, "Asia/Kolkata": 2, "America/St_Johns": 2, "Asia/Kathmandu": 1}
"""And how many quarters of an hour their days can be made of."""
zones = st.sampled_from(sorted(ZONES))


def days(zone: str) -> Query:
    """The question about the days of a zone."""
    return Query(("day",), NamedZone(ZoneInfo(zone)))


def table_asked(store: Store, query: Query) -> set[str]:
    """Which tables of sums or responses the question reads."""
    asked: list[str] = []
    rows = store.rows

    def noted(sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        asked.append(sql)
        return rows(sql, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "rows", noted)
        usage(store, query)
    return {"response" for sql in asked if "FROM response r WHERE r.at IS NOT NULL" in sql} or {"rollup"}


@pytest.mark.parametrize("zone", ZONES)
def test_a_zone_needs_steps_that_its_offsets_are_made_of(zone: str) -> None:
    """Summer time changes nothing of that."""
    begin = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    assert step_of(stretches(NamedZone(ZoneInfo(zone)), begin, begin + 365 * 86_400)) == ZONES[zone]


served = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 300)), min_size=1, max_size=12)


@settings(max_examples=40)
@given(rounds=st.lists(st.tuples(served, zones), min_size=1, max_size=4))
def test_days_are_the_same_before_and_after_sums_were_made_for_them(
    rounds: list[tuple[list[tuple[str, int]], str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Logs grow in between: the sums of every grain go on, and are those that would be made anew."""
    world, logged = World(tmp_path_factory.mktemp("grain")), list[tuple[str, int]]()
    for log in "ab":
        world.write(log)
    for responses, zone in rounds:
        for log, quarter in responses:
            logged.append((log, quarter))
            world.append(log, {"id": f"r{len(logged)}", "session": log, "at": T0 + quarter * QUARTER, "tokens": {}})
        world.ingest()
        local = [moment(quarter).astimezone(ZoneInfo(zone)) for _, quarter in logged]
        true = Counter(f"{at:%Y-%m-%d}" for at in local)
        with world.store() as store:
            for _ in range(2):
                found = usage(store, days(zone))
                assert {row.key[0]: row.responses for row in found.rows} == true
                prepare(store, days(zone))
            assert table_asked(store, days(zone)) == {"rollup"}
            kept = sums(store)
            with store.transaction() as connection:
                assert ZONES[zone] % grain_of(connection) == 0
                roll_all(connection)
            assert sums(store) == kept


def moment(quarter: int) -> datetime:
    """When something was answered."""
    return datetime.fromtimestamp(T0 // SECOND, UTC) + timedelta(minutes=15 * quarter)


def sums(store: Store) -> list[tuple[object, ...]]:
    """All that is kept."""
    return sorted(store.rows(f"SELECT {', '.join((*KEYS, *SUMS))} FROM rollup"))  # noqa: S608


def test_until_then_each_response_is_looked_at(tmp_path: Path) -> None:
    """Where days do not begin with an hour, or a time is asked for that does not."""
    world = World(tmp_path)
    world.write("a", {"id": "r1", "at": T0, "tokens": {}})
    world.ingest()
    whole = T0 // (4 * QUARTER) * 4 * QUARTER
    with world.store() as store:
        assert table_asked(store, days("Asia/Kolkata")) == {"response"}
        assert table_asked(store, days("Europe/Berlin")) == {"rollup"}
        for since, table in ((whole, "rollup"), (whole + QUARTER, "response")):
            query = Query(("model",), NamedZone(ZoneInfo("UTC")), Filter(since=since))
            assert table_asked(store, query) == {table}
            assert usage(store, query).total.responses == (since <= T0)
