"""The state and one goal as text for a terminal or a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.cli.render import line, table
from tallybook.domain.budgets import budgets_of
from tallybook.domain.goal_costs import costs_of
from tallybook.domain.money import dollars as budget_dollars
from tallybook.domain.relations import chain_of, synthesis_of
from tallybook.reports.budgets import spent
from tallybook.reports.costs import dollars, priced_dollars
from tallybook.reports.words import NOTHING, attempt_status, breakdown, counted, measure

if TYPE_CHECKING:
    from tallybook.domain.goal import Goal
    from tallybook.domain.money import Cost
    from tallybook.usecases.show import View

_NUMBERS: Final = frozenset({"tokens", "input", "cache read", "cache write", "output"})


def show_state(view: View) -> None:
    """The worktree's state, all goals, and what belongs to none."""
    data, workflow = view.data, view.workflow()
    message = f": {workflow.say}" if workflow.say else ""
    line(f"workflow  {workflow.state}{message}")
    if workflow.hint:
        line(f"          {workflow.hint}")
    if workflow.unpublished:
        line(f"ledger    {counted(workflow.unpublished, 'event')} on this machine alone")
    goals = data.goals
    if goals:
        rows, measures = [], data.accounts.measures
        for goal in goals:
            usage = measures[goal.id]
            tokens = NOTHING if usage.tokens is None else f"{usage.tokens.total:,}"
            here = "here" if goal.id in workflow.open else ""
            rows.append((goal.id, str(goal.status), goal.kind, tokens, str(usage.quality), here, goal.title))
        table(("goal", "status", "kind", "tokens", "quality", "open", "title"), rows, _NUMBERS)
    else:
        line("no goals yet")
    line(f"remainder     {data.accounts.remainder_tokens.total:,} tokens in sessions that goals touched, in no goal")
    if data.unattributed is not None:
        line(f"unattributed  {data.unattributed.total:,} tokens in the rest of the history, as it was last read")


def show_goal(view: View, goal: Goal) -> None:
    """One goal in full."""
    usage = view.data.accounts.goals[goal.id]
    costs = costs_of(view.data.state, goal.id, usage, view.data.price_of)
    line(f"goal      {goal.id}  {goal.title}")
    outcome = goal.outcome
    fit = "" if outcome is None or outcome.result_fit is None else f", {outcome.result_fit}"
    reason = "" if outcome is None or outcome.failure_reason is None else f", {outcome.failure_reason}"
    line(f"status    {goal.status}{fit}{reason}  ({goal.kind})")
    line(f"time      {goal.started_at} to {'now' if outcome is None else outcome.finished_at}")
    line(f"tokens    {measure(usage.measure)}")
    if usage.measure.tokens is not None:
        line(f"          {breakdown(usage.measure.tokens)}")
    if usage.own is not None and usage.subtree is not None and usage.subtree.total:
        line(f"          self {usage.own.total:,}, child sessions {usage.subtree.total:,}")
    line(f"cost      {priced_dollars(costs.total)}")
    for model, tokens in usage.by_model:
        line(f"model     {model}  {tokens.total:,}{_money(costs.by_model[model])}")
    for share in usage.sessions:
        used = f"{share.tokens.total:,}" if share.measured else NOTHING
        line(f"session   {share.key.agent} {share.key.session}  {used}")
    for attempt, cost in zip(usage.attempts, costs.attempts, strict=True):
        ended = attempt.attempt.outcome
        word = None if ended is None else ended.failure_reason
        what = f"{attempt.attempt.number}  {word or attempt_status(goal, attempt)}"
        line(f"attempt   {what}  {measure(attempt.measure)}{_money(cost)}")
    for stage, cost in zip(usage.stages, costs.stages, strict=True):
        name = "(unmarked)" if stage.name is None else stage.name
        line(f"stage     {stage.attempt}.{name}  {measure(stage.measure)}{_money(cost)}")
    _show_beside(view, goal)
    for name, texts in (("refs", goal.refs), ("notes", (goal.notes,) if goal.notes else ())):
        for text in texts:
            line(f"{name:<10}{text}")


def _money(cost: Cost | None) -> str:
    return "" if cost is None else f"  {dollars(cost)} USD"


def _show_beside(view: View, goal: Goal) -> None:
    """Numbers by hand, budgets, and the sums with other goals."""
    state, usages = view.data.state, view.data.accounts.goals
    for share in usages[goal.id].manual:
        use = "stands for it" if share.counts else "kept beside what was captured"
        line(f"by hand   {share.usage.tokens.total:,} tokens, {use}")
    if goal.backfill is not None:
        for key, evidence in goal.backfill.sessions:
            line(f"backfill  {key.agent} {key.session}, by {evidence}")
    for budget in budgets_of(state, goal.id, usages[goal.id], view.data.price_of):
        stage = "" if budget.stage is None else f"  stage {budget.stage}"
        tokens = "" if budget.tokens is None else f"  {budget.used_tokens or 0:,} of {budget.tokens:,} tokens"
        money = "" if budget.nano_usd is None else f"  {spent(budget)} of {budget_dollars(budget.nano_usd)} USD"
        line(f"budget  {stage}{tokens}{money}")
    if goal.claims is not None:
        counts = ((goal.claims.extracted, "extracted"), (goal.claims.updated, "updated"))
        line(f"claims    {', '.join(f'{count:,} {word}' for count, word in counts if count is not None)}")
    chain, synthesis = chain_of(state, goal), synthesis_of(state, goal)
    if chain is not None:
        line(f"chain     {' > '.join(chain.goals)}  {measure(chain.measure)}")
    if synthesis is not None:
        for one in synthesis.inputs:
            through = "" if one.direct else "  (through another input)"
            line(f"input     {one.goal}  {state.goals[one.goal].title}  {measure(one.measure)}{through}")
        for source in synthesis.sources:
            line(f"source    {source}")
        line(f"          with all inputs {measure(synthesis.end_to_end)}")
