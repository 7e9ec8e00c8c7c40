"""Sums of the history by anything, against the same sums made by hand from the responses that were logged."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from operator import add
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history.fake import SECOND, T0, FakeReader, World
from tallybook.domain.quality import Quality, join, worst
from tallybook.history import choice as choice_module
from tallybook.history import keys as keys_module
from tallybook.history.blocks import block_starts
from tallybook.history.choice import Choice, Filter, known_projects
from tallybook.history.queries import history_total
from tallybook.history.usage import DIMENSIONS, Query, Usage, usage
from tallybook.history.zones import NamedZone

if TYPE_CHECKING:
    from pathlib import Path

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
PARTS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "cache_write_unknown", "output", "reasoning")


class Served(NamedTuple):
    """One response as it was logged."""

    session: str
    model: str
    hours: int | None
    """After the first moment; None for an undated one."""
    tokens: tuple[int, ...]
    quality: Quality
    effort: str | None = None
    branch: str | None = None
    """Where it is not the session's own."""
    cwd: str | None = None
    tier: str = "standard"

    @property
    def at(self) -> datetime:
        return EPOCH + timedelta(seconds=T0 // SECOND, hours=self.hours or 0)

    @property
    def project(self) -> str | None:
        return self.cwd or {"s1": "/src/a", "s2": "/src/b"}.get(self.session)


responses = st.builds(
    Served,
    st.sampled_from(["s1", "s2", "s3"]),
    st.sampled_from(["gpt-5", "gpt-5-codex", "opus"]),
    st.integers(0, 24 * 400),
    st.tuples(*[st.integers(0, 10**6)] * 5, st.integers(100, 200), st.integers(0, 100)),
    st.sampled_from([Quality.EXACT, Quality.EXACT, Quality.LOWER_BOUND, Quality.UNVERIFIED]),
    st.sampled_from([None, "low", "high"]),
    st.sampled_from([None, "fix"]),
    st.sampled_from([None, "/src/b"]),
    st.sampled_from(["standard", "standard", "flex"]),
)
ON_THE_HOUR = T0 // SECOND // 3600 * 3600


def moments(served: list[Served]) -> st.SearchStrategy[int | None]:
    """Seconds, mostly about a response, which is 800 behind the hour, and in its hour or beside it."""
    hours = st.sampled_from([one.hours or 0 for one in served] or [0])
    told = st.builds(
        lambda hour, beside, seconds: ON_THE_HOUR + (hour + beside) * 3600 + seconds,
        hours,
        st.sampled_from([0, 0, 0, 1, -1]),
        st.sampled_from([0, 1, 799, 800, 801, 1800]),
    )
    return st.none() | told


histories = st.lists(responses, max_size=25)
dimensions = st.lists(st.sampled_from(DIMENSIONS), max_size=3, unique=True).map(tuple)


def fill(world: World, served: list[Served]) -> None:
    """One log for each session."""
    logs: dict[str, list[dict[str, object]]] = defaultdict(list)
    for number, one in enumerate(served):
        row: dict[str, object] = {"id": f"r{number}", "group": f"g{number}", "session": one.session}
        if one.hours is not None:
            row["at"] = T0 + one.hours * 3600 * SECOND
        tokens = dict(zip(PARTS, one.tokens, strict=True))
        row |= {name: told for name in ("effort", "branch", "cwd") if (told := getattr(one, name)) is not None}
        row |= {"model": one.model, "tier": one.tier}
        logs[one.session].append({**row, "tokens": tokens, "quality": str(one.quality)})
    for session, rows in logs.items():
        fact = {"cwd": {"s1": "/src/a", "s2": "/src/b"}.get(session), "branch": "main"}
        world.write(session, {"session": session, "fact": fact}, *rows)
    world.ingest()


def asked(world: World, *by: str, where: Filter | None = None, zone: ZoneInfo = BERLIN) -> Usage:
    """The answer of the store."""
    with world.store() as store:
        return usage(store, Query(by, NamedZone(zone), where or Filter()))


def keys(served: list[Served], by: tuple[str, ...], zone: ZoneInfo = BERLIN) -> list[tuple[str | None, ...]]:
    """What each response stands under."""
    hours = [int(one.at.timestamp()) // 3600 for one in served]
    blocks = block_starts(hours)
    local = [one.at.astimezone(zone) for one in served]
    columns: dict[str, list[str | None]] = {
        "agent": ["fake"] * len(served),
        "model": [one.model for one in served],
        "day": [f"{at:%Y-%m-%d}" for at in local],
        "week": [f"{at:%G-W%V}" for at in local],
        "month": [f"{at:%Y-%m}" for at in local],
        "block": [f"{EPOCH + timedelta(hours=blocks[hour]):%Y-%m-%dT%H:%M:%SZ}" for hour in hours],
        "session": [one.session for one in served],
        "project": [one.project for one in served],
        "branch": [one.branch or "main" for one in served],
        "effort": [one.effort for one in served],
        "origin": ["main"] * len(served),
        "tier": [one.tier for one in served],
        "plan": [None] * len(served),
    }
    return list(zip(*(columns[name] for name in by), strict=True)) if by else [()] * len(served)


def plain(found: Usage) -> dict[tuple[str | None, ...], tuple[object, ...]]:
    """The rows without their classes."""
    return {row.key: (row.responses, row.tokens and row.tokens.parts(), row.quality) for row in found.rows}


def by_hand(
    served: list[Served], by: tuple[str, ...], zone: ZoneInfo = BERLIN
) -> dict[tuple[str | None, ...], tuple[object, ...]]:
    """The same from the responses themselves."""
    sums: dict[tuple[str | None, ...], tuple[int, ...]] = {}
    counts: Counter[tuple[str | None, ...]] = Counter()
    qualities: dict[tuple[str | None, ...], list[Quality]] = defaultdict(list)
    for key, one in zip(keys(served, by, zone), served, strict=True):
        sums[key] = tuple(map(add, sums.get(key, (0,) * 7), one.tokens))
        counts[key] += 1
        qualities[key].append(one.quality)
    return {key: (counts[key], sums[key], join(qualities[key])) for key in sums}


@settings(max_examples=40)
@given(served=histories, by=dimensions)
def test_every_response_is_in_one_row(
    served: list[Served], by: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Rows by any dimensions are the sums made by hand, and add up to the total."""
    world = World(tmp_path_factory.mktemp("usage"))
    fill(world, served)
    found = asked(world, *by)
    assert plain(found) == by_hand(served, by)
    assert [row.key for row in found.rows] == sorted(
        by_hand(served, by), key=lambda key: [(part is None, part or "") for part in key]
    )
    total = by_hand(served, ()).get((), (0, (0,) * 7, Quality.EXACT))
    assert found.total.tokens is not None
    assert (found.total.responses, found.total.tokens.parts(), found.total.quality) == total
    assert found.agents == (("fake",) if served else ())


def test_however_many_sessions_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few that lie far apart are asked for by number, of others all between; of long lists the store reads all."""
    world = World(tmp_path)
    fill(world, [Served(f"s{number}", "opus", 0, (1,) * 7, Quality.EXACT) for number in range(1, 14)])
    by = ("agent", "session", "project")
    two = Filter(sessions=("s1", "s13", "nobody"), agents=("fake",), origins=("main",))
    found = [asked(world, *by), asked(world, *by, where=two)]
    assert [row.key for row in found[1].rows] == [("fake", "s1", "/src/a"), ("fake", "s13", None)]
    assert len(found[0].rows) == 13
    for module in (keys_module, choice_module):
        monkeypatch.setattr(module, "_MOST_NAMED", 0)
        assert [asked(world, *by), asked(world, *by, where=two)] == found
    for nobody in (Filter(sessions=("s",)), Filter(agents=("other",)), Filter(origins=("side",))):
        assert asked(world, *by, where=nobody).rows == ()


@settings(max_examples=40)
@given(served=histories, data=st.data())
def test_filters_leave_the_sums_of_what_they_let_through(
    served: list[Served], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Half-open times on the hour or off it, patterns of models, projects by directory or name, sessions."""
    world = World(tmp_path_factory.mktemp("usage"))
    fill(world, served)
    since, until = (data.draw(moments(served)) for _ in "ab")
    models = data.draw(st.sampled_from([(), ("gpt-5",), ("gpt-5*",), ("none",), ("opus", "gpt-5-*")]))
    projects = data.draw(st.sampled_from([(), ("/src/a",), ("b",), ("/work",)]))
    sessions = data.draw(st.sampled_from([(), ("s1", "s3"), ("nobody",)]))
    let_through = [
        one
        for one in served
        if (since is None or one.at.timestamp() >= since)
        and (until is None or one.at.timestamp() < until)
        and (not models or any(fnmatchcase(one.model, pattern) for pattern in models))
        and (not projects or one.project in {*projects, *(f"/src/{name}" for name in projects)})
        and (not sessions or one.session in sessions)
    ]
    where = Filter(
        since=None if since is None else since * SECOND,
        until=None if until is None else until * SECOND,
        models=models,
        projects=projects,
        sessions=sessions,
    )
    zone = data.draw(st.sampled_from([BERLIN, KATHMANDU]))
    for by in ((), ("day", "model"), ("session", "block"), ("effort", "branch", "project")):
        assert plain(asked(world, *by, where=where, zone=zone)) == by_hand(let_through, by, zone)


def test_hours_that_are_cut_have_what_was_answered_in_their_part(tmp_path: Path) -> None:
    """Any hour may be the first, the last, both or none of those asked for; other hours have none of its sessions."""
    world = World(tmp_path)
    hours = {"s1": (0, 1), "s2": (1, 3), "s3": (2,)}
    served = [Served(session, "opus", hour, (1,) * 7, Quality.EXACT) for session, its in hours.items() for hour in its]
    fill(world, served)
    edges = [ON_THE_HOUR + hour * 3600 + seconds for hour in range(-1, 5) for seconds in (0, 800, 801)]
    with world.store() as store:
        for since, until in itertools.product([None, *edges], repeat=2):
            let_through = [
                one
                for one in served
                if (since is None or one.at.timestamp() >= since) and (until is None or one.at.timestamp() < until)
            ]
            where = Filter(since and since * SECOND, until and until * SECOND)
            found = usage(store, Query(("session",), NamedZone(BERLIN), where))
            assert plain(found) == by_hand(let_through, ("session",)), (since, until)


@settings(max_examples=40)
@given(served=histories, undated=st.sets(st.integers(0, 24)))
def test_the_whole_and_its_projects_are_told_without_a_look_at_each_response(
    served: list[Served], undated: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same as from all rows, undated responses with them."""
    told = [one._replace(hours=None) if number in undated else one for number, one in enumerate(served)]
    world = World(tmp_path_factory.mktemp("usage"))
    fill(world, told)
    whole = by_hand(told, ()).get((), (0, (0,) * 7))
    with world.store() as store:
        found = history_total(store)
        assert (found.responses, found.tokens.parts()) == whole[:2]
        assert Choice(store, Filter()).agents() == (("fake",) if told else ())
        own = {f"/src/{'ab'[int(one.session[1]) - 1]}" for one in told if one.session != "s3"}
        assert known_projects(store) == own | {one.project for one in told if one.project}


def test_undated_responses_are_placed_and_said_to_be_estimated(tmp_path: Path) -> None:
    """One takes the day of the nearest dated response of its log; its number is not lost to any filter of days."""
    world = World(tmp_path)
    tokens = (1, 0, 0, 0, 0, 5, 0)
    fill(world, [Served("s1", "opus", hours, tokens, Quality.EXACT) for hours in (0, 240, None)])
    first, last = asked(world, "day").rows
    assert (first.responses, first.quality) == (1, Quality.EXACT)
    assert (last.responses, last.quality) == (2, Quality.ESTIMATED)
    only = asked(world, "day", where=Filter(until=T0 + 3600 * SECOND))
    assert only.rows == (first,)
    assert asked(world, "day", where=Filter(since=T0 + 3600 * SECOND)).rows == (last,)


def test_sessions_from_before_any_usage_are_unmeasured(tmp_path: Path) -> None:
    """They have no number, not the number 0, and what they are added to is a lower bound."""
    world = World(tmp_path)
    world.write("old", {"session": "old", "fact": {"born_at": T0 - 100 * SECOND}})
    world.write("new", {"session": "new", "at": T0, "id": "r", "tokens": {"input": 3}})
    reader = FakeReader()
    reader.usage_since = T0
    world.ingest(reader)
    found = asked(world, "session")
    assert plain(found) == {
        ("new",): (1, (3, 0, 0, 0, 0, 0, 0), Quality.EXACT),
        ("old",): (0, None, Quality.UNMEASURED),
    }
    assert found.total.quality == worst(Quality.EXACT, Quality.UNMEASURED) == Quality.LOWER_BOUND
    alone = asked(world, "model", where=Filter(sessions=("old",)))
    assert alone.total.tokens is None
    assert [row.key for row in alone.rows] == [(None,)]
    assert asked(world, where=Filter(models=("m1",))).total.quality == Quality.EXACT


def test_blocks_of_agents_that_are_told_apart_are_their_own(tmp_path: Path) -> None:
    """Without the agents a block is one of the whole selection."""
    world = World(tmp_path)
    hours = (0, 3, 6)
    tokens = (1, 0, 0, 0, 0, 0, 0)
    fill(world, [Served("s1", "opus", hour, tokens, Quality.EXACT) for hour in hours])
    begin = EPOCH + timedelta(seconds=T0 // SECOND // 3600 * 3600)
    texts = [f"{begin + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}" for hour in (0, 6)]
    assert [row.key for row in asked(world, "block").rows] == [(text,) for text in texts]
    assert [row.key for row in asked(world, "agent", "block").rows] == [("fake", text) for text in texts]


def rows_read(world: World, *by: str) -> list[int]:
    """How many rows each statement of the question brings."""
    counts: list[int] = []
    with world.store() as store, pytest.MonkeyPatch.context() as patch:
        rows = store.rows

        def counted(sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
            found = rows(sql, values)
            counts.append(len(found))
            return found

        patch.setattr(store, "rows", counted)
        usage(store, Query(by, NamedZone(BERLIN)))
    return counts


@pytest.mark.parametrize("by", [("block",), ("agent", "block"), ("block", "origin"), ("agent",), ("origin", "model")])
def test_neither_hours_nor_sessions_are_read_one_by_one_where_few_sums_are_asked_for(
    by: tuple[str, ...], tmp_path: Path
) -> None:
    """However many hours of a block something was answered in, and by whatever session, the sums are as many."""
    counts = []
    for sessions, hours in ((("s1",), (0,)), (("s1", "s2", "s3"), (0, 1, 2, 3))):
        world = World(tmp_path / str(len(hours)))
        fill(world, [Served(one, "opus", at, (1,) * 7, Quality.EXACT) for one in sessions for at in hours])
        assert [row.responses for row in asked(world, *by).rows] == [len(sessions) * len(hours)]
        counts.append(rows_read(world, *by))
    assert len(counts[0]) == len(counts[1])
    grown = [more - few for few, more in zip(*counts, strict=True) if more != few]
    assert grown in ([], [2], [2, 2])  # the names of sessions' agents and origins alone


def test_an_empty_store_gives_an_exact_nothing(tmp_path: Path) -> None:
    """No rows, and a total of zero that is known."""
    world = World(tmp_path)
    for by in itertools.combinations(DIMENSIONS, 2):
        found = asked(world, *by)
        assert found.rows == ()
        assert (found.total.responses, found.total.quality) == (0, Quality.EXACT)
