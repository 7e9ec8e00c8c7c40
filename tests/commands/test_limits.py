"""`tally limits`: allowances as the logs tell of them, and what a person pastes."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from commands import agents
from commands.agents import ClaudeAgent, CodexAgent

if TYPE_CHECKING:
    import pytest

    from commands.bench import Bench

PANEL = "│ 5h limit: [██░░] 28% used (resets 03:14) │\n│ Token usage: 1.9K total (1K input + 900 output) │\n"


def tell(agent: CodexAgent, **limits: object) -> None:
    """Let a line of the log tell of allowances."""
    agent.rollout.event("token_count", info=None, rate_limits=limits)
    agent.flush()


def window(minutes: int, used: float, left: int) -> dict[str, float]:
    """Of so many minutes, so many percent used, for so many minutes yet."""
    return {"used_percent": used, "window_minutes": minutes, "resets_at": int(time.time()) + 60 * left}


def test_windows_are_told_by_their_minutes(bench: Bench) -> None:
    """The share, what is left, the pace since the begin, and whether it lasts."""
    agent = CodexAgent(bench, 1)
    tell(agent, primary=window(10_080, 10, 10_000), secondary=window(300, 40, 180), plan_type="pro")
    told = bench.ok("limits", "--json").json
    assert told["schema"] == "tallybook.limits/1"
    five, week = told["limits"]
    assert (five["window"], five["window_minutes"], five["used_percent"], five["left_percent"]) == (
        "5h",
        300,
        "40",
        "60",
    )
    assert (week["window"], week["used_percent"], week["plan"]) == ("weekly", "10", "pro")
    assert 1970 <= 100 * float(five["pace"]["percent_per_hour"]["low"]) <= 1980
    assert five["pace"]["samples"] == 1
    assert five["used_up"]["before_reset"] == "maybe"
    assert week["used_up"]["before_reset"] == "yes"
    assert five["observed"]["session"] == agent.session
    assert told["problems"] == []


def test_the_newest_word_of_any_session_holds(bench: Bench) -> None:
    """One allowance for all sessions; another plan is another allowance."""
    for number, (ago, used, plan) in enumerate([(10, 12, "plus"), (20, 10, "plus"), (0, 1, "team")], 1):
        agent = CodexAgent(bench, number, ago=timedelta(minutes=ago))
        tell(agent, primary=window(300, used, 200), plan_type=plan)
    told = bench.ok("limits", "--json").json["limits"]
    assert [(one["plan"], one["used_percent"]) for one in told] == [("team", "1"), ("plus", "12")]
    assert [one["pace"]["samples"] for one in told] == [1, 2]


def test_a_window_that_has_ended_tells_nothing(bench: Bench) -> None:
    """What was used in it is told as observed, and no share of the next one is made up."""
    tell(CodexAgent(bench, 1), primary=window(300, 99, -1))
    (told,) = bench.ok("limits", "--json").json["limits"]
    assert (told["used_percent"], told["left_percent"], told["ended"], told["pace"]) == (None, None, True, None)
    assert told["observed"]["used_percent"] == "99"
    assert bench.ok("limits").out.splitlines()[1].split("\t")[4:8] == ["—", "—", "ended", "—"]


def test_a_session_that_tells_late_and_one_whose_clock_is_ahead(bench: Bench) -> None:
    """Neither is a reset, and nothing is used up by a clock that was wrong."""
    end = int(time.time()) + 60 * 120
    for number, (ago, used) in enumerate([(120, 20), (115, 19), (60, 30), (-600, 36)], 1):
        it = {"used_percent": used, "window_minutes": 300, "resets_at": end}
        tell(CodexAgent(bench, number, ago=timedelta(minutes=ago)), primary=it)
    (told,) = bench.ok("limits", "--json").json["limits"]
    assert (told["used_percent"], told["pace"]["samples"]) == ("36", 3)
    low, high = (float(told["pace"]["percent_per_hour"][name]) for name in ("low", "high"))
    assert 7.4 < low < 8 < high < 8.6
    assert told["used_up"]["before_reset"] == "no"
    assert told["used_up"]["earliest"] > told["resets_at"]


def test_credits_are_told_as_they_stand(bench: Bench) -> None:
    """A balance is no share."""
    tell(CodexAgent(bench, 1), credits={"has_credits": True, "unlimited": False, "balance": "12.50"})
    (told,) = bench.ok("limits", "--json").json["limits"]
    assert (told["credits"], told["used_percent"], told["window"]) == ("12.50", None, None)
    assert "12.50 credits" in bench.ok("limits").out


def test_what_is_a_month_old_is_left_out(bench: Bench) -> None:
    """Unless it is asked for."""
    tell(CodexAgent(bench, 1, ago=timedelta(days=40)), primary=window(300, 99, -50_000))
    assert bench.ok("limits", "--json").json["limits"] == []
    assert len(bench.ok("limits", "--all", "--json").json["limits"]) == 1


def test_the_block_of_five_hours_that_runs(bench: Bench) -> None:
    """Tokens since its begin, at what pace, and what that comes to."""
    agent = ClaudeAgent(bench, 1)
    used = sum((agent.say() + agent.say()).values())
    blocks = bench.ok("limits", "--json").json["blocks"]
    assert (blocks["agent"], blocks["last"]["active"], blocks["last"]["responses"]) == ("claude", True, 2)
    total = bench.ok("usage", "--agent", "claude", "--json").json["total"]["tokens"]["total"]
    assert blocks["last"]["tokens"]["total"] == total
    assert used
    assert blocks["last"]["projected"] >= total
    assert "block of five hours since" in bench.ok("limits").err
    assert bench.ok("limits", "--agent", "codex", "--json").json["blocks"] is None


def test_a_block_that_is_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing runs; the last one and the largest are told, without any pace."""
    monkeypatch.setattr(agents, "now", lambda: f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%dT%H:%M:%S.%fZ}")
    ClaudeAgent(bench, 1).say()
    blocks = bench.ok("limits", "--json").json["blocks"]
    assert blocks["last"]["active"] is False
    assert (blocks["last"]["projected"], blocks["last"]["tokens_per_hour"]) == (None, None)
    assert blocks["largest"] == blocks["last"]
    assert "no block of five hours runs" in bench.ok("limits").err


