"""Runs every check of the doctor, each in bounded time; a check that fails is a finding like any other.

To add a check: write it as a function in a module of its subject, and give it a line in ``CHECKS``.
"""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.usecases.doctor import (
    agents,
    clock,
    data,
    hooks,
    ledger,
    lock,
    retention,
    settings,
    store,
    surroundings,
    versions,
)
from tallybook.usecases.doctor import writer as writers
from tallybook.usecases.doctor.finding import Finding, Look, Status, problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.usecases.workspace import Workspace

SECONDS: Final = 20.0
"""Longest that a check may take, unless its line says otherwise."""
_LONG: Final = 60.0
"""For checks that read all of something."""


class Check(msgspec.Struct, frozen=True):
    """One line of the doctor's list."""

    group: str
    name: str
    look: Look
    seconds: float = SECONDS


class Entry(msgspec.Struct, frozen=True):
    """A finding and the group that it belongs to."""

    group: str
    finding: Finding


class Examination(msgspec.Struct, frozen=True):
    """All that the doctor found, in the order of its list."""

    entries: tuple[Entry, ...]

    def of(self, status: Status) -> tuple[Finding, ...]:
        """The findings with this status."""
        return tuple(entry.finding for entry in self.entries if entry.finding.status is status)


CHECKS: Final = (
    Check("versions", "tallybook", versions.own_version),
    Check("versions", "python", versions.python_version),
    Check("versions", "dependencies", versions.dependencies),
    Check("versions", "sqlite", versions.sqlite_version),
    Check("git", "git", surroundings.git_version),
    Check("git", "repository", surroundings.repository),
    Check("git", "hooks", hooks.hooks, _LONG),
    Check("settings", "settings", settings.settings),
    Check("settings", "environment", settings.environment),
    Check("ledger", "directory", ledger.directory),
    Check("ledger", "file-system", ledger.file_system),
    Check("ledger", "space", ledger.space),
    Check("ledger", "device", ledger.device),
    Check("ledger", "sync-folder", ledger.sync_folder),
    Check("ledger", "letter-case", ledger.letter_case),
    Check("ledger", "lock", lock.lock),
    Check("ledger", "events", ledger.events, _LONG),
    Check("ledger", "copies", ledger.copies, _LONG),
    Check("ledger", "writer", writers.writer),
    Check("ledger", "clock", clock.clock, _LONG),
    Check("data", "directory", data.directory),
    Check("data", "file-system", data.file_system),
    Check("data", "space", data.space),
    Check("data", "sync-folder", data.sync_folder),
    Check("data", "store", store.store, _LONG),
    Check("agents", "logs", agents.logs, _LONG),
    Check("agents", "session", agents.session),
    Check("agents", "retention", retention.retention, _LONG),
)


def examine(workspace: Workspace, checks: Iterable[Check] = CHECKS) -> Examination:
    """Run the checks one after the other; never raises for what they meet."""
    return Examination(tuple(Entry(check.group, found) for check in checks for found in _run(check, workspace)))


def _run(check: Check, workspace: Workspace) -> list[Finding]:
    """What a check says, or that it failed; one that hangs is left to itself and ends with the program."""
    said: list[list[Finding]] = []

    def work() -> None:
        try:
            said.append(list(check.look(workspace)))
        except Exception as error:  # noqa: BLE001 - a check that breaks must not take the others with it
            said.append([_failed(check, error)])

    thread = Thread(target=work, name=f"doctor-{check.name}", daemon=True)
    thread.start()
    thread.join(check.seconds)
    return said[0] if said else [_too_long(check)]


def _failed(check: Check, error: Exception) -> Finding:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    place = f", {error.filename}" if isinstance(error, OSError) and error.filename is not None else ""
    message = f"the check itself failed: {type(error).__name__}: {reason[:200]}{place}"
    hint = "mend the place named" if place else "please report it; the other checks went on"
    return problem(check.name, message, hint)


def _too_long(check: Check) -> Finding:
    message = f"it took longer than {check.seconds:g} s and was given up"
    return problem(check.name, message, "is a disk or a network gone, or very slow? the other checks went on")
