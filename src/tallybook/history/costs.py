"""What the responses of the store cost: sums are split until each has one price.

``Costs.of`` prices the sums of a question of ``history.usage``; what goals cost, by their snapshots, is told by
``domain.goal_costs``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from operator import mul
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from tallybook.domain.money import Cost, Rates, Unpriced, cost_of
from tallybook.domain.sizes import EDGES, Size
from tallybook.domain.tokens import ZERO
from tallybook.history.grain import QUARTER
from tallybook.history.rollup import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.domain.tariffs import Tariff
    from tallybook.history.store import Store

SECOND: Final = 1_000_000
SIZES: Final = tuple(Size(*pair) for pair in zip((-1, *EDGES), (*EDGES, None), strict=True))
"""By the number of the band."""
_EPOCH: Final = date(1970, 1, 1).toordinal()
_PRICED_AS: Final = (
    *("input", "cache_read", "cache_write_5m", "cache_write_1h", "cache_write_5m", "output", "reasoning"),
)
"""The price of each component."""
_UNKNOWN: Final = COMPONENTS.index("cache_write_unknown")
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


Spent = tuple[int, ...]
"""The numbers of a ``Cost`` in the order of its members, which only add: ``spent_cost`` makes one of them."""


class Factors(NamedTuple):
    """What to multiply the components of tokens by; the whole history is many sums, and this is done for each."""

    pico: tuple[int, ...]
    least: bool
    assumed: tuple[int, ...]
    """Places of components."""
    search: int
    unpriced: Unpriced | None
    free: Unpriced | None
    """What is told of where searches have no price."""

    @classmethod
    def of(cls, rates: Rates | Unpriced) -> Factors:
        """Those of ``domain.money.cost_of``."""
        if isinstance(rates, Unpriced):
            return cls((), False, (), 0, rates, None)
        unknown = rates.cache_write_5m
        written = (rates.cache_read, rates.cache_write_5m, rates.cache_write_1h, unknown)
        pico = (rates.input, *written, rates.output, rates.reasoning - rates.output)
        assumed = [place for place, part in enumerate(_PRICED_AS) if part in rates.assumed]
        free = None if rates.web_search is not None else cost_of(rates, ZERO, 1).unpriced
        least = rates.cache_write_1h > unknown
        return cls(pico, least, tuple(assumed), rates.web_search or 0, None, min(free) if free else None)

    def spent(self, parts: Sequence[int], searches: int) -> tuple[Spent, Unpriced | None]:
        """What these components and searches cost, and what of it has no price."""
        total = sum(parts) - parts[-1]  # reasoning is a part of the output
        if self.unpriced is not None:
            return (0, 0, total, 0, 0), self.unpriced
        assumed = sum([parts[place] for place in self.assumed]) if self.assumed else 0
        least = parts[_UNKNOWN] if self.least else 0
        if not searches:
            return (sum(map(mul, parts, self.pico)), total, total, least, assumed), None
        pico = sum(map(mul, parts, self.pico)) + searches * self.search
        return (pico, total, total, least, assumed), self.free


def spent_cost(spent: Spent, unpriced: frozenset[Unpriced]) -> Cost:
    """The cost that sums of ``Spent`` come to."""
    pico, priced, tokens, least, assumed = spent
    return Cost(pico, priced, tokens, unpriced, least, assumed)


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
        self._table: list[Factors] = []
        self._places: dict[Factors, int] = {}
        self._splits: dict[int, int] = {}
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

    def place(self, split: int) -> int:
        """Of what a token costs in one sum, from its ``split``.

        Sums of the same place may be added up before they are priced.

        Raises:
            UnknownDays: sums must be split at more days.
        """
        place = self._splits.get(split)
        if place is None:
            place = self._splits[split] = self._kept(self._found(split))
        return place

    def place_of_one(self, numbers: tuple[int, int, int], at: int, context: int) -> int:
        """Of one response: its session, model and tier; its moment; how many tokens of input it had."""
        session, model, tier = numbers
        day = f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%d}"
        tariff = self._prices.tariff(self._agent_of(session), self._words[model], self._words[tier])
        return self._kept(tariff.rates(day, Size(context - 1, context)))

    def of(self, place: int, numbers: Sequence[int]) -> tuple[Spent, Unpriced | None]:
        """What the sums of a place cost: how many responses, their components and their searches."""
        return self._table[place].spent(numbers[1:-1], numbers[-1])

    def _kept(self, rates: Rates | Unpriced) -> int:
        factors = Factors.of(rates)
        place = self._places.setdefault(factors, len(self._table))
        if place == len(self._table):
            self._table.append(factors)
        return place

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
            self._splits.clear()
            raise UnknownDays
        return tariff.rates(self._days[era - 1] if era else "", SIZES[band])
