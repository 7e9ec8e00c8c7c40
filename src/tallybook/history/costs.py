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
    from collections.abc import Iterable, Sequence

    from tallybook.domain.tariffs import Tariff
    from tallybook.history.store import Store

    Numbers = Sequence[int]
    """Of a sum: how many responses, their components and their searches."""

SECOND: Final = 1_000_000
SIZES: Final = tuple(Size(*pair) for pair in zip((-1, *EDGES), (*EDGES, None), strict=True))
"""By the number of the band."""
_EPOCH: Final = date(1970, 1, 1).toordinal()
_PRICED_AS: Final = (
    *("input", "cache_read", "cache_write_5m", "cache_write_1h", "cache_write_5m", "output", "reasoning"),
)
"""The price of each component."""
_UNKNOWN: Final = 1 + COMPONENTS.index("cache_write_unknown")
"""Where it stands in a sum."""
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
    priced: int
    """1, or 0 where nothing of it has a price."""
    least: int
    """1 where the lifetime of a cache changes the price, else 0."""
    assumed: tuple[int, ...]
    """Places of components."""
    unpriced: frozenset[Unpriced]
    """Why nothing of it has a price, if so."""
    free: frozenset[Unpriced]
    """What is told where there are searches: why they have no price, if so."""

    @classmethod
    def of(cls, rates: Rates | Unpriced) -> Factors:
        """Those of ``domain.money.cost_of``."""
        if isinstance(rates, Unpriced):
            why = frozenset((rates,))
            return cls((), 0, 0, (), why, why)
        unknown = rates.cache_write_5m
        written = (rates.cache_read, rates.cache_write_5m, rates.cache_write_1h, unknown)
        pico = (0, rates.input, *written, rates.output, rates.reasoning - rates.output, rates.web_search or 0)
        assumed = tuple(1 + place for place, part in enumerate(_PRICED_AS) if part in rates.assumed)
        free = _PRICED if rates.web_search is not None else cost_of(rates, ZERO, 1).unpriced
        return cls(pico, 1, int(rates.cache_write_1h > unknown), assumed, _PRICED, free)


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
        self._factors: dict[int, Factors] = {}
        """By the splits of sums, and below 0 by the places of single responses."""
        self._places: dict[Factors, int] = {}
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
            if split not in self._factors:
                self._factors[split] = Factors.of(self._found(split))

    def place_of_one(self, numbers: tuple[int, int, int], at: int, context: int) -> int:
        """What stands for the split of one response: its session, model and tier; its moment; its tokens of input."""
        session, model, tier = numbers
        day = f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%d}"
        tariff = self._prices.tariff(self._agent_of(session), self._words[model], self._words[tier])
        factors = Factors.of(tariff.rates(day, Size(context - 1, context)))
        place = self._places.setdefault(factors, ~len(self._places))
        self._factors[place] = factors
        return place

    def of(self, splits: Iterable[int], sums: Sequence[Numbers]) -> Money:
        """What sums cost, by their splits; spelled out, for there are very many."""
        factors = [self._factors[split] for split in splits]
        # Reasoning, the last component, is a part of the output.
        totals = [sum(numbers[1:-2]) for numbers in sums]
        counts = [
            (
                sum(map(mul, numbers, its.pico)),
                total * its.priced,
                total,
                numbers[_UNKNOWN] * its.least,
                sum([numbers[place] for place in its.assumed]) if its.assumed else 0,
            )
            for numbers, total, its in zip(sums, totals, factors, strict=True)
        ]
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
            self._factors = {place: factors for place, factors in self._factors.items() if place < 0}
            raise UnknownDays
        return tariff.rates(self._days[era - 1] if era else "", SIZES[band])
