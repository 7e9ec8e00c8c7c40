"""What responses share stands once: each comes out as it was put, and is found without looking at the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.fake import T0
from tallybook.history.contexts import BITS, drop_rows, put_rows
from tallybook.history.responses import COLUMNS
from tallybook.history.store import Store, open_store

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    Row = tuple[Any, ...]

MOMENTS = st.none() | st.sampled_from((0, 1, 999, 1000, 1_000_000, -1_000_000, 3_600_000_007)).map(T0.__add__)
ROWS = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=3),
    st.integers(1, 2),
    st.integers(1, 2),
    st.integers(0, 3),
    MOMENTS,
    st.integers(1, 2),
    st.just(3),
    *[st.integers(0, 2)] * 7,
    st.just(4),
    st.integers(0, 1),
    st.binary(max_size=8),
    st.none() | st.just(5),
    st.none() | st.just(6),
    st.none(),
    st.none(),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.just(200_000),
    st.integers(0, 1),
)
STORED = COLUMNS.replace("grp, ", "")


def row(offset: int, at: int | None = T0, group: int = 7) -> Row:
    return (
        group,
        b"\0k",
        1,
        1,
        offset,
        at,
        1,
        3,
        1,
        0,
        0,
        0,
        0,
        0,
        0,
        4,
        1,
        b"",
        None,
        None,
        None,
        None,
        None,
        None,
        0,
    )


def kept(connection: sqlite3.Connection, view: str = "response") -> dict[int, Row]:
    return {number: tuple(rest) for number, *rest in connection.execute(f"SELECT id, {STORED} FROM {view}")}  # noqa: S608


def truths(connection: sqlite3.Connection) -> list[Row]:
    """Of each context, as its responses have it: the first and the latest moment, and the greatest offset and key."""
    found: dict[int, list[Row]] = {}
    for number, one in kept(connection).items():
        found.setdefault(number >> BITS, []).append(one)
    return [
        (
            context,
            min((one[4] for one in some if one[4] is not None), default=None),
            max((one[4] for one in some if one[4] is not None), default=None),
            *max((one[3], one[0]) for one in some),
        )
        for context, some in sorted(found.items())
    ]


TOLD = """SELECT c.id, c.first, c.latest, o.offset, o.key FROM response_context c
LEFT JOIN response_own o ON o.id = c.last ORDER BY c.id"""


@given(st.lists(st.tuples(st.lists(ROWS, max_size=6), st.randoms(use_true_random=False)), max_size=4))
def test_each_response_comes_out_as_it_was_put(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[list[Row], Any]]
) -> None:
    """In any order, whatever is taken out in between; what a context tells of its responses is true of them."""
    with open_store(tmp_path_factory.mktemp("store")) as store, store.transaction() as connection:
        wanted: dict[int, Row] = {}
        for rows, chance in writes:
            put = put_rows(connection, rows)
            assert [number for _, number in put] == sorted(number for _, number in put)
            fresh = {number: one for number, one in kept(connection).items() if number not in wanted}
            told = [(group, *fresh[number]) for group, number in put]
            assert sorted(told, key=repr) == sorted(rows, key=repr)
            wanted.update(fresh)
            gone = chance.sample(sorted(wanted), len(wanted) // 2)
            drop_rows(connection, gone)
            for number in gone:
                del wanted[number]
            assert kept(connection) == kept(connection, "numbered") == wanted
            assert connection.execute(TOLD).fetchall() == truths(connection)
            undated = {number: one for number, one in wanted.items() if one[4] is None}
            assert kept(connection, "undated") == undated


def test_a_context_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    """No number of a response is ever one of another context."""
    most = 1 << BITS
    with open_store(tmp_path) as store, store.transaction() as connection:
        put_rows(connection, [row(1), row(2)])
        put = put_rows(connection, [row(offset, T0 + offset * 1000) for offset in range(3, most * 2 + 2)])
        sizes = connection.execute("SELECT id >> ?, count(*) FROM response_own GROUP BY 1", (BITS,)).fetchall()
        assert sizes == [(1, most), (2, most), (3, 1)]
        assert put[-1] == (7, 3 << BITS)
        assert [offset for (offset,) in connection.execute("SELECT offset FROM response")] == [*range(1, most * 2 + 2)]


@pytest.mark.parametrize("gone", [{0}, {20}, {25}, {30}, {59}, {20, 25}, {0, 20, 25, 30, 59}, {*range(40)}])
def test_what_a_context_tells_stays_true_of_many(tmp_path: Path, gone: set[int]) -> None:
    """Its first and its latest moment may stand in the middle, its greatest offset too."""
    moments = {20: T0 - 1000, 25: T0 + 10**9}
    with open_store(tmp_path) as store, store.transaction() as connection:
        rows = [row(10_000 if n == 30 else n, moments.get(n, T0 + n * 1000)) for n in range(60)]
        numbers = [number for _, number in put_rows(connection, rows)]
        drop_rows(connection, [numbers[n] for n in gone])
        assert connection.execute(TOLD).fetchall() == truths(connection) != []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM response r WHERE r.session = 1",
        "SELECT * FROM response r WHERE r.source = 1",
        "SELECT * FROM undated",
        "SELECT * FROM undated r WHERE r.session = 1",
        "SELECT * FROM numbered r WHERE r.id BETWEEN 65536 AND 65537",
        """SELECT * FROM response r JOIN session s ON s.id = r.session JOIN agent a ON a.id = s.agent
        WHERE a.name = 'a' AND s.name = 's'""",
        """WITH asked (session) AS (VALUES (1), (2))
        SELECT * FROM asked a CROSS JOIN response r ON r.session = a.session""",
    ],
)
def test_some_responses_are_found_without_the_others(tmp_path: Path, query: str) -> None:
    """However many there are: neither they nor their contexts are looked through."""
    with open_store(tmp_path) as store:
        steps = plan(store, query)
    assert any("SEARCH p " in step for step in steps), steps
    assert not any(step.startswith(("SCAN p", "SCAN c")) and "response_undated" not in step for step in steps), steps


def plan(store: Store, query: str) -> list[str]:
    return [step for *_, step in store.rows(f"EXPLAIN QUERY PLAN {query}")]
