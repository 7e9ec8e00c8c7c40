"""What goes out: data on stdout, talk on stderr, and with --json exactly one JSON object, errors too."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn, TextIO

import msgspec

from tallybook.reports.escape import terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tallybook.domain.problems import Problem, Refusal
    from tallybook.reports.vectors import Json


class Failure(msgspec.Struct, frozen=True):
    """Why a command did not do what was asked."""

    code: str
    message: str
    hint: str
    exit_code: int


STOPPED: Final = Failure("interrupted", "stopped by the user", "", 130)


class CommandEnded(Exception):  # noqa: N818 - no error: all is said
    """A command ends here with this exit status; that of a wrapped command is ours, whatever it means among our own."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def document(name: str, content: Mapping[str, Json]) -> None:
    """Write the one JSON object of a command."""
    whole = {"schema": f"tallybook.{name}/1", **content}
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(whole, allow_nan=False)
    sys.stdout.write(text + "\n")


def fail(failure: Failure, *, json: bool) -> int:
    """Tell of a failure and return its exit code."""
    if json:
        error = {"code": failure.code, "message": failure.message, "hint": failure.hint}
        with suppress(OSError):
            document("error", {"error": {**error}})
    say(f"tally: {failure.message}")
    if failure.hint:
        say(f"  {failure.hint}")
    return failure.exit_code


def refuse(refusal: Refusal, *, json: bool) -> int:
    """Tell of a refusal and return its exit code: 2 for arguments that aren't allowed, else 1."""
    code = fail(Failure(refusal.code, refusal.message, refusal.hint, 2 if refusal.usage else 1), json=json)
    warn(refusal.problems)
    return code


def say(text: str) -> None:
    """One line of talk."""
    with suppress(OSError):
        sys.stderr.write(terminal(text) + "\n")


def warn(problems: Iterable[Problem]) -> None:
    """Each problem as a line of talk, with its place and its remedy; one that was met twice is told once."""
    for problem in dict.fromkeys(problems):
        parts = (problem.where.file, problem.where.line)
        place = ":".join(str(part) for part in parts if part is not None)
        byte = "" if problem.where.byte is None else f" (byte {problem.where.byte})"
        say(f"warning: {place}{byte}{': ' if place else ''}{problem.message}")
        if problem.hint:
            say(f"  {problem.hint}")


def line(text: str = "") -> None:
    """One line of data."""
    sys.stdout.write(terminal(text) + "\n")


def is_rich(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal that may show colour and boxes."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: frozenset[str] = frozenset()) -> None:
    """A table: drawn on a terminal, tab-separated with its head when piped; ``numbers`` stand right-aligned."""
    safe = [_harmless(row) for row in rows]
    if not is_rich(sys.stdout):
        for row in (head, *safe):
            sys.stdout.write("\t".join(row) + "\n")
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in head:
        drawn.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in safe:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(file=sys.stdout).print(drawn)


def _harmless(row: Sequence[str]) -> Sequence[str]:
    whole = "".join(row)  # one look at a row is enough for most
    return row if terminal(whole) == whole else [terminal(cell) for cell in row]


def fail_with(refusal: Refusal, *, json: bool) -> NoReturn:
    """Tell of a refusal and leave with its exit code."""
    raise CommandEnded(refuse(refusal, json=json))


def raw(text: str) -> None:
    """A whole document that has been escaped for its medium already."""
    sys.stdout.write(text)
