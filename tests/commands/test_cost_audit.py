"""`tally cost-audit`: each category as it comes about in life, its near miss, and the command that it names."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import Bench, tokens, tree
from commands.test_backfill import Unseen, moment
from commands.test_history_audit import Calendar, follow
from tallybook.domain.shortfalls import Category

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Json


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    return Calendar(monkeypatch)


@pytest.fixture
def unseen(bench: Bench) -> Unseen:
    return Unseen(bench)


def audit(bench: Bench, *arguments: str) -> Json:
    """What it says; counts and text must fit, and each goal stands there once."""
    found = bench.ok("cost-audit", *arguments, "--json").json
    assert found["schema"] == "tallybook.cost-audit/1"
    rows = found["goals"]
    assert len({row["goal"]["id"] for row in rows}) == len(rows)
    assert set(found["counts"]) == {*Category, "whole"}
    told = Counter(row["category"] for row in rows)
    assert {name: count for name, count in found["counts"].items() if count and name != "whole"} == told
    assert found["looked"] == len(rows) + found["counts"]["whole"]
    order = [list(Category).index(row["category"]) for row in rows]
    assert order == sorted(order)
    for row in rows:
        assert row["reasons"][0]["category"] == row["category"]
        assert (row["message"], row["next"]) == (row["reasons"][0]["message"], row["reasons"][0]["next"])
        assert set(row["also"]) == {reason["category"] for reason in row["reasons"]} - {row["category"]}
        assert all(shlex.split(reason["next"])[0] == "tally" for reason in row["reasons"])
    text = bench.ok("cost-audit", *arguments).out
    assert text.count("  > ") == len(rows)
    return found


def only(bench: Bench, *arguments: str) -> Json:
    """The one goal that is not whole."""
    (row,) = audit(bench, *arguments)["goals"]
    assert isinstance(row, dict)
    return row


def categories(bench: Bench, *arguments: str) -> dict[str, str]:
    """Category by goal."""
    return {row["goal"]["id"]: row["category"] for row in audit(bench, *arguments)["goals"]}


def finished(bench: Bench, goal: str, **environ: str) -> str:
    bench.ok("finish-task", goal, "--status", "success", **environ)
    return goal


def test_a_goal_that_is_whole(bench: Bench) -> None:
    """Measured from its start to its end, with prices for all of it."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    agent.say()
    assert categories(bench) == {goal: "incomplete-window"}
    finished(bench, goal, **agent.environ)
    found = audit(bench)
    assert (found["goals"], found["counts"]["whole"], found["elsewhere"]) == ([], 1, 0)
    assert found["book"].startswith("genai-prices ")
    assert bench.ok("cost-audit").out == "1 goal: 1 whole\n"


def test_nothing_at_all(bench: Bench) -> None:
    assert audit(bench)["looked"] == 0
    assert bench.ok("cost-audit").out == "0 goals: 0 whole\n"


def test_an_open_goal(bench: Bench) -> None:
    """It is counted up to its last boundary; the command closes it."""
    agent = CodexAgent(bench, 1)
    goal = bench.start(**agent.environ)
    work = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    row = only(bench)
    assert (row["category"], row["also"]) == ("incomplete-window", [])
    assert row["evidence"]["tokens"] == sum(work.values()) - work["reasoning"]
    assert row["evidence"]["stages"] == {"measured": 2, "all": 2}
    follow(bench, row["next"])
    assert categories(bench) == {}
    assert bench.shown(goal)["status"] == "success"


def test_what_can_be_settled(bench: Bench) -> None:
    """Before the response is logged the window is incomplete; then there is a gap, which settling closes."""
    agent = CodexAgent(bench, 1, late=True)
    goal = bench.start(**agent.environ)
    agent.say()
    agent.issue()
    finished(bench, goal, **agent.environ)
    row = only(bench)
    assert row["category"] == "incomplete-window"
    assert row["message"].startswith("1 boundary of it waits for a response that no log tells yet (codex ")
    snapshots = [event["id"] for event in bench.events("usage_snapshot")]
    assert row["reasons"][0]["snapshots"] == snapshots[1:]
    agent.returned()
    row = only(bench)
    assert row["category"] == "sync-gap"
    assert row["next"] == "tally settle"
    assert row["reasons"][0]["sessions"] == [{"agent": "codex", "id": agent.session}]
    follow(bench, row["next"])
    assert categories(bench) == {}


