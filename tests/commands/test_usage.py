"""`tally usage`: every response of every agent once, by whatever is asked for."""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import chdir
from socket import AF_UNIX, socket
from typing import TYPE_CHECKING

import pytest

from commands.agents import AmpAgent, ClaudeAgent, CodexAgent
from commands.bench import VECTOR, tokens
from commands.test_limits import tell, window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from commands.bench import Bench

DAY = "2026-03-28T22:30:00.000Z"
NEXT = "2026-03-29T21:59:59.000Z"
COST = {"usd", "nano_usd", "priced_share", "quality", "reason", "unpriced"}


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine stands in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def dated(agent: ClaudeAgent, *times: str) -> list[Counter[str]]:
    """One answer at each of these times."""
    used = []
    for at in times:
        before = len(agent.records)
        used.append(agent.say())
        for record in agent.records[before:]:
            record["timestamp"] = at
    agent.flush()
    return used


def test_what_a_subscription_has_used_stands_apart(bench: Bench) -> None:
    """By the plan that the log of a session tells last; others tell none, and both have a cost by the token."""
    first, second, other = CodexAgent(bench, 1), CodexAgent(bench, 2), ClaudeAgent(bench, 3)
    used = [agent.say() + agent.say() for agent in (first, second, other)]
    for agent, plan in ((first, "plus"), (second, "team")):
        for name in ("pro", plan):
            tell(agent, primary=window(300, 7, 60), plan_type=name)
    told = bench.ok("usage", "--by", "plan", "--json").json
    rows = {row["key"]["plan"]: row for row in told["rows"]}
    found = {plan: tokens(row["tokens"]) for plan, row in rows.items()}
    assert found == {"plus": used[0], "team": used[1], None: used[2]}
    assert sum(row["cost"]["nano_usd"] for row in rows.values()) == told["total"]["cost"]["nano_usd"]
    assert "whatever a subscription costs" in bench.ok("usage", "--by", "plan").err


def test_the_sums_are_what_was_served(bench: Bench) -> None:
    """By agent, session and model; rows add up to the total."""
    claude, codex, amp = ClaudeAgent(bench, 1), CodexAgent(bench, 2), AmpAgent(bench, 3)
    truth = {agent.agent: agent.say() + agent.say() for agent in (claude, codex, amp)}
    told = bench.ok("usage", "--by", "agent", "--json").json
    assert told["schema"] == "tallybook.usage/1"
    assert {row["key"]["agent"]: tokens(row["tokens"]) for row in told["rows"]} == truth
    assert all(set(row) == {"key", "responses", "tokens", "cost", "quality"} for row in told["rows"])
    assert all(set(row["tokens"]) == VECTOR and set(row["cost"]) == COST for row in told["rows"])
    assert told["total"]["cost"]["nano_usd"] == sum(row["cost"]["nano_usd"] or 0 for row in told["rows"])
    assert told["prices"].startswith("genai-prices ")
    assert tokens(told["total"]["tokens"]) == sum(truth.values(), Counter())
    assert told["total"]["responses"] == 6
    rows = bench.ok("usage", "--by", "session,model", "--json").json["rows"]
    assert {(row["key"]["session"], row["key"]["model"]) for row in rows} == {
        (agent.session, agent.model) for agent in (claude, codex, amp)
    }


@pytest.mark.usefixtures("berlin")
def test_days_are_local_or_those_of_a_zone(bench: Bench) -> None:
    """The night of the change of clocks belongs to the day that the clocks show."""
    first, second = dated(ClaudeAgent(bench, 1), DAY, NEXT)
    rows = bench.ok("usage", "--json").json["rows"]
    assert {row["key"]["day"]: tokens(row["tokens"]) for row in rows} == {"2026-03-28": first, "2026-03-29": second}
    kolkata = bench.ok("usage", "--timezone", "Asia/Kolkata", "--json").json["rows"]
    assert [row["key"]["day"] for row in kolkata] == ["2026-03-29", "2026-03-30"]
    assert bench.ok("usage", "--timezone", "Asia/Kolkata", "--json").json["rows"] == kolkata
    again = bench.ok("usage", "--json").json["rows"]
    assert again == rows, "finer sums are the same"
    weeks = bench.ok("usage", "--by", "week", "--by", "month", "--json").json
    assert weeks["by"] == ["week", "month"]
    assert [row["key"] for row in weeks["rows"]] == [{"week": "2026-W13", "month": "2026-03"}]
    blocks = bench.ok("usage", "--by", "block", "--json").json["rows"]
    assert [row["key"]["block"] for row in blocks] == ["2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"]


