"""What the responses of the store cost: sums are split until each has one price.

``Costs.of`` prices the sums of a question of ``history.usage``; what goals cost, by their snapshots, is told by
``domain.goal_costs``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from operator import mul
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from tallybook.domain.money import Rates, Unpriced, cost_of
from tallybook.domain.sizes import EDGES, Size
from tallybook.domain.tokens import ZERO
from tallybook.history.grain import QUARTER
from tallybook.history.rollup import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tallybook.domain.tariffs import Tariff
    from tallybook.history.columns import Columns
    from tallybook.history.store import Store

    Numbers = Sequence[int]
    """Of a sum: what is counted."""

SECOND: Final = 1_000_000
SIZES: Final = tuple(Size(*pair) for pair in zip((-1, *EDGES), (*EDGES, None), strict=True))
"""By the number of the band."""
_EPOCH: Final = date(1970, 1, 1).toordinal()
_PRICED_AS: Final = (
    *("input", "cache_read", "cache_write_5m", "cache_write_1h", "cache_write_5m", "output", "reasoning"),
)
"""The price of each component."""
NO_MONEY: Final = (0,) * 5
"""``pico_usd``, ``priced``, ``tokens``, ``least`` and ``assumed`` of a ``Cost`` of nothing."""
_SEARCHES: Final = "web_searches"
_PRICED: Final = frozenset[Unpriced]()
_QUARTERS: Final = 86_400 * SECOND // QUARTER
"""In a day."""


class Prices(Protocol):
    """What prices there are."""

    @property
    def by_agent(self) -> bool:
        """Whether they differ between agents."""
        ...

    def days(self) -> frozenset[str]:
        """Days on which prices may change, as far as that is known before any is asked for."""
        ...

    def tariff(self, agent: str, model: str, tier: str) -> Tariff:
        """The prices of a model on all days and for all sizes."""
        ...


class Factors(NamedTuple):
    """What to multiply the numbers of a sum by; the whole history is many sums, and this is done for each."""

    pico: tuple[int, ...]
    priced: bool
    """False where nothing of it has a price."""
    least: tuple[int, ...]
    """The place of cache writes of unknown lifetime, where that changes the price."""
    assumed: tuple[int, ...]
    """Places of components."""
    unpriced: frozenset[Unpriced]
    """Why nothing of it has a price, if so."""
    free: frozenset[Unpriced]
    """What is told where there are searches: why they have no price, if so."""

    @classmethod
    def of(cls, rates: Rates | Unpriced, counted: Sequence[str]) -> Factors:
        """Those of ``domain.money.cost_of``, for sums of what is counted."""
        if isinstance(rates, Unpriced):
            why = frozenset((rates,))
            return cls((), False, (), (), why, why)
        parts = (*(getattr(rates, part) for part in _PRICED_AS[:-1]), rates.reasoning - rates.output)
        by_name = {**dict(zip(COMPONENTS, parts, strict=True)), _SEARCHES: rates.web_search or 0}
        least = {"cache_write_unknown"} if rates.cache_write_1h > rates.cache_write_5m else set()
        assumed = {name for name, part in zip(COMPONENTS, _PRICED_AS, strict=True) if part in rates.assumed}
        free = _PRICED if rates.web_search is not None else cost_of(rates, ZERO, 1).unpriced
        pico = tuple(by_name.get(name, 0) for name in counted)
        return cls(pico, True, _places(least, counted), _places(assumed, counted), _PRICED, free)


class Money(NamedTuple):
    """What sums cost, each at its place."""

    counts: Sequence[tuple[int, ...]]
    """``pico_usd``, ``priced``, ``tokens``, ``least`` and ``assumed`` of a ``Cost``."""
    unpriced: list[frozenset[Unpriced]]


class UnknownDays(Exception):  # noqa: N818
    """Some price changes on a day that sums were not split at; they must be added up anew."""


class Costs:
    """Prices sums of one question; asked again after ``UnknownDays``, it splits them more finely."""

    def __init__(self, store: Store, prices: Prices) -> None:
        self._store = store
        self._prices = prices
        self._days = sorted(prices.days())
        self._words: dict[int, str] = dict(store.rows("SELECT id, text FROM word"))
        self._agents: dict[int, str] = dict(store.rows("SELECT id, name FROM agent"))
        self._rates: dict[int, Rates | Unpriced] = {}
        """By the splits of sums, and below 0 by the places of single responses."""
        self._places: dict[Rates | Unpriced, int] = {}
        self._base = 1 + max((*self._words, *self._agents), default=0)

    @property
    def split(self) -> str:
        """One number for all that a price depends on, of a row ``r`` of the rollup and its session ``s``."""
        quarters = [(date.fromisoformat(day).toordinal() - _EPOCH) * _QUARTERS for day in self._days]
        era = " + ".join(f"(r.quarter >= {quarter})" for quarter in quarters) or "0"
        whole = f"(r.model * {self._base} + r.tier) * {len(SIZES)} + r.band"
        if self.needs_sessions:
            whole = f"({whole}) * {self._base} + s.agent"
        return f"({whole}) * {len(self._days) + 1} + {era}"

    @property
    def needs_sessions(self) -> bool:
        """Whether the session of each row must be joined."""
        return self._prices.by_agent

    def know(self, splits: Iterable[int]) -> None:
        """Look up the prices of sums, from their ``split``.

        Raises:
            UnknownDays: sums must be split at more days.
        """
        for split in splits:
            if split not in self._rates:
                self._rates[split] = self._found(split)

    def place_of_one(self, numbers: tuple[int, int, int], at: int, context: int) -> int:
        """What stands for the split of one response: its session, model and tier; its moment; its tokens of input."""
        session, model, tier = numbers
        day = f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%d}"
        tariff = self._prices.tariff(self._agent_of(session), self._words[model], self._words[tier])
        rates = tariff.rates(day, Size(context - 1, context))
        place = self._places.setdefault(rates, ~len(self._places))
        self._rates[place] = rates
        return place

    def of(self, splits: Iterable[int], sums: Sequence[Numbers], columns: Columns) -> Money:
        """What sums cost, by their splits; spelled out, for there are very many."""
        by_split = {split: Factors.of(self._rates[split], columns.counted) for split in {*splits}}
        factors = [by_split[split] for split in splits]
        billed = columns.billed
        totals = [sum(numbers[1:billed]) for numbers in sums]
        counts = [
            (
                sum(map(mul, numbers, its.pico)),
                total if its.priced else 0,
                total,
                sum([numbers[place] for place in its.least]) if its.least else 0,
                sum([numbers[place] for place in its.assumed]) if its.assumed else 0,
            )
            for numbers, total, its in zip(sums, totals, factors, strict=True)
        ]
        unpriced = [its.unpriced for its in factors]
        if _SEARCHES in columns.counted:
            unpriced = [its.free if numbers[-1] else its.unpriced for numbers, its in zip(sums, factors, strict=True)]
        return Money(counts, unpriced)

    def _agent_of(self, session: int) -> str:
        query = "SELECT a.name FROM session s JOIN agent a ON a.id = s.agent WHERE s.id = ?"
        return str(self._store.rows(query, (session,))[0][0]) if self.needs_sessions else ""

    def _found(self, split: int) -> Rates | Unpriced:
        rest, era = divmod(split, len(self._days) + 1)
        rest, agent = divmod(rest, self._base) if self.needs_sessions else (rest, None)
        rest, band = divmod(rest, len(SIZES))
        model, tier = divmod(rest, self._base)
        name = "" if agent is None else self._agents[agent]
        tariff = self._prices.tariff(name, self._words[model], self._words[tier])
        more = set(tariff.days()).difference(self._days)
        if more:
            self._days = sorted({*self._days, *more})
            self._rates = {place: rates for place, rates in self._rates.items() if place < 0}
            raise UnknownDays
        return tariff.rates(self._days[era - 1] if era else "", SIZES[band])


def _places(names: Collection[str], counted: Sequence[str]) -> tuple[int, ...]:
    return tuple(place for place, name in enumerate(counted) if name in names)
