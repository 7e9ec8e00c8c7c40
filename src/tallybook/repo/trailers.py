"""Reads and adds the trailers of a commit message, with the meaning that git gives them.

Standard library only. Where the last paragraph is plain the answer is found here, without starting git; a test proves
it equal to git's own. Everything else is asked of ``git interpret-trailers``.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from tallybook.repo.git import Git, GitFault
from tallybook.repo.messages import BLANK

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_COLON = ("-c", "trailer.separators=:")
_WANTED = re.compile(r"^(?:no-)?task[ \t]*:", re.MULTILINE | re.IGNORECASE)
_PLAIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*):[ \t]+([^ \t\n\r].*)")
_UNSURE = re.compile(r"^[^\w\s\-*(\[<'\"`]|\x00| >8 ", re.MULTILINE)
"""A line that may be a comment or scissors, or a byte that git's functions for text stop at."""
_OWN_LINE = re.compile(r"^(?:task|ledger-head)[ \t]*:[^\n]*(?:\n|\Z)", re.MULTILINE | re.IGNORECASE)
_INDENTED = re.compile(r"^[ \t]+(task|ledger-head):[ \t]*(\S+)[ \t]*$", re.MULTILINE | re.IGNORECASE)


class TaskTrailers(NamedTuple):
    """What a commit says about its task; values in the order of the message."""

    tasks: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    """Of ``No-Task:``; empty text where no reason is given."""

    def __bool__(self) -> bool:
        """Whether the commit says anything."""
        return bool(self.tasks or self.reasons)


def task_trailers(git: Git, message: str) -> TaskTrailers | GitFault:
    """The ``Task:`` and ``No-Task:`` trailers of a cleaned message."""
    if not _WANTED.search(message):
        return TaskTrailers()
    found: Iterable[tuple[str, str]] | GitFault | None = plain_trailers(message)
    if found is None:
        found = _asked(git, message)
    if isinstance(found, GitFault):
        return found
    pairs = [(key.lower(), value) for key, value in found]
    return TaskTrailers(
        tuple(value for key, value in pairs if key == "task"),
        tuple(value for key, value in pairs if key == "no-task"),
    )


def plain_trailers(text: str) -> tuple[tuple[str, str], ...] | None:
    """The trailers of a message whose last paragraph holds nothing else; None where only git can tell.

    The message must not begin with a blank line.
    """
    if _UNSURE.search(text):
        return None
    paragraph: list[str] = []
    lines = text.rstrip(BLANK).split("\n")
    while lines and lines[-1].strip(BLANK):
        paragraph.append(lines.pop())
    if not lines:
        return ()
    found = [_PLAIN.fullmatch(line) for line in reversed(paragraph)]
    pairs = [(match[1], match[2].rstrip(BLANK)) for match in found if match]
    return tuple(pairs) if len(pairs) == len(found) else None


def add_trailers(git: Git, path: Path, lines: Iterable[str], comment: str | None = None) -> GitFault | None:
    """Add trailers such as ``Task: ID`` to a message file, above comments and scissors.

    ``comment`` is the comment character, where it is not the configured one.
    """
    raw = path.read_bytes()
    if not raw.endswith(b"\n"):
        path.write_bytes(raw + b"\n")
    chosen = () if comment is None else ("-c", f"core.commentChar={comment}")
    added = [word for line in lines for word in ("--trailer", line)]
    done = git.write(
        *(*_COLON, *chosen, "interpret-trailers", "--in-place", "--no-divider"),
        *("--where", "end", "--if-exists", "addIfDifferent", "--if-missing", "add"),
        *(*added, "--", str(path)),
    )
    return done if isinstance(done, GitFault) else None


def without_own(text: str) -> str:
    """The text without its lines that begin with ``Task:`` or ``Ledger-Head:``."""
    return _OWN_LINE.sub("", text)


def squashed(text: str, key: str) -> list[str]:
    """What the messages that ``git merge --squash`` quotes name as ``key``, oldest commit first, each once."""
    found = (value for name, value in _INDENTED.findall(text) if name.lower() == key)
    return list(dict.fromkeys(reversed(list(found))))


def decoded(raw: bytes) -> str:
    """The text of a message file; bytes that are no UTF-8 survive the way back."""
    return raw.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """The bytes of a message file."""
    return text.encode("utf-8", "surrogateescape")


def _asked(git: Git, message: str) -> list[tuple[str, str]] | GitFault:
    found = git.read(*_COLON, "interpret-trailers", "--parse", "--no-divider", text=encoded(message + "\n"))
    if isinstance(found, GitFault):
        return found
    pairs = (line.partition(":") for line in os.fsdecode(found).split("\n") if line)
    return [(key.rstrip(BLANK), value.strip(BLANK)) for key, _, value in pairs]
