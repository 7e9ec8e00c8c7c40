"""The reader of Amp's threads: what the rest of the program calls; it keeps nothing between calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.amp import paths, process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tallybook.agents.port import Batch, Keeping, Line, LogFile, Response, SourceRows
    from tallybook.agents.verdicts import Verdict

AGENT: Final = "amp"


class AmpReader:
    """Amp, as it kept its threads on disk until spring 2026."""

    agent: str = AGENT
    version: str = "amp/3"
    unreported: tuple[str, ...] = ("cache_write_5m", "cache_write_1h", "reasoning")
    unlogged: tuple[str, ...] = ("threads that are kept on the server alone, all since May 2026",)
    usage_since: int | None = None
    session_variables: tuple[str, ...] = ("AMP_CURRENT_THREAD_ID", "AMP_THREAD_ID")
    call_variable: str | None = None

    def roots(self, environ: Mapping[str, str]) -> tuple[Path, ...]:
        """Amp's directory of threads."""
        return paths.roots(environ)

    def keepings(self, environ: Mapping[str, str]) -> tuple[Keeping, ...]:  # noqa: ARG002 - the port's
        """None: Amp deletes no thread."""
        return ()

    def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
        """Every thread below ``$AMP_DATA_DIR``, or else ``amp`` in ``$XDG_DATA_HOME`` or ``$HOME/.local/share``."""
        return paths.logs_of(AGENT, environ)

    def log_at(self, path: Path) -> LogFile:
        """The thread at this path."""
        return paths.log_at(AGENT, path)

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:  # noqa: ARG002 - a document has none
        """Read one thread."""
        from tallybook.agents.amp import reading  # noqa: PLC0415 - only a log that has changed needs it

        return reading.read(log, lines)

    def derive(self, unit: Sequence[SourceRows]) -> list[Response]:
        """Count one unit."""
        from tallybook.agents.amp import counting  # noqa: PLC0415 - only a log that has changed needs it

        return counting.derive(unit)

    def explain(self, unit: Sequence[SourceRows]) -> Iterable[Verdict]:
        """What became of every occurrence of one unit."""
        from tallybook.agents.amp import verdicts  # noqa: PLC0415 - only an explanation needs it

        return verdicts.explain(unit)

    def is_agent_process(self, argv: Sequence[str]) -> bool:
        """Whether a process with these arguments is Amp."""
        return process.is_amp(argv)

    def registered_session(self, environ: Mapping[str, str], pid: int, started: str) -> str | None:  # noqa: ARG002 - the port's
        """None: Amp keeps no registry of running sessions."""
        return None
