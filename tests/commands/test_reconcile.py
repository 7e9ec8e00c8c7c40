"""`tally reconcile`: the history beside a report of ccusage."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from commands.agents import ClaudeAgent, CodexAgent

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench

NAMES = {"inputTokens": "input", "cacheReadTokens": "cache_read", "cacheCreationTokens": "cache_write"}


@pytest.fixture
def report(bench: Bench, tmp_path: Path) -> Path:
    """What another tool would say of the sessions of two agents, had it counted right."""
    for agent in (ClaudeAgent(bench, 1), CodexAgent(bench, 2)):
        agent.say()
        agent.say()
    rows = []
    for row in bench.ok("usage", "--by", "day,model", "--json").json["rows"]:
        told = row["tokens"]
        counts = {theirs: told[ours] for theirs, ours in NAMES.items()}
        counts |= {"modelName": row["key"]["model"], "outputTokens": told["output"]}
        rows.append({"period": row["key"]["day"], "agent": "all", "modelBreakdowns": [counts]})
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"daily": rows, "totals": {}}))
    return path


def changed(path: Path, model: str, **counts: int) -> dict[str, Any]:
    """Let the report say something else of one model."""
    told: dict[str, Any] = json.loads(path.read_text())
    for row in told["daily"]:
        for part in row["modelBreakdowns"]:
            if part["modelName"].startswith(model):
                part.update({name: part[name] + more for name, more in counts.items()})
    path.write_text(json.dumps(told))
    return told


def test_the_same_is_said_to_be_equal(bench: Bench, report: Path) -> None:
    """Nothing differs, exit 0."""
    told = bench.ok("reconcile", str(report), "--json").json
    assert told["schema"] == "tallybook.reconcile/1"
    assert (told["rows"], told["unexplained"], told["view"]) == ([], 0, "daily")
    assert told["equal"] == 2
    assert told["total"]["ours"] == told["total"]["theirs"]
    assert bench.ok("reconcile", str(report)).out.splitlines()[0] == "2 equal, 0 different, 0 of them unexplained"


def test_an_unexplained_difference_is_exit_1(bench: Bench, report: Path) -> None:
    """The cell, both numbers and their difference."""
    changed(report, "gpt", inputTokens=5)
    said = bench.tally("reconcile", str(report), "--json")
    assert said.code == 1
    (row,) = said.json["rows"]
    assert row["cause"] == "unexplained"
    assert row["difference"] == {"input": -5, "cache_read": 0, "cache_write": 0, "output": 0, "total": -5}
    assert bench.tally("reconcile", str(report)).out.splitlines()[0].split("\t")[:2] == ["period", "model"]


def test_a_known_cause_is_no_fault(bench: Bench, report: Path) -> None:
    """Sessions that the report has not seen are told of, exit 0."""
    ClaudeAgent(bench, 3, model="claude-new-1").say()
    (row,) = bench.ok("reconcile", str(report), "--json").json["rows"]
    assert (row["key"]["model"], row["cause"]) == ("claude-new-1", "not in the report")
    assert bench.ok("reconcile", str(report), "--no-update", "--json").json["rows"] == [row]


def test_what_cannot_be_read_is_refused(bench: Bench, tmp_path: Path) -> None:
    """A missing file is an argument that isn't allowed, another content a refusal."""
    assert bench.misused("reconcile", str(tmp_path / "none.json")) == "no-report"
    assert bench.misused("reconcile", str(tmp_path)) == "no-report"
    assert "it is no regular file" in bench.tally("reconcile", str(tmp_path)).err
    other = tmp_path / "other.json"
    other.write_text("{}")
    assert bench.refused("reconcile", str(other)) == "no-report"
    other.write_text(json.dumps({"daily": []}))
    assert bench.misused("reconcile", str(other), "--timezone", "Mars/Olympus") == "unknown-timezone"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_another_time_zone_is_told_from_other_numbers(
    bench: Bench, report: Path, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day that begins elsewhere moves tokens between days, and none gets lost."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    day = bench.ok("usage", "--timezone", zone, "--no-update", "--json").json["rows"][0]["key"]["day"]
    rows = bench.ok("reconcile", str(report), "--timezone", zone, "--json").json["rows"]
    periods = {row["period"] for row in json.loads(report.read_text())["daily"]}
    assert rows == [] if periods == {day} else all("time zone" in row["cause"] for row in rows)
    monkeypatch.undo()
    time.tzset()
