"""Reads a report that ccusage wrote as JSON: tokens by period and model, of any of its views that tell models."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

NANO: Final = 10**9
LARGEST: Final = 128 * 1024 * 1024
"""Bytes of a report."""


class View(StrEnum):
    """How its rows are cut."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    SESSION = "session"


class Counts(NamedTuple):
    """Tokens as ccusage tells them apart; ``input`` is uncached, and ``output`` has the reasoning in it."""

    input: int
    cache_read: int
    cache_write: int
    output: int

    @property
    def total(self) -> int:
        """The sum."""
        return sum(self)

    def plus(self, other: Counts) -> Counts:
        """Component by component."""
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


NOTHING: Final = Counts(0, 0, 0, 0)


class Told(NamedTuple):
    """What one row tells of one model."""

    period: str
    agents: tuple[str, ...]
    """Those that the row is of, sorted; empty where it does not say."""
    model: str
    counts: Counts
    nano_usd: int | None
    """As the report has it; None where it has none for the model alone."""


class Report(msgspec.Struct, frozen=True):
    """One report."""

    view: View
    cells: Mapping[tuple[str, str], Counts]
    """By period (or session) and model."""
    agents: frozenset[str] = frozenset()
    """Those that it read, where it says so."""
    told: tuple[Told, ...] = ()
    """The same, row by row."""


class NotAReport(Exception):  # noqa: N818
    """The bytes are no such report; the message says why."""


_COUNT = int


class _Tokens(msgspec.Struct):
    input_tokens: int = msgspec.field(default=0, name="inputTokens")
    cache_read_tokens: int = msgspec.field(default=0, name="cacheReadTokens")
    cached_input_tokens: int = msgspec.field(default=0, name="cachedInputTokens")
    cache_creation_tokens: int = msgspec.field(default=0, name="cacheCreationTokens")
    output_tokens: int = msgspec.field(default=0, name="outputTokens")


class _Breakdown(_Tokens):
    model_name: str = msgspec.field(default="", name="modelName")
    cost: msgspec.Raw = msgspec.Raw(b"null")


class _Meta(msgspec.Struct):
    agents: list[str] = []


class _Row(msgspec.Struct):
    period: str | None = None
    date: str | None = None
    week: str | None = None
    month: str | None = None
    session_id: str | None = msgspec.field(default=None, name="sessionId")
    agent: str | None = None
    breakdowns: list[_Breakdown] = msgspec.field(default_factory=list, name="modelBreakdowns")
    models: msgspec.Raw = msgspec.Raw(b"null")
    metadata: _Meta = msgspec.field(default_factory=_Meta)

    @property
    def name(self) -> str | None:
        """What the row is of."""
        return next((it for it in (self.period, self.date, self.week, self.month, self.session_id) if it), None)


class _Document(msgspec.Struct):
    daily: list[_Row] | None = None
    weekly: list[_Row] | None = None
    monthly: list[_Row] | None = None
    session: list[_Row] | None = None
    sessions: list[_Row] | None = None
    blocks: msgspec.Raw = msgspec.Raw(b"null")


_document: Final = msgspec.json.Decoder(_Document).decode
_by_model: Final = msgspec.json.Decoder(dict[str, _Tokens]).decode


def report_of(raw: bytes) -> Report:
    """The report in a file's bytes.

    Raises:
        NotAReport: they are no JSON, another shape, or a view that tells no models.

    """
    try:
        document = _document(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        message = f"it is no report of ccusage: {error}"
        raise NotAReport(message) from error
    views = {
        View.DAILY: document.daily,
        View.WEEKLY: document.weekly,
        View.MONTHLY: document.monthly,
        View.SESSION: document.session if document.session is not None else document.sessions,
    }
    for view, rows in views.items():
        if rows is not None:
            return _report(view, rows)
    if bytes(document.blocks) != b"null":
        message = "blocks tell no models; give a daily, weekly, monthly or session report"
        raise NotAReport(message)
    message = "it has neither daily, weekly, monthly nor session rows"
    raise NotAReport(message)


def _report(view: View, rows: list[_Row]) -> Report:
    told = [one for row in rows for one in _told(row)]
    cells: dict[tuple[str, str], Counts] = {}
    for one in told:
        key = (one.period, one.model)
        cells[key] = cells.get(key, NOTHING).plus(one.counts)
    agents = frozenset(agent for row in rows for agent in _agents(row))
    return Report(view, cells, agents, tuple(told))


def _agents(row: _Row) -> tuple[str, ...]:
    own = () if row.agent in {None, "all"} else (str(row.agent),)
    return tuple(sorted({*own, *row.metadata.agents}))


def _told(row: _Row) -> Iterator[Told]:
    if row.name is None:
        message = "a row says neither its date nor its session"
        raise NotAReport(message)
    for model, counts, cost in _models(row):
        yield Told(row.name, _agents(row), model, counts, cost)


def _models(row: _Row) -> Iterator[tuple[str, Counts, int | None]]:
    if row.breakdowns:
        for one in row.breakdowns:
            yield one.model_name, _counts(one), _nano(bytes(one.cost))
        return
    try:
        by_name = _by_model(row.models)
    except (msgspec.MsgspecError, ValueError) as error:
        message = f"a row does not tell its models apart: {error}"
        raise NotAReport(message) from error
    for name, tokens in by_name.items():
        yield name, _counts(tokens), None


def _nano(told: bytes) -> int | None:
    """US dollars as a JSON number, in billionths, rounded half to even."""
    try:
        return int((Decimal(told.decode("ascii")) * NANO).to_integral_value(ROUND_HALF_EVEN))
    except (ArithmeticError, ValueError, UnicodeDecodeError):
        return None


def _counts(tokens: _Tokens) -> Counts:
    """Older reports of Codex have the cached input inside the input, and name it otherwise."""
    cached = tokens.cached_input_tokens
    fresh = max(tokens.input_tokens - cached, 0) if cached else tokens.input_tokens
    return Counts(fresh, tokens.cache_read_tokens + cached, tokens.cache_creation_tokens, tokens.output_tokens)
