"""Reads a report that ccusage wrote as JSON: tokens by period and model, of any of its views that tell models."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

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


class Report(msgspec.Struct, frozen=True):
    """One report."""

    view: View
    cells: Mapping[tuple[str, str], Counts]
    """By period (or session) and model."""
    agents: frozenset[str] = frozenset()
    """Those that it read, where it says so."""


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
    cells: dict[tuple[str, str], Counts] = {}
    agents: set[str] = set()
    for row in rows:
        agents.update(row.metadata.agents)
        if row.agent not in {None, "all"}:
            agents.add(str(row.agent))
        if row.name is None:
            message = "a row says neither its date nor its session"
            raise NotAReport(message)
        for model, counts in _models(row):
            key = (row.name, model)
            cells[key] = cells.get(key, NOTHING).plus(counts)
    return Report(view, cells, frozenset(agents))


def _models(row: _Row) -> Iterator[tuple[str, Counts]]:
    if row.breakdowns:
        for one in row.breakdowns:
            yield one.model_name, _counts(one)
        return
    try:
        by_name = _by_model(row.models)
    except (msgspec.MsgspecError, ValueError) as error:
        message = f"a row does not tell its models apart: {error}"
        raise NotAReport(message) from error
    for name, tokens in by_name.items():
        yield name, _counts(tokens)


def _counts(tokens: _Tokens) -> Counts:
    """Older reports of Codex have the cached input inside the input, and name it otherwise."""
    cached = tokens.cached_input_tokens
    fresh = max(tokens.input_tokens - cached, 0) if cached else tokens.input_tokens
    return Counts(fresh, tokens.cache_read_tokens + cached, tokens.cache_creation_tokens, tokens.output_tokens)
