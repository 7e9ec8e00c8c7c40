"""Logs with bad input of every kind: each command tells how much of it there is, and counts all the rest."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import tokens
from commands.copilot_agent import CopilotAgent
from commands.garbage import GARBAGE, ODD_THINGS, odd_thing
from commands.gemini_agent import GeminiAgent
from commands.pi_agent import PiAgent
from tallybook.agents import lines
from tallybook.history import rereading

if TYPE_CHECKING:
    from collections.abc import Callable

    from commands.agents import Agent
    from commands.bench import Bench

AGENTS = [ClaudeAgent, CodexAgent]


@pytest.fixture(params=AGENTS)
def agent(bench: Bench, request: pytest.FixtureRequest) -> Agent:
    made: Agent = request.param(bench, 1)
    return made


def counted_by_all(bench: Bench, agent: Agent, used: Counter[str]) -> int:
    """What four commands tell of a log, from nothing and once more; the number of bad lines, on which they agree."""
    told = bench.ok("history", "update", "--json").json
    bad: int = told["ingest"]["bad_lines"]
    assert told["problems"] == []
    bench.ok("history", "update")
    for options in (("--no-update",), ()):
        found = bench.ok("usage", "--by", "session", "--json", *options).json
        (row,) = found["rows"]
        assert (row["key"]["session"], tokens(row["tokens"]), found["problems"]) == (agent.session, used, [])
        assert bench.ok("usage", *options).code == 0
    why = bench.ok("why", agent.session, "--json").json
    (log,) = why["logs"]
    assert tokens(why["counted"]["tokens"]) == used
    assert sum(row["verdict"] == "bad" for row in log["lines"]) == bad
    assert bench.ok("why", agent.session).out.count("\tbad\t") == bad
    found = bench.ok("doctor", "--json").json
    (row,) = [row for row in found["checks"] if (row["group"], row["name"]) == ("agents", agent.agent)]
    assert row["status"] == ("note" if bad else "ok")
    words = f"{bad} line{'s' if bad > 1 else ''} that can't be understood"
    assert (words in row["message"]) == (bad > 0)
    assert bench.ok("doctor").code == 0
    return bad


def grown(agent: Agent) -> Counter[str]:
    """What a log of several responses tells."""
    return agent.say() + agent.say() + agent.say()


@pytest.mark.parametrize("kind", sorted(GARBAGE))
def test_bad_lines_within_a_log(bench: Bench, agent: Agent, kind: str) -> None:
    """After each line of it; what is torn at its end."""
    garbage = GARBAGE[kind]
    used = grown(agent)
    whole = agent.log.read_bytes().splitlines(keepends=True)
    agent.log.write_bytes(b"".join(whole) + garbage.lines if kind == "torn" else garbage.lines.join([*whole, b""]))
    assert counted_by_all(bench, agent, used) == len(whole) * getattr(garbage, agent.agent)


SURFACES: dict[str, Callable[[bytes], bytes]] = {
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "carriage returns": lambda data: data.replace(b"\n", b"\r\n"),
    "both": lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"),
    "spaces": lambda data: data.replace(b"\n", b" \t \n"),
    "empty lines": lambda data: b"\n" + data.replace(b"\n", b"\n\n"),
}


@pytest.mark.parametrize("kind", sorted(SURFACES))
def test_another_surface_of_the_same_log(bench: Bench, agent: Agent, kind: str) -> None:
    """What editors and copies between systems add changes nothing."""
    used = grown(agent)
    agent.log.write_bytes(SURFACES[kind](agent.log.read_bytes()))
    assert counted_by_all(bench, agent, used) == 0


def test_lines_that_are_too_long(bench: Bench, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passed over and counted, those too that hold usage."""
    used = grown(agent)
    for module in (lines, rereading):
        monkeypatch.setattr(module, "LONGEST_LINE", 1 << 16)
    endless = b'{"type":"user","message":{"content":"' + b"x" * (1 << 17) + b'"}}\n'
    with agent.log.open("ab") as target:
        target.write(endless)
        target.write(GARBAGE["negative"].lines.replace(b"-5", b"5" + b" " * (1 << 17)))
    assert counted_by_all(bench, agent, used) == 2


def test_halves_of_lines_in_one(bench: Bench, agent: Agent) -> None:
    """Where a line was cut off and the next one was written behind it, both are one bad line."""
    used = agent.say()
    whole = agent.log.read_bytes()
    used += agent.say()
    torn, again = GARBAGE["torn"].lines, whole.splitlines(keepends=True)[-1]
    agent.log.write_bytes(whole + torn + again + agent.log.read_bytes()[len(whole) :])
    assert counted_by_all(bench, agent, used) == 1


