"""Where Pi's sessions are looked for, and which processes are Pi's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tallybook.agents.pi.reader import PiReader

READER = PiReader()
NAME = "2026-05-28T20-26-40-000Z_019e7044-8000-7001-8000-000000000001.jsonl"


def put(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return str(path)


def found(environ: dict[str, str]) -> list[str]:
    return [log.place for log in READER.discover(environ)]


def test_the_usual_places(tmp_path: Path) -> None:
    """Sessions of Pi and of oh-my-pi, with its subagents and profiles; other files are none."""
    expected = [
        put(tmp_path / ".pi" / "agent" / "sessions" / "--srv--" / NAME),
        put(tmp_path / ".omp" / "agent" / "sessions" / "-srv" / NAME),
        put(tmp_path / ".omp" / "agent" / "sessions" / "-srv" / NAME.removesuffix(".jsonl") / "Scout.jsonl"),
        put(tmp_path / ".omp" / "profiles" / "work" / "agent" / "sessions" / "-srv" / NAME),
    ]
    put(tmp_path / ".pi" / "agent" / "settings.json")
    put(tmp_path / ".pi" / "agent" / "sessions" / "--srv--" / "notes.md")
    assert sorted(found({"HOME": str(tmp_path)})) == sorted(expected)


def test_variables_name_other_places(tmp_path: Path) -> None:
    """They take the place of the usual ones."""
    put(tmp_path / ".pi" / "agent" / "sessions" / "--srv--" / NAME)
    moved = put(tmp_path / "elsewhere" / "sessions" / "--srv--" / NAME)
    flat = put(tmp_path / "flat" / NAME)
    data = put(tmp_path / "data" / "omp" / "sessions" / "-srv" / NAME)
    own = put(tmp_path / ".mine" / "agent" / "sessions" / "-srv" / NAME)
    environ = {
        "HOME": str(tmp_path),
        "PI_CODING_AGENT_DIR": "~/elsewhere",
        "PI_CODING_AGENT_SESSION_DIR": str(tmp_path / "flat"),
        "PI_CONFIG_DIR": ".mine",
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }
    assert sorted(found(environ)) == sorted([moved, flat, data, own])


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ('{"sessionDir": "~/kept"}', True),
        ('{"sessionDir": "kept"}', False),
        ('{"sessionDir": 5}', False),
        ('{"theme": "dark"}', False),
        ("{oops", False),
    ],
)
def test_the_directory_that_settings_name(tmp_path: Path, settings: str, seen: bool) -> None:
    """One that depends on where Pi was started can't be known."""
    kept = put(tmp_path / "kept" / NAME)
    place = tmp_path / ".pi" / "agent" / "settings.json"
    place.parent.mkdir(parents=True)
    place.write_text(settings)
    assert found({"HOME": str(tmp_path)}) == [kept] * seen


def test_without_a_home_there_is_nothing() -> None:
    """Nothing is guessed."""
    assert READER.roots({}) == ()
    assert found({}) == []


def test_each_file_once_whatever_links_point_to_it(tmp_path: Path) -> None:
    """Links to a file or a directory that is found anyway add nothing; circles end."""
    real = put(tmp_path / "s" / "--a--" / NAME)
    (tmp_path / "s" / "again.jsonl").symlink_to(real)
    (tmp_path / "s" / "circle").symlink_to(tmp_path / "s")
    outside = put(tmp_path / "outside" / NAME)
    (tmp_path / "s" / "linked").symlink_to(tmp_path / "outside")
    assert found({"PI_CODING_AGENT_SESSION_DIR": str(tmp_path / "s")}) == [
        real,
        str(tmp_path / "s" / "linked" / Path(outside).name),
    ]


def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    """Its key is text all the same."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/T-\xff.jsonl")).write_text("")
    (log,) = READER.discover({"PI_CODING_AGENT_SESSION_DIR": str(tmp_path)})
    assert log.key.endswith("T-\\xff.jsonl")
    assert READER.log_at(log.path) == log


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pi", True),
        ("/usr/local/bin/pi -c", True),
        ("omp", True),
        ("node /usr/lib/node_modules/@mariozechner/pi-coding-agent/dist/cli.js", True),
        ("node /opt/node_modules/@earendil-works/pi-coding-agent/dist/bundle/cli.js -p x", True),
        ("bun /opt/node_modules/@oh-my-pi/pi-coding-agent/dist/cli.js", True),
        ("node -r /x/hook.js --no-warnings /usr/local/bin/pi", True),
        ("node /srv/app/pi.js", False),
        ("node", False),
        ("bash -c pi", False),
        ("pip install x", False),
    ],
)
def test_processes(command: str, expected: bool) -> None:
    """The program by its own title or its script; a shell that names it is not Pi."""
    assert READER.is_agent_process(command.split()) is expected


def test_no_arguments_and_no_registry() -> None:
    """Pi keeps no list of running sessions."""
    assert not READER.is_agent_process([])
    assert READER.keepings({"HOME": "/home/ada"}) == ()
    assert READER.registered_session({}, 1, "1") is None
