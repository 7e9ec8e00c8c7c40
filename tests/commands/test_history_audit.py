"""`tally history audit`: every finding is made on purpose, is not made by its near miss, and goes by its own hint."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import Bench, tokens, tree
from commands.test_backfill import Unseen, moment
from tallybook.domain.findings import Code, Limits

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Json

LIMITS = Limits()


class Calendar:
    """Lets the commands' clock stand later than the machine's."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta()
        calendar = self

        class Clock:
            def now(self) -> datetime:
                return datetime.now(UTC) + calendar.ahead

        patch.setattr("tallybook.usecases.workspace.SystemClock", Clock)

    def go_on(self, **more: float) -> None:
        self.ahead += timedelta(**more)


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    return Calendar(monkeypatch)


def audit(bench: Bench, *arguments: str) -> Json:
    """What it says; the exit code, the counts and the text must fit."""
    said = bench.tally("history", "audit", *arguments, "--json")
    found = said.json
    assert found["schema"] == "tallybook.history_audit/1"
    assert {it["code"] for it in found["unavailable"]} <= {"changed-files"}
    wrong = [row for row in found["findings"] if row["severity"] == "problem"]
    assert said.code == (1 if wrong else 0)
    assert {name: count for name, count in found["counts"].items() if count} == {
        row["code"]: sum(other["code"] == row["code"] for other in wrong) for row in wrong
    }
    assert set(found["counts"]) == set(Code)
    for row in found["findings"]:
        assert row["message"]
        assert row["hint"]
        assert row["goal"] is None or row["goal"]["title"]
    text = bench.tally("history", "audit", *arguments)
    assert text.code == said.code
    assert text.out.count("  > ") == len(found["findings"])
    return found


def the(bench: Bench, code: str) -> Json:
    """The one finding of this code."""
    (row,) = [row for row in audit(bench)["findings"] if row["code"] == code]
    assert isinstance(row, dict)
    return row


def problems(bench: Bench, *arguments: str) -> list[tuple[str, str]]:
    """Code and goal of each problem."""
    rows = audit(bench, *arguments)["findings"]
    return [(row["code"], row["goal"]["id"]) for row in rows if row["severity"] == "problem"]


def follow(bench: Bench, hint: str) -> None:
    """Run the command that a finding names."""
    words = shlex.split(hint)
    assert words[0] == "tally"
    bench.ok(*words[1:])


def done(bench: Bench, *more: str, fit: str | None = "exact_fit", kind: str = "product", title: str = "Add") -> str:
    """A goal that was opened and closed as a success, with numbers by hand so that nothing else is wrong with it."""
    goal = bench.start(title, "--untracked", *more, kind=kind)
    bench.ok("finish-task", goal, "--status", "success", *(("--result-fit", fit) if fit else ()))
    return goal


def committed(bench: Bench, goal: str, *names: str) -> None:
    """One commit of the goal that changes these files."""
    for name in names:
        path = bench.repo / name
        path.write_text((path.read_text() if path.exists() else "") + f"{goal}\n")
    bench.git("add", "--all")
    bench.git("commit", "-q", "-m", f"Change files\n\nTask: {goal}")


