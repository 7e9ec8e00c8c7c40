"""What could stand for the last word of a command line: commands, options, choices and goals.

A command line that makes no sense, or a ledger that can't be read, has no candidates and no error.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout, suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec
from typer._click.shell_completion import _resolve_context, _resolve_incomplete

from tallybook.cli.lazy import command_line
from tallybook.cli.place import here
from tallybook.reports.escape import terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


MOST: Final = 100
"""So many goals at most."""
_FILES: Final = frozenset({"file", "dir"})


class Candidate(msgspec.Struct, frozen=True):
    """One word, and what it means."""

    value: str
    help: str = ""

    def line(self, shell: str) -> str:
        """As the script of ``shell`` reads it."""
        if shell == "bash":
            return self.value
        value = self.value.replace(":", "\\:") if shell == "zsh" else self.value
        return f"{value}{':' if shell == 'zsh' else chr(9)}{self.help}" if self.help else value


def candidates(words: Sequence[str]) -> list[Candidate]:
    """For the last of ``words``, which follow ``tally``; none where a file is to be named."""
    *before, incomplete = _joined(words)
    with suppress(Exception), redirect_stdout(io.StringIO()):
        context = _resolve_context(command_line(), {}, "tally", before)
        asked, incomplete = _resolve_incomplete(context, before, incomplete)
        found = [one for one in asked.shell_complete(context, incomplete) if one.type not in _FILES]
        return [Candidate(terminal(str(one.value)), terminal(" ".join((one.help or "").split()))) for one in found]
    return []


def _joined(words: Sequence[str]) -> list[str]:
    """The words without an equals sign between an option and its value, which bash makes a word of its own."""
    option = ["", *words]
    return [word for before, word in zip(option, words, strict=False) if not (word == "=" and before[:2] == "--")]


def goal_ids(given: Mapping[str, Any], incomplete: str) -> list[tuple[str, str]]:
    """Goals with their titles: those that are open first, the last to be worked on before the others."""
    with suppress(Exception):
        state = here(given.get("ledger")).replica().state
        goals = sorted(state.goals.values(), key=lambda goal: (goal.is_open, goal.activated), reverse=True)
        return [(goal.id, f"{goal.status}: {goal.title}") for goal in goals if goal.id.startswith(incomplete)][:MOST]
    return []
