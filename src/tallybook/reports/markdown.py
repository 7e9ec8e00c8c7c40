"""The report in Markdown: the same ledger gives the same bytes, and every number stands with its quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.figures import UNKNOWN_MODEL
from tallybook.domain.goal import KINDS
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import ZERO
from tallybook.domain.usage import merge_classes
from tallybook.reports.escape import markdown as escape
from tallybook.reports.markdown_beside import beside
from tallybook.reports.markdown_table import TOKEN_HEAD, measured, number, table, tokens_of
from tallybook.reports.model import ReportData, advice, outcome_mix
from tallybook.reports.words import NOTHING, attempt_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.domain.goal import Goal


def render(data: ReportData) -> str:
    """The whole report, ending in one newline."""
    sections = (
        _head(data),
        _product_quality(data),
        _advice(data),
        _summary(data),
        _by_model(data),
        _by_kind(data),
        _failure_reasons(data),
        _goal_log(data),
        _attempt_log(data),
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


def _summary(data: ReportData) -> Iterator[str]:
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
    yield f"- Counter: {number(data.accounts.counter.total)} tokens, equal to goals and remainder together.\n"


def _by_model(data: ReportData) -> Iterator[str]:
    yield "## By model\n"
    classes = merge_classes(usage for goal in data.accounts.goals.values() for usage in goal.classes)
    models = sorted({usage.price_class.model for usage in classes})
    rows = []
    for model in models:
        mine = [usage for usage in classes if usage.price_class.model == model]
        tokens = sum((usage.tokens for usage in mine), ZERO)
        rows.append((escape(model), number(sum(usage.responses for usage in mine)), *tokens_of(tokens)))
    rows.extend(
        (f"{escape(share.usage.model or UNKNOWN_MODEL)} *by hand*", NOTHING, *tokens_of(share.usage.tokens))
        for goal in data.goals
        for share in data.accounts.goals[goal.id].manual
        if share.counts
    )
    yield from table(("model", "responses", *TOKEN_HEAD), rows, "No goal has measured usage.")


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


def _goal_log(data: ReportData) -> Iterator[str]:
    yield "## Goals\n"
    rows = [_goal_row(data, goal) for goal in data.goals]
    head = ("goal", "title", "kind", "status", "fit", "started", "finished", *TOKEN_HEAD, "quality")
    yield from table(head, rows, "No goals.")


def _goal_row(data: ReportData, goal: Goal) -> tuple[str, ...]:
    outcome = goal.outcome
    return (
        goal.id,
        escape(goal.title),
        escape(goal.kind),
        str(goal.status),
        NOTHING if outcome is None or outcome.result_fit is None else escape(outcome.result_fit),
        escape(goal.started_at),
        NOTHING if outcome is None else escape(outcome.finished_at),
        *measured(data.accounts.goals[goal.id].measure),
    )


def _attempt_log(data: ReportData) -> Iterator[str]:
    yield "## Attempts and stages\n"
    rows = []
    for goal in data.goals:
        usage = data.accounts.goals[goal.id]
        for attempt in usage.attempts:
            outcome = attempt.attempt.outcome
            reason = None if outcome is None else outcome.failure_reason
            ended = escape(reason or attempt_status(goal, attempt))
            number = str(attempt.attempt.number)
            rows.append((goal.id, number, "*all*", ended, *measured(attempt.measure)))
            stages = [stage for stage in usage.stages if (stage.goal, stage.attempt) == (attempt.goal, int(number))]
            for stage in stages if len(usage.stages) > len(usage.attempts) else ():
                name = "*unmarked*" if stage.name is None else escape(stage.name)
                rows.append((goal.id, number, name, "", *measured(stage.measure)))
    yield from table(("goal", "attempt", "stage", "ended", *TOKEN_HEAD, "quality"), rows, "No attempts.")


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
