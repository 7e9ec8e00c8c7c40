"""The reference tells of every kind of item, and of no other."""

from __future__ import annotations

import re
from pathlib import Path

from tallybook.domain.activity import CHARACTERS, KINDS, MICROSECONDS, TOKENS, TURNS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "activity.md").read_text()


def test_every_kind_is_in_the_reference_and_no_other() -> None:
    """In a row of its own, with what its amount is measured in."""
    table = PAGE.partition("## Items")[2].partition("### Names")[0]
    rows = {row[1]: row[2] for row in re.finditer(r"^\| `([a-z-]+)` \|.*\| ([^|]*) ?\|$", table, re.MULTILINE)}
    assert rows.keys() == KINDS.keys()
    for kind, unit in KINDS.items():
        told = next((one for one in (MICROSECONDS, CHARACTERS, TOKENS, TURNS) if rows[kind].startswith(one)), None)
        assert told == unit, kind
