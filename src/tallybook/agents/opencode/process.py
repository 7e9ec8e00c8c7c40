"""Which processes are OpenCode: the program or a JavaScript runtime with it, never a shell that only names it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAMS: Final = frozenset({"opencode", ".opencode", "opencode.exe", "opencode-cli"})
_RUNTIMES: Final = frozenset({"node", "nodejs", "bun"})
_WITH_VALUE: Final = frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader"})
_PACKAGE: Final = "/opencode-ai/"


def is_opencode(argv: Sequence[str]) -> bool:
    """Whether ``argv`` starts OpenCode."""
    if not argv:
        return False
    program = PurePosixPath(argv[0]).name
    if program in _RUNTIMES:
        script = _script(argv)
        return script.name in _PROGRAMS or _PACKAGE in str(script)
    return program in _PROGRAMS


def _script(argv: Sequence[str]) -> PurePosixPath:
    """The script that a JavaScript runtime runs, or an empty path."""
    words = iter(argv[1:])
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return PurePosixPath(word)
    return PurePosixPath()
