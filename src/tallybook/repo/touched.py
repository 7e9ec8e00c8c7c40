"""Which files the commits of a task changed, by what their messages say.

Standard library only. Names of files are compared here and go nowhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tallybook.repo.git import GitFault

if TYPE_CHECKING:
    from tallybook.repo.worktree import Repository

MOST_COMMITS = 5000
_HEAD = re.compile(rb"\x01([^\x01\x02]*)\x02")
"""What stands before the files of a commit."""


def files_by_task(repository: Repository, since: int, publish: str | None) -> dict[str, frozenset[str]] | GitFault:
    """The files that commits with a ``Task:`` trailer changed, by the trailer's value.

    Commits of all branches since a moment (seconds since the epoch), the latest 5,000, merges aside. ``publish`` is the
    directory of the published ledger, which is nobody's work.
    """
    if repository.head() is None:
        return {}
    apart = () if publish is None else (f":(top,exclude,literal){publish}",)
    found = repository.git.read(
        *("-c", "trailer.separators=:", "-c", "log.showSignature=false"),
        *(
            "log",
            "--no-merges",
            f"--max-count={MOST_COMMITS}",
            f"--since=@{since} +0000",
            "-z",
            "--no-renames",
            "--name-only",
        ),
        "--format=%x01%(trailers:key=Task,valueonly,separator=%x2C)%x02",
        *("--branches", "--remotes", "HEAD", "--", ":(top)", *apart),
    )
    return found if isinstance(found, GitFault) else _read(found)


def _read(told: bytes) -> dict[str, frozenset[str]]:
    files: dict[str, set[str]] = {}
    tasks: list[str] = []
    for entry in told.split(b"\0"):
        head = _HEAD.fullmatch(entry)
        if head is not None:
            tasks = [task.strip() for task in head[1].decode("utf-8", "surrogateescape").split(",") if task.strip()]
            first = True
        elif entry:
            name = entry.removeprefix(b"\n") if first else entry
            first = False
            for task in tasks:
                files.setdefault(task, set()).add(name.decode("utf-8", "surrogateescape"))
    return {task: frozenset(names) for task, names in files.items()}
