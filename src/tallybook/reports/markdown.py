"""The report in Markdown: the same ledger gives the same bytes, and every number stands with its quality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tallybook.domain.figures import UNKNOWN_MODEL
from tallybook.domain.goal import KINDS
from tallybook.domain.goal_costs import GoalCosts, costs_of, remainder_cost
from tallybook.domain.money import total_cost
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import ZERO
from tallybook.domain.usage import merge_classes
from tallybook.reports.costs import dollars, priced_dollars, share, unpriced_lines
from tallybook.reports.escape import markdown as escape
from tallybook.reports.markdown_beside import beside
from tallybook.reports.markdown_table import TOKEN_HEAD, number, priced, table, tokens_of
from tallybook.reports.model import ReportData, advice, outcome_mix
from tallybook.reports.words import NOTHING, attempt_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.domain.goal import Goal
    from tallybook.domain.money import Cost


Costs = Mapping[str, GoalCosts]
"""By goal id."""


def render(data: ReportData) -> str:
    """The whole report, ending in one newline."""
    costs = {goal.id: costs_of(data.state, goal.id, data.accounts.goals[goal.id], data.price_of) for goal in data.goals}
    sections = (
        _head(data),
        _product_quality(data),
        _advice(data),
        _summary(data, costs),
        _by_model(data, costs),
        _by_kind(data),
        _failure_reasons(data),
        _goal_log(data, costs),
        _attempt_log(data, costs),
        *beside(data),
        _remainder(data),
        _problems(data),
    )
    return "\n".join(line for section in sections for line in section)


def _head(data: ReportData) -> Iterator[str]:
    yield "# Work done by agents\n"
    yield (
        f"{data.state.events} events, {len(data.goals)} goals. Tokens are those that agents logged; "
        f"{NOTHING} stands for a number that nobody measured, which is not 0.\n"
    )


def _product_quality(data: ReportData) -> Iterator[str]:
    mix = outcome_mix([goal for goal in data.goals if goal.kind == "product"])
    yield "## Product quality\n"
    yield from table(
        ("product goals", "successful of those ended", "exact fit", "partial fit", "miss", "attempts"),
        [
            (
                number(mix.goals),
                mix.success_share,
                number(mix.fits["exact_fit"]),
                number(mix.fits["partial_fit"]),
                number(mix.fits["miss"]),
                number(mix.attempts),
            )
        ]
        if mix.goals
        else [],
        "No product goals.",
    )


def _advice(data: ReportData) -> Iterator[str]:
    yield "## What to do next\n"
    lines = [f"- {escape(line)}" for line in advice(data)]
    yield from lines or ["Nothing."]
    yield ""


def _summary(data: ReportData, costs: Costs) -> Iterator[str]:
    usages = [data.accounts.goals[goal.id] for goal in data.goals]
    known = [usage.captured.tokens for usage in usages if usage.captured.tokens is not None]
    yield "## Summary\n"
    shown = number(sum(tokens.total for tokens in known)) if known else NOTHING
    yield f"- Goals: {shown} tokens in {len(known)} of {len(usages)} goals that were measured."
    by_hand = [share.usage.tokens.total for usage in usages for share in usage.manual if share.counts]
    if by_hand:
        yield f"- By hand: {number(sum(by_hand))} tokens told for {len(by_hand)} that were not; in no counter."
    yield f"- Remainder (sessions that goals touched, no goal): {number(data.accounts.remainder_tokens.total)} tokens."
    if data.unattributed is None:
        yield f"- Unattributed (the rest of the history): {NOTHING}, no history was read."
    else:
        yield f"- Unattributed (the rest of the history as last read): {number(data.unattributed.total)} tokens."
    yield f"- Counter: {number(data.accounts.counter.total)} tokens, equal to goals and remainder together."
    yield from _cost_lines(data, costs)
    yield ""


def _cost_lines(data: ReportData, costs: Costs) -> Iterator[str]:
    known = [cost.total for cost in costs.values() if cost.total is not None]
    whole = total_cost(known)
    if known:
        yield f"- Cost of goals: {escape(priced_dollars(whole))}, at the prices of {escape(data.book or 'no book')}."
    rest = remainder_cost(data.state, data.price_of)
    if rest.tokens:
        yield f"- Cost of the remainder: {escape(priced_dollars(rest))}."
    yield from (f"- {escape(line[0].upper() + line[1:])}." for line in unpriced_lines(whole + rest))


def _by_model(data: ReportData, costs: Costs) -> Iterator[str]:
    yield "## By model\n"
    classes = merge_classes(usage for goal in data.accounts.goals.values() for usage in goal.classes)
    models = sorted({usage.price_class.model for usage in classes})
    rows = []
    for model in models:
        mine = [usage for usage in classes if usage.price_class.model == model]
        tokens = sum((usage.tokens for usage in mine), ZERO)
        cost = total_cost(one.by_model[model] for one in costs.values() if model in one.by_model)
        count = number(sum(usage.responses for usage in mine))
        rows.append((escape(model), count, *tokens_of(tokens), dollars(cost), share(cost.share)))
    rows.extend(
        (f"{escape(it.usage.model or UNKNOWN_MODEL)} *by hand*", NOTHING, *tokens_of(it.usage.tokens), NOTHING, "0")
        for goal in data.goals
        for it in data.accounts.goals[goal.id].manual
        if it.counts
    )
    yield from table(("model", "responses", *TOKEN_HEAD, "USD", "priced"), rows, "No goal has measured usage.")


def _by_kind(data: ReportData) -> Iterator[str]:
    yield "## By kind\n"
    rows = []
    for kind in KINDS:
        goals = [goal for goal in data.goals if goal.kind == kind]
        if goals:
            mix = outcome_mix(goals)
            known = [data.accounts.goals[goal.id].measure.tokens for goal in goals]
            total = sum(tokens.total for tokens in known if tokens is not None)
            counts = (mix.goals, mix.open, mix.success, mix.fail, mix.other, mix.attempts)
            shown = number(total) if any(tokens is not None for tokens in known) else NOTHING
            rows.append((kind, *(number(count) for count in counts), shown))
    head = ("kind", "goals", "open", "success", "fail", "superseded or merged", "attempts", "tokens")
    yield from table(head, rows, "No goals.")


def _failure_reasons(data: ReportData) -> Iterator[str]:
    yield "## Failure reasons\n"
    reasons = outcome_mix(data.goals).reasons
    rows = [(escape(reason), number(count)) for reason, count in sorted(reasons.items())]
    yield from table(("reason", "attempts"), rows, "No attempt failed.")


def _goal_log(data: ReportData, costs: Costs) -> Iterator[str]:
    yield "## Goals\n"
    rows = [_goal_row(data, goal, costs[goal.id].total) for goal in data.goals]
    head = ("goal", "title", "kind", "status", "fit", "started", "finished", *TOKEN_HEAD, "USD", "quality")
    yield from table(head, rows, "No goals.")


def _goal_row(data: ReportData, goal: Goal, cost: Cost | None) -> tuple[str, ...]:
    outcome = goal.outcome
    return (
        goal.id,
        escape(goal.title),
        escape(goal.kind),
        str(goal.status),
        NOTHING if outcome is None or outcome.result_fit is None else escape(outcome.result_fit),
        escape(goal.started_at),
        NOTHING if outcome is None else escape(outcome.finished_at),
        *priced(data.accounts.goals[goal.id].measure, cost),
    )


def _attempt_log(data: ReportData, costs: Costs) -> Iterator[str]:
    yield "## Attempts and stages\n"
    rows = []
    for goal in data.goals:
        usage = data.accounts.goals[goal.id]
        of_stages = list(zip(usage.stages, costs[goal.id].stages, strict=True))
        for attempt, cost in zip(usage.attempts, costs[goal.id].attempts, strict=True):
            outcome = attempt.attempt.outcome
            reason = None if outcome is None else outcome.failure_reason
            ended = escape(reason or attempt_status(goal, attempt))
            number = str(attempt.attempt.number)
            rows.append((goal.id, number, "*all*", ended, *priced(attempt.measure, cost)))
            place = (attempt.goal, int(number))
            stages = [(stage, cost) for stage, cost in of_stages if (stage.goal, stage.attempt) == place]
            for stage, of_stage in stages if len(usage.stages) > len(usage.attempts) else ():
                name = "*unmarked*" if stage.name is None else escape(stage.name)
                rows.append((goal.id, number, name, "", *priced(stage.measure, of_stage)))
    yield from table(("goal", "attempt", "stage", "ended", *TOKEN_HEAD, "USD", "quality"), rows, "No attempts.")


def _remainder(data: ReportData) -> Iterator[str]:
    yield "## Remainder by session\n"
    rows = [
        (escape(share.key.agent), escape(share.key.session), *tokens_of(share.tokens))
        for share in data.accounts.remainder
        if share.tokens != ZERO
    ]
    yield from table(("agent", "session", *TOKEN_HEAD), rows, "No usage was left over.")


def _problems(data: ReportData) -> Iterator[str]:
    if data.problems:
        yield "## Problems\n"
        yield from (f"- {escape(problem.code)}: {escape(problem.message)}" for problem in data.problems)
        yield ""
    if any(usage.measure.quality is not Quality.EXACT for usage in data.accounts.goals.values()):
        yield (
            "Quality: exact (equal to the log), lower_bound (at least), estimated (by rule), "
            "unverified (owner not proved), unmeasured (no number).\n"
        )