@pytest.mark.parametrize("kind", ODD_THINGS)
def test_things_that_are_no_logs(bench: Bench, agent: Agent, kind: str) -> None:
    """Nothing waits for them; what could have been a log is named."""
    used = grown(agent)
    odd_thing(agent.log.with_name("rollout-2026-09-01T10-00-00-odd.jsonl"), kind)
    for command in (("history", "update"), ("usage",), ("why", agent.session)):
        said = bench.ok(*command, "--json")
        assert {problem["code"] for problem in said.json["problems"]} <= {"unreadable-log"}, command
    assert tokens(bench.ok("usage", "--json").json["total"]["tokens"]) == used
    assert tokens(bench.ok("why", agent.session, "--json").json["counted"]["tokens"]) == used
    found = bench.tally("doctor", "--json").json
    (row,) = [row for row in found["checks"] if (row["group"], row["name"]) == ("agents", agent.agent)]
    assert row["status"] in {"ok", "note", "problem"}


@pytest.mark.parametrize("year", ["0001", "1969", "2126", "9999"])
def test_a_clock_that_was_set_wrong(bench: Bench, agent: Agent, year: str) -> None:
    """Whenever it was, it was used."""
    used = grown(agent)
    now = f'"timestamp":"{datetime.now(UTC).year}-'.encode()
    data = agent.log.read_bytes()
    assert now in data
    agent.log.write_bytes(data.replace(now, f'"timestamp":"{year}-'.encode()))
    assert counted_by_all(bench, agent, used) == 0
    for by in ("day", "week", "month", "block"):
        rows = bench.ok("usage", "--by", by, "--json").json["rows"]
        assert sum((tokens(row["tokens"]) for row in rows), Counter()) == used, by


@pytest.mark.parametrize(("moment", "zone"), [
    ("9999-12-31T23:59:59.999Z", "Pacific/Kiritimati"),
    ("9999-12-31T23:59:59.999Z", "Etc/GMT+12"),
    ("0001-01-01T00:00:00.000Z", "Etc/GMT+12"),
    ("1970-01-01T00:00:00.000Z", "Etc/GMT+12"),
    (None, "Pacific/Kiritimati"),
])  # fmt: skip
def test_a_day_that_no_calendar_has(bench: Bench, moment: str | None, zone: str) -> None:
    """Where the last moment of all falls on the day after: one such line must not spoil all sums of days."""
    agent = ClaudeAgent(bench, 1)
    used = agent.say() + agent.say()
    for record in agent.records[-2:]:
        record["timestamp"] = moment
    agent.records[0]["timestamp"] = "9999-12-31T23:59:59.999Z"
    agent.flush()
    for by in ("day", "week", "month", "block"):
        for options in (("--timezone", zone), ()):
            rows = bench.ok("usage", "--by", by, *options, "--json", TZ=zone).json["rows"]
            assert sum((tokens(row["tokens"]) for row in rows), Counter()) == used, (by, options)


NO_OBJECTS = {"text", "binary", "nul", "lists", "scalars", "deep", "invalid utf-8"}


@pytest.mark.parametrize("kind", sorted(set(GARBAGE) - {"torn"}))
@pytest.mark.parametrize("kin", [CopilotAgent, GeminiAgent, PiAgent])
def test_bad_lines_within_logs_of_others(
    bench: Bench, kin: type[CopilotAgent | GeminiAgent | PiAgent], kind: str
) -> None:
    """All commands tell of as many; what is no JSON, or no object, is one of them."""
    agent = kin(bench, 1)
    used = grown(agent)
    whole = agent.log.read_bytes().splitlines(keepends=True)
    agent.log.write_bytes(GARBAGE[kind].lines.join([*whole, b""]))
    each, rest = divmod(counted_by_all(bench, agent, used), len(whole))
    assert (each > 0 or kind not in NO_OBJECTS, rest) == (True, 0)


@pytest.mark.parametrize("kin", [ClaudeAgent, CodexAgent, CopilotAgent, GeminiAgent, PiAgent])
@pytest.mark.parametrize("told", [True, False], ids=["told", "headless"])
def test_a_log_with_a_name_that_is_no_text(bench: Bench, kin: type[Agent], *, told: bool) -> None:
    """It counts, or is told of, and takes nothing away from other logs, whether or not it names its session itself."""
    other = CodexAgent(bench, 2)
    used = other.say()
    odd = kin(bench, 1)
    mine = odd.say()
    content = odd.log.read_bytes()
    if not told:
        content = b"".join(line.replace(b"essionId", b"omething") for line in content.splitlines(keepends=True)[1:])
    odd.log.unlink()
    odd.log.with_name(os.fsdecode(odd.log.name[:8].encode() + b"\xfe" + odd.log.suffix.encode())).write_bytes(content)
    for options in ((), ("--no-update",)):
        rows = bench.ok("usage", "--by", "session", "--json", *options).json["rows"]
        assert tokens(next(row["tokens"] for row in rows if row["key"]["session"] == other.session)) == used
        if told and kin in AGENTS:
            assert sum((tokens(row["tokens"]) for row in rows), Counter()) == used + mine
    for row in rows:
        bench.ok("why", row["key"]["session"], "--json")
    bench.ok("sessions")
