"""What a task command does beside many logs and in a long session: counted, not timed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from gitrepo import counted_calls
from history.earlier import to_schema_5
from tallybook.agents.codex.reader import CodexReader
from tallybook.domain.usage import SessionKey
from tallybook.history import contents, growth, queries
from tallybook.history.contents import PROOF
from tallybook.history.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO, Self

    from commands.agents import Agent
    from commands.bench import Bench
    from tallybook.agents.port import Grown, LogFile, Response, SourceRows


LONG = 40
HEAVY = {
    "ast",
    "asyncio",
    "dataclasses",
    "email",
    "importlib.resources",
    "inspect",
    "platformdirs",
    "rich",
    "tempfile",
    "tokenize",
    "tomllib",
    "typer",
    "typing_extensions",
}
READING = {
    "amp": {"tallybook.agents.amp.reading", "tallybook.agents.amp.counting"},
    "claude": {"tallybook.agents.claude_code.scan", "tallybook.agents.claude_code.counting"},
    "codex": {"tallybook.agents.codex.reading", "tallybook.agents.codex.counting"},
    "copilot": {"tallybook.agents.copilot_cli.reading", "tallybook.agents.copilot_cli.counting"},
    "opencode": {"tallybook.agents.opencode.reading", "tallybook.agents.opencode.counting"},
    "gemini": {"tallybook.agents.gemini_cli.reading", "tallybook.agents.gemini_cli.counting"},
}


@pytest.fixture(params=[ClaudeAgent, CodexAgent], ids=["claude", "codex"])
def live(request: pytest.FixtureRequest, bench: Bench) -> Agent:
    """A session of some length beside others, all of them read once."""
    agent: Agent = request.param(bench, 1)
    for _ in range(LONG):
        agent.say()
    for number in range(2, 12):
        ClaudeAgent(bench, number).say()
        CodexAgent(bench, number).say()
    bench.ok("sessions")
    return agent


class Counted:
    """What is done to logs from now on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.opened: list[str] = []
        self.read = 0
        self.looked_at: Counter[str] = Counter()
        opened, stat = contents._opened, os.stat

        def opening(log: LogFile) -> Any:  # noqa: ANN401 - what it stands for
            self.opened.append(log.place)
            return _Reads(opened(log), self)

        def looking(path: Any, **options: Any) -> os.stat_result:  # noqa: ANN401 - those of os.stat
            if str(path).endswith(".jsonl"):
                self.looked_at[str(path)] += 1
            return stat(path, **options)

        patch.setattr(contents, "_opened", opening)
        patch.setattr(os, "stat", looking)


class _Reads:
    def __init__(self, raw: BinaryIO, counted: Counted) -> None:
        self._raw = raw
        self._counted = counted

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._raw.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the file's own
        return getattr(self._raw, name)

    def read(self, size: int = -1) -> bytes:
        found = self._raw.read(size)
        self._counted.read += len(found)
        return found


def logs(live: Agent) -> set[str]:
    """All logs of the agent at work; those of another are not even looked at."""
    place = os.environ[{"claude": "CLAUDE_CONFIG_DIR", "codex": "CODEX_HOME"}[live.agent]]
    found = (os.path.join(top, name) for top, _, names in os.walk(place) for name in names)  # noqa: PTH118
    paths = {path for path in found if path.endswith(".jsonl")}
    assert str(live.log) in paths
    return paths


