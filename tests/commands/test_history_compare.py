"""`tally history compare`: each session on both sides, each difference with its cause, and no number of its own."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import Bench, tokens, tree
from commands.pi_agent import PiAgent
from commands.test_any_life import Office, at_work

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Json

NUMBERS = ("goals", "remainder", "counter", "history", "unattributed", "missing")


def answer(bench: Bench, *arguments: str) -> Json:
    """What the command says; whatever it is, the sums must fit."""
    found = bench.ok("history", "compare", *arguments, "--json").json
    assert found["schema"] == "tallybook.history_compare/1"
    for row in found["rows"]:
        assert row["message"]
        counter = Counter() if row["counter"] is None else tokens(row["counter"])
        known = sum((tokens(goal["tokens"]) for goal in row["goals"] if goal["tokens"] is not None), Counter())
        assert known + maybe(row["remainder"]) == counter
        assert maybe(row["history"]) + tokens(row["missing"]) == counter + tokens(row["unattributed"])
    total = {name: tokens(found["total"][name]) for name in NUMBERS}
    assert set(found["total"]) == set(NUMBERS)
    assert total["goals"] + total["remainder"] == total["counter"]
    assert total["history"] + total["missing"] == total["counter"] + total["unattributed"]
    assert sum(found["causes"].values()) == found["sessions"]
    return found


def maybe(vector: Json | None) -> Counter[str]:
    return Counter() if vector is None else tokens(vector)


def causes(bench: Bench, *arguments: str) -> dict[str, str]:
    """The cause of each session that is listed."""
    return {row["id"]: row["cause"] for row in answer(bench, *arguments)["rows"]}


def check(bench: Bench) -> None:
    """All numbers are those of `usage` and of `show`."""
    found = answer(bench, "--all")
    rows = {(row["agent"], row["id"]): row for row in found["rows"]}
    assert len(rows) == found["sessions"] == len(found["rows"])
    used = bench.ok("usage", "--by", "agent,session", "--json").json
    history = {(row["key"]["agent"], row["key"]["session"]): row["tokens"] for row in used["rows"]}
    assert {key: row["history"] for key, row in rows.items() if row["history"]["total"]} == history
    assert found["total"]["history"] == used["total"]["tokens"]
    state = bench.state()
    shares: dict[tuple[str, str], list[Json]] = {}
    for goal in state["goals"]:
        for share in goal["sessions"]:
            shares.setdefault((share["agent"], share["id"]), []).append({"id": goal["id"], "tokens": share["tokens"]})
    assert {key: row["goals"] for key, row in rows.items() if row["goals"]} == shares
    remainder = {(row["agent"], row["id"]): row["tokens"] for row in state["remainder"]["by_session"]}
    assert {key: row["remainder"] for key, row in rows.items() if maybe(row["remainder"])} == remainder
    assert found["total"]["remainder"] == state["remainder"]["tokens"]
    assert found["total"]["unattributed"] == state["unattributed"]["tokens"]


@pytest.mark.parametrize("seed", range(8))
def test_numbers_are_those_of_show_and_usage(bench: Bench, seed: int) -> None:
    """In any life of several agents and goals, half done or whole."""
    rng = random.Random(1000 + seed)
    kinds = rng.sample(
        ["claude", "codex", "late", "claude", "amp", "amp-late", "copilot", "gemini", "opencode", "pi"], 3
    )
    agents = [at_work(bench, kind, number) for number, kind in enumerate(kinds, 1)]
    office = Office(bench, rng, agents)
    for _ in range(rng.randrange(6, 18)):
        office.step()
    check(bench)
    bench.ok("settle")
    check(bench)


def test_a_session_that_went_on(bench: Bench) -> None:
    """What came after its last boundary is unattributed; an equal session is not listed, nor one without a goal."""
    agent, other, idle = ClaudeAgent(bench, 1), PiAgent(bench, 2), ClaudeAgent(bench, 3)
    before = agent.say()
    goal = bench.start(**agent.environ)
    work, theirs = agent.say(), agent.delegate("scout")
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    assert causes(bench) == {}
    after, alone = agent.say(), other.say()
    found = answer(bench)
    (row,) = found["rows"]
    assert (row["id"], row["cause"]) == (agent.session, "went-on")
    assert row["goals"] == [{"id": goal, "tokens": row["goals"][0]["tokens"]}]
    assert tokens(row["goals"][0]["tokens"]) == work
    assert (tokens(row["remainder"]), tokens(row["unattributed"])) == (before, after)
    told = {name: count for name, count in found["causes"].items() if count}
    assert told == {"equal": 1, "went-on": 1, "no-goal": 2}
    everything = {row["id"]: row for row in answer(bench, "--all")["rows"]}
    child = everything[agent.child("scout")]
    assert (child["cause"], child["parent"], tokens(child["goals"][0]["tokens"])) == ("equal", agent.session, theirs)
    assert (everything[other.session]["cause"], everything[other.session]["counter"]) == ("no-goal", None)
    assert tokens(everything[other.session]["unattributed"]) == alone
    assert everything[idle.session]["cause"] == "no-goal"
    check(bench)


def test_a_boundary_that_waits(bench: Bench) -> None:
    """Its response is logged late; as long as nothing new is logged both sides are equal, and so they are settled."""
    agent = CodexAgent(bench, 1, late=True)
    agent.issue()
    bench.start(**agent.environ)
    assert causes(bench) == {}
    agent.returned()
    assert causes(bench) == {agent.session: "settled-later"}
    bench.ok("settle")
    assert causes(bench) == {}


def test_a_log_that_turned_up_and_one_that_never_did(bench: Bench) -> None:
    agent, other = ClaudeAgent(bench, 1), ClaudeAgent(bench, 2)
    agent.say()
    hidden = agent.log.rename(agent.log.with_suffix(".away"))
    other.log.unlink()
    goals = [bench.start(**one.environ) for one in (agent, other)]
    assert causes(bench) == {agent.session: "never-logged", other.session: "never-logged"}
    hidden.rename(agent.log)
    found = {row["id"]: row for row in answer(bench)["rows"]}
    assert found[agent.session]["cause"] == "log-turned-up"
    assert (found[agent.session]["counter"], found[other.session]["history"]) == (None, None)
    assert found[other.session]["cause"] == "never-logged"
    assert {goal["id"] for row in found.values() for goal in row["goals"]} <= set(goals)


def test_a_log_that_was_cut(bench: Bench) -> None:
    """What was counted stays; the comparison tells what is missing now."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    goal = bench.start(**agent.environ)
    kept = len(agent.records)
    work = agent.say()
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    assert causes(bench) == {}
    agent.records = agent.records[:kept]
    agent.flush()
    (row,) = answer(bench)["rows"]
    assert row["cause"] == "log-changed"
    assert tokens(row["missing"]) == work
    assert tokens(row["unattributed"]) == Counter()


