"""The agents at work below one process: what their registries and open logs tell of sessions, while they run.

It only looks. A process that was seen once stays known when another adopts it, and what a process showed stays told
when it is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.processes import system_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.agents.port import LogReader
    from tallybook.agents.processes import Process, ProcessTable

LOG: Final = ".jsonl"


class AtWork(msgspec.Struct):
    """What one process of an agent has shown so far."""

    agent: str
    directory: str | None = None
    """Where it works; None where the system does not tell."""
    registered: list[str] = msgspec.field(default_factory=list)
    """Sessions that the agent's registry named for it, the latest last."""
    logs: set[str] = msgspec.field(default_factory=set)
    """Real paths of logs that it held open."""

    @property
    def evidence(self) -> int:
        """How many sessions and logs it has shown; never falls."""
        return len(self.registered) + len(self.logs)


class Family(msgspec.Struct, frozen=True):
    """Which processes count as below."""

    root: int
    """The process at the top, itself included."""
    environ: Mapping[str, str]
    """What to look registries up with where a process does not show its own environment."""
    mark: tuple[str, str]
    """A variable and its value: whoever holds another value was started below somebody else, who watches it."""


class Offspring:
    """Watches one family."""

    def __init__(self, readers: Sequence[LogReader], family: Family) -> None:
        self._readers = readers
        self._family = family
        self._parents: dict[int, int] = {}
        self._below = {family.root}
        self._found: dict[tuple[int, str], AtWork] = {}

    @property
    def seen(self) -> tuple[AtWork, ...]:
        """Every process of an agent that was met."""
        return tuple(self._found.values())

    def look(self, table: ProcessTable | None = None) -> bool:
        """Look around once, in ``table`` or on this machine; tell whether anything is new."""
        processes = system_tree() if table is None else table
        self._grow(processes)
        new = False
        for pid in sorted(self._below):
            process = processes.process(pid)
            reader = None if process is None else self._reader(process)
            if process is not None and reader is not None and not self._is_foreign(processes, pid):
                new |= self._note(processes, process, reader)
        return new

    def _grow(self, processes: ProcessTable) -> None:
        present = set(processes.pids())
        for pid in self._parents.keys() - present:
            del self._parents[pid]
            self._below.discard(pid)
        for pid in present - self._parents.keys():
            process = processes.process(pid)
            if process is not None:
                self._parents[pid] = process.parent
        fresh = self._below
        while fresh:
            fresh = {pid for pid, parent in self._parents.items() if parent in fresh and pid not in self._below}
            self._below |= fresh

    def _reader(self, process: Process) -> LogReader | None:
        return next((reader for reader in self._readers if reader.is_agent_process(process.argv)), None)

    def _is_foreign(self, processes: ProcessTable, pid: int) -> bool:
        name, value = self._family.mark
        return (processes.environ(pid) or {}).get(name, value) != value

    def _note(self, processes: ProcessTable, process: Process, reader: LogReader) -> bool:
        key = (process.pid, process.started)
        new = key not in self._found
        known = self._found.setdefault(key, AtWork(reader.agent, processes.directory(process.pid)))
        environ = processes.environ(process.pid) or self._family.environ
        session = reader.registered_session(environ, process.pid, process.started)
        if session is not None and session not in known.registered:
            known.registered.append(session)
            new = True
        logs = {path for path in processes.files(process.pid) if path.endswith(LOG)}
        new |= not logs <= known.logs
        known.logs |= logs
        return new
