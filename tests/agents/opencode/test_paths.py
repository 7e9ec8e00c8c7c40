"""Which files hold messages, and which processes are OpenCode."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tallybook.agents.opencode.reader import OpenCodeReader

READER = OpenCodeReader()


def names(**environ: str) -> list[str]:
    return [log.path.name for log in READER.discover(environ)]


def put(place: Path, *files: str) -> None:
    for file in files:
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_text("{}")


def test_databases_sessions_and_messages_and_nothing_else(tmp_path: Path) -> None:
    wanted = ["opencode-dev.db", "opencode.db", "storage/session/p/ses_1.json"]
    wanted += ["storage/message/ses_1/msg_1.json", "storage/message/ses_1/msg_2.json"]
    others = ["opencode.db-wal", "opencode.db-shm", "other.db", "auth.json", "storage/part/msg_1/prt_1.json"]
    others += ["storage/message/msg_3.json", "storage/message/ses_1/msg_4.txt", "storage/session_diff/ses_1.json"]
    put(tmp_path, *wanted, *others)
    (tmp_path / "opencode-x.db").mkdir()
    (tmp_path / "storage/message/ses_1/msg_5.json").mkdir()
    logs = list(READER.discover({"OPENCODE_DATA_DIR": str(tmp_path)}))
    assert [str(log.path.relative_to(tmp_path)) for log in logs] == wanted
    assert all(log.whole and log.agent == "opencode" and log.key == str(log.path) for log in logs)
    assert [log.journal for log in logs] == [f"{tmp_path / name}-wal" for name in wanted[:2]] + 3 * [None]


def test_a_log_that_is_named_is_the_one_that_is_found(tmp_path: Path) -> None:
    put(tmp_path, "opencode.db", "storage/message/ses_1/msg_1.json")
    environ = {"OPENCODE_DATA_DIR": str(tmp_path)}
    assert READER.roots(environ) == (tmp_path,)
    assert [READER.log_at(log.path) for log in READER.discover(environ)] == list(READER.discover(environ))
    assert READER.log_at(tmp_path / "copy.sqlite").journal == f"{tmp_path}/copy.sqlite-wal"


def test_the_journal_lies_beside_the_database_itself(tmp_path: Path) -> None:
    put(tmp_path / "far", "real.db")
    (tmp_path / "opencode.db").symlink_to(tmp_path / "far" / "real.db")
    (log,) = READER.discover({"OPENCODE_DATA_DIR": str(tmp_path)})
    assert (log.place, log.journal) == (str(tmp_path / "opencode.db"), f"{tmp_path}/far/real.db-wal")


def test_the_variable_then_the_data_directory_then_home(tmp_path: Path) -> None:
    for place, channel in (("named", "a"), ("data/opencode", "b"), (".local/share/opencode", "c")):
        put(tmp_path / place, f"opencode-{channel}.db")
    home, data = str(tmp_path), str(tmp_path / "data")
    assert names(HOME=home, XDG_DATA_HOME=data, OPENCODE_DATA_DIR=str(tmp_path / "named")) == ["opencode-a.db"]
    assert names(HOME=home, OPENCODE_DATA_DIR="~/named") == ["opencode-a.db"]
    assert names(HOME=home, XDG_DATA_HOME=data) == ["opencode-b.db"]
    assert names(HOME=home) == ["opencode-c.db"]
    assert names(HOME=str(tmp_path / "nowhere")) == []
    assert (names(), READER.roots({})) == ([], ())


def test_a_database_that_is_named_by_itself(tmp_path: Path) -> None:
    put(tmp_path, "opencode.db", "own.db", "far/other.db")
    data = str(tmp_path)
    assert names(OPENCODE_DATA_DIR=data, OPENCODE_DB="own.db") == ["own.db", "opencode.db"]
    assert names(OPENCODE_DATA_DIR=data, OPENCODE_DB="opencode.db") == ["opencode.db"]
    assert names(OPENCODE_DB=str(tmp_path / "far" / "other.db")) == ["other.db"]
    assert names(OPENCODE_DB=str(tmp_path / "absent.db")) == names(OPENCODE_DB="own.db") == []
    assert names(OPENCODE_DATA_DIR=data, OPENCODE_DB=":memory:") == ["opencode.db"]


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    put(tmp_path, "storage/message/ses_1/msg_1.json")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/storage/message/ses_1/msg_\xff.json")).write_text("{}")
    keys = [log.key for log in READER.discover({"OPENCODE_DATA_DIR": str(tmp_path)})]
    assert keys[1].endswith("msg_\\xff.json")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("opencode", True),
        ("/usr/local/bin/opencode run hello", True),
        ("/x/node_modules/opencode-linux-x64/bin/opencode run", True),
        ("/x/.opencode serve", True),
        ("node /usr/lib/node_modules/opencode-ai/bin/opencode", True),
        ("node --no-warnings /usr/lib/node_modules/opencode-ai/dist/main.js -x", True),
        ("bun /opt/opencode", True),
        ("node -r /x/hook.js /usr/local/bin/opencode", True),
        ("node /srv/app/main.js", False),
        ("node", False),
        ("bash -c opencode", False),
        ("vim opencode", False),
        ("opencoder", False),
    ],
)
def test_processes(command: str, expected: bool) -> None:
    assert READER.is_agent_process(command.split()) is expected


def test_no_arguments_and_no_registry() -> None:
    assert not READER.is_agent_process([])
    assert READER.registered_session({}, 1, "1") is None
    assert READER.keepings({"HOME": "/"}) == ()
