"""Files and directories that the user may not open: each command says which, and goes on with the rest."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections import Counter
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import Said, program, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from commands.agents import Agent
    from commands.bench import Bench

_DROP: Final = 24  # PR_CAPBSET_DROP
_OVERRIDES: Final = (1, 2)
"""The superuser's powers to open anything, and to read anything."""


def _as_anybody() -> None:
    """In a child that is about to begin: what it runs may not do more than a user may."""
    for power in _OVERRIDES if os.geteuid() == 0 else ():
        ctypes.CDLL(None).prctl(_DROP, power, 0, 0, 0)


@cache
def permissions_hold() -> bool:
    """Whether that can be done here."""
    done = subprocess.run(
        ["sh", "-c", 'd=$(mktemp -d) && chmod 0 "$d" && ! ls "$d" 2>/dev/null; e=$?; rmdir "$d"; exit $e'],
        check=False,
        preexec_fn=_as_anybody,
    )
    return done.returncode == 0


pytestmark = pytest.mark.skipif(not permissions_hold(), reason="permissions do not hold the user of these tests back")


def run(*arguments: str) -> Said:
    """A command as a process that permissions hold back."""
    done = program(*arguments, preexec_fn=_as_anybody)
    assert "Traceback" not in done.stderr
    assert "a fault in tallybook itself" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


@contextmanager
def closed(path: Path) -> Iterator[None]:
    """Nobody may do anything with it for a while."""
    before = path.stat().st_mode
    path.chmod(0)
    try:
        yield
    finally:
        path.chmod(before)


def codes(said: Said) -> list[str]:
    """Of all problems."""
    return [problem["code"] for problem in said.json["problems"]]


@pytest.mark.parametrize("kin", [ClaudeAgent, CodexAgent])
def test_a_log(bench: Bench, kin: type[ClaudeAgent | CodexAgent]) -> None:
    """It is named, the other one counts; the doctor calls it a problem; later it counts as if nothing had been."""
    agent, other = kin(bench, 1), kin(bench, 2)
    hidden, used = agent.say(), other.say()
    with closed(agent.log):
        for command in (("history", "update"), ("usage",), ("sessions",), ("why", other.session)):
            said = run(*command, "--json")
            assert (said.code, codes(said)) == (0, ["unreadable-log"]), command
            assert (str(agent.log) in said.err, "Permission denied" in said.err) == (True, True)
        assert tokens(run("usage", "--json").json["total"]["tokens"]) == used
        assert run("why", agent.session, "--json").error == "unknown-session"
        told = run("doctor")
        assert (told.code, str(agent.log) in told.out, "1 of 2 logs can't be opened" in told.out) == (1, True, True)
    assert tokens(bench.ok("usage", "--json").json["total"]["tokens"]) == hidden + used


def test_a_directory_of_logs(bench: Bench, agent: Agent) -> None:
    """It is named as long as it is closed, and what was known of its logs stays; those found afterwards count."""
    used = agent.say()
    assert tokens(bench.ok("usage", "--json").json["total"]["tokens"]) == used
    for _ in range(2):
        with closed(agent.log.parent):
            for command in (("history", "update"), ("usage",), ("sessions",)):
                said = run(*command, "--json")
                assert (said.code, codes(said)) == (0, ["unreadable-log"]), command
                assert f"{agent.log.parent}/: no log in this directory was read: Permission denied" in said.err
            assert tokens(run("usage", "--json").json["total"]["tokens"]) == used
            told = run("doctor")
            assert (told.code, f"can't be listed: {agent.log.parent}: Permission denied" in told.out) == (1, True)
        used += agent.say()
        again = bench.ok("usage", "--json").json
        assert (tokens(again["total"]["tokens"]), again["problems"]) == (used, [])


@pytest.mark.parametrize("place", [".", "history.db"])
def test_the_history(bench: Bench, place: str) -> None:
    """What lives on it is refused with its name; the book of goals is kept on without it."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    used = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    with closed(bench.data / place):
        for command in (("history", "update"), ("sessions",), ("why", agent.session)):
            said = run(*command, "--json")
            assert (said.code, said.error) == (1, "store-unusable"), command
            assert "Permission denied" in said.err
        refused = run("usage", "--json")
        assert (refused.code > 0, "Permission denied" in refused.err) == (True, True)
        assert f"{bench.data}" in refused.err
        assert "prices.toml" not in refused.err
        for command in (("show",), ("report",), ("cost",)):
            said = run(*command, "--json")
            assert (said.code, set(codes(said)) & {"history-unusable"}) == (0, {"history-unusable"}), command
        assert run("log").code == run("verify").code == 0
        assert run("doctor").code == 1
        assert run("mark", "build", "--goal", goal).code == 0
    bench.ok("finish-task", "--status", "success", **agent.environ)
    assert tokens(bench.shown(goal)["tokens"]) == used


@pytest.mark.parametrize("whole", [True, False])
def test_the_ledger(bench: Bench, *, whole: bool) -> None:
    """Reading says that events are missing, writing is refused, and nothing has changed."""
    bench.start()
    before = bench.lines()
    (file,) = bench.ledger.glob("*.ndjson")
    with closed(bench.ledger if whole else file):
        said = run("show", "--json")
        assert (said.code, codes(said)) == (0, ["unreadable"])
        assert "make it readable" in said.err
        assert run("verify").code == 1
        refused = run("start-task", "--title", "more", "--kind", "meta", "--json")
        assert (refused.code, refused.error) == (1, "ledger-unusable")
        assert "Permission denied" in refused.err
        assert str(bench.ledger if whole else file) in refused.err
        for command in (("mark", "plan"), ("finish-task", "--status", "success")):
            refused = run(*command, "--json")
            assert (refused.code, "Permission denied" in refused.err) == (1, True), command
            assert str(bench.ledger if whole else file) in refused.err, command
        assert run("usage", "--json").code == 0
        assert run("doctor").code == 1
    assert bench.lines() == before
    bench.ok("verify")
    assert Counter(event["type"] for event in bench.events()) == Counter(["goal_started"])
