"""What is asked of the store, against counts made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from history.fake import SECOND, T0, FakeReader, World
from tallybook.agents.identity import Candidate
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import PriceClass, SessionKey
from tallybook.history import queries
from tallybook.history.queries import (
    Selection,
    SessionCounter,
    StoredSessions,
    Total,
    history_total,
    response_of_call,
    session_rows,
    session_times,
    session_tree,
    unknown_sessions,
    usage_of,
    usage_through,
)
from tallybook.history.store import Store

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400 * SECOND
S = SessionKey("fake", "s")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def used(world: World, key: SessionKey = S) -> SessionCounter:
    with world.store() as store:
        counter = usage_of(store, key)
    assert counter is not None
    return counter


def row(name: str, **more: object) -> dict[str, object]:
    return {"id": name, "session": "s", "at": T0, **more}


def test_usage_is_summed_by_price_class_of_the_single_request(world: World) -> None:
    world.write(
        "a",
        row("r1", tokens={"input": 200_000, "output": 1}),
        row("r2", tokens={"input": 150_000, "cache_read": 50_001, "output": 2}),
        row("r3", tokens={"cache_write_5m": 272_001}, at=T0 + DAY),
        row("r4", tokens={"input": 7, "output": 3, "reasoning": 2}),
        row("r6", tokens={"input": 7, "output": 3, "reasoning": 2}),
        row("r5", tokens={"input": 1}, model="m2", tier="priority", quality="lower_bound"),
    )
    world.ingest()
    counter = used(world)
    assert [(usage.price_class, usage.responses, usage.tokens) for usage in counter.classes] == [
        (PriceClass("m1", "standard", "128k-200k", "2026-09-21"), 1, TokenVector(input=200_000, output=1)),
        (
            PriceClass("m1", "standard", "200k-256k", "2026-09-21"),
            1,
            TokenVector(input=150_000, cache_read=50_001, output=2),
        ),
        (PriceClass("m1", "standard", "272k-512k", "2026-09-22"), 1, TokenVector(cache_write_5m=272_001)),
        (PriceClass("m1", "standard", "≤100k", "2026-09-21"), 2, TokenVector(input=14, output=6, reasoning=4)),
        (PriceClass("m2", "priority", "≤100k", "2026-09-21"), 1, TokenVector(input=1)),
    ]
    assert counter.quality is Quality.LOWER_BOUND
    assert (counter.high_water, counter.pending, counter.pending_call) == ("r5", False, None)
    assert counter.unreported == ("cache_write_1h", "reasoning")


def test_a_session_older_than_any_usage_in_the_logs_is_not_zero(world: World) -> None:
    facts = [{"fact": {"born_at": born}, "session": name} for name, born in (("s", 5), ("t", 6), ("u", 5))]
    world.write("a", *facts, row("r", session="u"))
    reader = FakeReader()
    reader.usage_since = 6
    world.ingest(reader)
    assert used(world).quality is Quality.UNMEASURED
    assert used(world, SessionKey("fake", "t")).quality is Quality.EXACT
    assert used(world, SessionKey("fake", "u")).quality is Quality.LOWER_BOUND
    with world.store() as store:
        tokens = {found.session: found.tokens for found in session_rows(store)}
    assert tokens["s"] is None
    assert tokens["t"] == TokenVector()


def test_unknown_sessions_have_no_counter_and_silent_ones_an_exact_nothing(world: World) -> None:
    world.write("a", {"fact": {"parent": "p", "born_at": 5}, "session": "s"})
    world.ingest()
    with world.store() as store:
        assert usage_of(store, SessionKey("fake", "other")) is None
        assert usage_of(store, SessionKey("other", "s")) is None
        assert usage_through(store, SessionKey("fake", "other"), "r1") is None
        assert usage_through(store, S, "r1") is None
        assert response_of_call(store, S, "c1") is None
    counter = used(world)
    assert (counter.classes, counter.quality, counter.high_water) == ((), Quality.EXACT, None)
    assert (counter.parent, counter.born_at) == ("p", 5)


def test_times_of_sessions_however_many_are_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that no log has told of are left out, and another agent's session of the same name."""
    monkeypatch.setattr(queries, "_MOST_NAMED", 2)
    names = ["a", "b", "c", "d", "e"]
    for number, name in enumerate(names[:4]):
        world.write(name, {"fact": {"born_at": T0 + number}, "session": name}, row(f"r{name}", session=name))
    world.write("f", row("f", session="f\ud800"))
    world.ingest()
    asked = [*(SessionKey("fake", name) for name in names), SessionKey("other", "a"), SessionKey("fake", "f\ud800")]
    with world.store() as store:
        found = session_times(store, asked)
        assert unknown_sessions(store, asked) == [SessionKey("fake", "e"), SessionKey("other", "a")]
    assert {key.session: times for key, times in found.items()} == {
        **{name: (T0 + number, T0) for number, name in enumerate(names[:4])},
        "f\ud800": (T0, T0),
    }


