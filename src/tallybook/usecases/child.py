"""Runs one command as if it had been called directly: its streams untouched, signals handed on, its status told.

It stays in our process group, so the terminal serves it in the foreground, and Ctrl-C and Ctrl-Z reach it without us.
"""

from __future__ import annotations

import errno
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, Self

import msgspec

from tallybook.domain.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERVAL: Final = 0.1
"""Seconds between two looks."""
NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
_TYPED: Final = (signal.SIGINT, signal.SIGQUIT)
"""What a terminal sends to everybody in the foreground."""
_STOPPING: Final = (signal.SIGTERM, signal.SIGHUP)
_HANDED_ON: Final = (*_TYPED, *_STOPPING, signal.SIGUSR1, signal.SIGUSR2)


class Program(msgspec.Struct, frozen=True):
    """What to run."""

    argv: tuple[str, ...]
    path: str
    environ: Mapping[str, str]
    stdout: int | None = None
    """The descriptor that takes its standard output; None leaves it as it is."""


class Ended(msgspec.Struct, frozen=True):
    """How it ended."""

    status: int
    """What its caller is told: the exit status, or 128 and the number of the signal."""
    signal: int | None = None
    """The signal that ended it."""
    told: int | None = None
    """The signal that asked us to stop, and was handed on."""
    unstarted: str | None = None
    """Why the system did not start it."""


def find_program(name: str, environ: Mapping[str, str]) -> str | Refusal:
    """The file that ``name`` runs; the refusal is ``command-not-found`` or ``command-not-executable``."""
    found = shutil.which(name, path=environ.get("PATH", os.defpath))
    if found is not None:
        return found
    if os.sep in name and Path(name).exists():
        return Refusal(
            "command-not-executable", f"{name} can't be executed; nothing was started", "see its permissions"
        )
    return Refusal("command-not-found", f"{name}: command not found; nothing was started", "check its name and PATH")


def run_program(program: Program, watch: Callable[[int], None]) -> Ended:
    """Run it to its end; ``watch`` is called with its process id at once and then again and again."""
    with _Signals() as signals:
        try:
            child = _start(program)
        except OSError as error:
            missing = error.errno in {errno.ENOENT, errno.ENOTDIR}
            return Ended(NOT_FOUND if missing else NOT_EXECUTABLE, unstarted=error.strerror or str(error))
        signals.hand_to(child)
        while child.poll() is None:
            watch(child.pid)
            signals.wait(INTERVAL)
        code = child.returncode
        if code < 0:
            return Ended(128 - code, signal=-code, told=signals.told)
        return Ended(code, told=signals.told)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold off what would stop us, so that what follows the command is done too."""
    before = {
        number: signal.signal(number, _ignore)
        for number in _HANDED_ON
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def signal_name(number: int) -> str:
    """A signal as people know it."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _ignore(_: int, __: FrameType | None) -> None:
    """Unlike SIG_IGN, this is not handed down to the command."""


def _start(program: Program) -> subprocess.Popen[bytes]:
    try:
        return _popen(program.argv, program.path, program)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
    # A script without a first line that names its interpreter; every shell runs such a one by itself.
    return _popen(("/bin/sh", program.path, *program.argv[1:]), "/bin/sh", program)


def _popen(argv: Sequence[str], path: str, program: Program) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - to run what the user names is the purpose
        argv, executable=path, env=program.environ, stdout=program.stdout, close_fds=False
    )


_Handler = Callable[[int, FrameType | None], object] | int | None


class _Signals:
    """Hands signals to the child while it runs, and wakes its caller when there was one or the child has ended."""

    def __init__(self) -> None:
        self.told: int | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._before: dict[int, _Handler] = {}
        self._pipe = (-1, -1)
        self._wakeup = -1

    def __enter__(self) -> Self:
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
        self._wakeup = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        for number in _HANDED_ON:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves it, for the child too
                self._before[number] = signal.signal(number, self._hand_on)
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _ignore)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        for end in self._pipe:
            os.close(end)

    def hand_to(self, child: subprocess.Popen[bytes]) -> None:
        """From now on ``child`` gets the signals; those that came before it was there, too."""
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def wait(self, seconds: float) -> None:
        """Sleep until a signal comes."""
        if select.select([self._pipe[0]], [], [], seconds)[0]:
            os.read(self._pipe[0], 512)

    def _hand_on(self, number: int, _: FrameType | None) -> None:
        if number in _STOPPING:
            self.told = number
        if number in _TYPED and _in_foreground():
            return  # the terminal has told the child as well
        if self._child is None:
            self._early.append(number)
        else:
            self._child.send_signal(number)


def _in_foreground() -> bool:
    """Whether a terminal counts our process group among those it sends keys to."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
