"""A survey that remembers what it saw before tells the same as one that looks at everything again."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from backports.zstd import compress
from hypothesis import given, settings
from hypothesis import strategies as st

from tallybook.agents import walked
from tallybook.agents.claude_code.reader import ClaudeCodeReader
from tallybook.agents.codex.reader import CodexReader
from tallybook.agents.port import LogFile
from tallybook.history import sighting
from tallybook.history.ingest import ingest
from tallybook.history.sighting import Awaited, recall
from tallybook.history.store import Store, StoreDamaged, open_store
from tallybook.history.survey import full_survey, survey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tallybook.agents.port import LogReader
    from tallybook.history.survey import Survey

TICK = 0.012
"""Seconds after which no change has the time of one before, on the file systems that tests run on."""
NAME = "rollout-2026-02-23T13-19-38-019c8a5f-0000-7000-8000-00000000000{}"
CODEX = [
    *(f"codex/sessions/2026/02/{day}/{NAME.format(n)}.jsonl" for day in ("23", "24") for n in (1, 2)),
    f"codex/sessions/2026/02/23/{NAME.format(1)}.jsonl.zst",
    f"codex/archived_sessions/{NAME.format(1)}.jsonl",
    f"codex/archived_sessions/{NAME.format(3)}.jsonl.zst",
]
CLAUDE = [
    *(f"claude/projects/{place}.jsonl" for place in ("p/a", "p/b", "p/a/subagents/c", "q/a")),
    "claude/projects/q/note.txt",
]
FOLDERS = ["codex/sessions/2026/02/23", "codex/archived_sessions", "claude/projects/p", "claude/projects/q", "codex"]
PATHS = st.sampled_from([*CODEX, *CLAUDE])
PLACES = st.sampled_from([*CODEX, *CLAUDE, *FOLDERS])
ACTS = st.one_of(
    st.tuples(st.sampled_from(["create", "append", "replace", "delete"]), PATHS),
    st.tuples(st.sampled_from(["delete", "mkdir", "chmod", "set back"]), st.sampled_from(FOLDERS)),
    st.tuples(st.sampled_from(["rename", "link"]), PLACES, PLACES),
    st.tuples(st.just("elsewhere")),
    st.tuples(st.just("wait")),
)


class Home:
    """Logs of two agents, and a store of their own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = {"CODEX_HOME": str(root / "codex"), "CLAUDE_CONFIG_DIR": str(root / "claude")}
        self.readers: tuple[LogReader, ...] = (CodexReader(), ClaudeCodeReader())

    def store(self) -> Store:
        return open_store(self.root / "data")

    def put(self, *names: str) -> None:
        for name in names:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(compress(b"{}\n") if name.endswith(".zst") else b"{}\n")

    def update(self, environ: Mapping[str, str] | None = None) -> None:
        with self.store() as store:
            ingest(store, self.readers, self.environ if environ is None else environ)

    def recalls(self) -> list[bool]:
        """Of each agent, whether its next survey need not look at everything."""
        with self.store() as store:
            return [recall(store, reader, self.environ) is not None for reader in self.readers]

    def settle(self) -> None:
        """Update until both agents' logs are remembered."""
        time.sleep(TICK)
        for _ in range(3):
            self.update()
        assert self.recalls() == [True, True]

    def check(self) -> None:
        """Both surveys are the same, but for the order in which nothing was found."""
        with self.store() as store:
            for reader in self.readers:
                assert told(survey(store, reader, self.environ)) == told(full_survey(store, reader, self.environ))

    def act(self, what: str, *names: str) -> None:
        first, *rest = [self.root / name for name in names] or [self.root]
        try:
            getattr(self, f"_{what.replace(' ', '_')}")(first, *rest)
        except OSError:  # this can't be done here
            return

    def _create(self, path: Path) -> None:
        self.put(str(path.relative_to(self.root)))

    def _append(self, path: Path) -> None:
        with path.open("ab") as log:
            log.write(b'{"type":"x"}\n')

    def _replace(self, path: Path) -> None:
        other = self.root / "other"
        other.write_bytes(path.read_bytes()[::-1])
        other.replace(path)

    def _delete(self, path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def _mkdir(self, path: Path) -> None:
        path.mkdir(parents=True)

    def _chmod(self, path: Path) -> None:
        path.chmod(path.stat().st_mode ^ 0o055)

    def _set_back(self, path: Path) -> None:
        before = path.stat().st_mtime_ns
        (path / f"{NAME.format(7)}.jsonl").write_bytes(b"{}\n")
        os.utime(path, ns=(before, before))

    def _rename(self, path: Path, other: Path) -> None:
        other.parent.mkdir(parents=True, exist_ok=True)
        path.rename(other)

    def _link(self, path: Path, other: Path) -> None:
        other.parent.mkdir(parents=True, exist_ok=True)
        other.symlink_to(path)

    def _elsewhere(self, root: Path) -> None:
        self.update({"CODEX_HOME": str(root / "none"), "CLAUDE_CONFIG_DIR": str(root / "claude/projects/p")})

    def _wait(self, _: Path) -> None:
        time.sleep(TICK)


def told(found: Survey) -> tuple[object, ...]:
    return (found.seen, found.tasks, found.moved, sorted(found.vanished), found.problems)


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    """Few logs are enough, and directories are trusted as soon as a change would show."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sighting, "LEAST", 1)
        patch.setattr(walked, "SETTLED", int(TICK * 0.8 * 1e9))
        yield


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.put(*CODEX, *CLAUDE)
    return made


@settings(max_examples=25)
@given(st.lists(ACTS, max_size=12))
def test_whatever_is_done_to_logs_the_survey_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, ...]]
) -> None:
    """Between updates, and after each of them."""
    home = Home(tmp_path_factory.mktemp("sighting"))
    home.put(*CODEX, *CLAUDE)
    home.settle()
    for what, *names in acts:
        home.act(what, *names)
        home.check()
        home.update()
        home.check()


@pytest.mark.parametrize(
    "act",
    [
        ("create", f"codex/sessions/2026/02/24/{NAME.format(8)}.jsonl"),
        ("create", "claude/projects/r/a.jsonl"),
        ("delete", CODEX[0]),
        ("delete", "codex/archived_sessions"),
        ("replace", CLAUDE[0]),
        ("append", CLAUDE[2]),
        ("rename", CODEX[-1], f"codex/sessions/2026/02/23/{NAME.format(3)}.jsonl.zst"),
        ("rename", "claude/projects/p", "claude/projects/s"),
        ("link", "claude/projects/q", "claude/projects/p/q"),
        ("set back", "codex/sessions/2026/02/23"),
        ("set back", "claude/projects/p"),
        ("mkdir", f"codex/sessions/2026/02/24/{NAME.format(9)}.jsonl"),
        ("elsewhere",),
    ],
    ids=lambda act: act[0],
)
def test_a_change_of_any_kind_is_seen(home: Home, act: tuple[str, ...]) -> None:
    """Each of them alone, and what is remembered afterwards is right again."""
    home.settle()
    home.act(*act)
    with home.store() as store:
        found = [survey(store, reader, home.environ) for reader in home.readers]
        assert any(one.tasks or one.moved or one.vanished for one in found) or act[0] in {"link", "mkdir"}
    home.check()
    home.update()
    home.check()
    with home.store() as store:
        assert [told(survey(store, reader, home.environ))[1:] for reader in home.readers] == [((), (), [], ())] * 2


@pytest.mark.parametrize(
    ("agent", "session", "act"),
    [
        ("claude", "b", ("append", "claude/projects/p/b.jsonl")),
        ("claude", "b", ("replace", "claude/projects/p/b.jsonl")),
        ("claude", "b", ("delete", "claude/projects/p/b.jsonl")),
        ("claude", "b", ("rename", "claude/projects/p/b.jsonl", "claude/projects/q/b.jsonl")),
        ("claude", "p/a", ("append", "claude/projects/p/a/subagents/c.jsonl")),
        ("claude", "p/a", ("create", "claude/projects/p/a/subagents/d.jsonl")),
        ("claude", "new", ("create", "claude/projects/r/new.jsonl")),
        ("claude", "b", ("delete", "claude/projects/q/a.jsonl")),
        ("codex", NAME.format(2), ("append", CODEX[1])),
        ("codex", "another", ("create", f"codex/sessions/2026/02/24/{NAME.format(8)}.jsonl")),
        ("codex", "another", ("delete", "codex/archived_sessions")),
    ],
)
def test_what_happens_to_a_session_while_it_is_awaited_is_seen(
    home: Home, agent: str, session: str, act: tuple[str, ...]
) -> None:
    """Nothing of it was looked at before, nor was a log overlooked that came or went."""
    home.settle()
    acts = [act]
    with home.store() as store:
        reader = next(one for one in home.readers if one.agent == agent)
        awaited = Awaited(agent, session, lambda: home.act(*acts.pop()) if acts else None)
        found = survey(store, reader, home.environ, awaited)
        assert acts == []
        assert found.tasks or found.moved or found.vanished
        assert told(found) == told(full_survey(store, reader, home.environ))


@pytest.mark.parametrize(("most", "recalled"), [(5, True), (4, False)])
def test_a_session_of_many_logs_is_awaited_too(
    home: Home, monkeypatch: pytest.MonkeyPatch, most: int, *, recalled: bool
) -> None:
    """They do not make a new sighting pay, for they are compared at every wait; of very many it would be too long."""
    home.put(*(f"claude/projects/p/long/subagents/{number}.jsonl" for number in range(5)))
    home.settle()
    monkeypatch.setattr(sighting, "MOST_CHANGED", 0)
    monkeypatch.setattr(sighting, "MOST_OF_ONE", most)
    with home.store() as store:
        found = recall(store, home.readers[1], home.environ, Awaited("claude", "long", lambda: None))
        assert (found is not None) is recalled
        assert found is None or len(found.logs) == 5


def test_a_session_is_waited_for_where_all_is_looked_at(home: Home) -> None:
    """As of a history that was never asked for before."""
    acts = [("create", "claude/projects/r/new.jsonl")]
    with home.store() as store:
        awaited = Awaited("claude", "new", lambda: home.act(*acts.pop()))
        found = survey(store, home.readers[1], home.environ, awaited)
        assert any(task.log.place.endswith("new.jsonl") for task in found.tasks)


def test_what_happens_to_another_session_meanwhile_is_seen_at_the_next_time(home: Home) -> None:
    """Its logs were looked at before the wait, which is not repeated where nothing else has changed."""
    home.settle()
    waits: list[str] = []

    def wait() -> None:
        waits.append("once")
        home.act("append", "claude/projects/q/a.jsonl")

    with home.store() as store:
        report = ingest(store, home.readers, home.environ, awaited=Awaited("claude", "b", wait))
        assert (report.files_read, waits) == (0, ["once"])
        assert ingest(store, home.readers, home.environ).files_read == 1


def test_a_directory_that_was_not_there(home: Home) -> None:
    """It comes to a place that nothing is listed of."""
    home.act("delete", "codex/archived_sessions")
    home.settle()
    home.put(CODEX[-1])
    assert home.recalls() == [False, True]
    home.check()


class Work:
    """What surveys ask of the system and of the store."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.listed: list[str] = []
        self.looked_at: Counter[str] = Counter()
        self.rows = 0
        stat, scandir, rows = os.stat, os.scandir, Store.rows

        def looking(path: Any, **options: Any) -> os.stat_result:  # noqa: ANN401 - those of os.stat
            self.looked_at[os.fsdecode(path)] += 1
            return stat(path, **options)

        def listing(path: Any) -> Any:  # noqa: ANN401 - those of os.scandir
            self.listed.append(os.fsdecode(path))
            return scandir(path)

        def reading(store: Store, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
            found = rows(store, sql, values)
            self.rows += len(found)
            return found

        patch.setattr(os, "stat", looking)
        patch.setattr(os, "scandir", listing)
        patch.setattr(Store, "rows", reading)


def test_nothing_is_listed_and_each_place_is_looked_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is asked for the log that has grown, and for no other."""
    home.put(*(f"claude/projects/many/{number}.jsonl" for number in range(60)))
    home.settle()
    home.act("append", "claude/projects/many/7.jsonl")
    home.update()
    home.act("append", "claude/projects/many/8.jsonl")
    with home.store() as store, monkeypatch.context() as patch:
        work = Work(patch)
        found = survey(store, ClaudeCodeReader(), home.environ)
    assert [Path(task.log.place).name for task in found.tasks] == ["8.jsonl"]
    assert found.seen == 64
    assert work.listed == []
    logs = {path: count for path, count in work.looked_at.items() if path.endswith(".jsonl")}
    again = {str(home.root / f"claude/projects/many/{number}.jsonl") for number in (7, 8)}  # written, and grown
    assert logs == {path: 2 if path in again else 1 for path in logs}
    assert len(logs) == 64
    folders = [path for path in work.looked_at if path.startswith(str(home.root / "claude")) and path not in logs]
    assert sorted(work.looked_at[path] for path in folders) == [1] * 6
    assert work.rows <= 8


def test_the_first_survey_notes_changes_and_the_next_remembers(home: Home) -> None:
    """A change between the two is known to the second."""
    time.sleep(TICK)
    home.update()
    assert home.recalls() == [False, False]
    with home.store() as store:
        assert store.rows("SELECT count(*) FROM sighting WHERE data IS NULL") == [(2,)]
    home.act("elsewhere")
    with home.store() as store:
        moved = [len(survey(store, reader, home.environ).moved) for reader in home.readers]
    home.update()
    assert (moved, home.recalls()) == ([3, 4], [True, True])
    home.check()


def test_few_logs_are_not_worth_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is added to the store for them."""
    monkeypatch.setattr(sighting, "LEAST", 100)
    time.sleep(TICK)
    for _ in range(3):
        home.update()
    with home.store() as store:
        assert store.rows("SELECT name FROM sqlite_master WHERE name LIKE 'sighting%'") == []


def test_a_directory_that_has_just_changed_is_not_trusted(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second change within a tick of the clock would not show; it is trusted later."""
    with monkeypatch.context() as patch:
        patch.setattr(walked, "SETTLED", 3_600_000_000_000)
        for _ in range(3):
            home.update()
        assert home.recalls() == [False, False]
    home.settle()


def test_many_changed_logs_are_remembered_anew(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where comparing them singly would take as long."""
    home.settle()
    monkeypatch.setattr(sighting, "MOST_CHANGED", 1)
    for name in CLAUDE[:3]:
        home.act("append", name)
    assert home.recalls() == [True, False]
    home.check()
    home.update()
    home.update()
    assert home.recalls() == [True, True]


def test_changed_logs_are_asked_for_together(home: Home) -> None:
    """Until there are so many that they are remembered anew, each run asks for all of them."""
    home.settle()
    asked = []
    for name in CLAUDE[:3]:
        home.act("append", name)
        time.sleep(TICK)
        home.update()
        with home.store() as store:
            questions: list[str] = []
            store._connection.set_trace_callback(questions.append)
            assert survey(store, ClaudeCodeReader(), home.environ).tasks == ()
            asked.append(len(questions))
    assert len(set(asked)) == 1


def test_two_writers_at_once(home: Home) -> None:
    """What another process writes while a survey is under way is not lost when it is remembered."""
    home.settle()
    reader = ClaudeCodeReader()
    home.act("create", "claude/projects/q/z.jsonl")
    time.sleep(TICK)
    home.update()
    with home.store() as store:
        mine = full_survey(store, reader, home.environ)
        assert mine.sight is not None
        home.act("elsewhere")
        sighting.remember(store, reader, home.environ, mine.sight)
        moved = full_survey(store, reader, home.environ).moved
    assert mine.tasks == ()
    assert moved  # those that the other has taken for gone have come back
    assert home.recalls()[1] is True
    home.check()


def test_logs_of_another_place_in_the_same_store(home: Home, tmp_path: Path) -> None:
    """They are none of what was seen here, so they are told to have vanished, as without a sighting."""
    home.settle()
    other = Home(tmp_path / "other")
    other.put(f"codex/sessions/2026/03/01/{NAME.format(7)}.jsonl", "claude/projects/r/r.jsonl")
    home.update(other.environ)
    with home.store() as store:
        for reader in home.readers:
            found = survey(store, reader, home.environ)
            assert told(found) == told(full_survey(store, reader, home.environ))
            assert len(found.vanished) == 1


@pytest.mark.parametrize("what", ["user", "reader", "roots", "form", "garbage", "trigger"])
def test_what_was_seen_otherwise_is_not_taken(home: Home, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """By another user, reader, or program, of other places, or without changes being noted."""
    home.settle()
    reader = CodexReader()
    environ = dict(home.environ)
    with home.store() as store:
        (data,) = next(iter(store.rows("SELECT data FROM sighting JOIN agent ON agent = id WHERE name = 'codex'")))
        if what == "user":
            monkeypatch.setattr(os, "geteuid", lambda: 12345)
        elif what == "reader":
            reader.version = "codex/0"
        elif what == "roots":
            environ["CODEX_HOME"] = str(home.root / "claude")
        else:
            parts = msgspec.msgpack.decode(data)
            other = msgspec.msgpack.encode([0, *parts[1:]]) if what == "form" else b"\xc1"
            with store.transaction() as connection:
                if what == "trigger":
                    connection.execute("DROP TRIGGER sighting_update")
                else:
                    connection.execute("UPDATE sighting SET data = ?", (other,))
        assert recall(store, reader, environ) is None
        assert told(survey(store, reader, environ)) == told(full_survey(store, reader, environ))


def test_a_closed_directory_is_told_of_each_time(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as there is one nothing is remembered, so that it can't be forgotten."""
    closed = {str(home.root / "codex/archived_sessions"), str(home.root / "claude/projects/q")}
    real = os.scandir

    def refusing(path: Any) -> Any:  # noqa: ANN401 - those of os.scandir
        if os.fspath(path) in closed:
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    home.settle()
    for path in closed:
        home.act("chmod", os.path.relpath(path, home.root))
    monkeypatch.setattr(os, "scandir", refusing)
    for _ in range(4):
        time.sleep(TICK)
        with home.store() as store:
            report = ingest(store, home.readers, home.environ)
        assert [problem.code for problem in report.problems] == ["unreadable-log"] * 2
    assert home.recalls() == [False, False]


@pytest.mark.parametrize("place", [CODEX[0], "codex/archived_sessions"], ids=["log", "directory"])
def test_a_place_that_may_not_be_looked_at(home: Home, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """What can't be told is looked at in full each time, and nothing of it is remembered."""
    home.settle()
    home.act("chmod", "codex/archived_sessions")
    real = os.stat

    def refusing(path: Any, **options: Any) -> os.stat_result:  # noqa: ANN401 - those of os.stat
        if os.fsdecode(path) == str(home.root / place):
            raise PermissionError(13, "Permission denied", path)
        return real(path, **options)

    monkeypatch.setattr(os, "stat", refusing)
    for _ in range(3):
        time.sleep(TICK)
        home.check()
        home.update()
    assert home.recalls()[0] is False


def test_numbers_of_more_than_63_bits(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems have such inodes: they are looked at in full."""
    real = walked.stamp_of
    monkeypatch.setattr(walked, "stamp_of", lambda status: (real(status)[0], 2**63, *real(status)[2:]))
    time.sleep(TICK)
    for _ in range(3):
        home.update()
    assert home.recalls() == [False, False]
    home.check()


def test_names_that_are_no_text(home: Home) -> None:
    """They have keys that the store does not hold as they are: what was remembered before stays."""
    home.settle()
    query = "SELECT data FROM sighting JOIN agent ON agent = id WHERE name = 'codex'"
    with home.store() as store:
        before = store.rows(query)
        sight = full_survey(store, CodexReader(), home.environ).sight
        assert sight is not None
        sight.add(LogFile("codex", os.fsdecode(b"rollout-\xff"), "/nowhere"), sighting.UNLIKE)
        sighting.remember(store, CodexReader(), home.environ, sight)
        assert store.rows(query) == before


@pytest.mark.parametrize("fault", ["no such place", "damage"])
def test_what_cannot_be_remembered(home: Home, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """What was read meanwhile is kept, and the command goes on; a damaged store is another matter."""
    error = sqlite3.OperationalError("no room") if fault != "damage" else sqlite3.DatabaseError("malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL if fault != "damage" else sqlite3.SQLITE_CORRUPT

    def failing(*_: object) -> None:
        raise error

    time.sleep(TICK)
    monkeypatch.setattr(sighting, "_arm", failing)
    if fault == "damage":
        with pytest.raises(StoreDamaged):
            home.update()
    else:
        home.update()
    with home.store() as store:
        assert store.rows("SELECT count(*) FROM source") == [(7,)]
        assert recall(store, CodexReader(), home.environ) is None
