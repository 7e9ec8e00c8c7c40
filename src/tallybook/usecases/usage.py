"""Adds up the whole history by agent, model, day or whatever else is asked for, brought up to date first."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.agents.registry import AGENTS, reader
from tallybook.clock import unix_milliseconds
from tallybook.domain.problems import Problem, Refusal
from tallybook.history.choice import Filter
from tallybook.history.store import StoreUnavailable
from tallybook.history.usage import DIMENSIONS, Query, Usage, prepare, usage
from tallybook.history.zones import LocalZone, Zone, named
from tallybook.usecases.capture import look_into
from tallybook.usecases.price_book import PriceBook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tallybook.history.imported import ImportedSum  # noqa: TC004 - nobody resolves it, and it is rarely needed
    from tallybook.history.store import Store
    from tallybook.reports.subscriptions import Apart  # noqa: TC004 - as above
    from tallybook.usecases.workspace import Workspace

DEFAULT_BY: Final = ("day",)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HERE: Final = frozenset({".", ".."})
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Request(msgspec.Struct, frozen=True):
    """What a person asks."""

    by: tuple[str, ...] = ()
    """Of ``DIMENSIONS``; one text may name several, with commas."""
    since: str | None = None
    """A date, or a time in ISO 8601: this moment and later ones."""
    until: str | None = None
    """A date that is counted whole, or a time that is not counted itself."""
    timezone: str | None = None
    agents: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    update: bool = True
    """Whether the logs are read first."""


class Gap(msgspec.Struct, frozen=True):
    """Something that an agent's logs can't hold."""

    agent: str
    what: str


class UsageAnswer(msgspec.Struct, frozen=True):
    """The sums, and what they can't tell."""

    by: tuple[str, ...]
    usage: Usage
    coverage: tuple[Gap, ...]
    problems: tuple[Problem, ...]
    imported: tuple[ImportedSum, ...] = ()
    """Sums of another tool for the days, agents and models that are asked for; in no total."""
    book: str | None = None
    """Which book the prices are from."""
    apart: Apart | None = None
    """What subscriptions cost and cover; None where none is agreed, or only a part of what agents used is asked for."""


