"""Prices that were looked up before, in a file of the data directory: most commands need no library to price anything.

The file holds only what the book says and counts as long as the book and the rules of this package are the same, by
the sizes and times of their files. Deleting it changes no answer.
"""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.tariffs import Tariff

if TYPE_CHECKING:
    from tallybook.pricing.port import Book

NAME: Final = "prices.json"
_MOST: Final = 2000
"""Models that are kept: names come from logs, and there may be any number of them."""


class _Kept(msgspec.Struct, frozen=True):
    of: str
    """The state of the book and of the rules."""
    version: str
    tariffs: dict[str, Tariff]
    """By model and tier, with a tab between."""


class RememberedBook:
    """Implements ``Book``: asks the other one for what no earlier command has asked."""

    def __init__(self, directory: Path, book: Book) -> None:
        self._path = directory / NAME
        self._book = book
        self._of = _state()
        self._kept = _read(self._path, self._of)
        self._found = {} if self._kept is None else dict(self._kept.tariffs)
        self._new = False

    @property
    def version(self) -> str:
        """The book's."""
        return self._book.version if self._kept is None else self._kept.version

    def tariff(self, model: str, tier: str) -> Tariff:
        """As remembered, else as the book tells it."""
        key = f"{model}\t{tier}"
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._book.tariff(model, tier)
            self._new = True
        return found

    def days(self) -> frozenset[str]:
        """On which some price that was ever asked for changes."""
        return frozenset(day for tariff in self._found.values() for day in tariff.days())

    def keep(self) -> None:
        """Write what is new; where that can't be done, the next command asks the book again."""
        if not self._new:
            return
        kept = _Kept(self._of, self.version, dict(list(self._found.items())[-_MOST:]))
        draft = self._path.with_name(f".{NAME}.{os.getpid()}.tmp")
        try:
            with suppress(OSError, ValueError):
                content = msgspec.json.encode(kept)
                handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                draft.replace(self._path)
                self._new = False
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def _read(path: Path, state: str) -> _Kept | None:
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError, ValueError, RecursionError):
        return None
    whole = all(tariff.stretches and all(one.bands for one in tariff.stretches) for tariff in kept.tariffs.values())
    return kept if kept.of == state and whole else None


def _state() -> str:
    """Which files prices follow from; none of them is imported."""
    spec = find_spec("genai_prices")
    origin = "" if spec is None or spec.origin is None else spec.origin
    rules = sorted(Path(__file__).parent.glob("*.py"))
    parts = []
    for path in (Path(origin).with_name("data.py"), *rules):
        with suppress(OSError):
            status = path.stat()
            parts.append(f"{path.name} {status.st_size} {status.st_mtime_ns}")
    return "\n".join((origin, *parts))
