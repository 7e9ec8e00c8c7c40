"""The reader of Claude Code's session logs, as the rest of the program knows it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from tallybook.agents.claude_code import paths, process, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tallybook.agents.port import Batch, Keeping, Line, LogFile, Response, SourceRows
    from tallybook.agents.verdicts import Verdict
    from tallybook.agents.walked import Walked

VERSION: Final = "claude/2"


class ClaudeCodeReader:
    """Implements ``LogReader``; holds no state of its own."""

    agent: str = paths.AGENT
    version: str = VERSION
    unreported: tuple[str, ...] = ()
    unlogged: tuple[str, ...] = (
        "compaction, titles and other helper calls",
        "runs without session persistence",
        "the rest of answers that were cut off",
        "logs that were deleted before they were read",
    )
    usage_since: int | None = None
    session_variables: tuple[str, ...] = ("CLAUDE_CODE_SESSION_ID",)
    call_variable: str | None = None

    def roots(self, environ: Mapping[str, str]) -> tuple[Path, ...]:
        """The ``projects`` of every configuration directory, and the sessions of Claude Desktop where it is there."""
        return (*paths.log_roots(environ), *paths.desktop_roots(environ))

    def keepings(self, environ: Mapping[str, str]) -> tuple[Keeping, ...]:
        """Transcripts go after thirty days, unless the settings say otherwise."""
        from tallybook.agents.claude_code import retention  # noqa: PLC0415 - for the doctor alone

        return retention.keepings(environ)

    def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
        """Every log below the roots that ``environ`` names."""
        return paths.discover(environ)

    def walk(self, environ: Mapping[str, str], walked: Walked) -> Iterator[LogFile]:
        """The same, with the directories that were looked into."""
        return paths.discover(environ, walked)

    def log_at(self, path: Path) -> LogFile:
        """The transcript at this path."""
        return paths.log_at(str(path))

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        """Usage rows of complete lines; conversation text is passed over undecoded."""
        from tallybook.agents.claude_code import scan  # noqa: PLC0415 - only a log that has changed needs it

        return scan.read(log, lines, state)

    def derive(self, unit: Sequence[SourceRows]) -> list[Response]:
        """Each API answer once; ``at`` is the time of its first row, which stays as more rows come."""
        return _derive()(unit)

    def explain(self, unit: Sequence[SourceRows]) -> Iterable[Verdict]:
        """What became of every occurrence of one unit."""
        from tallybook.agents.claude_code import verdicts  # noqa: PLC0415 - only an explanation needs it

        return verdicts.explain(unit)

    def is_agent_process(self, argv: Sequence[str]) -> bool:
        """Whether a process with these arguments is Claude Code."""
        return program.is_agent_process(argv)

    def registered_session(self, environ: Mapping[str, str], pid: int, started: str) -> str | None:
        """The session in Claude Code's registry of running processes."""
        return process.registered_session(environ, pid, started)


@cache
def _derive() -> Callable[[Sequence[SourceRows]], list[Response]]:
    """``derive`` is called for every message, and an import would take a good part of the time."""
    from tallybook.agents.claude_code.counting import derive  # noqa: PLC0415 - only a log that has changed needs it

    return derive
