"""`tally import` of what ccusage has told: kept apart, told of beside `usage`, never added."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from commands.agents import ClaudeAgent, CodexAgent

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench

OLD = {"inputTokens": 100, "cacheReadTokens": 20, "cacheCreationTokens": 0, "outputTokens": 7}


def written(bench: Bench, content: object, name: str = "report.json") -> Path:
    """A report in the repository."""
    path = bench.repo / name
    path.write_text(json.dumps(content))
    return path


def daily(*days: str, model: str = "gpt-5", agents: tuple[str, ...] = ("codex",)) -> dict[str, Any]:
    """The same sum on each of these days."""
    parts = [{"modelName": model, "cost": 0.25, **OLD}]
    rows = [{"period": day, "agent": "all", "metadata": {"agents": agents}, "modelBreakdowns": parts} for day in days]
    return {"daily": rows, "totals": {}}


def test_days_without_logs_stand_beside_the_total(bench: Bench) -> None:
    """The total stays what the logs tell; the sums are marked as unverified, with where they are from."""
    CodexAgent(bench, 1).say()
    used = bench.ok("usage", "--json").json["total"]["tokens"]["total"]
    written(bench, daily("2025-12-01", "2025-12-02"))
    told = bench.ok("import", "report.json", "--json").json
    assert told["schema"] == "tallybook.import/1"
    assert told["taken"] == {"new": 2, "grown": 0, "known": 0, "refused": []}
    usage = bench.ok("usage", "--json").json
    assert usage["total"]["tokens"]["total"] == used
    beside = usage["imported"]
    assert (beside["tool"], beside["gone"]["sums"], beside["gone"]["tokens"]["total"]) == ("ccusage", 2, 254)
    first = beside["rows"][0]
    assert first["key"] == {"period": "2025-12-01", "agent": "codex", "model": "gpt-5"}
    assert (first["quality"], first["standing"], first["nano_usd_told"]) == ("unverified", "gone", 250_000_000)
    assert first["unreported"] == ["cache_write_5m", "cache_write_1h", "reasoning"]
    assert "not in the total: 254 tokens that ccusage told of" in bench.ok("usage").err


def test_twice_is_once(bench: Bench) -> None:
    """And a dry run is nothing."""
    written(bench, daily("2025-12-01"))
    tried = bench.ok("import", "report.json", "--dry-run", "--json").json
    assert (tried["dry_run"], tried["taken"]["new"], tried["imported"]["gone"]["sums"]) == (True, 1, 1)
    assert bench.ok("usage", "--json").json["imported"] is None
    bench.ok("import", "report.json")
    said = bench.ok("import", "report.json")
    assert "0 new, 0 grown, 1 known already" in said.err
    assert said.out.splitlines()[1].split("\t") == ["2025-12-01", "codex", "gpt-5", "127", "gone"]


def test_a_day_that_the_logs_tell_of_is_not_added(bench: Bench) -> None:
    """The same day and model here: as much, or in part; another agent's is another thing."""
    for agent in (CodexAgent(bench, 1), ClaudeAgent(bench, 2)):
        agent.say()
    rows = bench.ok("usage", "--by", "day,model,agent", "--json").json["rows"]
    (ours,) = [row for row in rows if row["key"]["agent"] == "codex"]
    day, model = ours["key"]["day"], ours["key"]["model"]
    few, many = daily(day, model=model), daily(day, model=model)
    few["daily"][0]["modelBreakdowns"] = [{"modelName": model, "inputTokens": 1}]
    many["daily"][0]["modelBreakdowns"] = [{"modelName": model, "inputTokens": 10**9}]
    for report, standing in ((few, "here"), (many, "partly")):
        written(bench, report)
        bench.ok("import", "report.json")
        (row,) = bench.ok("usage", "--json").json["imported"]["rows"]
        assert row["standing"] == standing
    assert bench.ok("usage", "--json").json["imported"]["gone"]["tokens"]["total"] == 0


def test_what_is_asked_for_holds_for_imported_sums_too(bench: Bench) -> None:
    """Days, agents and models; directories and sessions they can't tell."""
    written(bench, daily("2025-12-01", "2025-12-05"))
    written(bench, daily("2025-12-05", model="claude-x", agents=("claude", "codex")), "more.json")
    for name in ("report.json", "more.json"):
        bench.ok("import", name)

    def periods(*words: str) -> list[str] | None:
        beside = bench.ok("usage", "--json", *words).json["imported"]
        return None if beside is None else [row["key"]["period"] for row in beside["rows"]]

    assert periods() == ["2025-12-01", "2025-12-05", "2025-12-05"]
    assert periods("--since", "2025-12-02") == ["2025-12-05", "2025-12-05"]
    assert periods("--until", "2025-12-04") == ["2025-12-01"]
    assert periods("--model", "gpt-*") == ["2025-12-01", "2025-12-05"]
    assert periods("--agent", "claude") is None
    assert periods("--agent", "claude", "--agent", "codex") == ["2025-12-01", "2025-12-05", "2025-12-05"]
    assert periods("--project", "x") is None


