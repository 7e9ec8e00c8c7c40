"""The bar is drawn for what takes long, on a terminal, and leaves nothing behind."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from tallybook.cli import place
from tallybook.cli.place import Bar, here

if TYPE_CHECKING:
    import pytest


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    return stream


def test_a_bar_is_drawn_and_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    monkeypatch.setattr(place, "PATIENCE", 0.0)
    workspace = here()
    assert workspace.progress is not None
    workspace.progress(1, 10)
    workspace.progress(5, 10)
    workspace.progress(10, 10)
    shown = terminal.getvalue()
    assert "reading logs" in shown
    assert "100%" in shown
    assert shown.endswith("\x1b[2K")


def test_nothing_is_drawn_for_what_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    bar = Bar()
    bar.show(1, 10)
    bar.show(10, 10)
    assert terminal.getvalue() == ""


def test_nothing_is_drawn_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert here().progress is None
