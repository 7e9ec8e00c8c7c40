"""What a log says of sessions: each fact is the same however the log was cut into runs of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.agents.copilot_cli import records
from tallybook.agents.port import SessionFact

if TYPE_CHECKING:
    from tallybook.agents.copilot_cli.telemetry import Told


class Known(msgspec.Struct, array_like=True):
    """What is known of the session of one file."""

    session: str
    born: int | None = None
    """Microseconds since the epoch, UTC; what is older was copied from another session."""
    model: str | None = None
    """The one that is chosen now."""
    home: str | None = None
    """The session that the events copied last were served in."""
    agents: dict[str, int | None] = msgspec.field(default_factory=dict)
    """When each subagent began."""
    counted: list[str] = msgspec.field(default_factory=list)
    """The sessions of subagents of which usage is told; of others it is within their parent's."""

    def is_copied(self, at: int | None) -> bool:
        """Whether what happened then was served in another session."""
        return at is not None and self.born is not None and at < self.born


def child(session: str, agent: str) -> str:
    """The session id of a subagent."""
    return f"{session}/{agent}"


class Sessions:
    """The sessions of one run of lines, in the order in which they were met."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._found: dict[str, SessionFact] = {}
        self._last: dict[str, int] = {}
        """The latest moment of each session."""

    def facts(self) -> tuple[SessionFact, ...]:
        """All facts met."""
        moments = {name: SessionFact(name, last_at=at) for name, at in self._last.items()}
        return tuple(_joined(fact, moments[name]) if name in moments else fact for name, fact in self._found.items())

    def start(self, told: records.Start | None, at: int | None) -> None:
        """The head of a file."""
        start = told or records.Start()
        known = self._known
        known.session = records.text(start.session_id) or known.session
        known.born = records.instant(start.start_time) or at
        place = records.readable(start.context, records.place) or records.Place()
        parent = records.text(start.parent)
        parent = None if parent == known.session else parent
        self.model(records.text(start.selected_model))
        self._add(
            SessionFact(
                known.session,
                parent=parent,
                born_at=known.born,
                cwd=records.text(place.cwd),
                model=known.model,
                origin="subagent" if parent else "main",
                branch=records.text(place.branch),
                commit=records.text(place.head_commit),
                version=records.text(start.copilot_version),
            )
        )

    def model(self, name: str | None) -> None:
        """Another model is chosen."""
        self._known.model = name or self._known.model

    def seen(self, agent: str | None, at: int | None) -> None:
        """An event of the session or of a subagent; of one that was copied nothing is said before its home is known."""
        home = self._home(at)
        if agent is not None:
            self._known.agents.setdefault(agent, at)
            if home is not None and child(home, agent) in self._known.counted:
                self._moved(child(home, agent), at)
        if home == self._known.session:
            self._moved(home, at)

    def counted(self, agent: str, at: int | None) -> None:
        """Usage of a subagent is told."""
        known, home = self._known, self._home(at)
        name = None if home is None else child(home, agent)
        if name is not None and name not in known.counted:
            known.counted.append(name)
            born = known.agents.setdefault(agent, at)
            self._add(SessionFact(name, parent=home, born_at=born, last_at=at, origin="subagent"))

    def served(self, origin: str | None, at: int | None) -> None:
        """A receipt of the main conversation names the session that was served."""
        known = self._known
        if origin is not None and origin != known.session and self._known.is_copied(at):
            known.home = origin
            self._add(SessionFact(known.session, forked_from=origin))

    def whose(self, agent: str | None, at: int | None) -> str:
        """The session in which something happens: a subagent's own once usage of it is told, else the one around it."""
        home = self._home(at) or self._known.session
        name = home if agent is None else child(home, agent)
        return name if name in self._known.counted else home

    def told(self, session: str, told: Told) -> None:
        """What telemetry tells of a session."""
        model = told.span.models[0] if told.span.models else None
        self._add(SessionFact(session, last_at=told.at, model=model, version=told.version))

    def _home(self, at: int | None) -> str | None:
        known = self._known
        return known.home if known.is_copied(at) else known.session

    def _moved(self, session: str, at: int | None) -> None:
        if session not in self._found:
            self._found[session] = SessionFact(session)
        if at is not None and at > self._last.get(session, -1):
            self._last[session] = at

    def _add(self, fact: SessionFact) -> None:
        earlier = self._found.get(fact.session)
        self._found[fact.session] = fact if earlier is None else _joined(earlier, fact)


def _joined(earlier: SessionFact, later: SessionFact) -> SessionFact:
    """What both say: the earlier one has the word, the later fills its gaps; the last activity is the latest."""
    gaps = {name: getattr(later, name) for name in SessionFact.__struct_fields__ if getattr(earlier, name) is None}
    moments = [at for at in (earlier.last_at, later.last_at) if at is not None]
    origin = later.origin if earlier.origin == "main" else earlier.origin
    return replace(earlier, **gaps | {"last_at": max(moments, default=None), "origin": origin})
