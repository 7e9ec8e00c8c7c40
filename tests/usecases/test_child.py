"""Signals at odd moments, and terminals that are none."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tallybook.usecases import child


def test_a_signal_that_comes_before_the_command_is_handed_on_when_it_is_there() -> None:
    with child._Signals() as signals:
        os.kill(os.getpid(), signal.SIGUSR1)
        with subprocess.Popen(["sleep", "20"]) as process:
            signals.hand_to(process)
            assert process.wait(10) == -signal.SIGUSR1
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    assert signals.told is None


def test_keys_are_handed_on_unless_a_terminal_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for foreground, expected in ((True, None), (False, -signal.SIGINT)):
        monkeypatch.setattr(child, "_in_foreground", lambda answer=foreground: answer)
        with child._Signals() as signals, subprocess.Popen(["sleep", "20"]) as process:
            signals.hand_to(process)
            os.kill(os.getpid(), signal.SIGINT)
            if expected is None:
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(0.3)
                process.kill()
            else:
                assert process.wait(10) == expected


def test_what_is_no_terminal_sends_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open
    monkeypatch.setattr(os, "open", lambda *_: real(os.devnull, os.O_RDONLY))
    assert not child._in_foreground()

    def refused(*_: object) -> int:
        raise OSError

    monkeypatch.setattr(os, "open", refused)
    assert not child._in_foreground()


def test_a_terminal_of_ours_does(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open
    monkeypatch.setattr(os, "open", lambda *_: real(os.devnull, os.O_RDONLY))
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp())
    assert child._in_foreground()
