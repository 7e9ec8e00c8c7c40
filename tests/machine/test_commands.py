"""Any commands of any agents in any order, through the real command line, against a model of what truly happens."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import Bench, tokens
from machine.office import Goal, Office

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from commands.agents import Agent
    from commands.bench import Json, Said
    from machine.office import Part, Tokens

T = TypeVar("T")
KINDS = st.sampled_from(("product", "product", "check", "meta"))
REASONS = st.sampled_from(("other", "model_mistake", "scope_too_large"))
TITLES = st.sampled_from(("Add a shelf", "Paint it", "Hang it up"))


class Machine(RuleBasedStateMachine):
    """Three agents, one of which logs its calls late."""

    make: Callable[[], Bench]

    @initialize()
    def begin(self) -> None:
        self.bench = type(self).make()
        self.office = Office()
        self.agents: list[Agent] = [
            ClaudeAgent(self.bench, 1),
            CodexAgent(self.bench, 2),
            CodexAgent(self.bench, 3, late=True),
        ]

    # what agents do by themselves

    @rule(number=st.integers(0, 2))
    def say(self, number: int) -> None:
        self.office.used(self.agents[number], self.agents[number].say())

    @rule(name=st.sampled_from(("one", "two")))
    def delegate(self, name: str) -> None:
        agent = self.agents[0]
        assert isinstance(agent, ClaudeAgent)
        self.office.used(agent, agent.delegate(name))

    def command(self, number: int, *words: str, code: int = 0) -> Said:
        """An agent runs a command from its shell tool; its own response lies before the boundary."""
        agent = self.agents[number]
        self.office.used(agent, agent.issue())
        said = self.bench.tally(*words, "--json", **agent.environ)
        agent.returned()
        assert said.code == code, (words, said)
        return said

    def refused(self, number: int, error: str, *words: str) -> None:
        """A command that must be refused and leave the ledger as it is."""
        before = self.bench.lines()
        said = self.command(number, *words, code=1)
        assert (said.error, self.bench.lines() == before) == (error, True)

    def pick(self, data: st.DataObject, of: Callable[[Goal], bool]) -> Goal | None:
        found = [goal for goal in self.office.goals.values() if of(goal)]
        return data.draw(st.sampled_from(found)) if found else None

    # the life of a goal

    @rule(number=st.integers(0, 2), title=TITLES, kind=KINDS, untracked=st.booleans(), data=st.data())
    def start(self, number: int, title: str, kind: str, untracked: bool, data: st.DataObject) -> None:
        words = ["start-task", "--title", title, "--kind", kind]
        there = sorted(self.office.goals)
        inputs = data.draw(st.lists(st.sampled_from(there), max_size=2, unique=True)) if there else []
        words += [word for name in inputs for word in ("--input", name)]
        old = self.pick(
            data, lambda it: it.kind == kind and not it.open and it.superseded_by is None and it.merged_into is None
        )
        if old is not None and data.draw(st.booleans()):
            words += ["--supersedes", old.id]
        else:
            old = None
        said = self.command(number, *words, *(["--untracked"] if untracked else []))
        goal = Goal(said.goal["id"], title, kind, self.office.tick(), untracked, inputs=inputs)
        goal.supersedes = None if old is None else old.id
        if old is not None:
            old.superseded_by = goal.id
        self.office.goals[goal.id] = goal
        self.join(number, goal)

    def join(self, number: int, goal: Goal) -> None:
        if not goal.untracked:
            goal.joined.add(self.agents[number].session)

    @rule(number=st.integers(0, 2), stage=st.sampled_from(("plan", "build")), data=st.data())
    def mark(self, number: int, stage: str, data: st.DataObject) -> None:
        goal = self.pick(data, anything)
        if goal is None:
            return
        if not goal.open:
            self.refused(number, "closed_repair-mark", "mark", stage, "--goal", goal.id)
            return
        self.command(number, "mark", stage, "--goal", goal.id)
        goal.attempts[-1].append(stage)
        self.join(number, goal)

    @rule(number=st.integers(0, 2), reason=REASONS, data=st.data())
    def go_on(self, number: int, reason: str, data: st.DataObject) -> None:
        goal = self.pick(data, anything)
        if goal is None:
            return
        if not goal.open:
            self.refused(number, "closed_repair-continue-task", "continue-task", goal.id)
            return
        self.command(number, "continue-task", goal.id, "--failure-reason", reason)
        goal.attempts.append([])
        goal.reasons.append(reason)
        goal.activated = self.office.tick()
        self.join(number, goal)

    @rule(number=st.integers(0, 2), fails=st.booleans(), reason=REASONS, fit=st.booleans(), data=st.data())
    def finish(self, number: int, fails: bool, reason: str, fit: bool, data: st.DataObject) -> None:
        goal = self.pick(data, anything)
        if goal is None:
            return
        words = ["finish-task", goal.id, *outcome_words(goal, fails, reason, fit)]
        if not goal.open:
            self.refused(number, "closed_repair-finish-task", *words)
            return
        self.command(number, *words)
        goal.outcome = outcome(goal, fails, reason, fit)
        self.join(number, goal)

    @rule(number=st.integers(0, 2), fails=st.booleans(), reason=REASONS, fit=st.booleans(), data=st.data())
    def amend(self, number: int, fails: bool, reason: str, fit: bool, data: st.DataObject) -> None:
        goal = self.pick(data, lambda it: it.outcome is not None)
        if goal is not None:
            self.command(number, "finish-task", goal.id, "--amend", *outcome_words(goal, fails, reason, fit))
            goal.outcome = outcome(goal, fails, reason, fit)

    # changes beside it

    @rule(number=st.integers(0, 2), title=st.none() | TITLES, ref=st.none() | TITLES, data=st.data())
    def update(self, number: int, title: str | None, ref: str | None, data: st.DataObject) -> None:
        goal = self.pick(data, anything)
        if goal is None:
            return
        words = ["update", goal.id, "--notes", "n"]
        words += ["--title", title] if title else []
        words += ["--ref", ref] if ref else []
        if goal.merged_into is not None:
            self.refused(number, "goal-merged", *words)
            return
        more = self.pick(data, anything)
        assert more is not None
        if data.draw(st.booleans()):
            words += ["--input", more.id]
            if self.office.reaches(more.id, goal.id):
                self.refused(number, "input-cycle", *words)
                return
            goal.inputs += [] if more.id in goal.inputs else [more.id]
        self.command(number, *words)
        goal.title = title or goal.title
        goal.refs += [ref] if ref and ref not in goal.refs else []

    @rule(number=st.integers(0, 2), amount=st.integers(0, 999), data=st.data())
    def by_hand(self, number: int, amount: int, data: st.DataObject) -> None:
        goal = self.pick(data, lambda it: it.merged_into is None)
        if goal is not None:
            self.command(number, "update", goal.id, "--tokens-output", str(amount))
            goal.manual = +Counter(output=amount)

    @rule(number=st.integers(0, 2), amount=st.integers(1, 9999), data=st.data())
    def budget(self, number: int, amount: int, data: st.DataObject) -> None:
        goal = self.pick(data, lambda it: it.open)
        if goal is not None:
            self.command(number, "budget", "set", goal.id, "--tokens", str(amount))
            goal.budget = amount

    @precondition(lambda self: len(self.office.goals) > 1)
    @rule(number=st.integers(0, 2), data=st.data())
    def merge(self, number: int, data: st.DataObject) -> None:
        keep, drop = (self.pick(data, anything) for _ in "12")
        assert keep is not None
        assert drop is not None
        if keep is drop:
            return
        words = ("merge-tasks", "--keep", keep.id, "--drop", drop.id)
        error = merge_error(keep, drop)
        if error is not None:
            self.refused(number, error, *words)
            return
        self.command(number, *words)
        if keep.open and drop.open:
            keep.joined |= drop.joined
            keep.activated = max(keep.activated, drop.activated)
        drop.merged_into = keep.id

    @rule(number=st.integers(0, 2), amount=st.integers(0, 99), fails=st.booleans())
    def add_check(self, number: int, amount: int, fails: bool) -> None:
        words = ("--source-id", "paper", "--tokens-input", str(amount), "--status", "failed" if fails else "completed")
        said = self.command(number, "check", "add", *words)
        goal = Goal(said.goal["id"], "Check of paper", "check", self.office.tick(), manual=+Counter(input=amount))
        goal.outcome = ("fail", "other", None) if fails else ("success", None, None)
        self.office.goals[goal.id] = goal

    @rule()
    def settle(self) -> None:
        self.bench.ok("settle")

    # what must be so at the end

    def teardown(self) -> None:
        if not hasattr(self, "bench"):
            return
        for goal in [goal for goal in self.office.goals.values() if goal.open and goal.joined]:
            self.command(2, "finish-task", goal.id, "--status", "success")
            goal.outcome = ("success", None, None)
        assert self.bench.ok("settle", "--json").json["pending"] == 0
        self.bench.ok("sessions")
        state = self.bench.state()
        self.compare(state)
        assert self.bench.ok("verify").code == 0
        self.bench.ok("report")
        self.replay(state)

    def compare(self, state: Json) -> None:
        """Every goal, part and sum is as it truly was."""
        found = {goal["id"]: goal for goal in state["goals"]}
        assert set(found) == set(self.office.goals)
        told: dict[Part | None, Tokens] = dict(pair for shown in found.values() for pair in parts(shown))
        told[None] = tokens(state["remainder"]["tokens"])
        if state["unattributed"] is not None:
            told[None] += tokens(state["unattributed"]["tokens"])
        true = {part: +counts for part, counts in self.office.parts.items() if +counts}
        assert {part: counts for part, counts in told.items() if counts} == true
        for goal in self.office.goals.values():
            self.compare_goal(goal, found[goal.id])

    def compare_goal(self, goal: Goal, shown: Json) -> None:
        assert (shown["title"], shown["kind"], shown["status"]) == (goal.title, goal.kind, goal.status)
        assert (shown["links"]["refs"], shown["links"]["inputs"]) == (goal.refs, goal.inputs)
        ended = (None, None, None) if goal.outcome is None else goal.outcome
        assert (shown["failure_reason"], shown["result_fit"]) == ended[1:]
        assert (shown["supersedes"], shown["superseded_by"]) == (goal.supersedes, goal.superseded_by)
        assert shown["merged_into"] == (None if goal.merged_into is None else self.office.kept(goal.id))
        assert (shown["budget"] or {"tokens": None})["tokens"] == goal.budget
        expected = self.office.tokens(goal.id)
        assert (None if shown["tokens"] is None else tokens(shown["tokens"])) == (
            None if expected is None else +expected
        )
        own = [attempt for attempt in shown["attempts"] if attempt["goal"] == goal.id]
        if goal.merged_into is None:
            assert [attempt["failure_reason"] for attempt in own][:-1] == goal.reasons
        chain = self.office.chain(goal.id) if goal.merged_into is None else None
        if chain is not None:
            assert shown["chain"]["goals"] == chain
            assert total(shown["chain"]["tokens"]) == self.total(chain)
        inputs = self.office.all_inputs(goal.id) if goal.merged_into is None else set()
        if inputs:
            assert {row["id"] for row in shown["synthesis"]["inputs"]} == inputs
            assert total(shown["synthesis"]["end_to_end"]) == self.total([goal.id, *inputs])

    def total(self, goals: list[str]) -> Tokens | None:
        known = [counts for counts in map(self.office.tokens, goals) if counts is not None]
        return +sum(known, Counter()) if known else None

    def replay(self, state: Json) -> None:
        """The same lines in another order, in other files, without any store: the same goals and remainder."""
        lines = [line for data in self.bench.lines().values() for line in data.splitlines(keepends=True)]
        place = self.bench.home / "copy"
        place.mkdir()
        half = len(lines) // 2
        (place / "w-00000001.ndjson").write_bytes(b"".join(reversed(lines[: half + 3])))
        (place / "w-00000002.ndjson").write_bytes(b"".join(reversed(lines[half:])))
        again = self.bench.ok(
            "show", "--json", "--ledger", str(place), TALLYBOOK_HOME=str(self.bench.home / "other")
        ).json
        assert json.dumps(again["goals"]) == json.dumps(state["goals"])
        assert again["remainder"] == state["remainder"]


def anything(_: Goal) -> bool:
    return True


def outcome(goal: Goal, fails: bool, reason: str, fit: bool) -> tuple[str, str | None, str | None]:
    product = fit and goal.kind == "product"
    return (
        ("fail", reason, "miss" if product else None) if fails else ("success", None, "exact_fit" if product else None)
    )


def outcome_words(goal: Goal, fails: bool, reason: str, fit: bool) -> list[str]:
    status, why, how = outcome(goal, fails, reason, fit)
    words = ["--status", status]
    words += [] if why is None else ["--failure-reason", why]
    return words + ([] if how is None else ["--result-fit", how])


def merge_error(keep: Goal, drop: Goal) -> str | None:
    if keep.merged_into is not None or drop.merged_into is not None:
        return "goal-merged"
    if keep.kind != drop.kind:
        return "merge-other-kind"
    return "merge-open-into-closed" if drop.open and not keep.open else None


def parts(shown: Json) -> Iterator[tuple[Part, Tokens]]:
    """What the program says of each stage, by the goal that it was made for."""
    seen: Counter[tuple[str, int]] = Counter()
    for stage in shown["stages"]:
        place = (stage["goal"], stage["attempt"])
        if stage["tokens"] is not None:
            yield (*place, seen[place]), tokens(stage["tokens"])
        seen[place] += 1


def total(vector: Any) -> Tokens | None:  # noqa: ANN401 - a vector or null
    return None if vector is None else tokens(vector)


def test_any_commands_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Goals, attempts, merges, supersedes and corrections: invariants hold, nothing is counted twice or lost."""
    numbers = iter(range(1_000_000))

    def make() -> Bench:
        place = tmp_path / str(next(numbers))
        home = place / "home"
        home.mkdir(parents=True)
        for name, below in (("HOME", "."), ("CODEX_HOME", ".codex"), ("CLAUDE_CONFIG_DIR", ".claude")):
            monkeypatch.setenv(name, str(home / below))
        monkeypatch.setenv("TALLYBOOK_HOME", str(home / "tallybook"))
        return Bench(place, home, monkeypatch)

    class Here(Machine):
        pass

    Here.make = staticmethod(make)
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
