"""Our sums beside a report of ccusage: every cell compared, every cause proved by what makes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.history.ccusage import Counts, NotAReport, View, report_of
from tallybook.history.reconcile import UNEXPLAINED, Reconciled, compared, dimensions
from tallybook.history.usage_rows import UsageRow

THREAD = "019a0000-0000-7000-8000-00000000000a"
counts = st.builds(Counts, *[st.integers(0, 10**9)] * 4)


def breakdown(model: str, it: Counts) -> dict[str, Any]:
    """A model in one row, as ccusage writes it."""
    names = ("inputTokens", "cacheReadTokens", "cacheCreationTokens", "outputTokens")
    return {"modelName": model, "cost": 1.5, **dict(zip(names, it, strict=True))}


def report(view: str, *rows: tuple[str, str, Counts], agents: list[str] | None = None) -> bytes:
    """A report of these periods, models and counts."""
    found = [
        {
            "period": period,
            "agent": "all",
            "metadata": {"agents": agents or []},
            "modelBreakdowns": [breakdown(model, it)],
        }
        for period, model, it in rows
    ]
    return json.dumps({view: found, "totals": {}}).encode()


def ours(period: str, model: str, it: Counts, agent: str = "codex", reasoning: int = 0) -> UsageRow:
    """The same on our side."""
    vector = TokenVector(it.input, it.cache_read, 0, 0, it.cache_write, it.output, reasoning)
    return UsageRow((period, model, agent), 1, vector, Quality.EXACT)


def causes(found: Reconciled) -> list[str]:
    """Of all that differs."""
    return [cell.cause for cell in found.cells]


@given(st.dictionaries(st.tuples(st.dates(), st.sampled_from(["a", "b"])), counts, max_size=8), st.sampled_from(View))
def test_the_same_numbers_are_equal_in_every_view(history: dict[Any, Counts], view: View) -> None:
    """Days fall into the weeks and months of the report."""
    cells: dict[tuple[str, str], Counts] = {}
    for (day, model), it in history.items():
        week = day.fromordinal(max(day.toordinal() - day.weekday(), 1))
        period = {View.WEEKLY: f"{week}", View.MONTHLY: f"{day}"[:7]}.get(view, f"{day}")
        cells[period, model] = cells.get((period, model), Counts(0, 0, 0, 0)).plus(it)
    told = report_of(report(view, *((*key, it) for key, it in cells.items())))
    found = compared(told, [ours(f"{day}", model, it) for (day, model), it in history.items()])
    assert (found.cells, found.equal, found.ours) == ((), len(cells), found.theirs)


@given(counts, counts)
def test_both_sums_are_kept_whatever_differs(mine: Counts, theirs: Counts) -> None:
    """No token of either side gets lost in the comparison."""
    found = compared(report_of(report("daily", ("2026-06-19", "a", theirs))), [ours("2026-06-20", "a", mine)])
    assert (found.ours, found.theirs) == (mine, theirs)
    assert found.equal + len(found.cells) == 2


def test_each_difference_has_its_cause() -> None:
    """Missing here, missing there, reasoning added twice, and what nobody can tell."""
    one = Counts(1, 2, 3, 4)
    added = Counts(1, 2, 3, 6)
    rows = [("2026-06-19", "gone", one), ("2026-06-19", "more", added), ("2026-06-19", "odd", added)]
    history = [
        ours("2026-06-19", "more", one, reasoning=2),
        ours("2026-06-19", "odd", one, reasoning=1),
        ours("2026-06-19", "new", Counts(9, 9, 9, 9)),
    ]
    found = compared(report_of(report("daily", *rows)), history)
    by_model = {cell.model: cell.cause for cell in found.cells}
    assert by_model["gone"].startswith("not in the history")
    assert by_model["new"] == "not in the report"
    assert "reasoning" in by_model["more"]
    assert by_model["odd"] == UNEXPLAINED
    assert found.unexplained == 1


def test_a_model_with_its_agent_in_brackets() -> None:
    """Forks of Pi count twice in the report: those logs are not gone, whatever the numbers are."""
    one, two, three = Counts(1, 2, 3, 4), Counts(10, 20, 30, 40), Counts(5, 6, 7, 8)
    day, next_day = "2026-06-19", "2026-06-20"
    rows = [(day, "[pi] m", one.plus(two)), (day, "[pi] n", three), (day, "[pi] o", two), (next_day, "m", two)]
    history = [ours(day, "m", one, "pi"), ours(day, "n", three, "pi")]
    found = compared(report_of(report("daily", *rows)), history)
    causes_of = {(cell.period, cell.model): cell.cause for cell in found.cells}
    assert causes_of[day, "m"] == causes_of[day, "[pi] m"]
    assert causes_of[day, "m"] == "the report counts m as [pi] m, and not the same tokens"
    assert causes_of[day, "n"] == "the report counts tokens of n as [pi] n"
    assert causes_of[day, "[pi] o"].startswith("not in the history")
    assert causes_of[next_day, "m"].startswith("not in the history")


def test_reasoning_that_the_report_leaves_out() -> None:
    """Of all agents, or of those of which it tells it in its total alone; also where days begin elsewhere."""
    one, two = Counts(10, 20, 30, 40), Counts(1, 2, 3, 9)
    rows = [
        ours("2026-06-19", "gemini", one, "gemini", reasoning=7),
        ours("2026-06-19", "shared", one, "codex", reasoning=5),
        ours("2026-06-19", "shared", two, "opencode", reasoning=4),
        ours("2026-06-19", "odd", one, "gemini", reasoning=7),
        ours("2026-06-19", "moved", one, "gemini", reasoning=7),
        ours("2026-06-20", "moved", two, "gemini", reasoning=2),
        ours("2026-06-20", "gemini", two, "gemini", reasoning=3),
    ]
    told = report(
        "daily",
        ("2026-06-19", "gemini", one._replace(output=33)),
        ("2026-06-20", "gemini", two._replace(output=6)),
        ("2026-06-19", "shared", one.plus(two)._replace(output=45)),
        ("2026-06-19", "odd", one._replace(output=34)),
        ("2026-06-19", "moved", Counts(4, 5, 6, 7)),
        ("2026-06-20", "moved", Counts(7, 17, 27, 33)),
    )
    by_model = {cell.model: cell.cause for cell in compared(report_of(told), rows).cells}
    left_out = "the report has left out the reasoning, which is a part of the output"
    assert (by_model["gemini"], by_model["shared"], by_model["odd"]) == (left_out, left_out, UNEXPLAINED)
    assert by_model["moved"].startswith("other periods have it")


def test_a_model_that_the_report_calls_otherwise() -> None:
    """Tokens that stand under one name here and under another there, each pair once; not those of another day."""
    one, two = Counts(1, 2, 3, 4), Counts(10, 20, 30, 40)
    day, next_day = "2026-06-19", "2026-06-20"
    rows = [(day, "m", two.plus(one)), (day, "m-fast", one), (next_day, "other", one), (day, "n", two)]
    history = [
        ours(day, "review", one),
        ours(day, "m", two.plus(one)),
        ours(day, "third", one),
        ours(day, "n", two.plus(one)),
    ]
    found = compared(report_of(report("daily", *rows)), history)
    by_model = {cell.model: (cell.cause, cell.other) for cell in found.cells}
    assert by_model == {
        "n": ("the report counts tokens of n as m-fast", "m-fast"),
        "m-fast": ("the report counts tokens of n as m-fast", "n"),
        "review": ("not in the report", None),
        "third": ("not in the report", None),
        "other": ("not in the history: were those logs deleted, or are they elsewhere?", None),
    }
    assert found.ours.total - found.theirs.total == sum(cell.difference.total for cell in found.cells)


def test_a_day_that_begins_elsewhere() -> None:
    """The differences of one model cancel each other out; those of another don't."""
    rows = [("2026-06-19", "m", Counts(5, 0, 0, 0)), ("2026-06-20", "m", Counts(7, 0, 0, 0))]
    history = [ours("2026-06-19", "m", Counts(4, 0, 0, 0)), ours("2026-06-20", "m", Counts(8, 0, 0, 0))]
    assert all("time zone" in cause for cause in causes(compared(report_of(report("daily", *rows)), history)))
    assert causes(compared(report_of(report("daily", *rows)), history[:1]))[0] == UNEXPLAINED


