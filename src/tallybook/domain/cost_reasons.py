"""What keeps the cost or usage of a goal from being whole: for each thing its category, and what to run next."""

from __future__ import annotations

import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tallybook.domain.cost_case import (
    begins_unknown,
    given_by_backfill,
    has_gaps,
    lost_by,
    points_of,
    times_of,
    waiting_of,
)
from tallybook.domain.events import WATCHED
from tallybook.domain.imports import SYSTEMS
from tallybook.domain.quality import Quality
from tallybook.domain.shortfalls import Category, Reason
from tallybook.domain.usage_audit import blank_sessions, price_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.domain.cost_case import Case
    from tallybook.domain.usage import SessionKey

_BY_AGENT: Final = frozenset({"variable", "process", "registry", *WATCHED})
"""How a session is found that runs at that moment, see ``SessionRef``."""
_MOST: Final = 3
"""So many sessions are named in a message."""
_BY_HAND: Final = ("--tokens-input", "N", "--tokens-output", "N")


def reasons_of(case: Case) -> Iterator[Reason]:
    """All that keeps a goal from being whole, in no order; nothing of one that is."""
    yield from _ready(case)
    yield from _window(case)
    if case.usage.measure.tokens is None:
        yield _nothing(case)
    else:
        yield from _parts(case)
        yield from _unpriced(case)


def _ready(case: Case) -> Iterator[Reason]:
    """What a command would take now."""
    facts = case.known.facts
    for finding in case.gaps:
        named = tuple(key for key in (finding.session,) if key is not None)
        yield Reason(Category.SYNC_GAP, finding.message + _told(named), finding.hint, named)
    waiting = [place for place in waiting_of(case) if place in facts.settleable]
    if waiting:
        message = (
            f"a response is logged by now that {_counted(len(waiting), 'boundary', 'boundaries')} of it waited for"
        )
        yield _of_boundaries(Category.SYNC_GAP, message, waiting)
    turned_up = [key for key in case.sessions if key in facts.last_at]
    if case.goal.is_open and not case.elsewhere and turned_up and not case.is_captured:
        message = f"the log of its session was not there when its commands ran; it is now{_told(turned_up[:1])}"
        where = ("--agent", turned_up[0].agent, "--session", turned_up[0].session)
        command = shlex.join(("tally", "mark", "STAGE", "--goal", case.goal.id, *where))
        yield Reason(Category.SYNC_GAP, message, command, tuple(turned_up[:1]))
    yield from _found(case)


def _found(case: Case) -> Iterator[Reason]:
    """What a backfill would take: of a goal with gaps all that it finds, else what was used at its end alone."""
    verdict = case.verdict
    if has_gaps(case):
        taken = () if verdict is None or verdict.reason is not None else verdict.taken
        sessions = tuple(each.candidate.key for each in taken)
        anew = sum(each.gain.total for each in taken if each.gain is not None)
        gain = anew - given_by_backfill(case).total
    else:
        late = [(key, tokens.total) for key, tokens in lost_by(case) if tokens]
        sessions, gain = tuple(dict.fromkeys(key for key, _ in late)), sum(tokens for _, tokens in late)
    if gain > 0:
        message = f"the history holds {gain:,} tokens of its time that the ledger has not taken{_told(sessions)}"
        yield Reason(Category.SYNC_GAP, message, case.backfill(), sessions, missing=gain)


def _parts(case: Case) -> Iterator[Reason]:
    """What of it is not measured, or only in part."""
    unknown = [
        attempt
        for attempt in case.usage.attempts
        if attempt.measure.tokens is None and attempt.goal in {member.id for member in case.members}
    ]
    if unknown:
        message = f"nobody measured {len(unknown)} of its {_counted(len(case.usage.attempts), 'attempt', 'attempts')}"
        yield Reason(Category.PARTIAL_COVERAGE, message, case.backfill())
    blank = tuple(dict.fromkeys(key for member in case.members for key in blank_sessions(case.state, member)))
    if blank:
        message = f"no log told of {_counted(len(blank), 'session', 'sessions')} of it for a part of its time"
        yield Reason(Category.PARTIAL_COVERAGE, message + _told(blank), "tally doctor", blank)
    least = [key for key, point in points_of(case) if point.quality is Quality.LOWER_BOUND]
    if least:
        sessions = tuple(dict.fromkeys(least))
        message = f"its logs tell only the least that it used up to {_counted(len(least), 'boundary', 'boundaries')}"
        yield Reason(Category.PARTIAL_COVERAGE, message + _told(sessions), _why(sessions[0]), sessions)


def _unpriced(case: Case) -> Iterator[Reason]:
    """What of it has no price."""
    cost = case.cost
    if cost.unpriced:
        first = min(cost.unpriced)
        missing = cost.tokens - cost.priced
        what = f"{missing:,} of its {cost.tokens:,} tokens have" if missing else "a part of it has"
        message = f"{what} no price: {first.model} ({first.reason})"
        if len(cost.unpriced) > 1:
            message += f", and {len(cost.unpriced) - 1} more"
        yield Reason(Category.PARTIAL_COVERAGE, message, price_command(first), missing=missing)


