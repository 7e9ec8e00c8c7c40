"""Two processes that read logs for one that writes; what they bring does not depend on which of them lives.

They are plain forks, so that they start in two milliseconds. Batches go to them by turns and come back in order. What a
process did not bring, the writer reads itself.
"""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from tallybook.history.visits import pack, unpack, visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tallybook.agents.port import LogReader
    from tallybook.history.visits import Job, Visit

    Work = Callable[[Sequence[Job]], list[Visit]]

WORTH: Final = 50_000_000
"""Bytes to be read from which on other processes pay."""
HANDS: Final = 2
_PIPE: Final = 1024 * 1024
_LENGTH: Final = 8


def visits(reader: LogReader, batches: Sequence[Sequence[Job]], key: bytes) -> Iterator[list[Visit]]:
    """What each batch of logs brought, in the order of the batches; ``key`` is that of hashes of text."""
    size = sum(job.task.size for batch in batches for job in batch)

    def work(batch: Sequence[Job]) -> list[Visit]:
        return [visit(reader, job, key) for job in batch]

    hands = [_Hand(work, batches[number::HANDS]) for number in range(HANDS)] if _pays(size, len(batches)) else []
    try:
        for number, batch in enumerate(batches):
            content = hands[number % HANDS].bring() if hands else None
            yield work(batch) if content is None else unpack(batch, content)
    finally:
        for hand in hands:
            hand.dismiss()


def _pays(size: int, batches: int) -> bool:
    """Whether forks help; a process with threads must not fork."""
    if size < WORTH or batches < HANDS or not hasattr(os, "fork") or threading.active_count() > 1:
        return False
    return (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1) >= HANDS


class _Hand:
    """One process that reads."""

    def __init__(self, work: Work, batches: Sequence[Sequence[Job]]) -> None:
        source, target = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            os.close(source)
            _work(work, batches, target)
        os.close(target)
        self._pipe = cast("BinaryIO", os.fdopen(source, "rb"))
        with suppress(AttributeError, OSError):
            fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, _PIPE)

    def bring(self) -> bytes | None:
        """What the next batch brought; None if the process has died."""
        length = self._pipe.read(_LENGTH)
        if len(length) < _LENGTH:
            return None
        content = self._pipe.read(int.from_bytes(length, "little"))
        return content if len(content) == int.from_bytes(length, "little") else None

    def dismiss(self) -> None:
        """End the process, whatever it is at."""
        self._pipe.close()
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _work(work: Work, batches: Sequence[Sequence[Job]], target: int) -> None:
    """Read all batches, in a process of its own that leaves nothing behind: no message, no handler, no buffer."""
    status = 1
    with suppress(BaseException):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        gc.disable()
        for batch in batches:
            content = pack(work(batch))
            _send(target, len(content).to_bytes(_LENGTH, "little") + content)
        status = 0
    os._exit(status)


def _send(target: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(target, rest) :]
