"""The reader of Codex CLI's logs: what the rest of the program calls; it keeps nothing between calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.codex import paths, process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tallybook.agents.panels import Panel
    from tallybook.agents.port import Batch, Grown, Keeping, Line, LogFile, Response, SourceRows
    from tallybook.agents.verdicts import Verdict
    from tallybook.agents.walked import Walked

AGENT: Final = "codex"


class CodexReader:
    """Codex CLI, its IDE extension and its SDK: they share one layout of logs."""

    agent: str = AGENT
    version: str = "codex/2"
    unreported: tuple[str, ...] = ("cache_write_5m", "cache_write_1h")
    unlogged: tuple[str, ...] = (
        "ephemeral threads, and the titles that the terminal has written",
        "answers that were cut off or interrupted",
        "remote compaction before version 0.153",
        "all usage before 6 September 2025",
        "tasks in the cloud",
    )
    usage_since: int | None = 1_757_116_800_000_000
    """6 September 2025: no Codex before that wrote a token count."""
    session_variables: tuple[str, ...] = ("CODEX_THREAD_ID",)
    call_variable: str | None = "CODEX_TOOL_CALL_ID"

    def roots(self, environ: Mapping[str, str]) -> tuple[Path, ...]:
        """``sessions`` and ``archived_sessions`` of the Codex home."""
        return paths.log_roots(environ)

    def keepings(self, environ: Mapping[str, str]) -> tuple[Keeping, ...]:  # noqa: ARG002 - the port's
        """None: Codex moves and packs its rollouts, and deletes none."""
        return ()

    def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
        """Every rollout below ``$CODEX_HOME``, or else below ``$HOME/.codex``."""
        return paths.logs_of(AGENT, environ)

    def walk(self, environ: Mapping[str, str], walked: Walked) -> Iterator[LogFile]:
        """The same, with the directories that were looked into."""
        return paths.logs_of(AGENT, environ, walked)

    def log_at(self, path: Path) -> LogFile:
        """The rollout at this path."""
        return paths.log_at(AGENT, path)

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        """Read complete lines that follow those which left ``state``."""
        from tallybook.agents.codex import reading  # noqa: PLC0415 - only a log that has changed needs it

        return reading.read(log, lines, state)

    def panel(self, text: str) -> Panel | None:
        """What a pasted `/status` panel or exit line tells."""
        from tallybook.agents.codex.panel import panel  # noqa: PLC0415 - for one command alone

        return panel(text)

    def derive(self, unit: Sequence[SourceRows]) -> list[Response]:
        """Count one unit."""
        from tallybook.agents.codex import counting  # noqa: PLC0415 - only a log that has changed needs it

        return counting.derive(unit)

    def kept(self, source: SourceRows) -> bytes | None:
        """What further rows of a thread that no other log belongs to can be counted from."""
        from tallybook.agents.codex import growing  # noqa: PLC0415 - only a log that has changed needs it

        return growing.kept(source)

    def grow(self, kept: bytes, source: SourceRows) -> Grown | None:
        """Count the rows that follow those which left ``kept``."""
        from tallybook.agents.codex import growing  # noqa: PLC0415 - only a log that has changed needs it

        return growing.grow(kept, source)

    def explain(self, unit: Sequence[SourceRows]) -> Iterable[Verdict]:
        """What became of every occurrence of one unit."""
        from tallybook.agents.codex import verdicts  # noqa: PLC0415 - only an explanation needs it

        return verdicts.explain(unit)

    def is_agent_process(self, argv: Sequence[str]) -> bool:
        """Whether a process with these arguments is Codex."""
        return process.is_codex(argv)

    def registered_session(self, environ: Mapping[str, str], pid: int, started: str) -> str | None:  # noqa: ARG002 - the port's
        """None: Codex keeps no registry of running sessions."""
        return None
