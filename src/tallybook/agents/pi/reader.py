"""The reader of Pi's sessions: what the rest of the program calls; it keeps nothing between calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.pi import paths, process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tallybook.agents.port import Batch, Keeping, Line, LogFile, Response, SourceRows
    from tallybook.agents.verdicts import Verdict

AGENT: Final = "pi"


class PiReader:
    """Pi, and oh-my-pi, which keeps its sessions in the same form."""

    agent: str = AGENT
    version: str = "pi/2"
    unreported: tuple[str, ...] = ()
    unlogged: tuple[str, ...] = (
        "answers that were broken off before the provider told of any usage",
        "compactions, summaries of branches and titles, before versions that log them",
        "sessions that were run without a file",
    )
    usage_since: int | None = None
    session_variables: tuple[str, ...] = ("PI_SESSION_ID",)
    call_variable: str | None = None

    def roots(self, environ: Mapping[str, str]) -> tuple[Path, ...]:
        """The directories of sessions."""
        return paths.roots(environ)

    def keepings(self, environ: Mapping[str, str]) -> tuple[Keeping, ...]:  # noqa: ARG002 - the port's
        """None: Pi deletes no session by itself."""
        return ()

    def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
        """Every session below the roots that ``environ`` and Pi's settings name."""
        return paths.logs_of(AGENT, environ)

    def log_at(self, path: Path) -> LogFile:
        """The session at this path."""
        return paths.log_at(AGENT, str(path))

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        """Read entries that carry usage; text is passed over undecoded."""
        from tallybook.agents.pi import reading  # noqa: PLC0415 - only a log that has changed needs it

        return reading.read(log, lines, state)

    def derive(self, unit: Sequence[SourceRows]) -> list[Response]:
        """Count one unit."""
        from tallybook.agents.pi import counting  # noqa: PLC0415 - only a log that has changed needs it

        return counting.derive(unit)

    def explain(self, unit: Sequence[SourceRows]) -> Iterable[Verdict]:
        """What became of every occurrence of one unit."""
        from tallybook.agents.pi import verdicts  # noqa: PLC0415 - only an explanation needs it

        return verdicts.explain(unit)

    def is_agent_process(self, argv: Sequence[str]) -> bool:
        """Whether a process with these arguments is Pi."""
        return process.is_pi(argv)

    def registered_session(self, environ: Mapping[str, str], pid: int, started: str) -> str | None:  # noqa: ARG002 - the port's
        """None: Pi keeps no registry of running sessions."""
        return None