def test_what_a_backfill_finds(bench: Bench, unseen: Unseen) -> None:
    """The history holds what the goal used while nobody measured: how much is told, and the command takes it."""
    agent = ClaudeAgent(bench, 1)
    goal = unseen.start()
    work = agent.say()
    unseen.finish(goal)
    row = only(bench)
    assert (row["category"], row["evidence"]["tokens"]) == ("sync-gap", None)
    used = sum(work.values())
    assert row["reasons"][0]["missing_tokens"] == used
    assert row["message"].startswith(f"the history holds {used:,} tokens of its time that the ledger has not taken")
    assert row["next"] == f"tally backfill {goal}"
    follow(bench, row["next"])
    assert categories(bench) == {}
    assert tokens(bench.shown(goal)["tokens"]) == work


def test_a_finish_that_nobody_measured(bench: Bench, unseen: Unseen) -> None:
    """Its last snapshot is missing, so what came after the one before is the history's alone."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    first = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    moment()
    last = agent.say()
    unseen.finish(goal)
    agent.say()
    assert tokens(bench.shown(goal)["tokens"]) == first
    row = only(bench)
    assert (row["category"], row["evidence"]["tokens"]) == ("sync-gap", sum(first.values()))
    assert row["reasons"][0]["missing_tokens"] == sum(last.values())
    assert row["next"] == f"tally backfill {goal} --force"
    follow(bench, row["next"])
    assert tokens(bench.shown(goal)["tokens"]) == first + last
    assert categories(bench) == {}


def test_a_session_that_worked_beside_a_goal_is_none_of_its_gaps(bench: Bench) -> None:
    """A goal that was measured from end to end has all of its own, whoever else was at work in the same directory."""
    agent, other = ClaudeAgent(bench, 1), ClaudeAgent(bench, 2)
    goal = bench.start(**agent.environ)
    agent.say()
    other.say()
    moment()
    finished(bench, goal, **agent.environ)
    other.say()
    assert categories(bench) == {}


def test_the_log_of_a_child_that_came_later(bench: Bench) -> None:
    """A subagent's log that was not there when the goal ended."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    work = agent.say()
    moment()
    child = agent.delegate("scout")
    place = agent.log.with_suffix("")
    away = place.rename(place.with_name("away.dir"))
    bench.home.joinpath("kept").mkdir()
    away = away.rename(bench.home / "kept" / "logs")
    moment()
    finished(bench, goal, **agent.environ)
    assert categories(bench) == {}
    away.rename(place)
    row = only(bench)
    assert (row["category"], row["reasons"][0]["missing_tokens"]) == ("sync-gap", sum(child.values()))
    follow(bench, row["next"])
    assert tokens(bench.shown(goal)["tokens"]) == work + child
    assert categories(bench) == {}


def test_an_open_goal_whose_session_went_on_for_long(bench: Bench, calendar: Calendar) -> None:
    """What the audit of the history calls a gap is one here."""
    agent = CodexAgent(bench, 1, ago=timedelta(hours=1))
    goal = bench.start(**agent.environ)
    agent.ago = -timedelta(hours=30)
    agent.flush()
    agent.say()
    calendar.go_on(hours=32)
    row = only(bench)
    assert (row["category"], row["next"]) == ("sync-gap", f"tally mark STAGE --goal {goal}")
    assert row["also"] == ["incomplete-window"]


