"""Two ways of counting side by side, as they are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.cli.render import document, line, say, table, warn
from tallybook.reports import contract
from tallybook.reports.reconcile import NUMBERS, cells, own_json, own_row, reconciled_json
from tallybook.reports.reconcile_money import HEAD, money_cells, priced_json, total_line
from tallybook.reports.reconcile_money import NUMBERS as MONEY
from tallybook.reports.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.reports.vectors import Json
    from tallybook.usecases.reconcile import Comparison, OwnComparison

_REPORT: Final = ("period", "model", *NUMBERS, "cause")
_AGENTS: Final = ("agent", "session", "counter", "model", *NUMBERS, "cause")


def show_report(done: Comparison, *, json: bool) -> int:
    """Print a comparison with a report; how many cells are unexplained, in tokens or in money."""
    found, money = done.found, done.priced
    if json:
        content = {**reconciled_json(found), "money": priced_json(money, found.view, done.book)}
        document("reconcile", {**content, "problems": contract.problems(done.problems)})
    else:
        _rows(_REPORT, [cells(cell) for cell in found.cells])
        line(f"{found.equal:,} equal, {len(found.cells):,} different, {found.unexplained:,} of them unexplained")
        line(f"in all {found.ours.total:,} tokens, in the report {found.theirs.total:,}")
        if money.cells:
            table(HEAD, [money_cells(cell) for cell in money.cells], MONEY)
        compared = money.equal + len(money.cells)
        if compared:
            line(f"costs: {money.equal:,} equal, {len(money.cells):,} different, {money.unexplained:,} unexplained")
            line(total_line(money, done.book))
        if money.left_out:
            say(f"{money.left_out:,} without a comparison of costs: other tokens, or none told in the report")
    warn(done.problems)
    return found.unexplained + money.unexplained


def show_agents(done: OwnComparison, *, json: bool) -> int:
    """Print a comparison with agents' own counters; how many of these are unexplained."""
    found = done.found
    if json:
        content: dict[str, Json] = {**own_json(found), "problems": contract.problems(done.problems)}
        document("reconcile", content)
    else:
        _rows(_AGENTS, [own_row(cell) for cell in found.cells])
        line(f"{found.equal:,} equal, {len(found.cells):,} different, {found.unexplained:,} of them unexplained")
        line(f"in all {found.ours.total:,} tokens, by the agents' own counters {found.theirs.total:,}")
        if found.unitemised:
            rest = sum(one.tokens.total for one in found.unitemised)
            sessions = counted(len({one.session for one in found.unitemised}), "session")
            line(f"recorded but not itemised: {rest:,} tokens in {sessions}, in no sum of responses")
    warn(done.problems)
    return found.unexplained


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        table(head, rows, frozenset(NUMBERS))
