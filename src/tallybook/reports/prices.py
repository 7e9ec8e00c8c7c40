"""Prices and costs as rows and as JSON; money is text or whole numbers, never a float."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.money import Cost, Rates, Unpriced
from tallybook.domain.problems import Problem
from tallybook.domain.tokens import TokenVector
from tallybook.reports.vectors import vector
from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from tallybook.reports.vectors import Json

PARTS: Final = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
RATE_HEAD: Final = ("context", *(name.replace("_", " ") for name in PARTS), "web search", "since", "remarks")
COVERAGE_HEAD: Final = ("model", "tier", "responses", "tokens", "USD", "priced", "why not")
RATE_NUMBERS: Final = frozenset(RATE_HEAD[1:-2])
COVERAGE_NUMBERS: Final = frozenset({"responses", "tokens", "USD", "priced"})
_MILLION: Final = 10**6


class Priced(msgspec.Struct, frozen=True):
    """The prices of one model by the size of the request."""

    model: str
    tier: str
    day: str
    book: str
    rates: tuple[tuple[str, Rates | Unpriced], ...]
    """Bands of contexts, each with its prices; bands that cost the same are one, named by the largest."""


class ModelCoverage(msgspec.Struct, frozen=True):
    """What one model of the history cost, as far as there are prices."""

    model: str
    tier: str
    responses: int
    tokens: TokenVector
    cost: Cost


class Coverage(msgspec.Struct, frozen=True):
    """The whole history by model and tier."""

    book: str
    rows: tuple[ModelCoverage, ...]
    total: Cost
    problems: tuple[Problem, ...]


def per_million(pico: int) -> str:
    """Dollars per million tokens, exact."""
    whole, rest = divmod(pico, _MILLION)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")


def share(part: Fraction) -> str:
    """From 0 to 1 with four decimals, rounded down: only all of it is 1."""
    scaled = part * 10_000 // 1
    whole, rest = divmod(int(scaled), 10_000)
    return f"{whole}.{rest:04}".rstrip("0").rstrip(".")


def cost_json(it: Cost) -> Json:
    """Dollars and nanodollars of what has a price, how much that is, and why the rest has none."""
    return {
        "usd": it.usd,
        "nano_usd": it.nano_usd,
        "priced_share": share(it.share),
        "unpriced": unpriced_json(it.unpriced),
    }


def unpriced_json(unpriced: Iterable[Unpriced]) -> list[Json]:
    """Models without a price, each reason once."""
    return [{"model": one.model, "reason": one.reason} for one in sorted(unpriced)]


def priced_json(it: Priced) -> dict[str, Json]:
    """The prices of a model; dollars per million tokens, as text."""
    rates: list[Json] = []
    for context, found in it.rates:
        if isinstance(found, Rates):
            parts: dict[str, Json] = {name: per_million(getattr(found, name)) for name in PARTS}
            search = per_million(found.web_search // 1000)
            told: dict[str, Json] = {"usd_per_million_tokens": parts, "usd_per_thousand_web_searches": search}
            rates.append({"context": context, **told, "source": found.source, "since": found.since,
                          "remarks": [*found.notes]})  # fmt: skip
        else:
            rates.append({"context": context, "unpriced": found.reason})
    return {"model": it.model, "tier": it.tier, "day": it.day, "book": it.book, "rates": rates}


def rate_cells(context: str, found: Rates | Unpriced) -> tuple[str, ...]:
    """The columns of ``RATE_HEAD``."""
    if isinstance(found, Unpriced):
        return (context, *[NOTHING] * (len(PARTS) + 2), found.reason)
    parts = (per_million(getattr(found, name)) for name in PARTS)
    return (context, *parts, per_million(found.web_search // 1000), found.since or NOTHING, "; ".join(found.notes))


def coverage_json(it: Coverage) -> dict[str, Json]:
    """Rows and total."""
    rows: list[Json] = [
        {
            "key": {"model": row.model, "tier": row.tier},
            "responses": row.responses,
            "tokens": vector(row.tokens),
            "cost": cost_json(row.cost),
        }
        for row in it.rows
    ]
    return {"book": it.book, "rows": rows, "total": cost_json(it.total)}


def coverage_cells(row: ModelCoverage) -> tuple[str, ...]:
    """The columns of ``COVERAGE_HEAD``."""
    reasons = "; ".join(sorted({one.reason for one in row.cost.unpriced}))
    money = row.cost.usd or NOTHING
    return (row.model, row.tier, f"{row.responses:,}", f"{row.tokens.total:,}", money, share(row.cost.share), reasons)
