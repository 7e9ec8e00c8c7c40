"""The life of a real session around a goal: a subagent, a compaction, resumes before and after its end, a fork."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from clients.account import FINISH, START, total, vector
from clients.workbench import Bench, wrapped

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.clients

AGAIN = {"codex": ["resume", "--last"], "claude": ["--continue"]}
CHILD = {"codex": ["--enable", "multi_agent_v2", *AGAIN["codex"]], "claude": AGAIN["claude"]}
FORK = {"codex": ["fork", "{thread}"], "claude": ["--continue", "--fork-session"]}
MARK = 'tally mark all --goal "$(cat ../a.id)"'


@pytest.mark.parametrize("agent", ["codex", "claude"])
def test_a_goal_has_what_was_used_between_its_start_and_its_end(agent: str, tools: Path, tmp_path: Path) -> None:
    bench = Bench(tmp_path, tools)
    bench.login()

    def step(title: str, prompt: str, *more: str) -> list[Any]:
        return [agent, [title], [*more, prompt], None]

    served = wrapped(
        bench,
        [
            step("start", f"[[run {START.format(name='a')} ;; echo work]]"),
            step("child", "[[task]]", *CHILD[agent]),
            *([step("compact", "/compact", *AGAIN[agent])] if agent == "claude" else []),
            step("finish", f"[[run echo work ;; {MARK} ;; {FINISH.format(name='a')}]]", *AGAIN[agent]),
            step("after", "[[run echo work]]", *AGAIN[agent]),
            step("fork", "[[run echo work]]", *FORK[agent]),
        ],
    )
    assert bench.tally(agent, "settle")["pending"] == 0
    (goal,) = _list(bench.tally(agent, "show")["goals"])
    # The first response issued start-task and lies before it; the last one came when finish-task had returned.
    within = (*served["start"][1:], *served["child"], *served["finish"][:-1])
    assert vector(goal["tokens"]) == total(within)
    assert goal["quality"] == "exact"
    main = next(call.session for call in served["start"])
    children = [call for call in served["child"] if call.session != main]
    assert goal["subtree"]["total"] > 0
    if agent == "codex":  # Claude's server sees its subagents in the session that sent them
        assert vector(goal["subtree"]) == total(children)
    sessions = _list(bench.tally(agent, "sessions")["sessions"])
    everything = sum((vector(row["tokens"]) for row in sessions), Counter())
    logged = [call for title, calls in served.items() if title != "compact" for call in calls]
    assert everything == total(logged), "a fork copies the rows of its parent, and each counts once"
    assert bench.tally(agent, "verify")["problems"] == []


def _list(found: object) -> list[Any]:
    assert isinstance(found, list)
    return found
