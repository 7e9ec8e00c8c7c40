"""The audit as a pure function: it bears any ledger, and its limits are what they are said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tallybook.domain.audit import audit
from tallybook.domain.events import GoalCorrected, GoalFinished, GoalStarted, UsageManual
from tallybook.domain.findings import DAY, HOUR, Code, Facts, Finding, Limits, commanded_at, ended_at
from tallybook.domain.money import Cost, Unpriced
from tallybook.domain.outcome_audit import is_claim
from tallybook.domain.replay import fold
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import SessionKey
from tallybook.domain.usage_audit import lacking
from worlds import AGENTS, GOALS, WRITERS, Book, messy_events, used

if TYPE_CHECKING:
    from tallybook.domain.events import Event
    from tallybook.domain.state import LedgerState

NOON = 1_781_956_800_000_000
"""2026-06-20 12:00 UTC."""
_keys = st.builds(SessionKey, st.sampled_from(AGENTS), st.sampled_from(("s1", "s2", "s3", "s4")))
_times = st.integers(NOON - 5 * DAY, NOON + 30 * DAY)
_files = st.dictionaries(st.sampled_from(GOALS), st.frozensets(st.sampled_from("abcdef")))
_facts = st.builds(
    Facts,
    now=_times,
    writers=st.frozensets(st.sampled_from(WRITERS)),
    last_at=st.dictionaries(_keys, st.none() | _times),
    fillable=st.frozensets(st.sampled_from(GOALS)),
    files=_files,
    unpublished=st.integers(0, 3),
    publishes=st.booleans(),
)


def at(hour: int, day: int = 20) -> str:
    return f"2026-06-{day:02}T{hour:02}:00:00+00:00"


def by_goal(found: tuple[Finding, ...], *codes: Code) -> dict[str, Finding]:
    """The findings of these codes by goal, of which each has one at most."""
    some = [it for it in found if it.code in codes and it.goal is not None]
    told = {it.goal: it for it in some if it.goal is not None}
    assert len(told) == len(some)
    return told


@given(messy_events(), _facts, st.none() | _times)
def test_any_ledger_can_be_audited(events: list[Event], facts: Facts, since: int | None) -> None:
    """Each goal has one finding of each kind at most; none is of a goal that is counted with another one."""
    state = fold(events)
    facts = replace(facts, settleable=frozenset(state.pending))
    found = audit(state, facts, since)
    order = [(it.note, list(Code).index(it.code)) for it in found]
    assert order == sorted(order)
    claims = by_goal(found, Code.LIKELY_MISS, Code.LIKELY_PARTIAL_FIT)
    assert all(is_claim(state.goals[goal]) for goal in claims)
    assert all(state.goals[goal].superseded_by is None or claims[goal].code is Code.LIKELY_MISS for goal in claims)
    assert all(state.goals[goal].is_open for goal in by_goal(found, Code.STALE_OPEN))
    gaps = by_goal(found, Code.UNRESOLVED_SESSION, Code.INCOMPLETE_WINDOW)
    lacks = [goal.id for goal in lacking(state, facts.writers) if since is None or _is_late(state, goal.id, since)]
    assert set(gaps) == set(lacks)
    for it in found:
        assert it.message
        assert it.hint.startswith("tally ") or it.goal is None
        assert it.goal is None or it.goal not in state.goals or it.code is Code.SYNC_GAP or _stands(state, it.goal)
        assert it.goal not in it.related


def _stands(state: LedgerState, goal: str) -> bool:
    return state.goals[goal].merged_into is None


def _is_late(state: LedgerState, goal: str, since: int) -> bool:
    end = ended_at(state.goals[goal])
    return end is None or end >= since


@given(messy_events(), _facts)
def test_wider_limits_find_no_more(events: list[Event], facts: Facts) -> None:
    """Except that a miss of less may be a partial fit of more."""
    state = fold(events)
    narrow = Limits(attempts=2, idle_hours=24, silent_days=3, gap_hours=6, partial_percent=10, follow_up_days=20)
    wide = Limits(attempts=4, idle_hours=96, silent_days=20, gap_hours=48, partial_percent=40, follow_up_days=5)
    more, less = audit(state, facts, limits=narrow), audit(state, facts, limits=wide)
    for codes in ((Code.LIKELY_MISS, Code.LIKELY_PARTIAL_FIT), (Code.STALE_OPEN,), (Code.LIKELY_MISS,)):
        assert set(by_goal(less, *codes)) <= set(by_goal(more, *codes))


def success(book: Book, goal: str, start: str, end: str, *refs: str) -> None:
    book.write(goal, GoalStarted(f"title of {goal}", "product", start, "tree", refs=refs, untracked=True))
    book.write(goal, GoalFinished("success", end))


def found_in(book: Book, **facts: object) -> dict[str, Code]:
    """Goal and code of what is wrong there."""
    told = audit(book.state, replace(Facts(now=NOON, writers=frozenset(WRITERS)), **facts))
    return {it.goal: it.code for it in told if it.goal is not None}


def test_work_that_began_before_the_end_does_not_follow() -> None:
    """Nor does the goal itself; what begins in the very moment of the end does."""
    book = Book()
    success(book, "g1", at(9), at(10), "r")
    success(book, "g2", at(10), at(11), "r")
    assert found_in(book) == {"g1": Code.LIKELY_MISS}
    book = Book()
    success(book, "g1", at(9), at(10), "r")
    success(book, "g2", at(9), at(11), "r")
    assert found_in(book) == {}
    book = Book()
    success(book, "g1", at(9), at(9), "r")
    assert found_in(book) == {}


def test_what_was_touched_most_decides() -> None:
    """Of two that follow the one with more files is told; a share is rounded down."""
    book = Book()
    for number in range(3):
        success(book, f"g{number}", at(9 + number), at(9 + number))
    files = {"g0": frozenset("abcdef"), "g1": frozenset("a"), "g2": frozenset("abx")}
    (finding,) = audit(book.state, Facts(now=NOON, files=files))
    assert (finding.code, finding.related) == (Code.LIKELY_PARTIAL_FIT, ("g2",))
    assert finding.message == "g2 changed 33 % of its files again"
    assert found_in(book, files={**files, "g2": frozenset("abc")}) == {"g0": Code.LIKELY_MISS}


def test_times_that_can_not_be_read() -> None:
    """Such a goal follows nothing and is followed by nothing; when it was commanded the event itself tells."""
    book = Book()
    success(book, "g1", at(9), "no time", "r")
    success(book, "g2", "no time", at(11), "r")
    success(book, "g3", at(12), at(13), "r")
    assert found_in(book) == {"g2": Code.LIKELY_MISS}
    state = book.state
    assert ended_at(state.goals["g1"]) is None
    assert commanded_at(state.goals["g2"]) == int(state.goals["g2"].activated[0][:13]) * 1000
    assert commanded_at(replace(state.goals["g2"], activated=("odd", "w-a", 1))) == 0


def test_corrections_and_numbers_by_hand_are_answers() -> None:
    book = Book()
    success(book, "g1", at(9), at(10), "r")
    success(book, "g2", at(10), at(11), "r")
    book.write("g1", GoalCorrected("success", at(10), result_fit="exact_fit"))
    book.write("g3", GoalStarted("t", "meta", at(9), "tree"))
    book.write("g3", GoalFinished("success", at(10)))
    assert found_in(book) == {"g3": Code.UNRESOLVED_SESSION}
    assert found_in(book, writers=frozenset({"w-b"})) == {}
    book.write("g3", UsageManual(TokenVector(input=1)))
    assert found_in(book) == {}


def test_shares_of_a_price() -> None:
    """To the percent; a goal that is counted with another one, or has numbers by hand, is none."""
    book = Book()
    for name in ("g1", "g2", "g3", "g4"):
        book.start(name, used(name))
        book.finish(name, used(name, 3))
    book.write("g3", UsageManual(TokenVector(input=1)))
    none = frozenset({Unpriced("own", "nobody knows it")})
    costs = {"g1": Cost(1, 90, 100, none), "g2": Cost(1, 89, 100, none), "g3": Cost(0, 0, 9, none), "g4": Cost(1, 9, 9)}
    assert found_in(book, costs=costs) == {"g2": Code.LOW_COST_COVERAGE}


def test_limits_of_an_open_goal() -> None:
    """To the hour: idle, and a session that goes on."""
    book = Book()
    book.start("g1", used("s1"))
    key, limits = SessionKey("claude", "s1"), Limits()
    begun = commanded_at(book.state.goals["g1"])
    idle, gap = limits.idle_hours * HOUR, limits.gap_hours * HOUR
    assert found_in(book, now=begun + idle - 1) == {}
    assert found_in(book, now=begun + idle) == {"g1": Code.STALE_OPEN}
    assert found_in(book, now=begun + idle, last_at={key: begun + gap - 1}) == {}
    assert found_in(book, now=begun + idle, last_at={key: begun + gap}) == {"g1": Code.SYNC_GAP}
    assert found_in(book, now=begun + idle, last_at={key: begun + gap}, writers=frozenset()) == {}
