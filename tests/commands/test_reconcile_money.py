"""`tally reconcile FILE` in money: what ccusage really says of logs, and why each of its costs is another one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent
from commands.ccusage_cases import CASES, EQUAL, OPUS, Case, write_logs
from loggen import claude
from tallybook.domain.price_causes import Way
from tallybook.history.reconcile import UNEXPLAINED

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench, Json

TOOL = shutil.which(os.environ.get("TALLYBOOK_CCUSAGE", "ccusage"))
NANO = 10**9


@pytest.fixture
def report(bench: Bench, tmp_path: Path) -> Path:
    """The logs of all cases, and what ccusage said of them when it was asked, with our counts."""
    write_logs(bench.home)
    rows: dict[str, list[Json]] = {}
    for row in bench.ok("usage", "--by", "day,model", "--timezone", "UTC", "--json").json["rows"]:
        case = next(one for one in CASES if (one.day, one.model) == (row["key"]["day"], row["key"]["model"]))
        told = row["tokens"]
        counts = {"inputTokens": told["input"], "cacheReadTokens": told["cache_read"], "outputTokens": told["output"]}
        rows.setdefault(case.day, []).append(
            {
                **counts,
                "cacheCreationTokens": told["cache_write"],
                "modelName": case.called or case.model,
                "cost": Decimal(case.told),
            }
        )
    daily = [{"period": day, "agent": "all", "modelBreakdowns": models} for day, models in rows.items()]
    path = tmp_path / "report.json"
    text = json.dumps({"daily": daily}, default=lambda number: f"<{number}>")
    path.write_text(text.replace('"<', "").replace('>"', ""))
    return path


def money(bench: Bench, path: Path, *more: str, code: int = 1) -> Json:
    said = bench.tally("reconcile", str(path), "--timezone", "UTC", "--json", *more)
    assert said.code == code, said
    found = said.json["money"]
    assert isinstance(found, dict)
    for row in found["rows"]:
        known = row["ours"]["nano_usd"]
        assert row["difference"]["nano_usd"] == (None if known is None else known - row["theirs"]["nano_usd"])
        assert row["cause"]
    assert found["unexplained"] == sum(row["cause"] == UNEXPLAINED for row in found["rows"])
    return found


def causes(found: Json) -> dict[tuple[str, str], str]:
    """By day and model."""
    return {(row["key"]["period"], row["key"]["models"][0]): row["cause"] for row in found["rows"]}


def test_each_difference_has_the_cause_that_makes_it(bench: Bench, report: Path) -> None:
    """To the nanodollar: what is equal is in no row, and of what is not each row tells why."""
    found = money(bench, report)
    assert causes(found) == {(case.day, case.model): case.cause for case in CASES if case.cause != EQUAL}
    assert found["equal"] == sum(case.cause == EQUAL for case in CASES)
    assert found["left_out"] == 0
    told = sum((Decimal(case.told) for case in CASES), Decimal())
    assert found["total"]["theirs"]["nano_usd"] == round(told * NANO)
    assert found["book"].startswith("genai-prices ")
    row = next(row for row in found["rows"] if row["key"]["period"] == "2026-04-16")
    assert row["ours"] == {"usd": "0.0405", "nano_usd": 40_500_000, "priced_share": 1, "quality": "exact"}
    assert row["difference"] == {"usd": "0.03", "nano_usd": 30_000_000}


def test_sums_that_are_not_wholly_priced_say_so(bench: Bench, tmp_path: Path) -> None:
    """A month of one model, one response of which has no price: the share is beside the sum, and no difference."""
    base = claude.usage(100, 0, 5000, 300)
    agent = ClaudeAgent(bench, 1, model=OPUS)
    agent.say()
    agent.say()
    agent.records[-1]["message"]["usage"] = base | {"service_tier": "priority"}
    agent.flush()
    (row,) = bench.ok("usage", "--by", "month,model", "--json").json["rows"]
    tokens = row["tokens"]
    part = {
        "modelName": OPUS,
        "inputTokens": tokens["input"],
        "cacheReadTokens": tokens["cache_read"],
        "cacheCreationTokens": tokens["cache_write"],
        "outputTokens": tokens["output"],
        "cost": 7,
    }
    path = tmp_path / "month.json"
    path.write_text(json.dumps({"monthly": [{"period": row["key"]["month"], "modelBreakdowns": [part]}]}))
    said = bench.tally("reconcile", str(path), "--json").json["money"]
    (told,) = said["rows"]
    share = (tokens["total"] - 5400) * 10_000 // tokens["total"] / 10_000
    for ours in (told["ours"], said["total"]["ours"]):
        assert (ours["priced_share"], ours["quality"]) == (share, "lower_bound")
        assert ours["nano_usd"] == row["cost"]["nano_usd"] > 0
    assert told["difference"] == {"usd": None, "nano_usd": None}
    assert told["cause"].startswith("no price here: ")
    lines = bench.tally("reconcile", str(path)).out.splitlines()
    assert sum(f" for {share} of the tokens" in line for line in lines) == 2


def test_as_text(bench: Bench, report: Path) -> None:
    """Two tables: there tokens differ in names alone, and costs in what the causes say."""
    said = bench.tally("reconcile", str(report), "--timezone", "UTC")
    lines = said.out.splitlines()
    differing = [case for case in CASES if case.cause != EQUAL]
    assert f"costs: {len(CASES) - len(differing)} equal, {len(differing)} different, 1 unexplained" in lines
    assert any(line.startswith("2026-04-18\tsome-gateway/unheard-of-7b\t—\t0.00\t—\t") for line in lines)
    assert lines[-1].startswith("in all ")
    assert "without a comparison" not in said.err


def test_an_entire_agreement_is_exit_0(bench: Bench, report: Path) -> None:
    told = json.loads(report.read_text())
    days = {case.day for case in CASES if case.cause == EQUAL and case.called is None}
    told["daily"] = [row for row in told["daily"] if row["period"] in days]
    first, last = min(days), max(days)
    report.write_text(json.dumps(told))
    said = bench.tally("reconcile", str(report), "--timezone", "UTC", "--since", first, "--until", last, "--json")
    found = said.json["money"]
    assert (found["rows"], found["equal"], found["unexplained"], said.code) == ([], len(days), 0, 0)


def test_cells_that_are_not_compared(bench: Bench, report: Path) -> None:
    """Those with other tokens, those that the report tells no cost of, and whole views without any."""
    told = json.loads(report.read_text())
    told["daily"][0]["modelBreakdowns"][0]["inputTokens"] += 1
    del told["daily"][1]["modelBreakdowns"][0]["cost"]
    report.write_text(json.dumps(told))
    found = money(bench, report)
    assert found["left_out"] == 2
    assert "2 without a comparison of costs" in bench.tally("reconcile", str(report), "--timezone", "UTC").err
    for row in told["daily"]:
        for part in row["modelBreakdowns"]:
            part.pop("cost", None)
    report.write_text(json.dumps(told))
    said = bench.tally("reconcile", str(report), "--timezone", "UTC")
    assert "costs:" not in said.out


def test_an_agreed_price(bench: Bench, report: Path) -> None:
    """Another tool knows nothing of it: its list price is the cause."""
    path = bench.repo / "config" / "prices.toml"
    path.parent.mkdir()
    path.write_text('[[discount]]\nvendor = "openai"\npercent = 10\n')
    found = causes(money(bench, report))
    assert found["2026-04-29", "gpt-5-codex"] == Way.LISTED
    assert found["2026-04-16", OPUS] == Way.NO_FEES
    assert found["2026-08-10", "gpt-5.6-sol"] == f"{Way.LISTED}; {Way.TODAY}"
    path.write_text("[[discount]]\npercent = 'x'\n")
    assert bench.misused("reconcile", str(report)) == "prices-unusable"


def test_agents_that_the_report_did_not_read(bench: Bench, report: Path) -> None:
    """Their responses are in no cell of it, so they have no part in its costs."""
    told = json.loads(report.read_text())
    told["daily"] = [row for row in told["daily"] if row["modelBreakdowns"][0]["modelName"] == "gpt-5-codex"]
    told["daily"][0]["metadata"] = {"agents": ["codex"]}
    report.write_text(json.dumps(told))
    said = bench.ok("reconcile", str(report), "--timezone", "UTC", "--json").json
    assert {row["cause"] for row in said["rows"]} == {"not in the report"}
    assert not any(row["key"]["model"].startswith("claude") for row in said["rows"])
    assert (said["money"]["equal"], said["money"]["rows"]) == (1, [])


def test_sessions_and_other_zones(bench: Bench, tmp_path: Path) -> None:
    """The same costs by session, and by days that begin elsewhere: cells with the same tokens have the same price."""
    write_logs(bench.home)
    totals = set()
    for view, period, zone in (
        ("session", "session", "UTC"),
        ("daily", "day", "Pacific/Kiritimati"),
        ("daily", "day", "America/St_Johns"),
        ("monthly", "month", "UTC"),
    ):
        rows = bench.ok("usage", "--by", f"{period},model", "--timezone", zone, "--json").json["rows"]
        told = [
            {
                "sessionId" if view == "session" else "period": row["key"][period],
                "modelBreakdowns": [
                    {
                        "modelName": row["key"]["model"],
                        "inputTokens": row["tokens"]["input"],
                        "cacheReadTokens": row["tokens"]["cache_read"],
                        "cacheCreationTokens": row["tokens"]["cache_write"],
                        "outputTokens": row["tokens"]["output"],
                        "cost": 0,
                    }
                ],
            }
            for row in rows
        ]
        path = tmp_path / "report.json"
        path.write_text(json.dumps({"sessions" if view == "session" else view: told}))
        said = bench.ok("reconcile", str(path), "--timezone", zone, "--json").json
        assert said["rows"] == []
        totals.add(said["money"]["total"]["ours"]["nano_usd"])
    assert len(totals) == 1


@pytest.mark.skipif(TOOL is None, reason="ccusage is not installed; TALLYBOOK_CCUSAGE may name its program")
def test_the_recorded_costs_are_what_ccusage_says(bench: Bench, tmp_path: Path) -> None:
    """The program itself, on the same logs, offline, with a home of its own."""
    assert TOOL is not None
    write_logs(bench.home)
    environ = {"HOME": str(bench.home), "PATH": os.environ["PATH"], "TZ": "UTC"}
    words = [TOOL, "daily", "--offline", "--json", "-z", "UTC"]
    done = subprocess.run(words, env=environ, cwd=bench.home, capture_output=True, text=True, check=True, timeout=120)
    path = tmp_path / "report.json"
    path.write_text(done.stdout)
    told = {
        (row.get("period") or row["date"], part["modelName"]): Decimal(part["cost"])
        for row in json.loads(done.stdout, parse_float=Decimal)["daily"]
        for part in row["modelBreakdowns"]
    }
    assert {key: round(cost * NANO) for key, cost in told.items()} == {_key(case): _nano(case) for case in CASES}
    assert causes(money(bench, path)) == {(case.day, case.model): case.cause for case in CASES if case.cause != EQUAL}


def _key(case: Case) -> tuple[str, str]:
    return case.day, case.called or case.model


def _nano(case: Case) -> int:
    return round(Decimal(case.told) * NANO)
