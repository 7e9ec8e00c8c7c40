"""Puts our sums beside what agents themselves say that their sessions have used, and names each difference's cause."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tallybook.domain.own_counters import BEFORE, START, not_itemised, own_usage, session_counter
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import ZERO, TokenVector, total_of
from tallybook.domain.usage import SessionKey
from tallybook.history import queries
from tallybook.history.activity import own_counters, snapshots
from tallybook.history.ccusage import NOTHING, Counts
from tallybook.history.reconcile import EQUAL, UNEXPLAINED
from tallybook.history.sums import VECTOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.history.store import Store

_BY_MODEL: Final = "cost-state"
_THREAD: Final = "thread"
_RECORD: Final = "record"
_SESSION: Final = "session"
_STEPS: Final = "steps"
_MILLISECOND: Final = 1000
"""In microseconds."""
LATER: Final = "the log goes on behind the counter"
NOT_ITEMISED: Final = "recorded but not itemised: titles, compactions, helper calls and answers that were cut off"
FORK: Final = "a fork starts at its parent's total, and where that stood is not told"
RESET: Final = "the counter was set back, and not to nothing"
COMPACTION: Final = "the counter leaves out compactions that usage records tell of"
EARLIER: Final = "the thread began before its records did"
BEFORE_COUNTER: Final = "the session began before its counter did, under an earlier version"
ANEW: Final = "the total has begun anew, or an earlier version of its document came back"
CONTINUED: Final = "a session that goes on after a compaction starts at the total of the one before it"
TAKEN_BACK: Final = "messages were taken back or deleted, which the counter leaves out then"
WITHIN: Final = "the counter adds the reasoning, which the service has told as a part of the output"
CUT: Final = "answers that were cut off, or compactions without usage, are a lower bound here"


class OwnCell(msgspec.Struct, frozen=True):
    """One counter of one session, and of one model where it is told by model."""

    session: SessionKey
    scope: str
    model: str | None
    ours: Counts
    theirs: Counts
    cause: str

    @property
    def difference(self) -> Counts:
        """Ours less theirs."""
        return _less(self.ours, self.theirs)


class Unitemised(msgspec.Struct, frozen=True):
    """What an agent's counter has of one session and model beyond all that its logs tell call by call."""

    session: SessionKey
    model: str
    tokens: TokenVector
    """In no sum of responses."""


class OwnCounters(msgspec.Struct, frozen=True):
    """All counters side by side with our sums."""

    cells: tuple[OwnCell, ...]
    """Those that differ; ``equal`` more are the same on both sides."""
    equal: int
    ours: Counts
    """Without usage records, which tell once more what the thread's own total tells."""
    theirs: Counts
    unitemised: tuple[Unitemised, ...] = ()

    @property
    def unexplained(self) -> int:
        """How many differ for no known reason."""
        return sum(cell.cause == UNEXPLAINED for cell in self.cells)


class _Response(msgspec.Struct, frozen=True):
    at: int | None
    model: str
    tokens: TokenVector
    quality: Quality


class Circumstances(msgspec.Struct, frozen=True):
    """What may make a running total differ from the responses."""

    forked: bool = False
    started: bool = False
    """Where the total stood before the first own response is told."""
    fell: bool = False
    later: bool = False
    """A response came after the counter was told."""
    recorded: bool = False
    """Usage records tell of responses."""
    bounded: bool = False
    """A response is a lower bound."""
    reasoning: int = 0
    """How much of our output is reasoning."""
    continued: bool = False
    """The session goes on where another one was compacted."""


def own_compared(store: Store) -> OwnCounters:
    """Compare every counter of every session."""
    cells = tuple(own_cells(store))
    summed = [cell for cell in cells if cell.scope != _RECORD]
    return OwnCounters(
        tuple(cell for cell in cells if cell.cause != EQUAL),
        sum(cell.cause == EQUAL for cell in cells),
        reduce(Counts.plus, (cell.ours for cell in summed), NOTHING),
        reduce(Counts.plus, (cell.theirs for cell in summed), NOTHING),
        tuple(one for key in _counted(store) for one in unitemised(store, key)),
    )


def own_cells(store: Store) -> Iterator[OwnCell]:
    """Every counter of every session."""
    for key in _counted(store):
        yield from _by_model(store, key)
        yield from _totals(store, key)


def unitemised(store: Store, key: SessionKey) -> Iterator[Unitemised]:
    """What the counter by models of a session has beyond the responses that it knows of, in the order of models.

    What came behind its last word, or before it began, it does not know of; all of subagents it may know.
    """
    told = _counter_by_model(store, key)
    if told is None:
        return
    began, last = told.began, told.last
    rows = [one for one in told.own if one.at is None or began <= one.at <= last]
    rows += [one for one in told.below if one.at is None or began <= one.at]
    for model, tokens in not_itemised(told.theirs, ((one.model, one.tokens) for one in rows)).items():
        yield Unitemised(key, model, tokens)


def _counted(store: Store) -> list[SessionKey]:
    rows = store.rows(
        """SELECT DISTINCT a.name, s.name FROM own_counter c JOIN session s ON s.id = c.session
        JOIN agent a ON a.id = s.agent ORDER BY a.name, s.name"""
    )
    return [SessionKey(*row) for row in rows]


class _ByModel(NamedTuple):
    """A counter by models, and the responses of the session and of those below it."""

    theirs: dict[str, TokenVector]
    began: int
    """Microseconds since the epoch, UTC."""
    last: int
    """When it was told the last time."""
    own: list[_Response]
    below: list[_Response]


