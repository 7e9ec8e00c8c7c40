"""Where Droid's sessions are looked for, and which processes are Droid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallybook.agents.droid.reader import DroidReader

if TYPE_CHECKING:
    from pathlib import Path

READER = DroidReader()


def put(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return str(path)


def test_documents_and_the_files_beside_them(tmp_path: Path) -> None:
    """In directories of working directories, or right below the root; other files are none."""
    root = tmp_path / ".factory" / "sessions"
    names = ["-srv-shop/a.jsonl", "-srv-shop/a.settings.json", "b.jsonl", "b.settings.json"]
    expected = [put(root / one) for one in names]
    put(root / "-srv-shop" / "a.jsonl.events.lock")
    put(root / "index.json")
    put(tmp_path / ".factory" / "settings.json")
    logs = list(READER.discover({"HOME": str(tmp_path)}))
    assert sorted(log.place for log in logs) == sorted(expected)
    assert {log.place: log.whole for log in logs} == {one: one.endswith(".json") for one in expected}
    assert all(READER.log_at(log.path) == log for log in logs)


def test_another_home(tmp_path: Path) -> None:
    """Droid's own variable goes before the usual one; without a home there is nothing."""
    path = put(tmp_path / "b" / ".factory" / "sessions" / "x.settings.json")
    environ = {"HOME": str(tmp_path / "a"), "FACTORY_HOME_OVERRIDE": str(tmp_path / "b")}
    assert [log.place for log in READER.discover(environ)] == [path]
    assert READER.roots({}) == ()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("droid", True),
        ("/home/ada/.local/bin/droid exec x", True),
        ("node /usr/lib/node_modules/@factory/cli/bin/droid", True),
        ("node --no-warnings /usr/lib/node_modules/droid/cli.js", True),
        ("node -r /x/hook.js /usr/lib/node_modules/@factory/cli-linux-x64/run.js", True),
        ("node /srv/app/droid.js", False),
        ("node", False),
        ("bash -c droid", False),
        ("droidcam", False),
    ],
)
def test_processes(command: str, expected: bool) -> None:
    """The program by its name or its launcher; a shell that names it is not Droid."""
    assert READER.is_agent_process(command.split()) is expected


def test_no_arguments_and_no_registry() -> None:
    """Droid keeps no list of running sessions."""
    assert not READER.is_agent_process([])
    assert READER.keepings({"HOME": "/home/ada"}) == ()
    assert READER.registered_session({}, 1, "1") is None