def test_nothing_known(bench: Bench) -> None:
    """An empty table, and no block."""
    told = bench.ok("limits", "--json").json
    assert (told["limits"], told["blocks"]) == ([], None)
    assert bench.ok("limits", "--no-update").out.startswith("agent\tplan\tlimit\twindow")


def test_an_agent_that_nobody_knows(bench: Bench) -> None:
    """Exit 2, and the known ones."""
    said = bench.tally("limits", "--agent", "nobody", "--json")
    assert (said.code, said.error) == (2, "unknown-agent")


def test_a_pasted_panel(bench: Bench) -> None:
    """From a file: shares both ways, tokens marked as blended, nothing kept."""
    path = bench.repo / "panel.txt"
    path.write_text(PANEL)
    told = bench.ok("limits", "status-text", "panel.txt", "--json").json
    assert told["schema"] == "tallybook.status-text/1"
    assert told["limits"] == [
        {"limit": None, "window": "5h", "window_minutes": 300, "used_percent": "28", "left_percent": "72",
         "resets": "03:14", "credits_used": None, "credits": None}
    ]  # fmt: skip
    assert told["tokens"]["blended"] is True
    said = bench.ok("limits", "status-text", "panel.txt")
    assert said.out.splitlines()[1] == "—\t5h\t28 %\t72 %\t03:14"
    assert "blended" in said.err
    assert bench.ok("usage", "--json").json["total"]["responses"] == 0


def test_a_pasted_panel_on_standard_input(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file."""
    monkeypatch.setattr(
        "sys.stdin", io.StringIO(f"{PANEL}Credits: 5 credits\nContext window: 50% left\nlimits may be stale")
    )
    said = bench.ok("limits", "status-text")
    assert [line.split(":")[0] for line in said.err.splitlines()] == [
        "credits", "context", "tokens", "the panel said that its limits may be stale",
    ]  # fmt: skip


def test_what_is_no_panel_is_refused(bench: Bench) -> None:
    """Exit 1 with a hint; a file that is not there is exit 2."""
    (bench.repo / "none.txt").write_text("hello")
    said = bench.tally("limits", "status-text", "none.txt", "--json")
    assert (said.code, said.error) == (1, "no-status")
    said = bench.tally("limits", "status-text", "missing.txt", "--json")
    assert (said.code, said.error) == (2, "unreadable-file")
