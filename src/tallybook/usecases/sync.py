"""Moves the ledger through a ref of a git remote: what others have comes in, what they lack goes out.

Nothing is checked out and no index is touched. Whatever interrupts it, the ledger here is whole, and the next sync goes
on from there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from tallybook.clock import timestamp
from tallybook.domain.problems import Problem, Refusal, Where
from tallybook.ledger.absorb import Absorbed, absorb, is_writer_file, writer_files
from tallybook.ledger.errors import LedgerError
from tallybook.ledger.merging import sift, union
from tallybook.ledger.scan import SUFFIX
from tallybook.ledger.synced import Synced, save
from tallybook.repo.git import GitFault
from tallybook.repo.shared_ref import Entry, SharedRef, file_entry, usual_remote

if TYPE_CHECKING:
    from tallybook.usecases.workspace import Workspace

T = TypeVar("T")
ROUNDS: Final = 8
"""How often another one may be quicker before it is given up."""
LARGEST: Final = 1 << 30
"""Bytes of one writer's file."""
_LOGIN: Final = re.compile(r"//[^/@\s]*@")
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


class _Far(msgspec.Struct, frozen=True):
    """What the remote has."""

    commit: str | None
    entries: tuple[Entry, ...]
    files: dict[str, bytes]
    """By writer."""


class _RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def sync(workspace: Workspace, request: Request) -> SyncResult | Refusal:
    """Bring the ledger here and on the remote to the same.

    Raises:
        LedgerError: the ledger here can't be read, locked or written.

    """
    shared = _shared(workspace, request)
    if isinstance(shared, Refusal):
        return shared
    problems: dict[str, Problem] = {}
    received, minted = 0, None
    try:
        for number in range(1, ROUNDS + 1):
            far = _fetched(shared, problems)
            came = absorb(workspace.ledger, far.files, dry_run=request.dry_run)
            carried = absorb(workspace.ledger, _copies(workspace), dry_run=request.dry_run)
            received, minted = received + came.received, came.minted or carried.minted or minted
            _tell_bad(shared, came, problems)
            sent = _sent(workspace, shared, far, request, problems)
            if sent is None:
                request.pause(_PAUSE * number)
                continue
            writers = len(writer_files(workspace.ledger.files, workspace.ledger.place.home))
            told = (*workspace.problems, *problems.values())
            return SyncResult(_plain(shared.remote), shared.ref, received, sent, writers, minted, number, told)
    except _RefusedError as error:
        return error.refusal
    message = f"{_plain(shared.remote)} was changed by others {ROUNDS} times in a row"
    return Refusal("sync-race", message, "what they had is here; run tally sync again")


def _shared(workspace: Workspace, request: Request) -> SharedRef | Refusal:
    repository, settings = workspace.repository, workspace.settings
    if repository is None:
        hint = "run it inside a repository that has a remote"
        return Refusal("no-work-tree", "there is no repository whose remote could carry the ledger", hint)
    remote = request.remote or settings.sync_remote or usual_remote(repository.git)
    if isinstance(remote, GitFault):
        return Refusal(remote.code, remote.message)
    if remote is None:
        hint = "git remote add origin URL, or name one with --remote"
        return Refusal("no-remote", "the repository has no remote, or none that stands out", hint)
    if remote.startswith("-"):
        return Refusal("bad-remote", f"{remote!r} is no remote", "give its name or its URL", usage=True)
    return SharedRef(repository.git, remote, request.ref or settings.sync_ref)


def _copies(workspace: Workspace) -> dict[str, bytes]:
    """What the published copy in this work tree has; some of it may be nowhere else after a backup was restored."""
    place = workspace.ledger.place
    with suppress(LedgerError):  # one that can't be read is told of by whatever reads the ledger
        return {} if place.published is None else writer_files(workspace.ledger.files, place.published)
    return {}


