"""The reader of Droid's sessions: what the rest of the program calls; it keeps nothing between calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.droid import paths, process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tallybook.agents.port import Batch, Keeping, Line, LogFile, Response, SourceRows
    from tallybook.agents.verdicts import Verdict

AGENT: Final = "droid"


class DroidReader:
    """Droid, whose logs have nothing but a running total of each session."""

    agent: str = AGENT
    version: str = "droid/2"
    unreported: tuple[str, ...] = ("cache_write_5m", "cache_write_1h")
    unlogged: tuple[str, ...] = (
        "single answers: only the total of a session is logged, as it stands when it is looked at",
        "what a session used between the last look and a total that begins anew",
    )
    usage_since: int | None = None
    session_variables: tuple[str, ...] = ()
    call_variable: str | None = None

    def roots(self, environ: Mapping[str, str]) -> tuple[Path, ...]:
        """The directory of sessions."""
        return paths.roots(environ)

    def keepings(self, environ: Mapping[str, str]) -> tuple[Keeping, ...]:  # noqa: ARG002 - the port's
        """None: Droid deletes no session by itself."""
        return ()

    def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
        """Every session below ``.factory/sessions`` in ``$FACTORY_HOME_OVERRIDE``, or else ``$HOME``."""
        return paths.logs_of(AGENT, environ)

    def log_at(self, path: Path) -> LogFile:
        """The document, or the file of messages, at this path."""
        return paths.log_at(AGENT, str(path))

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        """Read the total of a session, or the moments of its messages."""
        from tallybook.agents.droid import reading  # noqa: PLC0415 - only a log that has changed needs it

        return reading.read_document(log, lines) if log.whole else reading.read_lines(log, lines, state)

    def derive(self, unit: Sequence[SourceRows]) -> list[Response]:
        """Count one unit."""
        from tallybook.agents.droid import counting  # noqa: PLC0415 - only a log that has changed needs it

        return counting.derive(unit)

    def explain(self, unit: Sequence[SourceRows]) -> Iterable[Verdict]:
        """What became of every occurrence of one unit."""
        from tallybook.agents.droid import verdicts  # noqa: PLC0415 - only an explanation needs it

        return verdicts.explain(unit)

    def is_agent_process(self, argv: Sequence[str]) -> bool:
        """Whether a process with these arguments is Droid."""
        return process.is_droid(argv)

    def registered_session(self, environ: Mapping[str, str], pid: int, started: str) -> str | None:  # noqa: ARG002 - the port's
        """None: Droid keeps no registry of running sessions."""
        return None