@pytest.mark.usefixtures("berlin")
def test_a_day_is_counted_whole_and_a_time_is_not(bench: Bench) -> None:
    """`--until` a date includes all of it; times are half-open."""
    first, second = dated(ClaudeAgent(bench, 1), DAY, NEXT)

    def total(*options: str) -> Counter[str]:
        return tokens(bench.ok("usage", *options, "--json").json["total"]["tokens"])

    assert total("--until", "2026-03-28") == first
    assert total("--since", "2026-03-29") == second
    assert total("--since", "2026-03-28", "--until", "2026-03-29") == first + second
    assert total("--until", DAY) == Counter()
    assert total("--since", DAY, "--until", NEXT) == first
    assert total("--since", "2026-03-28T23:30:00") == first + second
    assert total("--since", "2026-03-28T23:30:01") == second


def test_only_what_is_asked_for(bench: Bench) -> None:
    """Agents, models by pattern, projects by name, sessions."""
    claude, codex = ClaudeAgent(bench, 1), CodexAgent(bench, 2)
    truth = {1: claude.say(), 2: codex.say()}
    for number, options in (
        (1, ("--agent", "claude")),
        (2, ("--model", "gpt-*")),
        (2, ("--session", codex.session)),
        (1, ("--project", bench.repo.name, "--agent", "claude")),
    ):
        assert tokens(bench.ok("usage", *options, "--json").json["total"]["tokens"]) == truth[number]
    nothing = bench.ok("usage", "--project", "elsewhere", "--json").json
    assert (nothing["rows"], nothing["total"]["responses"], nothing["coverage"]) == ([], 0, [])
    assert nothing["total"]["tokens"]["total"] == 0


