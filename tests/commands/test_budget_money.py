"""Budgets in money: what is spent, what is left, how much of it has a price, and who is warned."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent

if TYPE_CHECKING:
    from commands.bench import Bench, Json


def only(bench: Bench) -> Json:
    """The one budget that there is."""
    (row,) = bench.ok("budget", "show", "--json").json["budgets"]
    assert isinstance(row, dict)
    assert not any(isinstance(value, float) for value in row.values())
    return row


def cost(bench: Bench, goal: str) -> int:
    """What the goal cost, in nanodollars."""
    found = bench.shown(goal)["cost"]["nano_usd"]
    assert isinstance(found, int)
    return found


def test_what_is_spent_and_what_is_left(bench: Bench) -> None:
    """To the nanodollar, and the same in `show`, in its JSON object and in the report."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start("shelf", "--budget-usd", "5.00", **agent.environ)
    row = only(bench)
    assert (row["usd"], row["nano_usd"], row["cost"]["nano_usd"], row["left_usd"]) == ("5.00", 5 * 10**9, 0, "5.00")
    agent.say()
    bench.ok("mark", "plan", **agent.environ)
    spent = cost(bench, goal)
    assert spent > 0
    row = only(bench)
    assert (row["cost"]["nano_usd"], row["left_nano_usd"]) == (spent, 5 * 10**9 - spent)
    assert (row["cost"]["priced_share"], row["at_least"], row["exceeded"]) == (1, False, False)
    assert row["used_usd_percent"] == spent * 100 // (5 * 10**9)
    usd = row["cost"]["usd"]
    assert f"budget    {usd} of 5.00 USD" in bench.ok("show", goal).out
    assert bench.shown(goal)["budget"]["cost"] == row["cost"]
    assert f"| {usd} | {row['left_usd']} |" in bench.ok("report").out
    told = dict(zip(*(line.split("\t") for line in bench.ok("budget", "show").out.splitlines()), strict=True))
    assert (told["USD"], told["priced"]) == ("5.00", "1")
    assert (told["used USD"], told["left USD"]) == (usd, row["left_usd"])
    assert "5.00 USD" in bench.ok("log").out


