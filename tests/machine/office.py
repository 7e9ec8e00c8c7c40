"""What truly happens when agents work on goals: the model that the program is held to.

Each response belongs to one part of one goal, or to none, by the rules alone; nothing here reads a ledger.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from commands.agents import Agent

Tokens = Counter[str]
Part = tuple[str, int, int]
"""Goal, attempt and index of the stage."""


class Goal(msgspec.Struct, eq=False):
    """One goal as its commands have left it."""

    id: str
    title: str
    kind: str
    activated: int
    untracked: bool = False
    outcome: tuple[str, str | None, str | None] | None = None
    """Status, reason and fit."""
    attempts: list[list[str]] = msgspec.field(default_factory=lambda: [[]])
    """The stages of each attempt."""
    reasons: list[str] = msgspec.field(default_factory=list)
    """Why attempts failed that were followed by another."""
    joined: set[str] = msgspec.field(default_factory=set)
    refs: list[str] = msgspec.field(default_factory=list)
    inputs: list[str] = msgspec.field(default_factory=list)
    supersedes: str | None = None
    superseded_by: str | None = None
    merged_into: str | None = None
    manual: Tokens | None = None
    budget: int | None = None

    @property
    def open(self) -> bool:
        """Whether it can be worked on."""
        return self.outcome is None and self.merged_into is None

    @property
    def status(self) -> str:
        """As the program shows it."""
        if self.merged_into is not None:
            return "merged"
        if self.outcome is None:
            return "open"
        return "superseded" if self.superseded_by is not None else self.outcome[0]


class Office(msgspec.Struct):
    """All goals, and what was used for which part of them."""

    goals: dict[str, Goal] = msgspec.field(default_factory=dict)
    parts: dict[Part | None, Tokens] = msgspec.field(default_factory=dict)
    ticks: int = 0

    def tick(self) -> int:
        """Time goes on."""
        self.ticks += 1
        return self.ticks

    def used(self, agent: Agent, tokens: Tokens) -> None:
        """A response belongs to the goal open in its session that was activated last, to the part that runs."""
        mine = [goal for goal in self.goals.values() if goal.open and agent.session in goal.joined]
        goal = max(mine, key=lambda goal: goal.activated, default=None)
        part = None if goal is None else (goal.id, len(goal.attempts), len(goal.attempts[-1]))
        self.parts.setdefault(part, Counter()).update(tokens)

    def kept(self, goal: str) -> str:
        """The goal that it is counted with."""
        while (after := self.goals[goal].merged_into) is not None:
            goal = after
        return goal

    def members(self, goal: str) -> list[Goal]:
        """All goals that are counted with it; none for one that is merged itself."""
        return [one for one in self.goals.values() if self.kept(one.id) == goal]

    def captured(self, goal: Goal) -> Tokens:
        """What its own attempts used."""
        mine = (tokens for part, tokens in self.parts.items() if part is not None and part[0] == goal.id)
        return sum(mine, Counter())

    def tokens(self, goal: str) -> Tokens | None:
        """What the goal shows: captured numbers, else those by hand, of all that is counted with it."""
        known = [
            self.captured(one) if one.joined else one.manual
            for one in self.members(goal)
            if one.joined or one.manual is not None
        ]
        return sum((part for part in known if part is not None), Counter()) if known else None

    def chain(self, goal: str) -> list[str] | None:
        """The goals that it replaces and itself, each once, oldest first."""
        found, before = [goal], self.goals[goal].supersedes
        while before is not None:
            if self.kept(before) not in found:
                found.append(self.kept(before))
            before = self.goals[before].supersedes
        return found[::-1] if len(found) > 1 else None

    def all_inputs(self, goal: str) -> set[str]:
        """All goals that went into it, however far."""
        found: set[str] = set()
        ahead = [goal]
        while ahead:
            here = ahead.pop()
            for member in self.members(here):
                for name in map(self.kept, member.inputs):
                    if name not in found and name != goal:
                        found.add(name)
                        ahead.append(name)
        return found

    def reaches(self, start: str, target: str) -> bool:
        """Whether ``target`` is ``start`` or an input of it, before anything was merged."""
        ahead, seen = [start], set()
        while ahead:
            here = ahead.pop()
            if here == target:
                return True
            if here not in seen:
                seen.add(here)
                ahead += self.goals[here].inputs
        return False
