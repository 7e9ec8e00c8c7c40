"""The stored form of one usage row: counts, ids and names in msgpack, and no text."""

# Annotations are objects here: where they are text, each of them is compiled before the first line can be decoded.

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec

from tallybook.agents.port import Occurrence
from tallybook.domain.tokens import COMPONENTS

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OUTPUT: Final = COMPONENTS.index("output")

LIVE: Final = 0
"""The file proves that the row was written when it happened: a record that is never copied stands before it."""
UNPROVED: Final = 1
COPIED: Final = 2
"""The row is older than the file that holds it."""


class Row(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """One assistant record with usage."""

    session: bytes
    evidence: int
    born: int | None
    """Time of the first dated record of the file."""
    uid: int | None
    """Hash of the record's uuid: copies keep it."""
    request: str | None
    thread: str
    """Empty for the main conversation, else ``agent-`` and the agent's id."""
    sealed: bool
    """Whether a stop reason stands in the row."""
    final: bool
    block: int
    model: str
    tier: str
    tokens: tuple[int, ...]
    calls: tuple[str, ...] = ()
    origin: bytes | None = None
    """The session that the record names as its own before it was copied."""
    ancestor: bytes | None = None
    """An older session of which this one is a continuation."""
    advisors: tuple[tuple[str, tuple[int, ...]], ...] = ()
    turn: bytes | None = None
    effort: str | None = None
    branch: str | None = None
    """Where it differs from the first in the file, like ``cwd``."""
    cwd: str | None = None
    searches: int = 0

    @property
    def home(self) -> str:
        """The session that the row belongs to by its own word."""
        return unpacked(self.session if self.origin is None else self.origin)

    @property
    def output(self) -> int:
        """Tokens of output."""
        return self.tokens[_OUTPUT]


encode: Final[Callable[[Row], bytes]] = msgspec.msgpack.Encoder().encode
"""The bytes kept in an occurrence."""
_DECODER: Final = msgspec.msgpack.Decoder(Row)


def decode(occurrence: Occurrence) -> Row:
    """The row of an occurrence."""
    return _DECODER.decode(occurrence.data)


@lru_cache(maxsize=256)
def packed(session: str) -> bytes:
    """A session id in 17 bytes where it is a UUID in its usual spelling, else its text behind a mark."""
    if _UUID.fullmatch(session):
        return b"u" + bytes.fromhex(session.replace("-", ""))
    return b"t" + session.encode()


def packed_uuid(identity: object) -> bytes | None:
    """A UUID in 17 bytes; None for anything else."""
    return packed(identity) if isinstance(identity, str) and _UUID.fullmatch(identity) else None


@lru_cache(maxsize=256)
def unpacked(session: bytes) -> str:
    """The text of a packed session id."""
    if not session.startswith(b"u"):
        return session[1:].decode()
    told = session[1:].hex()
    return f"{told[:8]}-{told[8:12]}-{told[12:16]}-{told[16:20]}-{told[20:]}"


def fingerprint(uuid: str) -> int:
    """64 bits that stand for a uuid."""
    return int.from_bytes(blake2b(uuid.encode(), digest_size=8).digest())
