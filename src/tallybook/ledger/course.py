"""One file of a ledger as it is read: how far, and what was wrong on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.domain.problems import Problem, Where
from tallybook.ledger.file import UnusableFileError
from tallybook.ledger.line import Fault
from tallybook.ledger.position import FileHead
from tallybook.ledger.proof import Mark, proof_of, stamp_of
from tallybook.ledger.scan import lines, settled_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tallybook.ledger.file import FileSystem, Opened
    from tallybook.ledger.scan import Block

TORN_TAIL: Final = "torn-tail"
_HINTS: Final = {
    TORN_TAIL: "nothing acknowledged is lost; the next append or `tally repair` moves it to quarantine",
    "not-a-file": "move it away; a ledger consists of regular files",
    "unreadable": "make it readable for your user",
    "id-conflict": "the event that comes first in order was taken; compare the files",
}
_DAMAGED: Final = "the line is left out; `tally verify` lists all damage, a published copy or a clone may have it whole"


def problem_of(fault: Fault, where: Where) -> Problem:
    """A fault with its place and a hint."""
    return Problem(fault.code, fault.message, where, _HINTS.get(fault.code, _DAMAGED))


def unreadable(error: OSError) -> Fault:
    """What to say of a file or directory that can't be read."""
    if isinstance(error, UnusableFileError):
        return Fault("not-a-file", "this is a link, a FIFO, a device or a directory; it is not read")
    return Fault("unreadable", f"can't be read: {error.strerror}")


class Course:
    """The complete lines of one file, from its begin or from where it was read to before."""

    def __init__(self, files: FileSystem, source: Opened, *, home: bool, before: FileHead | None = None) -> None:
        self._files = files
        self._source = source
        self._home = home
        self._end, self._number, self._fresh = (0, 0, 0) if before is None else before.mark[1:4]
        self._problems = [] if before is None else list(before.problems)
        self._torn: Problem | None = None

    def __iter__(self) -> Iterator[bytes]:
        """What stands behind the last newline is none of them.

        Raises:
            OSError: the file can't be read any further.
        """
        for block in settled_blocks(self._files, self._source, self._end, self._number + 1):
            if not block.complete:
                fault = Fault(TORN_TAIL, f"{block.end - block.byte} bytes after the last newline are no record")
                self._torn = problem_of(fault, Where(str(self._source.path), block.number, block.byte))
                break
            self._place = _Place(block)
            for self._place.index, raw in enumerate(block.raws):
                yield raw
            self._end, self._number = block.end, block.number + len(block.raws) - 1

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong with the file so far."""
        return (*self._problems, *(() if self._torn is None else (self._torn,)))

    @property
    def good(self) -> int:
        """Lines that nothing is wrong with."""
        return self._number - len(self._problems)

    def note(self, fault: Fault) -> None:
        """Something is wrong with the line that was handed out last."""
        self._problems.append(problem_of(fault, self._place.where(self._source.path)))

    def head(self, fresh: int) -> FileHead:
        """How far the file was read; ``fresh`` of the lines held an event that no file before had.

        Raises:
            OSError: what stands before that place can't be read again.
        """
        proof = proof_of(self._files, self._source, self._end)
        mark = Mark(stamp_of(self._source), self._end, self._number, self._fresh + fresh, proof)
        return FileHead(str(self._source.path), self._home, mark, tuple(self._problems), self._torn)


class _Place:
    """One line of a block after another; where it stands is worked out only when it is asked for."""

    def __init__(self, block: Block) -> None:
        self.index = 0
        self._block = block
        self._known = (0, block.byte)
        """Number of a line in the block, and its offset."""

    def where(self, path: Path) -> Where:
        index, byte = self._known
        byte += sum(len(raw) + 1 for raw in self._block.raws[index : self.index])
        self._known = (self.index, byte)
        return Where(str(path), self._block.number + self.index, byte)


def copy_head(files: FileSystem, source: Opened) -> FileHead:
    """The head of a file that holds the beginning of another and nothing else.

    Raises:
        OSError: it can't be read.
    """
    count = sum(1 for _ in lines(files, source))
    mark = Mark(stamp_of(source), source.size, count, count, proof_of(files, source, source.size))
    return FileHead(str(source.path), home=False, mark=mark)
