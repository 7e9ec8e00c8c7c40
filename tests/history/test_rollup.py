"""The sums by quarters of an hour: whatever writes bring and take, they are those of the responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from history.fake import SECOND, T0, FakeReader, World, lines
from tallybook.history.grain import set_grain
from tallybook.history.rollup import KEYS, SUMS, roll_all
from tallybook.history.sums import Span, used, used_through

if TYPE_CHECKING:
    import pytest

    from tallybook.history.store import Store

rows = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a", "b", "c", "d", "e"]),
        "group": st.sampled_from(["g", "h"]),
        "session": st.sampled_from(["s", "t"]),
        "tokens": st.fixed_dictionaries({"input": st.integers(0, 10**6), "output": st.integers(0, 9)}),
    },
    optional={
        "at": st.sampled_from([T0, T0 + 1, T0 + 900 * SECOND, T0 + 86_400 * SECOND]),
        "model": st.sampled_from(["m1", "m2"]),
        "effort": st.just("high"),
        "branch": st.just("fix"),
    },
)
NOWHERE = (-1, 0)
"""An offset of no log: all responses come before it."""
acts = st.lists(st.tuples(st.sampled_from(["write", "append", "gone"]), st.sampled_from("xyz"), rows), max_size=12)


def sums(store: Store) -> list[tuple[object, ...]]:
    """All that is kept."""
    return sorted(store.rows(f"SELECT {', '.join((*KEYS, *SUMS))} FROM rollup"))  # noqa: S608


def counters(store: Store, *, by_response: bool) -> dict[str, object]:
    """What each session has used, from the kept sums or from every response."""
    rows = store.rows("SELECT name, id, born_at, last_at FROM session")
    spans = {name: Span(number, born_at, last_at, silent=False) for name, number, born_at, last_at in rows}
    return {
        name: used_through(store, span, NOWHERE) if by_response else used(store, span) for name, span in spans.items()
    }


@settings(max_examples=60)
@given(acts)
def test_after_any_writes_the_sums_are_those_of_the_responses(
    tmp_path_factory: pytest.TempPathFactory, some: list[tuple[str, str, dict[str, object]]]
) -> None:
    """Logs that grow, are replaced, vanish and copy each other; then all sums are made anew and are the same."""
    world = World(tmp_path_factory.mktemp("rollup"))
    for act, name, row in some:
        path = world.path(name)
        if act == "gone":
            path.unlink(missing_ok=True)
        elif act == "append" and path.exists():
            world.append(name, row)
        else:
            world.put(path, lines(row))
        world.ingest(FakeReader())
    with world.store() as store:
        kept = sums(store)
        with store.transaction() as connection:
            roll_all(connection)
        assert sums(store) == kept
        told = counters(store, by_response=False)
        assert told == counters(store, by_response=True)
        with store.transaction() as connection:
            set_grain(connection, 1)
            roll_all(connection)
        assert counters(store, by_response=False) == told
        (responses,) = store.rows("SELECT count(*) FROM response WHERE at IS NOT NULL")
        assert sum(int(str(row[len(KEYS)])) for row in kept) == responses[0]
