"""The reader of Copilot CLI's logs: what the rest of the program calls; it keeps nothing between calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.copilot_cli import paths, process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tallybook.agents.port import Batch, Keeping, Line, LogFile, Response, SourceRows
    from tallybook.agents.verdicts import Verdict

AGENT: Final = "copilot"


class CopilotReader:
    """Copilot CLI: the events of its sessions, and its telemetry where that goes to a file."""

    agent: str = AGENT
    version: str = "copilot/2"
    unreported: tuple[str, ...] = ("cache_write_5m", "cache_write_1h")
    unlogged: tuple[str, ...] = (
        "input of processes that were killed, under builds without receipts",
        "any use before 0.0.422 (March 2026)",
        "reasoning under early builds",
    )
    usage_since: int | None = 1_772_668_800_000_000
    """5 March 2026: no build before 0.0.422 wrote any usage."""
    session_variables: tuple[str, ...] = ("COPILOT_AGENT_SESSION_ID",)
    call_variable: str | None = None

    def roots(self, environ: Mapping[str, str]) -> tuple[Path, ...]:
        """``session-state``, ``history-session-state`` and ``otel`` of Copilot's home."""
        return paths.roots(environ)

    def keepings(self, environ: Mapping[str, str]) -> tuple[Keeping, ...]:  # noqa: ARG002 - the port's
        """None: Copilot CLI deletes sessions only when it is told to."""
        return ()

    def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
        """Every log below ``$COPILOT_HOME`` or else ``$HOME/.copilot``, and ``$COPILOT_OTEL_FILE_EXPORTER_PATH``."""
        return paths.logs_of(AGENT, environ)

    def log_at(self, path: Path) -> LogFile:
        """The log at this path."""
        return paths.log_at(AGENT, path)

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        """Read complete lines that follow those which left ``state``, or one document of an early build."""
        from tallybook.agents.copilot_cli import history, reading  # noqa: PLC0415 - only a log that has changed needs it

        return history.read(log, lines) if log.whole else reading.read(log, lines, state)

    def derive(self, unit: Sequence[SourceRows]) -> list[Response]:
        """Count one unit."""
        from tallybook.agents.copilot_cli import counting  # noqa: PLC0415 - only a log that has changed needs it

        return counting.derive(unit, since=self.usage_since or 0)

    def explain(self, unit: Sequence[SourceRows]) -> Iterable[Verdict]:
        """What became of every occurrence of one unit."""
        from tallybook.agents.copilot_cli import verdicts  # noqa: PLC0415 - only an explanation needs it

        return verdicts.explain(unit, since=self.usage_since or 0)

    def is_agent_process(self, argv: Sequence[str]) -> bool:
        """Whether a process with these arguments is Copilot CLI."""
        return process.is_copilot(argv)

    def registered_session(self, environ: Mapping[str, str], pid: int, started: str) -> str | None:  # noqa: ARG002 - the port's
        """The session that the process has locked."""
        return process.registered_session(environ, pid)
