"""What an agent is told to do, and who owns each response by the rule alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from clients.workbench import COMPONENTS, Served

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START = "tally start-task --title {name} --kind product --quiet > ../{name}.id"
MARK = 'tally mark {stage} --goal "$(cat ../{name}.id)"'
FINISH = 'tally finish-task "$(cat ../{name}.id)" --status success'


class Step(msgspec.Struct, frozen=True):
    """One shell call of the agent, and what it means for the account."""

    shell: str
    verb: str = "work"
    goal: str = ""
    stage: str = ""


def start(name: str) -> Step:
    return Step(START.format(name=name), "start", name)


def mark(name: str, stage: str) -> Step:
    return Step(MARK.format(name=name, stage=stage), "mark", name, stage)


def finish(name: str) -> Step:
    return Step(FINISH.format(name=name), "finish", name)


def work() -> Step:
    return Step("echo work")


class Account(msgspec.Struct):
    """Who owns each served response, by the rule alone: a command's own response lies before its boundary."""

    stages: dict[tuple[str, str | None], Counter[str]] = msgspec.field(default_factory=dict)
    remainder: Counter[str] = msgspec.field(default_factory=Counter)
    after: Counter[str] = msgspec.field(default_factory=Counter)
    """Served after the last boundary: in no snapshot yet."""

    def play(self, prompts: Sequence[Sequence[Step]], calls: Iterator[Served]) -> None:
        open_goals: list[str] = []
        current: dict[str, list[Served]] = {}
        loose: list[Served] = []
        for prompt in prompts:
            for step in [*prompt, None]:
                call = next(calls)
                assert call.calls == (0 if step is None else 1)
                (current[open_goals[-1]] if open_goals else loose).append(call)
                if step is None or step.verb == "work":
                    continue
                self.remainder += total(loose)
                loose.clear()
                if step.verb == "start":
                    open_goals.append(step.goal)
                    current[step.goal] = []
                elif step.verb == "mark":
                    self.stages[step.goal, step.stage] = total(current[step.goal])
                    current[step.goal] = []
                else:
                    self.stages[step.goal, None] = total(current.pop(step.goal))
                    open_goals.remove(step.goal)
        self.after = total(loose)


def total(calls: Sequence[Served]) -> Counter[str]:
    summed: Counter[str] = Counter()
    for call in calls:
        summed.update(call.tokens)
    return summed


def vector(tokens: object) -> Counter[str]:
    assert isinstance(tokens, dict)
    assert tokens["cache_write_unknown"] == 0
    return Counter({name: tokens[name] for name in COMPONENTS})


ONE_PROMPT = [[start("a"), work(), mark("a", "plan"), work(), work(), mark("a", "build"), finish("a")]]
RESUMED = [
    [work(), start("a"), work(), mark("a", "plan"), work()],
    [work(), mark("a", "build"), work()],
    [work(), finish("a"), work()],
]
NESTED = [
    [start("outer"), work(), mark("outer", "plan"), start("inner"), work(), mark("inner", "look"), work()],
    [work(), finish("inner"), work(), mark("outer", "rest"), finish("outer"), work()],
]