def usage_of_history(workspace: Workspace, request: Request) -> UsageAnswer | Refusal:
    """The sums that are asked for.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    book = PriceBook(workspace)
    request = replace(request, projects=tuple(_spelled_out(workspace.cwd, request.projects)))
    query = query_of(request, book)
    return query if isinstance(query, Refusal) else answered(workspace, request, query, book)


def _spelled_out(cwd: Path, projects: tuple[str, ...]) -> Iterator[str]:
    """Names as they are; a path besides as sessions tell theirs: from the root on, without a slash at its end."""
    for project in projects:
        yield project
        if "/" in project or project in _HERE:
            yield os.path.normpath(cwd / project)


def answered(workspace: Workspace, request: Request, query: Query, book: PriceBook) -> UsageAnswer:
    """The sums that a query of the request wants, with the prices of the book.

    Raises:
        StoreUnavailable: the history can't be used.

    """

    def answer(store: Store, problems: tuple[Problem, ...]) -> UsageAnswer:
        found = usage(store, query)
        if request.update:
            with suppress(StoreUnavailable):  # the answer is the same without it
                prepare(store, query)
        imported, apart = _imported(store, query, request), _apart(workspace, store, query, book)
        unheard = () if found.total.responses or imported else tuple(_unheard(store, query))
        told = (*workspace.problems, *problems, *store.problems, *unheard)
        return UsageAnswer(query.by, found, _coverage(found), told, imported, book.version, apart)

    answered = look_into(workspace, answer, update=request.update)
    book.keep()
    return answered


def _unheard(store: Store, query: Query) -> Iterator[Problem]:
    """Names that nothing goes by at any time, where nothing was found."""
    where = query.where
    for kind, names, alone in (
        ("model", where.models, Filter(models=where.models)),
        ("project", where.projects, Filter(projects=where.projects)),
        ("session", where.sessions, Filter(sessions=where.sessions)),
    ):
        if names and not usage(store, Query((), query.zone, alone)).total.responses:
            message = f"the history has no usage of the {kind} {' or '.join(map(repr, names))}"
            yield Problem("nothing-found", message, hint=f"tally usage --by {kind} lists those that it has")


def _imported(store: Store, query: Query, request: Request) -> tuple[ImportedSum, ...]:
    """Those that can be told to belong to the question: no report of another tool tells directories."""
    if request.projects or request.sessions or not store.rows("SELECT 1 FROM imported LIMIT 1"):
        return ()
    from tallybook.history.imported import imported_sums  # noqa: PLC0415 - few have any

    models, agents = request.models, set(request.agents)
    return tuple(
        one
        for one in imported_sums(store, query.zone)
        if (not models or any(fnmatchcase(one.model, pattern) for pattern in models))
        and (not agents or (one.agents and agents.issuperset(one.agents)))
        and (query.where.since is None or _begin(one.begin, query.zone) >= query.where.since)
        and (query.where.until is None or _begin(one.end, query.zone) <= query.where.until)
    )


def _apart(workspace: Workspace, store: Store, query: Query, book: PriceBook) -> Apart | None:
    prices = book.prices()
    if isinstance(prices, Refusal) or not prices.agreed.subscriptions:
        return None
    from tallybook.usecases.subscriptions import told_apart  # noqa: PLC0415 - many have none

    now = unix_milliseconds(workspace.clock.now()) * 1000
    return told_apart(store, query, prices.agreed.subscriptions, now)


def _begin(day: str, zone: Zone) -> int:
    return _seconds(datetime.fromisoformat(day), zone) * 1_000_000


def _coverage(found: Usage) -> tuple[Gap, ...]:
    gaps: list[Gap] = []
    for agent in found.agents:
        if agent in AGENTS:
            its = reader(agent)
            gaps.extend(Gap(agent, f"{name.replace('_', ' ')} tokens: never logged") for name in its.unreported)
            gaps.extend(Gap(agent, what) for what in its.unlogged)
    return tuple(gaps)


def query_of(request: Request, book: PriceBook) -> Query | Refusal:
    """What is asked of the history, with the prices of the book."""
    asked, prices = _query(request), book.prices()
    if isinstance(asked, Refusal):
        return asked
    return prices if isinstance(prices, Refusal) else replace(asked, prices=prices)


def _query(request: Request) -> Query | Refusal:
    by = tuple(dict.fromkeys(name for text in request.by for name in text.split(",") if name)) or DEFAULT_BY
    unknown = [name for name in by if name not in DIMENSIONS]
    if unknown:
        return Refusal(
            "unknown-dimension", f"usage has no {unknown[0]!r}", f"known: {', '.join(DIMENSIONS)}", usage=True
        )
    strangers = [name for name in request.agents if name not in AGENTS]
    if strangers:
        return Refusal(
            "unknown-agent", f"there is no agent {strangers[0]!r}", f"known: {', '.join(AGENTS)}", usage=True
        )
    zone = LocalZone() if request.timezone is None else named(request.timezone)
    if zone is None:
        hint = "such as Europe/Berlin or UTC; without --timezone the local one is taken"
        return Refusal("unknown-timezone", f"there is no time zone {request.timezone!r}", hint, usage=True)
    when = period(request.since, request.until, zone)
    if isinstance(when, Refusal):
        return when
    where = Filter(when.since, when.until, request.agents, request.models, request.projects, request.sessions)
    return Query(by, zone, where)


class Period(msgspec.Struct, frozen=True):
    """A half-open stretch of time, in microseconds since the epoch, UTC; without a limit where there is None."""

    since: int | None
    until: int | None

    def has(self, at: int | None) -> bool:
        """Whether a moment lies in it; an unknown one only where there is no limit."""
        if at is None:
            return self.since is None and self.until is None
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


def period(since: str | None, until: str | None, zone: Zone) -> Period | Refusal:
    """From a date or a time on, up to the end of a date or before a time."""
    first = _moment(since, zone, end=False)
    if isinstance(first, Refusal):
        return first
    last = _moment(until, zone, end=True)
    return last if isinstance(last, Refusal) else Period(first, last)


def _moment(text: str | None, zone: Zone, *, end: bool) -> int | Refusal | None:
    """Microseconds since the epoch; of a date its begin, or with ``end`` that of the next."""
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            if end and day == date.max:
                return None  # nothing comes after the last of all days
            at = datetime.combine(day + timedelta(days=1) if end else day, time())
        else:
            at = datetime.fromisoformat(text)
    except ValueError:
        hint = "a date such as 2026-06-19, or a time such as 2026-06-19T10:00:00Z"
        return Refusal("unreadable-date", f"{text[:40]!r} is no date", hint, usage=True)
    return _seconds(at, zone) * 1_000_000 + at.microsecond


def _seconds(at: datetime, zone: Zone) -> int:
    """Since the epoch, rounded down."""
    if at.tzinfo is None:
        with suppress(ValueError, OverflowError, OSError):  # so far away that no zone tells anything of it
            return zone.instant(at)
        at = at.replace(tzinfo=UTC)
    return (at - _EPOCH) // timedelta(seconds=1)
