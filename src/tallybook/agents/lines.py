"""Complete lines of a growing file: a torn last line waits until its newline is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.port import Line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

CHUNK: Final = 256 * 1024
LONGEST_LINE: Final = 64 * 1024 * 1024


class LineReader:
    """Iterates complete lines of ``stream``, whose first byte stands at offset ``start`` of the file.

    After iteration ``end`` is the offset behind the last complete line. A line longer than ``LONGEST_LINE``
    bytes is not kept in memory: it is passed over and counted in ``overlong``, wherever chunks begin and end.
    """

    def __init__(self, stream: BinaryIO, start: int = 0) -> None:
        self._stream = stream
        self.end = start
        self.overlong = 0

    def __iter__(self) -> Iterator[Line]:
        """Yield each line without its newline (and without a carriage return before it); empty lines not at all."""
        held: list[bytes] = []
        size = 0
        while chunk := self._stream.read(CHUNK):
            first, *others = chunk.split(b"\n")
            size += len(first)
            if size <= LONGEST_LINE:
                held.append(first)
            else:
                held.clear()
            if not others:
                continue
            rest = others.pop()
            if size > LONGEST_LINE:
                self._pass_over(size)
            else:
                others.insert(0, b"".join(held))
            for piece in others:
                offset = self.end
                if len(piece) > LONGEST_LINE:
                    self._pass_over(len(piece))
                    continue
                self.end += len(piece) + 1
                if raw := piece.removesuffix(b"\r"):
                    yield Line(offset, raw)
            held, size = [rest], len(rest)

    def _pass_over(self, size: int) -> None:
        self.end += size + 1
        self.overlong += 1
