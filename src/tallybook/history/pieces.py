"""How occurrences lie in the store: what one run told of a log, in compressed pieces of bounded size."""

from __future__ import annotations

import sys
from functools import cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.port import Occurrence
from tallybook.history.facts import LATEST, moment
from tallybook.history.names import stored_text
from tallybook.history.steps import moments_of, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdCompressor
    else:
        from backports.zstd import ZstdCompressor

MOST_ROWS: Final = 2048
"""Occurrences in one piece: what an append or a copy elsewhere must load at most for each."""
MOST_BYTES: Final = 256 * 1024
"""Of facts in one piece; one fact may be longer."""
_PLAIN: Final = 512
"""A piece up to this size is not compressed: a log that grows line by line needs no decompressor."""
_FINEST: Final = 1
_USUAL: Final = 1000
_LEVEL: Final = 1
_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_EMPTY: Final[list[tuple[str, str]]] = []


class Piece(msgspec.Struct, array_like=True):
    """Occurrences of one log, in columns, in the order in which the reader gave them."""

    names: list[str]
    """Of the groups that stand here."""
    groups: list[int]
    """Of each occurrence: the index of its group's name, as the step from that before."""
    offsets: list[int]
    """The first one's offset, then by how much each grows."""
    unit: int
    """Of steps of time, in microseconds: 1000 where no moment is finer, as agents tell them."""
    steps: list[int | None]
    """Of the moments."""
    data: list[bytes]
    links: list[tuple[str, str]] = msgspec.field(default_factory=list)
    """Groups that are counted together; what each pair is named is kept, so that no equal hash can join others."""

    @property
    def mentioned(self) -> set[str]:
        """Every group that stands here or is linked here."""
        return {*self.names, *(name for pair in self.links for name in pair)}

    def occurrences(self) -> Iterator[Occurrence]:
        """Each of them, as it was given."""
        names = [self.names[group] for group in accumulate(self.groups)]
        units = moments_of(self.steps)
        ats = units if self.unit == 1 else [None if at is None else at * self.unit for at in units]
        return map(Occurrence, names, accumulate(self.offsets), ats, self.data)


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Piece).decode


def stored_rows(rows: Sequence[Occurrence]) -> Sequence[Occurrence]:
    """Occurrences as the store gives them back: names in UTF-8's reach, moments between 1970 and 9999."""
    ats = [row.at for row in rows if row.at is not None]
    if all(map(str.isascii, {row.group for row in rows})) and (not ats or (min(ats) >= 0 and max(ats) <= LATEST)):
        return rows
    return [Occurrence(stored_text(row.group), row.offset, moment(row.at), row.data) for row in rows]


def stored_links(links: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Links as the store holds them: a group is never linked to itself, and no pair stands twice."""
    pairs = ((stored_text(a), stored_text(b)) for a, b in links)
    return list(dict.fromkeys(pair for pair in pairs if pair[0] != pair[1]))


def cut(rows: Sequence[Occurrence], links: list[tuple[str, str]]) -> list[Piece]:
    """Pieces of bounded size that hold all of it; the links stand in the first."""
    if not rows:
        return [piece_of(rows, links)] if links else []
    if len(rows) <= MOST_ROWS and sum([len(row.data) for row in rows]) <= MOST_BYTES:
        return [piece_of(rows, links)]
    bounds = [*_bounds(rows), len(rows)]
    return [piece_of(rows[start:end], _EMPTY if start else links) for start, end in pairwise(bounds)]


def _bounds(rows: Sequence[Occurrence]) -> Iterator[int]:
    """The index of the first row of each piece."""
    start, size = 0, 0
    yield 0
    for index, row in enumerate(rows):
        if index > start and (index - start >= MOST_ROWS or size + len(row.data) > MOST_BYTES):
            yield index
            start, size = index, 0
        size += len(row.data)


def piece_of(rows: Sequence[Occurrence], links: list[tuple[str, str]]) -> Piece:
    """One piece of all of it."""
    if not rows:
        return Piece([], [], [], _FINEST, [], [], links)
    groups = [row.group for row in rows]
    ats = [row.at for row in rows]
    names = {name: number for number, name in enumerate(dict.fromkeys(groups))}
    unit = _USUAL if {at % _USUAL for at in ats if at is not None} <= {0} else _FINEST
    units = ats if unit == _FINEST else [None if at is None else at // unit for at in ats]
    places = [names[name] for name in groups]
    offsets, data = _steps([row.offset for row in rows]), [row.data for row in rows]
    return Piece(list(names), _steps(places), offsets, unit, steps_of(units), data, links)


def _steps(numbers: list[int]) -> list[int]:
    return [*numbers[:1], *[after - before for before, after in pairwise(numbers)]]


def packed(piece: Piece) -> bytes:
    """The piece as the store keeps it."""
    return compressed(plain(piece))


def plain(piece: Piece) -> bytes:
    """The piece as the store may keep it too: no compressor is needed to add to it."""
    return _encode(piece)


def is_plain(blob: bytes) -> bool:
    """Whether what the store keeps is not compressed."""
    return not blob.startswith(_MAGIC)


def compressed(content: bytes) -> bytes:
    """Any content, compressed if that pays; it must not begin with the compressor's magic number itself."""
    if len(content) <= _PLAIN:
        return content
    compressor = _compressor()
    return compressor.compress(content, compressor.FLUSH_FRAME)


@cache
def _compressor() -> ZstdCompressor:
    """One for all contents: to set it up takes as long as to compress a small one."""
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdCompressor  # noqa: PLC0415 - only a run that stores much needs it
    else:
        from backports.zstd import ZstdCompressor  # noqa: PLC0415 - only a run that stores much needs it
    return ZstdCompressor(_LEVEL)


def unpacked(blob: bytes) -> Piece:
    """The piece that ``packed`` made."""
    return _decode(decompressed(blob))


def decompressed(blob: bytes) -> bytes:
    """The content that ``compressed`` was given."""
    if is_plain(blob):
        return blob
    if sys.version_info >= (3, 14):
        from compression.zstd import decompress  # noqa: PLC0415
    else:
        from backports.zstd import decompress  # noqa: PLC0415
    return decompress(blob)
