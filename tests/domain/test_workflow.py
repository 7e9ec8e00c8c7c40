"""The task state machine, cell by cell against a table written by hand."""

from __future__ import annotations

import pytest

from tallybook.domain.workflow import TABLE, Command, Verdict, Work, WorkflowState, verdict, worktree_state

COMMANDS = tuple(Command)
NO_GOAL = {
    WorkflowState.CLEAN: "allow refuse refuse refuse needs_goal notice allow needs_goal",
    WorkflowState.ACTIVE: "notice allow allow allow allow notice allow allow",
    WorkflowState.STARTED_WITHOUT_GOAL: "notice refuse refuse refuse needs_goal allow notice needs_goal",
    WorkflowState.UNCERTAIN: "notice refuse refuse refuse allow notice notice allow",
    WorkflowState.CLOSED_REPAIR: "allow refuse refuse refuse allow refuse allow allow",
}
OPEN_GOAL = {
    WorkflowState.CLEAN: "allow allow allow allow allow notice allow allow",
    WorkflowState.ACTIVE: "notice allow allow allow allow notice allow allow",
    WorkflowState.STARTED_WITHOUT_GOAL: "notice allow allow allow allow allow notice allow",
    WorkflowState.UNCERTAIN: "notice allow allow allow allow notice notice allow",
    WorkflowState.CLOSED_REPAIR: "allow refuse refuse refuse allow refuse allow allow",
}
CELLS = [(state, command) for state in WorkflowState for command in Command]


def test_the_columns_stand_in_the_order_of_the_tables_here() -> None:
    assert [str(command) for command in COMMANDS] == [
        "start-task",
        "continue-task",
        "mark",
        "finish-task",
        "update",
        "ensure-active-task",
        "show",
        "commit",
    ]


def test_every_cell_is_there() -> None:
    assert set(TABLE) == set(CELLS)


@pytest.mark.parametrize(("state", "command"), CELLS)
@pytest.mark.parametrize("goal_is_open", [False, True])
def test_verdict(state: WorkflowState, command: Command, goal_is_open: bool) -> None:
    expected = (OPEN_GOAL if goal_is_open else NO_GOAL)[state].split()[COMMANDS.index(command)]
    cell = verdict(state, command, goal_is_open=goal_is_open)
    assert cell.verdict == expected
    if cell.verdict in {Verdict.REFUSE, Verdict.NEEDS_GOAL}:
        assert cell.say
        assert "tally " in cell.hint
    if cell.verdict is Verdict.NOTICE:
        assert cell.say


@pytest.mark.parametrize("command", [Command.CONTINUE, Command.MARK, Command.FINISH])
def test_the_hint_fits_the_state(command: Command) -> None:
    def hint(state: WorkflowState) -> str:
        return verdict(state, command, goal_is_open=False).hint

    assert "tally start-task" in hint(WorkflowState.CLEAN)
    assert "tally start-task" in hint(WorkflowState.UNCERTAIN)
    assert "tally ensure-active-task" in hint(WorkflowState.STARTED_WITHOUT_GOAL)
    assert "tally start-task --supersedes" in hint(WorkflowState.CLOSED_REPAIR)


def test_the_hint_to_a_second_finish_names_the_correction() -> None:
    assert "--amend" in verdict(WorkflowState.CLOSED_REPAIR, Command.FINISH, goal_is_open=False).hint


def test_notices_say_what_is_peculiar() -> None:
    def say(state: WorkflowState) -> str:
        return verdict(state, Command.START, goal_is_open=False).say

    assert "nested" in say(WorkflowState.ACTIVE)
    assert "remainder" in say(WorkflowState.STARTED_WITHOUT_GOAL)
    assert "git" in say(WorkflowState.UNCERTAIN)


@pytest.mark.parametrize(
    ("open_goals", "work", "state"),
    [
        (0, Work.NONE, WorkflowState.CLEAN),
        (0, Work.STARTED, WorkflowState.STARTED_WITHOUT_GOAL),
        (0, Work.UNKNOWN, WorkflowState.UNCERTAIN),
        (1, Work.NONE, WorkflowState.ACTIVE),
        (2, Work.STARTED, WorkflowState.ACTIVE),
        (1, Work.UNKNOWN, WorkflowState.UNCERTAIN),
    ],
)
def test_state_of_a_worktree(open_goals: int, work: Work, state: WorkflowState) -> None:
    assert worktree_state(open_goals, work) is state
