"""The history store: opened read-only and checked page by page, so that looking heals and moves nothing."""

from __future__ import annotations

from contextlib import contextmanager
from shlex import quote
from typing import TYPE_CHECKING, Final

from tallybook.history.inspection import inspect
from tallybook.history.schema import SCHEMA
from tallybook.history.store import NAME, StoreDamaged, StoreUnavailable, open_store
from tallybook.reports.words import counted
from tallybook.usecases.doctor.finding import note, ok, problem
from tallybook.usecases.doctor.places import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.history.store import Store
    from tallybook.usecases.doctor.finding import Finding
    from tallybook.usecases.workspace import Workspace

_SECONDS: Final = 30.0
_GLANCE: Final = 5.0
_KEPT: Final = "facts of deleted logs are in the old file alone"
_ANEW: Final = f"tally sessions sets it aside and builds it anew; {_KEPT}"


@contextmanager
def sound_store(workspace: Workspace) -> Iterator[Store | None]:
    """The history as it was last read; None where it is missing or not sound, for opening would set it aside."""
    found = None
    try:
        facts = inspect(workspace.data, _GLANCE)
        if facts is not None and not (facts.older or facts.foreign or facts.faults):
            found = open_store(workspace.data)
    except StoreUnavailable:
        found = None
    if found is None:
        yield None
        return
    with found:
        yield found


def store(workspace: Workspace) -> Iterator[Finding]:
    """Its schema, its size, and whether SQLite finds it sound."""
    path = workspace.data / NAME
    try:
        facts = inspect(workspace.data, _SECONDS)
    except StoreDamaged as error:
        yield problem("store", error.message, _ANEW, path)
        return
    except StoreUnavailable as error:
        yield problem("store", error.message, error.hint, path)
        return
    if facts is None:
        yield note("store", "there is none yet", "tally sessions makes it, or the first task", path)
        return
    size = readable(facts.size)
    if facts.mode & 0o077:
        yield problem("store", f"others may read it (mode {facts.mode:04o})", f"chmod 600 {quote(str(path))}", path)
    if facts.faults:
        aside = workspace.data / "damaged"
        remedy = f"mkdir -p {quote(str(aside))} && mv {quote(str(path))}* {quote(str(aside))} && tally sessions"
        yield problem("store", f"it is damaged: {facts.faults[0]}", f"{remedy}; {_KEPT}", path)
    elif facts.schema > SCHEMA:
        message = f"a newer tallybook has written it (schema {facts.schema})"
        yield problem("store", message, f"update tallybook; or {_ANEW}", path)
    elif facts.foreign:
        yield problem("store", f"it is no store of tallybook (schema {facts.schema})", _ANEW, path)
    elif facts.older:
        message = f"an earlier tallybook has made it (schema {facts.schema})"
        yield note("store", message, "the next command that reads logs brings it up to date, and keeps a copy", path)
    elif facts.unfinished:
        yield note("store", f"{size}; {_SECONDS:g} s were not enough to check all of it", "", path)
    else:
        logs, responses = counted(facts.logs, "log"), counted(facts.responses, "response")
        yield ok("store", f"{responses} from {logs}, {size}, schema {facts.schema}, sound", path)
