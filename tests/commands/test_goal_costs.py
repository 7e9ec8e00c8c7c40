"""What goals cost: in `show`, `report` and where a goal is closed, from the ledger alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, cast

from commands.agents import ClaudeAgent, CodexAgent
from tallybook.ledger.line import FIRST_PREV, RawEvent, build, parse
from tallybook.usecases.price_book import PriceBook

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from commands.bench import Bench, Json


def nano(*costs: Json) -> int:
    """All of them together."""
    return sum(cost["nano_usd"] or 0 for cost in costs)


def worked(bench: Bench) -> tuple[str, ClaudeAgent]:
    """A goal of two attempts with a stage, after some work for none."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    goal = bench.start(**agent.environ)
    agent.say()
    bench.ok("mark", "plan", **agent.environ)
    agent.say()
    bench.ok("continue-task", goal, "--failure-reason", "model_mistake", **agent.environ)
    agent.say()
    return goal, agent


def test_a_goal_costs_what_its_responses_cost(bench: Bench) -> None:
    """With the remainder, to the nanodollar what the history says of the session; each part to its whole."""
    goal, agent = worked(bench)
    closed = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    told = bench.state()
    (shown,) = told["goals"]
    assert closed["cost"] == shown["cost"] == bench.ok("show", goal, "--json").goal["cost"]
    of_history = bench.ok("usage", "--json").json["total"]["cost"]
    assert nano(shown["cost"], told["remainder"]["cost"]) == of_history["nano_usd"] > 0
    assert (shown["cost"]["priced_share"], shown["cost"]["reason"]) == (1, None)
    assert shown["cost"]["quality"] == of_history["quality"] == "exact"
    for parts in ("attempts", "stages", "by_model"):
        assert nano(*(one["cost"] for one in shown[parts])) == nano(shown["cost"])
    assert told["prices"].startswith("genai-prices ")


