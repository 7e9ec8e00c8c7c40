"""The local key of the hashes that stand for text: whoever has not this key can't try out guesses."""

from __future__ import annotations

import contextlib
import os
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from tallybook.history.store import named_errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tallybook.history.store import Store

NAME: Final = "history.key"
_SIZE: Final = 32
_SIZE_OF_MARK: Final = 8
"""Bytes that are kept of a hash: enough to tell commands apart, too few to be text."""


def local_key(directory: Path) -> bytes:
    """The key of this data directory, made at random where there is none; readable by its owner alone.

    A file of another length is no key: it is replaced, and hashes made before match none made from then on.

    Raises:
        OSError: the directory cannot be written.

    """
    path = directory / NAME
    with contextlib.suppress(FileNotFoundError):
        found = path.read_bytes()
        if len(found) == _SIZE:
            return found
        path.unlink()
    fresh = directory / f"{NAME}.{os.getpid()}.new"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:  # noqa: PTH123 - of a file made with its mode
        file.write(os.urandom(_SIZE))
    with contextlib.suppress(FileExistsError):
        os.link(fresh, path)  # the first one holds, whoever made it
    fresh.unlink()
    return path.read_bytes()


def store_key(store: Store) -> bytes:
    """The key of the directory that a store is in.

    Raises:
        StoreUnavailable: there is none, and none can be written.

    """
    with named_errors(store.path.parent):
        return local_key(store.path.parent)


def mark(key: bytes, text: bytes) -> int:
    """64 bits of BLAKE2b under the key: the same for the same text, in this data directory alone."""
    return marker(key)(text)


def marker(key: bytes) -> Callable[[bytes], int]:
    """``mark`` with one key, for many texts: it is set up once."""
    begun = blake2b(digest_size=_SIZE_OF_MARK, key=key).copy

    def marked(text: bytes) -> int:
        found = begun()
        found.update(text)
        return int.from_bytes(found.digest(), signed=True)

    return marked
