"""Decisions: which goal a command is for, what is written for it, and in which state it is refused."""

from __future__ import annotations

import pytest
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
from tallybook.domain.events import (
    BudgetSet,
    GoalContinued,
    GoalCorrected,
    GoalFinished,
    GoalStarted,
    NewEvent,
    SessionRef,
    StageMarked,
    UsageSnapshot,
)
from tallybook.domain.goal import Goal
from tallybook.domain.problems import Refusal
from tallybook.domain.resolve import goals_here, goals_in_session, resolve, workflow_state
from tallybook.domain.state import LedgerState
from tallybook.domain.usage import SnapshotReason
from tallybook.domain.workflow import Command, Work, WorkflowState
from worlds import Book, used

SESSION = SessionRef("claude", "s", "environment")
NOW = "2026-06-20T18:00:00+00:00"
HERE = Circumstances(NOW, frozenset({"w-a"}), "tree", Work.NONE)
START = StartTask("new", "a title", "product")
DRIVING: dict[Command, Request] = {
    Command.CONTINUE: ContinueTask(),
    Command.MARK: MarkStage("stage"),
    Command.FINISH: FinishTask("success"),
}
BODIES = {Command.CONTINUE: GoalContinued, Command.MARK: StageMarked, Command.FINISH: GoalFinished}


@pytest.fixture
def book() -> Book:
    return Book()


def decision(answer: Decision | Refusal) -> Decision:
    assert isinstance(answer, Decision), answer
    return answer


def refusal(answer: Decision | Goal | Refusal) -> Refusal:
    assert isinstance(answer, Refusal), answer
    return answer


def named(request: Request, goal: str) -> Request:
    assert isinstance(request, ContinueTask | MarkStage | FinishTask)
    return replace(request, goal=goal)


@pytest.mark.parametrize("command", DRIVING)
@pytest.mark.parametrize(
    ("work", "code", "hint"),
    [
        (Work.NONE, "clean", "tally start-task"),
        (Work.STARTED, "started_without_goal", "tally ensure-active-task"),
        (Work.UNKNOWN, "uncertain", "tally start-task"),
    ],
)
def test_refused_where_nothing_is_open(command: Command, work: Work, code: str, hint: str) -> None:
    answer = refusal(decide(LedgerState(), replace(HERE, work=work), DRIVING[command]))
    assert answer.code == f"{code}-{command}"
    assert hint in answer.hint
    assert not answer.usage


@pytest.mark.parametrize("command", DRIVING)
@pytest.mark.parametrize("work", Work)
def test_done_for_the_goal_open_here(book: Book, command: Command, work: Work) -> None:
    book.start("a")
    answer = decision(decide(book.state, replace(HERE, work=work), DRIVING[command]))
    assert answer.goal == "a"
    assert [(event.goal, type(event.body)) for event in answer.events] == [("a", BODIES[command])]
    assert answer.notices == ()


@pytest.mark.parametrize("command", DRIVING)
@pytest.mark.parametrize("work", Work)
def test_done_for_an_open_goal_that_is_named_though_it_is_elsewhere(book: Book, command: Command, work: Work) -> None:
    book.start("a")
    elsewhere = replace(HERE, worktree="other", work=work)
    assert decision(decide(book.state, elsewhere, named(DRIVING[command], "a"))).goal == "a"


@pytest.mark.parametrize("command", DRIVING)
@pytest.mark.parametrize("work", Work)
def test_refused_for_a_closed_goal(book: Book, command: Command, work: Work) -> None:
    book.start("a")
    book.finish("a")
    book.start("b")
    answer = refusal(decide(book.state, replace(HERE, work=work), named(DRIVING[command], "a")))
    assert answer.code == f"closed_repair-{command}"
    assert "--supersedes" in answer.hint
    assert "a (success)" in answer.message


@pytest.mark.parametrize("command", DRIVING)
def test_refused_for_a_goal_that_is_not_here(command: Command) -> None:
    answer = refusal(decide(LedgerState(), HERE, named(DRIVING[command], "nowhere")))
    assert answer.code == "goal-unknown"
    assert "tally show" in answer.hint


