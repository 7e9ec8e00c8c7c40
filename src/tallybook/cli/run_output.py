"""What `tally run` says when the command has ended: all of it on stderr, but for the JSON object that was asked for.

Nothing here changes the exit status, which is the command's.
"""

from __future__ import annotations

import errno
import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.cli.faults import describe
from tallybook.cli.render import Failure, document, fail, refuse, say, warn
from tallybook.domain.problems import Refusal
from tallybook.reports import contract
from tallybook.reports.words import goal_line
from tallybook.usecases.child import NOT_EXECUTABLE, NOT_FOUND, signal_name
from tallybook.usecases.run import end, failure_of
from tallybook.usecases.write_file import write_if_changed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.offspring import AtWork
    from tallybook.reports.vectors import Json
    from tallybook.usecases.child import Ended
    from tallybook.usecases.run import Begun
    from tallybook.usecases.tasks import TaskResult

_CODES: Final = {"command-not-found": NOT_FOUND, "command-not-executable": NOT_EXECUTABLE}


class RunShown(msgspec.Struct, frozen=True):
    """How the user wants it."""

    json: bool
    quiet: bool
    output: Path | None
    ledger: Path | None

    def check(self) -> None:
        """Raise OSError where the file for the JSON object can't be written, before anything is done."""
        if self.output is None:
            return
        write_if_changed(self.output, "", dry_run=True)
        parent = Path(os.path.realpath(self.output)).parent
        if not os.access(parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(parent))

    def notices(self, notices: Iterable[str]) -> None:
        """What the user should hear though nothing is wrong."""
        for notice in () if self.quiet else notices:
            say(f"note: {notice}")


def refuse_run(refusal: Refusal, *, json: bool) -> int:
    """Tell why nothing was started; a command that can't be run has the exit code that a shell gives it."""
    code = refuse(refusal, json=json)
    return _CODES.get(refusal.code, code)


def close(begun: Begun, ended: Ended, seen: tuple[AtWork, ...], shown: RunShown) -> None:
    """Close the goal and tell what became of it; a fault is told with the command that closes it by hand."""
    try:
        result = end(begun, ended, seen)
    except Exception as error:  # noqa: BLE001 - the command has run, and its status is what counts
        _open_still(begun, ended, describe(error), shown)
        return
    if isinstance(result, Refusal):
        _open_still(begun, ended, Failure(result.code, result.message, result.hint, 1), shown)
        return
    said = set(begun.opened.notices)
    shown.notices(notice for notice in result.notices if notice not in said)
    warn(result.problems)
    if ended.unstarted is not None:
        say(f"tally: the command could not be started: {ended.unstarted}")
    if result.goal is not None and not shown.quiet:
        say(f"tally: {goal_line(result.goal, result.accounts)}")
    _hand_out(result, ended, shown)


def _hand_out(result: TaskResult, ended: Ended, shown: RunShown) -> None:
    goal = None
    if result.goal is not None:
        goal = contract.goal(result.state, result.goal, result.accounts, result.book.of_class)
        result.book.keep()
    content: dict[str, Json] = {
        "goal": goal,
        "exit_status": ended.status,
        "signal": None if ended.signal is None else signal_name(ended.signal),
        "problems": contract.problems(result.problems),
    }
    if shown.json:
        document("run", content)
    if shown.output is not None:
        try:
            write_if_changed(shown.output, json.dumps({"schema": "tallybook.run/1", **content}) + "\n")
        except OSError as error:
            fail(describe(error), json=False)


def _open_still(begun: Begun, ended: Ended, failure: Failure, shown: RunShown) -> None:
    words = ["tally", "finish-task", begun.goal.id]
    reason = failure_of(ended)
    words += ["--status", "success"] if reason is None else ["--status", "fail", "--failure-reason", "other"]
    words += [] if reason is None else ["--notes", reason]
    words += [] if shown.ledger is None else ["--ledger", str(shown.ledger)]
    hint = f"the goal is still open; close it with: {shlex.join(words)}"
    both = f"{failure.hint}; {hint}" if failure.hint else hint
    fail(replace(failure, hint=both), json=shown.json)