def _counter_by_model(store: Store, key: SessionKey) -> _ByModel | None:
    snaps = snapshots(store, key, _BY_MODEL)
    if not snaps:
        return None
    parent = _forked_from(store, key)
    parents = () if parent is None else snapshots(store, parent, _BY_MODEL)
    theirs = session_counter(snaps, parents, queries.born_at(store, key)) or {}
    last = max(snaps, key=lambda one: one.at)
    below = [member for member in queries.session_tree(store, key) if member != key]
    responses = [one for member in below for one in _responses(store, member)]
    return _ByModel(theirs, int(last.run) * _MILLISECOND, last.at, _responses(store, key), responses)


def _by_model(store: Store, key: SessionKey) -> Iterator[OwnCell]:
    """What a counter by models says of a session with its subagents."""
    told = _counter_by_model(store, key)
    if told is None:
        return
    theirs, responses = told.theirs, [*told.own, *told.below]
    later = any(one.at is None or one.at > told.last for one in responses)
    earlier = any(one.at is not None and one.at < told.began for one in responses)
    for model in sorted({*theirs, *(one.model for one in responses)}):
        ours = total_of(one.tokens for one in responses if one.model == model)
        mine, other = _counts(ours), _counts(theirs.get(model, ZERO))
        cause = cause_by_model(mine, other, later=later, earlier=earlier)
        yield OwnCell(key, _BY_MODEL, model, mine, other, cause)


def _totals(store: Store, key: SessionKey) -> Iterator[OwnCell]:
    """What running totals of one session say."""
    counters = {one.scope: one for one in own_counters(store, key) if one.model is None}
    tokens = {scope: one.tokens for scope, one in counters.items()}
    for scope in (_THREAD, _RECORD, _SESSION, _STEPS):
        theirs = own_usage(tokens, scope)
        if theirs is None:
            continue
        at = counters[scope].at
        responses = _responses(store, key)
        around = Circumstances(
            forked=_forked_from(store, key) is not None,
            started=scope + START in tokens,
            fell=scope + BEFORE in tokens,
            later=any(one.at is None or at is None or one.at > at for one in responses),
            recorded=_RECORD in tokens,
            bounded=any(one.quality is not Quality.EXACT for one in responses),
            reasoning=sum(one.tokens.reasoning for one in responses),
            continued=_is_continued(store, key),
        )
        ours, other = _counts(total_of(one.tokens for one in responses)), _counts(theirs)
        yield OwnCell(key, scope, None, ours, other, cause_of_total(scope, ours, other, around))


def cause_by_model(ours: Counts, theirs: Counts, *, later: bool, earlier: bool = False) -> str:
    """Why a counter by models differs; it has all calls, also those that no log itemises.

    There are responses after it was told (``later``), or before it began (``earlier``).
    """
    more = _less(ours, theirs)
    if not any(more):
        return EQUAL
    if max(more) <= 0:
        return NOT_ITEMISED
    known = [(later, LATER), (earlier, BEFORE_COUNTER)]
    return next((cause for holds, cause in known if holds), UNEXPLAINED)


def cause_of_total(scope: str, ours: Counts, theirs: Counts, around: Circumstances) -> str:
    """Why a running total differs."""
    more = _less(ours, theirs)
    if not any(more):
        return EQUAL
    if scope == _SESSION:
        cause = ANEW if min(more) >= 0 else CONTINUED
        return cause if cause is ANEW or around.continued else UNEXPLAINED
    if min(more) >= 0:  # we have more than the counter
        known = [
            (around.later, LATER),
            (scope == _THREAD and around.recorded, COMPACTION),
            (scope == _RECORD, EARLIER),
            (scope == _STEPS, TAKEN_BACK),
        ]
    else:
        within = scope == _STEPS and more == Counts(0, 0, 0, more.output) and -more.output <= around.reasoning
        known = [
            (around.fell, RESET),
            (around.forked and not around.started, FORK),
            (within, WITHIN),
            (around.bounded, CUT),
        ]
    return next((cause for holds, cause in known if holds), UNEXPLAINED)


def _forked_from(store: Store, key: SessionKey) -> SessionKey | None:
    rows = store.rows(
        """SELECT s.forked_from FROM session s JOIN agent a ON a.id = s.agent
        WHERE a.name = ? AND s.name = ? AND s.forked_from IS NOT NULL""",
        (key.agent, key.session),
    )
    return SessionKey(key.agent, rows[0][0]) if rows else None


def _is_continued(store: Store, key: SessionKey) -> bool:
    return bool(
        store.rows(
            """SELECT 1 FROM session s JOIN agent a ON a.id = s.agent
            WHERE a.name = ? AND s.name = ? AND s.origin = 'compaction'""",
            (key.agent, key.session),
        )
    )


def _responses(store: Store, key: SessionKey) -> list[_Response]:
    rows = store.rows(
        f"""SELECT r.at, m.text, q.text, {VECTOR} FROM response r JOIN session s ON s.id = r.session
        JOIN agent a ON a.id = s.agent JOIN word m ON m.id = r.model JOIN word q ON q.id = r.quality
        WHERE a.name = ? AND s.name = ?""",  # noqa: S608
        (key.agent, key.session),
    )
    return [_Response(at, model, TokenVector(*parts), Quality(quality)) for at, model, quality, *parts in rows]


def _counts(tokens: TokenVector) -> Counts:
    return Counts(tokens.input, tokens.cache_read, tokens.cache_write, tokens.output)


def _less(left: Iterable[int], right: Iterable[int]) -> Counts:
    return Counts(*(a - b for a, b in zip(left, right, strict=True)))
