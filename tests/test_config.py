"""The settings of a repository: what is right is used, what is wrong is told."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.config import Settings, checkpoint_path, data_directory, ledger_home, ledger_override, load_settings

WHOLE = """
[ledger]
publish = "metrics/events/"
[capture]
enabled = false
[hooks]
ticket = "[A-Z]+-[0-9]+: "
"""


def put(top: Path, text: str, name: str = "config/tallybook.toml") -> Path:
    """Write a file of settings."""
    path = top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_nothing_is_set(tmp_path: Path) -> None:
    assert load_settings(None) == load_settings(tmp_path) == (Settings(), ())
    put(tmp_path, "[tool.other]\n", "pyproject.toml")
    assert load_settings(tmp_path) == (Settings(), ())
    put(tmp_path, "[tool.other]\nof = 'tallybook'\n", "pyproject.toml")
    assert load_settings(tmp_path) == (Settings(), ())


def test_both_places_and_which_one_wins(tmp_path: Path) -> None:
    put(tmp_path, "[tool.tallybook]\nledger = {publish = 'here'}\n", "pyproject.toml")
    assert load_settings(tmp_path) == (Settings("here"), ())
    put(tmp_path, WHOLE)
    assert load_settings(tmp_path) == (Settings("metrics/events", False, "[A-Z]+-[0-9]+: "), ())


@pytest.mark.parametrize(
    ("wrong", "code", "says"),
    [
        ("other = 1", "config-unknown-key", "'other'"),
        ("[ledger]\npublsh = 'x'", "config-unknown-key", "'publsh' in [ledger]"),
        ("ledger = 3", "config-wrong-type", "ledger must be a table"),
        ("[ledger]\npublish = 3", "config-wrong-type", "ledger.publish"),
        ("[ledger]\npublish = ''", "config-wrong-type", "ledger.publish"),
        ("[ledger]\npublish = '/abs'", "config-bad-value", "'/abs'"),
        ("[ledger]\npublish = 'a/../../b'", "config-bad-value", "inside"),
        ("[ledger]\npublish = '.'", "config-bad-value", "inside"),
        ("[ledger]\npublish = '.GIT/x'", "config-bad-value", "inside"),
        ('[ledger]\npublish = "a\\nb"', "config-bad-value", "inside"),
        ("[capture]\nenabled = 'no'", "config-wrong-type", "capture.enabled"),
        ("[scan]\nsecrets = 1", "config-wrong-type", "scan.secrets"),
        ("[scan]\nsecret = true", "config-unknown-key", "'secret' in [scan]"),
    ],
)
def test_one_fault_leaves_the_rest_in_force(tmp_path: Path, wrong: str, code: str, says: str) -> None:
    put(tmp_path, f"{wrong}\n[hooks]\nticket = 'T'\n")
    settings, (problem,) = load_settings(tmp_path)
    assert settings == Settings(ticket_pattern="T")
    assert (problem.code, problem.file) == (code, "config/tallybook.toml")
    assert says in problem.message
    assert problem.hint


def test_a_scan_is_wanted_or_not_or_nothing_is_said(tmp_path: Path) -> None:
    """Three answers."""
    put(tmp_path, "[scan]\nboundary = false\nsecrets = true\n")
    assert load_settings(tmp_path) == (Settings(scan_boundary=False, scan_secrets=True), ())
    put(tmp_path, "[scan]\n")
    assert load_settings(tmp_path)[0].scan_secrets is None


@pytest.mark.parametrize("pattern", ["(", "a{99999999999999999999}", "(" * 2000 + ")" * 2000])
def test_bad_pattern(tmp_path: Path, pattern: str) -> None:
    put(tmp_path, f"[hooks]\nticket = '{pattern}'\n[ledger]\npublish = 'm'\n")
    settings, problems = load_settings(tmp_path)
    assert settings.ledger_publish == "m"
    assert [problem.code for problem in problems] in (["config-bad-value"], [])


@pytest.mark.parametrize("text", ["[ledger", "a = " + "[" * 50000, "x = 1\n" + "#" * (1 << 20), "a = " + "9" * 5000])
def test_unreadable_text(tmp_path: Path, text: str) -> None:
    put(tmp_path, text)
    settings, (problem,) = load_settings(tmp_path)
    assert (settings, problem.code) == (Settings(), "config-unreadable")


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    path = put(tmp_path, "")
    path.unlink()
    path.mkdir()
    settings, (problem,) = load_settings(tmp_path)
    assert (settings, problem.code, problem.message) == (
        Settings(),
        "config-unreadable",
        "can't be read: Is a directory",
    )
    path.rmdir()
    path.parent.rmdir()
    path.parent.write_text("a file")
    assert load_settings(tmp_path) == (Settings(), ())


def test_pyproject_of_a_strange_shape(tmp_path: Path) -> None:
    for text, count in (("tool = 'tallybook'", 1), ("[tool]\ntallybook = 1", 1), ("[tool.tallybook]\nx = 1", 1)):
        put(tmp_path, text, "pyproject.toml")
        settings, problems = load_settings(tmp_path)
        assert (settings, len(problems)) == (Settings(), count)


@given(st.binary() | st.text().map(str.encode))
def test_never_raises(tmp_path: Path, raw: bytes) -> None:
    put(tmp_path, "").write_bytes(raw)
    settings, problems = load_settings(tmp_path)
    assert isinstance(settings, Settings)
    assert all(problem.message for problem in problems)


def test_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_directory({"TALLYBOOK_HOME": str(tmp_path)}) == tmp_path
    monkeypatch.setattr("sys.platform", "linux")
    assert data_directory({"HOME": "/h"}) == Path("/h/.local/share/tallybook")
    assert data_directory({"HOME": "/h", "XDG_DATA_HOME": "/elsewhere"}) == Path("/elsewhere/tallybook")
    assert data_directory({}) == Path.home() / ".local/share/tallybook"
    monkeypatch.setattr("sys.platform", "darwin")
    assert data_directory({"HOME": "/h"}) == Path("/h/Library/Application Support/tallybook")


def test_the_checkpoint_of_a_ledger_goes_by_its_real_place(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    found = checkpoint_path(Path("data"), tmp_path / "events", None)
    assert found == checkpoint_path(Path("data"), tmp_path / "link" / "events", None)
    assert (found.parent, found.suffix) == (Path("data/checkpoint"), ".db")
    assert found != checkpoint_path(Path("data"), tmp_path / "others", None)
    assert found != checkpoint_path(Path("data"), tmp_path / "events", tmp_path)


def test_ledger(tmp_path: Path) -> None:
    assert ledger_override({}) is None
    assert ledger_override({"TALLYBOOK_LEDGER": "a"}) == Path("a")
    assert ledger_override({"TALLYBOOK_LEDGER": "a"}, "b") == Path("b")
    assert ledger_home({}, tmp_path) == tmp_path / "tallybook" / "events"
    assert ledger_home({"TALLYBOOK_LEDGER": "a"}, tmp_path) == Path("a")


def test_fifo_is_not_waited_for(tmp_path: Path) -> None:
    path = put(tmp_path, "")
    path.unlink()
    os.mkfifo(path)
    assert stat.S_ISFIFO(path.stat().st_mode)
    _, (problem,) = load_settings(tmp_path)
    assert problem.code == "config-unreadable"
