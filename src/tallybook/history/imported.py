"""Sums that another tool has told of logs which may be gone by now: kept apart, and never added where logs tell.

A sum is by period and model, of one agent or of several that its report does not tell apart. It stands for what is
gone only where neither the history nor a finer sum tells of that model in that period: what is there in part is shown
beside, and nothing is guessed of the rest.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.domain.tokens import TokenVector
from tallybook.history.ccusage import Counts, Report, View
from tallybook.history.names import stored_text
from tallybook.history.usage import Query, usage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from tallybook.history.ccusage import Told
    from tallybook.history.store import Store
    from tallybook.history.zones import Zone

VIEWS: Final = (View.DAILY, View.WEEKLY, View.MONTHLY)
"""Those that can be taken, the finest first."""
TOOL: Final = "ccusage"
_MOST: Final = 2**53
_MOST_NANO: Final = 10**18
"""A billion US dollars."""
_ADD: Final = """INSERT INTO imported VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET input = excluded.input, cache_read = excluded.cache_read, cache_write = excluded.cache_write,
    output = excluded.output, nano_usd = excluded.nano_usd, report = excluded.report
WHERE excluded.input + excluded.cache_read + excluded.cache_write + excluded.output
    > input + cache_read + cache_write + output"""


class Taken(msgspec.Struct, frozen=True):
    """What became of the sums of one report."""

    new: int
    grown: int
    """Known, and told with more tokens now."""
    known: int
    """Told with as many or more before."""
    refused: tuple[str, ...]
    """Why sums were left out, each reason with the period and the model."""


class Standing(StrEnum):
    """Whether a sum stands for something that the history does not have."""

    GONE = "gone"
    """Nothing else tells of that model in that period."""
    HERE = "here"
    """The history has as much or more."""
    PARTLY = "partly"
    """The history has less: which part is missing is not known."""
    FINER = "finer"
    """Sums of shorter periods tell of it."""


class ImportedSum(msgspec.Struct, frozen=True):
    """One sum, and how it stands to the history."""

    view: View
    period: str
    begin: str
    """The first day, YYYY-MM-DD."""
    end: str
    """The day after the last one."""
    agents: tuple[str, ...]
    model: str
    tokens: TokenVector
    nano_usd: int | None
    standing: Standing

    @property
    def agent(self) -> str | None:
        """The one agent that it is of; None for several, and where nothing says it."""
        return self.agents[0] if len(self.agents) == 1 else None


class _Span(msgspec.Struct, frozen=True):
    begin: date
    end: date


def take(connection: sqlite3.Connection, report: Report, digest: str) -> Taken:
    """Keep the sums of a report, of each the largest that was ever told; ``digest`` stands for the file."""
    refused: list[str] = []
    rows: dict[tuple[str, ...], tuple[Counts, int | None]] = {}
    for one in report.told:
        why = _fault(report.view, one)
        if why is not None:
            refused.append(f"{one.period} {one.model}: {why}")
            continue
        key = (report.view.value, one.period, ",".join(one.agents), stored_text(one.model))
        before, cost = rows.get(key, (Counts(0, 0, 0, 0), 0))
        more = None if cost is None or one.nano_usd is None else cost + one.nano_usd
        rows[key] = (before.plus(one.counts), more)
    for name, why in [(name, why) for name, sums in rows.items() if (why := _too_much(*sums)) is not None]:
        del rows[name]
        refused.append(f"{name[1]} {name[3]}: {why}")
    known = {tuple(row[:4]): sum(row[4:8]) for row in connection.execute("SELECT * FROM imported")}
    connection.executemany(_ADD, [(*key, *counts, cost, digest) for key, (counts, cost) in rows.items()])
    grown = sum(1 for key, (counts, _) in rows.items() if key in known and counts.total > known[key])
    new = sum(1 for key in rows if key not in known)
    return Taken(new, grown, len(rows) - new - grown, tuple(refused))


def _fault(view: View, one: Told) -> str | None:
    if view not in VIEWS:
        return "a report by session tells no days"
    if _span(view, one.period) is None:
        return "the period is no date"
    if not one.model or len(one.model) > 200:  # noqa: PLR2004
        return "there is no model"
    if min(one.counts) < 0 or (one.nano_usd or 0) < 0:
        return "no model can have used or cost less than nothing"
    return _too_much(one.counts, one.nano_usd)


def _too_much(counts: Counts, nano_usd: int | None) -> str | None:
    if max(counts) > _MOST:
        return "no model can have used so many tokens"
    return "no model can have cost so much" if (nano_usd or 0) > _MOST_NANO else None


def _span(view: View, period: str) -> _Span | None:
    """The days of a period: of a week from its first day on, of a month by its number."""
    try:
        begin = date.fromisoformat(f"{period}-01" if view is View.MONTHLY else period)
    except ValueError:
        return None
    if begin.isoformat()[: len(period)] != period:
        return None  # the same day written otherwise would be another sum
    if view is View.MONTHLY:
        after = date(begin.year + begin.month // 12, begin.month % 12 + 1, 1) if begin.year < date.max.year else None
    else:
        after = begin + timedelta(days=7 if view is View.WEEKLY else 1) if begin.year < date.max.year else None
    return None if after is None else _Span(begin, after)


def imported_sums(store: Store, zone: Zone) -> tuple[ImportedSum, ...]:
    """All sums that were taken, by period, agents and model, each with its standing; days are those of ``zone``."""
    rows = store.rows("SELECT * FROM imported")
    if not rows:
        return ()
    logged = _Logged(store, zone)
    finer: list[tuple[_Span, set[str], str]] = []
    found: list[ImportedSum] = []
    for view, period, agents, model, *counts, cost, _ in sorted(rows, key=_fineness):
        span = _span(View(view), period)
        if span is None:
            continue
        names = tuple(agents.split(",")) if agents else ()
        told = Counts(*counts)
        own = logged.of(span, names, model)
        if own:
            standing = Standing.HERE if own >= told.total else Standing.PARTLY
        elif any(
            _within(other, span) and name == model and (not of or not names or of & set(names))
            for other, of, name in finer
        ):
            standing = Standing.FINER
        else:
            standing = Standing.GONE
        finer.append((span, set(names), model))
        tokens = TokenVector(told.input, told.cache_read, 0, 0, told.cache_write, told.output, 0)
        days = (span.begin.isoformat(), span.end.isoformat())
        found.append(ImportedSum(View(view), period, *days, names, model, tokens, cost, standing))
    return tuple(sorted(found, key=lambda one: (one.begin, one.end, one.agents, one.model)))


def _fineness(row: tuple[Any, ...]) -> tuple[object, ...]:
    """What tells more of where its tokens belong comes first: shorter periods, then fewer agents."""
    view, period, agents, model, *_ = row
    return VIEWS.index(View(view)), not agents, agents.count(","), period, agents, model


def _within(inner: _Span, outer: _Span) -> bool:
    """Whether the two have a day in common."""
    return inner.begin < outer.end and outer.begin < inner.end


class _Logged:
    """What the history has by day, agent and model."""

    def __init__(self, store: Store, zone: Zone) -> None:
        self._of: dict[str, list[tuple[str, str, int]]] = {}
        for row in usage(store, Query(("day", "agent", "model"), zone)).rows:
            day, agent, model = row.key
            if day is not None and row.tokens is not None:
                self._of.setdefault(model or "", []).append((day, agent or "", row.tokens.total))

    def of(self, span: _Span, agents: Iterable[str], model: str) -> int:
        """The tokens of a model within a period, of these agents or of all."""
        return sum(self._parts(span, set(agents), model))

    def _parts(self, span: _Span, agents: set[str], model: str) -> Iterator[int]:
        begin, end = span.begin.isoformat(), span.end.isoformat()
        for day, agent, total in self._of.get(model, ()):
            if begin <= day < end and (not agents or agent in agents):
                yield total
