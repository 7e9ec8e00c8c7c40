"""Samples of an allowance become an interval that holds the truth, and nothing is said of a window that has ended."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.limits import FULL, HOUR, Before, Outlook, Pace, Sample, Standing, standing

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000
FIVE_HOURS = 300


def samples(*told: tuple[int, int], end: int | None = T0 + 5 * HOUR) -> list[Sample]:
    """Minutes since the begin, and percent."""
    return [Sample(T0 + minute * MINUTE, percent * 100, end) for minute, percent in told]


def test_nothing_told_is_nothing_known() -> None:
    """No sample: no use, no pace, no outlook."""
    assert standing([], FIVE_HOURS, T0) == Standing(None, None, over=False, pace=None, outlook=None)


def test_the_pace_is_as_wide_as_the_rounding() -> None:
    """From 10 to 20 percent within an hour: between 9 and 11 percent an hour."""
    found = standing(samples((60, 10), (120, 20)), FIVE_HOURS, T0 + 2 * HOUR)
    assert (found.used, found.left, found.over) == (2000, 8000, False)
    assert found.pace == Pace(T0 + HOUR, 2, Fraction(900), Fraction(1100))
    assert found.outlook == Outlook(
        T0 + 2 * HOUR + int(Fraction(7950, 1100) * HOUR), T0 + 2 * HOUR + int(Fraction(8050, 900) * HOUR), Before.NO
    )


def test_one_sample_goes_back_to_the_begin_of_its_window() -> None:
    """An hour after the begin 40 percent are used: some 40 percent an hour, used up before the end."""
    found = standing(samples((60, 40)), FIVE_HOURS, T0 + HOUR)
    assert found.pace == Pace(T0, 1, Fraction(3950), Fraction(4050))
    assert found.outlook is not None
    assert found.outlook.before_reset is Before.YES


def test_one_sample_without_an_end_has_no_pace() -> None:
    """Nothing tells since when it was used."""
    found = standing(samples((60, 40), end=None), FIVE_HOURS, T0 + HOUR)
    assert (found.used, found.pace, found.outlook) == (4000, None, None)
    assert standing(samples((0, 40)), FIVE_HOURS, T0).pace is None


def test_only_the_running_window_counts() -> None:
    """What was used before the last reset says nothing, told by another end or by a use that fell."""
    early = [Sample(T0 - HOUR, 9000, T0 - MINUTE)]
    found = standing([*early, *samples((60, 10), (120, 20))], FIVE_HOURS, T0 + 2 * HOUR)
    assert found.pace is not None
    assert found.pace.samples == 2
    fallen = standing(samples((0, 50), (60, 10), (120, 20), end=None), FIVE_HOURS, T0 + 2 * HOUR)
    assert fallen.pace is not None
    assert fallen.pace.since == T0 + HOUR
    assert fallen.outlook is not None
    assert fallen.outlook.before_reset is None


def test_what_a_session_tells_late_is_no_reset() -> None:
    """20 percent, then 19 from a session that had heard of it before, then 30: the pace is that from 10 to 30."""
    steady = standing(samples((60, 10), (120, 20), (180, 30)), FIVE_HOURS, T0 + 3 * HOUR)
    late = samples((60, 10), (120, 20), (125, 19), (180, 30))
    late.insert(3, Sample(T0 + 130 * MINUTE, 9900, T0 - HOUR))  # of the window before
    found = standing(late, FIVE_HOURS, T0 + 3 * HOUR)
    assert found == steady
    assert found.pace == Pace(T0 + HOUR, 3, Fraction(950), Fraction(1050))


def test_a_lower_use_at_last_is_believed() -> None:
    """Nothing tells whether it came late: it stands as it was told, and the pace is counted anew."""
    found = standing(samples((60, 10), (120, 30), (180, 29)), FIVE_HOURS, T0 + 3 * HOUR)
    assert (found.used, found.pace) == (2900, Pace(T0, 1, Fraction(2850, 3), Fraction(2950, 3)))


def test_a_clock_that_was_ahead() -> None:
    """What is dated later than now was told by now: 50 percent two hours after the begin are about 25 an hour."""
    found = standing(samples((900, 50)), FIVE_HOURS, T0 + 2 * HOUR)
    assert (found.used, found.over) == (5000, False)
    assert found.pace == Pace(T0, 1, Fraction(2475), Fraction(2525))
    assert found.outlook is not None
    assert found.outlook.before_reset is Before.YES
    assert T0 + 3 * HOUR < found.outlook.earliest < T0 + 4 * HOUR


def test_an_end_that_is_not_told_any_more_is_another_window() -> None:
    """A sample without an end does not go with one that has one."""
    found = standing([Sample(T0, 100, None), *samples((60, 10))], FIVE_HOURS, T0 + HOUR)
    assert found.pace is not None
    assert found.pace.samples == 1


def test_a_window_that_has_ended_tells_nothing_of_the_next() -> None:
    """After the reset the use is unknown, not zero."""
    found = standing(samples((60, 99)), FIVE_HOURS, T0 + 5 * HOUR)
    assert found == Standing(None, None, over=True, pace=None, outlook=None)


def test_no_use_is_never_used_up() -> None:
    """Nothing used for an hour: at most half a percent, and perhaps never all."""
    found = standing(samples((0, 0), (60, 0)), FIVE_HOURS, T0 + HOUR)
    assert found.pace == Pace(T0, 2, Fraction(0), Fraction(50))
    assert found.outlook is not None
    assert found.outlook.latest is None
    assert found.outlook.before_reset is Before.NO
    fine = standing([Sample(T0, 1, None), Sample(T0 + HOUR, 1, None)], None, T0 + HOUR)
    assert fine.pace == Pace(T0, 2, Fraction(0), Fraction(1))


def test_what_may_happen_either_way_is_maybe() -> None:
    """The rounding leaves open whether the allowance lasts."""
    found = standing(samples((60, 20), (61, 21)), FIVE_HOURS, T0 + 61 * MINUTE)
    assert found.outlook is not None
    assert found.outlook.before_reset is Before.MAYBE


def test_an_allowance_beyond_its_end_is_used_up_now() -> None:
    """More than all can be told; nothing is left, and nothing is negative."""
    found = standing(samples((60, 100), (120, 130)), FIVE_HOURS, T0 + 2 * HOUR)
    assert found.left == 0
    assert found.outlook is not None
    assert found.outlook.earliest == T0 + 2 * HOUR
    assert found.outlook.before_reset is Before.YES


@given(
    rate=st.integers(min_value=0, max_value=3000),
    start=st.integers(min_value=0, max_value=2000),
    minutes=st.lists(st.integers(min_value=1, max_value=150), min_size=2, max_size=8, unique=True),
)
def test_a_steady_use_lies_within_the_interval(rate: int, start: int, minutes: list[int]) -> None:
    """Whatever is used steadily and told in whole percents: the true rate and the true end are never left out."""
    told = []
    for minute in sorted(minutes):
        exact = start + Fraction(rate * minute, 60)
        told.append(Sample(T0 + minute * MINUTE, int(exact / 100 + Fraction(1, 2)) * 100, T0 + 5 * HOUR))
    found = standing(told, FIVE_HOURS, told[-1].at)
    assert found.pace is not None
    assert found.pace.low <= rate <= found.pace.high
    assert found.outlook is not None
    if rate:
        true = T0 + int(Fraction(FULL - start, rate) * HOUR)
        assert found.outlook.earliest <= true + 1
        assert found.outlook.latest is None or true <= found.outlook.latest + 1
