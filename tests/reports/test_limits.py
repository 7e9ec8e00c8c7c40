"""Allowances in words: windows by their usual names, spans in two units, intervals only where they differ."""

from __future__ import annotations

import pytest

from tallybook.domain.limits import HOUR, Sample, standing
from tallybook.history.activity import LimitState
from tallybook.reports.limits import Allowance, allowance_cells, decimal, moment, percent, window_name

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000


@pytest.mark.parametrize(
    ("minutes", "name"),
    [(300, "5h"), (1440, "daily"), (10_080, "weekly"), (43_200, "monthly"), (90, "90m"), (120, "2h"), (2880, "2d"),
     (None, "—")],
)  # fmt: skip
def test_windows_have_their_usual_names(minutes: int | None, name: str) -> None:
    """Else the largest unit that divides them."""
    assert window_name(minutes) == name


@pytest.mark.parametrize(("hundredths", "text"), [(0, "0"), (1900, "19"), (1250, "12.5"), (7, "0.07"), (10_000, "100")])
def test_shares_are_exact(hundredths: int, text: str) -> None:
    """Without zeros that say nothing."""
    assert (decimal(hundredths), percent(hundredths)) == (text, f"{text} %")


def cells(*samples: Sample, now: int, window: int | None = 10_080) -> tuple[str, ...]:
    """From the left share on."""
    last = samples[-1]
    state = LimitState("codex", "codex", window, last.at, last.used, last.resets_at, None, None, "s")
    return allowance_cells(Allowance(state, standing(samples, window, now)), now)[5:]


def test_a_pace_with_its_interval() -> None:
    """It may be used up before the reset, and that is said."""
    first, last = Sample(T0, 1000, T0 + 40 * HOUR), Sample(T0 + 2 * HOUR, 1500, T0 + 40 * HOUR)
    assert cells(first, last, now=T0 + 3 * HOUR) == (
        "85 %", "in 1d 13h", "2-3 %/h", "in 1d 3h to 1d 17h (maybe)".replace("to ", "to in "), "1h ago",
    )  # fmt: skip


def test_spans_and_ends() -> None:
    """Whole days and hours stand alone; what is past is now; an end that may never come is open."""
    still = [Sample(T0, 0, None), Sample(T0 + 48 * HOUR, 0, None)]
    assert cells(*still, now=T0 + 48 * HOUR, window=None)[3] == "in 398d or later"
    full = [Sample(T0, 9900, T0 + 90 * MINUTE), Sample(T0 + HOUR, 10_000, T0 + 90 * MINUTE)]
    assert cells(*full, now=T0 + HOUR) == ("0 %", "in 30m", "0-2 %/h", "now or later (maybe)", "0m ago")
    sure = [Sample(T0, 1, T0 + 24 * HOUR), Sample(T0 + HOUR, 5001, T0 + 24 * HOUR)]
    assert cells(*sure, now=T0 + HOUR)[1:4] == ("in 23h", "49.99-50.01 %/h", "in 59m to in 1h")


def test_moments_beyond_the_calendar_are_not_told() -> None:
    """An end in a far future is none."""
    assert moment(None) is None
    assert moment(10**30) is None
    assert moment(T0) == "2026-09-21T14:13:20.000000Z"
