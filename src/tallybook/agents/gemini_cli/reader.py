"""The reader of Gemini CLI's chats: what the rest of the program calls; it keeps nothing between calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.gemini_cli import paths, process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tallybook.agents.port import Batch, Keeping, Line, LogFile, Response, SourceRows
    from tallybook.agents.verdicts import Verdict

AGENT: Final = "gemini"


class GeminiReader:
    """Gemini CLI, with its documents up to 0.39 and its lines from 0.40 on."""

    agent: str = AGENT
    version: str = "gemini/2"
    unreported: tuple[str, ...] = ("cache_write_5m", "cache_write_1h", "cache_write_unknown")
    unlogged: tuple[str, ...] = (
        "compression, summaries, searches and other helper calls",
        "answers that were cut off, interrupted or refused as invalid",
        "in early versions, answers of nothing but tool calls that follow each other",
        "sessions that the agent has deleted before they were read",
    )
    usage_since: int | None = None
    session_variables: tuple[str, ...] = ("GEMINI_SESSION_ID",)
    """Only hooks have it; the shell tool has none, and there the process and its directory tell."""
    call_variable: str | None = None

    def roots(self, environ: Mapping[str, str]) -> tuple[Path, ...]:
        """Gemini's directories of projects."""
        return paths.roots(environ)

    def keepings(self, environ: Mapping[str, str]) -> tuple[Keeping, ...]:
        """Chats go after thirty days, unless the settings say otherwise."""
        from tallybook.agents.gemini_cli import retention  # noqa: PLC0415 - for the doctor alone

        return retention.keepings(environ)

    def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
        """Every chat below ``.gemini/tmp`` (or ``.cache/.gemini/tmp``) in ``$GEMINI_CLI_HOME``, or else ``$HOME``."""
        return paths.logs_of(AGENT, environ)

    def log_at(self, path: Path) -> LogFile:
        """The chat at this path."""
        return paths.log_at(AGENT, path)

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        """Read one document, or lines; looks besides at Gemini's own note of the directory that a project lies in."""
        from tallybook.agents.gemini_cli import reading  # noqa: PLC0415 - only a log that has changed needs it

        return reading.read(log, lines, state)

    def derive(self, unit: Sequence[SourceRows]) -> list[Response]:
        """Count one unit: all that has one id of a message."""
        from tallybook.agents.gemini_cli import counting  # noqa: PLC0415 - only a log that has changed needs it

        return counting.derive(unit)

    def explain(self, unit: Sequence[SourceRows]) -> Iterable[Verdict]:
        """What became of every occurrence of one unit."""
        from tallybook.agents.gemini_cli import verdicts  # noqa: PLC0415 - only an explanation needs it

        return verdicts.explain(unit)

    def is_agent_process(self, argv: Sequence[str]) -> bool:
        """Whether a process with these arguments is Gemini CLI."""
        return process.is_gemini(argv)

    def registered_session(self, environ: Mapping[str, str], pid: int, started: str) -> str | None:  # noqa: ARG002 - the port's
        """None: Gemini CLI keeps no registry of running sessions."""
        return None