def test_fees_of_searches_are_part_of_what_a_goal_cost(bench: Bench) -> None:
    """As the history has them, in the stage in which they were made."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    agent.say()
    usage = cast("Json", cast("Json", agent.records[-1]["message"])["usage"])
    usage["server_tool_use"] = {"web_search_requests": 3}
    agent.flush()
    bench.ok("mark", "look", **agent.environ)
    agent.say()
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    shown = bench.ok("show", goal, "--json").goal
    assert shown["cost"] == bench.ok("usage", "--json").json["total"]["cost"]
    assert shown["cost"]["quality"] == "exact"
    by_stage = {stage["name"]: stage["cost"]["nano_usd"] for stage in shown["stages"]}
    place = told_without_searches(bench)
    before = bench.ok("show", goal, "--json", "--ledger", str(place)).goal
    assert (before["cost"]["quality"], before["cost"]["priced_share"]) == ("lower_bound", 1)
    assert shown["cost"]["nano_usd"] - before["cost"]["nano_usd"] == 3 * 10_000_000
    assert {stage["name"]: stage["cost"]["nano_usd"] for stage in before["stages"]} == {
        **by_stage, "look": by_stage["look"] - 3 * 10_000_000,
    }  # fmt: skip
    agreed = bench.repo / "config" / "prices.toml"
    agreed.parent.mkdir()
    rate = "input = 1\noutput = 1\ncache_read = 1\ncache_write_5m = 1\ncache_write_1h = 1\nweb_search = 0"
    agreed.write_text(f'[[rate]]\nmodel = "*"\n{rate}')
    free = bench.ok("show", goal, "--json").goal["cost"]
    assert free["quality"] == "exact"
    assert bench.ok("show", goal, "--json", "--ledger", str(place)).goal["cost"] == free


def test_a_price_that_changes_at_a_size_of_its_own(bench: Bench) -> None:
    """Haiku 5.5 costs more above 100,000 tokens of context: the goal has a small request and a large one."""
    agent = ClaudeAgent(bench, 1, model="claude-haiku-5-5")
    goal = bench.start(**agent.environ)
    for size in (99_000, 101_000):
        agent.say()
        usage = cast("Json", cast("Json", agent.records[-1]["message"])["usage"])
        usage["input_tokens"] = size
        agent.flush()
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    shown = bench.ok("show", goal, "--json").goal
    assert shown["cost"] == bench.ok("usage", "--json").json["total"]["cost"]
    assert (shown["cost"]["quality"], shown["cost"]["priced_share"]) == ("exact", 1)


def told_without_searches(bench: Bench) -> Path:
    """A ledger of the same events as an early version wrote them, when snapshots had no count of searches."""
    ledger, prev = bench.repo / "early", FIRST_PREV
    ledger.mkdir()
    for path in bench.ledger.glob("*.ndjson"):
        lines = []
        for line in path.read_bytes().splitlines():
            raw = parse(line)
            assert isinstance(raw, RawEvent)
            for session in cast("list[Json]", raw.body.get("sessions", [])):
                for one in session["classes"]:
                    del one["web_searches"]
            again, made = build(raw.envelope._replace(prev=prev), raw.body)
            prev = made.digest
            lines.append(again + b"\n")
        (ledger / path.name).write_bytes(b"".join(lines))
        (ledger / path.name).chmod(0o600)
    return ledger


def test_a_colleague_sees_the_same_cost(bench: Bench) -> None:
    """Who has the ledger and neither the logs nor the history."""
    goal, agent = worked(bench)
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    before = bench.ok("show", goal, "--json").goal
    shutil.rmtree(bench.data)
    agent.log.unlink()
    assert bench.ok("show", goal, "--json").goal["cost"] == before["cost"]


def test_people_are_told_what_it_cost(bench: Bench) -> None:
    """When it is closed, by `show` and in the report; as long as it is open, tokens alone."""
    goal, agent = worked(bench)
    assert "USD" not in bench.ok("mark", "code", **agent.environ).out
    said = bench.ok("finish-task", goal, "--status", "success", **agent.environ).out
    assert said.rstrip("\n").endswith("USD (exact)")
    money = said.split()[-3]
    whole = bench.ok("show", goal).out
    assert f"cost      {money} USD (exact)" in whole
    assert whole.count(" USD") == 1 + 1 + 2 + 4
    report = bench.ok("report").out.replace("\\", "")
    assert f"- Cost of goals: {money} USD (exact), at the prices of genai-prices" in report
    assert "- Cost of the remainder: " in report
    assert report.count(f"| {money} |") >= 2


def test_what_has_no_price_is_named(bench: Bench) -> None:
    """And never 0, as little as what nobody measured."""
    agent = CodexAgent(bench, 1, model="my-own-model")
    goal = bench.start(**agent.environ)
    agent.say()
    said = bench.ok("finish-task", goal, "--status", "success", **agent.environ).out
    assert "no price: no rule tells whose model it is" in said
    cost = bench.ok("show", goal, "--json").goal["cost"]
    assert cost == {
        "usd": None, "nano_usd": None, "priced_share": 0, "quality": "unmeasured",
        "reason": "no rule tells whose model it is",
        "unpriced": [{"model": "my-own-model", "reason": "no rule tells whose model it is"}],
    }  # fmt: skip
    report = bench.ok("report").out
    assert (
        "No price of my\\-own\\-model: no rule tells" in report or "No price of my-own-model: no rule tells" in report
    )
    other = bench.start("other", "--untracked")
    assert bench.ok("show", other, "--json").goal["cost"]["reason"] == "nothing was measured"
    assert "cost      unmeasured" in bench.ok("show", other).out
    assert "USD" not in bench.ok("finish-task", other, "--status", "success").out


def test_agreed_prices_count_for_goals(bench: Bench) -> None:
    """A fault in them is a problem, and leaves goals without a price instead of with a wrong one."""
    goal, agent = worked(bench)
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    listed = bench.ok("show", goal, "--json").goal["cost"]
    place = bench.repo / "config" / "prices.toml"
    place.parent.mkdir()
    place.write_text('[[discount]]\nagent = "claude"\npercent = 50')
    assert 2 * nano(bench.ok("show", goal, "--json").goal["cost"]) == nano(listed)
    place.write_text("[[discount]]\npercent = 500")
    said = bench.ok("show", goal, "--json").json
    assert said["goal"]["cost"]["usd"] is None
    assert "config/prices.toml can't be used" in said["goal"]["cost"]["reason"]
    assert "prices-unusable" in {problem["code"] for problem in said["problems"]}
    assert "no price: " in bench.ok("show", goal).out


def test_sessions_have_the_cost_of_their_responses(bench: Bench) -> None:
    """In the list, where a session is explained, and in `usage`; where prices can't be used, the reason."""
    strange = CodexAgent(bench, 3, model="my-own-model")
    agents: tuple[ClaudeAgent | CodexAgent, ...] = (ClaudeAgent(bench, 1), CodexAgent(bench, 2), strange)
    for agent in agents:
        agent.say()
    ClaudeAgent(bench, 4).flush()
    rows = bench.ok("usage", "--by", "session", "--json").json["rows"]
    by_usage = {row["key"]["session"]: row["cost"] for row in rows}
    listed = {row["id"]: row["cost"] for row in bench.ok("sessions", "--json").json["sessions"]}
    for agent in agents:
        assert listed[agent.session] == by_usage[agent.session]
        assert bench.ok("why", agent.session, "--json").json["counted"]["cost"] == by_usage[agent.session]
    assert listed[agents[0].session]["nano_usd"] > 0
    assert "USD (exact)" in bench.ok("why", agents[0].session).out
    (bench.data / "prices.toml").write_text("[[rates]]")
    told = bench.ok("sessions", "--json").json
    assert "prices-unusable" in {problem["code"] for problem in told["problems"]}
    costs = {row["id"]: row["cost"] for row in told["sessions"]}
    assert costs[agents[0].session]["usd"] is None
    assert "there is no 'rates'" in costs[agents[0].session]["reason"]


def test_prices_that_are_known_need_no_library(bench: Bench) -> None:
    """Importing the book takes longer than the command: once it was asked, it is not asked again."""
    goal, agent = worked(bench)
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    code = f"""import sys
from tallybook.cli.main import run
sys.exit(run(["show", "{goal}"]) or 7 * ("genai_prices" in sys.modules))"""
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_a_list_of_goals_opens_no_book(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows no money; a budget in money has it opened all the same."""
    worked(bench)
    opened: list[PriceBook] = []
    read = PriceBook._read

    def counted(book: PriceBook) -> object:
        opened.append(book)
        return read(book)

    monkeypatch.setattr(PriceBook, "_read", counted)
    bench.ok("show")
    assert opened == []
    bench.ok("show", "--json")
    assert len(opened) == 1
