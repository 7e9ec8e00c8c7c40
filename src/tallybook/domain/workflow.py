"""The task state machine: one table of what each command may do in each state of a worktree."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace


class Work(StrEnum):
    """What git tells of work in a worktree that no goal covers."""

    NONE = "none"
    STARTED = "started"
    UNKNOWN = "unknown"


class WorkflowState(StrEnum):
    """The state of a worktree, or of the closed goal that a command names."""

    CLEAN = "clean"
    ACTIVE = "active"
    STARTED_WITHOUT_GOAL = "started_without_goal"
    UNCERTAIN = "uncertain"
    CLOSED_REPAIR = "closed_repair"


class Command(StrEnum):
    """What can be asked for."""

    START = "start-task"
    CONTINUE = "continue-task"
    MARK = "mark"
    FINISH = "finish-task"
    UPDATE = "update"
    ENSURE = "ensure-active-task"
    SHOW = "show"
    COMMIT = "commit"


class Verdict(StrEnum):
    """Whether a command goes ahead."""

    ALLOW = "allow"
    NOTICE = "notice"
    """Goes ahead and says something."""
    IF_OPEN = "if_open"
    """Goes ahead for an open goal, is refused where there is none."""
    NEEDS_GOAL = "needs_goal"
    """Goes ahead only for a goal that is named."""
    REFUSE = "refuse"


class Cell(msgspec.Struct, frozen=True):
    """One answer of the table."""

    verdict: Verdict
    say: str = ""
    hint: str = ""


_ALLOW: Final = Cell(Verdict.ALLOW)
_START_HINT: Final = "tally start-task --title TITLE --kind product opens one"
_ENSURE_HINT: Final = "tally ensure-active-task drafts a goal for this work; tally start-task opens a new one"
_NOTHING_OPEN: Final = Cell(Verdict.REFUSE, "no goal is open in this worktree", _START_HINT)
_WORK_WITHOUT_GOAL: Final = Cell(Verdict.REFUSE, "work was started here without a goal", _ENSURE_HINT)
_CORRECTS: Final = Cell(
    Verdict.NEEDS_GOAL, "no goal is open in this worktree", "tally finish-task GOAL --amend corrects a closed one"
)
_IF_OPEN: Final = Cell(Verdict.IF_OPEN, "no goal is open and git can't be asked", _START_HINT)
_SUPERSEDE_HINT: Final = "tally start-task --supersedes GOAL opens a successor"

TABLE: Final[dict[tuple[WorkflowState, Command], Cell]] = {
    (WorkflowState.CLEAN, Command.START): _ALLOW,
    (WorkflowState.CLEAN, Command.CONTINUE): _NOTHING_OPEN,
    (WorkflowState.CLEAN, Command.MARK): _NOTHING_OPEN,
    (WorkflowState.CLEAN, Command.FINISH): _NOTHING_OPEN,
    (WorkflowState.CLEAN, Command.UPDATE): _CORRECTS,
    (WorkflowState.CLEAN, Command.ENSURE): Cell(Verdict.NOTICE, "nothing to do: no work without a goal"),
    (WorkflowState.CLEAN, Command.SHOW): _ALLOW,
    (WorkflowState.CLEAN, Command.COMMIT): Cell(
        Verdict.NEEDS_GOAL,
        "no goal is open in this worktree",
        _START_HINT + "; or add 'Task: GOAL' or 'No-Task: reason'",
    ),
    (WorkflowState.ACTIVE, Command.START): Cell(Verdict.NOTICE, "another goal is open here; this one is nested in it"),
    (WorkflowState.ACTIVE, Command.CONTINUE): _ALLOW,
    (WorkflowState.ACTIVE, Command.MARK): _ALLOW,
    (WorkflowState.ACTIVE, Command.FINISH): _ALLOW,
    (WorkflowState.ACTIVE, Command.UPDATE): _ALLOW,
    (WorkflowState.ACTIVE, Command.ENSURE): Cell(Verdict.NOTICE, "a goal is open here already"),
    (WorkflowState.ACTIVE, Command.SHOW): _ALLOW,
    (WorkflowState.ACTIVE, Command.COMMIT): _ALLOW,
    (WorkflowState.STARTED_WITHOUT_GOAL, Command.START): Cell(
        Verdict.NOTICE, "work was started here before this goal; its usage so far is remainder"
    ),
    (WorkflowState.STARTED_WITHOUT_GOAL, Command.CONTINUE): _WORK_WITHOUT_GOAL,
    (WorkflowState.STARTED_WITHOUT_GOAL, Command.MARK): _WORK_WITHOUT_GOAL,
    (WorkflowState.STARTED_WITHOUT_GOAL, Command.FINISH): _WORK_WITHOUT_GOAL,
    (WorkflowState.STARTED_WITHOUT_GOAL, Command.UPDATE): _CORRECTS,
    (WorkflowState.STARTED_WITHOUT_GOAL, Command.ENSURE): _ALLOW,
    (WorkflowState.STARTED_WITHOUT_GOAL, Command.SHOW): Cell(
        Verdict.NOTICE, "work was started here without a goal", _ENSURE_HINT
    ),
    (WorkflowState.STARTED_WITHOUT_GOAL, Command.COMMIT): Cell(
        Verdict.NEEDS_GOAL, "work was started here without a goal", _ENSURE_HINT + ", or add 'No-Task: reason'"
    ),
    (WorkflowState.UNCERTAIN, Command.START): Cell(Verdict.NOTICE, "git can't be asked what was started here"),
    (WorkflowState.UNCERTAIN, Command.CONTINUE): _IF_OPEN,
    (WorkflowState.UNCERTAIN, Command.MARK): _IF_OPEN,
    (WorkflowState.UNCERTAIN, Command.FINISH): _IF_OPEN,
    (WorkflowState.UNCERTAIN, Command.UPDATE): _ALLOW,
    (WorkflowState.UNCERTAIN, Command.ENSURE): Cell(
        Verdict.NOTICE, "nothing done: git can't be asked what was started here"
    ),
    (WorkflowState.UNCERTAIN, Command.SHOW): Cell(Verdict.NOTICE, "git can't be asked what was started here"),
    (WorkflowState.UNCERTAIN, Command.COMMIT): _ALLOW,
    (WorkflowState.CLOSED_REPAIR, Command.START): _ALLOW,
    (WorkflowState.CLOSED_REPAIR, Command.CONTINUE): Cell(Verdict.REFUSE, "the goal is closed", _SUPERSEDE_HINT),
    (WorkflowState.CLOSED_REPAIR, Command.MARK): Cell(Verdict.REFUSE, "the goal is closed", _SUPERSEDE_HINT),
    (WorkflowState.CLOSED_REPAIR, Command.FINISH): Cell(
        Verdict.REFUSE,
        "the goal is closed",
        "tally finish-task GOAL --amend corrects its outcome and keeps the old one; " + _SUPERSEDE_HINT,
    ),
    (WorkflowState.CLOSED_REPAIR, Command.UPDATE): _ALLOW,
    (WorkflowState.CLOSED_REPAIR, Command.ENSURE): Cell(Verdict.REFUSE, "the goal is closed", _SUPERSEDE_HINT),
    (WorkflowState.CLOSED_REPAIR, Command.SHOW): _ALLOW,
    (WorkflowState.CLOSED_REPAIR, Command.COMMIT): _ALLOW,
}


def worktree_state(open_goals: int, work: Work) -> WorkflowState:
    """The state of a worktree with so many open goals and such work in it."""
    if work is Work.UNKNOWN:
        return WorkflowState.UNCERTAIN
    if open_goals:
        return WorkflowState.ACTIVE
    return WorkflowState.STARTED_WITHOUT_GOAL if work is Work.STARTED else WorkflowState.CLEAN


def verdict(state: WorkflowState, command: Command, *, goal_is_open: bool) -> Cell:
    """What the table says; ``goal_is_open``: an open goal is named or found, which a closed goal never is."""
    cell = TABLE[state, command]
    if goal_is_open and cell.verdict is not Verdict.NOTICE and state is not WorkflowState.CLOSED_REPAIR:
        return _ALLOW
    if cell.verdict is Verdict.IF_OPEN:
        return replace(cell, verdict=Verdict.REFUSE)
    return cell
