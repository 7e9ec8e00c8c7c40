"""Which agent session am I in: the nearest certain evidence wins, and a doubt is returned, never decided."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from tallybook.agents.handover import SESSION_ID, Holder, holder_of
from tallybook.agents.port import LogReader
from tallybook.agents.processes import Process, ProcessTree, ancestors
from tallybook.domain.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence


SESSION_VARIABLE: Final = "TALLYBOOK_SESSION"
RECENT: Final = 10 * 60 * 1_000_000
"""Microseconds within which a session must have moved to be taken by its directory."""
HINT: Final = "give --agent and --session, set TALLYBOOK_SESSION=AGENT:ID, or pass --untracked"


class Candidate(msgspec.Struct, frozen=True):
    """A session that could be meant, told by its facts alone."""

    agent: str
    session: str
    last_at: int | None = None
    """Microseconds since the epoch, UTC."""
    cwd: str | None = None
    tokens: int = 0
    parent: str | None = None


class KnownSessions(Protocol):
    """What the history knows of sessions."""

    def named(self, session: str) -> tuple[Candidate, ...]:
        """Sessions of any agent with this id."""
        ...

    def recent(self, directories: Sequence[str], since: int) -> tuple[Candidate, ...]:
        """Sessions whose cwd is one of these and that moved at ``since`` or later."""
        ...


class Flag(msgspec.Struct, frozen=True):
    """What the command line says, or a command that has found the session itself."""

    agent: str | None = None
    session: str | None = None
    how: str = "flag"
    """How ``session`` is known."""
    guess: bool = True
    """Whether to take a session since it is at work in this directory, where nothing else tells."""


class Surroundings(msgspec.Struct, frozen=True):
    """All that detection looks at."""

    environ: Mapping[str, str]
    pid: int
    """This process; its parents are looked at."""
    processes: ProcessTree
    sessions: KnownSessions
    cwd: Path
    now: int
    """Microseconds since the epoch, UTC."""
    handed: Callable[[Holder], str | None] = lambda _: None
    """The session that an agent's own hook has named for its process."""


class Found(msgspec.Struct, frozen=True):
    """The session, and how it was found."""

    agent: str
    session: str
    detected_by: str
    """``flag``, ``environment``, ``variable``, ``process``, ``registry``, ``hook`` or ``directory``; ``tally run``
    finds by ``descendant`` and ``born``."""
    call_id: str | None = None
    """The running tool call, where the agent names it."""


class Ambiguous(msgspec.Struct, frozen=True):
    """Several sessions could be meant."""

    candidates: tuple[Candidate, ...]
    hint: str = HINT


class NoSession(msgspec.Struct, frozen=True):
    """No agent was found."""

    hint: str = HINT


Answer = Found | Ambiguous | NoSession | Refusal


def bad_id(session: str, origin: str) -> Refusal | None:
    """Refuse an id that is no id; ``origin`` names where it was read."""
    if SESSION_ID.fullmatch(session):
        return None
    return Refusal(
        "bad-session-id",
        f"{origin} holds no session id",
        "a session id has 1 to 200 characters of A-Z a-z 0-9 . _ : / -",
    )


def detect(readers: Sequence[LogReader], around: Surroundings, flag: Flag | None = None) -> Answer:
    """Find the session by flag, environment, variable, parent processes, registry, hook or directory, in this order."""
    agents = {reader.agent: reader for reader in readers}
    asked = Flag() if flag is None else flag
    if asked.agent is not None and asked.agent not in agents:
        return Refusal("unknown-agent", f"no agent {asked.agent!r}", f"known: {', '.join(sorted(agents))}")
    wanted = agents if asked.agent is None else {asked.agent: agents[asked.agent]}
    detection = _Detection(wanted, around, asked.guess)
    if asked.session is not None:
        return detection.named(asked.agent, asked.session, asked.how)
    if given := around.environ.get(SESSION_VARIABLE):
        agent, colon, session = given.partition(":")
        if not colon or agent not in agents:
            return detection.named(asked.agent, given, "environment")
        if agent in wanted:
            return detection.named(agent, session, "environment")
    return detection.search()


class _Instance(msgspec.Struct, frozen=True):
    """One run of an agent: adjacent processes, since a launcher and its program are one."""

    agent: str
    processes: list[Process]


