"""Token vectors and measures as JSON: numbers as integers, unknown as null."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tallybook.domain.figures import Measure
    from tallybook.domain.tokens import TokenVector

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def vector(tokens: TokenVector | None) -> Json:
    """VECTOR, or null where nothing was measured."""
    if tokens is None:
        return None
    return {
        "input": tokens.input,
        "cache_read": tokens.cache_read,
        "cache_write": tokens.cache_write,
        "cache_write_5m": tokens.cache_write_5m,
        "cache_write_1h": tokens.cache_write_1h,
        "cache_write_unknown": tokens.cache_write_unknown,
        "output": tokens.output,
        "reasoning": tokens.reasoning,
        "total": tokens.total,
    }


def measured(measure: Measure) -> dict[str, Json]:
    """A number with its quality, as two members."""
    return {"tokens": vector(measure.tokens), "quality": str(measure.quality)}
