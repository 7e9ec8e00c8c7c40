"""Scans the index, the commits of a range, or files, by the rules in force."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.problems import Refusal
from tallybook.repo.commits import is_revision, tips, unaltered
from tallybook.repo.git import GitFault
from tallybook.repo.scanning.kinds import Kind
from tallybook.repo.scanning.reading import rules_of
from tallybook.repo.scanning.rules import BadRules, Book, RuleFault
from tallybook.repo.scanning.scan import Question, Scan, scan
from tallybook.repo.scanning.self_test import self_test
from tallybook.repo.scanning.sources import Entry, blobs, from_disk, in_work_tree, introduced, on_disk, staged
from tallybook.usecases.workspace import explained

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.repo.scanning.sources import Loaded
    from tallybook.usecases.workspace import Workspace


class ScanRequest(msgspec.Struct, frozen=True):
    """What to scan; with nothing said, all files of the work tree that git tracks or would add."""

    kind: Kind
    staged: bool = False
    """The index, as far as it differs from HEAD."""
    revisions: str | None = None
    """A range of commits, or a commit with all before it."""
    paths: tuple[str, ...] = ()


class Scanned(msgspec.Struct, frozen=True):
    """What came out, and by which rules."""

    rules: str
    """The file of the rules."""
    scan: Scan


class SelfTested(msgspec.Struct, frozen=True):
    """How rules did on their own examples."""

    rules: str
    tried: int
    faults: tuple[RuleFault, ...]


def run_scan(workspace: Workspace, request: ScanRequest) -> Scanned | BadRules | Refusal:
    """Scan what is asked for."""
    if sum((request.staged, request.revisions is not None, bool(request.paths))) > 1:
        message = "--staged, --range and paths can't be given together"
        return Refusal("scan-several", message, "scan one after the other", usage=True)
    book = rules_of(_top(workspace), request.kind)
    if isinstance(book, BadRules):
        return book
    files = _files(workspace, request)
    if isinstance(files, Refusal):
        return files
    whole = not (request.staged or request.paths or request.revisions is not None)
    found = scan((Question(book, whole),), files)
    return _failed(found) if isinstance(found, GitFault) else Scanned(book.file, found[0])


def run_self_test(workspace: Workspace, kind: Kind) -> SelfTested | BadRules:
    """Try all rules in force on their examples."""
    book: Book | BadRules = rules_of(_top(workspace), kind, examples=True)
    return book if isinstance(book, BadRules) else SelfTested(book.file, len(book.rules), self_test(book))


def _top(workspace: Workspace) -> Path | None:
    return None if workspace.repository is None else workspace.repository.toplevel


def _failed(fault: GitFault) -> Refusal:
    return Refusal(fault.code, f"git can't tell what there is to scan: {fault.message}", "nothing is known to be clean")


def _files(workspace: Workspace, request: ScanRequest) -> Iterable[Loaded | GitFault] | Refusal:
    repository = workspace.repository
    if repository is None and (request.staged or request.revisions is not None):
        hint = "run it inside a repository, or name paths"
        return explained(workspace, Refusal("no-repository", "there is no git work tree here", hint))
    if repository is None or request.paths:
        return _on_disk(workspace, request)
    git = repository.git
    if not request.staged and request.revisions is None:
        entries = in_work_tree(git, ("",))
        return _failed(entries) if isinstance(entries, GitFault) else from_disk(repository.toplevel, entries)
    if request.revisions is not None:
        if not is_revision(request.revisions):
            message = f"{request.revisions!a} is no range of commits"
            return Refusal("bad-revision", message, "name one such as main..HEAD", usage=True)
        git = unaltered(git)
        entries = introduced(git, (request.revisions,))
        ends = tips(git, request.revisions)
        if isinstance(entries, GitFault) or not ends:
            message = entries.message if isinstance(entries, GitFault) else f"{request.revisions!a} names no commit"
            return Refusal("bad-revision", message, "name a range such as main..HEAD, or a commit", usage=True)
    else:
        entries = staged(git)
    return _failed(entries) if isinstance(entries, GitFault) else blobs(git, entries)


def _on_disk(workspace: Workspace, request: ScanRequest) -> Iterable[Loaded | GitFault] | Refusal:
    """Files by name, ignored ones too; of directories inside of the work tree what git tracks or would add."""
    repository, cwd = workspace.repository, workspace.cwd
    top = Path(os.path.realpath(cwd if repository is None else repository.toplevel))
    inside: list[str] = []
    others: list[Path] = []
    for name in request.paths or (".",):
        named = cwd / name
        place = Path(os.path.realpath(named.parent), named.name)
        if named.is_dir():
            place = Path(os.path.realpath(named))
        if not os.path.lexists(place):
            return Refusal("no-such-file", f"there is nothing at {name}", "name files or directories", usage=True)
        if not place.is_relative_to(top) and request.kind == "boundary":
            message = f"{name} lies outside of {'the repository' if repository else 'this directory'}"
            return Refusal("outside", message, "the rules of a boundary are about paths inside of it", usage=True)
        if repository is not None and place.is_dir() and place.is_relative_to(top):
            inside.append("" if place == top else str(place.relative_to(top)))
        else:
            others.append(place)
    tracked: list[Entry] | GitFault = []
    if repository is not None and inside:
        tracked = in_work_tree(repository.git, inside)
    if isinstance(tracked, GitFault):
        return _failed(tracked)
    return from_disk(top, chain(tracked, on_disk(top, others)))
