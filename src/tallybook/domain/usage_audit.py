"""Goals of which the ledger knows less than it could: nobody measured them, or only in part, or not any more."""

from __future__ import annotations

import shlex
from itertools import chain
from typing import TYPE_CHECKING

from tallybook.domain.findings import DAY, HOUR, Code, Facts, Finding, Limits, commanded_at
from tallybook.domain.metrics import accounts, members_of
from tallybook.domain.quality import Quality
from tallybook.domain.usage import SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.domain.attribution import Owner
    from tallybook.domain.goal import Goal
    from tallybook.domain.money import Unpriced
    from tallybook.domain.state import LedgerState


def stale(state: LedgerState, facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Open goals for which nothing was done for long."""
    for goal in (goal for goal in state.goals.values() if goal.is_open):
        commanded = commanded_at(goal)
        moved = max([commanded, *(facts.last_at.get(key) or 0 for key in sessions_of(state, goal))])
        hint = f"tally finish-task {goal.id} --status success, or --status fail --failure-reason other"
        if facts.now - moved >= limits.idle_hours * HOUR:
            message = f"it is open, and nothing happened for {(facts.now - moved) // HOUR:,} hours"
            yield Finding(Code.STALE_OPEN, message, hint, goal.id)
        elif facts.now - commanded >= limits.silent_days * DAY:
            message = f"its session goes on, and no command was run for it for {(facts.now - commanded) // DAY:,} days"
            yield Finding(Code.STALE_OPEN, message, hint, goal.id)


def gaps(state: LedgerState, facts: Facts, limits: Limits) -> Iterator[Finding]:
    """What has happened and is not in the ledger, or in no copy of it."""
    late: dict[str, tuple[SessionKey, ...]] = {}
    for (snapshot, key), boundary in state.pending.items():
        if (snapshot, key) in facts.settleable:
            late[boundary.goal] = (*late.get(boundary.goal, ()), key)
    for name, sessions in late.items():
        message = "a response is logged by now that one of its boundaries waits for"
        yield Finding(Code.SYNC_GAP, message, "tally settle", name, session=sessions[0])
    for goal in state.goals.values():
        if goal.is_open and goal.writer in facts.writers:
            yield from _gap(state, facts, limits, goal)
    if facts.unpublished:
        how = "they go with the next commit, if tally hooks install was run here"
        hint = how if facts.publishes else "tally init --publish metrics/events && tally hooks install"
        yield Finding(Code.SYNC_GAP, f"{facts.unpublished:,} events are on this machine alone", hint, note=True)


def _gap(state: LedgerState, facts: Facts, limits: Limits, goal: Goal) -> Iterator[Finding]:
    commanded = commanded_at(goal)
    moved = [(facts.last_at.get(key) or 0, key) for key in sessions_of(state, goal)]
    latest, key = max(moved, default=(0, None))
    if latest - commanded >= limits.gap_hours * HOUR:
        message = f"its session went on for {(latest - commanded) // HOUR:,} hours after its last boundary"
        yield Finding(Code.SYNC_GAP, message, f"tally mark STAGE --goal {goal.id}", goal.id, session=key)


def unmeasured(state: LedgerState, facts: Facts) -> Iterator[Finding]:
    """Goals of this clone without a number, or with one that a part is missing of."""
    for goal in lacking(state, facts.writers):
        counted = accounts(state).goals[goal.id].captured.tokens is not None
        if counted or any(state.lines[key].is_measured for key in state.joined.get(goal.id, ())):
            yield _in_part(state, facts, goal)
        else:
            yield _nothing(state, facts, goal)


def uncovered(state: LedgerState, facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Measured goals of which too little has a price; numbers by hand tell no day, so they never have one."""
    for goal in state.goals.values():
        cost = facts.costs.get(goal.id)
        if cost is None or not cost.unpriced or any(it.manual is not None for it in members_of(state, goal.id)):
            continue
        percent = cost.share * 100 // 1
        if percent < limits.priced_percent:
            first = min(cost.unpriced)
            message = f"{percent} % of its tokens have a price; there is none of {first.model} ({first.reason})"
            yield Finding(Code.LOW_COST_COVERAGE, message, price_command(first), goal.id)


def price_command(it: Unpriced) -> str:
    """What tells more of a model without a price, as a shell and the parser take it."""
    return shlex.join(("tally", "prices", "show", *(("--",) if it.model.startswith("-") else ()), it.model))


def lacking(state: LedgerState, writers: frozenset[str]) -> Iterator[Goal]:
    """Goals of these writers that nobody measured, or only in part; those that were not to be measured aside."""
    shared = accounts(state)
    for goal in state.goals.values():
        if goal.merged_into is not None or goal.writer not in writers:
            continue
        members = members_of(state, goal.id)
        if any(it.untracked or it.manual is not None for it in members):
            continue
        if shared.goals[goal.id].captured.tokens is None or any(_is_partial(state, it) for it in members):
            yield goal


def _is_partial(state: LedgerState, goal: Goal) -> bool:
    return (goal.session is None and goal.backfill is None) or bool(blank_sessions(state, goal))


def _nothing(state: LedgerState, facts: Facts, goal: Goal) -> Finding:
    named = sessions_of(state, goal)
    if any(key in facts.last_at for key in named):
        message = "the log of its session was not there when its commands ran; it is now"
    elif named:
        message = f"no log tells of its session {named[0].agent} {named[0].session}"
    else:
        message = "no session of it is known, so nobody measured it"
    hint = f"tally backfill {goal.id}"
    if goal.is_open:
        hint = f"tally mark STAGE --goal {goal.id} --agent AGENT --session ID; tally sessions lists them"
    elif goal.id not in facts.fillable:
        hint = f"tally update {goal.id} --tokens-input N --tokens-output N; the history knows nothing of it"
    return Finding(Code.UNRESOLVED_SESSION, message, hint, goal.id, session=named[0] if named else None)


def _in_part(state: LedgerState, facts: Facts, goal: Goal) -> Finding:
    blank = [key for it in members_of(state, goal.id) for key in blank_sessions(state, it)]
    strange = next((key for key in blank if key not in facts.last_at), None)
    if strange is not None:
        message = f"no log tells of its session {strange.agent} {strange.session}; others of it are measured"
        hint = f"tally doctor tells where logs are looked for; then tally backfill {goal.id} --force"
        return Finding(Code.UNRESOLVED_SESSION, message, hint, goal.id, session=strange)
    if blank:
        message = "the log of its session was not there for a part of its time"
    else:
        message = "it began before any session of it was known, and is measured from then on"
    note = goal.id not in facts.fillable
    hint = f"tally backfill {goal.id} --force"
    if note:
        hint += ", once it is closed" if goal.is_open else ", where the logs of that time are; here are none"
    return Finding(Code.INCOMPLETE_WINDOW, message, hint, goal.id, session=blank[0] if blank else None, note=note)


def blank_sessions(state: LedgerState, goal: Goal) -> list[SessionKey]:
    """Sessions of which the goal owns a part without a counter."""
    return [
        key
        for key in sorted(state.index.owned.get(goal.id, ()))
        if any(_is_blank(goal, point.owner, point.quality) for point in state.lines[key].points)
    ]


def _is_blank(goal: Goal, owner: Owner | None, quality: Quality) -> bool:
    return owner is not None and owner.goal == goal.id and quality is Quality.UNMEASURED


def sessions_of(state: LedgerState, goal: Goal) -> list[SessionKey]:
    """Its sessions: those that it names, that joined it, or of which it owns a part; each once."""
    named = () if goal.session is None else (SessionKey(goal.session.agent, goal.session.id),)
    return list(dict.fromkeys(chain(named, state.joined.get(goal.id, ()), state.index.owned.get(goal.id, ()))))
