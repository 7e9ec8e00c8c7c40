"""Puts our prices beside the costs of another tool's report, where both have counted the same tokens."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.money import NOTHING, Cost, cost_of, total_cost
from tallybook.domain.price_causes import Pricing, Spent, ways_to
from tallybook.history.reconcile import UNEXPLAINED, Names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tallybook.history.ccusage import Report
    from tallybook.history.reconcile import Reconciled
    from tallybook.history.report_parts import ReportPart

NO_PRICE_THERE: Final = "the report has no price of it, and says 0"
NO_PRICE_AT_ALL: Final = "nobody has a price of it; the report says 0"
_Key = tuple[str, str]


class MoneyCell(msgspec.Struct, frozen=True):
    """One period (or session) and model, priced twice."""

    period: str
    models: tuple[str, ...]
    """Two where the report has counted tokens of one as those of the other."""
    ours: Cost
    nano_usd: int
    """As the report has it."""
    cause: str

    @property
    def difference(self) -> int | None:
        """Ours less theirs, in nanodollars; None where not all of it has a price here: that would be no difference."""
        ours = self.ours.nano_usd
        return None if ours is None or self.ours.share < 1 else ours - self.nano_usd


class Priced(msgspec.Struct, frozen=True):
    """Both prices side by side."""

    cells: tuple[MoneyCell, ...]
    """Those that differ, first to last."""
    equal: int
    """How many do not, to the nanodollar."""
    left_out: int
    """Cells that are not compared: their tokens differ, or the report has no cost of them."""
    ours: Cost
    """Of the cells that are compared."""
    nano_usd: int

    @property
    def unexplained(self) -> int:
        """How many cells differ for no known reason."""
        return sum(cell.cause == UNEXPLAINED for cell in self.cells)


def priced(report: Report, counted: Reconciled, parts: Iterable[ReportPart], pricing: Pricing) -> Priced:
    """Compare every cell that both have the same tokens of; one that is renamed, with the one that it is called."""
    costs, ours = _costs(report), _parts(report, parts)
    differing = {(cell.period, cell.model): cell for cell in counted.cells}
    groups: list[tuple[_Key, ...]] = [(key,) for key in report.cells if key not in differing]
    groups += sorted(
        {tuple(sorted((key, (key[0], cell.other)))) for key, cell in differing.items() if cell.other is not None}
    )
    compared: list[MoneyCell] = []
    for keys in groups:
        told = [costs[key] for key in keys if key in costs]
        known = [nano for nano in told if nano is not None]
        if known and len(known) == len(told):
            spent = [one for key in keys for one in ours.get(key, ())]
            compared.append(_cell(keys, spent, sum(known), pricing))
    apart = tuple(sorted((cell for cell in compared if cell.cause), key=_place))
    return Priced(
        apart,
        len(compared) - len(apart),
        len(report.cells.keys() | differing.keys()) - sum(len(cell.models) for cell in compared),
        total_cost(cell.ours for cell in compared),
        sum(cell.nano_usd for cell in compared),
    )


def _place(cell: MoneyCell) -> tuple[str, tuple[str, ...]]:
    return cell.period, cell.models


def _costs(report: Report) -> Mapping[_Key, int | None]:
    found: dict[_Key, int | None] = {}
    for one in report.told:
        before = found.get((one.period, one.model), 0)
        known = before is not None and one.nano_usd is not None
        found[one.period, one.model] = (before or 0) + (one.nano_usd or 0) if known else None
    return found


def _parts(report: Report, parts: Iterable[ReportPart]) -> Mapping[_Key, list[Spent]]:
    names = Names(report)
    found: dict[_Key, list[Spent]] = defaultdict(list)
    for part in parts:
        if not report.agents or part.agent in report.agents:
            found[names.of(part.period), part.model].append(part.spent)
    return found


def _cell(keys: Sequence[_Key], spent: Sequence[Spent], nano_usd: int, pricing: Pricing) -> MoneyCell:
    cost = sum((_cost(one, pricing) for one in spent), NOTHING)
    period, models = keys[0][0], tuple(model for _, model in keys)
    return MoneyCell(period, models, cost, nano_usd, _cause(spent, cost, nano_usd, pricing))


def _cost(one: Spent, pricing: Pricing) -> Cost:
    return cost_of(pricing.price_of(one.agent, one.price_class), one.tokens, one.web_searches)


def _cause(spent: Sequence[Spent], cost: Cost, nano_usd: int, pricing: Pricing) -> str:
    """Why the two differ; empty where they do not."""
    ways = ways_to(spent, nano_usd, pricing)
    if ways is not None:
        return "; ".join(ways)
    if nano_usd == 0:
        return NO_PRICE_THERE if cost.is_known else NO_PRICE_AT_ALL
    if cost.unpriced:
        return f"no price here: {min(cost.unpriced).reason}"
    return UNEXPLAINED
