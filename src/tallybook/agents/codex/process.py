"""Which processes are Codex: the program itself or Node running it, never a shell that only names it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_RUNTIMES: Final = frozenset({"node", "nodejs", "bun"})
_WITH_VALUE: Final = frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader"})


def is_codex(argv: Sequence[str]) -> bool:
    """Whether ``argv`` starts Codex."""
    if not argv:
        return False
    program = PurePosixPath(argv[0]).name
    if program in _RUNTIMES:
        return _is_launcher(_script(argv))
    return program == "codex"


def _script(argv: Sequence[str]) -> PurePosixPath:
    """The script that a JavaScript runtime runs, or an empty path."""
    words = iter(argv[1:])
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return PurePosixPath(word)
    return PurePosixPath()


def _is_launcher(script: PurePosixPath) -> bool:
    """Whether this is npm's ``codex`` link or the ``codex.js`` behind it."""
    return script.name == "codex" or (script.name == "codex.js" and "@openai" in script.parts)
