"""Compares the ledger with what commits say of it: anchors in their trailers, and the copy that they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.config import settings_in
from tallybook.domain.problems import Problem, Refusal, Where
from tallybook.ledger.absorb import is_writer_file
from tallybook.ledger.anchor import TRAILER, Anchor, parsed
from tallybook.ledger.anchored import Anchored, Lines, State, compared, copy_findings, findings
from tallybook.ledger.evidence import examine
from tallybook.ledger.file import OS_FILES
from tallybook.ledger.scan import SUFFIX
from tallybook.repo.commits import blob_bytes, file_in, files_in, is_revision, is_shallow, sayings, tips, unaltered
from tallybook.repo.git import GitFault

if TYPE_CHECKING:
    from tallybook.repo.commits import Said
    from tallybook.repo.git import Git
    from tallybook.usecases.workspace import Workspace

_MOST_BAD: Final = 20
_NAME_ONE: Final = "name a commit, a tag, a branch or a range such as main..HEAD"
DAMAGE: Final = frozenset({"anchor-cut", "anchor-changed", "published-changed"})


class Against(msgspec.Struct, frozen=True):
    """What commits prove of the ledger."""

    revision: str
    commits: int
    """Those that name a head of the ledger."""
    anchors: tuple[Anchored, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]

    @property
    def holding(self) -> int:
        """How many anchors hold."""
        return sum(one.state is State.HOLDS for one in self.anchors)

    @property
    def newest(self) -> tuple[Anchored, ...]:
        """Of each writer the last anchor that holds: nothing covers what came after it."""
        return tuple({one.anchor.writer: one for one in self.anchors if one.state is State.HOLDS}.values())

    @property
    def damaged(self) -> bool:
        """Whether something was changed or cut that had been written down elsewhere."""
        return any(problem.code in DAMAGE for problem in self.problems)


def against(workspace: Workspace, revision: str) -> Against | Refusal:
    """Compare with a commit, and all before it; with a range, the commits in it."""
    repository = workspace.repository
    if repository is None:
        return Refusal("no-work-tree", "there is no repository whose commits could tell", "run it inside one")
    if not is_revision(revision):
        return Refusal("bad-revision", f"{revision!r} is no revision", "name a commit, a tag or a range", usage=True)
    git = unaltered(repository.git)
    said, ends = sayings(git, revision, TRAILER), tips(git, revision)
    if isinstance(said, GitFault):
        return Refusal("bad-revision", said.message, _NAME_ONE)
    if isinstance(ends, GitFault) or not ends:
        return Refusal("bad-revision", f"{revision!r} names no commit", _NAME_ONE)
    named, strange = _named(said)
    place = workspace.ledger.place
    evidence = examine(OS_FILES, place.home, place.published, workspace.clock.now())
    lines = Lines(evidence, workspace.ledger.writers().ids)
    anchors = compared(lines, named)
    copied = [found for end in ends for found in _copied(workspace, git, end, lines)]
    return Against(
        revision,
        len({commit for commit, _ in named}),
        anchors,
        (*findings(lines, anchors), *copied, *strange),
        _notes(git, anchors),
    )


def _named(said: list[Said]) -> tuple[list[tuple[str, Anchor]], list[Problem]]:
    """The anchors, the newest first, and trailers that are none; another line that is none is only text."""
    named: list[tuple[str, Anchor]] = []
    strange: list[Problem] = []
    for one in said:
        for value in dict.fromkeys((*one.values, *one.lines)):
            anchor = parsed(value)
            if anchor is not None:
                named.append((one.commit, anchor))
            elif value in one.values and len(strange) < _MOST_BAD:
                message = f"commit {one.commit[:12]} has a {TRAILER} that names no event: {value[:80]!a}"
                strange.append(Problem("anchor-unreadable", message, hint="it proves nothing"))
    return named, strange


def _copied(workspace: Workspace, git: Git, commit: str, lines: Lines) -> list[Problem]:
    """What the copy in a commit proves, where it is published now and where it was then."""
    then = settings_in(lambda path: file_in(git, commit, path)).ledger_publish
    found: list[Problem] = []
    for directory in sorted({workspace.settings.ledger_publish, then} - {None}, key=str):
        blobs = files_in(git, commit, str(directory))
        if isinstance(blobs, GitFault):
            found.append(_unreadable(commit, str(directory), blobs))
            continue
        files = {}
        for name, blob in blobs.items():
            data = blob_bytes(git, blob) if is_writer_file(name) else b""
            if isinstance(data, GitFault):
                found.append(_unreadable(commit, f"{directory}/{name}", data))
            elif data:
                files[name.removesuffix(SUFFIX)] = data
        found += copy_findings(lines, commit, files)
    return found


def _unreadable(commit: str, path: str, fault: GitFault) -> Problem:
    message = f"the copy that commit {commit[:12]} carries can't be read: {fault.message}"
    return Problem(
        "published-unreadable", message, Where(path), "git fsck tells what is missing; git fetch may bring it"
    )


def _notes(git: Git, anchors: tuple[Anchored, ...]) -> tuple[Problem, ...]:
    notes = []
    if not anchors:
        hint = "[ledger] anchor = true lets commits of goals name the head of the ledger"
        notes.append(Problem("no-anchors", "no commit there names a head of the ledger", hint=hint))
    if is_shallow(git):
        hint = "git fetch --unshallow brings the older ones"
        notes.append(Problem("shallow", "the clone is shallow: anchors in older commits are not seen", hint=hint))
    return tuple(notes)
