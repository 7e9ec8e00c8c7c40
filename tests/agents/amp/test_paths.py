"""Which files are threads, and which processes are Amp."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tallybook.agents.amp.reader import AmpReader

READER = AmpReader()


def names(**environ: str) -> list[str]:
    return [log.path.name for log in READER.discover(environ)]


def put(place: Path, *files: str) -> None:
    (place / "threads").mkdir(parents=True)
    for file in files:
        (place / "threads" / file).write_text("{}")


def test_threads_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path, "T-2.json", "T-1.json", "T-3.json.amptmp", "x.json", "T-4.txt", "session.json")
    (tmp_path / "threads" / "T-5.json").mkdir()
    (tmp_path / "threads" / "T-6.json").symlink_to(tmp_path / "threads" / "T-6.json")
    logs = list(READER.discover({"AMP_DATA_DIR": str(tmp_path)}))
    assert [log.path.name for log in logs] == ["T-1.json", "T-2.json", "T-6.json"]
    assert all(log.whole and log.agent == "amp" and log.key == str(log.path) for log in logs)


def test_a_thread_that_is_named_is_the_one_that_is_found(tmp_path: Path) -> None:
    put(tmp_path, "T-1.json")
    environ = {"AMP_DATA_DIR": str(tmp_path)}
    (root,) = READER.roots(environ)
    assert [READER.log_at(root / "T-1.json")] == list(READER.discover(environ))
    assert READER.log_at(tmp_path / "copy.json").whole


def test_the_variable_then_the_data_directory_then_home(tmp_path: Path) -> None:
    for place, name in (("named", "T-a.json"), ("data/amp", "T-b.json"), (".local/share/amp", "T-c.json")):
        put(tmp_path / place, name)
    home, data = str(tmp_path), str(tmp_path / "data")
    assert names(HOME=home, XDG_DATA_HOME=data, AMP_DATA_DIR=str(tmp_path / "named")) == ["T-a.json"]
    assert names(HOME=home, AMP_DATA_DIR="~/named") == ["T-a.json"]
    assert names(HOME=home, XDG_DATA_HOME=data) == ["T-b.json"]
    assert names(HOME=home) == ["T-c.json"]
    assert names(HOME=str(tmp_path / "nowhere")) == []
    assert names() == []


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    put(tmp_path)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/threads/T-\xff.json")).write_text("{}")
    (log,) = READER.discover({"AMP_DATA_DIR": str(tmp_path)})
    assert log.key.endswith("T-\\xff.json")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("amp", True),
        ("/usr/local/bin/amp threads continue", True),
        ("node /usr/lib/node_modules/@sourcegraph/amp/dist/main.js", True),
        ("node --no-warnings /usr/lib/node_modules/@sourcegraph/amp/dist/main.js -x", True),
        ("bun /opt/node_modules/@ampcode/cli/main.js", True),
        ("node -r /x/hook.js /usr/local/bin/amp", True),
        ("node /srv/app/amp.js", False),
        ("node", False),
        ("bash -c amp", False),
        ("vim amp", False),
        ("ampersand", False),
    ],
)
def test_processes(command: str, expected: bool) -> None:
    assert READER.is_agent_process(command.split()) is expected


def test_no_arguments_and_no_registry() -> None:
    assert not READER.is_agent_process([])
    assert READER.registered_session({}, 1, "1") is None
