"""Single responses find the goals that segments count them for."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tallybook.domain.attribution import Owner, Point, SessionLine, segments_of
from tallybook.domain.ownership import goals_of
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import ClassUsage, PriceClass, SessionKey

CLASSES = [PriceClass(model, "standard", "≤200k", "2026-06-20") for model in ("m1", "m2")]
KEY = SessionKey("codex", "s")


def point(served: list[PriceClass], goal: str | None) -> Point:
    """The counter after these responses, and whose the last of them are."""
    counts = Counter(served)
    classes = tuple(ClassUsage(one, counts[one], TokenVector(input=counts[one])) for one in sorted(counts))
    owner = None if goal is None else Owner(goal, 1, 0, direct=True)
    return Point(f"s{len(served)}", classes, Quality.EXACT, pending=False, owner=owner)


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([None, "a", "b"]))), st.integers(0, 3))
def test_each_response_has_the_goal_of_its_segment(served: list[tuple[int, str | None]], more: int) -> None:
    """In the order of time, whatever its class; what no snapshot has counted yet has none."""
    classes = [CLASSES[number] for number, _ in served]
    goals = [goal for _, goal in served]
    cuts = [number for number, (before, after) in enumerate(pairwise(goals), 1) if before != after]
    points = tuple(point(classes[:end], goals[end - 1]) for end in [*cuts, len(goals)] if end)
    segments = segments_of(KEY, SessionLine(None, points))
    assert list(goals_of(segments, [*classes, *CLASSES[:1] * more])) == [*goals, *[None] * more]


def test_tokens_without_a_response_have_no_goal_to_give() -> None:
    """Usage may grow while no response is added, such as the rest of one that was counted before."""
    (segment,) = segments_of(KEY, SessionLine(None, (point(CLASSES[:1], "a"),)))
    rest = ClassUsage(CLASSES[0], 0, TokenVector(output=5))
    assert list(goals_of([replace(segment, classes=(rest,))], CLASSES[:1])) == [None]
