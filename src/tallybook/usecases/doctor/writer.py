"""Whom this clone writes as, and what copies, moves and backups have done to that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.ledger.file import OS_FILES
from tallybook.ledger.identity import SUFFIX, states
from tallybook.ledger.writer import resumed
from tallybook.reports.words import counted
from tallybook.usecases.doctor.finding import note, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.usecases.doctor.finding import Finding
    from tallybook.usecases.workspace import Workspace


def writer(workspace: Workspace) -> Iterator[Finding]:
    """This clone's writer as its file stands, and every state file that tells of something else."""
    place, writers = workspace.ledger.place, workspace.ledger.writers()
    head = resumed(OS_FILES, place.home, writers)
    former = f"; before it {', '.join(sorted(writers.former))}" if writers.former else ""
    known = states(OS_FILES, place.home)
    strange = [name for name, state in known if state is not None and name not in writers.ids]
    if head is not None:
        yield ok("writer", f"{head.state.writer}, {counted(head.state.seq, 'event')}{former}", place.home)
    elif writers.current is not None:
        message = f"the file of {writers.current.writer} does not go on where this clone left it{former}"
        yield note("writer", message, "nothing to do: the next command writes as a new writer", place.home)
    elif writers.former:
        message = f"this clone was moved, copied or restored; it has written as {', '.join(sorted(writers.former))}"
        yield note("writer", message, "nothing to do: the next command writes as a new writer", place.home)
    elif not strange:
        yield ok("writer", "none yet; the first command that writes makes one")
    if strange:
        origins = sorted({state.mark.path for name, state in known if state is not None and name in strange})
        message = f"{', '.join(strange)}: written by the clone at {', '.join(origins)}"
        hint = "nothing to do: it is read and never written to from here"
        yield note("writer", message, hint, place.home)
    replaced = set() if writers.current is None else set(writers.current.formerly)
    for name, state in known:
        if state is None and name not in replaced:
            path = place.home / (name + SUFFIX)
            message = "this state file can't be read: its writer is not written to any more"
            yield note("writer", message, "nothing to do: the next command writes as a new writer", path)
