"""Counts as token vectors: parts that do not overlap, and what is to be thought of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from tallybook.agents.copilot_cli.facts import Counts


def vector(counts: Counts) -> TokenVector:
    """The parts; input is told with its caches, unless what stands beside it proves the contrary."""
    given, read, write, output = counts.input or 0, counts.read or 0, counts.write or 0, counts.output or 0
    return TokenVector(
        input=given if _is_apart(counts) else given - read - write,
        cache_read=read,
        cache_write_unknown=write,
        output=output,
        reasoning=min(counts.reasoning or 0, output),
    )


def quality(counts: Counts) -> Quality:
    """A lower bound where input or output is not told; estimated where caches are larger than what has them within."""
    if counts.input is None or counts.output is None:
        return Quality.LOWER_BOUND
    return Quality.ESTIMATED if _is_apart(counts) and not counts.apart else Quality.EXACT


def _is_apart(counts: Counts) -> bool:
    return counts.apart or (counts.input or 0) < (counts.read or 0) + (counts.write or 0)
