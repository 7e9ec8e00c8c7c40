"""Which processes are Droid: the program itself or a runtime with its launcher, never a shell that only names it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_RUNTIMES: Final = frozenset({"node", "nodejs", "bun"})
_WITH_VALUE: Final = frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader"})
_PACKAGES: Final = ("/@factory/cli", "/node_modules/droid/")


def is_droid(argv: Sequence[str]) -> bool:
    """Whether ``argv`` starts Droid."""
    if not argv:
        return False
    program = PurePosixPath(argv[0]).name
    if program in _RUNTIMES:
        script = _script(argv)
        return script.name == "droid" or any(package in str(script) for package in _PACKAGES)
    return program == "droid"


def _script(argv: Sequence[str]) -> PurePosixPath:
    """The script that a JavaScript runtime runs, or an empty path."""
    words = iter(argv[1:])
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return PurePosixPath(word)
    return PurePosixPath()