def test_the_log_of_an_open_goal_turned_up(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    hidden = agent.log.rename(agent.log.with_suffix(".away"))
    goal = bench.start(**agent.environ)
    assert categories(bench) == {goal: "unresolved-session"}
    hidden.rename(agent.log)
    row = only(bench)
    assert (row["category"], row["also"]) == ("sync-gap", ["incomplete-window"])
    follow(bench, row["next"])
    agent.say()
    assert categories(bench) == {goal: "incomplete-window"}


def test_a_model_without_a_price(bench: Bench) -> None:
    """How many tokens have none and why; what has one is told too."""
    agent = CodexAgent(bench, 1)
    goal = bench.start(**agent.environ)
    priced = agent.say()
    agent.turn("our'own-model")
    unpriced = agent.say()
    finished(bench, goal, **agent.environ)
    row = only(bench)
    assert (row["category"], row["also"]) == ("partial-coverage", [])
    total = {name: sum(it.values()) - it["reasoning"] for name, it in (("priced", priced), ("unpriced", unpriced))}
    assert row["evidence"]["priced_tokens"] == total["priced"]
    assert 0 < row["evidence"]["cost"]["priced_share"] < 1
    assert f"{total['priced']:,} with a price: 0.0" in bench.ok("cost-audit").out
    assert row["reasons"][0]["missing_tokens"] == total["unpriced"]
    reason = "no rule tells whose model it is"
    assert row["evidence"]["cost"]["unpriced"] == [{"model": "our'own-model", "reason": reason}]
    assert f"{total['unpriced']:,} of its {sum(total.values()):,} tokens have no price" in row["message"]
    said = bench.tally(*shlex.split(row["next"])[1:])
    assert (said.code, reason in said.out) == (1, True)


def test_the_goal_with_most_missing_comes_first(bench: Bench) -> None:
    goals = []
    for number, answers in ((1, 1), (2, 3)):
        agent = CodexAgent(bench, number, model="own-1")
        goals.append(bench.start(**agent.environ))
        for _ in range(answers):
            agent.say()
        finished(bench, goals[-1], **agent.environ)
    assert list(categories(bench)) == goals[::-1]


def test_one_of_two_sessions_was_never_logged(bench: Bench) -> None:
    """What the other one used is known; that is a part."""
    agent, other = ClaudeAgent(bench, 1), ClaudeAgent(bench, 2)
    other.log.unlink()
    goal = bench.start(**agent.environ)
    agent.say()
    bench.ok("mark", "plan", "--goal", goal, **other.environ)
    finished(bench, goal, **agent.environ)
    row = only(bench)
    assert (row["category"], row["next"]) == ("partial-coverage", "tally doctor")
    assert row["reasons"][0]["sessions"] == [{"agent": "claude", "id": other.session}]
    assert bench.shown(goal)["quality"] == "lower_bound"


def test_a_merge_with_a_goal_that_nobody_measured(bench: Bench) -> None:
    """One attempt has a number, the other has none; the dropped goal stands nowhere itself."""
    agent = ClaudeAgent(bench, 1)
    keep = bench.start("Keep", **agent.environ)
    agent.say()
    finished(bench, keep, **agent.environ)
    drop = finished(bench, bench.start("Drop", "--untracked"))
    bench.ok("merge-tasks", "--keep", keep, "--drop", drop)
    row = only(bench)
    assert (row["goal"]["id"], row["category"]) == (keep, "partial-coverage")
    assert row["evidence"]["attempts"] == {"measured": 1, "all": 2}
    assert row["message"] == "nobody measured 1 of its 2 attempts"


def test_numbers_by_hand(bench: Bench) -> None:
    """They are a number, but tell no day, so there is no price of them."""
    goal = bench.start()
    bench.ok("finish-task", goal, "--status", "success", "--tokens-input", "5", "--tokens-model", "gpt-5")
    row = only(bench)
    assert (row["category"], row["evidence"]["tokens"]) == ("partial-coverage", 5)
    assert row["evidence"]["cost"]["unpriced"] == [
        {"model": "gpt-5", "reason": "numbers given by hand tell no day and no tier"}
    ]
    assert row["also"] == []


def test_a_session_that_no_log_tells_of(bench: Bench) -> None:
    """What logs of the agent never hold is told, for it may be that."""
    goal = bench.start("t", "--agent", "codex", "--session", "019ad6c0-8a4f-7c31-b2d7-6f0e5a914c22")
    finished(bench, goal)
    row = only(bench)
    assert (row["category"], row["next"]) == ("unresolved-session", "tally doctor")
    assert row["message"].startswith("no log tells of its session (codex 019ad6c0-")
    assert "never logged by codex: " in row["message"]
    follow(bench, row["next"])


def test_sessions_that_can_not_be_told_apart(bench: Bench, unseen: Unseen) -> None:
    """Both worked in the directory of the goal; both are named, and looking is all that can be done."""
    agents = [ClaudeAgent(bench, number) for number in (1, 2)]
    goal = unseen.start()
    for agent in agents:
        agent.say()
    unseen.finish(goal)
    row = only(bench)
    assert (row["category"], row["evidence"]["backfill"]) == ("unresolved-session", "ambiguous")
    assert {one["id"] for one in row["reasons"][0]["sessions"]} == {agent.session for agent in agents}
    assert row["next"] == f"tally backfill {goal} --dry-run"


def test_an_agent_without_a_session(bench: Bench, unseen: Unseen) -> None:
    """Somebody said which agent would do it."""
    goal = unseen.start("--agent", "codex")
    unseen.finish(goal)
    row = only(bench)
    assert (row["category"], row["next"]) == ("unresolved-session", "tally sessions --agent codex")
    assert row["message"] == "codex is said to have worked on it, and no session of it is known"
    follow(bench, row["next"])


def test_a_goal_without_any_data(bench: Bench) -> None:
    """Open, a session may be named; closed, somebody must tell the numbers."""
    goal = bench.start()
    row = only(bench)
    assert (row["category"], row["next"], row["also"]) == ("no-data", "tally sessions", ["incomplete-window"])
    finished(bench, goal)
    row = only(bench)
    assert (row["category"], row["also"]) == ("no-data", [])
    cost = row["evidence"].pop("cost")
    assert (cost["usd"], cost["nano_usd"], cost["priced_share"]) == (None, None, 0)
    assert row["evidence"] == {
        "tokens": None,
        "attempts": {"measured": 0, "all": 1},
        "stages": {"measured": 0, "all": 1},
        "priced_tokens": 0,
        "backfill": "nothing",
        "writer": bench.events()[0]["writer"],
    }
    follow(bench, row["next"].replace(" N", " 7"))
    assert categories(bench) == {goal: "partial-coverage"}
    assert "no number" not in bench.ok("cost-audit").out


def test_nothing_is_measured_here(bench: Bench, unseen: Unseen) -> None:
    """With capture off nothing could be known; switched on, the same goal is without data."""
    goal = unseen.start()
    unseen.finish(goal)
    found = json.loads(unseen.run("cost-audit", "--json"))
    (row,) = found["goals"]
    assert (row["category"], row["message"]) == (
        "unavailable-telemetry",
        "nothing is measured here: [capture] enabled is false",
    )
    assert categories(bench) == {goal: "no-data"}


def test_a_goal_that_was_not_to_be_measured(bench: Bench) -> None:
    goal = finished(bench, bench.start("t", "--untracked"))
    row = only(bench)
    assert (row["category"], row["message"]) == ("unavailable-telemetry", "it was not to be measured (--untracked)")
    assert row["next"].startswith(f"tally update {goal} ")


def test_a_session_that_keeps_no_log(bench: Bench) -> None:
    """Its agent ran the commands itself, others of its kind are read here, and it wrote nothing: it was ephemeral."""
    CodexAgent(bench, 1).say()
    ephemeral = CodexAgent(bench, 2)
    ephemeral.log.unlink()
    goal = bench.start(**ephemeral.environ)
    finished(bench, goal, **ephemeral.environ)
    row = only(bench)
    assert row["category"] == "unavailable-telemetry"
    assert row["message"] == f"its session keeps no log, as others of codex do (codex {ephemeral.session})"
    assert row["next"].startswith(f"tally update {goal} ")


def test_an_agent_that_nobody_can_read(bench: Bench) -> None:
    """Taken over from another system, with an agent of which tallybook reads no logs."""
    (bench.repo / "events.ndjson").write_text(
        json.dumps(
            {
                "event_type": "goal_finished",
                "goal": {
                    "goal_id": "2026-01-05-001",
                    "title": "Fix the sum",
                    "goal_type": "product",
                    "status": "success",
                    "started_at": "2026-01-05T10:00:00Z",
                    "finished_at": "2026-01-05T12:00:00Z",
                    "agent_name": "bard-cli",
                },
            }
        )
    )
    bench.ok("import", "events.ndjson")
    row = only(bench)
    assert (row["category"], row["message"]) == ("unavailable-telemetry", "there is no reader for logs of bard-cli")


def test_a_goal_that_was_imported_without_numbers(bench: Bench) -> None:
    taken = {"goal_id": "2026-01-05-001", "title": "Fix the sum", "goal_type": "product", "status": "success"}
    times = {"started_at": "2026-01-05T10:00:00Z", "finished_at": "2026-01-05T12:00:00Z"}
    (bench.repo / "events.ndjson").write_text(json.dumps({"event_type": "goal_finished", "goal": taken | times}))
    bench.ok("import", "events.ndjson")
    row = only(bench)
    assert row["category"] == "unavailable-telemetry"
    assert row["message"].startswith("it was imported without numbers (")
    assert "2026-01-05-001" in row["message"]


def test_goals_of_another_clone(bench: Bench, tmp_path: Path) -> None:
    """From the ledger alone: what is measured in part there, what is not measured at all, and what is whole."""
    agent, lost = ClaudeAgent(bench, 1), ClaudeAgent(bench, 2)
    lost.log.unlink()
    whole = bench.start("Whole", **agent.environ)
    agent.say()
    finished(bench, whole, **agent.environ)
    partial = bench.start("Partial", **agent.environ)
    agent.say()
    bench.ok("mark", "plan", "--goal", partial, **lost.environ)
    finished(bench, partial, **agent.environ)
    unknown = bench.start("Unknown", **lost.environ)
    finished(bench, unknown, **lost.environ)
    begun = bench.start("Open", **agent.environ)
    bench.ok("mark", "plan", "--goal", begun, **agent.environ)
    clone = tmp_path / "clone"
    bench.git("clone", "-q", str(bench.repo), str(clone))
    home = clone / ".git" / "tallybook" / "events"
    home.mkdir(parents=True)
    for path in bench.ledger.glob("*.ndjson"):
        (home / path.name).write_bytes(path.read_bytes())
    agent.log.unlink()
    for path in bench.data.glob("*"):
        if path.is_file():
            path.unlink()
    bench.go(clone)
    assert categories(bench) == {
        partial: "partial-coverage",
        unknown: "unavailable-telemetry",
        begun: "incomplete-window",
    }
    found = audit(bench)
    assert (found["elsewhere"], found["counts"]["whole"]) == (3, 1)
    row = next(row for row in found["goals"] if row["goal"]["id"] == unknown)
    writer = json.loads(next(home.glob("*.ndjson")).read_text().splitlines()[0])["writer"]
    assert row["message"] == f"it was worked on in another clone ({writer}), and what logs there are is there"
    said = bench.ok("cost-audit")
    assert said.out.count("> in its own clone: tally ") == 3
    assert "3 goals of other clones: told from the ledger alone" in said.err


def test_a_start_that_nobody_measured(bench: Bench) -> None:
    """From the first command on that an agent ran it is measured; nothing tells of the time before."""
    goal = bench.start()
    agent = ClaudeAgent(bench, 1)
    agent.records[0]["timestamp"] = "2026-01-01T00:00:00Z"
    agent.flush()
    bench.ok("mark", "plan", "--goal", goal, **agent.environ)
    agent.say()
    finished(bench, goal, **agent.environ)
    row = only(bench)
    assert (row["category"], row["next"]) == ("incomplete-window", f"tally backfill {goal} --force")
    assert row["message"] == "it began before any session of it was known, and is measured from then on"


def test_a_log_that_tells_of_nothing(bench: Bench) -> None:
    """It turned up after the goal was closed, and nothing was used in that time."""
    agent = ClaudeAgent(bench, 1)
    hidden = agent.log.rename(agent.log.with_suffix(".away"))
    goal = bench.start(**agent.environ)
    finished(bench, goal, **agent.environ)
    hidden.rename(agent.log)
    row = only(bench)
    assert row["category"] == "incomplete-window"
    assert row["message"].startswith("the log of its session is there, and tells of no usage in its time (claude ")
    follow(bench, row["next"])


def test_a_clock_that_was_set_back(bench: Bench, calendar: Calendar) -> None:
    agent = ClaudeAgent(bench, 1)
    calendar.go_on(hours=5)
    goal = bench.start(**agent.environ)
    bench.ok("mark", "plan", **agent.environ)
    bench.ok("mark", "build", **agent.environ)
    calendar.go_on(hours=-2)
    bench.ok("mark", "test", **agent.environ)
    calendar.go_on(hours=3)
    finished(bench, goal, **agent.environ)
    row = only(bench)
    assert row["category"] == "incomplete-window"
    assert row["message"].startswith("its times go back, from ")
    follow(bench, row["next"])


def test_a_window_of_no_length(bench: Bench) -> None:
    """Closed at the moment at which it began: there is no time of it that the history could be asked for."""
    agent = ClaudeAgent(bench, 1)
    begun = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    goal = bench.start("t", "--started-at", begun, **agent.environ)
    bench.ok("finish-task", goal, "--status", "success", "--finished-at", begun, **agent.environ)
    assert categories(bench) == {}


def test_some_of_the_goals(bench: Bench, calendar: Calendar) -> None:
    """By the day on which they were open still, by the day on which they began, and by kind."""
    old = finished(bench, bench.start("Old"))
    calendar.go_on(days=10)
    new = finished(bench, bench.start("New", kind="meta"))
    begun = bench.start("Begun", kind="retro")
    day = (datetime.now(UTC) + timedelta(days=5)).date().isoformat()
    assert set(categories(bench)) == {old, new, begun}
    assert set(categories(bench, "--since", day)) == {new, begun}
    assert set(categories(bench, "--until", day)) == {old}
    assert set(categories(bench, "--kind", "meta")) == {new}
    assert set(categories(bench, "--kind", "meta", "--kind", "product")) == {old, new}
    assert bench.misused("cost-audit", "--kind", "epic") == "unknown-kind"
    assert bench.misused("cost-audit", "--since", "yesterday") == "unreadable-date"
    assert bench.misused("cost-audit", "--until", "2026-13-01") == "unreadable-date"


def test_hostile_titles_are_shown_as_text(bench: Bench) -> None:
    """Nothing that a terminal would obey goes out."""
    goal = bench.start("Red\u202e[31m")
    agent = CodexAgent(bench, 1, model="a\x1b[31m b")
    bench.ok("mark", "plan", "--goal", goal, **agent.environ)
    agent.say()
    finished(bench, goal, **agent.environ)
    out = bench.ok("cost-audit").out
    assert not set(out) & {"\x1b", "\u202e"}


def test_it_only_reads(bench: Bench) -> None:
    """Neither ledger nor repository nor logs change; with --no-update the history is taken as it is."""
    agent = CodexAgent(bench, 1, late=True)
    goal = bench.start(**agent.environ)
    agent.issue()
    finished(bench, goal, **agent.environ)
    agent.returned()
    before = tree(bench.repo, bench.home / ".codex")
    assert categories(bench, "--no-update") == {goal: "incomplete-window"}
    assert categories(bench) == {goal: "sync-gap"}
    assert tree(bench.repo, bench.home / ".codex") == before
