"""Complete lines of a growing file: a torn last line waits until its newline is there."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import msgspec

from tallybook.agents.port import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    Content = str | bytes | bytearray | memoryview | msgspec.Raw

T = TypeVar("T")

CHUNK: Final = 256 * 1024
LONGEST_LINE: Final = 64 * 1024 * 1024


class Block(NamedTuple):
    """A run of complete lines in a buffer that is used again for the next one: nothing may be kept of it."""

    offset: int
    """Of its first byte in the file."""
    buffer: bytearray
    size: int
    """Bytes of the buffer that belong to it; the last one is a newline."""


class LineReader:
    """Iterates complete lines of ``stream``, whose first byte stands at offset ``start`` of the file.

    After iteration ``end`` is the offset behind the last complete line. A line longer than ``LONGEST_LINE``
    bytes is not kept in memory: it is passed over and counted in ``overlong``, wherever chunks begin and end.
    """

    def __init__(self, stream: BinaryIO, start: int = 0) -> None:
        self._stream = stream
        self._begun: Iterator[Block] = iter(())
        self._unread: Iterator[Block] = self._run()
        self.end = start
        self.overlong = 0

    def has_line(self) -> bool:
        """Whether a complete line that can be kept is still to come; what is longer is passed over."""
        first = next(self._unread, None)
        self._begun = iter(() if first is None else (first,))
        return first is not None

    def blocks(self) -> Iterator[Block]:
        """All complete lines in long runs, for readers that look for what matters before they cut out a line."""
        return chain(self._begun, self._unread)

    def __iter__(self) -> Iterator[Line]:
        """Yield each line without its newline (and without a carriage return before it); empty lines not at all."""
        for block in self.blocks():
            yield from lines_of(block)

    def _run(self) -> Iterator[Block]:
        buffer = bytearray(min(CHUNK, LONGEST_LINE + 1))
        held = passed = 0
        while count := self._stream.readinto(memoryview(buffer)[held:]):  # type: ignore[attr-defined]
            start, held = held, held + count
            if passed:
                start, passed = self._pass_over(buffer, held, passed)
                if passed:
                    held = 0
                    continue
                buffer[: held - start] = buffer[start:held]
                start, held = 0, held - start
            size = buffer.rfind(b"\n", start, held) + 1
            if size:
                yield Block(self.end, buffer, size)
                self.end += size
                rest = buffer[size:held]
                held = len(rest)
                buffer = buffer if len(buffer) <= CHUNK else bytearray(max(min(CHUNK, LONGEST_LINE + 1), held + 1))
                buffer[:held] = rest
            elif held == len(buffer):
                if held > LONGEST_LINE:
                    held, passed = 0, held
                else:
                    buffer = buffer + bytearray(min(len(buffer), LONGEST_LINE + 1 - len(buffer)))

    def _pass_over(self, buffer: bytearray, held: int, passed: int) -> tuple[int, int]:
        """Where the line after one too long begins, and 0; or 0 and how much has been passed of it so far."""
        newline = buffer.find(b"\n", 0, held)
        if newline < 0:
            return 0, passed + held
        self.end += passed + newline + 1
        self.overlong += 1
        return newline + 1, 0


def on_demand(kind: type[T]) -> Callable[[Content], T]:
    """A decoder of JSON that is set up by its first call: a run that reads one more line meets few kinds of them."""
    decode: Callable[[Content], T] | None = None

    def decoded(raw: Content) -> T:
        nonlocal decode
        if decode is None:
            decode = msgspec.json.Decoder(kind).decode
        return decode(raw)

    return decoded


def lines_of(block: Block) -> Iterator[Line]:
    """The lines of a block that are not empty, each as bytes of its own."""
    offset, buffer, size = block
    begin = 0
    while begin < size:
        newline = buffer.find(b"\n", begin, size)
        if raw := cut(buffer, begin, newline):
            yield Line(offset + begin, raw)
        begin = newline + 1


def cut(buffer: bytearray, begin: int, newline: int) -> bytes:
    """The bytes of one line, without a carriage return at its end."""
    with memoryview(buffer) as view:
        return bytes(view[begin : newline - (newline > begin and buffer[newline - 1] == _RETURN)])


_RETURN: Final = ord("\r")
