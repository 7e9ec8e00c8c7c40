"""`tally run` around real agents: every token of the sessions below the command is the goal's, and no other is."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from clients.workbench import COMPONENTS, Bench, Served, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.clients

AGAIN = {"codex": ["resume", "--last"], "claude": ["--continue"]}
DELEGATING: dict[str, list[str]] = {"codex": ["--enable", "multi_agent_v2"], "claude": []}
INNER = (
    "echo a ;; tally start-task --title inner --kind meta --quiet > ../inner.id ;; echo b"
    ' ;; tally finish-task "$(cat ../inner.id)" --status success ;; echo c'
)


def total(calls: Sequence[Served]) -> Counter[str]:
    summed: Counter[str] = Counter()
    for call in calls:
        summed.update(call.tokens)
    return summed


def vector(tokens: dict[str, int]) -> Counter[str]:
    assert tokens["cache_write_unknown"] == 0
    return Counter({name: tokens[name] for name in COMPONENTS})


@pytest.mark.parametrize("agent", ["codex", "claude"])
def test_every_token_below_the_command_is_the_goals(agent: str, tools: Path, tmp_path: Path) -> None:
    bench = Bench(tmp_path, tools)

    def step(title: str, prompt: str, *more: str, after: str | None = None) -> list[Any]:
        return [agent, ["run", "--title", title, "--kind", "product"], [*more, f"[[{prompt}]]"], after]

    served = wrapped(
        bench,
        [
            step("plain", "run echo a ;; echo b"),
            step("again", "run echo c", *AGAIN[agent]),
            step("shell", "run echo d", after="exit 4"),
            step("child", "task", *DELEGATING[agent]),
            step("outer", f"run {INNER}"),
        ],
    )
    state: Any = bench.tally(agent, "show")
    goals = {goal["title"]: goal for goal in state["goals"]}
    assert {goal["quality"] for goal in goals.values()} == {"exact"}
    for title in ("plain", "again", "shell", "child"):
        assert vector(goals[title]["tokens"]) == total(served[title]), title
        assert goals[title]["session"]["detected_by"] == "descendant"
    assert (goals["shell"]["status"], goals["shell"]["notes"]) == ("fail", "exit status 4")
    assert goals["child"]["subtree"]["total"] > 0
    # The response that opens the inner goal lies before its boundary, and so does the one that closes it.
    calls = served["outer"]
    assert vector(goals["inner"]["tokens"]) == total(calls[2:4])
    assert vector(goals["outer"]["tokens"]) == total(calls[:2]) + total(calls[4:])
    assert goals["plain"]["session"]["id"] == goals["again"]["session"]["id"]
    assert state["remainder"]["tokens"]["total"] == 0
    assert state["problems"] == []


def test_two_agents_below_one_command(tools: Path, tmp_path: Path) -> None:
    """Codex runs in a shell that then starts another run, whose goal is its own."""
    bench = Bench(tmp_path, tools)
    inner = "tally run --title inner --kind meta --quiet -- true"
    served = wrapped(
        bench,
        [["codex", ["run", "--title", "outer", "--kind", "product"], [f"[[run echo a ;; {inner} ;; echo b]]"], None]],
    )
    state: Any = bench.tally("codex", "show")
    goals = {goal["title"]: goal for goal in state["goals"]}
    assert vector(goals["outer"]["tokens"]) == total(served["outer"])
    assert goals["inner"]["session"] == {**goals["outer"]["session"], "detected_by": "variable"}
    assert vector(goals["inner"]["tokens"]) == Counter(dict.fromkeys(COMPONENTS, 0)), json.dumps(goals["inner"])
