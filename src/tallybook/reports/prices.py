"""Prices and what they come to as rows and as JSON; money is text or whole numbers, never a float."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.clock import timestamp
from tallybook.domain.money import PARTS, Cost, Rates, Unpriced, priced_counts
from tallybook.domain.problems import Problem
from tallybook.domain.quality import Quality
from tallybook.domain.sizes import Size
from tallybook.domain.tokens import TokenVector
from tallybook.history.served import Served
from tallybook.reports.costs import cost_json, dollars, reasons, share, share_json
from tallybook.reports.vectors import vector
from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from tallybook.reports.vectors import Json

RATE_HEAD: Final = ("context", *(name.replace("_", " ") for name in PARTS), "web search", "since", "remarks")
LIST_HEAD: Final = ("vendor", "model", *RATE_HEAD[1:])
COVERAGE_HEAD: Final = ("model", "tier", "responses", "tokens", "USD", "priced", "quality", "why not")
CREDIT_HEAD: Final = ("credit", "since", "until", "USD", "used", "left", "priced")
RATE_NUMBERS: Final = frozenset(RATE_HEAD[1:-2])
COVERAGE_NUMBERS: Final = frozenset({"responses", "tokens", "USD", "priced"})
CREDIT_NUMBERS: Final = frozenset({"USD", "used", "left", "priced"})
_MILLION: Final = 10**6
_THOUSAND: Final = 1000


class Priced(msgspec.Struct, frozen=True):
    """The prices of one model by the size of the request."""

    model: str
    tier: str
    day: str
    book: str
    rates: tuple[tuple[Size, Rates | Unpriced], ...]
    """The smallest first."""


class Listed(msgspec.Struct, frozen=True):
    """The prices of small requests, by vendor and model."""

    day: str
    book: str
    latest: str
    """The day of the latest change of a price that the book knows."""
    rows: tuple[tuple[str, str, Rates | Unpriced], ...]


class ModelCoverage(msgspec.Struct, frozen=True):
    """What one model of the history cost, as far as there are prices."""

    model: str
    tier: str
    responses: int
    tokens: TokenVector
    cost: Cost


class CreditUse(msgspec.Struct, frozen=True):
    """Money that was given, and what of it is used."""

    source: str
    since: str | None
    until: str | None
    pico_usd: int
    cost: Cost
    """Of what it pays for."""

    @property
    def used(self) -> Cost:
        """What it has paid, never more than it is."""
        return Cost(min(self.pico_usd, self.cost.pico_usd))

    @property
    def left(self) -> Cost:
        """The rest."""
        return Cost(self.pico_usd - self.used.pico_usd)


class Coverage(msgspec.Struct, frozen=True):
    """The whole history by model and tier."""

    book: str
    rows: tuple[ModelCoverage, ...]
    total: Cost
    credits: tuple[CreditUse, ...]
    problems: tuple[Problem, ...]


class Explanation(msgspec.Struct, frozen=True):
    """How the price of one response was found."""

    response: Served
    rates: Rates | Unpriced
    cost: Cost


class Explained(msgspec.Struct, frozen=True):
    """All responses of one key."""

    book: str
    responses: tuple[Explanation, ...]
    problems: tuple[Problem, ...]


def per_million(pico: int) -> str:
    """Dollars per million tokens, exact."""
    whole, rest = divmod(pico, _MILLION)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")


def size_text(size: Size) -> str:
    """Such as ``any``, ``≤200k`` or ``>272k``."""
    if size.most is not None:
        return f"≤{_tokens(size.most)}"
    return "any" if size.above < 0 else f">{_tokens(size.above)}"


def _tokens(count: int) -> str:
    return f"{count // _THOUSAND}k" if count % _THOUSAND == 0 else f"{count:,}"


def _search(it: Rates) -> str | None:
    return None if it.web_search is None else per_million(it.web_search // _THOUSAND)


def rates_json(found: Rates | Unpriced) -> dict[str, Json]:
    """Dollars per million tokens, as text; or why there are none."""
    if isinstance(found, Unpriced):
        return {"unpriced": found.reason}
    parts: dict[str, Json] = {name: per_million(getattr(found, name)) for name in PARTS}
    return {
        "usd_per_million_tokens": parts,
        "usd_per_thousand_web_searches": _search(found),
        "source": found.source,
        "since": found.since,
        "remarks": [*found.notes],
    }


def priced_json(it: Priced) -> dict[str, Json]:
    """The prices of a model."""
    rates: list[Json] = [{"context": size_text(size), **rates_json(found)} for size, found in it.rates]
    return {"model": it.model, "tier": it.tier, "day": it.day, "book": it.book, "rates": rates}


def listed_json(it: Listed) -> dict[str, Json]:
    """The prices of all models."""
    rows: list[Json] = [{"vendor": one, "model": model, **rates_json(found)} for one, model, found in it.rows]
    return {"day": it.day, "book": it.book, "latest_change": it.latest, "models": rows}


def _cells(found: Rates | Unpriced) -> tuple[str, ...]:
    if isinstance(found, Unpriced):
        return (*[NOTHING] * (len(PARTS) + 2), found.reason)
    parts = (per_million(getattr(found, name)) for name in PARTS)
    return (*parts, _search(found) or NOTHING, found.since or NOTHING, "; ".join(found.notes))


def rate_cells(size: Size, found: Rates | Unpriced) -> tuple[str, ...]:
    """The columns of ``RATE_HEAD``."""
    return (size_text(size), *_cells(found))


def list_cells(vendor: str, model: str, found: Rates | Unpriced) -> tuple[str, ...]:
    """The columns of ``LIST_HEAD``."""
    return (vendor, model, *_cells(found))


def coverage_json(it: Coverage) -> dict[str, Json]:
    """Rows, total and credits."""
    rows: list[Json] = [
        {
            "key": {"model": row.model, "tier": row.tier},
            "responses": row.responses,
            "tokens": vector(row.tokens),
            "cost": cost_json(row.cost),
        }
        for row in it.rows
    ]
    found: list[Json] = [
        {
            "source": one.source,
            "since": one.since,
            "until": one.until,
            "usd": Cost(one.pico_usd).usd,
            "used_usd": one.used.usd,
            "priced_share": share_json(one.cost.share),
            "quality": str(one.cost.quality),
            "left_usd": one.left.usd,
        }
        for one in it.credits
    ]
    return {"book": it.book, "rows": rows, "total": cost_json(it.total), "credits": found}


def coverage_cells(row: ModelCoverage) -> tuple[str, ...]:
    """The columns of ``COVERAGE_HEAD``."""
    numbers = (f"{row.responses:,}", f"{row.tokens.total:,}", dollars(row.cost), share(row.cost.share))
    return (row.model, row.tier, *numbers, str(row.cost.quality), reasons(row.cost))


def credit_cells(it: CreditUse) -> tuple[str, ...]:
    """The columns of ``CREDIT_HEAD``."""
    money = (dollars(Cost(it.pico_usd)), dollars(it.used), dollars(it.left), share(it.cost.share))
    return (it.source, it.since or NOTHING, it.until or NOTHING, *money)


def _moment(it: Explanation) -> str:
    return timestamp(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=it.response.at))


def _part_costs(it: Explanation) -> dict[str, Cost | None]:
    """What each part came to; None of searches that have no price."""
    if isinstance(it.rates, Unpriced):
        return {}
    told = it.response
    found: dict[str, Cost | None] = {name: Cost(pico) for name, pico in it.rates.parts(told.tokens).items()}
    fee = 0 if told.web_searches == 0 else it.rates.web_search
    return {**found, "web_search": None if fee is None else Cost(told.web_searches * fee)}


def _usd(cost: Cost | None) -> str:
    return "no price" if cost is None else f"{cost.usd} USD"


def explained_json(it: Explained) -> dict[str, Json]:
    """Each response with all that its price followed from."""
    rows: list[Json] = []
    for one in it.responses:
        parts: dict[str, Json] = {
            name: None if cost is None else cost.nano_usd for name, cost in _part_costs(one).items()
        }
        rows.append(
            {
                "key": one.response.key,
                "agent": one.response.agent,
                "session": one.response.session,
                "at": _moment(one),
                "dated": one.response.dated,
                "model": one.response.model,
                "tier": one.response.tier,
                "context": one.response.tokens.context,
                "tokens": vector(one.response.tokens),
                "quality": str(one.response.quality),
                "web_searches": one.response.web_searches,
                "rates": rates_json(one.rates),
                "nano_usd": parts,
                "cost": cost_json(one.cost),
            }
        )
    return {"book": it.book, "responses": rows}


def explained_lines(it: Explanation) -> list[str]:
    """One response for people."""
    told = it.response
    lines = [
        f"response  {told.key}",
        f"session   {told.agent} {told.session}",
        f"time      {_moment(it)}{'' if told.dated else ', that of the nearest response with one'}",
        f"model     {told.model}, tier {told.tier}",
        f"size      {told.tokens.context:,} tokens of input, cached or not",
    ]
    if told.quality is not Quality.EXACT:
        lines.append(f"tokens    {told.quality}, whatever the price")
    if isinstance(it.rates, Unpriced):
        return [*lines, f"no price  {it.rates.reason}"]
    lines.append(f"price     {it.rates.source}, {f'since {it.rates.since}' if it.rates.since else 'on all days'}")
    costs = _part_costs(it)
    for name, count in priced_counts(told.tokens).items():
        if count:
            price = per_million(getattr(it.rates, name))
            lines.append(f"          {name.replace('_', ' ')}: {count:,} at {price} a million = {_usd(costs[name])}")
    if told.web_searches:
        fee = _search(it.rates)
        at = "" if fee is None else f" at {fee} a thousand"
        lines.append(f"          web searches: {told.web_searches:,}{at} = {_usd(costs['web_search'])}")
    lines += [f"remark    {note}" for note in it.rates.notes]
    return [*lines, f"cost      {it.cost.usd} USD ({it.cost.quality})"]