def _fetched(shared: SharedRef, problems: dict[str, Problem]) -> _Far:
    tip = _of(shared, shared.tip())
    if tip is None:
        return _Far(None, (), {})
    commit = _of(shared, shared.fetch())
    entries = _of(shared, shared.entries(commit))
    files: dict[str, bytes] = {}
    for one in entries:
        name = one.name.decode("utf-8", "backslashreplace")
        if not one.is_file or not is_writer_file(name):
            _note(problems, Problem(
                "sync-stranger", f"{name!a} on the remote is no file of a ledger and was left alone",
                Where(file=f"{shared.ref}:{name}"),
            ))  # fmt: skip
            continue
        size = _of(shared, shared.size(one.sha))
        if size > LARGEST:
            message = f"{name} on the remote has {size:,} bytes, which no ledger has; it was left alone"
            _note(problems, Problem("sync-too-large", message, Where(file=f"{shared.ref}:{name}")))
            continue
        files[name.removesuffix(SUFFIX)] = _of(shared, shared.content(one.sha))
    return _Far(commit, tuple(entries), files)


def _tell_bad(shared: SharedRef, came: Absorbed, problems: dict[str, Problem]) -> None:
    for writer, lines in came.bad.items():
        for line in lines[:_MOST_BAD]:
            where = Where(file=f"{shared.ref}:{writer}{SUFFIX}", line=line.number, byte=line.byte)
            message = f"a line on the remote was not taken: {line.fault.message}"
            hint = "whoever has it whole mends it by running tally sync"
            _note(problems, Problem(f"remote-{line.fault.code}", message, where, hint))


def _sent(
    workspace: Workspace, shared: SharedRef, far: _Far, request: Request, problems: dict[str, Problem]
) -> int | None:
    """How many events went out; None where the remote has changed in the meantime."""
    wanted: dict[str, bytes] = {}
    sent = 0
    for writer, data in writer_files(workspace.ledger.files, workspace.ledger.place.home).items():
        there = far.files.get(writer, b"")
        if data == there:
            continue
        new = sift(data, writer, there if data.startswith(there) else b"")
        for line in new.bad[:_MOST_BAD]:
            where = Where(file=str(workspace.ledger.place.home / (writer + SUFFIX)), line=line.number, byte=line.byte)
            message = f"a damaged line was not sent: {line.fault.message}"
            _note(problems, Problem(f"local-{line.fault.code}", message, where, "tally verify tells more"))
        before = there if data.startswith(there) else b""
        content = before + union((new.good,)) if before else union((sift(there, writer).good, new.good))
        if content != there:
            wanted[writer] = content
            sent += max(content.count(b"\n") - there.count(b"\n"), 0)
    if wanted and not request.dry_run and not _pushed(shared, far, wanted):
        return None
    if not request.dry_run:
        _remember(workspace, shared, {**far.files, **wanted})
    return sent


def _pushed(shared: SharedRef, far: _Far, wanted: dict[str, bytes]) -> bool:
    """Whether the remote took it; False where another one was quicker."""
    entries = {one.name: one for one in far.entries}
    for writer, data in wanted.items():
        entry = file_entry(_of(shared, shared.store(data)), writer + SUFFIX)
        entries[entry.name] = entry
    commit = _of(shared, shared.commit(entries.values(), far.commit))
    fault = shared.push(commit, far.commit)
    if fault is None:
        return True
    if _of(shared, shared.tip()) != far.commit:
        return False
    hint = f"is {shared.ref} allowed there? [ledger] sync_ref can name a branch, such as refs/heads/tallybook-ledger"
    raise _RefusedError(
        Refusal("sync-refused", _plain(f"{shared.remote} did not take the ledger: {fault.message}"), hint)
    )


def _remember(workspace: Workspace, shared: SharedRef, there: dict[str, bytes]) -> None:
    """Note what the remote has; without the note events are told to be here alone, which the next sync puts right."""
    lines = {writer: data.count(b"\n") for writer, data in there.items()}
    note = Synced(_plain(shared.remote), shared.ref, timestamp(workspace.clock.now()), lines)
    with suppress(OSError):
        save(workspace.ledger.files, workspace.ledger.place.home, note)


def _plain(message: str) -> str:
    """Without what a URL may have to log in with."""
    return _LOGIN.sub("//", message)


def _note(problems: dict[str, Problem], problem: Problem) -> None:
    """Each once, however many rounds it takes."""
    problems.setdefault(f"{problem.code}:{problem.where}", problem)


def _of(shared: SharedRef, found: T | GitFault) -> T:
    if isinstance(found, GitFault):
        hint = "the ledger here is as it was; is the remote reachable, and are you logged in there?"
        raise _RefusedError(Refusal("sync-failed", _plain(f"{shared.remote} can't be asked: {found.message}"), hint))
    return found
