"""The ledger's directory, all its events, and the copy of them that is published."""

from __future__ import annotations

import os
import stat
from shlex import quote
from typing import TYPE_CHECKING, Final

from tallybook.domain.problems import Where
from tallybook.ledger.evidence import examine
from tallybook.ledger.file import OS_FILES
from tallybook.ledger.scan import ledger_files
from tallybook.ledger.synced import Synced, load
from tallybook.repo.git import GitFault
from tallybook.reports.words import counted
from tallybook.usecases.check import check_ledger
from tallybook.usecases.doctor import folders, places
from tallybook.usecases.doctor.finding import Finding, Status, note, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tallybook.domain.problems import Problem
    from tallybook.repo.worktree import Repository
    from tallybook.usecases.workspace import Workspace

_LOCAL: Final = "keep the ledger on a local disk that stays: --ledger DIR, or TALLYBOOK_LEDGER"
_ELSEWHERE: Final = "choose another ledger: --ledger DIR, or TALLYBOOK_LEDGER"
_CLOCK: Final = "far-future"
"""Told of by the check of the clock."""
_HINTS: Final = {"torn-tail": "tally repair"}


def directory(workspace: Workspace) -> Iterator[Finding]:
    """The directory is there, a directory, this user's and nobody else's to write."""
    home = workspace.ledger.place.home
    try:
        status = home.stat()
    except (FileNotFoundError, NotADirectoryError):
        yield _missing(home)
        return
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISDIR(status.st_mode):
        yield problem("directory", "something else than a directory stands here", "move it away", home)
    elif not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        yield problem(
            "directory", f"you can't write here (mode {mode:04o})", f"chown -R $USER {quote(str(home))}", home
        )
    elif mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield problem("directory", f"others may write here (mode {mode:04o})", f"chmod 700 {quote(str(home))}", home)
    else:
        yield ok("directory", f"mode {mode:04o}", home)
        yield from _unwritable(home)


def _missing(home: Path) -> Finding:
    above = places.standing(home)
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        return problem("directory", f"it can't be made: {above} can't be written to", _ELSEWHERE, home)
    return note("directory", "there is no ledger here yet", "the first task makes it", home)


def _unwritable(home: Path) -> Iterator[Finding]:
    for path in ledger_files(OS_FILES, home):
        if not path.is_symlink() and path.is_file() and not os.access(path, os.R_OK | os.W_OK):
            yield problem("directory", "you can't read or write this file", f"chown $USER {quote(str(path))}", path)


def file_system(workspace: Workspace) -> Iterator[Finding]:
    """The kind of file system that the ledger is on, told where it is an odd one."""
    yield places.kind_of("file-system", workspace.ledger.place.home, _LOCAL)


def space(workspace: Workspace) -> Iterator[Finding]:
    """Whether there is room to write."""
    yield places.room("space", workspace.ledger.place.home, _ELSEWHERE)


def sync_folder(workspace: Workspace) -> Iterator[Finding]:
    """Whether a tool copies the ledger to other machines behind its back."""
    hint = f"keep the clone outside of it, and let tally sync carry the ledger; or {_ELSEWHERE}"
    yield folders.sync_folder("sync-folder", workspace.ledger.place.home, hint)


def device(workspace: Workspace) -> Iterator[Finding]:
    """Whether the ledger may be there without the clone, or the clone without it."""
    if workspace.repository is not None:
        home, clone = workspace.ledger.place.home, workspace.repository.common_dir
        yield folders.other_device("device", home, clone)


def letter_case(workspace: Workspace) -> Iterator[Finding]:
    """Whether its names could meet."""
    yield folders.letter_case("letter-case", workspace.ledger.place.home)


def events(workspace: Workspace) -> Iterator[Finding]:
    """Read and verify all of it, as ``tally verify`` does; one finding for each kind of fault."""
    checked = check_ledger(workspace)
    faults = [fault for fault in checked.verdict.problems if fault.code != _CLOCK]
    whole = f"{counted(checked.events, 'event')} by {counted(len(checked.writers), 'writer')}"
    if not faults:
        yield ok("events", f"{whole}, verified")
    yield from _by_code(faults, Status.PROBLEM)
    yield from _by_code([found for found in checked.verdict.notes if found.code != "no-ledger"], Status.NOTE)


