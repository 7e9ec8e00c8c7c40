"""The main job on real input: real agents run tally from their own shell tool, and every token finds its stage."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from clients.account import NESTED, ONE_PROMPT, RESUMED, Account, Step, finish, mark, start, vector, work
from clients.workbench import Bench

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.clients


def compare(bench: Bench, agent: str, account: Account) -> None:
    settled = bench.tally(agent, "settle")
    assert settled["pending"] == 0
    state = bench.tally(agent, "show")
    goals = state["goals"]
    assert isinstance(goals, list)
    assert {goal["title"] for goal in goals} == {name for name, _ in account.stages}
    for goal in goals:
        expected = [tokens for (name, _), tokens in account.stages.items() if name == goal["title"]]
        assert vector(goal["tokens"]) == sum(expected, Counter())
        assert goal["quality"] == "exact"
        for stage in goal["stages"]:
            assert vector(stage["tokens"]) == account.stages[goal["title"], stage["name"]]
    remainder = state["remainder"]
    assert isinstance(remainder, dict)
    assert vector(remainder["tokens"]) == account.remainder
    sessions = bench.tally(agent, "sessions")["sessions"]
    assert isinstance(sessions, list)
    everything = sum((vector(session["tokens"]) for session in sessions), Counter())
    known = sum(account.stages.values(), Counter()) + account.remainder + account.after
    assert everything == known


@pytest.mark.parametrize("agent", ["codex", "claude"])
@pytest.mark.parametrize("prompts", [ONE_PROMPT, RESUMED, NESTED], ids=["one-prompt", "resumed", "nested"])
def test_every_token_of_a_real_session_finds_its_stage(
    agent: str, prompts: list[list[Step]], tools: Path, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, tools)
    calls = bench.run(agent, *(" ;; ".join(step.shell for step in prompt) for prompt in prompts))
    account = Account()
    account.play(prompts, iter(calls))
    compare(bench, agent, account)


def test_codex_run_inside_claude_has_goals_of_its_own(tools: Path, tmp_path: Path) -> None:
    """The outer goal gets Claude's tokens alone, the inner one Codex's."""
    inner = [[start("inner"), work(), mark("inner", "look"), work(), finish("inner"), work()]]
    outer = [[start("outer"), work(), Step("run-codex"), mark("outer", "plan"), work(), finish("outer"), work()]]
    bench = Bench(tmp_path, tools)
    codex = next(tools.glob("codex/node_modules/@openai/codex-linux-*/vendor/*/bin/codex"))
    config = """\
model = "gpt-5.5-mock"
model_provider = "mock"
check_for_update_on_startup = false
approval_policy = "never"
sandbox_mode = "danger-full-access"
[analytics]
enabled = false
[model_providers.mock]
name = "mock"
base_url = "http://127.0.0.1:$PORT/c/inner/v1"
wire_api = "responses"
env_key = "MOCK_KEY"
"""
    prompt = "[[run " + " ;; ".join(step.shell for step in inner[0]) + "]]"
    bench.scripts["run-codex"] = (
        "#!/bin/bash\nset -e\n"
        f'PORT=$(cat "{bench.out}/mock.port")\n'
        'export CODEX_HOME="$HOME/.codex" MOCK_KEY=dummy\nmkdir -p "$CODEX_HOME"\n'
        f'cat > "$CODEX_HOME/config.toml" <<EOF\n{config}EOF\n'
        f"prompt=$(cat <<'EOF'\n{prompt}\nEOF\n)\n"
        f'exec "{codex}" exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox --json "$prompt" '
        "< /dev/null > /dev/null\n"
    )
    calls = bench.run("claude", " ;; ".join(step.shell for step in outer[0]))
    account = Account()
    account.play(outer, iter([call for call in calls if call.label == "claude"]))
    theirs = Account()
    theirs.play(inner, iter([call for call in calls if call.label == "inner"]))
    account.stages |= theirs.stages
    account.remainder += theirs.remainder
    account.after += theirs.after
    compare(bench, "claude", account)
    goals = bench.tally("claude", "show")["goals"]
    assert isinstance(goals, list)
    assert {goal["title"]: goal["session"]["agent"] for goal in goals} == {"outer": "claude", "inner": "codex"}
