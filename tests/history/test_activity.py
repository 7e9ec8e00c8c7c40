"""Counts of items: each once whatever logs tell of it, whichever came first, however they grew."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from datetime import UTC, timedelta, timezone
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history.fake import T0
from history.talker import Talker, item_line
from tallybook.agents.port import Item
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import SessionKey
from tallybook.history.activity import (
    ActivityFilter,
    activity_by_day,
    activity_by_session,
    activity_counts,
    limit_history,
    newest_limits,
    own_counters,
)
from tallybook.history.ingest import ingest
from tallybook.history.settling import settle_activity
from tallybook.history.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

MINUTE = 60_000_000
LATER = 10 * MINUTE
ITEMS = st.builds(
    Item,
    st.sampled_from("abcdef"),
    st.sampled_from(["s1", "s2"]),
    st.none() | st.integers(0, 40).map(lambda minutes: T0 + minutes * MINUTE),
    st.sampled_from(["tool", "prompt"]),
    st.sampled_from(["", "x", "y"]),
    st.none() | st.integers(0, 9),
    st.none() | st.just(b"rm -rf"),
)
LOGS = st.dictionaries(st.sampled_from(["one", "three", "two"]), st.lists(ITEMS, max_size=8), max_size=3)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the logs are."""
    (tmp_path / "logs").mkdir()
    return tmp_path


def run(home: Path, store: Store, version: str = "1") -> None:
    """One ingest."""
    ingest(store, [Talker(version)], {"FAKE_HOME": str(home / "logs")})


def write(home: Path, name: str, items: Sequence[Item], *, whole: bool = True) -> None:
    """A log of these items, or more lines at its end."""
    path = home / "logs" / f"{name}.log"
    data = b"".join(item_line(item) for item in items)
    path.write_bytes(data if whole else (path.read_bytes() if path.exists() else b"") + data)


def truth(logs: Mapping[str, Sequence[Item]]) -> Counter[tuple[object, ...]]:
    """By the definition: the earliest moment holds, with its session; in one log what is told later adds the rest."""
    best: dict[tuple[str, str], tuple[tuple[bool, int, str], Item]] = {}
    for name, items in logs.items():
        once: dict[tuple[str, str], Item] = {}
        for item in items:
            key = (item.kind, item.key)
            first = once.setdefault(key, item)
            origin = min(first, item, key=lambda one: (one.at is None, one.at or 0))
            once[key] = origin._replace(
                name=item.name,
                amount=first.amount if item.amount is None else item.amount,
            )
        for key, item in once.items():
            rank = (item.at is None, item.at or 0, name)
            if key not in best or rank < best[key][0]:
                best[key] = (rank, item)
    return Counter((item.session, item.kind, item.name, item.amount) for _, item in best.values())


def counted(store: Store) -> Counter[tuple[str, str, str, int, int]]:
    """By session, kind and name: count, and the sum of amounts."""
    rows = activity_by_session(store)
    return Counter(
        {
            (row.session.session, row.kind, row.name, row.measured, row.amount): row.count
            for row in rows
            if row.session is not None
        }
    )


def summed(items: Counter[tuple[object, ...]]) -> Counter[tuple[object, ...]]:
    """The truth in the form of ``counted``."""
    cells: dict[tuple[object, ...], list[int]] = {}
    for (session, kind, name, amount), count in items.items():
        sums = cells.setdefault((session, kind, name), [0, 0, 0])
        sums[0] += count
        if isinstance(amount, int):
            sums[1] += count
            sums[2] += amount * count
    return Counter({(*cell, measured, amount): count for cell, (count, measured, amount) in cells.items()})


@settings(max_examples=60, deadline=None)
@given(LOGS, st.data())
def test_counts_are_those_of_the_set_of_logs(
    tmp_path_factory: pytest.TempPathFactory, logs: dict[str, list[Item]], data: st.DataObject
) -> None:
    """Any log first, any split into visits, counts asked for at any time in between."""
    home = tmp_path_factory.mktemp("home")
    (home / "logs").mkdir()
    waiting = {name: list(items) for name, items in logs.items()}
    with open_store(home / "data") as store:
        while any(waiting.values()):
            name = data.draw(st.sampled_from(sorted(name for name, items in waiting.items() if items)))
            size = data.draw(st.integers(1, len(waiting[name])))
            write(home, name, waiting[name][:size], whole=False)
            del waiting[name][:size]
            run(home, store)
            if data.draw(st.booleans()):
                settle_activity(store)
        assert counted(store) == summed(truth(logs))


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(0, 9), min_size=1), min_size=1), st.data())
def test_a_database_tells_originals_and_copies_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, told: dict[str, set[int]], data: st.DataObject
) -> None:
    """In one log too the earliest moment is the original's, and so is its session, however the rows are split."""
    home = tmp_path_factory.mktemp("home")
    (home / "logs").mkdir()
    rows = [Item(key, f"s{nth}", T0 + nth * LATER, "tool", "x", 1) for key, times in told.items() for nth in times]
    rows = data.draw(st.permutations(rows))
    with open_store(home / "data") as store:
        while rows:
            size = data.draw(st.integers(1, len(rows)))
            write(home, "one", rows[:size], whole=False)
            rows = rows[size:]
            run(home, store)
        originals = Counter((f"s{min(times)}", "tool", "x", 1, 1) for times in told.values())
        expected = Counter({(*cell[:3], count, count): count for cell, count in originals.items()})
        assert counted(store) == expected


