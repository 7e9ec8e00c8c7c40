"""What commits say in their trailers, many with one git call, and files as they were in one of them.

Standard library only.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 120.0
_PLAIN_FILES = {"100644", "100755"}


class Said(NamedTuple):
    """The values of one trailer in one commit."""

    commit: str
    """Its full id."""
    values: tuple[str, ...]


def is_revision(text: str) -> bool:
    """Whether git may be given the text as a revision or a range; it could be an option otherwise."""
    return bool(text) and not text.startswith("-") and text.isprintable()


def trailers_of(git: Git, revision: str, key: str) -> GitFault | list[Said]:
    """The commits of a revision or range that have the trailer, the newest first."""
    found = git._replace(seconds=_SECONDS).read(
        *("-c", "trailer.separators=:", "-c", "log.showSignature=false", "log", "-z"),
        f"--format=%H%x1f%(trailers:key={key},valueonly,unfold,separator=%x1e)",
        *(revision, "--"),
    )
    return found if isinstance(found, GitFault) else list(_said(os.fsdecode(found)))


def _said(text: str) -> Iterator[Said]:
    for entry in filter(None, text.split("\0")):
        commit, _, values = entry.partition("\x1f")
        told = tuple(value.strip() for value in values.split("\x1e") if value.strip())
        if told:
            yield Said(commit, told)


def newest(git: Git, revision: str) -> GitFault | str:
    """The commit that a revision names, of a range its end."""
    found = git.read("rev-list", "--max-count=1", revision, "--")
    return found if isinstance(found, GitFault) else os.fsdecode(found).strip()


def files_in(git: Git, commit: str, directory: str) -> GitFault | dict[str, str]:
    """The plain files right in a directory as a commit has it: blobs by name."""
    found = git.read("ls-tree", "-z", "--full-tree", commit, "--", f"{directory.rstrip('/')}/")
    if isinstance(found, GitFault):
        return found
    blobs = {}
    for line in filter(None, os.fsdecode(found).split("\0")):
        facts, _, path = line.partition("\t")
        mode, kind, blob = facts.split(" ")
        if kind == "blob" and mode in _PLAIN_FILES:
            blobs[path.rpartition("/")[2]] = blob
    return blobs


def blob_bytes(git: Git, blob: str) -> GitFault | bytes:
    """The content of a blob."""
    return git._replace(seconds=_SECONDS).read("cat-file", "blob", blob)


def is_shallow(git: Git) -> bool:
    """Whether older commits are missing here."""
    return git.read("rev-parse", "--is-shallow-repository") == b"true\n"
