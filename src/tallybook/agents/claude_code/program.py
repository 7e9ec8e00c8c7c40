"""Which process is Claude Code: the program itself or a runtime with its script, never a shell that only names it.

Standard library only, because an agent waits for the hook that asks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMES: Final = frozenset({"claude", "claude.exe"})
_RUNTIMES: Final = frozenset({"node", "nodejs", "bun", "node.exe", "bun.exe"})
# The native installer names the binary by its version: .../claude/versions/2.1.330
_VERSIONED: Final = re.compile(r"(?:^|.*/)claude/versions/[0-9][^/]*")
_SCRIPT: Final = re.compile(
    r".*(?:@anthropic-ai/claude-(?:code(?:-[a-z0-9-]+)?|agent-sdk)|/claude-code(?:-linux[a-z0-9-]*)?)/[^/]+"
)


def is_agent_process(argv: Sequence[str]) -> bool:
    """Whether these arguments are Claude Code's own; a shell or tool that only mentions it is not."""
    if not argv:
        return False
    program = argv[0].replace("\\", "/")
    name = program.rpartition("/")[2]
    if name in _NAMES or _VERSIONED.fullmatch(program):
        return True
    if name not in _RUNTIMES:
        return False
    script = next((part.replace("\\", "/") for part in argv[1:] if not part.startswith("-")), "")
    return script.rpartition("/")[2] in _NAMES or _SCRIPT.fullmatch(script) is not None
