"""What became of goals, beside the plainest way to tell it."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.outcomes import Landing, Made, Work, joined, landing_of, per_accepted, work_of

numbers = st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 10**15)), max_size=12)


@given(numbers)
def test_per_accepted(told: list[tuple[bool, int | None]]) -> None:
    """All that was spent is divided by the accepted ones; unknown is never 0."""
    found = per_accepted(told)
    own = sorted(number for yes, number in told if yes and number is not None)
    known = [number for _, number in told if number is not None]
    assert (found.accepted, found.known) == (sum(yes for yes, _ in told), len(own))
    assert found.spent == (sum(known) if known else None)
    if found.mean is not None:
        assert found.spent is not None
        assert abs(Fraction(found.mean) * found.accepted - found.spent) <= Fraction(found.accepted, 2)
    else:
        assert not found.accepted or not known
    assert (found.median is None, found.p90 is None) == (not own, not own)
    if found.p90 is not None and found.median is not None:
        assert found.p90 in own
        assert sum(number <= found.p90 for number in own) * 10 >= 9 * len(own)
        assert all(sum(number <= less for number in own) * 10 < 9 * len(own) for less in own if less < found.p90)
        assert sum(number <= found.median for number in own) * 2 >= len(own)
        assert sum(number >= found.median for number in own) * 2 >= len(own)


@st.composite
def histories(draw: st.DrawFn) -> list[Made]:
    """Commits, newest first; reverts take back older ones."""
    count = draw(st.integers(0, 8))
    made = []
    for number in range(count):
        older = st.sampled_from([f"c{other}" for other in range(number + 1, count)]) if number + 1 < count else None
        made.append(
            Made(
                f"c{number}",
                count - number,
                frozenset(draw(st.sets(st.sampled_from("xyz"), max_size=2))),
                draw(st.booleans()),
                frozenset() if older is None else draw(st.frozensets(older, max_size=2)),
            )
        )
    return made


def alive(commit: str, made: list[Made]) -> bool:
    """On the main line, and no revert that is alive itself takes it back."""
    own = next(one for one in made if one.id == commit)
    return own.on_main and not any(commit in one.reverts and alive(one.id, made) for one in made)


@given(histories())
def test_work(made: list[Made]) -> None:
    """Each goal has the commits that name it; a revert of a revert brings back."""
    found = work_of(made)
    assert set(found) == {goal for one in made for goal in one.goals}
    for goal, work in found.items():
        own = [one for one in made if goal in one.goals]
        assert list(work.commits) == [one.id for one in own]
        assert list(work.landed) == [one.id for one in own if one.on_main]
        assert list(work.alive) == [commit for commit in work.landed if alive(commit, made)]
        assert work.last_at == own[0].at


@given(histories())
def test_goals_that_are_counted_as_one(made: list[Made]) -> None:
    """Nothing stands twice, and the last moment is the last of any."""
    works = list(work_of(made).values())
    whole = joined(works)
    assert sorted(whole.commits) == sorted({commit for work in works for commit in work.commits})
    assert set(whole.alive) <= set(whole.landed) <= set(whole.commits)
    assert whole.last_at == max((work.last_at for work in works if work.last_at is not None), default=None)
    assert joined([]) == Work()


def test_landings() -> None:
    """Each of them."""
    some = Work(("a", "b"), last_at=100)
    for work, given_up, stale_at, landing in (
        (Work(), True, 0, Landing.NO_COMMITS),
        (some, False, 100, Landing.OPEN),
        (some, False, 101, Landing.ABANDONED),
        (some, True, 0, Landing.ABANDONED),
        (Work(("a", "b"), ("a",), (), 100), False, 0, Landing.REVERTED),
        (Work(("a", "b"), ("a", "b"), ("b",), 100), True, 101, Landing.MERGED),
    ):
        assert landing_of(work, given_up=given_up, stale_at=stale_at) is landing
