"""What agents' own counters say, and what they say beyond the responses that logs itemise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.own_counters import Snapshot, last_of, not_itemised, own_usage, session_counter
from tallybook.domain.tokens import TokenVector

VECTORS = st.builds(TokenVector, *[st.integers(0, 10**9)] * 7)
BORN = 1000


def vector(given: int, read: int = 0, output: int = 0) -> TokenVector:
    """Input, cache read and output."""
    return TokenVector(input=given, cache_read=read, output=output)


def shot(run: str, at: int, **models: TokenVector) -> Snapshot:
    """A snapshot."""
    return Snapshot(run, at, models)


def test_a_total_is_what_it_shows_and_showed_less_where_it_began() -> None:
    """The three words of one running total."""
    told = {"thread": vector(50), "thread-before": vector(30), "thread-start": vector(10), "record": vector(7)}
    assert own_usage(told, "thread") == vector(70)
    assert own_usage(told, "record") == vector(7)
    assert own_usage(told, "cost") is None


def test_calls_that_no_row_shows_are_the_difference() -> None:
    """A compaction in a session that was observed: two calls beside three rows, exact in every part."""
    counter = {"sonnet": TokenVector(11947, 164411, 3543, 913, 0, 8558, 0)}
    rows = [
        ("sonnet", TokenVector(2310, 32042, 728, 189, 0, 1502, 0)),
        ("sonnet", TokenVector(2381, 32504, 717, 181, 0, 1661, 0)),
        ("sonnet", TokenVector(2578, 33827, 709, 188, 0, 1734, 0)),
    ]
    assert not_itemised(counter, rows) == {"sonnet": TokenVector(4678, 66038, 1389, 355, 0, 3661, 0)}


def test_a_model_that_no_row_names_is_told_whole() -> None:
    """Such as the small one that makes titles."""
    assert not_itemised({"haiku": vector(9, 0, 3), "opus": vector(5)}, [("opus", vector(5))]) == {
        "haiku": vector(9, 0, 3)
    }


def test_a_stale_counter_says_nothing_less_than_nothing() -> None:
    """Rows that came after the snapshot make no part negative."""
    assert not_itemised({"opus": vector(5, 9)}, [("opus", vector(8, 2))]) == {"opus": vector(0, 7)}
    assert not_itemised({}, [("opus", vector(8, 2))]) == {}


def test_cache_writes_are_compared_as_a_whole_where_the_counter_does_not_split_them() -> None:
    """Earlier builds tell one number."""
    counter = {"m": TokenVector(cache_write_unknown=100)}
    assert not_itemised(counter, [("m", TokenVector(cache_write_5m=60, cache_write_1h=30))]) == {
        "m": TokenVector(cache_write_unknown=10)
    }


PARENT = [shot("r", 10, m=vector(5)), shot("r", 900, m=vector(40)), shot("r", 2000, m=vector(99))]
CASES = [
    ([shot("r", 1500, m=vector(60))], PARENT, {"m": vector(20)}),
    ([shot("r", 1500, m=vector(60), n=vector(1))], PARENT, {"m": vector(20), "n": vector(1)}),
    ([shot("other", 1500, m=vector(60))], PARENT, {"m": vector(60)}),
    ([shot("r", 1500, m=vector(60))], [], {"m": vector(60)}),
    ([shot("r", 1500, m=vector(40))], PARENT, {}),
    ([shot("r", 1200, m=vector(50)), shot("r", 1500, m=vector(60))], PARENT, {"m": vector(20)}),
    ([shot("r", 1500, m=vector(60)), shot("r", 1500, m=vector(55))], PARENT, {"m": vector(20)}),
    ([], PARENT, None),
]  # fmt: skip


@pytest.mark.parametrize(("own", "parents", "expected"), CASES)
def test_a_forks_counter_begins_where_its_parents_stood(
    own: list[Snapshot], parents: list[Snapshot], expected: dict[str, TokenVector] | None
) -> None:
    """The last word before the fork was born, of the same run; the last word of the fork itself."""
    assert session_counter(own, parents, BORN) == expected


def test_a_fork_of_unknown_birth_begins_at_its_parents_last_word() -> None:
    """Less may be told then, never more."""
    assert session_counter([shot("r", 1500, m=vector(120))], PARENT, None) == {"m": vector(21)}


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), VECTORS)),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), VECTORS),
)
def test_responses_and_what_is_left_never_fall_short_of_the_counter(
    rows: list[tuple[str, TokenVector]], counter: dict[str, TokenVector]
) -> None:
    """And nothing is left of a counter that says what the rows say."""
    rest = not_itemised(counter, rows)
    summed: dict[str, TokenVector] = {}
    for model, tokens in rows:
        summed[model] = summed.get(model, TokenVector()) + tokens
    assert not_itemised(summed, rows) == {}
    for model, tokens in counter.items():
        both = rest.get(model, TokenVector()) + summed.get(model, TokenVector())
        assert both.input >= tokens.input
        assert both.cache_read >= tokens.cache_read
        assert both.cache_write >= tokens.cache_write
        assert both.output >= tokens.output


@given(st.lists(st.builds(Snapshot, st.just("r"), st.integers(0, 9), st.dictionaries(st.just("m"), VECTORS))))
def test_the_last_snapshot_does_not_depend_on_the_order(shots: list[Snapshot]) -> None:
    """Of several at one moment the greatest holds."""
    last, turned = last_of(shots), last_of(reversed(shots))
    assert (last is None) == (not shots)
    if last is not None and turned is not None:
        assert last.at == turned.at == max(one.at for one in shots)
