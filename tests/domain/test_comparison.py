"""Ledger and history side by side: whatever they hold, no token is lost between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.comparison import Cause, Compared, Stored, compared, sums_of
from tallybook.domain.metrics import accounts
from tallybook.domain.replay import fold
from tallybook.domain.tokens import ZERO, TokenVector, total_of
from tallybook.domain.usage import ClassUsage, SessionKey
from worlds import CLASSES, Book, attribute, born, classes_of, lost, messy_events, pending, used, worlds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallybook.domain.events import Event
    from tallybook.domain.state import LedgerState
    from worlds import World

Held = dict[SessionKey, tuple[ClassUsage, ...] | None]
"""The price classes of each session that logs tell of; None where no usage was ever logged in it."""


def beside(state: LedgerState, held: Held, writers: tuple[str, ...] = ("w-a",)) -> dict[SessionKey, Compared]:
    """Compare a ledger with such a history; what must hold of any two is checked."""
    stored = {key: Stored(None if classes is None else total(classes)) for key, classes in held.items()}
    rows = compared(state, stored, lambda key: held[key] or (), writers)
    assert [row.key for row in rows] == sorted({*state.lines, *held})
    for row in rows:
        goals = total_of(tokens for _, tokens in row.goals if tokens is not None)
        assert goals + (row.remainder or ZERO) == (row.counter or ZERO)
        assert (row.history or ZERO) + row.missing == (row.counter or ZERO) + row.unattributed
    sums = sums_of(rows)
    assert sums.goals + sums.remainder == sums.counter == accounts(state).counter
    assert sums.history + sums.missing == sums.counter + sums.unattributed
    return {row.key: row for row in rows}


def total(classes: tuple[ClassUsage, ...]) -> TokenVector:
    return total_of(usage.tokens for usage in classes)


def held_by(world: World) -> Held:
    """What whole logs tell of the sessions of a world."""
    return {session.key: classes_of(session.responses) for session in world.sessions}


@given(worlds())
def test_whole_logs_have_all_that_was_counted(world: World) -> None:
    """What is more in them was used after the last boundary, or where no goal ever was."""
    state, held = world.book.state, held_by(world)
    rows = beside(state, held)
    counted = {session.key: classes_of(session.counted) for session in world.sessions}
    for key, row in rows.items():
        if key not in state.lines:
            assert (row.cause, row.counter, row.remainder, row.goals) == (Cause.NO_GOAL, None, None, ())
        else:
            assert row.cause is (Cause.EQUAL if held[key] == counted[key] else Cause.WENT_ON)
        assert row.missing == ZERO
        assert row.unattributed == total(held[key] or ()).growth_since(total(counted[key]))
    shares = accounts(state).shares
    known = total_of(share.counter for share in shares.values())
    assert sums_of(rows.values()).unattributed == total_of(map(total, filter(None, held.values()))).growth_since(known)


_counters = st.builds(
    ClassUsage, st.sampled_from(CLASSES), st.integers(1, 9), st.builds(TokenVector, *[st.integers(0, 50)] * 7)
)
_classes = st.lists(_counters, max_size=3, unique_by=lambda usage: usage.price_class).map(tuple)
_keys = st.builds(SessionKey, st.sampled_from(("claude", "codex")), st.sampled_from(("s1", "s2", "s3", "s9")))


@given(messy_events(), st.dictionaries(_keys, st.none() | _classes), st.sets(st.sampled_from(("w-a", "w-b"))))
def test_any_two_can_be_compared(events: list[Event], held: Held, writers: set[str]) -> None:
    """Counters that fell, sessions nobody measured, logs that are gone or were never there."""
    state = fold(events)
    for key, row in beside(state, held, tuple(writers)).items():
        measured = key in state.lines and state.lines[key].is_measured
        assert (row.counter is None) == (not measured)
        assert (row.cause is Cause.NO_GOAL) == (key not in state.lines)
        if row.cause in {Cause.EQUAL, Cause.WENT_ON, Cause.SETTLED_LATER}:
            assert measured
            assert row.missing == ZERO
        if row.cause in {Cause.ELSEWHERE, Cause.LOG_GONE}:
            assert key not in held
        if row.cause is Cause.LOG_CHANGED:
            assert _fell(state, key, held)


def _fell(state: LedgerState, key: SessionKey, held: Mapping[SessionKey, tuple[ClassUsage, ...] | None]) -> bool:
    """Whether some price class holds less than what was handed out of it."""
    now = {usage.price_class: usage for usage in held[key] or ()}
    for price_class in CLASSES:
        parts = [
            it for one in attribute({key: state.lines[key]}) for it in one.classes if it.price_class == price_class
        ]
        responses, tokens = sum(it.responses for it in parts), total_of(it.tokens for it in parts)
        there = now.get(price_class, ClassUsage(price_class, 0, ZERO))
        if parts and (price_class not in now or there.responses < responses or not there.tokens.covers(tokens)):
            return True
    return False


def test_each_cause() -> None:
    """One session for each."""
    book = Book()
    book.start("g1", used("equal", 1), used("on", 1), used("cut", 2), used("other", 2), used("gone", 3), lost("never"))
    book.mark("g1", "a", pending(used("late", 1)), lost("up"))
    book.write("g1", book.events[1].body, "w-a")
    held: Held = {
        SessionKey("claude", name): used(name, *counts).classes
        for name, counts in {
            "equal": (1,),
            "on": (2,),
            "cut": (1,),
            "other": (0, 2),
            "late": (2,),
            "up": (4,),
            "new": (5,),
        }.items()
    }
    rows = beside(book.state, held)
    assert {key.session: row.cause for key, row in rows.items()} == {
        "equal": Cause.EQUAL,
        "on": Cause.WENT_ON,
        "cut": Cause.LOG_CHANGED,
        "other": Cause.LOG_CHANGED,
        "gone": Cause.LOG_GONE,
        "never": Cause.NEVER_LOGGED,
        "late": Cause.SETTLED_LATER,
        "up": Cause.LOG_TURNED_UP,
        "new": Cause.NO_GOAL,
    }
    assert rows[SessionKey("claude", "other")].missing == rows[SessionKey("claude", "other")].unattributed == ZERO
    assert beside(book.state, held, ("w-b",))[SessionKey("claude", "gone")].cause is Cause.ELSEWHERE


def test_a_session_that_a_goal_owns_without_having_joined_it() -> None:
    """A child session of this clone's goal is this clone's."""
    book = Book()
    book.start("g1", used("s1"))
    book.finish("g1", born(used("s1", 1)), used("s2", 1))
    (row,) = [row for row in beside(book.state, {}).values() if row.key.session == "s2"]
    assert row.cause is Cause.LOG_GONE
