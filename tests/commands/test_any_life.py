"""Whatever several agents do with several goals, each response is its owner's, by the rule alone."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pytest

from commands.agents import Agent, AmpAgent, ClaudeAgent, CodexAgent
from commands.bench import Bench, tokens
from commands.copilot_agent import CopilotAgent
from commands.gemini_agent import GeminiAgent
from commands.opencode_agent import OpenCodeAgent
from commands.pi_agent import PiAgent

Part = tuple[str, int, int]
"""Goal, attempt and index of the stage."""


class Truth(msgspec.Struct):
    """One goal as it is worked on."""

    activated: int
    attempt: int = 1
    stage: int = 0
    joined: set[str] = msgspec.field(default_factory=set)


class Office(msgspec.Struct):
    """Agents at work, and what they truly used for what."""

    bench: Bench
    rng: random.Random
    agents: list[Agent]
    goals: dict[str, Truth] = msgspec.field(default_factory=dict)
    parts: dict[Part | None, Counter[str]] = msgspec.field(default_factory=dict)
    ticks: int = 0

    def used(self, agent: Agent, counts: Counter[str]) -> None:
        """A response of ``agent`` belongs to the goal it works on that was activated last."""
        mine = {name: goal for name, goal in self.goals.items() if agent.session in goal.joined}
        name = max(mine, key=lambda name: mine[name].activated, default=None)
        part = None if name is None else (name, mine[name].attempt, mine[name].stage)
        self.parts.setdefault(part, Counter()).update(counts)

    def step(self) -> None:
        """One agent says something, has a subagent do it, or runs a command."""
        agent = self.rng.choice(self.agents)
        deed = self.rng.choice(["say", "say", "delegate", "start", "mark", "continue", "finish"])
        if deed == "delegate" and isinstance(agent, ClaudeAgent):
            self.used(agent, agent.delegate(self.rng.choice(["one", "two"])))
            return
        if deed in {"say", "delegate"} or (deed != "start" and not self.goals):
            self.used(agent, agent.say())
            return
        self.used(agent, agent.issue())
        self.ticks += 1
        if deed == "start":
            name = self.bench.start(f"goal {self.ticks}", **agent.environ)
            self.goals[name] = Truth(self.ticks, joined={agent.session})
        else:
            self.command(agent, deed, self.rng.choice(sorted(self.goals)))
        agent.returned()

    def command(self, agent: Agent, deed: str, name: str) -> None:
        goal = self.goals[name]
        match deed:
            case "mark":
                self.bench.ok("mark", f"stage {goal.stage}", "--goal", name, **agent.environ)
                goal.stage += 1
            case "continue":
                self.bench.ok("continue-task", name, "--failure-reason", "other", **agent.environ)
                goal.attempt, goal.stage, goal.activated = goal.attempt + 1, 0, self.ticks
            case _:
                self.bench.ok("finish-task", name, "--status", "success", **agent.environ)
                del self.goals[name]
        goal.joined.add(agent.session)

    def compare(self) -> None:
        """The program knows the same, to the token."""
        assert self.bench.ok("settle", "--json").json["pending"] == 0
        self.bench.ok("sessions")
        state = self.bench.state()
        told: dict[Part | None, Counter[str]] = {}
        for goal in state["goals"]:
            seen: Counter[int] = Counter()
            for stage in goal["stages"]:
                part = (goal["id"], stage["attempt"], seen[stage["attempt"]])
                seen[stage["attempt"]] += 1
                told[part] = tokens(stage["tokens"])
            assert goal["quality"] == "exact"
        told[None] = tokens(state["remainder"]["tokens"]) + tokens(state["unattributed"]["tokens"])
        assert {part: +counts for part, counts in told.items() if counts} == self.parts
        short = self.bench.ok("cost-audit", "--json").json["goals"]
        lacks = [reason["message"] for row in short for reason in row["reasons"]]
        assert [text for text in lacks if " have no price: " not in text] == []


def at_work(bench: Bench, kind: str, number: int) -> Agent:
    if kind == "claude":
        return ClaudeAgent(bench, number)
    if kind == "copilot":
        return CopilotAgent(bench, number)
    if kind == "gemini":
        return GeminiAgent(bench, number)
    if kind == "opencode":
        return OpenCodeAgent(bench, number)
    if kind == "pi":
        return PiAgent(bench, number)
    late = kind.endswith("late")
    return AmpAgent(bench, number, late=late) if kind.startswith("amp") else CodexAgent(bench, number, late=late)


@pytest.mark.parametrize("seed", range(16))
def test_each_response_is_its_owners(bench: Bench, seed: int) -> None:
    rng = random.Random(seed)
    kinds = rng.sample(
        ["claude", "codex", "late", "claude", "late", "amp", "amp-late", "copilot", "gemini", "opencode", "pi"], 3
    )
    agents = [at_work(bench, kind, number) for number, kind in enumerate(kinds, 1)]
    office = Office(bench, rng, agents)
    for _ in range(rng.randrange(10, 28)):
        office.step()
    for name in sorted(office.goals):
        agent = rng.choice(agents)
        office.used(agent, agent.issue())
        office.command(agent, "finish", name)
        agent.returned()
    office.compare()
