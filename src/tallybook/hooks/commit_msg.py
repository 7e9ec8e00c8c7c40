"""``commit-msg``: a commit names its task, a ticket, or the reason why it has none.

Standard library only. What git does by itself (merge, revert, rebase, cherry-pick) is let through; it is known by
git's state. A ``fixup!`` leaves no state behind, so it is a plain commit and needs its trailer like any other.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from tallybook.hooks.advice import missing_reason, missing_task, unknown_task
from tallybook.repo.git import GitFault
from tallybook.repo.messages import cleaned, cleaning, editor_used, subject
from tallybook.repo.rules import NO_REASON, UNKNOWN, Rule
from tallybook.repo.trailers import TaskTrailers, decoded, encoded, task_trailers, without_own

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.hooks.surroundings import Surroundings

NOTE = "tallybook-prepared"
"""File in the git directory, from ``prepare-commit-msg`` to ``commit-msg``."""
_SIGNED = "Signed-off-by: "


class Verdict(NamedTuple):
    """Whether the commit may be made, and what is said on stderr."""

    accepted: bool
    text: str = ""


def check(around: Surroundings, path: Path) -> Verdict:
    """Judge the message in the file.

    Raises:
        OSError: the file can't be read.
    """
    text = decoded(path.read_bytes())
    git, before = around.repository.git, taken_note(around)
    edited = before is not None or editor_used(around.environ)
    message = cleaned(text, cleaning(git, text, edited=edited))
    if (text and before == digest(text)) or (edited and _holds_nothing_else(message)):
        path.write_bytes(encoded(without_own(text)))
        return Verdict(accepted=True)
    if not message:
        return Verdict(accepted=True)
    trailers = task_trailers(git, message)
    if isinstance(trailers, GitFault):
        return Verdict(accepted=True, text=f"warning: the trailers can't be read: {trailers.message}")
    return _judged(around, trailers, subject(message))


def leave_note(around: Surroundings, template: Path | None) -> None:
    """Remember that an editor is asked for the message, and the text of a template that a trailer was added to.

    Git gives a commit up whose template was left as it was; with our trailer in it, it would not notice.
    """
    text = "" if template is None else decoded(template.read_bytes())
    (around.repository.git_dir / NOTE).write_text(digest(text), "ascii")


def taken_note(around: Surroundings) -> str | None:
    """The digest in the note, which is forgotten; None where no editor had to be asked."""
    note = around.repository.git_dir / NOTE
    try:
        before = note.read_text("ascii")
        note.unlink()
    except (OSError, ValueError):
        return None
    return before


def digest(text: str) -> str:
    """What the note holds of a message."""
    return sha256(encoded(text)).hexdigest()


def _holds_nothing_else(message: str) -> bool:
    own = [line for line in without_own(message).split("\n") if line and not line.startswith(_SIGNED)]
    return bool(message) and not own


def _judged(around: Surroundings, trailers: TaskTrailers, first: str) -> Verdict:
    operation, settings = around.operation(), around.settings
    if operation is not None and not trailers.tasks:
        return Verdict(accepted=True)
    index = around.goals()
    ruling = Rule(index.knows, settings.ticket_pattern).ruling(trailers, first)
    if ruling.broken == UNKNOWN:
        text = unknown_task(ruling.unknown, synced=settings.sync)
        return Verdict(accepted=operation is not None, text=text if operation is None else f"warning: {text}")
    if ruling.broken is None:
        return Verdict(accepted=True)
    if ruling.broken == NO_REASON:
        return Verdict(accepted=False, text=missing_reason())
    return Verdict(accepted=False, text=missing_task(around.open_goals(index), settings.ticket_pattern))