def test_sessions_are_known_by_any_of_their_names() -> None:
    """A rollout by the thread's id, a transcript by its own, a child session by its parent's file."""
    one = Counts(1, 0, 0, 0)
    rows = [(f"2026/06/19/rollout-2026-06-19T10-00-00-{THREAD}", "m", one), ("5f0c", "m", one.plus(one))]
    history = [ours(THREAD, "m", one), ours("5f0c", "m", one), ours("5f0c/agent-1", "m", one)]
    assert dimensions(View.SESSION) == ("session", "model", "agent")
    assert compared(report_of(report("session", *rows)), history).cells == ()


def test_agents_that_the_report_did_not_read_are_left_out() -> None:
    """A report of Codex alone says nothing of others."""
    one = Counts(1, 0, 0, 0)
    told = report_of(report("daily", ("2026-06-19", "m", one), agents=["codex"]))
    history = [ours("2026-06-19", "m", one), ours("2026-06-19", "m", one, agent="amp")]
    assert compared(told, history).cells == ()


def test_a_report_of_one_agent_in_its_older_shape() -> None:
    """Models as an object, and the cached input inside of the input."""
    models = {"gpt-5": {"inputTokens": 30, "cachedInputTokens": 20, "outputTokens": 4, "reasoningOutputTokens": 3}}
    told = report_of(json.dumps({"daily": [{"date": "2026-06-19", "models": models}]}).encode())
    assert dict(told.cells) == {("2026-06-19", "gpt-5"): Counts(10, 20, 0, 4)}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"daily": 3}',
        b'{"daily": [{"modelBreakdowns": [{"modelName": "m"}]}]}',
        b'{"daily": [{"date": "2026-06-19"}]}',
        b'{"daily": [{"date": "2026-06-19", "models": ["m"]}]}',
        b'{"daily": [{"date": "2026-06-19", "modelBreakdowns": [{"inputTokens": 1.5}]}]}',
        b'{"blocks": []}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_report_says_so(raw: bytes) -> None:
    """Whatever the bytes are, the answer is a reason."""
    with pytest.raises(NotAReport, match=r"\w"):
        report_of(raw)
