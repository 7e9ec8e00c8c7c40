"""Token vectors are a commutative monoid of counts; qualities are a join in which the worst wins."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.quality import Quality, join, worst
from tallybook.domain.tokens import COMPONENTS, ZERO, TokenVector, total_of
from tallybook.domain.usage import ClassUsage, PriceClass, merge_classes
from worlds import CLASSES, child, of_class, used

vectors = st.builds(TokenVector, *[st.integers(0, 2**53)] * len(COMPONENTS))
qualities = st.sampled_from(Quality)


@given(vectors, vectors, vectors)
def test_vectors_are_a_commutative_monoid(a: TokenVector, b: TokenVector, c: TokenVector) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + ZERO == a == ZERO + a
    assert total_of([a, b, c]) == a + b + c
    assert total_of([]) == ZERO


@given(vectors, vectors)
def test_growth_undoes_addition(a: TokenVector, b: TokenVector) -> None:
    assert (a + b).growth_since(a) == b
    assert a.growth_since(a + b) == ZERO
    assert (a + b).covers(a)


@given(vectors, vectors)
def test_a_component_that_fell_counts_nothing(a: TokenVector, b: TokenVector) -> None:
    growth = a.growth_since(b)
    assert growth.parts() == tuple(max(x - y, 0) for x, y in zip(a.parts(), b.parts(), strict=True))
    assert a.covers(b) == (b + growth == a)
    assert a.covers(b) == all(x >= y for x, y in zip(a.parts(), b.parts(), strict=True))


def test_sums_of_parts() -> None:
    vector = TokenVector(1, 2, 4, 8, 16, 32, 64)
    assert vector.cache_write == 28
    assert vector.context == 31
    assert vector.total == 63, "reasoning is a part of output"
    assert vector.parts() == tuple(getattr(vector, name) for name in COMPONENTS)


@pytest.mark.parametrize("name", COMPONENTS)
def test_any_component_makes_a_vector_true(name: str) -> None:
    assert TokenVector(**{name: 1})
    assert not TokenVector(**{name: 0})


@pytest.mark.parametrize("name", COMPONENTS)
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (True, TypeError),
        (1.0, TypeError),
        (float("nan"), TypeError),
        (float("inf"), TypeError),
        ("1", TypeError),
        (None, TypeError),
        (-1, ValueError),
    ],
)
def test_what_is_no_count_is_refused(name: str, value: Any, error: type[Exception]) -> None:  # noqa: ANN401 - of any type
    with pytest.raises(error, match=name):
        TokenVector(**{name: value})


@given(qualities, qualities, qualities)
def test_qualities_are_a_semilattice(a: Quality, b: Quality, c: Quality) -> None:
    assert worst(a, b) == worst(b, a)
    assert worst(worst(a, b), c) == worst(a, worst(b, c))
    assert worst(a, a) == a


@given(st.lists(qualities, min_size=1), st.randoms())
def test_a_join_depends_on_the_set_alone(several: list[Quality], random: Any) -> None:  # noqa: ANN401 - a random.Random
    shuffled = [*several, *several[:2]]
    random.shuffle(shuffled)
    assert join(shuffled) == join(several)


def test_of_two_qualities_the_worse_holds() -> None:
    exact, bound, estimated, unverified, unmeasured = Quality
    ranks = (exact, bound, estimated, unverified)
    for first, second in product(ranks, ranks):
        assert worst(first, second) == ranks[max(ranks.index(first), ranks.index(second))]
    assert worst(exact, unmeasured) == bound
    assert worst(unmeasured, bound) == bound
    assert worst(estimated, unmeasured) == estimated
    assert worst(unmeasured, unverified) == unverified
    assert worst(unmeasured, unmeasured) == unmeasured
    assert join([]) == unmeasured


def test_classes_are_added_up_and_sorted() -> None:
    assert merge_classes([of_class(1, 3), of_class(0, 1), of_class(1, 4)]) == (of_class(0, 1), of_class(1, 7))
    assert merge_classes([]) == ()
    assert sorted(CLASSES) == list(CLASSES)


@given(st.lists(st.builds(of_class, st.integers(0, 2), st.integers(0, 9))))
def test_no_token_is_lost_in_classes(usages: list[ClassUsage]) -> None:
    merged = merge_classes(usages)
    assert total_of(usage.tokens for usage in merged) == total_of(usage.tokens for usage in usages)
    assert sum(usage.responses for usage in merged) == sum(usage.responses for usage in usages)
    places: list[PriceClass] = [usage.price_class for usage in merged]
    assert places == sorted(set(places))


def test_a_session_knows_itself_and_its_sum() -> None:
    usage = child("s1", "s2", 3, 4)
    assert (usage.key.agent, usage.key.session, usage.parent) == ("claude", "s2", "s1")
    assert usage.tokens == TokenVector(input=7)
    assert used("s1").tokens == ZERO
