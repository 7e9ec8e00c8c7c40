"""The audit of costs as a pure function: each goal is whole or stands in one category, whatever the ledger tells."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tallybook.domain.backfill import Candidate, Evidence, Verdict, Weighed
from tallybook.domain.cost_audit import cost_audit
from tallybook.domain.events import GoalFinished, GoalStarted
from tallybook.domain.findings import DAY, Facts
from tallybook.domain.lost_ends import End, lost
from tallybook.domain.metrics import accounts
from tallybook.domain.money import NOTHING, Cost, Unpriced
from tallybook.domain.quality import Quality
from tallybook.domain.replay import fold
from tallybook.domain.shortfalls import Category, CostAudit, Known, Scope, Shortfall
from tallybook.domain.tokens import ZERO, TokenVector
from tallybook.domain.usage import SessionKey
from worlds import AGENTS, GOALS, WRITERS, Book, born, messy_events, pending, used
from worlds import lost as unlogged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallybook.domain.events import Event

NOON = 1_781_956_800_000_000
"""2026-06-20 12:00 UTC."""
NO_PRICE = Unpriced("own-1", "nobody knows it")
_keys = st.builds(SessionKey, st.sampled_from(AGENTS), st.sampled_from(("s1", "s2", "s3", "s4")))
_times = st.integers(NOON - 5 * DAY, NOON + 30 * DAY)
_counters = st.lists(st.integers(0, 9), max_size=3).map(lambda counts: used("s", *counts).classes)
_weighed = st.builds(
    Weighed,
    candidate=st.builds(Candidate, _keys, st.sampled_from(Evidence), st.just(())),
    gain=st.none() | st.integers(0, 9).map(lambda count: TokenVector(input=count)),
)
_verdicts = st.builds(
    Verdict,
    st.just(""),
    st.sampled_from((None, "nothing", "ambiguous", "open")),
    st.lists(_weighed, max_size=2).map(tuple),
    st.lists(_weighed, max_size=5).map(tuple),
)
_costs = st.sampled_from(
    (
        Cost(5, 2, 2),
        Cost(5, 2, 4, frozenset({NO_PRICE})),
        Cost(0, 0, 3, frozenset({NO_PRICE, Unpriced("-x", "odd")})),
    )
)
_known = st.builds(
    Known,
    facts=st.builds(
        Facts,
        now=_times,
        writers=st.frozensets(st.sampled_from(WRITERS)),
        last_at=st.dictionaries(_keys, st.none() | _times),
        costs=st.dictionaries(st.sampled_from(GOALS), _costs),
    ),
    agents=st.dictionaries(st.sampled_from(AGENTS), st.sampled_from(((), ("what is thrown away",)))),
    captures=st.booleans(),
    verdicts=st.dictionaries(st.sampled_from(GOALS), _verdicts),
    ends=st.dictionaries(st.sampled_from(GOALS), st.lists(st.builds(End, _keys, _counters, _counters)).map(tuple)),
)
_scopes = st.builds(Scope, st.none() | _times, st.none() | _times, st.frozensets(st.sampled_from(("product", "meta"))))


def by_goal(found: CostAudit) -> dict[str, Shortfall]:
    told = {one.goal: one for one in found.shortfalls}
    assert len(told) == len(found.shortfalls)
    return told


@given(messy_events(), _known, _scopes, st.randoms(use_true_random=False))
def test_each_goal_is_whole_or_stands_in_one_category(
    events: list[Event], known: Known, scope: Scope, rng: object
) -> None:
    """All goals that are looked at, each once; counts add up; it does not matter in which order events came."""
    state = fold(events)
    known = replace(known, facts=replace(known.facts, settleable=frozenset(list(state.pending)[::2])))
    found = cost_audit(state, known, scope)
    told = by_goal(found)
    looked = {goal.id for goal in state.goals.values() if scope.has(goal)}
    assert told.keys() | set(found.whole) == looked
    assert told.keys().isdisjoint(found.whole)
    assert found.looked == len(looked)
    assert sum(found.count(category) for category in Category) + len(found.whole) == found.looked
    order = list(Category)
    places = [(order.index(one.category), -one.reason.missing) for one in found.shortfalls]
    assert places == sorted(places)
    for one in found.shortfalls:
        assert one.category == min((reason.category for reason in one.reasons), key=order.index)
        assert {one.category, *one.also} == {reason.category for reason in one.reasons}
        assert one.category not in one.also
        for reason in one.reasons:
            assert reason.message
            assert shlex.split(reason.command)[0] == "tally"
            assert reason.missing >= 0
    shuffled = list(events)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert cost_audit(fold(shuffled), known, scope) == found


@given(messy_events(), _known, _scopes)
def test_verdicts_are_asked_for_once_and_where_they_are_told(events: list[Event], known: Known, scope: Scope) -> None:
    """The answer is as if all of them had been known before."""
    state, asked = fold(events), list[str]()

    def foresee(goals: Sequence[str]) -> Mapping[str, Verdict]:
        assert not asked
        asked.extend(goals)
        return {goal: verdict for goal, verdict in known.verdicts.items() if goal in goals}

    found = cost_audit(state, replace(known, verdicts={}), scope, foresee)
    assert found == cost_audit(state, known, scope)
    assert len(set(asked)) == len(asked)
    assert {one.goal for one in found.shortfalls} <= set(asked)


@given(messy_events(), _known)
def test_what_is_whole_has_a_number_and_a_price(events: list[Event], known: Known) -> None:
    """It is closed, measured in all its parts, and nothing of it is without a price."""
    state = fold(events)
    for goal in cost_audit(state, known).whole:
        measure = accounts(state).goals[goal].measure
        assert not state.goals[goal].is_open
        assert measure.tokens is not None
        assert measure.quality not in {Quality.LOWER_BOUND, Quality.UNMEASURED}
        assert known.facts.costs.get(goal, NOTHING).share == 1


@given(messy_events(), _known)
def test_what_has_no_number_is_never_called_partial(events: list[Event], known: Known) -> None:
    state = fold(events)
    for one in cost_audit(state, known).shortfalls:
        has_number = accounts(state).goals[one.goal].measure.tokens is not None
        assert (one.tokens is not None) == has_number
        found = {reason.category for reason in one.reasons}
        none = {Category.UNRESOLVED_SESSION, Category.NO_DATA, Category.UNAVAILABLE_TELEMETRY}
        assert not found & ({Category.PARTIAL_COVERAGE} if not has_number else none)
        assert one.attempts.measured <= one.attempts.all
        assert one.stages.measured <= one.stages.all


def test_models_without_a_price() -> None:
    """The first is named, in a command that a shell and the parser take as it is."""
    book = Book()
    book.start("g1", used("s1", 1))
    book.finish("g1", used("s1", 3))
    cost = Cost(0, 1, 3, frozenset({NO_PRICE, Unpriced("-x y", "odd")}))
    known = Known(Facts(NOON, writers=frozenset({"w-a"}), costs={"g1": cost}))
    (one,) = cost_audit(book.state, known).shortfalls
    assert one.reason.message == "2 of its 3 tokens have no price: -x y (odd), and 1 more"
    assert one.reason.command == "tally prices show -- '-x y'"
    cost = Cost(0, 1, 3, frozenset({NO_PRICE}))
    one_model = replace(known, facts=replace(known.facts, costs={"g1": cost}))
    assert cost_audit(book.state, one_model).shortfalls[0].reason.command == "tally prices show own-1"


def test_the_end_of_a_goal() -> None:
    """What came after its last boundary counts as lost, as far as no goal owns it and no boundary covers it."""
    book = Book()
    book.start("g1", used("s1", 1))
    book.mark("g1", "plan", used("s1", 3))
    book.write("g1", GoalFinished("success", "2026-06-20T12:00:00+00:00"))
    key = SessionKey("claude", "s1")

    def missing(until: int, goal: str = "g1") -> int:
        return lost(book.state.lines[key], goal, End(key, (), used("s1", until).classes)).total

    assert [missing(count) for count in (2, 3, 7)] == [0, 0, 4]
    book.start("g2", used("s1", 5))
    assert [missing(count) for count in (3, 4, 5, 7)] == [0, 1, 2, 4]
    assert missing(7, "g2") == 0
    assert lost(None, "g1", End(key, used("s1", 2).classes, used("s1", 7).classes)).total == 5
    assert lost(None, "g1", End(key, used("s1", 7).classes, used("s1", 2).classes)) == ZERO
    book.write("g2", GoalFinished("success", "2026-06-20T12:00:00+00:00"))
    book.start("g3", used("s1", 9))
    book.mark("g3", "plan", used("s1", 9, 4))
    assert missing(9) == 6


def test_logs_that_tell_only_the_least() -> None:
    """They are a part, whatever else there may be."""
    book = Book()
    book.start("g1", used("s1", 1))
    book.finish("g1", replace(used("s1", 3), quality=Quality.LOWER_BOUND))
    (one,) = cost_audit(book.state, Known(Facts(NOON, writers=frozenset({"w-a"})))).shortfalls
    assert (one.category, one.reason.command) == (Category.PARTIAL_COVERAGE, "tally why s1")
    message = "its logs tell only the least that it used up to 1 boundary (claude s1)"
    assert one.reason.message == message


def test_a_lost_end_is_a_gap() -> None:
    """Of a goal that is measured up to there; a message names some sessions, and how many more there are."""
    book = Book()
    sessions = [used(f"s{number}", 2) for number in range(6)]
    book.start("g1", *sessions)
    book.mark("g1", "plan", *(used(f"s{number}", 4) for number in range(6)))
    book.write("g1", GoalFinished("success", "2026-06-20T12:00:00+00:00"))
    ends = tuple(End(SessionKey("claude", f"s{number}"), (), used("x", 5).classes) for number in range(6))
    known = Known(Facts(NOON, writers=frozenset({"w-a"})), ends={"g1": ends})
    (one,) = cost_audit(book.state, known).shortfalls
    assert (one.category, one.reason.missing, len(one.reason.sessions)) == (Category.SYNC_GAP, 6, 6)
    assert one.reason.message.endswith(" (claude s0, claude s1, claude s2, 3 more)")
    assert cost_audit(book.state, replace(known, ends={})).whole == ("g1",)


def test_times_in_any_order() -> None:
    """A goal whose times can't be read has none that go back, and is in every scope."""
    book = Book()
    book.start("g1", born(used("s1", 1)))
    book.write("g1", GoalFinished("success", "no time"))
    known = Known(Facts(NOON, writers=frozenset({"w-a"})))
    assert cost_audit(book.state, known, Scope(NOON, NOON)).whole == ("g1",)
    book.write("g2", GoalStarted("t", "meta", "no time", "tree"))
    (one,) = cost_audit(book.state, known, Scope(NOON, NOON, frozenset({"meta"}))).shortfalls
    assert (one.goal, one.category) == ("g2", Category.NO_DATA)


def test_a_part_that_waits_and_a_part_without_a_log() -> None:
    """The worst counts, the other is told beside it."""
    book = Book()
    book.start("g1", used("s1", 1), unlogged("s2"))
    book.finish("g1", pending(used("s1", 3)), unlogged("s2"))
    known = Known(Facts(NOON, writers=frozenset({"w-a"})))
    (one,) = cost_audit(book.state, known).shortfalls
    assert (one.category, one.also) == (Category.PARTIAL_COVERAGE, (Category.INCOMPLETE_WINDOW,))
    settled = replace(known, facts=replace(known.facts, settleable=frozenset(book.state.pending)))
    (one,) = cost_audit(book.state, settled).shortfalls
    assert (one.category, one.reason.command) == (Category.SYNC_GAP, "tally settle")