def _by_code(found: Iterable[Problem], status: Status) -> Iterator[Finding]:
    kinds: dict[str, list[Problem]] = {}
    for fault in found:
        kinds.setdefault(fault.code, []).append(fault)
    for code, same in kinds.items():
        more = f" (and {len(same) - 1:,} more; tally verify lists them)" if same[1:] else ""
        hint = _HINTS.get(code, same[0].hint)
        yield Finding("events", status, f"{code}: {same[0].message}{more}", hint, same[0].where)


def copies(workspace: Workspace) -> Iterator[Finding]:
    """How many events are on this machine alone, what a remote has of them, and what the published copy."""
    place, repository = workspace.ledger.place, workspace.repository
    evidence = examine(OS_FILES, place.home, place.published, workspace.clock.now())
    seen = [(file, sighting) for file in evidence.files for sighting in file.sightings]
    here = {one.envelope.id: one.envelope.writer for file, one in seen if file.home}
    there = {one.envelope.id: one.envelope.writer for file, one in seen if not file.home}
    synced = load(OS_FILES, place.home)
    sent = {one.envelope.id for file, one in seen if file.home and one.line <= synced.lines.get(file.writer, 0)}
    if synced.at or workspace.settings.sync:
        yield _synced(synced, len(here.keys() - sent), len(here.keys() - sent - there.keys()))
    if place.published is not None and repository is not None:
        yield from _compared(workspace, {event: here[event] for event in here.keys() - sent}, there)
        yield from _set_back(workspace, here, there)
        yield from _merging(repository, place.published)
    elif not synced.at and not workspace.settings.sync:
        yield _unpublished(len(here), repository)


def _synced(synced: Synced, unsent: int, alone: int) -> Finding:
    if not synced.at:
        message = f"sync is on and has not run yet; {counted(alone, 'event')} on this machine alone"
        return note("copies", message, "tally sync")
    told = f"{counted(sum(synced.lines.values()), 'event')} at {synced.remote} ({synced.ref}) as of {synced.at}"
    if not alone:
        return ok("copies", f"{told}; none on this machine alone")
    more = "" if unsent == alone else f", {unsent:,} not there yet"
    return note("copies", f"{told}{more}; {counted(alone, 'event')} on this machine alone", "tally sync")


def _unpublished(count: int, repository: Repository | None) -> Finding:
    if not count:
        return ok("copies", "there are no events to lose yet")
    alone = f"{counted(count, 'event')} on this machine alone"
    if repository is None:
        return note("copies", f"{alone}: outside of git nothing is published", "keep a backup of the ledger")
    return note("copies", alone, "tally init --publish metrics/events && tally hooks install")


def _compared(workspace: Workspace, unsent: dict[str, str], there: dict[str, str]) -> Iterator[Finding]:
    own, published = workspace.ledger.writers().ids, workspace.ledger.place.published
    alone = unsent.keys() - there.keys()
    others = sum(writer not in own for writer in there.values())
    told = f"{counted(len(there), 'event')} in the published copy, {others:,} of them by others"
    if alone:
        message = f"{told}; {counted(len(alone), 'event')} on this machine alone"
        yield note("copies", message, "they go with the next commit, if tally hooks install was run here", published)
    else:
        yield ok("copies", f"{told}; none on this machine alone", published)


def _set_back(workspace: Workspace, here: dict[str, str], there: dict[str, str]) -> Iterator[Finding]:
    own, published = workspace.ledger.writers().ids, workspace.ledger.place.published
    lost = sum(writer in own and event not in here for event, writer in there.items())
    if lost:
        message = f"{counted(lost, 'event')} of this clone are in the published copy alone: the ledger was set back"
        yield note(
            "copies", message, "nothing to do: commands read both, and the next one writes as a new writer", published
        )


def _merging(repository: Repository, published: Path) -> Iterator[Finding]:
    """Git must join two versions of the copy line by line."""
    sample = os.path.relpath(published / "w-00000000.ndjson", repository.toplevel)
    found = repository.git.read("check-attr", "-z", "merge", "--", sample)
    if isinstance(found, GitFault):
        hint = "run git check-attr merge metrics/events/x.ndjson by hand"
        yield problem("copies", f"git can't tell its attributes: {found.message}", hint)
    elif found.split(b"\0")[2:3] != [b"union"]:
        directory = os.path.relpath(published, repository.toplevel)
        message = "git would show conflicts where two branches have changed the published copy"
        hint = f"tally init --publish {quote(directory)}"
        where = Where(str(repository.toplevel / ".gitattributes"))
        yield Finding("copies", Status.PROBLEM, message, hint, where)
