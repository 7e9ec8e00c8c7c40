"""A commit message as it lies in its file before git has cleaned it: what will be left of it.

Standard library only. What is a comment depends on the configuration and on whether an editor was used, so it is
asked for only where the text has lines that could be comments.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from collections.abc import Mapping

CANDIDATES = "#;@!$%^&|:"
"""The characters that git tries, in this order, under ``core.commentChar = auto``."""
BLANK = " \t\n\r"
"""What git takes for white space."""
_SUSPECT = re.compile(r"^[^\w\s\-*(\[<'\"`]", re.MULTILINE)
"""A line that may be a comment; nobody chooses a letter or the mark of a list for comments."""
_SCISSORS = re.compile(r"^(?P<comment>.+) -{24} >8 -{24}$", re.MULTILINE)


class Cleaning(NamedTuple):
    """How git will clean the message."""

    comment: str
    """What a comment begins with."""
    strips: bool
    """Whether comments go."""
    automatic: bool = False
    """Whether git chose ``comment`` for this message alone."""


def editor_used(environ: Mapping[str, str]) -> bool:
    """Whether git lets the user edit the message; it tells its hooks by the editor ``:`` where it does not."""
    return environ.get("GIT_EDITOR") != ":"


def cleaning(git: Git, text: str, *, edited: bool) -> Cleaning:
    """How this message will be cleaned; asks git for its configuration only where that can matter."""
    if not _SUSPECT.search(text):
        return Cleaning("#", edited)
    found = git.read("config", "-z", "--get-regexp", r"^(core\.comment(char|string)|commit\.cleanup)$")
    comment, mode = "#", "default"
    for entry in () if isinstance(found, GitFault) else os.fsdecode(found).split("\0"):
        key, _, value = entry.partition("\n")
        if key == "commit.cleanup":
            mode = value
        elif value:
            comment = value
    strips = mode == "strip" or (edited and mode not in {"whitespace", "verbatim", "scissors"})
    return _chosen(text, strips=strips) if comment == "auto" else Cleaning(comment, strips)


def cleaned(text: str, how: Cleaning) -> str:
    """The message without comments, without what stands below the scissors and without blank lines around it."""
    for found in _SCISSORS.finditer(text):
        if found["comment"] == how.comment:
            text = text[: found.start()]
            break
    lines = text.split("\n")
    if how.strips:
        lines = [line for line in lines if not line.startswith(how.comment)]
    return "\n".join(line.rstrip(BLANK) for line in lines).strip("\n")


def subject(message: str) -> str:
    """The first line of a cleaned message."""
    return message.partition("\n")[0]


def unused_comment(text: str) -> str | None:
    """A character with which no line begins; None where there is none, or where scissors need the configured one."""
    if _SCISSORS.search(text):
        return None
    taken = {line[:1] for line in text.split("\n")}
    return next((candidate for candidate in CANDIDATES if candidate not in taken), None)


def _chosen(text: str, *, strips: bool) -> Cleaning:
    """Git writes its own comments last, with the character that it chose."""
    scissors = _SCISSORS.search(text)
    if scissors and scissors["comment"] in CANDIDATES:
        return Cleaning(scissors["comment"], strips, automatic=True)
    last = text.rstrip(BLANK).rpartition("\n")[2][:1]
    return Cleaning(last if last and last in CANDIDATES else "#", strips, automatic=True)