@pytest.mark.parametrize(
    ("work", "opened", "words"),
    [
        (Work.NONE, False, None),
        (Work.STARTED, False, "remainder"),
        (Work.UNKNOWN, False, "git can't be asked"),
        (Work.NONE, True, "nested"),
        (Work.STARTED, True, "nested"),
        (Work.UNKNOWN, True, "git can't be asked"),
    ],
)
def test_a_start_goes_ahead_everywhere_and_says_what_is_peculiar(
    book: Book, work: Work, opened: bool, words: str | None
) -> None:
    if opened:
        book.start("a")
    answer = decision(decide(book.state, replace(HERE, work=work), START))
    assert answer.goal == "new"
    assert len(answer.notices) == (0 if words is None else 1)
    assert (words or "") in "".join(answer.notices)


def test_everything_about_a_start_is_written_snapshot_first() -> None:
    request = StartTask(
        goal="new",
        title="a title",
        kind="check",
        agent="codex",
        model="m1",
        notes="a note",
        refs=("ISSUE-1",),
        input_sources=("paper",),
        source_id="source",
        budget_tokens=5,
        untracked=True,
    )
    circumstances = replace(HERE, session=SESSION, usage=(used("s", 5),), reader="claude/1", branch="main", head="abc")
    answer = decision(decide(LedgerState(), circumstances, request))
    assert answer.events == (
        NewEvent("new", UsageSnapshot(SnapshotReason.START, (used("s", 5),), "claude/1")),
        NewEvent("new", BudgetSet(5, None)),
        NewEvent(
            "new",
            GoalStarted(
                title="a title",
                kind="check",
                started_at=NOW,
                worktree="tree",
                session=SESSION,
                untracked=True,
                agent="codex",
                model="m1",
                notes="a note",
                refs=("ISSUE-1",),
                input_sources=("paper",),
                source_id="source",
                pass_number=1,
                branch="main",
                head="abc",
            ),
        ),
    )


def test_a_money_budget_and_a_time_of_its_own() -> None:
    request = replace(START, budget_nano_usd=7, started_at="2026-06-19T10:00:00Z")
    bodies = [event.body for event in decision(decide(LedgerState(), HERE, request)).events]
    assert bodies[0] == BudgetSet(None, 7)
    assert isinstance(bodies[1], GoalStarted)
    assert bodies[1].started_at == "2026-06-19T10:00:00Z"


@pytest.mark.parametrize("command", DRIVING)
def test_the_snapshot_comes_first_and_names_its_reason(book: Book, command: Command) -> None:
    book.start("a")
    circumstances = replace(HERE, session=SESSION, usage=(used("s", 5),), reader="r")
    events = decision(decide(book.state, circumstances, DRIVING[command])).events
    reason = SnapshotReason(command.value.removesuffix("-task"))
    assert events[0] == NewEvent("a", UsageSnapshot(reason, (used("s", 5),), "r"))
    assert isinstance(events[1].body, BODIES[command])


def test_a_finish_tells_how_git_stood(book: Book) -> None:
    book.start("a")
    circumstances = replace(HERE, session=SESSION, head="abc", dirty="f00")
    request = FinishTask("fail", None, "other", "miss", "a note", "2026-06-20T17:00:00Z")
    (event,) = decision(decide(book.state, circumstances, request)).events
    assert event.body == GoalFinished("fail", "2026-06-20T17:00:00Z", "other", "miss", "a note", SESSION, "abc", "f00")


def test_passes_over_one_source_are_numbered(book: Book) -> None:
    numbers = []
    for goal, source in (("a", "x"), ("b", "x"), ("c", "y"), ("d", None)):
        request = StartTask(goal, "check", "check", source_id=source)
        body = decision(decide(book.state, HERE, request)).events[-1].body
        assert isinstance(body, GoalStarted)
        numbers.append(body.pass_number)
        book.write(goal, body)
    assert numbers == [1, 2, 1, None]


def test_a_mark_with_a_known_key_is_the_same_mark(book: Book) -> None:
    book.start("a")
    request = MarkStage("stage", key="k")
    for event in decision(decide(book.state, HERE, request)).events:
        book.write(event.goal, event.body)
    again = decision(decide(book.state, HERE, replace(request, stage="other")))
    assert (again.goal, again.events) == ("a", ())
    assert "k" in again.notices[0]
    assert decision(decide(book.state, HERE, replace(request, key="l"))).events
    assert decision(decide(book.state, HERE, replace(request, key=None))).events