def test_a_log_that_is_gone(bench: Bench) -> None:
    """The history keeps what it told; only where the history is made anew is it missing."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    work = agent.say()
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    agent.log.unlink()
    assert causes(bench) == {}
    for path in bench.data.glob("history.db*"):
        path.unlink()
    (row,) = answer(bench)["rows"]
    assert (row["cause"], row["history"]) == ("log-gone", None)
    assert tokens(row["missing"]) == tokens(row["counter"]) == work


def test_a_session_of_another_clone(bench: Bench, tmp_path: Path) -> None:
    """Where its log is here as well there is no difference; where it is not, it is elsewhere and nothing is wrong."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    agent.say()
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    clone = tmp_path / "clone"
    bench.git("clone", "-q", str(bench.repo), str(clone))
    home = clone / ".git" / "tallybook" / "events"
    home.mkdir(parents=True)
    for path in bench.ledger.glob("*.ndjson"):
        (home / path.name).write_bytes(path.read_bytes())
    bench.go(clone)
    assert causes(bench) == {}
    agent.log.unlink()
    for path in bench.data.glob("history.db*"):
        path.unlink()
    assert causes(bench) == {agent.session: "elsewhere"}


def test_it_only_reads(bench: Bench) -> None:
    """Neither ledger nor repository nor logs change; with --no-update the history is taken as it is."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    work = agent.say()
    before = tree(bench.repo, bench.home / ".claude")
    assert causes(bench, "--no-update") == {}
    assert causes(bench) == {agent.session: "went-on"}
    assert tokens(answer(bench, "--no-update")["total"]["unattributed"]) == work
    assert tree(bench.repo, bench.home / ".claude") == before
    assert bench.shown(goal)["status"] == "open"


def test_only_some_sessions(bench: Bench) -> None:
    one, other = ClaudeAgent(bench, 1), PiAgent(bench, 2)
    for agent in (one, other):
        bench.start(**agent.environ)
        agent.say()
    assert set(causes(bench)) == {one.session, other.session}
    assert set(causes(bench, "--agent", "pi")) == {other.session}
    assert set(causes(bench, "--session", one.session)) == {one.session}
    assert causes(bench, "--session", one.session, "--agent", "pi") == {}
    assert bench.misused("history", "compare", "--agent", "nosuch") == "unknown-agent"


def test_as_text(bench: Bench) -> None:
    agent = CodexAgent(bench, 1, late=True)
    agent.issue()
    bench.start(**agent.environ)
    agent.returned()
    lost = ClaudeAgent(bench, 2)
    lost.log.unlink()
    bench.start(**lost.environ)
    said = bench.ok("history", "compare").out.splitlines()
    assert said[0].split("\t") == ["agent", "session", *NUMBERS, "cause"]
    assert said[1].split("\t") == ["claude", lost.session, "—", "—", "—", "—", "0", "0", "never-logged"]
    assert said[2].endswith("settled-later")
    assert (
        "settled-later: 1 session; a response was logged after the boundary that it lies before (tally settle)" in said
    )
    assert said[-1].startswith("  = goals 0 + remainder 0 + unattributed ")


def test_a_ledger_and_a_history_that_are_empty(bench: Bench) -> None:
    found = answer(bench)
    assert (found["rows"], found["sessions"]) == ([], 0)
    assert bench.ok("history", "compare").out == "history 0 + missing 0\n  = goals 0 + remainder 0 + unattributed 0\n"
