"""Puts our sums beside those of another tool's report, cell by cell, and says where each difference comes from."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.history.ccusage import NOTHING, Counts, Report, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.history.usage_rows import UsageRow

EQUAL: Final = "equal"
UNEXPLAINED: Final = "unexplained"
NOT_THERE: Final = "not in the report"
NOT_HERE: Final = "not in the history: were those logs deleted, or are they elsewhere?"
_OPEN: Final = (NOT_THERE, NOT_HERE, UNEXPLAINED)
_BRACKETED: Final = re.compile(r"\[[a-z][a-z0-9_-]{0,31}\] (.+)", re.DOTALL)
"""How a report names a model of some agents, such as ``[pi] gpt-5``."""
_WEEK: Final = timedelta(days=7)
_ID: Final = 36
"""Length of the thread's id at the end of a rollout's name."""


class Cell(msgspec.Struct, frozen=True):
    """One period (or session) and model, counted twice."""

    period: str
    model: str
    ours: Counts
    theirs: Counts
    cause: str
    other: str | None = None
    """The model that the report has counted these tokens as, or has had them of."""
    reasoning: int = 0
    """Of our output."""

    @property
    def difference(self) -> Counts:
        """Ours less theirs."""
        return Counts(*(a - b for a, b in zip(self.ours, self.theirs, strict=True)))


class Reconciled(msgspec.Struct, frozen=True):
    """Both sums side by side."""

    view: View
    cells: tuple[Cell, ...]
    """Those that differ first to last; ``equal`` more are the same in both."""
    equal: int
    ours: Counts
    theirs: Counts

    @property
    def unexplained(self) -> int:
        """How many cells differ for no known reason."""
        return sum(cell.cause == UNEXPLAINED for cell in self.cells)


def dimensions(view: View) -> tuple[str, ...]:
    """What our sums must be by to be compared."""
    return ("session" if view is View.SESSION else "day", "model", "agent")


def compared(report: Report, rows: Iterable[UsageRow]) -> Reconciled:
    """Compare a report with our sums by its ``dimensions``."""
    names = Names(report)
    ours: dict[tuple[str, str], list[UsageRow]] = {}
    for row in rows:
        period, model, agent = row.key
        if not report.agents or agent in report.agents:
            ours.setdefault((names.of(period or ""), model or ""), []).append(row)
    keys = sorted(ours.keys() | report.cells.keys())
    cells = [_cell(key, ours.get(key, []), report.cells.get(key)) for key in keys]
    explained = _across_models(_across_periods(cells))
    return Reconciled(
        report.view,
        tuple(cell for cell in explained if cell.cause != EQUAL),
        sum(cell.cause == EQUAL for cell in explained),
        _sum(cell.ours for cell in cells),
        _sum(cell.theirs for cell in cells),
    )


class Names:
    """What the report calls a day or a session of ours."""

    def __init__(self, report: Report) -> None:
        self._view = report.view
        names = {period for period, _ in report.cells}
        self._weeks = sorted(_days(names)) if report.view is View.WEEKLY else []
        self._sessions = {name.rpartition("/")[2].removesuffix(".jsonl")[-_ID:]: name for name in names}

    def of(self, period: str) -> str:
        """The name that the report has for it."""
        if self._view is View.MONTHLY:
            return period[:7]
        if self._view is View.SESSION:
            return self._sessions.get(period[-_ID:]) or self._sessions.get(period.partition("/")[0], period)
        if self._view is View.WEEKLY:
            day = date.fromisoformat(period)
            begins = self._weeks[0] if self._weeks else day
            return (day - (day - begins) % _WEEK).isoformat()
        return period


def _days(names: Iterable[str]) -> Iterator[date]:
    for name in names:
        try:
            yield date.fromisoformat(name)
        except ValueError:
            continue


def _cell(key: tuple[str, str], rows: list[UsageRow], theirs: Counts | None) -> Cell:
    vectors = [row.tokens for row in rows if row.tokens is not None]
    ours = _sum(Counts(it.input, it.cache_read, it.cache_write, it.output) for it in vectors)
    other = theirs or NOTHING
    reasoning = sum(it.reasoning for it in vectors)
    more = tuple(b - a for a, b in zip(ours, other, strict=True))
    if ours == other:
        cause = EQUAL
    elif theirs is None:
        cause = NOT_THERE
    elif not rows:
        cause = NOT_HERE
    elif reasoning and more == (0, 0, 0, reasoning):
        cause = "the report has added the reasoning, which is a part of the output"
    elif more[:-1] == (0, 0, 0) and -more[-1] in _reasoning_of_some(rows):
        cause = "the report has left out the reasoning, which is a part of the output"
    else:
        cause = UNEXPLAINED
    return Cell(*key, ours, other, cause, reasoning=reasoning)


def _reasoning_of_some(rows: list[UsageRow]) -> set[int]:
    """The reasoning of every choice of agents: that of some stands in the report's totals alone."""
    by_agent: dict[str | None, int] = {}
    for row in rows:
        by_agent[row.key[2]] = by_agent.get(row.key[2], 0) + (row.tokens.reasoning if row.tokens else 0)
    sums = {0}
    for reasoning in by_agent.values():
        sums |= {one + reasoning for one in sums}
    return sums - {0}


def _across_periods(cells: list[Cell]) -> list[Cell]:
    """Differences of one model that cancel each other out lie in where a day begins."""
    differing: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.cause in _OPEN:
            differing.setdefault(cell.model, []).append(cell)
    shifted = {model for model, some in differing.items() if len(some) > 1 and _is_even(some)}
    cause = "other periods have it: was the report made in another time zone?"
    return [replace(cell, cause=cause) if cell.cause in _OPEN and cell.model in shifted else cell for cell in cells]


def _is_even(cells: list[Cell]) -> bool:
    """Whether differences come to none over all periods; the report may have left out all reasoning."""
    reasoning = NOTHING._replace(output=sum(cell.reasoning for cell in cells))
    return _sum(cell.difference for cell in cells) in {NOTHING, reasoning}


def _across_models(cells: list[Cell]) -> list[Cell]:
    """Two differences of one period that cancel each other out lie in what the report calls a model."""
    open_to = [cell for cell in cells if cell.cause in _OPEN]
    found = {(cell.period, cell.model): cell for cell in cells}
    for cell in open_to:
        lacks = Counts(*(-count for count in cell.difference))
        fitting = (
            one
            for one in open_to
            if one.period == cell.period and one.difference == lacks and found[one.period, one.model].other is None
        )
        named = next(fitting, None) if cell.difference.total > 0 else None
        if named is not None:
            cause = f"the report counts tokens of {cell.model} as {named.model}"
            found[cell.period, cell.model] = replace(cell, cause=cause, other=named.model)
            found[cell.period, named.model] = replace(named, cause=cause, other=cell.model)
    for cell in open_to:
        plain = _BRACKETED.fullmatch(cell.model)
        ours = found.get((cell.period, plain[1])) if plain else None
        if ours is not None and found[cell.period, cell.model].cause == NOT_HERE and ours.cause == NOT_THERE:
            cause = f"the report counts {ours.model} as {cell.model}, and not the same tokens"
            found[cell.period, cell.model] = replace(cell, cause=cause)
            found[cell.period, ours.model] = replace(ours, cause=cause)
    return list(found.values())


def _sum(parts: Iterable[Counts]) -> Counts:
    total = NOTHING
    for part in parts:
        total = total.plus(part)
    return total
