"""What is set: the repository's settings, and which environment variables are in force, by name alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tallybook.agents.identity import SESSION_VARIABLE
from tallybook.agents.registry import readers
from tallybook.usecases.doctor.finding import Status, note, ok, told
from tallybook.usecases.run import GOAL_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.usecases.doctor.finding import Finding
    from tallybook.usecases.workspace import Workspace

_OWN: Final = frozenset({"TALLYBOOK_HOME", "TALLYBOOK_LEDGER", SESSION_VARIABLE, GOAL_VARIABLE})
_AGENTS: Final = ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "AMP_DATA_DIR", "OPENCODE_DATA_DIR", "OPENCODE_DB")
_GIT: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_CEILING_DIRECTORIES")


def settings(workspace: Workspace) -> Iterator[Finding]:
    """The settings in force, and every fault in the text of them."""
    for fault in workspace.problems:
        if fault.code.startswith("config-"):
            yield told("settings", fault, Status.PROBLEM)
    it = workspace.settings
    publish = "the ledger is not published" if it.ledger_publish is None else f"published in {it.ledger_publish}"
    ticket = "no tickets" if it.ticket_pattern is None else f"tickets like {it.ticket_pattern}"
    if it.capture:
        yield ok("settings", f"{publish}, capture on, {ticket}")
    else:
        yield note(
            "settings", f"{publish}, capture off, {ticket}", "no tokens are measured until capture.enabled is true"
        )


def environment(workspace: Workspace) -> Iterator[Finding]:
    """Variables that change where things are, or which session is meant."""
    environ = workspace.environ
    sessions = [name for reader in readers() for name in reader.session_variables]
    in_force = [name for name in (*sorted(_OWN), *_AGENTS, *sessions, *_GIT) if environ.get(name)]
    yield ok("environment", f"in force: {', '.join(in_force)}" if in_force else "nothing is overridden")
    strange = sorted(name for name in environ if name.startswith("TALLYBOOK_") and name not in _OWN)
    for name in strange:
        yield note("environment", f"there is no variable {name}", f"check the spelling: {', '.join(sorted(_OWN))}")
    redirected = [name for name in _GIT if environ.get(name)]
    if redirected:
        message = f"git looks elsewhere because of {', '.join(redirected)}"
        yield note("environment", message, f"unset {' '.join(redirected)}, unless it is meant")
    ledger = environ.get("TALLYBOOK_LEDGER")
    if ledger and not os.path.isabs(ledger):  # noqa: PTH117 - text of the environment
        message = "TALLYBOOK_LEDGER is relative: each directory has a ledger of its own"
        yield note("environment", message, "give it an absolute path")
