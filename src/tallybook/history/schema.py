"""Which schemas there are, and the statements that make an empty store of this one."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA: Final = 6
_BEFORE_5: Final = frozenset({"agent", "word", "source", "piece", "place", "session", "fact", "response", "rollup"})
_OF_5: Final = _BEFORE_5 | {"derived"}
TABLES: Final = (_OF_5 - {"response"}) | {"growth", "response_context", "response_own", "whole"}
ADDED: Final = frozenset({
    *("item_block", "what", "limit_sample", "own_counter", "stage", "activity_source", "activity_copy", "activity"),
    *("session_class", "thread", "attempt", "directory", "imported", "source_pending"),
})  # fmt: skip
"""Tables of this schema that a store may lack, and an index: they are made where they are missing, and nothing else
changes."""
INDEXES: Final = frozenset({"source_pending"})
"""Those of them without which a store can be read all the same."""
_LATER: Final = "IF NOT EXISTS"
OLDER: Final = {
    1: frozenset({"agent", "word", "source", "grp", "occurrence", "link", "session", "fact", "response"}),
    2: _BEFORE_5,
    3: _BEFORE_5,
    4: _BEFORE_5,
    5: _OF_5,
}
"""Schemas that are brought up to this one, with their tables."""


def statements() -> Iterator[str]:
    """What makes an empty store, statement by statement."""
    from importlib.resources import files  # noqa: PLC0415 - a store is made once

    begun = ""
    for line in files("tallybook.history").joinpath("schema.sql").read_text("utf-8").splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            yield begun
            begun = ""


def additions() -> Iterator[str]:
    """Those of the statements that add to a store what it may lack."""
    return (one for one in statements() if _LATER in one)