class _Detection(msgspec.Struct, frozen=True):
    agents: Mapping[str, LogReader]
    around: Surroundings
    guess: bool

    def named(self, agent: str | None, session: str, how: str) -> Answer:
        """A session that was named, by an id that may lack its agent."""
        origin = SESSION_VARIABLE if how == "environment" else "--session"
        if refusal := bad_id(session, origin):
            return refusal
        if agent is not None:
            return self._found(agent, session, how)
        candidates = tuple(known for known in self.around.sessions.named(session) if known.agent in self.agents)
        if not candidates:
            return Refusal(
                "unknown-session",
                f"{origin} names a session that no log holds",
                "name its agent too: --agent AGENT --session ID, or TALLYBOOK_SESSION=AGENT:ID",
            )
        return self._only(candidates, how)

    def search(self) -> Answer:
        """The session by the agents' own variables, processes and registries, else by directory."""
        variables = {agent: held for agent in self.agents if (held := self._variable(agent))}
        instances = self._instances()
        inner = instances[0] if instances else None
        if len(variables) == 1:
            ((agent, session),) = variables.items()
            outer = any(instance.agent == agent for instance in instances[1:])
            if inner is None or inner.agent == agent or not outer:
                return self._found(agent, session, "variable")
            return self._of_instance(inner)
        if inner is not None and inner.agent in variables:
            return self._found(inner.agent, variables[inner.agent], "process")
        if inner is not None:
            return self._of_instance(inner)
        if variables:
            return Ambiguous(tuple(self._candidate(*item) for item in sorted(variables.items())))
        return self._in_directory(tuple(self.agents))

    def _of_instance(self, instance: _Instance) -> Answer:
        reader = self.agents[instance.agent]
        for process in instance.processes:
            session = reader.registered_session(self.around.environ, process.pid, process.started)
            if session:
                return self._found(instance.agent, session, "registry")
        handed = (self.around.handed(holder_of(instance.agent, process)) for process in instance.processes)
        session = next((one for one in handed if one), None)
        return self._in_directory((instance.agent,)) if session is None else self._of_hook(instance.agent, session)

    def _of_hook(self, agent: str, session: str) -> Answer:
        """What the hook named; early builds name a session that is resumed by an id which their logs never use."""
        if not any(known.agent == agent for known in self.around.sessions.named(session)):
            here = self._in_directory((agent,))
            if isinstance(here, Found):
                return here
        return self._found(agent, session, "hook")

    def _in_directory(self, agents: tuple[str, ...]) -> Answer:
        if not self.guess:
            return NoSession()
        recent = [
            known
            for known in self.around.sessions.recent(self._directories(), self.around.now - RECENT)
            if known.agent in agents
        ]
        keys = {(known.agent, known.session) for known in recent}
        tops = tuple(known for known in recent if (known.agent, known.parent) not in keys)
        return self._only(tops, "directory") if tops else NoSession()

    def _only(self, candidates: tuple[Candidate, ...], how: str) -> Answer:
        if len(candidates) > 1:
            return Ambiguous(candidates)
        return self._found(candidates[0].agent, candidates[0].session, how)

    def _found(self, agent: str, session: str, how: str) -> Answer:
        if refusal := bad_id(session, f"the {how} of {agent}"):
            return refusal
        variable = self.agents[agent].call_variable
        call = self.around.environ.get(variable) if variable and self._variable(agent) == session else None
        return Found(agent, session, how, call if call and SESSION_ID.fullmatch(call) else None)

    def _variable(self, agent: str) -> str | None:
        held = (self.around.environ.get(name) for name in self.agents[agent].session_variables)
        return next((value for value in held if value), None)

    def _candidate(self, agent: str, session: str) -> Candidate:
        known = (one for one in self.around.sessions.named(session) if one.agent == agent)
        return next(known, Candidate(agent, session))

    def _instances(self) -> list[_Instance]:
        found: list[_Instance] = []
        previous: str | None = None
        for process in ancestors(self.around.processes, self.around.pid):
            agent = next((name for name, reader in self.agents.items() if reader.is_agent_process(process.argv)), None)
            if agent is not None and agent == previous:
                found[-1].processes.append(process)
            elif agent is not None:
                found.append(_Instance(agent, [process]))
            previous = agent
        return found

    def _directories(self) -> tuple[str, ...]:
        here = os.path.realpath(self.around.cwd)
        shell = self.around.environ.get("PWD", "")
        same = [shell] if shell and os.path.realpath(shell) == here else []
        return tuple(dict.fromkeys([str(self.around.cwd), here, *same]))
