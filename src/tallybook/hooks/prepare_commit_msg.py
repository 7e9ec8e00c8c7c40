"""``prepare-commit-msg``: every commit made while a goal is open carries its trailer, and an anchor where wanted.

Standard library only. What a message says already is left alone, and so is what git commits by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.hooks.commit_msg import leave_note, taken_note
from tallybook.repo.git import GitFault
from tallybook.repo.messages import BLANK, cleaned, cleaning, editor_used, unused_comment
from tallybook.repo.trailers import add_trailers, decoded, encoded, squashed, task_trailers

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.hooks.surroundings import Surroundings


def prepare(around: Surroundings, path: Path, source: str) -> str:
    """Add the trailer to the message in the file; what is to be said on stderr.

    Args:
        around: where the hook runs.
        path: the message file.
        source: the second argument of the hook: ``message``, ``template``, ``merge``, ``squash``, ``commit`` or empty.

    Raises:
        OSError: the file can't be read or written.
    """
    taken_note(around)
    text = decoded(path.read_bytes())
    if around.operation() is not None or (source == "message" and _written_by_git(around, text)):
        return ""
    git, asked = around.repository.git, source in {"", "template"}
    edited = asked or editor_used(around.environ)
    how = cleaning(git, text, edited=edited)
    message = cleaned(text, how)
    said = task_trailers(git, message)
    if isinstance(said, GitFault):
        return f"warning: the trailers can't be read: {said.message}"
    quoted = text if source == "squash" else _squash_quoted(around) if source in {"message", "template"} else ""
    lines = [] if said or not (message or edited) else [f"Task: {goal}" for goal in _goals(around, quoted)]
    if around.settings.anchor and (lines or said.tasks):
        from tallybook.hooks.anchoring import anchors, without_older  # noqa: PLC0415 - few repositories want it

        lines += anchors(around, text, quoted)
        text = without_older(path, text, lines)
    if not lines:
        return ""
    if message:
        comment = how.comment if how.automatic else None
        fault = add_trailers(git, path, lines, comment if edited else unused_comment(text))
        if fault is not None:
            return f"warning: the task can't be added: {fault.message}"
    else:
        _put_first(path, text, lines)
    if asked:
        leave_note(around, path if source == "template" else None)
    return ""


def _put_first(path: Path, text: str, lines: list[str]) -> None:
    """Leave room for a subject above the trailers, and the comments below."""
    rest = text.lstrip(BLANK)
    block = "".join(f"{line}\n" for line in lines)
    path.write_bytes(encoded(f"\n\n{block}\n{rest}"))


def _written_by_git(around: Surroundings, text: str) -> bool:
    """Whether the message is the one that git itself has laid ready: a revert that goes on without a stop."""
    try:
        ready = decoded((around.repository.git_dir / "MERGE_MSG").read_bytes())
    except OSError:
        return False
    return text.strip(BLANK) == ready.strip(BLANK)


def _squash_quoted(around: Surroundings) -> str:
    """What git has laid ready of a squash that is committed with a message of one's own."""
    try:
        return decoded((around.repository.git_dir / "SQUASH_MSG").read_bytes())
    except OSError:
        return ""


def _goals(around: Surroundings, quoted: str) -> list[str]:
    """The goals whose commits are squashed, else the active one."""
    index = around.goals()
    known = [goal for goal in squashed(quoted, "task") if index.knows(goal)]
    return known or [goal.id for goal in around.open_goals(index)[-1:]]
