"""Runs git: one place for its environment, its time limit and its faults, which are values.

Standard library only. Nothing here writes to a repository unless it is called by ``Git.write``.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
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

    def begin(self, *arguments: str) -> Callable[[], bytes | GitFault]:
        """``read`` beside the caller: git has begun when this returns, and what is returned waits for its answer.

        Git writes into files without a name: at a pipe it would have to wait for the caller to read.
        """
        files: list[BinaryIO] = []
        try:
            files += [_unnamed_file()]
            files += [_unnamed_file()]
            out, said = files
            begun = subprocess.Popen(  # noqa: S603 - as in ``_run``
                ("git", *arguments),  # noqa: S607
                cwd=self.directory,
                env=self._environ({"GIT_OPTIONAL_LOCKS": "0"}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=said,
            )
        except OSError as error:
            for file in files:
                file.close()
            fault = self._not_started(error)
            return lambda: fault

        def answer() -> bytes | GitFault:
            with out, said:
                try:
                    status = begun.wait(self.seconds)
                except subprocess.TimeoutExpired:
                    begun.kill()
                    begun.wait()
                    return self._too_slow(arguments)
                return _answer(status, _content(out), _content(said))

        return answer

    def _run(self, arguments: tuple[str, ...], extra: dict[str, str], text: bytes | None) -> bytes | GitFault:
        try:
            done = subprocess.run(  # noqa: S603 - no shell; arguments are ours or stand behind "--"
                ("git", *arguments),  # noqa: S607 - the user's git is the one on PATH
                cwd=self.directory,
                env=self._environ(extra),
                input=b"" if text is None else text,
                capture_output=True,
                timeout=self.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return self._too_slow(arguments)
        except OSError as error:
            return self._not_started(error)
        return _answer(done.returncode, done.stdout, done.stderr)

    def _environ(self, extra: Mapping[str, str]) -> Mapping[str, str]:
        return {**self.environ, **extra, "LC_ALL": "C", "LANGUAGE": "", "GIT_TERMINAL_PROMPT": "0"}

    def _too_slow(self, arguments: tuple[str, ...]) -> GitFault:
        return GitFault("timeout", f"git {arguments[0]} took longer than {self.seconds:g} seconds")

    def _not_started(self, error: OSError) -> GitFault:
        if not self.directory.is_dir():
            return GitFault("no-directory", "the current directory does not exist any more")
        return GitFault("no-git", f"git can't be run: {error.strerror}")


def _answer(status: int, output: bytes, errors: bytes) -> bytes | GitFault:
    if status == 0:
        return output
    said = os.fsdecode(errors).strip()
    return GitFault(_code(said), _short(said) or f"exit status {status}", status, output)


def _unnamed_file() -> BinaryIO:
    """In memory where the system can."""
    with suppress(AttributeError, OSError):  # some systems have no such call, some sandboxes forbid it
        return os.fdopen(os.memfd_create("git"), "w+b")
    from tempfile import TemporaryFile  # noqa: PLC0415 - few need it

    return TemporaryFile()


def _content(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


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