def test_usage_through_a_response_leaves_out_what_stands_behind_it_in_its_log(world: World) -> None:
    world.write("a", row("r1"), row("r2", calls="c1 c2"), row("r3"))
    world.write("b", row("r4", at=T0 + DAY))
    world.write("c", row("r2", session="other"))
    world.ingest()
    with world.store() as store:
        key = response_of_call(store, S, "c2")
        assert key == "r2"
        assert response_of_call(store, S, "c") is None
        counter = usage_through(store, S, key)
        assert counter is not None
        everything = usage_of(store, S)
        assert everything is not None
    assert sum(usage.responses for usage in counter.classes) == 3
    assert sum(usage.responses for usage in everything.classes) == 4
    assert (counter.high_water, counter.pending) == ("r2", False)
    assert everything.high_water == "r4"


def test_a_call_under_way_is_found_without_reading_all_logs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be ten thousands of them, and every command of a task asks."""
    world.write("a", row("r1"), {"pending": "c9", "session": "s"})
    world.ingest()
    plans: list[str] = []
    rows = Store.rows

    def explained(store: Store, query: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        if "pending_session" in query:
            plans.extend(str(step[3]) for step in rows(store, f"EXPLAIN QUERY PLAN {query}", values))
        return rows(store, query, values)

    monkeypatch.setattr(Store, "rows", explained)
    assert used(world).pending_call == "c9"
    assert [plan for plan in plans if " o " in plan] == [
        "SEARCH o USING INDEX source_pending (agent=? AND pending_session=?)"
    ]


def test_a_call_without_its_usage_is_pending_until_the_usage_is_there(world: World) -> None:
    world.write("a", row("r1"), {"pending": "c9", "session": "s"})
    world.write("b", row("q1", session="t"), {"pending": "c8", "session": "t"})
    world.ingest()
    assert (used(world).pending, used(world).pending_call, used(world).high_water) == (True, "c9", "r1")
    world.append("a", row("r2"))
    world.ingest()
    assert (used(world).pending, used(world).pending_call, used(world).high_water) == (False, None, "r2")
    world.path("b").unlink()
    world.ingest()
    assert used(world, SessionKey("fake", "t")).pending is False


def test_a_last_response_that_is_not_final_is_pending(world: World) -> None:
    world.write("a", row("r1", final=False), row("r2"))
    world.ingest()
    assert used(world).pending is False
    world.append("a", row("r3", final=False))
    world.ingest()
    assert (used(world).pending, used(world).pending_call) == (True, None)


def test_undated_responses_count_on_the_day_of_the_nearest_dated_one(world: World) -> None:
    world.write("a", row("r1"), row("r2", at=None, pad="x" * 500), row("x", at=T0 + DAY), row("r4", at=None))
    world.write("b", row("r5", at=None, group="b"))
    world.ingest()
    counter = used(world)
    days = {usage.price_class.day: usage.responses for usage in counter.classes}
    assert days == {"2026-09-21": 3, "2026-09-22": 2}
    assert counter.quality is Quality.ESTIMATED


@pytest.mark.parametrize(
    ("fact", "day"),
    [({"born_at": T0, "last_at": T0 + DAY}, "2026-09-21"), ({"last_at": T0 + DAY}, "2026-09-22"), ({}, "2026-09-21")],
)
def test_without_any_dated_response_the_session_or_else_the_file_gives_the_day(
    world: World, fact: dict[str, int], day: str
) -> None:
    world.write("a", row("r1", at=None), {"fact": fact, "session": "s"})
    world.ingest()
    assert [usage.price_class.day for usage in used(world).classes] == [day]


def test_the_tree_holds_all_descendants_once_and_cuts_cycles(world: World) -> None:
    def child(name: str, parent: str, born: int) -> dict[str, object]:
        return {"session": name, "fact": {"parent": parent, "born_at": born}}

    world.write(
        "a", child("b", "s", 2), child("c", "s", 1), child("d", "c", 3), child("s", "d", 9), child("x", "elsewhere", 1)
    )
    world.ingest()
    with world.store() as store:
        assert [key.session for key in session_tree(store, S)] == ["s", "c", "b", "d"]
        assert [key.session for key in session_tree(store, SessionKey("fake", "elsewhere"))] == ["elsewhere", "x"]
        assert session_tree(store, SessionKey("other", "s")) == (SessionKey("other", "s"),)


def test_lists_show_the_sessions_that_moved_last_first(world: World) -> None:
    world.write("a", row("r1", tokens={"input": 5, "output": 2}), {"session": "s", "fact": {"cwd": "/x", "model": "m"}})
    world.write("b", {"session": "s", "fact": {"born_at": T0 - 1, "parent": "p", "origin": "subagent"}})
    world.write("c", {"session": "late", "fact": {"last_at": T0 + 5, "cwd": "/y", "model": "m9"}})
    world.write("d", {"session": "timeless", "fact": {"cwd": "/y"}})
    world.ingest()
    with world.store() as store:
        rows = session_rows(store)
        assert [one.session for one in rows] == ["late", "s", "timeless"]
        assert rows[0].model == "m9"
        one = rows[1]
        assert one.paths == (str(world.path("a")), str(world.path("b")))
        assert (one.key, one.born_at, one.last_at, one.cwd, one.model) == (S, T0 - 1, T0, "/x", "m1")
        assert (one.parent, one.origin, one.responses, one.tokens) == ("p", "subagent", 1, TokenVector(5, output=2))
        assert [one.session for one in session_rows(store, Selection(limit=1))] == ["late"]
        assert session_rows(store, Selection(agent="other")) == ()
        assert len(session_rows(store, Selection(agent="fake"))) == 3
        assert [one.session for one in session_rows(store, Selection(directories=("/y",), since=T0))] == ["late"]
        known = StoredSessions(store)
        assert known.named("s") == (Candidate("fake", "s", T0, "/x", 7, "p"),)
        assert [one.session for one in known.recent(["/x", "/y"], T0)] == ["late", "s"]


def test_the_total_of_everything(world: World) -> None:
    world.write("a", row("r1", tokens={"input": 5}), row("r2", tokens={"output": 3}, session="t"))
    with world.store() as store:
        assert history_total(store) == Total(0, TokenVector())
    world.ingest()
    with world.store() as store:
        assert history_total(store) == Total(2, TokenVector(input=5, output=3))


def steps(world: World, wanted: Selection) -> int:
    """How many times SQLite has done a thousand steps for the rows."""
    told: list[int] = []
    with world.store() as store:
        store._connection.set_progress_handler(lambda: told.append(1), 1000)
        assert len(session_rows(store, wanted)) == 2
    return len(told)


def test_sessions_that_moved_last_are_found_without_looking_at_all(world: World) -> None:
    world.write("a", *(row(f"r{number}", session=f"s{number}", at=T0 + number) for number in range(2000)))
    world.write("b", {"fact": {}, "session": "undated"})
    world.ingest()
    assert steps(world, Selection(limit=2)) == steps(world, Selection(agent="fake", limit=2)) == 0
    with world.store() as store:
        assert [one.session for one in session_rows(store, Selection(limit=2))] == ["s1999", "s1998"]
        assert [one.session for one in session_rows(store, Selection())][-2:] == ["s0", "undated"]
