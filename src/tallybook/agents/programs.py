"""Which agents call tallybook from hooks of their own, and how to tell their processes.

Standard library only, because an agent waits for the hook that asks; a vendor's check is imported when it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

HOOKED: Final = ("claude", "codex")
"""The agents that `tally agent install` knows."""


def is_program(agent: str, argv: Sequence[str]) -> bool:
    """Whether a process with these arguments is ``agent``."""
    if agent == "claude":
        from tallybook.agents.claude_code.program import is_agent_process  # noqa: PLC0415 - on demand, see above

        return is_agent_process(argv)
    if agent == "codex":
        from tallybook.agents.codex.process import is_codex  # noqa: PLC0415 - on demand, see above

        return is_codex(argv)
    return False