@pytest.mark.parametrize("option", ["model", "project", "session"])
def test_a_name_that_nothing_goes_by_is_told(bench: Bench, option: str) -> None:
    """Nobody should take a slip of the pen for no usage; what was not used at that time is no slip."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    told = bench.ok("usage", f"--{option}", "claud", "--json").json
    (problem,) = told["problems"]
    assert (problem["code"], told["total"]["responses"]) == ("nothing-found", 0)
    assert f"no usage of the {option} 'claud'" in problem["message"]
    assert f"warning: the history has no usage of the {option} 'claud'" in bench.ok("usage", f"--{option}", "claud").err
    real = {"model": agent.model, "project": bench.repo.name, "session": agent.session}[option]
    nothing = bench.ok("usage", f"--{option}", real, "--until", "2020-01-01", "--json").json
    assert (nothing["problems"], nothing["rows"]) == ([], [])
    both = bench.ok("usage", f"--{option}", real, f"--{option}", "claud", "--json").json
    assert (both["problems"], both["total"]["responses"]) == ([], 1)


@pytest.mark.parametrize(
    ("project", "place"),
    [(".", "work"), ("..", "work/src"), ("./", "work"), ("./work/.", ""), ("work/", ""), ("{}/", "work/src")],
)
def test_a_project_is_named_by_any_path_to_it(bench: Bench, project: str, place: str) -> None:
    """As shells complete it, from wherever one is."""
    used = ClaudeAgent(bench, 1).say()
    (bench.repo / "src").mkdir()
    told = bench.ok("usage", "--project", project.format(bench.repo), "--json", cwd=bench.repo.parent / place).json
    assert tokens(told["total"]["tokens"]) == used


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--by", "colour"), "unknown-dimension"),
        (("--agent", "nobody"), "unknown-agent"),
        (("--timezone", "Mars/Olympus"), "unknown-timezone"),
        (("--since", "yesterday"), "unreadable-date"),
        (("--until", "2026-02-30"), "unreadable-date"),
        (("--since", ""), "unreadable-date"),
        (("--until", "10000-01-01"), "unreadable-date"),
    ],
)
def test_what_cannot_be_read_is_refused(bench: Bench, options: tuple[str, ...], code: str) -> None:
    """Exit 2, with a hint, and nothing is read or written."""
    assert bench.misused("usage", *options) == code
    assert not (bench.data / "history.db").exists()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_first_and_the_last_of_all_days_leave_nothing_out(bench: Bench, zone: str) -> None:
    """They are dates like any other, also where the zone has them in a year that no calendar knows."""
    used = CodexAgent(bench, 1).say()
    for options in (
        ("--since", "0001-01-01", "--until", "9999-12-31"),
        ("--since", "0001-01-01T00:00:00", "--until", "9999-12-31T23:59:59"),
        ("--since", "0001-01-01T00:00:00+14:00", "--until", "9999-12-31T23:59:59-12:00"),
    ):
        for place in (("--timezone", zone), ()):
            told = bench.ok("usage", *options, *place, "--json", TZ=zone).json
            assert tokens(told["total"]["tokens"]) == used
    assert bench.ok("usage", "--until", "0001-01-01", "--timezone", zone, "--json").json["rows"] == []
    assert bench.ok("usage", "--since", "9999-12-31", "--timezone", zone, "--json").json["rows"] == []


def test_what_logs_cannot_hold_is_said(bench: Bench) -> None:
    """For the agents that have a part in the answer, and no other."""
    CodexAgent(bench, 1).say()
    told = bench.ok("usage", "--json").json
    assert {gap["agent"] for gap in told["coverage"]} == {"codex"}
    assert any("ephemeral" in gap["what"] for gap in told["coverage"])
    assert "not in the logs of codex: " in bench.ok("usage").err


def test_without_update_it_tells_what_is_stored(bench: Bench) -> None:
    """New lines of logs wait for the next update."""
    agent = CodexAgent(bench, 1)
    first = agent.say()
    bench.ok("usage")
    second = agent.say()
    assert tokens(bench.ok("usage", "--no-update", "--json").json["total"]["tokens"]) == first
    assert tokens(bench.ok("usage", "--json").json["total"]["tokens"]) == first + second


def test_people_get_a_table(bench: Bench) -> None:
    """The total stands last."""
    CodexAgent(bench, 1, model="evil\x1b[2Jmodel").say()
    head, row, total = bench.ok("usage", "--by", "model,agent").out.splitlines()
    assert head.split("\t")[:3] == ["model", "agent", "responses"]
    assert "\x1b" not in row
    assert row.split("\t")[1:3] == ["codex", "1"]
    assert total.split("\t")[:3] == ["total", "", "1"]


def test_a_store_that_was_set_aside_is_told_of_once(bench: Bench) -> None:
    """The sums are those of the logs."""
    used = ClaudeAgent(bench, 1).say()
    bench.ok("usage")
    store = bench.data / "history.db"
    for options in (("--json",), ()):
        store.write_bytes(b"garbage" * 1000)
        said = bench.ok("usage", *options)
        assert said.err.count("was moved to") == 1
        assert said.out.count("was moved to") == len(options)
    assert tokens(bench.ok("usage", "--json").json["total"]["tokens"]) == used


@pytest.mark.parametrize("kind", ["pipe", "device", "socket"])
def test_a_store_that_is_no_file(bench: Bench, kind: str) -> None:
    """Nothing waits for it, and what to do is told; so it is with the doctor."""
    used = ClaudeAgent(bench, 1).say()
    store = bench.data / "history.db"
    store.parent.mkdir(exist_ok=True)
    if kind == "pipe":
        os.mkfifo(store)
    elif kind == "device":
        store.symlink_to("/dev/null")
    else:
        with socket(AF_UNIX) as server, chdir(store.parent):  # whose paths must be short
            server.bind(store.name)
    for command in (("usage",), ("usage", "--no-update"), ("sessions",), ("history", "update")):
        said = bench.tally(*command, "--json")
        assert (said.code, said.error) == (1, "store-unusable")
        assert "move it away" in said.err or kind == "socket"
    assert bench.tally("doctor").code == 1
    store.unlink()
    assert tokens(bench.ok("usage", "--json").json["total"]["tokens"]) == used
