"""Looks for every fault of the ledger, and mends what can be mended without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.domain.checks import findings
from tallybook.domain.problems import Problem
from tallybook.domain.replay import fold
from tallybook.ledger.evidence import examine
from tallybook.ledger.file import OS_FILES
from tallybook.ledger.repair import Repair, repair
from tallybook.ledger.verify import Verdict, verify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.ledger.evidence import Evidence
    from tallybook.ledger.reading import Reading
    from tallybook.usecases.workspace import Workspace


class Checked(msgspec.Struct, frozen=True):
    """What `verify` found."""

    events: int
    writers: tuple[tuple[str, int], ...]
    """Each writer with the number of its events."""
    verdict: Verdict


def check_ledger(workspace: Workspace) -> Checked:
    """Run every check of the bytes and of the events."""
    place = workspace.ledger.place
    reading = workspace.ledger.read()
    evidence = examine(OS_FILES, place.home, place.published, workspace.clock.now())
    counts: dict[str, int] = {}
    for event in reading.events:
        counts[event.writer] = counts.get(event.writer, 0) + 1
    verdict = verify(reading, evidence, (_of_events,))
    if not place.home.is_dir() and not reading.events:
        missing = Problem("no-ledger", f"{place.home}: there is no ledger here yet", hint="the first task makes it")
        verdict = replace(verdict, notes=(*verdict.notes, missing))
    return Checked(len(reading.events), tuple(sorted(counts.items())), verdict)


def _of_events(reading: Reading, _: Evidence) -> Iterable[Problem]:
    return findings(fold(reading.events))


def repair_ledger(workspace: Workspace) -> tuple[Repair, Checked]:
    """Move torn tails into quarantine, then check again."""
    return repair(workspace.ledger), check_ledger(workspace)
