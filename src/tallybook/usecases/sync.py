"""Moves the ledger through a ref of a git remote: what others have comes in, what they lack goes out.

Nothing is checked out and no index is touched. Whatever interrupts it, the ledger here is whole, and the next sync goes
on from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.clock import timestamp
from tallybook.domain.problems import Problem, Refusal, Where
from tallybook.ledger.absorb import Absorbed, absorb, writer_files
from tallybook.ledger.errors import LedgerError
from tallybook.ledger.merging import sift, union
from tallybook.ledger.scan import SUFFIX
from tallybook.ledger.synced import Synced, save
from tallybook.repo.shared_ref import SharedRef, file_entry
from tallybook.usecases.far_ledger import Far, Notes, RefusedError, fetched, of, plain, shared_ref

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallybook.usecases.workspace import Workspace

ROUNDS: Final = 8
"""How often another one may be quicker before it is given up."""
_PAUSE: Final = 0.05
_MOST_BAD: Final = 20


class Request(msgspec.Struct, frozen=True):
    """What a person, or a hook, asks."""

    remote: str | None = None
    ref: str | None = None
    dry_run: bool = False
    pause: Callable[[float], None] = time.sleep


class SyncResult(msgspec.Struct, frozen=True):
    """What a sync did, or would do."""

    remote: str
    ref: str
    received: int
    """Events that were not here."""
    sent: int
    """Events that the remote had not."""
    writers: int
    """How many have events here now."""
    minted: str | None
    """The writer that this clone goes on as, where others had lines of the one before that it has not."""
    rounds: int
    problems: tuple[Problem, ...]


def sync(workspace: Workspace, request: Request) -> SyncResult | Refusal:
    """Bring the ledger here and on the remote to the same.

    Raises:
        LedgerError: the ledger here can't be read, locked or written.

    """
    shared = shared_ref(workspace, request.remote, request.ref)
    if isinstance(shared, Refusal):
        return shared
    notes = Notes()
    received, minted = 0, None
    try:
        for number in range(1, ROUNDS + 1):
            far = fetched(shared, notes)
            carried = absorb(workspace.ledger, _copies(workspace), dry_run=request.dry_run)
            came = absorb(workspace.ledger, far.files, dry_run=request.dry_run)
            received, minted = received + came.received, came.minted or carried.minted or minted
            _tell_bad(shared, came, notes)
            wanted = _wanted(workspace, far, came.files, notes)
            if request.dry_run or _pushed(shared, far, wanted):
                if not request.dry_run:
                    _remember(workspace, shared, {**far.files, **wanted})
                told = (*workspace.problems, *notes.problems)
                sent, writers = _more(wanted, far.files), len(came.files)
                return SyncResult(plain(shared.remote), shared.ref, received, sent, writers, minted, number, told)
            request.pause(_PAUSE * number)
    except RefusedError as error:
        return error.refusal
    message = f"{plain(shared.remote)} was changed by others {ROUNDS} times in a row"
    return Refusal("sync-race", message, "what they had is here; run tally sync again")


def _copies(workspace: Workspace) -> dict[str, bytes]:
    """What the published copy in this work tree has; some of it may be nowhere else after a backup was restored."""
    place = workspace.ledger.place
    with suppress(LedgerError):  # one that can't be read is told of by whatever reads the ledger
        return {} if place.published is None else writer_files(workspace.ledger.files, place.published)
    return {}


def _tell_bad(shared: SharedRef, came: Absorbed, notes: Notes) -> None:
    for writer, lines in came.bad.items():
        for line in lines[:_MOST_BAD]:
            where = Where(file=f"{shared.ref}:{writer}{SUFFIX}", line=line.number, byte=line.byte)
            message = f"a line on the remote was not taken: {line.fault.message}"
            hint = "whoever has it whole mends it by running tally sync"
            notes.add(Problem(f"remote-{line.fault.code}", message, where, hint))


def _wanted(workspace: Workspace, far: Far, here: Mapping[str, bytes], notes: Notes) -> dict[str, bytes]:
    """The files that the remote lacks, or has less of, as they should be there."""
    wanted: dict[str, bytes] = {}
    for writer, data in here.items():
        there = far.files.get(writer, b"")
        if data == there or writer in far.untouched:
            continue
        before = there if data.startswith(there) else b""
        new = sift(data, writer, before, most=_MOST_BAD)
        for line in new.bad:
            where = Where(file=str(workspace.ledger.place.home / (writer + SUFFIX)), line=line.number, byte=line.byte)
            message = f"a damaged line was not sent: {line.fault.message}"
            notes.add(Problem(f"local-{line.fault.code}", message, where, "tally verify tells more"))
        content = before + union((new.good,)) if before else union((sift(there, writer, most=0).good, new.good))
        if content != there:
            wanted[writer] = content
    return wanted


def _more(wanted: Mapping[str, bytes], there: Mapping[str, bytes]) -> int:
    """How many lines more the remote has then."""
    grown = (data.count(b"\n") - there.get(writer, b"").count(b"\n") for writer, data in wanted.items())
    return sum(max(lines, 0) for lines in grown)


def _pushed(shared: SharedRef, far: Far, wanted: Mapping[str, bytes]) -> bool:
    """Whether the remote took it, if there was anything; False where another one was quicker.

    Raises:
        RefusedError: it does not want it.
    """
    if not wanted:
        return True
    entries = {one.name: one for one in far.entries}
    for writer, data in wanted.items():
        entry = file_entry(of(shared, shared.store(data)), writer + SUFFIX)
        entries[entry.name] = entry
    commit = of(shared, shared.commit(entries.values(), far.commit))
    fault = shared.push(commit, far.commit)
    if fault is None:
        return True
    if of(shared, shared.tip()) != far.commit:
        return False
    hint = f"is {shared.ref} allowed there? [ledger] sync_ref can name a branch, such as refs/heads/tallybook-ledger"
    raise RefusedError(
        Refusal("sync-refused", plain(f"{shared.remote} did not take the ledger: {fault.message}"), hint)
    )


def _remember(workspace: Workspace, shared: SharedRef, there: dict[str, bytes]) -> None:
    """Note what the remote has; without the note events are told to be here alone, which the next sync puts right."""
    lines = {writer: data.count(b"\n") for writer, data in there.items()}
    note = Synced(plain(shared.remote), shared.ref, timestamp(workspace.clock.now()), lines)
    with suppress(OSError):
        save(workspace.ledger.files, workspace.ledger.place.home, note)
