"""What `tally usage` shows, as a document and as a table with remarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.cli.render import say, table
from tallybook.reports import contract
from tallybook.reports.costs import unpriced_lines
from tallybook.reports.usage import NUMBERS, usage_cells, usage_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.reports.vectors import Json
    from tallybook.usecases.usage import UsageAnswer


def usage_document(found: UsageAnswer) -> dict[str, Json]:
    """The sums, and all that stands beside them."""
    coverage: list[Json] = [{"agent": gap.agent, "what": gap.what} for gap in found.coverage]
    imported: Json = None
    if found.imported:
        from tallybook.reports.imported import imported_json

        imported = imported_json(found.imported)
    apart: Json = None
    if found.apart is not None:
        from tallybook.reports.subscriptions import apart_json

        apart = apart_json(found.apart)
    return {
        **usage_json(found.by, found.usage),
        "prices": found.book,
        "subscriptions": apart,
        "coverage": coverage,
        "imported": imported,
        "problems": contract.problems(found.problems),
    }


def show_usage(found: UsageAnswer) -> None:
    """The table, and what is to be said of it."""
    table((*found.by, *NUMBERS, "quality"), usage_cells(found.by, found.usage), frozenset(NUMBERS))
    for text in _remarks(found):
        say(text)


def _remarks(found: UsageAnswer) -> Iterator[str]:
    total = found.usage.total.cost
    if total is not None:
        yield f"USD at the prices of {found.book}: what it would cost by the token, whatever a subscription costs"
        yield from unpriced_lines(total)
    if found.apart is not None:
        from tallybook.reports.subscriptions import apart_lines

        yield from apart_lines(found.apart)
    for agent in dict.fromkeys(gap.agent for gap in found.coverage):
        what = "; ".join(gap.what for gap in found.coverage if gap.agent == agent)
        yield f"not in the logs of {agent}: {what}"
    if found.imported:
        from tallybook.reports.imported import imported_line

        yield imported_line(found.imported)
