"""Sums of another tool: the largest word of each, in any order, and counted only where nothing else tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallybook.history.ccusage import report_of
from tallybook.history.imported import Standing, imported_sums, take
from tallybook.history.store import open_store
from tallybook.history.zones import LocalZone

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from tallybook.history.imported import ImportedSum
    from tallybook.history.store import Store

NAMES = ("inputTokens", "cacheReadTokens", "cacheCreationTokens", "outputTokens")


def row(
    period: str, model: str, *counts: int, agents: tuple[str, ...] = ("codex",), cost: object = 0.5
) -> dict[str, Any]:
    """One model in one period, as ccusage writes it."""
    numbers = dict(zip(NAMES, (*counts, 0, 0, 0, 0), strict=False))
    return {
        "period": period,
        "agent": "all",
        "metadata": {"agents": [*agents]},
        "modelBreakdowns": [{"modelName": model, "cost": cost, **numbers}],
    }


def put(store: Store, view: str, *rows: dict[str, Any]) -> tuple[int, int, int, int]:
    """Take a report: new, grown, known, refused."""
    with store.transaction() as connection:
        found = take(connection, report_of(json.dumps({view: rows}).encode()), "x")
    return found.new, found.grown, found.known, len(found.refused)


def sums(store: Store) -> list[tuple[str, tuple[str, ...], str, int, str]]:
    """All that was taken."""
    return [_short(one) for one in imported_sums(store, LocalZone())]


def _short(one: ImportedSum) -> tuple[str, tuple[str, ...], str, int, str]:
    return one.period, one.agents, one.model, one.tokens.total, str(one.standing)


def test_the_same_report_twice_changes_nothing(tmp_path: Path) -> None:
    """Nor does one that tells less; one that tells more takes the place."""
    with open_store(tmp_path) as store:
        assert put(store, "daily", row("2026-01-05", "m", 5, 1), row("2026-01-06", "m", 7)) == (2, 0, 0, 0)
        assert put(store, "daily", row("2026-01-05", "m", 5, 1), row("2026-01-06", "m", 3)) == (0, 0, 2, 0)
        assert put(store, "daily", row("2026-01-06", "m", 9)) == (0, 1, 0, 0)
        assert sums(store) == [
            ("2026-01-05", ("codex",), "m", 6, "gone"), ("2026-01-06", ("codex",), "m", 9, "gone"),
        ]  # fmt: skip


def test_a_coarser_sum_counts_only_where_no_finer_one_tells(tmp_path: Path) -> None:
    """A month whose days are known, in part too, is not added to them; another model's is."""
    with open_store(tmp_path) as store:
        put(store, "monthly", row("2026-01", "m", 50), row("2026-01", "n", 3), row("2025-12", "m", 4))
        put(store, "weekly", row("2026-01-26", "m", 20), row("2026-02-02", "m", 1))
        put(store, "daily", row("2026-02-01", "m", 2))
        assert [(period, model, standing) for period, _, model, _, standing in sums(store)] == [
            ("2025-12", "m", "gone"), ("2026-01", "m", "finer"), ("2026-01", "n", "gone"),
            ("2026-01-26", "m", "finer"), ("2026-02-01", "m", "gone"), ("2026-02-02", "m", "gone"),
        ]  # fmt: skip


def test_of_one_day_the_report_of_fewer_agents_counts(tmp_path: Path) -> None:
    """What is told of one agent, of two, and of nobody knows whom, may be the same tokens."""
    with open_store(tmp_path) as store:
        put(store, "daily", row("2026-01-05", "m", 9, agents=()))
        put(store, "daily", row("2026-01-05", "m", 8, agents=("claude", "codex")))
        put(store, "daily", row("2026-01-05", "m", 5), row("2026-01-05", "m", 2, agents=("amp",)))
        assert [(agents, standing) for _, agents, _, _, standing in sums(store)] == [
            ((), "finer"), (("amp",), "gone"), (("claude", "codex"), "finer"), (("codex",), "gone"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("view", "period", "counts"),
    [("daily", "yesterday", (1,)), ("monthly", "2026-13", (1,)), ("daily", "2026-01-05", (-1,)),
     ("daily", "2026-01-05", (2**60,)), ("daily", "9999-12-31", (1,)), ("monthly", "9999-12", (1,)),
     ("session", "2026-01-05", (1,))],
)  # fmt: skip
def test_what_can_not_be_is_refused(tmp_path: Path, view: str, period: str, counts: tuple[int, ...]) -> None:
    """One by one, and the rest is taken."""
    with open_store(tmp_path) as store:
        assert put(store, view, row(period, "m", *counts)) == (0, 0, 0, 1)
        assert put(store, "daily", row("2026-01-05", "", 1), row("2026-01-05", "m", 1)) == (1, 0, 0, 1)
        assert len(sums(store)) == 1


def test_costs_are_kept_as_they_were_told(tmp_path: Path) -> None:
    """In billionths of a dollar, exact; unknown where a part of the sum has none."""
    with open_store(tmp_path) as store:
        put(store, "daily", row("2026-01-05", "m", 1, cost=3.0441331500000004), row("2026-01-05", "m", 1, cost=1))
        put(store, "daily", row("2026-01-06", "m", 1, cost=2), row("2026-01-06", "m", 1, cost="much"))
        assert [one.nano_usd for one in imported_sums(store, LocalZone())] == [4_044_133_150, None]
        assert [one.agent for one in imported_sums(store, LocalZone())] == ["codex", "codex"]


reports = st.lists(
    st.tuples(
        st.sampled_from(["daily", "weekly", "monthly"]),
        st.sampled_from(["2026-01-05", "2026-01-06", "2026-02-02"]),
        st.sampled_from(["m", "n"]),
        st.sampled_from([(), ("codex",), ("claude", "codex")]),
        st.integers(0, 9),
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(reports, st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory,
    told: list[tuple[str, str, str, tuple[str, ...], int]],
    chance: random.Random,
) -> None:
    """Any order, each of them once or twice: the same sums, and of one day and model never two that count."""
    answers = []
    for _ in "12":
        with open_store(tmp_path_factory.mktemp("store")) as store:
            for view, period, model, agents, amount in told:
                name = period[:7] if view == "monthly" else period
                put(store, view, row(name, model, amount, agents=agents))
            found = imported_sums(store, LocalZone())
        answers.append(found)
        told = told + told[: len(told) // 2]
        chance.shuffle(told)
    assert answers[0] == answers[1]
    counting = [one for one in answers[0] if one.standing is Standing.GONE]
    for one in counting:
        for other in counting:
            apart = one.end <= other.begin or other.end <= one.begin or one.model != other.model
            strangers = one.agents and other.agents and not set(one.agents) & set(other.agents)
            assert one is other or apart or strangers
