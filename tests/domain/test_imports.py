"""Records of another system become events that are still missing, whatever they say of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tallybook.domain.events import (
    Event,
    GoalContinued,
    GoalCorrected,
    GoalFinished,
    GoalsMerged,
    GoalStarted,
    GoalUpdated,
    NewEvent,
    StageMarked,
)
from tallybook.domain.goal import Outcome
from tallybook.domain.import_plan import plan
from tallybook.domain.imports import ImportedAttempt, ImportedGoal, ImportedStage, imported_id
from tallybook.domain.replay import fold
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from tallybook.domain.state import LedgerState

AT = "2026-01-05T10:00:00.000000Z"
LATE = "2026-01-05T12:00:00.000000Z"


def record(name: str, **members: object) -> ImportedGoal:
    """One goal that is open."""
    base = ImportedGoal("events", name, "260105", name, "product", AT, attempts=(ImportedAttempt(AT),))
    return replace(base, **members)


DONE = Outcome("success", LATE)


def after(*rounds: list[ImportedGoal]) -> LedgerState:
    """The state after imports, one after the other."""
    events: list[Event] = []
    state = fold([])
    for records in rounds:
        events += numbered(plan(state, records).events, len(events))
        state = fold(events)
    return state


def numbered(new: tuple[NewEvent, ...], first: int) -> list[Event]:
    """The same as lines of a ledger."""
    return [
        Event(
            f"01935f4e-8a7b-7c3d-9e2f-{number:012}", "w-00000001", number, AT, f"{number:013}-0000", one.goal, one.body
        )
        for number, one in enumerate(new, first + 1)
    ]


def types(state: LedgerState, *records: ImportedGoal) -> list[str]:
    """What a further import would write."""
    return [one.body.TYPE for one in plan(state, records).events]


def test_ids_follow_from_ids_there() -> None:
    """The same wherever it is taken; another system or another id is another goal."""
    assert imported_id("events", "a", "260105") == imported_id("events", "a", "260105")
    assert len({imported_id(system, name, "260105") for system in ("events", "analyses") for name in "abc"}) == 6
    assert imported_id("events", "a", "260105").startswith("g260105-")


def test_where_it_was_read_changes_nothing() -> None:
    """The same record in another file, or on another line."""
    one = record("a")
    moved = replace(one, where=replace(one.where, file="other", line=7))
    assert one.source == moved.source
    assert types(after([one]), moved) == []


def test_an_open_goal_goes_on() -> None:
    """Further attempts and stages, each once, and then the end."""
    one = record("a", stages=(ImportedStage("read", AT),))
    more = replace(
        one,
        attempts=(ImportedAttempt(AT, "model_mistake"), ImportedAttempt(LATE)),
        stages=(*one.stages, ImportedStage("write", LATE)),
        tokens=TokenVector(output=3),
        outcome=DONE,
    )
    state = after([one], [more])
    assert types(after([one]), more) == [
        "goal_updated", GoalContinued.TYPE, StageMarked.TYPE, "usage_manual", GoalFinished.TYPE,
    ]  # fmt: skip
    goal = state.goals[one.goal]
    assert [attempt.outcome and attempt.outcome.failure_reason for attempt in goal.attempts] == ["model_mistake", None]
    assert goal.outcome == DONE
    assert types(state, more) == []


def test_a_closed_goal_is_corrected_and_never_opened() -> None:
    """Another end is a correction; a record without one is an older state."""
    one = record("a", outcome=DONE)
    failed = replace(one, outcome=Outcome("fail", LATE, "other"))
    assert types(after([one]), failed) == ["goal_updated", GoalCorrected.TYPE]
    assert types(after([one]), replace(one, outcome=None, attempts=(ImportedAttempt(AT),) * 3)) == ["goal_updated"]


def test_a_successor_needs_a_closed_goal_of_its_kind() -> None:
    """That nobody has replaced yet; also one that was taken before."""
    old = record("a", outcome=DONE)
    state = after([old])
    new = record("b", supersedes="a")
    assert after([old], [new]).goals[new.goal].supersedes == old.goal
    for other, why in (
        (replace(old, outcome=None), "it is open"),
        (replace(old, kind="meta"), "of another kind"),
    ):
        (note,) = plan(fold([]), [other, new]).notes
        assert why in note.text
    (note,) = plan(after([old], [new]), [record("c", supersedes="a")]).notes
    assert "another goal has replaced it already" in note.text
    (note,) = plan(state, [record("c", supersedes="nowhere")]).notes
    assert "it is not here" in note.text


def test_claims_are_told_with_the_start() -> None:
    """How many statements a check took and changed."""
    one = record("a", kind="check", claims_extracted=4)
    claims = after([one]).goals[one.goal].claims
    assert claims is not None
    assert (claims.extracted, claims.updated) == (4, None)


def test_tokens_are_told_with_the_start() -> None:
    """As numbers by hand."""
    one = record("a", tokens=TokenVector(output=3), unreported=("input",))
    manual = after([one]).goals[one.goal].manual
    assert manual is not None
    assert (manual.tokens.output, manual.unreported) == (3, ("input",))


def test_circles_are_cut_where_they_close() -> None:
    """Of successors, of inputs, of a goal with itself."""
    one, two = record("a", outcome=DONE, supersedes="b"), record("b", outcome=DONE, supersedes="a")
    found = plan(fold([]), [one, two])
    assert len(found.notes) == 1
    one, two = record("a", inputs=("b", "a")), record("b", inputs=("a",))
    state = after([one, two])
    assert sorted(len(goal.inputs) for goal in state.goals.values()) == [0, 1]


def test_merges_once_and_never_in_a_circle() -> None:
    """The kept goal gets the event; where two were merged into each other, one is."""
    keep, drop = record("a", outcome=DONE), record("b", outcome=DONE, merged_into="a")
    state = after([keep, drop])
    assert state.goals[drop.goal].merged_into == keep.goal
    assert types(state, drop) == []
    (merge,) = [one for one in plan(fold([]), [keep, drop]).events if isinstance(one.body, GoalsMerged)]
    assert (merge.goal, merge.body) == (keep.goal, GoalsMerged(drop.goal))
    for wrong in ("b", "nowhere"):
        (note,) = plan(fold([]), [replace(drop, merged_into=wrong)]).notes
        assert "was left out" in note.text
    ring = [record(name, outcome=DONE, merged_into=after) for name, after in ("ab", "bc", "ca")]
    found = plan(fold([]), ring)
    assert len(found.notes) == 1
    state = after(ring)
    assert sum(goal.merged_into is None for goal in state.goals.values()) == 1
    assert after([keep], [drop]).goals[drop.goal].merged_into == keep.goal
    tail = [*ring, record("d", outcome=DONE, merged_into="a")]
    assert len(plan(fold([]), tail).notes) == 1


def test_goals_that_were_taken_before_their_record_was_kept() -> None:
    """They are brought to it once; a source of another record takes the place of what was known."""
    one = record("a", title="new")
    old = GoalStarted(title="old", kind="product", started_at=AT, untracked=True, refs=(one.reference,))
    events = numbered((NewEvent(one.goal, old),), 0)
    events += numbered(plan(fold(events), [one]).events, 1)
    state = fold(events)
    assert (state.goals[one.goal].title, state.goals[one.goal].source) == ("new", one.source)
    assert plan(state, [one]).events == ()
    other = replace(one.source, id="b")
    events += numbered((NewEvent(one.goal, GoalUpdated(source=other)),), 5)
    assert fold(events).goals[one.goal].source == other


def test_what_a_closed_goal_can_not_take_is_told() -> None:
    """Attempts and stages that came since; an end that is taken back there."""
    closed = record("a", outcome=DONE, told_at=AT)
    attempts = (ImportedAttempt(AT, "other"), ImportedAttempt(LATE))
    grown = replace(closed, told_at=LATE, outcome=None, attempts=attempts, stages=(ImportedStage("read", AT),))
    notes = " ".join(note.text for note in plan(after([closed]), [grown]).notes)
    assert "it is open there again" in notes
    assert "attempts after the 1" in notes
    assert "stages that came since" in notes


def test_a_merge_that_comes_later() -> None:
    """Of goals that are here already; the dropped one has grown by it."""
    one, two = record("a"), record("b")
    found = plan(after([one, two]), [one, replace(two, merged_into="a")])
    assert [event.body.TYPE for event in found.events] == ["goals_merged"]
    assert found.grown == (two.goal,)


@st.composite
def histories(draw: st.DrawFn) -> list[ImportedGoal]:
    """The states of one record, as its system tells them one after the other: attempts and stages only grow."""
    told: list[ImportedGoal] = []
    attempts: tuple[ImportedAttempt, ...] = (ImportedAttempt(AT),)
    stages: tuple[ImportedStage, ...] = ()
    outcome = None
    for day in range(1, draw(st.integers(2, 4))):
        if outcome is None and draw(st.booleans()):
            attempts = (*attempts[:-1], replace(attempts[-1], failure_reason="other"), ImportedAttempt(LATE))
        if outcome is None and draw(st.booleans()):
            stages = (*stages, ImportedStage(f"stage {len(stages)}", AT))
        if draw(st.booleans()):
            outcome = Outcome("success", LATE) if draw(st.booleans()) else Outcome("fail", LATE, "other")
        told.append(
            record(
                "a",
                told_at=f"2026-01-{day:02}T10:00:00.000000Z",
                title=draw(st.sampled_from(["one", "two"])),
                notes=draw(st.sampled_from(["n", "m"])),
                tokens=TokenVector(draw(st.integers(1, 3))),
                outcome=outcome,
                attempts=attempts,
                stages=stages,
            )
        )
    return told


@settings(deadline=None)
@given(histories(), st.data())
def test_clones_that_import_before_they_meet(told: list[ImportedGoal], data: st.DataObject) -> None:
    """Nothing is found in their union, in which a last import makes of the goal what the record says in the end."""
    some = st.lists(st.sampled_from(told[:-1] or told), max_size=3)
    events: list[Event] = []
    for writer in ("w-00000001", "w-00000002"):
        own: list[Event] = []
        rounds = data.draw(some)
        times = sorted(data.draw(st.lists(st.integers(0, 9), min_size=len(rounds), max_size=len(rounds))))
        for one, time in zip(rounds, times, strict=True):
            own += [
                replace(
                    event,
                    writer=writer,
                    id=f"01935f4e-8a7b-7c3d-9e2f-{writer[-1]}{event.seq:011}",
                    hlc=f"{time:013}-0000",
                )
                for event in numbered(plan(fold(own), [one]).events, len(own))
            ]
        events += own
    state = fold(events)
    assert {problem.code for problem in state.problems} <= {"goal-finished-twice"}, state.problems
    last = told[-1]
    more = numbered(plan(state, [last]).events, 5000)
    whole = fold([*events, *more])
    goal = whole.goals[last.goal]
    assert (goal.title, goal.notes) == (last.title, last.notes)
    assert goal.manual is not None
    assert goal.manual.tokens == last.tokens
    assert goal.outcome == last.outcome
    assert plan(whole, [last]).events == ()