def test_nothing_is_wrong(bench: Bench) -> None:
    """A goal that was measured and closed in its session is no finding; that nothing is published is a note."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    agent.say()
    bench.ok("finish-task", goal, "--status", "success", "--result-fit", "exact_fit", **agent.environ)
    (row,) = audit(bench)["findings"]
    assert (row["code"], row["severity"], row["goal"]) == ("sync-gap", "note", None)
    assert row["message"] == "4 events are on this machine alone"
    assert row["hint"] == "tally init --publish metrics/events && tally hooks install"
    assert bench.ok("history", "audit").out.splitlines()[-1] == "0 problems, 1 note"


def test_an_empty_ledger_is_sound(bench: Bench) -> None:
    assert audit(bench)["findings"] == []
    assert bench.ok("history", "audit").err == ""


def test_a_success_that_was_replaced(bench: Bench) -> None:
    """It is a likely miss however late; not if it was told to be one, or to fit in part, or is of another kind."""
    goal = done(bench)
    other = done(bench, "--supersedes", goal)
    row = next(row for row in audit(bench)["findings"] if row["code"] == "likely-miss")
    assert (row["goal"]["id"], row["related"]) == (goal, [other])
    follow(bench, row["hint"])
    assert problems(bench) == []
    failed = bench.start("Add", "--untracked")
    bench.ok("finish-task", failed, "--status", "fail", "--failure-reason", "other")
    for closed, kind in (
        (failed, "product"),
        (done(bench, fit="partial_fit"), "product"),
        (done(bench, fit=None, kind="meta"), "meta"),
    ):
        done(bench, "--supersedes", closed, kind=kind, fit=None)
    assert problems(bench) == []
    assert bench.shown(goal)["result_fit"] == "miss"


def test_a_finding_that_is_wrong_can_be_answered(bench: Bench) -> None:
    """Who has looked says so by a correction, even if it corrects nothing."""
    goal = done(bench)
    done(bench, "--supersedes", goal)
    assert problems(bench) == [("likely-miss", goal)]
    bench.ok("finish-task", goal, "--amend", "--status", "success", "--result-fit", "exact_fit")
    assert problems(bench) == []


def test_the_same_reference_again(bench: Bench, calendar: Calendar) -> None:
    """Within seven days; later it is other work."""
    goal = done(bench, "--ref", "#12", "--ref", "#1")
    calendar.go_on(days=LIMITS.follow_up_days, hours=-1)
    assert problems(bench) == []
    other = done(bench, "--ref", "#12")
    assert problems(bench) == [("likely-miss", goal)]
    row = audit(bench)["findings"][0]
    assert (row["related"], row["message"]) == ([other], f"{other} began for #12 again within 7 days")
    calendar.go_on(days=LIMITS.follow_up_days, hours=1)
    done(bench, "--ref", "#12")
    assert problems(bench) == [("likely-miss", goal)]
    follow(bench, row["hint"])
    assert problems(bench) == []


def test_references_that_say_nothing(bench: Bench) -> None:
    """One that many goals name, one of another kind of goal, one of a goal that builds on the first by its own word."""
    goals = [done(bench, "--ref", "epic") for _ in range(LIMITS.crowd + 1)]
    first = done(bench, "--ref", "#7")
    done(bench, "--ref", "#7", kind="meta", fit=None)
    done(bench, "--ref", "#7", "--input", first)
    assert problems(bench) == []
    assert len(goals) == 4


def test_the_same_files_again(bench: Bench) -> None:
    """Half of them is a likely miss, a fifth a likely partial fit, less is nothing."""
    found: dict[int, tuple[str, str] | None] = {}
    for share in (5, 4, 2, 1):
        goal = done(bench)
        committed(bench, goal, *(f"{goal}-{number}" for number in range(10)))
        other = done(bench)
        committed(bench, other, *(f"{goal}-{number}" for number in range(share)), f"{other}-new-1", f"{other}-new-2")
        row = next((row for row in audit(bench)["findings"] if row["goal"] and row["goal"]["id"] == goal), None)
        found[share] = None if row is None else (row["code"], row["message"])
        if row is not None:
            assert row["related"] == [other]
            follow(bench, row["hint"])
        assert problems(bench) == []
    # of ten files
    assert {share: None if one is None else one[0] for share, one in found.items()} == {
        5: "likely-miss",
        4: "likely-partial-fit",
        2: "likely-partial-fit",
        1: None,
    }
    assert found[4] is not None
    assert found[4][1].endswith("changed 40 % of its files again")


def test_files_that_say_nothing(bench: Bench, calendar: Calendar) -> None:
    """A single file, files that everybody changes, the published ledger, commits of later weeks."""
    single = done(bench)
    committed(bench, single, "one")
    committed(bench, done(bench), "one", "two", "three")
    for _ in range(LIMITS.crowd + 1):
        committed(bench, done(bench), "changes", "lock")
    bench.ok("init", "--publish", "metrics/events")
    (bench.repo / "metrics" / "events").mkdir(parents=True, exist_ok=True)
    for _ in range(2):
        committed(bench, done(bench), "metrics/events/w-1.ndjson", "metrics/events/w-2.ndjson")
    goal = done(bench)
    committed(bench, goal, "late-1", "late-2")
    calendar.go_on(days=LIMITS.follow_up_days + 1)
    committed(bench, done(bench), "late-1", "late-2")
    assert problems(bench) == []


def test_many_attempts(bench: Bench) -> None:
    """Three attempts up to an exact fit are a likely partial fit; two are not."""
    found = []
    for attempts in (2, 3):
        goal = bench.start("Add", "--untracked")
        for _ in range(attempts - 1):
            bench.ok("continue-task", goal, "--failure-reason", "model_mistake")
        bench.ok("finish-task", goal, "--status", "success", "--result-fit", "exact_fit")
        found.append(goal)
    assert problems(bench) == [("likely-partial-fit", found[1])]
    follow(bench, audit(bench)["findings"][0]["hint"])
    assert problems(bench) == []


def test_an_open_goal_that_was_forgotten(bench: Bench, calendar: Calendar) -> None:
    goal = bench.start("Add", "--untracked")
    calendar.go_on(hours=LIMITS.idle_hours - 1)
    assert problems(bench) == []
    calendar.go_on(hours=1)
    assert problems(bench) == [("stale-open", goal)]
    row = audit(bench)["findings"][0]
    assert row["message"] == "it is open, and nothing happened for 72 hours"
    bench.ok("mark", "look", "--goal", goal)
    assert problems(bench) == []
    calendar.go_on(hours=LIMITS.idle_hours)
    follow(bench, row["hint"].partition(",")[0])
    assert problems(bench) == []


def test_a_session_that_still_works_keeps_its_goal_from_being_stale(bench: Bench, calendar: Calendar) -> None:
    """For two weeks; without any command for longer it is stale all the same."""
    agent = CodexAgent(bench, 1, ago=timedelta(hours=1))
    bench.start(**agent.environ)
    agent.ago = -timedelta(days=LIMITS.silent_days)
    agent.flush()
    agent.say()
    calendar.go_on(days=LIMITS.silent_days, hours=-1)
    assert "stale-open" not in dict(problems(bench))
    calendar.go_on(hours=1)
    row = next(row for row in audit(bench)["findings"] if row["code"] == "stale-open")
    assert row["message"] == "its session goes on, and no command was run for it for 14 days"


def test_a_session_that_went_on_for_long(bench: Bench, calendar: Calendar) -> None:
    """A day after the last command of its open goal the ledger lacks too much; a mark brings it in."""
    agent = CodexAgent(bench, 1, ago=timedelta(hours=1))
    goal = bench.start(**agent.environ)
    agent.ago = -timedelta(hours=LIMITS.gap_hours - 1)
    agent.flush()
    agent.say()
    calendar.go_on(hours=LIMITS.gap_hours + 2)
    assert problems(bench) == []
    agent.ago = -timedelta(hours=LIMITS.gap_hours + 1)
    agent.flush()
    work = agent.say()
    (code, found), *others = problems(bench)
    assert (code, found, others) == ("sync-gap", goal, [])
    row = audit(bench)["findings"][0]
    assert row["session"] == {"agent": "codex", "id": agent.session}
    assert row["hint"] == f"tally mark STAGE --goal {goal}"
    bench.ok("mark", "STAGE", "--goal", goal, **agent.environ)
    assert problems(bench) == []
    assert work <= tokens(bench.shown(goal)["tokens"])


def test_what_can_be_settled(bench: Bench) -> None:
    """As long as the response is not logged there is nothing to do."""
    agent = CodexAgent(bench, 1, late=True)
    agent.issue()
    goal = bench.start(**agent.environ)
    assert problems(bench) == []
    agent.returned()
    assert problems(bench) == [("sync-gap", goal)]
    row = audit(bench)["findings"][0]
    assert row["session"] == {"agent": "codex", "id": agent.session}
    follow(bench, row["hint"])
    assert problems(bench) == []


def test_events_that_are_published(bench: Bench) -> None:
    """With a published copy the note says that they go with the next commit; once they are there is no note."""
    bench.ok("init", "--publish", "metrics/events")
    bench.ok("hooks", "install")
    done(bench)
    (row,) = audit(bench)["findings"]
    assert row["hint"] == "they go with the next commit, if tally hooks install was run here"
    place = bench.repo / "metrics" / "events"
    place.mkdir(parents=True)
    for path in bench.ledger.glob("*.ndjson"):
        (place / path.name).write_bytes(path.read_bytes())
    assert audit(bench)["findings"] == []


def test_a_goal_that_nobody_measured(bench: Bench) -> None:
    """Found by the backfill that the hint names; told by hand, or never to be measured, it is no finding."""
    by_hand, nameless = bench.start("By hand"), bench.start("Nameless")
    done(bench)
    bench.ok("finish-task", by_hand, "--status", "success", "--tokens-input", "5")
    agent = ClaudeAgent(bench, 1)
    work = agent.say()
    assert problems(bench) == [("unresolved-session", nameless)]
    row = audit(bench)["findings"][0]
    assert row["message"] == "no session of it is known, so nobody measured it"
    assert row["hint"].startswith(f"tally mark STAGE --goal {nameless} --agent AGENT --session ID")
    moment()
    bench.ok("finish-task", nameless, "--status", "success", "--agent", "claude", "--session", "nosuch")
    row = audit(bench)["findings"][0]
    assert (row["code"], row["message"]) == ("unresolved-session", "no log tells of its session claude nosuch")
    assert row["hint"] == f"tally backfill {nameless}"
    follow(bench, row["hint"])
    assert problems(bench) == []
    assert tokens(bench.shown(nameless)["tokens"]) == work


def test_a_goal_that_nobody_can_measure(bench: Bench) -> None:
    """The history knows nothing of that time: somebody must tell."""
    goal = bench.start()
    bench.ok("finish-task", goal, "--status", "success")
    row = audit(bench)["findings"][0]
    assert row["hint"] == f"tally update {goal} --tokens-input N --tokens-output N; the history knows nothing of it"
    follow(bench, row["hint"].partition(";")[0].replace(" N", " 7"))
    assert problems(bench) == []


def test_a_log_that_turned_up(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    hidden = agent.log.rename(agent.log.with_suffix(".away"))
    goal = bench.start(**agent.environ)
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    assert audit(bench)["findings"][0]["message"] == f"no log tells of its session claude {agent.session}"
    hidden.rename(agent.log)
    row = audit(bench)["findings"][0]
    assert (row["code"], row["session"]["id"]) == ("unresolved-session", agent.session)
    assert row["message"] == "the log of its session was not there when its commands ran; it is now"


def test_a_goal_that_was_measured_in_part(bench: Bench) -> None:
    """A part of its time was not seen; the backfill that the hint names makes it whole."""
    agent, unseen = ClaudeAgent(bench, 1), Unseen(bench)
    goal = unseen.start()
    first = agent.say() + agent.issue()
    moment()
    bench.ok("mark", "plan", **agent.environ)
    second = agent.say() + agent.issue()
    row = the(bench, "incomplete-window")
    assert row["severity"] == "note"
    assert row["hint"] == f"tally backfill {goal} --force, once it is closed"
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    row = audit(bench)["findings"][0]
    assert (row["code"], row["severity"], row["goal"]["id"]) == ("incomplete-window", "problem", goal)
    assert row["session"] is None
    follow(bench, row["hint"])
    assert problems(bench) == []
    assert tokens(bench.shown(goal)["tokens"]) == first + second


def test_a_goal_that_nothing_is_missing_of(bench: Bench) -> None:
    """It began outside of any session, but nobody used anything then: no more than a note."""
    goal = bench.start()
    agent = ClaudeAgent(bench, 1)
    agent.say()
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    assert bench.shown(goal)["quality"] == "lower_bound"
    row = the(bench, "incomplete-window")
    assert row["severity"] == "note"
    assert row["hint"] == f"tally backfill {goal} --force, where the logs of that time are; here are none"


def test_one_of_two_sessions_was_never_logged(bench: Bench) -> None:
    """Its log may turn up: then a part of the goal's time is all that is missing."""
    agent, other = ClaudeAgent(bench, 1), ClaudeAgent(bench, 2)
    hidden = other.log.rename(other.log.with_suffix(".away"))
    goal = bench.start(**agent.environ)
    agent.say()
    bench.ok("mark", "plan", "--goal", goal, **other.environ)
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    row = audit(bench)["findings"][0]
    assert (row["code"], row["session"]) == ("unresolved-session", {"agent": "claude", "id": other.session})
    assert row["message"].endswith("others of it are measured")
    hidden.rename(other.log)
    row = the(bench, "incomplete-window")
    assert row["session"] == {"agent": "claude", "id": other.session}
    assert bench.shown(goal)["quality"] == "lower_bound"