def test_both_sorts_at_once_and_a_stage_of_its_own(bench: Bench) -> None:
    """A stage has its own part of the cost; tokens and money are looked at side by side."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start("shelf", "--budget-tokens", "1000000", **agent.environ)
    bench.ok("budget", "set", "--usd", "1")
    bench.ok("budget", "set", "--stage", "build", "--usd", "0.5")
    agent.say()
    bench.ok("mark", "plan", **agent.environ)
    agent.say()
    bench.ok("mark", "build", **agent.environ)
    shown = bench.shown(goal)
    stages = {stage["name"]: stage["cost"]["nano_usd"] for stage in shown["stages"]}
    whole, part = bench.ok("budget", "show", "--json").json["budgets"]
    assert (whole["tokens"], whole["usd"], part["tokens"], part["usd"]) == (10**6, "1.00", None, "0.50")
    assert part["cost"]["nano_usd"] == stages["build"]
    assert whole["cost"]["nano_usd"] == sum(stages.values()) == shown["cost"]["nano_usd"]
    assert whole["left_tokens"] == 10**6 - shown["tokens"]["total"]


def test_warned_at_80_and_stopped_at_100_percent(bench: Bench) -> None:
    """By what was really spent: not below, at once there, and with --enforce exit 1 when it is used up."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start("shelf", **agent.environ)
    agent.say()
    bench.ok("mark", "one", **agent.environ)
    spent = cost(bench, goal)
    for allowed, percent, over in (
        (spent * 10, 10, False),
        (spent * 100 // 79, 79, False),
        (spent * 100 // 80, 80, False),
        (spent, 100, True),
        (spent // 3, 300, True),
    ):
        bench.ok("budget", "set", "--usd", f"{allowed // 10**9}.{allowed % 10**9:09}")
        said = bench.tally("mark", f"at {percent}", "--enforce", **agent.environ)
        assert said.code == (1 if over else 0)
        assert (" USD used: " in said.err) == (percent >= 80)
        row = only(bench)
        assert row["exceeded"] is over
        assert row["used_usd_percent"] in {percent, percent - 1}
        assert (row["left_nano_usd"] <= 0) is over
    assert "the budget is used up (--enforce)" in said.err


def test_a_part_without_a_price_is_told_as_the_least(bench: Bench) -> None:
    """What has a price counts; how much has none, and why, is told by each command."""
    agent = CodexAgent(bench, 1)
    goal = bench.start("shelf", "--budget-usd", "2", **agent.environ)
    agent.say()
    agent.turn("own-1")
    agent.say()
    said = bench.ok("mark", "plan", **agent.environ)
    tokens = sum(row["tokens"]["total"] for row in bench.shown(goal)["by_model"] if row["model"] == "own-1")
    unchecked = f"the budget of 2.00 USD is checked without {tokens:,} tokens: own-1 (no rule tells whose model it is)"
    assert unchecked in said.err
    row = only(bench)
    assert row["at_least"] is True
    assert row["cost"]["unpriced"] == [{"model": "own-1", "reason": "no rule tells whose model it is"}]
    assert 0 < row["cost"]["priced_share"] < 1
    assert f"at least {row['cost']['usd']} of 2.00 USD" in bench.ok("show", goal).out
    assert f"≥ {row['cost']['usd']}\t≤ {row['left_usd']}" in bench.ok("budget", "show").out
    bench.ok("budget", "set", "--usd", "0.000001")
    said = bench.tally("finish-task", "--status", "success", "--enforce", **agent.environ)
    assert said.code == 1, "what has a price alone is more than the budget"
    assert "at least " in said.err


def test_nothing_has_a_price(bench: Bench) -> None:
    """Then nothing is known to be spent, which is not 0, and no budget is called used up."""
    agent = CodexAgent(bench, 1, model="own-1")
    goal = bench.start("shelf", "--budget-usd", "0", **agent.environ)
    agent.say()
    said = bench.tally("finish-task", "--status", "success", "--enforce", **agent.environ)
    assert (said.code, " USD used: " in said.err) == (0, False)
    assert "the budget of 0.00 USD is checked without " in said.err
    row = only(bench)
    assert (row["cost"]["nano_usd"], row["left_nano_usd"], row["used_usd_percent"]) == (None, None, None)
    assert (row["at_least"], row["exceeded"]) == (True, False)
    assert "— of 0.00 USD" in bench.ok("show", goal).out


def test_what_nobody_measured(bench: Bench) -> None:
    goal = bench.start("shelf", "--untracked", "--budget-usd", "3")
    bench.ok("finish-task", goal, "--status", "success")
    row = only(bench)
    assert (row["cost"]["nano_usd"], row["left_usd"], row["at_least"], row["exceeded"]) == (None, None, False, False)


def test_a_budget_of_nothing(bench: Bench) -> None:
    """It is used up by the first nanodollar, and by none."""
    agent = ClaudeAgent(bench, 1)
    bench.start("shelf", "--budget-usd", "0", **agent.environ)
    said = bench.tally("mark", "plan", "--enforce", **agent.environ)
    assert said.code == 1
    agent.say()
    said = bench.tally("mark", "build", "--enforce", **agent.environ)
    assert " USD used: more than the budget of 0.00 USD" in said.err


def test_nothing_is_priced_where_no_budget_is_in_money(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening the book of prices takes longer than the command."""

    def opened(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("tallybook.usecases.price_book.PriceBook.of_class", opened)
    agent = ClaudeAgent(bench, 1)
    bench.start("shelf", "--budget-tokens", "10", **agent.environ)
    agent.say()
    bench.ok("mark", "plan", **agent.environ)
    bench.ok("budget", "show")


@pytest.mark.parametrize(
    "amount",
    [
        "",
        " ",
        "-1",
        "+1",
        "1e3",
        "1,50",
        "$5",
        "5 USD",
        "0x10",
        "nan",
        "inf",
        "1.2.3",
        "0.0000000001",
        "9" * 17,
        "\u0661",
        "1_000",
    ],
)
def test_amounts_that_are_none(bench: Bench, amount: str) -> None:
    """Each is refused with what an amount looks like, and nothing is written."""
    bench.start("shelf", "--untracked")
    said = bench.tally("budget", "set", f"--usd={amount}", "--json")
    assert (said.code, said.error) == (2, "usage")
    assert "is no amount of US dollars such as 2.50" in json.loads(said.out)["error"]["message"]
    assert bench.events("budget_set") == []


@pytest.mark.parametrize(
    ("amount", "nano", "shown"),
    [
        ("5.00", 5 * 10**9, "5.00"),
        ("0", 0, "0.00"),
        ("000.5", 5 * 10**8, "0.50"),
        ("0.000000001", 1, "0.000000001"),
        ("1.100000000000", 11 * 10**8, "1.10"),
        ("9007199.254740991", 2**53 - 1, "9007199.254740991"),
    ],
)
def test_amounts_are_kept_exactly(bench: Bench, amount: str, nano: int, shown: str) -> None:
    bench.start("shelf", "--untracked")
    bench.ok("budget", "set", "--usd", amount)
    (event,) = bench.events("budget_set")
    assert event["body"]["nano_usd"] == nano
    row = only(bench)
    assert (row["nano_usd"], row["usd"]) == (nano, shown)
