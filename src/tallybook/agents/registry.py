"""The one list of readers; an agent's code is imported when its reader is asked for, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tallybook.agents.port import LogReader


def _amp() -> LogReader:
    from tallybook.agents.amp.reader import AmpReader  # noqa: PLC0415 - on demand, see above

    return AmpReader()


def _claude() -> LogReader:
    from tallybook.agents.claude_code.reader import ClaudeCodeReader  # noqa: PLC0415 - on demand, see above

    return ClaudeCodeReader()


def _codex() -> LogReader:
    from tallybook.agents.codex.reader import CodexReader  # noqa: PLC0415 - on demand, see above

    return CodexReader()


def _copilot() -> LogReader:
    from tallybook.agents.copilot_cli.reader import CopilotReader  # noqa: PLC0415 - on demand, see above

    return CopilotReader()


def _droid() -> LogReader:
    from tallybook.agents.droid.reader import DroidReader  # noqa: PLC0415 - on demand, see above

    return DroidReader()


def _gemini() -> LogReader:
    from tallybook.agents.gemini_cli.reader import GeminiReader  # noqa: PLC0415 - on demand, see above

    return GeminiReader()


def _opencode() -> LogReader:
    from tallybook.agents.opencode.reader import OpenCodeReader  # noqa: PLC0415 - on demand, see above

    return OpenCodeReader()


def _pi() -> LogReader:
    from tallybook.agents.pi.reader import PiReader  # noqa: PLC0415 - on demand, see above

    return PiReader()


_MAKERS: Final[dict[str, Callable[[], LogReader]]] = {
    "amp": _amp,
    "claude": _claude,
    "codex": _codex,
    "copilot": _copilot,
    "droid": _droid,
    "gemini": _gemini,
    "opencode": _opencode,
    "pi": _pi,
}
AGENTS: Final = tuple(_MAKERS)
"""The names of all agents."""
BLOCKED: Final = "claude"
"""The agent whose allowance is counted by blocks of five hours, and that tells of it only when it is used up."""
ANY: Final = f"{', '.join(AGENTS[:-1])} or {AGENTS[-1]}"
"""The names as a sentence has them."""


def readers() -> tuple[LogReader, ...]:
    """A reader of every agent."""
    return tuple(make() for make in _MAKERS.values())


def reader(agent: str) -> LogReader:
    """The reader of one agent.

    Raises:
        LookupError: there is no such agent; ``AGENTS`` lists them all.

    """
    if agent not in _MAKERS:
        message = f"no reader for agent {agent!r}"
        raise LookupError(message)
    return _MAKERS[agent]()


def written_at(environ: Mapping[str, str], agent: str, session: str) -> float | None:
    """When the session's log was written last, in seconds since the epoch; None where no row is ever kept back."""
    if agent != "claude":
        return None
    from tallybook.agents.claude_code import flushing  # noqa: PLC0415 - on demand, see above

    return flushing.written_at(environ, session)
