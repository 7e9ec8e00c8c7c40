"""Git itself, and the repository that the command runs in."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from tallybook.repo.git import Git, GitFault
from tallybook.repo.worktree import REMEDIES
from tallybook.reports.words import counted
from tallybook.usecases.doctor.finding import note, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.usecases.doctor.finding import Finding
    from tallybook.usecases.workspace import Workspace

OLDEST_GIT: Final = (2, 22)
"""The first whose ``git log`` lists the values of several trailers."""


def git_version(workspace: Workspace) -> Iterator[Finding]:
    """The git on PATH; its version decides what hooks can do."""
    found = Git(workspace.cwd, workspace.environ).read("--version")
    if isinstance(found, GitFault):
        yield problem("git", found.message, REMEDIES.get(found.code, "run git --version by hand"))
        return
    said = os.fsdecode(found).strip().removeprefix("git version ")
    numbers = re.match(r"([0-9]+)\.([0-9]+)", said)
    if numbers is None:
        yield note("git", f"its version can't be told from {said[:80]!a}")
    elif (int(numbers[1]), int(numbers[2])) < OLDEST_GIT:
        yield problem("git", f"{said} is too old", "install git 2.22 or later and put it on PATH")
    else:
        yield ok("git", said)


def repository(workspace: Workspace) -> Iterator[Finding]:
    """The work tree, and how many of them the clone has; or why there is none."""
    it = workspace.repository
    if it is None:
        faults = [fault for fault in workspace.problems if not fault.code.startswith("config-")]
        for fault in faults:
            yield problem("repository", fault.message, REMEDIES.get(fault.code, fault.hint))
        if not faults:
            message = "there is no git repository here: goals go into a ledger of the data directory"
            yield note("repository", message, "go into a repository to keep its book")
        return
    listed = it.git.read("worktree", "list", "--porcelain")
    if isinstance(listed, GitFault):
        yield problem("repository", f"git can't list its worktrees: {listed.message}", "run git worktree list")
        return
    trees = [line for line in os.fsdecode(listed).split("\n") if line.startswith("worktree ")]
    branch = it.branch()
    on = "no branch" if branch is None else f"branch {branch}"
    count = counted(len(trees), "worktree")
    yield ok("repository", f"on {on}; this is {it.worktree}, the clone has {count}", it.toplevel)
