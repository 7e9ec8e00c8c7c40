"""The program that a shell command starts: a name without its path, or ``other`` where it could be text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tallybook.agents.names import OTHER, safe_name

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHELLS: Final = frozenset({"ash", "bash", "cmd", "cmd.exe", "dash", "fish", "ksh", "powershell", "pwsh", "sh", "zsh"})
_SCRIPT_FLAGS: Final = r"-[a-zA-Z]*c|-(?:Command|command)|/[cC]"
_FIRST: Final = r"[\s(]{0,100}([^\s;|&<>()\"'`$\\=]{1,4096})(?=[\s;|&<>()]|$)"
_LONGEST: Final = 32
_ARGUMENTS: Final = 3


def program_of(command: str | Sequence[str]) -> str:
    """The program that a command starts, be it a line for a shell or a list of arguments; empty for no command.

    Of a shell that runs a script the script's first program is told. What is set before a program, quoted, put
    together by the shell, or longer than names are, is ``other``.
    """
    return _of_line(command) if isinstance(command, str) else _of_arguments(command)


def script_of(command: str | Sequence[str]) -> str:
    """The whole command as one text, without the shell around it; for its hash alone."""
    if isinstance(command, str):
        return command
    return command[2] if _runs_script(command) else "\0".join(command)


def _of_arguments(arguments: Sequence[str]) -> str:
    if _runs_script(arguments):
        return _of_line(arguments[2])
    return _named(arguments[0]) if arguments and arguments[0] else ""


def _runs_script(arguments: Sequence[str]) -> bool:
    if len(arguments) < _ARGUMENTS or _last(arguments[0]).lower() not in _SHELLS:
        return False
    return re.fullmatch(_SCRIPT_FLAGS, arguments[1]) is not None


def _of_line(line: str) -> str:
    if not line or line.isspace():
        return ""
    first = re.match(_FIRST, line)
    return _named(first[1]) if first else OTHER


def _named(program: str) -> str:
    name = _last(program)
    return safe_name(name) if 0 < len(name) <= _LONGEST and ":" not in name else OTHER


def _last(path: str) -> str:
    return path.rpartition("/")[2].rpartition("\\")[2]