@settings(max_examples=40, deadline=None)
@given(LOGS, LOGS)
def test_a_log_that_is_written_anew_leaves_nothing_of_what_it_was(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, list[Item]], after: dict[str, list[Item]]
) -> None:
    """Its items are replaced exactly; copies in other logs count instead."""
    home = tmp_path_factory.mktemp("home")
    (home / "logs").mkdir()
    with open_store(home / "data") as store:
        for name, items in before.items():
            write(home, name, items)
        run(home, store)
        settle_activity(store)
        for name, items in after.items():
            write(home, name, [Item(f"new {name}", "s1", T0, "tool"), *items])
        run(home, store)
        fresh = {name: [Item(f"new {name}", "s1", T0, "tool"), *items] for name, items in after.items()}
        assert counted(store) == summed(truth({**before, **fresh}))


def test_a_log_that_grows_often_keeps_few_blocks(home: Path) -> None:
    """Blocks are folded, and nothing is lost or told twice."""
    with open_store(home / "data") as store:
        for number in range(40):
            write(home, "one", [Item(f"k{number}", "s", T0 + number, "tool", "x", 1)], whole=False)
            run(home, store)
        assert store.rows("SELECT count(*) < 20, sum(size) FROM item_block") == [(1, 40)]
        (row,) = activity_counts(store)
        assert (row.count, row.measured, row.amount, row.greatest) == (40, 40, 40, 1)


def test_settling_looks_at_nothing_where_nothing_has_changed(home: Path) -> None:
    """And only at what has, and its copies."""
    write(home, "one", [Item("a", "s", T0, "tool")])
    write(home, "two", [Item("b", "s", T0, "tool")])
    write(home, "three", [Item("c", "s", T0, "tool"), Item("a", "s", T0, "tool")])
    with open_store(home / "data") as store:
        run(home, store)
        assert settle_activity(store) == 3
        assert settle_activity(store) == 0
        write(home, "two", [Item("d", "s", T0, "tool")], whole=False)
        run(home, store)
        assert settle_activity(store) == 1
        write(home, "one", [Item("e", "s", T0, "tool")], whole=False)
        run(home, store)
        assert settle_activity(store) == 2


def test_counts_can_be_asked_by_agent_session_kind_and_time(home: Path) -> None:
    """Times are exact to a quarter of an hour."""
    hour = 3_600_000_000
    start = T0 // hour * hour
    items = [Item(f"k{n}", f"s{n % 2}", start + n * hour, ("tool", "prompt")[n % 2], "x") for n in range(4)]
    write(home, "one", [*items, Item("undated", "s0", None, "tool", "y")])
    with open_store(home / "data") as store:
        run(home, store)

        def ask(**fields: object) -> int:
            return sum(row.count for row in activity_counts(store, msgspec.convert(fields, ActivityFilter)))

        assert ask() == 5
        assert ask(agent="fake") == 5
        assert ask(agent="other") == 0
        assert ask(kinds=("tool",)) == 3
        assert ask(kinds=()) == 0
        assert ask(since=start + hour) == 3
        assert ask(until=start + hour) == 1
        assert ask(since=start + hour, until=start + 2 * hour) == 1
        one = ActivityFilter(sessions=(SessionKey("fake", "s1"),))
        assert [row.count for row in activity_counts(store, one)] == [2]
        assert activity_counts(store, ActivityFilter(sessions=())) == ()