def test_a_report_that_names_no_agent(bench: Bench) -> None:
    """It may be told of which; an agent that nobody knows is exit 2."""
    written(bench, {"daily": [{"date": "2025-12-01", "models": {"gpt-5": OLD}}]})
    bench.ok("import", "report.json", "--agent", "codex")
    (row,) = bench.ok("usage", "--json").json["imported"]["rows"]
    assert (row["agents"], row["nano_usd_told"]) == (["codex"], None)
    said = bench.tally("import", "report.json", "--agent", "nobody", "--json")
    assert (said.code, said.error) == (2, "unknown-agent")


@pytest.mark.parametrize(
    ("content", "code"), [({"daily": [{"period": "never", "modelBreakdowns": [{"modelName": "m"}]}]}, 1), ([], 1)]
)
def test_what_can_not_be_taken(bench: Bench, content: object, code: int) -> None:
    """Exit 1, and why."""
    written(bench, content)
    said = bench.tally("import", "report.json")
    assert said.code == code
    assert "no date" in said.err or "no goal, analysis or sum" in said.err
    assert bench.tally("import", "missing.json").code == 2


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"cost": 10**40}, "cost so much"),
        ({"cost": 1e300}, "cost so much"),
        ({"cost": -0.25}, "less than nothing"),
        ({"inputTokens": -5}, "less than nothing"),
        ({"inputTokens": 2**63}, "used so many tokens"),
        ({"outputTokens": 10**30}, "used so many tokens"),
    ],
)
def test_sums_that_can_not_be_true_are_left_out(bench: Bench, part: dict[str, Any], why: str) -> None:
    """Each with its day and model and the reason; the others are taken."""
    report = daily("2025-12-01", "2025-12-02")
    report["daily"][0]["modelBreakdowns"] = [{"modelName": "gpt-5", "cost": 0.25, **OLD, **part}]
    written(bench, report)
    said = bench.tally("import", "report.json", "--json")
    told = said.json["taken"]
    assert said.code == 1
    (refused,) = told["refused"]
    assert told["new"] == 1
    assert refused.startswith("2025-12-01 gpt-5: ")
    assert why in refused
    assert [row["key"]["period"] for row in bench.ok("usage", "--json").json["imported"]["rows"]] == ["2025-12-02"]


def test_many_rows_of_one_day_that_come_to_too_much(bench: Bench) -> None:
    """Each could be true, and their sum could not: nothing of it is taken."""
    report = daily(*["2025-12-01"] * 3)
    for row in report["daily"]:
        row["modelBreakdowns"] = [{"modelName": "gpt-5", "inputTokens": 2**52, "cost": 9 * 10**8}]
    written(bench, report)
    said = bench.tally("import", "report.json", "--json")
    told = said.json["taken"]
    assert said.code == 1
    assert (told["new"], told["refused"]) == (0, ["2025-12-01 gpt-5: no model can have used so many tokens"])


def test_a_day_that_is_written_otherwise_is_not_counted_twice(bench: Bench) -> None:
    """Only days as ccusage writes them are taken."""
    written(bench, daily("2025-12-01", "20251201", "2025-W49-1"))
    said = bench.tally("import", "report.json", "--json")
    told = said.json["taken"]
    assert said.code == 1
    assert told["new"] == 1
    assert told["refused"] == [f"{day} gpt-5: the period is no date" for day in ("20251201", "2025-W49-1")]
    assert bench.ok("usage", "--json").json["imported"]["gone"]["tokens"]["total"] == 127


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_first_day_of_all_spoils_no_question(bench: Bench, zone: str) -> None:
    """A report that tells of it is taken, as odd as it is; what is asked of later days leaves it out."""
    written(bench, daily("0001-01-01", "2025-12-01"))
    bench.ok("import", "report.json")
    late, early, all_of_them = ("--since", "2025-01-01"), ("--until", "2025-01-01"), ("--until", "9999-12-31")
    for options, days in ((late, 1), (early, 1), (all_of_them, 2)):
        for place in (("--timezone", zone), ()):
            told = bench.ok("usage", *options, *place, "--json", TZ=zone).json
            assert len(told["imported"]["rows"]) == days, options


def test_a_model_of_imported_sums_alone_is_no_slip(bench: Bench) -> None:
    """Only what nobody tells of is said to be unknown."""
    written(bench, daily("2025-12-01"))
    bench.ok("import", "report.json")
    told = bench.ok("usage", "--model", "gpt-5", "--json").json
    assert (len(told["imported"]["rows"]), told["problems"]) == (1, [])
    assert [one["code"] for one in bench.ok("usage", "--model", "x", "--json").json["problems"]] == ["nothing-found"]
