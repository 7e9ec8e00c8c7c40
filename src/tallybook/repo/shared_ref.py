"""A ref on a remote that carries files beside the branches: read and written by plumbing, without index or work tree.

Standard library only. What is pushed replaces what was fetched and nothing newer; who comes second fetches again.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GUARD = "TALLYBOOK_SYNCING"
"""Set for every git that is run here, so that a hook in it does not begin anew."""
TRACKED = "refs/tallybook/synced"
"""Where this clone remembers what the remote had, so that only what is new must be fetched; it may lag behind."""
SECONDS = 120.0
"""Longest that one call may take that talks to a remote."""
_SHA = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FILE = "100644"
_MISSING = GitFault("git-failed", "a file that the ref names is missing")
_IDENTITY = {
    "GIT_AUTHOR_NAME": "tallybook",
    "GIT_AUTHOR_EMAIL": "tallybook@localhost",
    "GIT_COMMITTER_NAME": "tallybook",
    "GIT_COMMITTER_EMAIL": "tallybook@localhost",
}


class Entry(NamedTuple):
    """One entry of the tree."""

    mode: str
    kind: str
    sha: str
    name: bytes

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file."""
        return self.kind == "blob" and self.mode in {_FILE, "100755"}


def file_entry(sha: str, name: str) -> Entry:
    """The entry of a plain file."""
    return Entry(_FILE, "blob", sha, name.encode())


class SharedRef(NamedTuple):
    """The ref, as one clone sees it."""

    git: Git
    remote: str
    ref: str

    def tip(self) -> str | GitFault | None:
        """The commit that the remote has; None where it has no such ref."""
        told = self._far("ls-remote", "--refs", "--", self.remote, self.ref)
        if isinstance(told, GitFault):
            return told
        found = [line.split("\t") for line in os.fsdecode(told).splitlines()]
        return next((sha for sha, name in found if name == self.ref and _SHA.fullmatch(sha)), None)

    def fetch(self) -> GitFault | str:
        """Bring the commit of the remote here; its id. Processes that do so at once don't meet."""
        incoming = f"{TRACKED}-{os.getpid()}"
        done = self._far(
            *(
                "-c",
                "fetch.prune=false",
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--refmap=",
                "--force",
            ),
            *("--no-auto-maintenance", "--no-recurse-submodules", "--", self.remote, f"{self.ref}:{incoming}"),
        )
        if isinstance(done, GitFault):
            return done
        found = self.git.read("rev-parse", "--verify", "--quiet", f"{incoming}^{{commit}}")
        if not isinstance(found, GitFault):
            self.git.write("update-ref", TRACKED, os.fsdecode(found).strip())
        self.git.write("update-ref", "-d", incoming)
        return found if isinstance(found, GitFault) else os.fsdecode(found).strip()

    def entries(self, commit: str) -> GitFault | list[Entry]:
        """What its tree holds, at the top level."""
        told = self.git.read("ls-tree", "-z", "--full-tree", commit)
        if isinstance(told, GitFault):
            return told
        found = []
        for line in filter(None, told.split(b"\0")):
            facts, _, name = line.partition(b"\t")
            mode, kind, sha = os.fsdecode(facts).split(" ")
            found.append(Entry(mode, kind, sha, name))
        return found

    def sizes(self, blobs: Sequence[str]) -> GitFault | list[int]:
        """Bytes of each blob, by one call."""
        told = self._batch("--batch-check", blobs)
        if isinstance(told, GitFault):
            return told
        facts = [line.split(b" ") for line in told.splitlines()]
        if any(len(one) != 3 or one[1] != b"blob" for one in facts):  # noqa: PLR2004 - id, type, size
            return _MISSING
        return [int(size) for _, _, size in facts]

    def contents(self, blobs: Sequence[str]) -> GitFault | list[bytes]:
        """The bytes of each blob, by one call."""
        told = self._batch("--batch", blobs)
        if isinstance(told, GitFault):
            return told
        found, start = [], 0
        for _ in blobs:
            end = told.index(b"\n", start)
            fact = told[start:end].split(b" ")
            if len(fact) != 3:  # noqa: PLR2004 - id, type, size; else it is missing
                return _MISSING
            start = end + 1 + int(fact[2]) + 1
            found.append(told[end + 1 : start - 1])
        return found

    def is_code(self, commit: str) -> bool:
        """Whether it has history in common with what is checked out."""
        return not isinstance(self.git.read("merge-base", "HEAD", commit), GitFault)

    def _batch(self, how: str, blobs: Sequence[str]) -> GitFault | bytes:
        if not blobs:
            return b""
        names = "".join(f"{blob}\n" for blob in blobs).encode()
        return self.git._replace(seconds=SECONDS).read("cat-file", how, text=names)

    def store(self, data: bytes) -> GitFault | str:
        """Keep bytes as a blob; its id."""
        found = self.git._replace(seconds=SECONDS).read("hash-object", "-w", "--no-filters", "--stdin", text=data)
        return found if isinstance(found, GitFault) else os.fsdecode(found).strip()

    def commit(self, entries: Iterable[Entry], parent: str | None) -> GitFault | str:
        """A commit of these entries; its id."""
        lines = [b" ".join((one.mode.encode(), one.kind.encode(), one.sha.encode())) + b"\t" + one.name
                 for one in sorted(entries, key=lambda one: one.name)]  # fmt: skip
        tree = self.git.read("mktree", "-z", "--missing", text=b"".join(line + b"\0" for line in lines))
        if isinstance(tree, GitFault):
            return tree
        git = self.git._replace(environ={**self.git.environ, **_IDENTITY})
        parents = () if parent is None else ("-p", parent)
        found = git.read("commit-tree", os.fsdecode(tree).strip(), *parents, "-m", "tallybook ledger")
        return found if isinstance(found, GitFault) else os.fsdecode(found).strip()

    def push(self, commit: str, before: str | None) -> GitFault | None:
        """Put a commit in the place of ``before``; a fault where the remote has another by now, or does not want it."""
        done = self._far(
            *("push", "--quiet", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", "--no-signed"),
            *(f"--force-with-lease={self.ref}:{before or ''}", "--", self.remote, f"{commit}:{self.ref}"),
        )
        if isinstance(done, GitFault):
            return done
        self.git.write("update-ref", TRACKED, commit)
        return None

    def _far(self, *arguments: str) -> bytes | GitFault:
        environ = {**self.git.environ, GUARD: "1"}
        if not {"GIT_SSH", "GIT_SSH_COMMAND"} & environ.keys():
            told = self.git.read("config", "core.sshCommand")
            environ |= {"GIT_SSH_COMMAND": "ssh -oBatchMode=yes"} if isinstance(told, GitFault) else {}
        return Git(self.git.directory, environ, SECONDS).write(*arguments)


def remotes(git: Git) -> GitFault | list[str]:
    """The names of all remotes."""
    told = git.read("remote")
    return told if isinstance(told, GitFault) else os.fsdecode(told).split("\n")[:-1]


def usual_remote(git: Git) -> GitFault | str | None:
    """The remote of the branch that is checked out, else ``origin``, else the only one; None where that is none."""
    names = remotes(git)
    if isinstance(names, GitFault):
        return names
    branch = git.read("symbolic-ref", "--quiet", "--short", "HEAD")
    if not isinstance(branch, GitFault):
        own = git.read("config", f"branch.{os.fsdecode(branch).strip()}.remote")
        if not isinstance(own, GitFault) and os.fsdecode(own).strip() in names:
            return os.fsdecode(own).strip()
    if "origin" in names:
        return "origin"
    return names[0] if len(names) == 1 else None
