"""A table of a state that is read from a checkpoint row by row, as it is asked for; changes stay in memory.

It answers as the table that was saved would, with the changes since; where the rows turn out to be damaged, they
are taken from a replay instead.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, Final, Protocol, TypeVar

from tallybook.ledger.blobs import Kind, key_text, keys_of, values_of
from tallybook.ledger.seal import DamagedError

_PATIENCE: Final = 32
"""So many rows are read one by one before all are read at once."""
_GONE: Final = object()

D = TypeVar("D")


class Base(Protocol):
    """The rows of a checkpoint, all as they were at one moment."""

    def row(self, table: str, key: str) -> bytes | None:
        """One value; raises DamagedError where the checkpoint can't be read."""
        ...

    def rows(self, table: str) -> dict[str, bytes]:
        """All values; raises DamagedError where the checkpoint can't be read."""
        ...

    def keys(self, table: str) -> str:
        """All keys in their order, a newline before and behind each; raises DamagedError like the others."""
        ...

    def rescued(self, table: str) -> MutableMapping[Any, Any]:
        """The whole table from a replay."""
        ...


class Shelf(MutableMapping[Any, Any]):
    """One table."""

    def __init__(self, base: Base, table: str, kind: Kind) -> None:
        self._base = base
        self._table = table
        self._kind = kind
        self._value_of = values_of(table)
        self._known: dict[Any, Any] = {}
        self._changed: dict[Any, Any] = {}
        self._order: list[Any] | None = None
        self._raw: dict[str, bytes] | None = None
        self._there: frozenset[str] = frozenset()
        """All keys as text, once all rows are read."""
        self._misses = 0

    @property
    def changes(self) -> dict[Any, Any]:
        """Each key that was set or removed since, in order."""
        return self._changed

    @staticmethod
    def is_gone(value: object) -> bool:
        """Whether a change is a removal."""
        return value is _GONE

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - as the kind tells
        if key in self._changed:
            found = self._changed[key]
        elif key in self._known:
            found = self._known[key]
        else:
            found = self._known[key] = self._read(key)
        if found is _GONE:
            raise KeyError(key)
        return found

    def get(self, key: Any, default: D | None = None) -> Any:  # noqa: ANN401 - as the kind tells
        """The value, or ``default``."""
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        return self.get(key, _GONE) is not _GONE

    def __setitem__(self, key: Any, value: Any) -> None:  # noqa: ANN401 - as the kind tells
        self._changed[key] = value

    def __delitem__(self, key: Any) -> None:  # noqa: ANN401 - as the kind tells
        self[key]
        self._changed[key] = _GONE

    def __iter__(self) -> Iterator[Any]:
        saved = self._saved_order()
        if not self._changed:
            yield from saved
            return
        yield from [key for key in saved if self._changed.get(key) is not _GONE]
        before = set(saved)
        yield from [key for key, value in self._changed.items() if value is not _GONE and key not in before]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def keys_text(self) -> str | None:
        """All keys as they are to be saved; None where they are those that are saved already."""
        lines = _lines(self._base.keys(self._table))
        before = set(lines)
        there = {key_text(key): value is not _GONE for key, value in self._changed.items()}
        fresh = [text for text, stays in there.items() if stays and text not in before]
        gone = {text for text, stays in there.items() if not stays and text in before}
        return _joined([line for line in lines if line not in gone] + fresh) if fresh or gone else None

    def _saved_order(self) -> list[Any]:
        if self._order is None:
            try:
                self._order = keys_of(self._kind, _lines(self._base.keys(self._table)))
            except DamagedError:
                self._order = list(self._base.rescued(self._table))
        return self._order

    def _read(self, key: Any) -> Any:  # noqa: ANN401 - as the kind tells
        try:
            text = key_text(key)
            blob = self._blob(text) if self._raw is None else self._raw.get(text)
            if blob is not None:
                return self._value_of(text, blob)
            if not self._is_there(text):
                return _GONE
        except DamagedError:
            pass
        return self._base.rescued(self._table).get(key, _GONE)

    def _blob(self, text: str) -> bytes | None:
        self._misses += 1
        if self._misses <= _PATIENCE or not self._kind.whole:
            return self._base.row(self._table, text)
        self._raw = self._base.rows(self._table)
        self._there = frozenset(_lines(self._base.keys(self._table)))
        return self._raw.get(text)

    def _is_there(self, text: str) -> bool:
        return f"\n{text}\n" in self._base.keys(self._table) if self._raw is None else text in self._there


def lines_of(keys: MutableMapping[Any, Any]) -> str:
    """All keys in their order, a newline before and behind each."""
    return _joined(list(map(key_text, keys)))


def _joined(lines: list[str]) -> str:
    return "\n".join(["", *lines, ""]) if lines else "\n"


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]
