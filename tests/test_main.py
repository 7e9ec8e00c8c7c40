"""The entry point: fast paths first, and whatever happens to the streams, no traceback."""

from __future__ import annotations

import errno
import io
import sys
from typing import TYPE_CHECKING

import pytest

from tallybook import __version__
from tallybook.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Sequence


class Failing(io.StringIO):
    """A stream whose end fails."""

    def __init__(self, number: int, where: str) -> None:
        super().__init__()
        self.number = number
        self.where = where

    def flush(self) -> None:
        if self.where == "flush":
            raise OSError(self.number, "told")

    def write(self, text: str, /) -> int:
        if self.where == "write":
            raise OSError(self.number, "told")
        return super().write(text)

    def fileno(self) -> int:
        return self.spare

    spare = -1


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["tally", *arguments])
    return main()


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert call(monkeypatch, option) == 0
    assert capsys.readouterr().out == f"tally {__version__}\n"


def test_hooks_go_their_own_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Sequence[str]] = []

    def hook(arguments: Sequence[str], _: object) -> int:
        asked.append(arguments)
        return 7

    monkeypatch.setattr("tallybook.hooks.main.main", hook)
    assert call(monkeypatch, "hook", "commit-msg", "file") == 7
    assert asked == [["commit-msg", "file"]]
    assert call(monkeypatch, "hook", "--help") == 0
    assert "one hook of git" in capsys.readouterr().out


def test_all_else_goes_to_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "nosuch") == 2
    assert "No such command" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["write", "flush"])
@pytest.mark.parametrize(("number", "code", "told"), [(errno.EPIPE, 0, ""), (errno.ENOSPC, 1, "tally: stdout: told\n")])
def test_what_can_not_be_delivered(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    where: str,
    number: int,
    code: int,
    told: str,
) -> None:
    stream = Failing(number, where)
    with (tmp_path_factory.mktemp("out") / "spare").open("w") as spare:
        stream.spare = spare.fileno()
        heard = io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", heard)
        assert call(monkeypatch, "--version") == code
    assert heard.getvalue() == told


def test_closed_streams_are_stood_in_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert call(monkeypatch, "nosuch") == 2
    for stream in (sys.stdout, sys.stderr):
        assert stream is not None
        stream.close()


def test_an_interrupt_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("tallybook.hooks.main.main", stop)
    assert call(monkeypatch, "hook", "commit-msg") == 130
