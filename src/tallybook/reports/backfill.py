"""What a backfill found for each goal, as lines and as JSON."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.clock import timestamp
from tallybook.domain.backfill import Verdict, Window
from tallybook.domain.goal import Goal
from tallybook.domain.tokens import TokenVector, total_of
from tallybook.reports.vectors import vector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.domain.backfill import Weighed
    from tallybook.reports.vectors import Json

_BY_HAND: Final = "tally update GOAL --tokens-input N … tells its tokens by hand"
_REASONS: Final = {
    "open": ("it is open", "tally finish-task GOAL closes it"),
    "merged": ("it is counted with another goal", "name that one"),
    "measured": ("it is measured", "--force looks for sessions that were missed"),
    "backfilled": ("it was backfilled before", "--force looks again, and the newer result stands in for the older"),
    "no-window": (
        "there is no time between its start and its end",
        "tally finish-task GOAL --amend corrects the end",
    ),
    "changed": ("it changed while the history was read", "run it again"),
    "elsewhere": ("it was worked on in another clone", "run it there, where the logs of its sessions are"),
    "nothing": ("no session is known that used anything at that time", _BY_HAND),
    "counted": ("all that its sessions used is counted already", ""),
    "ambiguous": ("several sessions can be meant", f"--agent chooses one agent's; else {_BY_HAND}"),
    "owned": (
        "what was used at that time is owned by {owners}",
        "to share it out anew: --force with all of these goals",
    ),
    "fell": ("the counter of its session fell once", _BY_HAND),
    "crossed": ("its session was counted in another order", _BY_HAND),
    "unmeasured": ("its session has a boundary without a counter at that time", _BY_HAND),
    "pending": ("a boundary of its session waits for a response", "tally settle"),
}


class GoalBackfill(msgspec.Struct, frozen=True):
    """One goal, and what became of it."""

    goal: Goal
    verdict: Verdict
    window: Window | None = None

    @property
    def tokens(self) -> TokenVector | None:
        """What it got; None where that is nothing."""
        gains = [each.gain for each in self.verdict.taken if each.gain is not None]
        return total_of(gains) if gains else None

    @property
    def message(self) -> str:
        """Why it got nothing; else by what evidence it got something, and what of that is another goal's."""
        verdict = self.verdict
        owners = ", ".join(sorted({owner for each in verdict.taken or verdict.weighed for owner in each.owners}))
        if verdict.reason is not None:
            return _REASONS[verdict.reason][0].format(owners=owners)
        evidence = verdict.taken[0].candidate.evidence.name.lower()
        return f"by {evidence}" + (f", around what {owners} owns" if owners else "")

    @property
    def hint(self) -> str:
        """What helps."""
        reason = self.verdict.reason
        told = "" if reason is None else _BY_HAND if self._is_tied_within_agents else _REASONS[reason][1]
        return told.replace("GOAL", self.goal.id)

    @property
    def _is_tied_within_agents(self) -> bool:
        """Whether several sessions can be meant of each agent that has one, so that naming an agent chooses none."""
        if self.verdict.reason != "ambiguous":
            return False
        open_to = (each for each in self.verdict.weighed if each.gain is not None or each.obstacle is not None)
        some = [each.candidate for each in open_to]
        agents = Counter(one.key.agent for one in some if one.evidence == some[0].evidence)
        return min(agents.values()) > 1


def backfill_lines(it: GoalBackfill) -> Iterator[str]:
    """One goal as text."""
    tokens = it.tokens
    got = "skipped" if tokens is None else f"{tokens.total:,} tokens"
    yield f"{it.goal.id}  {got}: {it.message}  ({it.goal.title})"
    if it.hint:
        yield f"  {it.hint}"
    for each in it.verdict.taken or it.verdict.weighed:
        one = each.candidate
        moved = "" if one.last_at is None else f", last activity {utc(one.last_at)}"
        place = f", in {one.cwd}" if one.cwd else ""
        yield f"  {one.key.agent} {one.key.session}{moved}{place}, {one.tokens.total:,} tokens{_fault(each)}"


def _fault(each: Weighed) -> str:
    if each.obstacle is not None:
        return f", {each.obstacle}"
    return f", owned by {', '.join(each.owners)}" if each.owners and each.gain is None else ""


def backfill_json(it: GoalBackfill) -> dict[str, Json]:
    """One goal as JSON."""
    window = it.window
    sessions: list[Json] = [
        {"agent": session.before.agent, "id": session.before.session, "evidence": session.evidence}
        for session in it.verdict.sessions
    ]
    return {
        "id": it.goal.id,
        "title": it.goal.title,
        "reason": it.verdict.reason,
        "message": it.message,
        "hint": it.hint,
        "window": None if window is None else {"since": utc(window.since), "until": utc(window.until)},
        "tokens": vector(it.tokens),
        "sessions": sessions,
        "candidates": [_candidate(each) for each in it.verdict.weighed],
    }


def _candidate(each: Weighed) -> Json:
    one = each.candidate
    return {
        "agent": one.key.agent,
        "id": one.key.session,
        "evidence": one.evidence.name.lower(),
        "cwd": one.cwd,
        "last_activity": None if one.last_at is None else utc(one.last_at),
        "tokens": vector(one.tokens),
        "free": vector(each.gain),
        "owned_by": [*each.owners],
        "obstacle": None if each.obstacle is None else str(each.obstacle),
    }


def utc(microseconds: int) -> str:
    """A moment as it stands in the ledger."""
    return timestamp(datetime.fromtimestamp(microseconds / 1_000_000, UTC))
