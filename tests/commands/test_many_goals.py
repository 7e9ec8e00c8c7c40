"""What is asked of the databases for many goals: counted, not timed. It is no more for twice as many."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.test_backfill import Unseen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from commands.bench import Bench

HISTORY = "history.db"
SOME = 4
BY_CHANCE = 2
"""Questions that are left out where there is nothing to ask."""


@contextmanager
def statements() -> Iterator[Counter[str]]:
    """How many statements each database is asked, by the name of its file."""
    count: Counter[str] = Counter()
    connect = sqlite3.connect

    def connecting(place: Any, *arguments: Any, **options: Any) -> sqlite3.Connection:  # noqa: ANN401 - sqlite3's
        connection: sqlite3.Connection = connect(place, *arguments, **options)
        name = Path(str(place).partition("?")[0]).name
        connection.set_trace_callback(lambda _: count.update([name]))
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", connecting)
        yield count


class Work:
    """Goals of all sorts: measured, measured in part, and those that a backfill finds or doesn't."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._unseen = Unseen(bench)
        self._agents = 0

    def done(self) -> None:
        """Some more goals, each with sessions of its own."""
        for kind in (ClaudeAgent, CodexAgent):
            self._agents += 1
            agent = kind(self._bench, self._agents)
            whole = self._bench.start(**agent.environ)
            agent.say()
            self._bench.ok("finish-task", whole, "--status", "success", **agent.environ)
            late = self._bench.start(**agent.environ)
            agent.say()
            self._unseen.finish(late)
            found = self._unseen.start()
            agent.say()
            self._unseen.finish(found)
        self._unseen.finish(self._unseen.start())


@pytest.mark.parametrize(
    "command",
    [("cost-audit", "--no-update"), ("history", "audit", "--no-update"), ("backfill", "--dry-run", "--force")],
    ids=" ".join,
)
def test_the_history_is_asked_as_often_for_twice_as_many_goals(bench: Bench, command: tuple[str, ...]) -> None:
    work = Work(bench)
    asked: list[int] = []
    for _ in range(2):
        for _ in range(SOME):
            work.done()
        bench.ok("sessions")
        with statements() as count:
            assert "error" not in bench.tally(*command, "--json").json
        asked.append(count[HISTORY])
    assert 0 < asked[1] <= asked[0] + BY_CHANCE