def test_a_second_finish_is_refused_and_a_correction_keeps_the_old_outcome(book: Book) -> None:
    book.start("a")
    book.finish("a")
    before = book.state.goals["a"].outcome
    assert before is not None
    assert "--amend" in refusal(decide(book.state, HERE, FinishTask("success", "a"))).hint
    answer = decision(decide(book.state, HERE, FinishTask("fail", "a", "other", notes="why", amend=True)))
    (event,) = answer.events
    assert event.body == GoalCorrected("fail", before.finished_at, "other", None, "why")
    assert "stays in the ledger" in answer.notices[0]
    later = FinishTask("success", "a", finished_at="2026-06-21T00:00:00Z", amend=True)
    assert isinstance(body := decision(decide(book.state, HERE, later)).events[0].body, GoalCorrected)
    assert body.finished_at == "2026-06-21T00:00:00Z"


@pytest.mark.parametrize("goal", [None, "open", "nowhere"])
def test_only_a_closed_goal_that_is_named_can_be_corrected(book: Book, goal: str | None) -> None:
    book.start("open")
    assert refusal(decide(book.state, HERE, FinishTask("success", goal, amend=True))).code == "nothing-to-amend"


def test_a_correction_keeps_the_invariants(book: Book) -> None:
    book.start("a")
    book.finish("a")
    assert refusal(decide(book.state, HERE, FinishTask("fail", "a", amend=True))).code == "outcome-invalid"


def found(book: Book, circumstances: Circumstances) -> str | None:
    goal = resolve(book.state, circumstances, Command.MARK, None)
    return goal.id if isinstance(goal, Goal) else goal.code


IN_S = replace(HERE, session=SESSION)


def test_the_only_goal_of_the_worktree(book: Book) -> None:
    book.start("a", used("t", 1))
    assert found(book, HERE) == "a"
    assert found(book, IN_S) == "a"


def test_of_several_goals_here_none_is_guessed(book: Book) -> None:
    book.start("a")
    book.start("b")
    answer = refusal(decide(book.state, HERE, MarkStage("stage")))
    assert answer.code == "several-goals"
    assert "a title of a; b title of b" in answer.message
    assert "tally show" in answer.hint
    assert found(book, IN_S) == "several-goals"


def test_of_several_goals_here_the_one_of_this_session(book: Book) -> None:
    book.start("a", used("s", 1))
    book.start("b", used("t", 1))
    assert found(book, IN_S) == "a"
    assert found(book, HERE) == "several-goals"


def test_of_several_goals_of_this_session_none_is_guessed(book: Book) -> None:
    book.start("a", used("s", 1))
    book.start("b", used("s", 1))
    assert found(book, IN_S) == "several-goals"


def test_session_and_worktree_that_disagree(book: Book) -> None:
    book.snap("a", used("s", 1))
    book.write("a", GoalStarted("a", "product", NOW, "other", SESSION))
    assert found(book, IN_S) == "a", "nothing else is open here"
    book.start("b", used("t", 1))
    assert found(book, IN_S) == "several-goals"
    assert found(book, HERE) == "b"


def test_goals_of_another_clone_are_never_picked(book: Book) -> None:
    book.start("a", used("t", 1))
    theirs = replace(IN_S, writers=frozenset({"w-b"}))
    assert goals_here(book.state, theirs) == []
    assert found(book, theirs) == "clean-mark"
    assert found(book, replace(theirs, writers=frozenset({"w-b", "w-a"}))) == "a"


def test_goals_that_were_closed_are_no_longer_found(book: Book) -> None:
    book.start("a", used("s", 1))
    book.finish("a")
    assert found(book, IN_S) == "clean-mark"
    assert goals_in_session(book.state, IN_S) == []
    assert goals_in_session(book.state, HERE) == []
    assert workflow_state(book.state, HERE) is WorkflowState.CLEAN


@pytest.mark.parametrize(("command", "code"), [(Command.UPDATE, "clean-update"), (Command.COMMIT, "clean-commit")])
def test_commands_that_need_a_goal_that_is_named(book: Book, command: Command, code: str) -> None:
    book.start("a")
    book.finish("a")
    answer = refusal(resolve(book.state, HERE, command, None))
    assert answer.code == code
    assert "tally " in answer.hint
    assert isinstance(resolve(book.state, HERE, command, "a"), Goal)


def test_a_refusal_tells_what_became_of_the_goal(book: Book) -> None:
    for goal in "abc":
        book.start(goal)
        book.finish(goal)
    book.write("d", GoalStarted("d", "product", NOW, "tree", supersedes="a"))
    book.merge("c", "b")
    assert "superseded by d" in refusal(resolve(book.state, HERE, Command.MARK, "a")).message
    assert "merged into c" in refusal(resolve(book.state, HERE, Command.MARK, "b")).message
