"""The reader of OpenCode's messages: what the rest of the program calls; it keeps nothing between calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.opencode import paths, process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tallybook.agents.port import Batch, Keeping, Line, LogFile, Response, SourceRows
    from tallybook.agents.verdicts import Verdict

AGENT: Final = "opencode"


class OpenCodeReader:
    """OpenCode, with its database and with the JSON files of earlier builds."""

    agent: str = AGENT
    version: str = "opencode/3"
    unreported: tuple[str, ...] = ("cache_write_5m", "cache_write_1h")
    unlogged: tuple[str, ...] = (
        "titles of sessions",
        "answers that were cut off or interrupted",
        "sessions and messages that were deleted before they were read",
    )
    usage_since: int | None = None
    session_variables: tuple[str, ...] = ()
    call_variable: str | None = None

    def roots(self, environ: Mapping[str, str]) -> tuple[Path, ...]:
        """OpenCode's data directory."""
        return paths.roots(environ)

    def keepings(self, environ: Mapping[str, str]) -> tuple[Keeping, ...]:  # noqa: ARG002 - the port's
        """None: OpenCode deletes nothing by itself."""
        return ()

    def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
        """What lies in ``$OPENCODE_DATA_DIR``, or else ``opencode`` in ``$XDG_DATA_HOME`` or ``$HOME/.local/share``."""
        return paths.logs_of(AGENT, environ)

    def log_at(self, path: Path) -> LogFile:
        """The database, session or message at this path."""
        return paths.log_at(AGENT, path)

    def lines(self, log: LogFile, state: bytes) -> Iterator[Line]:
        """What is new or changed in a database."""
        from tallybook.agents.opencode import lines  # noqa: PLC0415 - only a log that has changed needs it

        return lines.lines(log, state)

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        """Read rows of a database, or one document."""
        from tallybook.agents.opencode import reading  # noqa: PLC0415 - only a log that has changed needs it

        return reading.rows(lines, state) if log.journal is not None else reading.document(log, lines)

    def derive(self, unit: Sequence[SourceRows]) -> list[Response]:
        """Count one unit."""
        from tallybook.agents.opencode import counting  # noqa: PLC0415 - only a log that has changed needs it

        return counting.derive(unit)

    def explain(self, unit: Sequence[SourceRows]) -> Iterable[Verdict]:
        """What became of every occurrence of one unit."""
        from tallybook.agents.opencode import verdicts  # noqa: PLC0415 - only an explanation needs it

        return verdicts.explain(unit)

    def is_agent_process(self, argv: Sequence[str]) -> bool:
        """Whether a process with these arguments is OpenCode."""
        return process.is_opencode(argv)

    def registered_session(self, environ: Mapping[str, str], pid: int, started: str) -> str | None:  # noqa: ARG002 - the port's
        """None: OpenCode keeps no registry of running sessions."""
        return None
