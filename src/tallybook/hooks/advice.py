"""What a refused commit is told: what is missing, and the exact commands or lines that help.

Standard library only. Text of a message or of the ledger is shown without control characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.ledger.goal_index import GoalEntry

_LONGEST = 60
_MOST = 5


def missing_task(goals: Sequence[GoalEntry], ticket: str | None) -> str:
    """For a commit that says nothing of its task; ``goals`` are those open in this worktree, the active one last."""
    lines = ["this commit names no task."]
    if goals:
        lines.append("Open in this worktree; give the message this last paragraph and commit again:")
        lines += [f"  Task: {goal.id}    ({shown(goal.title)})" for goal in reversed(goals[-_MOST:])]
        lines.append("For work that is part of no task:")
    else:
        lines += [
            "No goal is open in this worktree. Open one, then commit again:",
            "  tally ensure-active-task                       (drafts a goal for the work that is there)",
            '  tally start-task --title "..." --kind product  (starts a goal now)',
            "Or end the message with a paragraph of its own, for a goal that is closed already or for none:",
            "  Task: <goal id>           (tally show lists them)",
        ]
    lines.append("  No-Task: <reason>")
    if ticket is not None:
        lines.append(f"A subject that begins with a ticket will do as well: {shown(ticket)}")
    return "\n".join(lines)


_PULL = "  git pull      (brings the goals that other clones publish with their commits)\n"
_SYNC = "  tally sync    (brings the goals of other clones)\n"


def missing_reason() -> str:
    """For an empty ``No-Task:``."""
    return "No-Task: gives no reason. Write one behind it, such as\n  No-Task: release bookkeeping"


def unknown_task(ids: Sequence[str], *, synced: bool = False) -> str:
    """For trailers that name goals which are not in the ledger; with ``synced`` it goes through a remote."""
    names = ", ".join(shown(name) or "(empty)" for name in ids[:_MOST])
    return (
        f"the ledger has no goal {names}.\n"
        f"{_SYNC if synced else _PULL}"
        "  tally show    (lists the goals that are known here)"
    )


def shown(text: str) -> str:
    """The text for a terminal: one short line, nothing in it that a terminal obeys."""
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
    return "".join(letter if letter.isprintable() else "?" for letter in short)
