"""Which processes are Pi or oh-my-pi: the program itself or a runtime with it, never a shell that only names it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMES: Final = frozenset({"pi", "omp"})
"""What the programs call themselves as soon as they run."""
_RUNTIMES: Final = frozenset({"node", "nodejs", "bun"})
_WITH_VALUE: Final = frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader"})
_PACKAGE: Final = "/pi-coding-agent/"


def is_pi(argv: Sequence[str]) -> bool:
    """Whether ``argv`` starts Pi."""
    if not argv:
        return False
    program = PurePosixPath(argv[0]).name
    if program in _RUNTIMES:
        script = _script(argv)
        return script.name in _NAMES or _PACKAGE in str(script)
    return program in _NAMES


def _script(argv: Sequence[str]) -> PurePosixPath:
    """The script that a JavaScript runtime runs, or an empty path."""
    words = iter(argv[1:])
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return PurePosixPath(word)
    return PurePosixPath()
