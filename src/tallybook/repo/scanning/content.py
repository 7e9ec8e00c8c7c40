"""The bytes of a file as they are looked into, and places in them.

Standard library only.
"""

from __future__ import annotations

import codecs
from typing import Final, NamedTuple

_HEAD: Final = 8192
"""Bytes that tell a text from what is none."""
_POINTER: Final = b"version https://git-lfs.github.com/spec/v1\n"
_LONGEST_POINTER: Final = 1024
_SPARSE: Final = 4
"""Where one byte in so many is zero, characters take several bytes."""


class Place(NamedTuple):
    """Where something begins; line and column count from 1 and are None where the file is no text."""

    byte: int
    line: int | None
    column: int | None


class Content(NamedTuple):
    """What is looked into."""

    data: bytes
    binary: bool


class Places:
    """Tells where bytes stand, of ascending ones, so that a text is gone through once."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._seen, self._line, self._column = 0, 1, 1

    def at(self, start: int) -> Place:
        """Where the byte ``start`` stands, which comes after all that were asked for; columns are characters."""
        if self._content.binary:
            return Place(start, None, None)
        data = self._content.data
        begin = data.rfind(b"\n", self._seen, start) + 1
        if begin:
            self._line += data.count(b"\n", self._seen, start)
            self._seen, self._column = begin, 1
        self._column += len(data[self._seen : start].decode("utf-8", "replace"))
        self._seen = start
        return Place(start, self._line, self._column)


def content_of(raw: bytes) -> Content:
    """UTF-16 as UTF-8, text as it is; a pointer of LFS holds nothing, its content is not here."""
    if raw.startswith(_POINTER) and len(raw) <= _LONGEST_POINTER:
        return Content(b"", binary=False)
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if raw.startswith(mark):
            return Content(raw[len(mark) :].decode(name, "replace").encode("utf-8", "replace"), binary=False)
    head = raw[:_HEAD]
    zeros = head.count(b"\0")
    if zeros * _SPARSE >= len(head) > 0:
        return Content(raw.replace(b"\0", b""), binary=True)
    return Content(raw, binary=zeros > 0)
