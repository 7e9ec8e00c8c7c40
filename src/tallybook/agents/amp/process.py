"""Which processes are Amp: the program itself or a JavaScript runtime with it, never a shell that only names it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_RUNTIMES: Final = frozenset({"node", "nodejs", "bun"})
_WITH_VALUE: Final = frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader"})
_PACKAGES: Final = ("@sourcegraph/amp/", "@ampcode/")


def is_amp(argv: Sequence[str]) -> bool:
    """Whether ``argv`` starts Amp."""
    if not argv:
        return False
    program = PurePosixPath(argv[0]).name
    if program in _RUNTIMES:
        script = _script(argv)
        return script.name == "amp" or any(package in str(script) for package in _PACKAGES)
    return program == "amp"


def _script(argv: Sequence[str]) -> PurePosixPath:
    """The script that a JavaScript runtime runs, or an empty path."""
    words = iter(argv[1:])
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return PurePosixPath(word)
    return PurePosixPath()
