"""Compares the ledger with what commits say of it: anchors in their trailers, and the copy that they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.problems import Problem, Refusal
from tallybook.ledger.absorb import is_writer_file
from tallybook.ledger.anchor import TRAILER, Anchor, parsed
from tallybook.ledger.anchored import Anchored, Lines, State, compared, copy_findings, findings
from tallybook.ledger.evidence import examine
from tallybook.ledger.file import OS_FILES
from tallybook.ledger.scan import SUFFIX
from tallybook.repo.commits import blob_bytes, files_in, is_revision, is_shallow, newest, trailers_of
from tallybook.repo.git import GitFault

if TYPE_CHECKING:
    from tallybook.repo.git import Git
    from tallybook.repo.worktree import Repository
    from tallybook.usecases.workspace import Workspace

_MOST_BAD: Final = 20
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
    said = trailers_of(repository.git, revision, TRAILER)
    if isinstance(said, GitFault):
        return Refusal("bad-revision", said.message, "name a commit, a tag, a branch or a range such as main..HEAD")
    named: list[tuple[str, Anchor]] = []
    strange: list[Problem] = []
    for one in said:
        for value in one.values:
            anchor = parsed(value)
            if anchor is not None:
                named.append((one.commit, anchor))
            elif len(strange) < _MOST_BAD:
                message = f"commit {one.commit[:12]} has a {TRAILER} that names no event: {value[:80]!a}"
                strange.append(Problem("anchor-unreadable", message, hint="it proves nothing"))
    place = workspace.ledger.place
    lines = Lines(examine(OS_FILES, place.home, place.published, workspace.clock.now()))
    anchors = compared(lines, named)
    copied = _copied(workspace, repository, revision, lines)
    return Against(
        revision,
        len(said),
        anchors,
        (*findings(lines, anchors), *copied, *strange),
        _notes(repository.git, anchors),
    )


def _copied(workspace: Workspace, repository: Repository, revision: str, lines: Lines) -> list[Problem]:
    directory = workspace.settings.ledger_publish
    commit = None if directory is None else newest(repository.git, revision)
    if directory is None or not isinstance(commit, str) or not commit:
        return []
    found = files_in(repository.git, commit, directory)
    if isinstance(found, GitFault):
        return []
    files = {}
    for name, blob in found.items():
        data = blob_bytes(repository.git, blob) if is_writer_file(name) else b""
        if isinstance(data, bytes) and data:
            files[name.removesuffix(SUFFIX)] = data
    return copy_findings(lines, commit, files)


def _notes(git: Git, anchors: tuple[Anchored, ...]) -> tuple[Problem, ...]:
    notes = []
    if not anchors:
        hint = "[ledger] anchor = true lets commits of goals name the head of the ledger"
        notes.append(Problem("no-anchors", "no commit there names a head of the ledger", hint=hint))
    if is_shallow(git):
        hint = "git fetch --unshallow brings the older ones"
        notes.append(Problem("shallow", "the clone is shallow: anchors in older commits are not seen", hint=hint))
    return tuple(notes)
