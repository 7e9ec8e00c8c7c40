"""What subscriptions cost beside what their usage would cost by the token, through `tally usage`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.test_prices import agree

if TYPE_CHECKING:
    from commands.bench import Bench, Json


def subscription(agent: str, **more: str | int) -> str:
    """What a person writes down."""
    told = {"agent": agent, "usd": 200, "since": "2020-03-14", **more}
    rows = (f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in told.items())
    return "\n".join(["[[subscription]]", *rows, ""])


def usage(bench: Bench, *words: str) -> Json:
    """The whole answer."""
    found: Json = bench.ok("usage", *words, "--json").json
    return found


def today(days: int = 0) -> str:
    """A day, UTC."""
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


def on_plan(bench: Bench, number: int, plan: str) -> CodexAgent:
    """A session of Codex whose log tells its plan."""
    agent = CodexAgent(bench, number)
    agent.say()
    limits = {"limit_id": "codex", "plan_type": plan, "primary": {"used_percent": 4.0, "window_minutes": 300}}
    agent.rollout.event("token_count", info=None, rate_limits=limits)
    agent.flush()
    return agent


def test_what_it_covers_and_the_rest_are_all_there_is(bench: Bench) -> None:
    """To the nanodollar, by the token; the fee is in neither."""
    ClaudeAgent(bench, 1).say()
    on_plan(bench, 2, "plus")
    assert usage(bench)["subscriptions"] is None
    costs = {row["key"]["agent"]: row for row in usage(bench, "--by", "agent")["rows"]}
    agree(bench, subscription("claude", source="card"), everywhere=True)
    found = usage(bench)
    (row,) = found["subscriptions"]["rows"]
    assert (row["agent"], row["plan"], row["source"], row["every"]) == ("claude", None, "card", "month")
    assert row["fee"] == {"usd": "200.00", "nano_usd": 200 * 10**9}
    assert row["tokens"] == costs["claude"]["tokens"]["total"]
    assert row["cost"] == costs["claude"]["cost"]
    assert found["subscriptions"]["rest"] == costs["codex"]["cost"]
    assert found["total"]["cost"]["nano_usd"] == row["cost"]["nano_usd"] + costs["codex"]["cost"]["nano_usd"]
    assert found["subscriptions"]["paid"] == row["paid"]
    assert row["since"] == "2020-03-14T00:00:00.000000Z"
    assert row["until"][:10] == today()
    said = bench.ok("usage").err
    assert "subscription of claude, 200.0000 USD a month: " in said
    assert f"by the token beside subscriptions: {costs['codex']['cost']['usd'][:5]}" in said


def test_the_fee_of_some_time_is_its_part_of_each_payment(bench: Bench) -> None:
    """From one payment to the next all of it, of half of the days half; nothing before it began or will begin."""
    agree(bench, subscription("claude", usd=90) + subscription("codex", usd="1200", every="year", since="2030-01-01"))
    for since, until, usd in (
        ("2020-04-14", "2020-05-13", "90.00"),
        ("2020-04-14", "2020-04-28", "45.00"),
        ("2020-04-14T12:00:00Z", "2020-04-15T00:00:00Z", "1.50"),
        ("2020-03-01", "2020-05-13", "180.00"),
    ):
        told = usage(bench, "--since", since, "--until", until, "--timezone", "UTC")["subscriptions"]
        assert [row["agent"] for row in told["rows"]] == ["claude"]
        assert told["paid"]["usd"] == usd
        assert (told["rows"][0]["tokens"], told["rows"][0]["cost"]["usd"]) == (0, "0.00")
    assert usage(bench, "--until", "2020-03-13", "--timezone", "UTC")["subscriptions"]["rows"] == []
    assert (
        usage(bench, "--since", today(), "--until", "2999-01-01")["subscriptions"]["rows"][0]["until"][:10] == today()
    )


def test_a_plan_covers_its_sessions_alone(bench: Bench) -> None:
    """What other plans have used, and sessions that tell none, is the rest."""
    agents = [on_plan(bench, 1, "plus"), on_plan(bench, 2, "pro"), CodexAgent(bench, 3)]
    agents[2].say()
    agree(bench, subscription("codex", plan="plus", usd=20) + subscription("codex", plan="pro"))
    cost = {row["key"]["session"]: row["cost"]["nano_usd"] for row in usage(bench, "--by", "session")["rows"]}
    told = usage(bench)["subscriptions"]
    assert [(row["plan"], row["cost"]["nano_usd"]) for row in told["rows"]] == [
        ("plus", cost[agents[0].session]),
        ("pro", cost[agents[1].session]),
    ]
    assert told["rest"]["nano_usd"] == cost[agents[2].session]
    assert "subscription of codex (plus), 20.0000 USD a month: " in bench.ok("usage").err


def test_one_that_has_ended_covers_nothing_since(bench: Bench) -> None:
    """Another one may follow it the same day."""
    ClaudeAgent(bench, 1).say()
    ended = subscription("claude", until=today(-1))
    agree(bench, ended)
    told = usage(bench)
    assert told["subscriptions"]["rows"][0]["tokens"] == 0
    assert told["subscriptions"]["rest"] == told["total"]["cost"]
    agree(bench, ended + subscription("claude", usd=100, since=today(-1)))
    rows = usage(bench)["subscriptions"]["rows"]
    assert [row["tokens"] for row in rows] == [0, told["total"]["tokens"]["total"]]


def test_a_part_of_what_an_agent_used_has_no_fee(bench: Bench) -> None:
    """Nobody can say which part of it a model or a project has; another agent's is not asked for."""
    it = ClaudeAgent(bench, 1)
    it.say()
    agree(bench, subscription("claude"))
    for words in (("--model", "claude-*"), ("--project", "."), ("--session", it.session), ("--agent", "codex")):
        assert usage(bench, *words)["subscriptions"] is None
    assert usage(bench, "--agent", "claude")["subscriptions"]["rows"][0]["tokens"] > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (subscription("claude") + subscription("claude", plan="max"), ":8: subscription 2: 'since' is within the time"),
        ("[[subscription]]\nusd = 1\nsince = 2020-01-01", ":1: subscription 1: 'agent' is missing"),
        (subscription("claude", every="week"), ":5: subscription 1: 'every' is none that is known: 'week'"),
        (subscription("claude", model="x"), ":5: subscription 1: 'model' is not known"),
        (subscription("nobody"), ":2: subscription 1: 'agent' is none that is known"),
        ('[[subscription]]\nagent = "claude"\nusd = 1', ":1: subscription 1: 'since' is missing"),
        ('[[subscription]]\nagent = "claude"\nsince = 2020-01-01', ":1: subscription 1: 'usd' is missing"),
    ],
)
def test_what_is_wrong_with_one(bench: Bench, text: str, message: str) -> None:
    """With the file, the line and the key."""
    agree(bench, text)
    told = bench.tally("usage", "--json")
    assert (told.code, told.error) == (2, "prices-unusable")
    assert message in told.json["error"]["message"]


def test_two_files_that_cover_the_same(bench: Bench) -> None:
    """Are told apart no better than two rows of one."""
    agree(bench, subscription("claude"))
    agree(bench, subscription("codex"), everywhere=True)
    assert len(usage(bench)["subscriptions"]["rows"]) == 2
    agree(bench, subscription("claude", since=today()), everywhere=True)
    told = bench.tally("usage", "--json")
    assert (told.code, told.error) == (2, "prices-unusable")
    assert (
        f"{bench.data / 'prices.toml'}: a subscription covers the same as one in config/prices.toml"
        in told.json["error"]["message"]
    )