def test_goals_of_another_clone(bench: Bench, tmp_path: Path) -> None:
    """What only the clone with the logs can mend is told there; who was replaced, or forgotten, is told everywhere."""
    nameless, goal = bench.start("Nameless"), done(bench)
    bench.ok("finish-task", nameless, "--status", "success")
    done(bench, "--supersedes", goal)
    assert set(problems(bench)) == {("likely-miss", goal), ("unresolved-session", nameless)}
    clone = tmp_path / "clone"
    bench.git("clone", "-q", str(bench.repo), str(clone))
    home = clone / ".git" / "tallybook" / "events"
    home.mkdir(parents=True)
    for path in bench.ledger.glob("*.ndjson"):
        (home / path.name).write_bytes(path.read_bytes())
    bench.go(clone)
    assert problems(bench) == [("likely-miss", goal)]


def test_a_goal_of_which_little_has_a_price(bench: Bench) -> None:
    """Less than nine tenths; which model has none, and why. Numbers by hand have no price, and are no finding."""
    by_hand = bench.start("By hand")
    bench.ok("finish-task", by_hand, "--status", "success", "--tokens-input", "5")
    agent = CodexAgent(bench, 1)
    few = bench.start("Few", **agent.environ)
    for _ in range(12):
        agent.say()
    agent.turn("own-1")
    agent.say()
    bench.ok("mark", "plan", **agent.environ)
    assert problems(bench) == []
    agent.say()
    bench.ok("finish-task", few, "--status", "success", **agent.environ)
    (row,) = [row for row in audit(bench)["findings"] if row["severity"] == "problem"]
    assert (row["code"], row["goal"]["id"], row["hint"]) == ("low-cost-coverage", few, "tally prices show own-1")
    assert row["message"].endswith(
        " % of its tokens have a price; there is none of own-1 (no rule tells whose model it is)"
    )


