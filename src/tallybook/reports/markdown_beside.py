"""Sections of the report for what stands beside the goals' own tokens; one that has nothing to say is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.budgets import budgets_of
from tallybook.domain.relations import chain_of, synthesis_of
from tallybook.reports.budgets import AMOUNTS, amounts
from tallybook.reports.escape import markdown as escape
from tallybook.reports.markdown_table import TOKEN_HEAD, measured, number, table
from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.reports.model import ReportData


def beside(data: ReportData) -> tuple[Iterator[str], ...]:
    """Checks, syntheses, chains and budgets."""
    return (_checks(data), _syntheses(data), _chains(data), _budgets(data))


def _section(title: str, intro: str, head: Iterable[str], rows: list[tuple[str, ...]]) -> Iterator[str]:
    if rows:
        yield f"## {title}\n"
        if intro:
            yield f"{intro}\n"
        yield from table(head, rows, "")


def _checks(data: ReportData) -> Iterator[str]:
    rows = []
    for goal in data.goals:
        if goal.kind == "check":
            claims = (None, None) if goal.claims is None else (goal.claims.extracted, goal.claims.updated)
            numbers = tuple(NOTHING if one is None else number(one) for one in (goal.pass_number, *claims))
            measure = data.accounts.goals[goal.id].measure
            rows.append((escape(goal.source_id or NOTHING), *numbers, goal.id, str(goal.status), *measured(measure)))
    head = ("source", "pass", "claims extracted", "claims updated", "check", "status", *TOKEN_HEAD, "quality")
    yield from _section("Checks", "", head, rows)


def _syntheses(data: ReportData) -> Iterator[str]:
    rows: list[tuple[str, ...]] = []
    for goal in data.goals:
        found = synthesis_of(data.state, goal)
        if found is None:
            continue
        nothing = (NOTHING,) * (len(TOKEN_HEAD) + 1)
        rows.append((goal.id, "*own*", escape(goal.title), *measured(found.own)))
        for one in found.inputs:
            what = "input" if one.direct else "input of an input"
            title = escape(data.state.goals[one.goal].title)
            rows.append((goal.id, f"{what} {one.goal}", title, *measured(one.measure)))
        rows.extend((goal.id, "source", escape(source), *nothing) for source in found.sources)
        rows.append((goal.id, "*end to end*", "", *measured(found.end_to_end)))
    intro = "What went into a goal. An input that several ways lead to counts once; these sums are in no total."
    yield from _section("Syntheses", intro, ("goal", "part", "title", *TOKEN_HEAD, "quality"), rows)


def _chains(data: ReportData) -> Iterator[str]:
    found = ((goal, chain_of(data.state, goal)) for goal in data.goals if goal.superseded_by is None)
    rows = [
        (goal.id, escape(goal.title), ", ".join(chain.goals[:-1]), *measured(chain.measure))
        for goal, chain in found
        if chain is not None
    ]
    intro = "A goal with all that it replaces; these sums are in no total."
    yield from _section("Chains", intro, ("goal", "title", "replaces", *TOKEN_HEAD, "quality"), rows)


def _budgets(data: ReportData) -> Iterator[str]:
    rows = []
    for goal in data.goals:
        for budget in budgets_of(data.state, goal.id, data.accounts.goals[goal.id], data.price_of):
            stage = "*all*" if budget.stage is None else escape(budget.stage)
            rows.append((goal.id, escape(goal.title), stage, *amounts(budget)))
    yield from _section("Budgets", "", ("goal", "title", "stage", *AMOUNTS), rows)