def test_one_log_is_opened_and_its_tail_alone_is_read(
    bench: Bench, live: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    goal = ""
    for command in (("start-task", "--title", "Add a shelf", "--kind", "product"), ("mark", "plan"), ("finish-task",)):
        before = live.log.stat().st_size
        live.issue()
        arrived = live.log.stat().st_size - before
        assert 0 < arrived < before // LONG * 4
        with monkeypatch.context() as patch:
            counted = Counted(patch)
            more = ("--status", "success") if command[0] == "finish-task" else ()
            goal = bench.ok(*command, *more, "--quiet", **live.environ).out.strip() or goal
        live.returned()
        assert counted.opened == [str(live.log)]
        # The head and what stands before the cursor prove the log; behind the tail the next proof is taken.
        assert counted.read <= 2 * arrived + 4 * PROOF
        assert counted.looked_at == dict.fromkeys(logs(live), 1)
    assert bench.shown(goal)["quality"] == "exact"


def test_git_is_asked_twice(bench: Bench, live: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted_calls(monkeypatch)
    for command in (
        ("start-task", "--title", "Add a shelf", "--kind", "product"),
        ("mark", "plan"),
        ("finish-task", "--status", "success"),
        ("start-task", "--title", "Add a table", "--kind", "product"),
    ):
        calls.clear()
        bench.ok(*command, **live.environ)
        assert [call[0] for call in calls] == ["rev-parse", "status"]


@pytest.mark.parametrize("grown", [True, False], ids=["grown", "unchanged"])
def test_only_what_is_needed_is_imported(bench: Bench, live: Agent, *, grown: bool) -> None:
    bench.start(**live.environ)
    if grown:
        live.issue()
    code = """import sys
from tallybook.__main__ import main
main()
sys.stderr.write("\\n" + " ".join(sys.modules))"""
    done = subprocess.run(
        [sys.executable, "-c", code, "mark", "plan"],
        env={**os.environ, **live.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stderr.splitlines()[-1].split())
    assert "tallybook.usecases.tasks" in imported
    assert imported & HEAVY == set()
    for agent, modules in READING.items():
        assert imported & modules == (modules if grown and agent == live.agent else set())


@pytest.mark.parametrize("command", ["usage", "sessions"])
def test_a_question_that_finds_nothing_new_imports_neither_writers_nor_replay(command: str, bench: Bench) -> None:
    """The history answers alone; the ledger is not read for it."""
    live = CodexAgent(bench, 1)
    live.say()
    bench.ok("sessions")
    code = "import sys; from tallybook.__main__ import main; main(); sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True, check=True)
    imported = set(done.stderr.split())
    assert "tallybook.history.queries" in imported
    assert imported & {"tallybook.history.write", "tallybook.history.crew", "tallybook.history.visits"} == set()
    assert imported & {"tallybook.ledger.replica", "tallybook.domain.replay", "typer", "rich"} == set()


def test_a_long_thread_is_counted_by_what_is_added(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that a response takes are given to the reader, however long the thread was before."""
    monkeypatch.setattr(growth, "LONG", LONG)
    live = CodexAgent(bench, 1)
    for _ in range(LONG):
        live.say()
    bench.ok("sessions")
    goal = bench.start(**live.environ)
    derive, grow = CodexReader.derive, CodexReader.grow
    rows: list[int] = []

    def deriving(reader: CodexReader, unit: Sequence[SourceRows]) -> list[Response]:
        rows.append(sum(len(source.rows) for source in unit))
        return derive(reader, unit)

    def growing(reader: CodexReader, kept: bytes, source: SourceRows) -> Grown | None:
        rows.append(len(source.rows))
        return grow(reader, kept, source)

    monkeypatch.setattr(CodexReader, "derive", deriving)
    monkeypatch.setattr(CodexReader, "grow", growing)
    for stage in ("first", "second", "third"):
        live.issue()
        bench.ok("mark", stage, "--goal", goal, **live.environ)
        live.returned()
    # The first one sees that the thread grows, and keeps what the next ones need.
    assert rows[0] > LONG
    assert len(rows) == 3
    assert max(rows[1:]) < 10
    assert bench.ok("settle", "--json").json["pending"] == 0
    assert bench.shown(goal)["quality"] == "exact"


def steps(store: Store, question: Callable[[], object]) -> int:
    """How many instructions of SQLite a question takes."""
    count = 0

    def counting() -> None:
        nonlocal count
        count += 1

    store._connection.set_progress_handler(counting, 1)
    question()
    store._connection.set_progress_handler(None, 1)
    return count


@pytest.fixture
def short_and_long(bench: Bench) -> tuple[CodexAgent, CodexAgent]:
    """Sessions of few responses and of many, read already."""
    short, long = CodexAgent(bench, 1), CodexAgent(bench, 2)
    for agent, responses in ((short, 5), (long, 200)):
        for _ in range(responses):
            agent.say()
    bench.ok("sessions")
    return short, long


def test_the_last_response_of_a_session_is_found_without_the_others(
    bench: Bench, short_and_long: tuple[CodexAgent, CodexAgent]
) -> None:
    with open_store(bench.data) as store:
        numbers = dict(store.rows("SELECT name, id FROM session"))
        short, long = (
            steps(store, partial(queries._last_response, store, numbers[agent.session])) for agent in short_and_long
        )
    assert long <= short + 10


def test_what_a_session_has_used_is_told_without_its_responses(
    bench: Bench, short_and_long: tuple[CodexAgent, CodexAgent]
) -> None:
    """The sums of an hour are kept; a session of a week asks for no more."""
    keys = [SessionKey("codex", agent.session) for agent in short_and_long]
    with open_store(bench.data) as store:
        short, long = (steps(store, partial(queries.usage_of, store, key)) for key in keys)
        counter = queries.usage_of(store, keys[1])
    assert counter is not None
    assert sum(part.responses for part in counter.classes) == 200
    assert long <= short * 2


def test_a_store_of_an_earlier_version_is_brought_up_on_the_way(bench: Bench, live: Agent) -> None:
    """The stage begins where it would have begun."""
    goal = bench.start(**live.environ)
    with open_store(bench.data) as store:
        before = store.rows("SELECT * FROM response ORDER BY id")
    to_schema_5(bench.data / "history.db")
    said = bench.ok("mark", "plan", "--goal", goal, "--json", **live.environ)
    assert [problem["code"] for problem in json.loads(said.out)["problems"]] == ["store-migrated"]
    with open_store(bench.data) as store:
        assert store.rows("SELECT * FROM response ORDER BY id") == before != []
