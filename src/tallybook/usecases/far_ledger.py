"""The ledger as a remote has it: which remote that is, and what of its ref can be taken for a ledger.

Whoever may push there may put anything there: what is no ledger is told of and left alone, before it costs much.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from tallybook.domain.problems import Problem, Refusal, Where
from tallybook.ledger.absorb import is_writer_file
from tallybook.ledger.scan import SUFFIX
from tallybook.repo.git import GitFault
from tallybook.repo.shared_ref import Entry, SharedRef, remotes, usual_remote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.usecases.workspace import Workspace

T = TypeVar("T")
LARGEST: Final = 1 << 30
"""Bytes of all files together; the smaller ones are taken first."""
SHORTEST: Final = 150
"""Bytes that a line of a ledger has at least, on an average."""
_FEW: Final = 1000
"""Lines that are looked at, whatever they are."""
_LOGIN: Final = re.compile(r"//[^/@\s]*@")


class Far(msgspec.Struct, frozen=True):
    """What the remote has."""

    commit: str | None
    entries: tuple[Entry, ...]
    files: dict[str, bytes]
    """By writer."""
    untouched: frozenset[str] = frozenset()
    """Writers whose files are no ledger's and stay as they are."""


class Notes:
    """Problems, each once, however many rounds it takes."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Where | None], Problem] = {}

    def add(self, problem: Problem) -> None:
        """Keep it, unless it is known."""
        self._found.setdefault((problem.code, problem.where), problem)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, in the order in which they were found."""
        return tuple(self._found.values())


class RefusedError(Exception):
    """Why there can be no sync."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def shared_ref(workspace: Workspace, remote: str | None, ref: str | None) -> SharedRef | Refusal:
    """The ref that is asked for, else that of the settings, else the usual one.

    Settings come with the repository: they may name a remote that the user has set up, and no other place.
    """
    repository, settings = workspace.repository, workspace.settings
    if repository is None:
        hint = "run it inside a repository that has a remote"
        return Refusal("no-work-tree", "there is no repository whose remote could carry the ledger", hint)
    if remote is None and settings.sync_remote is not None:
        names = remotes(repository.git)
        if not isinstance(names, GitFault) and settings.sync_remote not in names:
            message = f"[ledger] sync_remote is {plain(settings.sync_remote)!a}, and there is no such remote here"
            return Refusal("unknown-remote", message, "git remote add NAME URL, or tally sync --remote REMOTE")
    found = remote or settings.sync_remote or usual_remote(repository.git)
    if isinstance(found, GitFault):
        return Refusal(found.code, found.message)
    if found is None:
        hint = "git remote add origin URL, or name one with --remote"
        return Refusal("no-remote", "the repository has no remote, or none that stands out", hint)
    if found.startswith("-"):
        return Refusal("bad-remote", f"{found!r} is no remote", "give its name or its URL", usage=True)
    return SharedRef(repository.git, found, ref or settings.sync_ref)


def fetched(shared: SharedRef, notes: Notes) -> Far:
    """What the remote has by now.

    Raises:
        RefusedError: it can't be asked, or the ref is one of the branches that are worked on.
    """
    tip = of(shared, shared.tip())
    if tip is None:
        return Far(None, (), {})
    commit = of(shared, shared.fetch())
    if shared.ref.startswith("refs/heads/") and shared.is_code(commit):
        message = f"{shared.ref} is a branch of the repository's own work"
        raise RefusedError(Refusal("sync-ref-taken", message, "a branch that nobody works on can carry the ledger"))
    entries = of(shared, shared.entries(commit))
    return _content(shared, Far(commit, tuple(entries), {}), [_writer(shared, one, notes) for one in entries], notes)


def _writer(shared: SharedRef, entry: Entry, notes: Notes) -> str | None:
    """The writer whose file this is; None for anything else."""
    name = entry.name.decode("utf-8", "backslashreplace")
    if entry.is_file and is_writer_file(name):
        return name.removesuffix(SUFFIX)
    message = f"{name!a} on the remote is no file of a ledger and was left alone"
    notes.add(Problem("sync-stranger", message, Where(file=f"{shared.ref}:{name}")))
    return None


def _content(shared: SharedRef, far: Far, writers: Sequence[str | None], notes: Notes) -> Far:
    named = {writer: one.sha for writer, one in zip(writers, far.entries, strict=True) if writer is not None}
    sizes = dict(zip(named, of(shared, shared.sizes(list(named.values()))), strict=True))
    chosen: list[str] = []
    untouched: set[str] = set()
    room = LARGEST
    for writer in sorted(named, key=lambda writer: (sizes[writer], writer)):
        room -= sizes[writer]
        if room >= 0:
            chosen.append(writer)
            continue
        untouched.add(writer)
        _leave(shared, notes, writer, f"has {sizes[writer]:,} bytes, more than there is room for")
    contents = of(shared, shared.contents([named[writer] for writer in chosen]))
    files = dict(zip(chosen, contents, strict=True))
    for writer in [writer for writer, data in files.items() if not _could_be(data)]:
        untouched.add(writer)
        del files[writer]
        _leave(shared, notes, writer, "holds lines that are too short for those of a ledger")
    return Far(far.commit, far.entries, files, frozenset(untouched))


def _could_be(data: bytes) -> bool:
    lines = data.count(b"\n")
    return lines <= _FEW or lines * SHORTEST <= len(data)


def _leave(shared: SharedRef, notes: Notes, writer: str, why: str) -> None:
    name = writer + SUFFIX
    where = Where(file=f"{shared.ref}:{name}")
    hint = "nothing of this writer is taken or sent until somebody takes the file away there"
    notes.add(Problem("sync-no-ledger", f"{name} on the remote {why}; it was left alone", where, hint))


def plain(message: str) -> str:
    """Without what a URL may have to log in with."""
    return _LOGIN.sub("//", message)


def of(shared: SharedRef, found: T | GitFault) -> T:
    """What git has answered.

    Raises:
        RefusedError: it could not.
    """
    if isinstance(found, GitFault):
        hint = "the ledger here is as it was; is the remote reachable, and are you logged in there?"
        raise RefusedError(Refusal("sync-failed", plain(f"{shared.remote} can't be asked: {found.message}"), hint))
    return found
