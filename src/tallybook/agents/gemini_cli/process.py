"""Which processes are Gemini CLI: Node running its script, or a program of its name, never a shell that names it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_RUNTIMES: Final = frozenset({"node", "nodejs", "bun"})
_WITH_VALUE: Final = frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader"})
_PACKAGE: Final = "@google/gemini-cli/"


def is_gemini(argv: Sequence[str]) -> bool:
    """Whether ``argv`` starts Gemini CLI."""
    if not argv:
        return False
    program = PurePosixPath(argv[0]).name
    if program in _RUNTIMES:
        script = _script(argv)
        return script.name == "gemini" or _PACKAGE in str(script)
    return program == "gemini"


def _script(argv: Sequence[str]) -> PurePosixPath:
    """The script that a JavaScript runtime runs, or an empty path."""
    words = iter(argv[1:])
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return PurePosixPath(word)
    return PurePosixPath()
