"""What is uncommitted in a work tree, its fingerprint, and which commits name no task.

Standard library only. The fingerprint is a hash; no path and no content leaves.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from pathlib import Path

_SHA = re.compile("[0-9a-f]{40,64}")
_DETACHED = "(detached)"
_MOST_COMMITS = 1000
_MOST_FILES = 500
_LARGEST = 1 << 20
_FIELDS = {b"1": 8, b"u": 10, b"?": 1}
"""How many fields stand before the path, by the kind of an entry of ``git status --porcelain=v2 --no-renames``."""


class Status(NamedTuple):
    """What one ``git status`` tells."""

    entries: list[bytes]
    head: str | None
    """Full id of the commit that is checked out; None where there is none yet."""
    branch: str | None
    """Short name; None where HEAD is detached, or so named that this can't be told."""


def status_of(git: Git, publish: str | None) -> Status | GitFault:
    """HEAD, and what is uncommitted outside of the directory of the published ledger."""
    paths = () if publish is None else ("--", ":(top)", f":(top,exclude,literal){publish}")
    found = git.read(
        *("status", "--porcelain=v2", "-z", "--untracked-files=all", "--no-renames", "--branch", "--no-ahead-behind"),
        *paths,
    )
    if isinstance(found, GitFault):
        return found
    told: dict[bytes, str] = {}
    entries = []
    for entry in found.split(b"\0"):
        if entry.startswith(b"# "):
            name, _, value = entry[2:].partition(b" ")
            told[name] = os.fsdecode(value)
        elif entry:
            entries.append(entry)
    head, branch = told.get(b"branch.oid", ""), told.get(b"branch.head")
    return Status(entries, head if _SHA.fullmatch(head) else None, None if branch == _DETACHED else branch)


def fingerprint_of(toplevel: Path, entries: list[bytes]) -> str | None:
    """16 hex digits for uncommitted changes, by their entries and by what stands in the files; None for none."""
    if not entries:
        return None
    digest = hashlib.sha256()
    for number, entry in enumerate(entries):
        digest.update(b"\0" + entry + b"\0")
        path = entry.split(b" ", _FIELDS.get(entry[:1], 1))[-1]
        if number < _MOST_FILES:
            digest.update(_content(toplevel / os.fsdecode(path)))
    return digest.hexdigest()[:16]


def _content(path: Path) -> bytes:
    """A hash of a small file's bytes; of anything else no more than its size, so that this stays fast."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return b"other"
        if found.st_size > _LARGEST:
            return b"%d" % found.st_size
        with path.open("rb") as source:
            return hashlib.sha256(source.read(_LARGEST)).digest()
    except OSError:
        return b"gone"


def commits_without_task(git: Git, finished_at: str, head: str | None) -> int | GitFault:
    """How many own commits came after a moment (ISO 8601 with a zone) and after ``head`` and name no task.

    Own are those in no remote-tracking branch; merges don't count; no more than 1,000 are looked at.
    """
    finished = int(datetime.fromisoformat(finished_at).timestamp())
    known = [head] if head and _SHA.fullmatch(head) else []
    found = git.read(
        *("-c", "trailer.separators=:", "-c", "log.showSignature=false"),
        *("log", "--no-merges", f"--max-count={_MOST_COMMITS}", f"--since={finished}", "--ignore-missing", "-z"),
        "--format=%ct %(trailers:key=Task,key=No-Task,valueonly,separator=%x2C)",
        *("HEAD", "--not", "--remotes", *known, "--"),
    )
    if isinstance(found, GitFault):
        return found
    lines = (entry.partition(b" ") for entry in found.split(b"\0") if entry)
    # What is not in the known head came after it, in the same second too; without one the second itself is in doubt.
    earliest = finished if known else finished + 1
    return sum(int(seconds) >= earliest and not task.strip() for seconds, _, task in lines)
