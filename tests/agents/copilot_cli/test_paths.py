"""Which files are logs of Copilot CLI."""

from __future__ import annotations

import os
from pathlib import Path

from tallybook.agents.copilot_cli.reader import CopilotReader

READER = CopilotReader()


def found(**environ: str) -> list[str]:
    return [str(log.path) for log in READER.discover(environ)]


def put(place: Path, *names: str) -> list[str]:
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("{}\n")
    return [str(place / name) for name in names]


def test_events_documents_and_telemetry(tmp_path: Path) -> None:
    logs = put(
        tmp_path,
        "session-state/a/events.jsonl",
        "session-state/b.jsonl",
        "history-session-state/session_c.json",
        "otel/d.jsonl",
    )
    put(tmp_path, "session-state/a/workspace.yaml", "session-state/e/other.jsonl", "otel/f.txt", "logs/g.jsonl")
    assert found(COPILOT_HOME=str(tmp_path)) == logs
    assert [log.whole for log in READER.discover({"COPILOT_HOME": str(tmp_path)})] == [False, False, True, False]


def test_the_variable_then_home_and_the_place_of_early_builds(tmp_path: Path) -> None:
    named, home, state = (
        put(tmp_path / place, "session-state/a/events.jsonl") for place in ("named", "home/.copilot", "state/.copilot")
    )
    places = {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "state")}
    assert found(**places, COPILOT_HOME=str(tmp_path / "named")) == named
    assert found(**places) == home + state
    assert found(HOME=str(tmp_path), COPILOT_HOME="~/named") == named
    assert found(HOME=str(tmp_path / "nowhere")) == []
    assert found() == []
    assert READER.roots({}) == ()
    assert READER.keepings({"HOME": str(tmp_path)}) == ()


def test_what_a_later_build_has_moved_is_one_log(tmp_path: Path) -> None:
    put(tmp_path / "home" / ".copilot", "session-state/a/events.jsonl")
    (tmp_path / "state" / ".copilot").mkdir(parents=True)
    (tmp_path / "state" / ".copilot" / "session-state").symlink_to(tmp_path / "home" / ".copilot" / "session-state")
    assert len(found(HOME=str(tmp_path / "home"), XDG_STATE_HOME=str(tmp_path / "state"))) == 1


def test_the_file_that_telemetry_is_written_to(tmp_path: Path) -> None:
    (log,) = put(tmp_path, "traces.log")
    assert found(COPILOT_OTEL_FILE_EXPORTER_PATH=log) == [log]
    assert found(HOME=str(tmp_path), COPILOT_OTEL_FILE_EXPORTER_PATH="~/traces.log") == [log]
    assert found(COPILOT_OTEL_FILE_EXPORTER_PATH=str(tmp_path / "none")) == []
    (same,) = put(tmp_path, "otel/all.jsonl")
    assert found(COPILOT_HOME=str(tmp_path), COPILOT_OTEL_FILE_EXPORTER_PATH=same) == [same]


def test_a_log_that_is_named_is_the_one_that_is_found(tmp_path: Path) -> None:
    put(tmp_path, "session-state/a/events.jsonl")
    environ = {"COPILOT_HOME": str(tmp_path)}
    root = READER.roots(environ)[0]
    assert [READER.log_at(root / "a" / "events.jsonl")] == list(READER.discover(environ))


def test_links_pipes_and_names_that_are_no_text(tmp_path: Path) -> None:
    place = tmp_path / "session-state"
    for name in (b"loop", b"pipe", b"odd-\xff"):
        (place / os.fsdecode(name)).mkdir(parents=True)
    (place / "loop" / "events.jsonl").symlink_to("events.jsonl")
    os.mkfifo(place / "pipe" / "events.jsonl")
    Path(os.fsdecode(os.fsencode(place) + b"/odd-\xff/events.jsonl")).write_text("{}\n")
    logs = list(READER.discover({"COPILOT_HOME": str(tmp_path)}))
    assert len(logs) == 3
    assert any("odd-\\xff" in log.key for log in logs)
