"""Takes the ledgers of other systems into this one; twice is once, and what was changed or refused is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.imports import ImportedGoal, ImportPlan, Note, plan
from tallybook.domain.problems import Problem, Refusal
from tallybook.usecases.importing import analyses, event_log
from tallybook.usecases.importing.analyses import NoAnalysesError, read_analyses
from tallybook.usecases.importing.event_log import TYPES, Log, read_log
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tallybook.domain.events import NewEvent
    from tallybook.domain.state import LedgerState
    from tallybook.usecases.workspace import Workspace

FORMATS: Final = ("events", "analyses", "ccusage")
LARGEST: Final = 512 * 1024 * 1024
"""Bytes of one file."""
_LOOKED_AT: Final = 64 * 1024
_ENDINGS: Final = frozenset({".yaml", ".yml", ".json", ".ndjson", ".jsonl"})
_REPORT: Final = ('"daily"', '"weekly"', '"monthly"', '"session"', '"sessions"', '"blocks"')


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


def format_of(data: bytes) -> str:
    """What a file most likely holds."""
    head = data[:_LOOKED_AT].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    line = head.partition("\n")[0]
    try:
        told = json.JSONDecoder().raw_decode(line)[0]
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict) and told.get("event_type", told.get("type")) in TYPES:
        return "events"
    if any(f'"{name}"' in head for name in TYPES) and "\n{" in head:
        return "events"
    if head.startswith("{") and any(name in head for name in _REPORT) and "ANALYSIS-" not in head:
        return "ccusage"
    return "analyses"


def first_format(workspace: Workspace, request: Request) -> str | Refusal:
    """The format of the first file, or the one that is asked for."""
    if request.format is not None:
        if request.format in FORMATS:
            return request.format
        known = f"known: {', '.join(FORMATS)}"
        return Refusal("unknown-format", f"there is no format {request.format!r}", known, usage=True)
    for path in _files(workspace.cwd / request.paths[0]):
        data = _read(path)
        return data if isinstance(data, Refusal) else format_of(data)
    return Refusal("nothing-to-import", f"{request.paths[0]}: there is no such file", usage=True)


def import_goals(workspace: Workspace, request: Request) -> ImportedLedger | Refusal:
    """Bring the ledger to what the files say; with ``dry_run`` only tell what would become of them.

    Raises:
        LedgerError: the ledger can't be read, locked or written.

    """
    records: dict[str, ImportedGoal] = {}
    changed: list[Note] = []
    refused: list[Note] = []
    systems: dict[str, None] = {}
    paths = _all_files(workspace, request)
    if isinstance(paths, Refusal):
        return paths
    for path in paths:
        data = _read(path)
        if isinstance(data, Refusal):
            return data
        log = _parsed(data, _shown(path, workspace.cwd), request)
        if isinstance(log, Refusal):
            return log
        records |= {record.reference: record for record in log.records}
        systems |= dict.fromkeys(record.system for record in log.records)
        changed += log.changes
        refused += log.refused
    if not records and not refused:
        hint = "see docs/how-to/import.md for what can be taken"
        return Refusal("nothing-to-import", f"{request.paths[0]}: no goal, analysis or sum was found in it", hint)
    found = _written(workspace, list(records.values()), dry_run=request.dry_run)
    if isinstance(found, Refusal):
        return found
    done, problems = found
    changed += done.notes
    return ImportedLedger(tuple(systems), len(paths), done, tuple(changed), tuple(refused), problems)


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

    written = replica.transact(deciding)
    if isinstance(written, Refusal):
        return written
    problems = (*workspace.problems, *problems_of(replica, replica.state))
    replica.save()
    return made[-1], problems


def _parsed(data: bytes, name: str, request: Request) -> Log | Refusal:
    kind = request.format or format_of(data)
    reading: dict[str, Callable[..., Log]] = {event_log.SYSTEM: read_log, analyses.SYSTEM: read_analyses}
    if kind not in reading:
        hint = "give it alone, or name the format with --format"
        return Refusal("mixed-formats", f"{name} looks like a report of ccusage", hint, usage=True)
    try:
        return reading[kind](data, name, allow_secret_like=request.allow_secret_like)
    except NoAnalysesError as error:
        return Refusal("no-ledger-of-another", f"{name}: {error}", "see docs/how-to/import.md for what can be taken")


def _all_files(workspace: Workspace, request: Request) -> list[Path] | Refusal:
    """Those that are meant; each name has to stand for one at least."""
    found: list[Path] = []
    for given in request.paths:
        some = list(_files(workspace.cwd / given))
        if not some:
            hint = f"of a directory, files ending in {', '.join(sorted(_ENDINGS))} are taken"
            return Refusal("nothing-to-import", f"{given}: there is no such file", hint, usage=True)
        found += some
    return found


def _files(path: Path) -> Iterator[Path]:
    """The file, or those of a directory with a known ending, in the order of their names."""
    if path.is_dir():
        yield from (one for one in sorted(path.iterdir()) if one.suffix.lower() in _ENDINGS and one.is_file())
    elif path.is_file():
        yield path


def _read(path: Path) -> bytes | Refusal:
    try:
        if path.stat().st_size > LARGEST:
            return Refusal("too-large", f"{path}: it is longer than {LARGEST:,} bytes")
        return path.read_bytes()
    except OSError as error:
        return Refusal("unreadable-file", f"{path}: {error.strerror}", usage=True)


def _shown(path: Path, cwd: Path) -> str:
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)
