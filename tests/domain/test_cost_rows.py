"""What goals used, split over what it belongs to: nothing lost, nothing twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.cost_rows import Confidence, Kind, Spent, rows_of, summed, summed_cost
from tallybook.domain.figures import Measure
from tallybook.domain.money import Cost, Unpriced
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import ZERO, TokenVector, total_of

COUNTS = st.integers(0, 10**15)
SURE = st.sampled_from((Confidence.DECLARED, Confidence.TRAILER, Confidence.INFERRED))
KEYS = st.dictionaries(st.sampled_from("abcde"), SURE).map(lambda found: tuple(sorted(found.items())))


@st.composite
def spent(draw: st.DrawFn) -> Spent:
    """What a goal used, measured or not."""
    keys = draw(KEYS)
    if draw(st.booleans()):
        return Spent("g", Measure(None, Quality.UNMEASURED), None, keys)
    output = draw(COUNTS)
    parts = [*(draw(COUNTS) for _ in range(5)), output, draw(st.integers(0, output))]
    tokens = TokenVector(*parts)
    priced = draw(st.integers(0, tokens.total))
    lacking = frozenset({Unpriced("m", "unknown")}) if priced < tokens.total else frozenset[Unpriced]()
    least, assumed = draw(st.integers(0, priced)), draw(st.integers(0, priced))
    cost = Cost(draw(COUNTS), priced, tokens.total, lacking, least, assumed, draw(st.booleans()))
    return Spent("g", Measure(tokens, draw(st.sampled_from(list(Quality)[:4]))), cost, keys)


@given(st.lists(spent(), max_size=8))
def test_rows_add_up(goals: list[Spent]) -> None:
    """To the token and the picodollar, whatever belongs to how many things."""
    rows = rows_of(goals)
    whole = total_of(one.measure.tokens or ZERO for one in goals)
    assert (summed(row.measure for row in rows).tokens or ZERO) == whole
    costs, all_ = summed_cost(row.cost for row in rows), summed_cost(one.cost for one in goals)
    assert costs == all_
    assert {row.key for row in rows if row.kind is Kind.LINKED} == {key for one in goals for key, _ in one.keys}
    assert sum(row.kind is Kind.UNLINKED for row in rows) == any(not one.keys for one in goals)
    for row in rows:
        assert (row.measure.tokens is None) == (row.cost is None)
        if row.measure.tokens is not None and row.cost is not None:
            assert row.measure.tokens.reasoning <= row.measure.tokens.output
            assert row.cost.priced <= row.cost.tokens


@given(st.lists(spent(), max_size=8))
def test_a_row_is_as_sure_as_its_least_sure_part(goals: list[Spent]) -> None:
    """And what was split is no longer exact."""
    ranks = list(Confidence)
    for row in rows_of(goals):
        told = [confidence for one in goals for key, confidence in one.keys if key == row.key]
        assert row.confidence is (max(told, key=ranks.index) if told else Confidence.NONE)
        parts = [one for one in goals if row.key in dict(one.keys)]
        if any(len(one.keys) > 1 and one.measure.tokens is not None for one in parts):
            assert row.measure.quality is not Quality.EXACT


def test_order_and_even_parts() -> None:
    """The largest first, by name where they are equal, what belongs to nothing last; the first takes what is left."""
    both = (("b", Confidence.TRAILER), ("a", Confidence.TRAILER))
    rows = rows_of(
        [
            Spent("g2", Measure(TokenVector(input=3), Quality.EXACT), None, both),
            Spent("g1", Measure(TokenVector(input=1), Quality.EXACT), None, (("a", Confidence.DECLARED),)),
            Spent("g3", Measure(TokenVector(input=9), Quality.EXACT), None),
            Spent("g4", Measure(None, Quality.UNMEASURED), None, (("c", Confidence.INFERRED),)),
        ]
    )
    told = [(row.key, row.measure.tokens and row.measure.tokens.input, str(row.measure.quality)) for row in rows]
    assert told == [("a", 2, "estimated"), ("b", 2, "estimated"), ("c", None, "unmeasured"), (None, 9, "exact")]
    assert rows[0].goals == ("g1", "g2")