def test_goals_of_late(bench: Bench, calendar: Calendar) -> None:
    """With --since older goals are left out."""
    old = done(bench)
    done(bench, "--supersedes", old)
    calendar.go_on(days=10)
    new = done(bench)
    done(bench, "--supersedes", new)
    assert problems(bench) == [("likely-miss", old), ("likely-miss", new)]
    day = (datetime.now(UTC) + timedelta(days=5)).date().isoformat()
    assert problems(bench, "--since", day) == [("likely-miss", new)]
    assert bench.misused("history", "audit", "--since", "yesterday") == "unreadable-date"


def test_merged_goals_are_looked_at_once(bench: Bench) -> None:
    keep, drop = bench.start("Keep"), bench.start("Drop")
    for goal in (keep, drop):
        bench.ok("finish-task", goal, "--status", "success")
    assert len(problems(bench)) == 2
    bench.ok("merge-tasks", "--keep", keep, "--drop", drop)
    assert problems(bench) == [("unresolved-session", keep)]


def test_it_only_reads(bench: Bench) -> None:
    """Neither ledger nor repository nor logs change; with --no-update the history is taken as it is."""
    agent = CodexAgent(bench, 1, late=True)
    agent.issue()
    goal = bench.start(**agent.environ)
    agent.returned()
    before = tree(bench.repo, bench.home / ".codex")
    assert problems(bench, "--no-update") == []
    assert problems(bench) == [("sync-gap", goal)]
    assert tree(bench.repo, bench.home / ".codex") == before


def test_where_files_can_not_be_looked_at(bench: Bench, tmp_path: Path) -> None:
    """Outside of git, and where git fails, it is said so, and all else is looked at."""
    outside = tmp_path / "outside"
    outside.mkdir()
    goal = bench.ok(
        "start-task", "--title", "t", "--kind", "product", "--untracked", "--quiet", cwd=outside
    ).out.strip()
    bench.ok("finish-task", goal, "--status", "success", cwd=outside)
    told = bench.ok("history", "audit", "--json", cwd=outside).json["unavailable"]
    assert [it["code"] for it in told] == ["changed-files"]
    assert "no git repository" in told[0]["reason"]
    said = bench.ok("history", "audit", cwd=outside).err
    assert said.startswith("not looked at: changed-files (this is no git repository")
    done(bench)
    (bench.repo / ".git" / "refs" / "heads" / "broken").write_text("0" * 39 + "1\n")
    told = bench.ok("history", "audit", "--json").json["unavailable"]
    assert "goals are not judged by their files" in told[0]["reason"]
