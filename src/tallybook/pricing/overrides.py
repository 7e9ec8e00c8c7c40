"""Reads what was agreed with vendors from TOML: exact decimals, and the first fault told with its file and its key."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.domain.money import PARTS, PICO, pico_per_token
from tallybook.domain.subscriptions import Every, Subscription
from tallybook.pricing.agreed import Agreed, AgreedRate, Credit, Discount, Where
from tallybook.pricing.names import VENDORS
from tallybook.pricing.places import line_of, told_line

if TYPE_CHECKING:
    from collections.abc import Callable

_WHERE: Final = ("agent", "vendor", "model", "tier")
_COMMON: Final = frozenset({*_WHERE, "since", "until", "source"})
_PAID_FOR: Final = frozenset({"agent", "since", "until", "source"})
"""Of them, what a subscription knows."""
_SEARCH: Final = "web_search"
_THOUSAND: Final = 1000
_HUNDRED: Final = 100
_MOST: Final = Decimal(10**6)
"""Dollars for a million tokens, more than any price: what is larger is a slip."""
CLASH: Final = (
    "end the other one with until, or tell them apart by plan; several seats are one subscription with their sum"
)
"""What to do where two subscriptions cover the same."""
_DIGITS: Final = 24
"""More are a slip: they would be counted exactly, however long it took."""
_DOLLARS: Final = "in dollars, such as 1.25"
_PERCENT: Final = "in percent, such as 12.5"
_MOST_CREDIT: Final = Decimal(10**9)


class _Source(NamedTuple):
    """Where rows are from, and what they may name."""

    text: str
    agents: Collection[str] | None


class PriceFault(Exception):  # noqa: N818
    """The text can't be used; ``message`` names the key, ``line`` where it stands, if that is known."""

    def __init__(self, message: str, hint: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.line = line


def agreed_in(text: str, agents: Collection[str] | None = None) -> Agreed:
    """What a text in TOML says; ``agents`` are those that it may name, None for any.

    Raises:
        PriceFault: it is no TOML, or something in it is not understood.
    """
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        message = str(error) or "it is nested too deep"
        raise PriceFault(message, "it must be TOML", told_line(message)) from error
    kinds: dict[str, Callable[[_Row], AgreedRate | Discount | Credit | Subscription]] = {
        "rate": _rate,
        "discount": _discount,
        "credit": _credit,
        "subscription": _subscription,
    }
    unknown = [name for name in document if name not in kinds]
    if unknown:
        message = f"there is no {_shown(unknown[0])}"
        hint = "it knows [[rate]], [[discount]], [[credit]] and [[subscription]]"
        raise PriceFault(message, hint, line_of(text, unknown[0]))
    source = _Source(text, agents)
    rows = [(row, make(row)) for name, make in kinds.items() for row in _rows(document, name, source)]
    found = [one for _, one in rows]
    subscriptions = [(row, one) for row, one in rows if isinstance(one, Subscription)]
    for number, (row, one) in enumerate(subscriptions):
        before = next((place for place, (_, other) in enumerate(subscriptions[:number], 1) if one.clashes(other)), None)
        if before is not None:
            key = "since"
            raise row.wrong(key, f"is within the time of subscription {before}, which covers the same", CLASH)
    return Agreed(
        tuple(one for one in found if isinstance(one, AgreedRate)),
        tuple(one for one in found if isinstance(one, Discount)),
        tuple(one for one in found if isinstance(one, Credit)),
        tuple(one for _, one in subscriptions),
    )


def _rows(document: Mapping[str, object], name: str, source: _Source) -> list[_Row]:
    value = document.get(name, [])
    rows = value if isinstance(value, list) else [None]
    if not all(isinstance(row, Mapping) for row in rows):
        message = f"{name} must be a list of tables"
        raise PriceFault(message, f"write [[{name}]]", line_of(source.text, name))
    return [_Row(name, number, row, source) for number, row in enumerate(rows, 1)]


class _Row:
    """One table, with the name that faults in it are told by."""

    def __init__(self, kind: str, number: int, table: Mapping[str, object], source: _Source) -> None:
        self._kind = kind
        self._number = number
        self._name = f"{kind} {number}"
        self._table = table
        self._source = source

    def only(self, *keys: str, common: frozenset[str] = _COMMON) -> None:
        """Refuse what is no key of it."""
        for key in self._table:
            if key not in common and key not in keys:
                raise self.wrong(key, "is not known", f"it knows {', '.join(sorted({*common, *keys}))}")

    def wrong(self, key: str, what: str, hint: str) -> PriceFault:
        """What is wrong with one key."""
        line = line_of(self._source.text, self._kind, self._number, key)
        return PriceFault(f"{self._name}: {_shown(key)} {what}", hint, line)

    def text(self, key: str) -> str | None:
        """Text that is not empty."""
        value = self._table.get(key)
        if value is None or (isinstance(value, str) and value and value.isprintable()):
            return value
        raise self.wrong(key, "must be text, and not empty", 'such as "gpt-5*"')

    def day(self, key: str) -> str | None:
        """A day; a time is none."""
        value = self._table.get(key)
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError:
                value = None
        elif value is None:
            return None
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.wrong(key, "must be a day", "such as 2026-06-19; it begins at 00:00 UTC")
        return value.isoformat()

    def number(self, key: str, most: Decimal) -> Decimal | None:
        """A number from 0 on, as text, with decimals or without."""
        value = self._table.get(key)
        if value is None:
            return None
        try:
            found = Decimal(value) if isinstance(value, str | int) and not isinstance(value, bool) else value
        except InvalidOperation:
            found = None
        if not isinstance(found, Decimal) or not found.is_finite() or not 0 <= found <= most:
            raise self.wrong(key, f"must be a number from 0 to {most:,}", _PERCENT if key == "percent" else _DOLLARS)
        if len(found.as_tuple().digits) > _DIGITS or found.adjusted() < -_DIGITS:
            raise self.wrong(key, f"has more than {_DIGITS} digits", "that is more than any price has")
        return found

    def where(self, tier: str | None = None) -> Where:
        """What it is for."""
        since, until = self.day("since") or "", self.day("until")
        if until is not None and until <= since:
            key = "until"
            raise self.wrong(key, f"is not later than since ({since})", "it is the first day that does not count")
        agent, vendor, model, told = (self.text(key) for key in _WHERE)
        for key, value, known in (("vendor", vendor, VENDORS), ("agent", agent, self._source.agents)):
            if value is not None and known is not None and value not in known:
                raise self.wrong(key, f"is none that is known: {_shown(value)}", f"known: {', '.join(sorted(known))}")
        return Where(agent, vendor, model, told or tier, since, until)

    def source(self) -> str:
        """Where it is told, for those who see the price."""
        return self.text("source") or f"agreed ({self._name})"


def _rate(row: _Row) -> AgreedRate:
    row.only(*PARTS, _SEARCH)
    parts: dict[str, int] = {}
    for part in PARTS:
        told = row.number(part, _MOST)
        if told is not None:
            pico = pico_per_token(told)
            if pico is None:
                raise row.wrong(part, "has more than six decimals", "it is in dollars for a million tokens")
            parts[part] = pico
    search = row.number(_SEARCH, _MOST)
    if not parts and search is None:
        key = "input"
        raise row.wrong(key, "is missing", f"a rate tells one of {', '.join((*PARTS, _SEARCH))}")
    per_search = None if search is None else round(Fraction(search) * PICO / _THOUSAND)
    return AgreedRate(row.where("standard"), parts, per_search, row.source())


def _discount(row: _Row) -> Discount:
    row.only("percent")
    key = "percent"
    told = row.number(key, Decimal(_HUNDRED))
    if told is None:
        raise row.wrong(key, "is missing", "such as percent = 15")
    return Discount(row.where(), Fraction(told), row.source())


def _credit(row: _Row) -> Credit:
    row.only("usd")
    key = "usd"
    told = row.number(key, _MOST_CREDIT)
    if told is None:
        raise row.wrong(key, "is missing", "such as usd = 100")
    return Credit(row.where(), round(Fraction(told) * PICO), row.source())


def _subscription(row: _Row) -> Subscription:
    row.only("usd", "every", "plan", common=_PAID_FOR)
    told, where, every = row.number("usd", _MOST_CREDIT), row.where(), row.text("every") or Every.MONTH
    for key, value, hint in (
        ("usd", told, "what is paid each time, such as usd = 200"),
        ("agent", where.agent, 'such as agent = "claude"'),
        ("since", where.since or None, "the day of the first payment, such as since = 2026-03-14"),
    ):
        if value is None:
            raise row.wrong(key, "is missing", hint)
    if every not in set(Every):
        key = "every"
        raise row.wrong(key, f"is none that is known: {_shown(every)}", f"known: {', '.join(Every)}")
    pico = round(Fraction(told or 0) * PICO)
    return Subscription(where.agent or "", row.text("plan"), pico, Every(every), where.since, where.until, row.source())


def _shown(text: str) -> str:
    return ascii(text[:80])
