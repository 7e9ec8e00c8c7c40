"""Tables in Markdown; cells are escaped by whoever has their text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.reports.costs import dollars
from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.domain.figures import Measure
    from tallybook.domain.money import Cost
    from tallybook.domain.tokens import TokenVector

TOKEN_HEAD: Final = ("input", "cache read", "cache write", "output", "total")


def table(head: Iterable[str], rows: Iterable[Iterable[str]], empty: str) -> Iterator[str]:
    """The lines of a table; ``empty`` in its place where it has no rows."""
    columns = tuple(head)
    body = [f"| {' | '.join(row)} |" for row in rows]
    if not body:
        yield f"{empty}\n"
        return
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    yield from body
    yield ""


def number(count: int) -> str:
    """With commas."""
    return f"{count:,}"


def tokens_of(tokens: TokenVector | None) -> tuple[str, ...]:
    """The cells below ``TOKEN_HEAD``."""
    if tokens is None:
        return (NOTHING,) * len(TOKEN_HEAD)
    parts = (tokens.input, tokens.cache_read, tokens.cache_write, tokens.output, tokens.total)
    return tuple(number(part) for part in parts)


def measured(measure: Measure) -> tuple[str, ...]:
    """The cells below ``TOKEN_HEAD``, then the quality."""
    return (*tokens_of(measure.tokens), str(measure.quality))


def priced(measure: Measure, cost: Cost | None) -> tuple[str, ...]:
    """The cells below ``TOKEN_HEAD``, then dollars and the quality of the tokens."""
    return (*tokens_of(measure.tokens), dollars(cost), str(measure.quality))
