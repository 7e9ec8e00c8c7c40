"""Takes the ledgers of other systems into this one; twice is once, and what was changed or refused is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.import_plan import ImportPlan, plan
from tallybook.domain.imports import ImportedGoal, Note, later
from tallybook.domain.problems import Problem, Refusal, Where
from tallybook.ledger.replica import undisturbed
from tallybook.reports.imported_goals import note_line
from tallybook.usecases.importing import analyses, event_log
from tallybook.usecases.importing.documents import NoDocumentError
from tallybook.usecases.importing.files import FORMATS, content, format_of, listed, shown
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tallybook.domain.events import NewEvent
    from tallybook.domain.state import LedgerState
    from tallybook.usecases.importing.event_log import Log
    from tallybook.usecases.workspace import Workspace

_HINT: Final = "see docs/how-to/import.md for what can be taken"
_READERS: Final[Mapping[str, Callable[..., Log]]] = {
    event_log.SYSTEM: event_log.read_log,
    analyses.SYSTEM: analyses.read_analyses,
}
"""By format; another system is one more of them."""


class Request(msgspec.Struct, frozen=True):
    """What a person asks."""

    paths: tuple[Path, ...]
    format: str | None = None
    """Of ``FORMATS``; None to find it out."""
    dry_run: bool = False
    allow_secret_like: bool = False


class ImportedLedger(msgspec.Struct, frozen=True):
    """What became of the files."""

    systems: tuple[str, ...]
    files: int
    plan: ImportPlan
    changed: tuple[Note, ...]
    refused: tuple[Note, ...]
    problems: tuple[Problem, ...]


def first_format(workspace: Workspace, request: Request) -> str | Refusal:
    """The format of the first file, or the one that is asked for."""
    if request.format is not None:
        if request.format in FORMATS:
            return request.format
        known = f"known: {', '.join(FORMATS)}"
        return Refusal("unknown-format", f"there is no format {request.format!r}", known, usage=True)
    paths = listed(request.paths, workspace.cwd)
    if isinstance(paths, Refusal):
        return paths
    data = content(paths[0])
    return data if isinstance(data, Refusal) else format_of(data)


def import_goals(workspace: Workspace, request: Request) -> ImportedLedger | Refusal:
    """Bring the ledger to what the files say; with ``dry_run`` only tell what would become of them.

    Raises:
        LedgerError: the ledger can't be read, locked or written.

    """
    paths = listed(request.paths, workspace.cwd)
    if isinstance(paths, Refusal):
        return paths
    taken = _Taken()
    for path in paths:
        data = content(path)
        log = data if isinstance(data, Refusal) else _parsed(data, shown(path, workspace.cwd), request)
        if isinstance(log, Note):
            if len(paths) == 1:
                return Refusal("no-ledger-of-another", note_line(log), _HINT)
            taken.refused.append(log)
        elif isinstance(log, Refusal):
            return log
        else:
            taken.add(log)
    if not taken.records and not taken.refused:
        return Refusal("nothing-to-import", f"{request.paths[0]}: no goal, analysis or sum was found in it", _HINT)
    found = _written(workspace, list(taken.records.values()), dry_run=request.dry_run)
    if isinstance(found, Refusal):
        return found
    done, problems = found
    systems = tuple(dict.fromkeys(record.system for record in taken.records.values()))
    changed = (*taken.changed, *done.notes)
    return ImportedLedger(systems, len(paths), done, changed, tuple(taken.refused), problems)


class _Taken:
    """What all files together told: of each record its last state."""

    def __init__(self) -> None:
        self.records: dict[str, ImportedGoal] = {}
        self.changed: list[Note] = []
        self.refused: list[Note] = []

    def add(self, log: Log) -> None:
        """Take up what one file told."""
        for record in log.records:
            before = self.records.get(record.reference, record)
            self.records[record.reference] = later(before, record)
        self.changed += log.changes
        self.refused += log.refused


def _written(
    workspace: Workspace, records: Sequence[ImportedGoal], *, dry_run: bool
) -> tuple[ImportPlan, tuple[Problem, ...]] | Refusal:
    replica = workspace.replica()
    if dry_run:
        return plan(replica.state, records), (*workspace.problems, *problems_of(replica, replica.state))
    made: list[ImportPlan] = []

    def deciding(state: LedgerState) -> Sequence[NewEvent]:
        made.append(plan(state, records))
        return made[-1].events

    with undisturbed():
        written = replica.transact(deciding)
    if isinstance(written, Refusal):
        return written
    problems = (*workspace.problems, *problems_of(replica, replica.state))
    replica.save()
    return made[-1], problems


def _parsed(data: bytes, name: str, request: Request) -> Log | Note | Refusal:
    """What a file told; a note where it can't be parsed at all, which is no reason not to take the others."""
    kind = request.format or format_of(data)
    if kind not in _READERS:
        hint = "give it alone, or name the format with --format"
        return Refusal("mixed-formats", f"{name} looks like a report of ccusage", hint, usage=True)
    try:
        with undisturbed():
            return _READERS[kind](data, name, allow_secret_like=request.allow_secret_like)
    except NoDocumentError as error:
        return Note("", str(error), Where(name, error.line))
