"""What commits say in their trailers, many with one git call, and files as they were in one of them.

Standard library only.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 120.0
_PLAIN_FILES = {"100644", "100755"}


class Said(NamedTuple):
    """What one commit says under one key."""

    commit: str
    """Its full id."""
    values: tuple[str, ...]
    """Of its trailers."""
    lines: tuple[str, ...]
    """What stands behind the key on any line, those of the trailers among them: a squash leaves them in the text."""


def is_revision(text: str) -> bool:
    """Whether git may be given the text as a revision or a range; it could be an option otherwise."""
    return bool(text) and not text.startswith("-") and text.isprintable()


def unaltered(git: Git) -> Git:
    """The same, seeing commits as they were made: what was put in their place in this clone alone is not looked at."""
    environ = {**git.environ, "GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull}
    return git._replace(environ=environ, seconds=_SECONDS)


def sayings(git: Git, revision: str, key: str) -> GitFault | list[Said]:
    """The commits of a revision or range that have the trailer, or a line like it, the newest first; one git call."""
    found = git.read(
        *("-c", "trailer.separators=:", "-c", "log.showSignature=false", "log", "-z", "--encoding=UTF-8"),
        *("--basic-regexp", "--regexp-ignore-case", f"--grep=^[[:space:]]*{key}[[:space:]]*:"),
        f"--format=%H%x1f%(trailers:key={key},valueonly,unfold,separator=%x1e)%x1f%B",
        *(revision, "--"),
    )
    return found if isinstance(found, GitFault) else list(_said(os.fsdecode(found), key))


def _said(text: str, key: str) -> Iterator[Said]:
    line = re.compile(rf"^[ \t]*{re.escape(key)}[ \t]*:(.*)$", re.MULTILINE | re.IGNORECASE)
    for entry in filter(None, text.split("\0")):
        commit, _, rest = entry.partition("\x1f")
        values, _, message = rest.partition("\x1f")
        trailers = tuple(value.strip() for value in values.split("\x1e") if value.strip())
        yield Said(commit, trailers, tuple(value.strip() for value in line.findall(message)))


def tips(git: Git, revision: str) -> GitFault | tuple[str, ...]:
    """The commits that a revision names, of a range its end; none where it names something else."""
    named = git.read("rev-parse", "--revs-only", revision, "--")
    if isinstance(named, GitFault):
        return named
    ids = [word for word in os.fsdecode(named).split() if not word.startswith("^")]
    peeled = git.read("cat-file", "--batch-check", text="".join(f"{word}^{{commit}}\n" for word in ids).encode())
    if isinstance(peeled, GitFault):
        return peeled
    rows = [row.split(" ") for row in os.fsdecode(peeled).splitlines()]
    return tuple(dict.fromkeys(row[0] for row in rows if row[1:2] == ["commit"]))


def file_in(git: Git, commit: str, path: str) -> bytes | None:
    """One file as a commit has it; None where it has none."""
    found = git.read("cat-file", "blob", f"{commit}:{path}")
    return None if isinstance(found, GitFault) else found


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
    return git.read("cat-file", "blob", blob)


def is_shallow(git: Git) -> bool:
    """Whether older commits are missing here."""
    return git.read("rev-parse", "--is-shallow-repository") == b"true\n"
