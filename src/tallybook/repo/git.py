"""Runs git: one place for its environment, its time limit and its faults, which are values.

Standard library only. Nothing here writes to a repository unless it is called by ``Git.write``.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECONDS = 20.0
"""Longest that one call may take."""


class GitFault(NamedTuple):
    """Why git gave no answer."""

    code: str
    """``no-git``, ``no-directory``, ``timeout``, ``not-a-repository``, ``dubious-ownership``, ``no-work-tree`` or
    ``git-failed``."""
    message: str
    status: int | None = None
    """Exit status; None where git did not come to an end."""
    output: bytes = b""
    """What it had said on stdout before."""


class Git(NamedTuple):
    """Git as seen from one directory and one environment."""

    directory: Path
    environ: Mapping[str, str]
    seconds: float = SECONDS

    def read(self, *arguments: str, text: bytes | None = None) -> bytes | GitFault:
        """Stdout of a git command that changes nothing; ``text`` goes to its stdin."""
        return self._run(arguments, {"GIT_OPTIONAL_LOCKS": "0"}, text)

    def write(self, *arguments: str) -> bytes | GitFault:
        """Stdout of a git command that may change files, the index or the repository."""
        return self._run(arguments, {}, None)

    def _run(self, arguments: tuple[str, ...], extra: dict[str, str], text: bytes | None) -> bytes | GitFault:
        environ = {**self.environ, **extra, "LC_ALL": "C", "LANGUAGE": "", "GIT_TERMINAL_PROMPT": "0"}
        try:
            done = subprocess.run(  # noqa: S603 - no shell; arguments are ours or stand behind "--"
                ("git", *arguments),  # noqa: S607 - the user's git is the one on PATH
                cwd=self.directory,
                env=environ,
                input=b"" if text is None else text,
                capture_output=True,
                timeout=self.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return GitFault("timeout", f"git {arguments[0]} took longer than {self.seconds:g} seconds")
        except OSError as error:
            return self._not_started(error)
        if done.returncode == 0:
            return done.stdout
        said = os.fsdecode(done.stderr).strip()
        return GitFault(_code(said), _short(said) or f"exit status {done.returncode}", done.returncode, done.stdout)

    def _not_started(self, error: OSError) -> GitFault:
        if not self.directory.is_dir():
            return GitFault("no-directory", "the current directory does not exist any more")
        return GitFault("no-git", f"git can't be run: {error.strerror}")


def _code(said: str) -> str:
    for needle, code in (
        ("dubious ownership", "dubious-ownership"),
        ("not a git repository", "not-a-repository"),
        ("must be run in a work tree", "no-work-tree"),
    ):
        if needle in said:
            return code
    return "git-failed"


def _short(said: str) -> str:
    """The first line in which git says what is fatal, made harmless for a terminal."""
    lines = said.split("\n")
    first = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0])
    return "".join(letter if letter.isprintable() else "?" for letter in first[:300])