def _nothing(case: Case) -> Reason:
    """Why there is no number at all."""
    goal, verdict = case.goal, case.verdict
    lost = _unavailable(case)
    if verdict is not None and verdict.reason == "ambiguous":
        keys = tuple(each.candidate.key for each in verdict.weighed)
        message = f"{_counted(len(keys), 'session', 'sessions')} could be its own, and nothing tells which{_told(keys)}"
        return Reason(Category.UNRESOLVED_SESSION, message, case.command("backfill", "--dry-run"), keys)
    if lost is not None:
        command = _there(case) if case.elsewhere else case.command("update", *_BY_HAND)
        return Reason(Category.UNAVAILABLE_TELEMETRY, lost, command, case.sessions)
    if any(key in case.known.facts.last_at for key in case.sessions):
        message = f"the log of its session is there, and tells of no usage in its time{_told(case.sessions)}"
        return Reason(Category.INCOMPLETE_WINDOW, message, _why(case.sessions[0]), case.sessions)
    if case.sessions:
        message = f"no log tells of its session{_told(case.sessions)}{_never_logged(case, case.sessions[0].agent)}"
        return Reason(Category.UNRESOLVED_SESSION, message, "tally doctor", case.sessions)
    agent = next((member.agent for member in case.members if member.agent is not None), None)
    if agent is not None:
        message = f"{agent} is said to have worked on it, and no session of it is known"
        return Reason(Category.UNRESOLVED_SESSION, message, shlex.join(("tally", "sessions", "--agent", agent)))
    command = "tally sessions" if goal.is_open else case.command("update", *_BY_HAND)
    return Reason(Category.NO_DATA, "no session of it is known, and nobody told its tokens", command)


def _unavailable(case: Case) -> str | None:
    """Why nothing here can tell of it, whatever is looked at; None where something could."""
    known = case.known
    named = {key.agent for key in case.sessions} | {member.agent for member in case.members if member.agent}
    if named and named.isdisjoint(known.agents):
        return f"there is no reader for logs of {', '.join(sorted(named))}"
    if all(member.untracked for member in case.members):
        former = next((ref for ref in case.goal.refs if ref.partition(":")[0] in SYSTEMS), None)
        return (
            "it was not to be measured (--untracked)"
            if former is None
            else f"it was imported without numbers ({former})"
        )
    if case.elsewhere:
        return f"it was worked on in another clone ({case.goal.writer}), and what logs there are is there"
    if not known.captures and not case.sessions:
        return "nothing is measured here: [capture] enabled is false"
    if case.sessions and all(_keeps_no_log(case, key) for key in case.sessions):
        agent = case.sessions[0].agent
        return f"its session keeps no log, as others of {agent} do{_told(case.sessions)}"
    return None


def _keeps_no_log(case: Case, key: SessionKey) -> bool:
    """Whether its agent itself told of the session, logs of the agent are read here, and none is of the session."""
    references = (member.session for member in case.members if member.session is not None)
    told = any((it.agent, it.id) == (key.agent, key.session) and it.detected_by in _BY_AGENT for it in references)
    return told and key.agent in {it.agent for it in case.known.facts.last_at} and key not in case.known.facts.last_at


def _window(case: Case) -> Iterator[Reason]:
    """What of its time is not known from end to end."""
    goal, measured = case.goal, case.usage.measure.tokens is not None
    if goal.is_open:
        message = "it is open" + (", and counted up to its last boundary" if measured else "")
        yield Reason(Category.INCOMPLETE_WINDOW, message, case.command("finish-task", "--status", "success"))
    if measured and any(begins_unknown(member) for member in case.members):
        message = "it began before any session of it was known, and is measured from then on"
        yield Reason(Category.INCOMPLETE_WINDOW, message, case.backfill())
    waiting = [place for place in waiting_of(case) if place not in case.known.facts.settleable]
    if waiting:
        message = f"{_counted(len(waiting), 'boundary', 'boundaries')} of it waits for a response that no log tells yet"
        yield _of_boundaries(Category.INCOMPLETE_WINDOW, message, waiting)
    for member in case.members:
        back = next(((one, two) for one, two in pairwise(times_of(member)) if two[0] < one[0]), None)
        if back is not None:
            message = f"its times go back, from {back[0][1]} to {back[1][1]}: a clock was set, or a time told wrong"
            yield Reason(Category.INCOMPLETE_WINDOW, message, shlex.join(("tally", "show", member.id)))


def _there(case: Case) -> str:
    """What to run in the clone that has the logs."""
    return shlex.join(("tally", "mark", "STAGE", "--goal", case.goal.id)) if case.goal.is_open else case.backfill()


def _never_logged(case: Case, agent: str) -> str:
    never = case.known.agents.get(agent, ())
    return f"; never logged by {agent}: {'; '.join(never)}" if never else ""


def _of_boundaries(category: Category, message: str, waiting: list[tuple[str, SessionKey]]) -> Reason:
    sessions = tuple(dict.fromkeys(key for _, key in waiting))
    snapshots = tuple(dict.fromkeys(snapshot for snapshot, _ in waiting))
    return Reason(category, message + _told(sessions), "tally settle", sessions, snapshots)


def _why(key: SessionKey) -> str:
    return shlex.join(("tally", "why", key.session))


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _told(sessions: Sequence[SessionKey]) -> str:
    """The sessions in parentheses, the first ones of many."""
    names = [f"{key.agent} {key.session}" for key in sessions[:_MOST]]
    rest = len(sessions) - len(names)
    return f" ({', '.join([*names, *([f'{rest:,} more'] if rest else [])])})"