def test_days_are_those_of_the_time_zone(home: Path) -> None:
    """Also of one that is three quarters of an hour off; an item without a time is on no day."""
    midnight = 1_790_035_200_000_000  # 2026-09-22 in UTC
    late, early = midnight + 14 * MINUTE, midnight + 15 * MINUTE
    items = [Item("a", "s", late, "tool", "", 3), Item("b", "s", early, "tool"), Item("c", "s", None, "tool")]
    write(home, "one", items)
    with open_store(home / "data") as store:
        run(home, store)
        assert [(row.day, row.count) for row in activity_by_day(store, UTC)] == [(None, 1), ("2026-09-22", 2)]
        west = timezone(timedelta(minutes=-15))
        assert [(row.day, row.count, row.greatest) for row in activity_by_day(store, west)] == [
            (None, 1, None), ("2026-09-21", 1, 3), ("2026-09-22", 1, None),
        ]  # fmt: skip


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_the_newest_sample_of_each_limit_and_window_holds(home: Path) -> None:
    """Plans stand apart, windows are known by their minutes; samples without a moment in time's range are left out."""
    (home / "logs" / "one.log").write_bytes(
        lines(
            ["limit", "s1", T0, "main", 300, 1250, T0 + 5, "pro", "12.5"],
            ["limit", "s1", T0, "main", 10080, 9999, None, None, None],
            ["limit", "s1", T0 + LATER, "main", 300, 2000, None, None, "unlimited"],
            ["limit", "s1", -5, "main", 300, 9000, None, None, None],
            ["limit", "s1", T0 + 1, "spend", None, None, None, None, "3"],
        )
    )
    with open_store(home / "data") as store:
        run(home, store)
        found = newest_limits(store)
        assert [(one.limit, one.window, one.used, one.credits) for one in found] == [
            ("main", 300, 2000, "unlimited"), ("main", 300, 1250, "12.5"), ("main", 10080, 9999, None),
            ("spend", None, None, "3"),
        ]  # fmt: skip
        assert newest_limits(store, "other") == ()
        for one in found:
            assert limit_history(store, one, T0) == (one,)
            assert limit_history(store, one, one.at + 1) == ()


def test_the_last_word_of_each_counter_holds(home: Path) -> None:
    """By scope and model; of two logs of a session the fuller one."""
    path = home / "logs" / "one.log"
    path.write_bytes(lines(["counter", "s1", T0, "cost", "m", [1] * 7], ["counter", "s1", T0, "cost", None, [2] * 7]))
    with open_store(home / "data") as store:
        run(home, store)
        path.write_bytes(path.read_bytes() + lines(["counter", "s1", T0 + 9, "cost", "m", [5] * 7]))
        (home / "logs" / "two.log").write_bytes(lines(["counter", "s1", T0 + 99, "cost", "m", [3] * 7]))
        run(home, store)
        found = own_counters(store, SessionKey("fake", "s1"))
        assert [(one.scope, one.model, one.at, one.tokens) for one in found] == [
            ("cost", None, T0, TokenVector(*[2] * 7)), ("cost", "m", T0 + 9, TokenVector(*[5] * 7)),
        ]  # fmt: skip
        assert {one.unreported for one in found} == {("reasoning",)}
        assert own_counters(store, SessionKey("fake", "s2")) == ()


def test_nothing_of_a_text_is_on_disk(home: Path) -> None:
    """Only its hash is, and that is another one in another data directory."""
    write(home, "one", [Item("k", "s", T0, "shell", "psql", None, b"psql -c 'select hunter2'")])
    marks = set()
    for place in ("data", "other"):
        with open_store(home / place) as store:
            run(home, store)
            settle_activity(store)
            marks |= set(store.rows("SELECT data FROM item_block"))
        for path in (home / place).iterdir():
            assert b"hunter2" not in path.read_bytes()
    assert len(marks) == 2


def test_an_interrupted_write_leaves_all_or_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items and the cursor stand in one transaction."""
    write(home, "one", [Item("k", "s", T0, "tool")])

    def fail(*_: object) -> Iterator[None]:
        message = "out of memory"
        raise sqlite3.OperationalError(message)

    with open_store(home / "data") as store:
        monkeypatch.setattr("tallybook.history.write.settle_sessions", fail)
        with pytest.raises(Exception, match="out of memory"):
            run(home, store)
        assert store.rows("SELECT count(*) FROM item_block") == [(0,)]
        monkeypatch.undo()
        run(home, store)
        assert [row.count for row in activity_counts(store)] == [1]


def test_a_reader_that_counts_anew_tells_everything_anew(home: Path) -> None:
    """A new version of it replaces what the old one told."""
    write(home, "one", [Item("k", "s", T0, "tool")])
    with open_store(home / "data") as store:
        run(home, store)
        run(home, store, version="2")
        assert [row.count for row in activity_counts(store)] == [1]
        assert store.rows("SELECT count(*) FROM item_block") == [(1,)]
