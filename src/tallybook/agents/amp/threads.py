"""Who a thread is: its id, when it was born, where it ran, and which thread it comes from."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec

from tallybook.agents import values
from tallybook.agents.amp import records
from tallybook.agents.names import branch_name, commit_name, entry_name, version_name
from tallybook.agents.port import SessionFact

_HEADS: Final = "refs/heads/"
_HERE: Final = frozenset({"", "localhost"})


class Thread(msgspec.Struct, frozen=True):
    """One thread."""

    id: str
    born: int | None
    """Microseconds since the epoch, UTC."""
    parent: str | None = None
    """The thread that sent it as a subagent."""
    origin: str | None = None
    """The thread that it was forked from."""
    copied: int = 0
    """At most so many of its first messages were copied from there; what replaced one of them was not."""
    cwd: str | None = None
    branch: str | None = None
    commit: str | None = None
    version: str | None = None
    entry: str | None = None

    def inherits(self, index: int | None, at: int | None) -> bool:
        """Whether what stands at this index (None in the ledger) with this time was copied from the origin."""
        if self.origin is None:
            return False
        if at is not None and self.born is not None:
            return at < self.born
        return index is not None and index < self.copied

    def fact(self, last_at: int | None, model: str | None) -> SessionFact:
        """What the thread says of its session."""
        return SessionFact(
            self.id,
            parent=self.parent,
            forked_from=None if self.parent else self.origin,
            born_at=self.born,
            last_at=last_at,
            cwd=self.cwd,
            model=model,
            origin="subagent" if self.parent else "main",
            branch=self.branch,
            commit=self.commit,
            version=self.version,
            entry=self.entry,
        )


def thread_of(document: records.Thread, name: str) -> Thread:
    """The thread of a document; ``name`` is its id where the document has none."""
    identity = values.text(document.id) or name
    parent = values.text(document.main_thread)
    fork = _fork(document)
    origin = values.text(document.origin_thread) or (fork.thread if fork else None)
    point = values.readable(document.fork_point_index, records.number)
    if point is None and fork is not None:
        point = fork.message_index
    return Thread(
        identity,
        values.instant(document.created),
        parent if parent != identity else None,
        origin if origin != identity else None,
        0 if point is None else point + 1,
        *_surroundings(document),
    )


def _fork(document: records.Thread) -> records.Relationship | None:
    """The relationship in which this thread is the fork; the origin has one too, in the other role."""
    related = values.readable(document.relationships, records.relationships) or []
    return next((one for one in related if one.type == "fork" and one.role == "child"), None)


class _Surroundings(NamedTuple):
    """As the thread's own fields."""

    cwd: str | None = None
    branch: str | None = None
    commit: str | None = None
    version: str | None = None
    entry: str | None = None


def _surroundings(document: records.Thread) -> _Surroundings:
    env = values.readable(document.env, records.env)
    if env is None:
        return _Surroundings()
    initial = env.initial or records.Surroundings()
    roots = ((_path(tree.uri), tree) for tree in initial.trees or () if tree.uri)
    root, tree = next((found for found in roots if found[0]), (None, records.Tree()))
    repository = values.readable(tree.repository, records.repository) or records.Repository()
    program = values.readable(initial.platform, records.platform) or records.Platform()
    ref = repository.ref.removeprefix(_HEADS) if isinstance(repository.ref, str) else None
    return _Surroundings(
        root or initial.cwd or env.cwd,
        branch_name(ref),
        commit_name(repository.sha),
        version_name(program.client_version),
        entry_name(program.client),
    )


def _path(uri: str) -> str | None:
    """The path of a file's URI on this machine."""
    try:
        parts = urlsplit(uri)
        return unquote(parts.path) if parts.scheme == "file" and parts.netloc in _HERE else None
    except ValueError:
        return None
