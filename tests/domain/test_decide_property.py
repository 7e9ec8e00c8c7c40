"""Whatever is asked for in whatever order: what was accepted can be replayed and breaks no invariant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import event, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tallybook.domain.commands import (
    Circumstances,
    ContinueTask,
    Decision,
    FinishTask,
    MarkStage,
    Request,
    StartTask,
)
from tallybook.domain.decide import decide
from tallybook.domain.events import GoalsMerged, SessionRef, UsageSnapshot
from tallybook.domain.goal import FAILURE_REASONS, KINDS, OUTCOMES, RESULT_FITS, goal_faults, moment
from tallybook.domain.metrics import accounts
from tallybook.domain.resolve import workflow_state
from tallybook.domain.tokens import ZERO, total_of
from tallybook.domain.workflow import Work, WorkflowState
from worlds import GOALS, Book, attribute, clock, used

if TYPE_CHECKING:
    from tallybook.domain.state import LedgerState

_known = st.sampled_from(GOALS)
_goals = st.none() | _known | _known
_times = st.none() | st.integers(0, 60).map(clock) | st.just("2026-06-20T12:00:00+05:00")
_texts = st.sampled_from(("one", "two", "a longer text", ""))
_reasons = st.sampled_from((None, *FAILURE_REASONS[:2], "bad luck"))
_finishes = st.builds(
    FinishTask,
    st.sampled_from(OUTCOMES),
    _goals,
    _reasons,
    st.sampled_from((None, None, *RESULT_FITS)),
    st.none() | _texts,
    _times,
    st.booleans(),
)
_starts = st.builds(
    StartTask,
    _known,
    _texts,
    st.sampled_from((*KINDS, "chore")),
    _times,
    supersedes=_goals,
    inputs=st.lists(_known, max_size=2).map(tuple),
    budget_tokens=st.none() | st.integers(-1, 9),
    source_id=st.none() | st.just("source"),
)
_requests = st.one_of(
    _starts,
    st.builds(StartTask, _known, st.just("a title"), st.just("product")),
    st.builds(ContinueTask, _goals, _reasons, st.none() | _texts),
    st.builds(MarkStage, _texts, _goals, key=st.none() | _texts),
    _finishes,
    st.builds(FinishTask, st.just("success"), _known),
)
_merges = st.tuples(_known, _known)
_places = st.tuples(
    st.sampled_from(("tree", "other")),
    st.sampled_from(Work),
    st.sampled_from(("s", "t", None)),
    st.sampled_from(("w-a", "w-b")),
    st.integers(0, 9),
)


def circumstances(number: int, place: tuple[str, Work, str | None, str, int]) -> Circumstances:
    """The counter of a session grows by up to nine tokens per command."""
    tree, work, session, writer, more = place
    return Circumstances(
        now=clock(number),
        writers=frozenset({writer}),
        worktree=tree,
        work=work,
        session=None if session is None else SessionRef("claude", session, "flag"),
        usage=() if session is None else (used(session, 10 * number + more),),
    )


def assert_sound(state: LedgerState) -> None:
    for goal in state.goals.values():
        assert list(goal_faults(goal)) == []
        assert goal.attempt.outcome == goal.outcome
        assert all(target in state.goals for target in goal.inputs)
        for attempt in goal.attempts:
            begin, end = moment(attempt.started_at), moment(attempt.outcome.finished_at) if attempt.outcome else None
            assert begin is not None
            assert end is None or end >= begin
        if goal.supersedes is not None:
            old = state.goals[goal.supersedes]
            assert (old.superseded_by, old.kind, old.is_open) == (goal.id, goal.kind, False)
            assert list(state.goals).index(old.id) < list(state.goals).index(goal.id)


@given(st.lists(st.tuples(_requests, _places), max_size=20))
def test_what_is_accepted_is_sound(steps: list[tuple[Request, tuple[str, Work, str | None, str, int]]]) -> None:
    book = Book()
    for number, (request, place) in enumerate(steps):
        before = book.state
        answer = decide(before, circumstances(number, place), request)
        event(f"{type(request).__name__} {'accepted' if isinstance(answer, Decision) else answer.code}")
        if not isinstance(answer, Decision):
            assert answer.message
            continue
        bodies = [new.body for new in answer.events]
        assert all(new.goal == answer.goal for new in answer.events)
        assert not any(isinstance(body, UsageSnapshot) for body in bodies[1:]), "the snapshot comes first"
        for new in answer.events:
            book.write(new.goal, new.body, writer=place[3])
        after = book.state
        assert after.problems == []
        assert_sound(after)
        for new in answer.events[-1:]:
            assert after.goals[new.goal] != before.goals.get(new.goal)
    found = accounts(book.state)
    assert total_of([*(goal.measure.tokens or ZERO for goal in found.goals.values()), found.remainder_tokens]) == (
        total_of(segment.tokens for segment in attribute(book.state.lines))
    )


@given(st.lists(st.tuples(_requests, _places), max_size=12), st.lists(_merges, max_size=3))
def test_a_closed_goal_changes_by_correction_alone(
    steps: list[tuple[Request, tuple[str, Work, str | None, str, int]]], merges: list[tuple[str, str]]
) -> None:
    book = Book()
    for goal in GOALS[:3]:
        book.start(goal)
        book.finish(goal)
    for keep, drop in merges:
        book.write(keep, GoalsMerged(drop))
    closed = {goal: replace(book.state.goals[goal], superseded_by=None) for goal in GOALS[:3]}
    for number, (request, place) in enumerate(steps, 20):
        if isinstance(request, FinishTask):
            request = replace(request, amend=False)  # noqa: PLW2901 - no corrections here
        answer = decide(book.state, circumstances(number, place), request)
        if isinstance(answer, Decision):
            for new in answer.events:
                book.write(new.goal, new.body, writer=place[3])
    after = book.state.goals
    assert {goal: replace(after[goal], superseded_by=None) for goal in closed} == closed


@given(st.lists(st.tuples(_requests, _places), max_size=10), _places)
def test_the_state_of_a_worktree_is_that_of_its_own_goals(
    steps: list[tuple[Request, tuple[str, Work, str | None, str, int]]], here: tuple[str, Work, str | None, str, int]
) -> None:
    book = Book()
    for number, (request, place) in enumerate(steps):
        answer = decide(book.state, circumstances(number, place), request)
        if isinstance(answer, Decision):
            for new in answer.events:
                book.write(new.goal, new.body, writer=place[3])
    own = [
        goal
        for goal in book.state.goals.values()
        if goal.is_open and (goal.worktree, goal.writer) == (here[0], here[3])
    ]
    expected = {
        Work.UNKNOWN: WorkflowState.UNCERTAIN,
        Work.NONE: WorkflowState.ACTIVE if own else WorkflowState.CLEAN,
        Work.STARTED: WorkflowState.ACTIVE if own else WorkflowState.STARTED_WITHOUT_GOAL,
    }
    assert workflow_state(book.state, circumstances(99, here)) is expected[here[1]]
