"""Every check of a ledger as one named function from what was read to Problems; the verdict is their sum.

A check never raises for what the files hold, and information is kept apart from findings.
"""

from __future__ import annotations

import stat
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.problems import Problem, Where
from tallybook.ledger.course import TORN_TAIL
from tallybook.ledger.hlc import horizon
from tallybook.ledger.line import FIRST_PREV

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tallybook.ledger.evidence import Evidence, FileEvidence, Sighting
    from tallybook.ledger.reading import Reading

    Check = Callable[[Reading, Evidence], Iterable[Problem]]

CLEAN: Final = 0
FINDINGS: Final = 1
DAMAGED: Final = 3

_NO_DAMAGE: Final = frozenset({TORN_TAIL, "not-a-file", "unreadable", "id-conflict"})
_LOOK: Final = "nothing was dropped; compare the file with a backup or another clone"
_RESTORE: Final = "restore the lines from a published copy, another clone or a backup; nothing was dropped"


class Verdict(msgspec.Struct, frozen=True):
    """What the checks found."""

    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    """Information: the ledger is none the worse for it."""
    damaged: bool
    """Something before the tail of a file is not as it was written."""

    @property
    def exit_code(self) -> int:
        """0 clean, 1 findings, 3 damage before the tail."""
        if self.damaged:
            return DAMAGED
        return FINDINGS if self.problems else CLEAN


def verify(reading: Reading, evidence: Evidence, extra_checks: Iterable[Check] = ()) -> Verdict:
    """Run all checks; what ``extra_checks`` find counts as findings, not as damage."""
    damage = [problem for problem in reading.problems if problem.code not in _NO_DAMAGE]
    damage += [problem for check in DAMAGE_CHECKS for problem in check(reading, evidence)]
    found = [problem for problem in reading.problems if problem.code in _NO_DAMAGE - {"id-conflict"}]
    found += [problem for check in (*CHECKS, *extra_checks) for problem in check(reading, evidence)]
    notes = [problem for check in NOTES for problem in check(reading, evidence)]
    return Verdict(tuple(sorted((*damage, *found), key=_place)), tuple(notes), bool(damage))


def _place(problem: Problem) -> tuple[str, int, str]:
    return (problem.where.file or "", problem.where.byte or 0, problem.code)


def gaps(_: Reading, evidence: Evidence) -> Iterator[Problem]:
    """Numbers that are missing from a writer's lines in a file, from 1 to the last."""
    for file in evidence.files:
        for numbered in _by_writer(file):
            last = 0
            for seq in sorted(numbered):
                if seq > last + 1:
                    message = f"the events {last + 1} to {seq - 1} are missing before this line"
                    yield _problem("seq-gap", message, (file, numbered[seq][0]), _RESTORE)
                last = seq


def chains(_: Reading, evidence: Evidence) -> Iterator[Problem]:
    """Lines whose ``prev`` is not the hash of the line before; where that line is missing, ``gaps`` tells."""
    for file in evidence.files:
        for numbered in _by_writer(file):
            for seq, sightings in sorted(numbered.items()):
                before = {seen.digest for seen in numbered.get(seq - 1, ())} if seq > 1 else {FIRST_PREV}
                for seen in sightings:
                    if before and seen.envelope.prev not in before:
                        message = "the line is not chained to the line before it, or that one was changed"
                        yield _problem("broken-chain", message, (file, seen), _RESTORE)


def duplicates(_: Reading, evidence: Evidence) -> Iterator[Problem]:
    """Lines that stand twice in one file, or after one with a higher number."""
    for file in evidence.files:
        digests = set()
        for seen in file.sightings:
            if seen.digest in digests:
                yield _problem("duplicate-line", "the same line stands in this file before", (file, seen))
            digests.add(seen.digest)
        for before, seen in pairwise(file.sightings):
            if seen.envelope.seq < before.envelope.seq:
                yield _problem("out-of-order", "the line before has a higher number", (file, seen))


def forks(_: Reading, evidence: Evidence) -> Iterator[Problem]:
    """Different lines with one number of one writer: two clones have written as the same writer."""
    known: dict[tuple[str, int], str] = {}
    for file, seen in _all(evidence):
        key = (seen.envelope.writer, seen.envelope.seq)
        if known.setdefault(key, seen.digest) != seen.digest:
            message = f"{key[0]} has written another line {key[1]} too: its chain has forked"
            yield _problem(
                "chain-fork", message, (file, seen), "both lines are kept; the next append checks its writer"
            )


def conflicts(_: Reading, evidence: Evidence) -> Iterator[Problem]:
    """Different lines with one event id that no fork explains; the reading takes the first in order."""
    known: dict[str, Sighting] = {}
    for file, seen in _all(evidence):
        first = known.setdefault(seen.envelope.id, seen)
        if first.digest != seen.digest:
            message = f"the event id {seen.envelope.id} stands for another line too"
            yield _problem("id-conflict", message, (file, seen), "the event that comes first in order was taken")


def strangers(_: Reading, evidence: Evidence) -> Iterator[Problem]:
    """Lines of another writer than the name of the file tells."""
    for file, seen in _all(evidence):
        if seen.envelope.writer != file.writer:
            yield _problem("foreign-line", f"this line is by {seen.envelope.writer}", (file, seen))


def futures(_: Reading, evidence: Evidence) -> Iterator[Problem]:
    """Events from more than 24 hours ahead."""
    limit = horizon(evidence.now)
    for file, seen in _all(evidence):
        if seen.envelope.hlc > limit:
            message = f"the event's time {seen.envelope.at} ({seen.envelope.hlc}) lies in the future"
            yield _problem("far-future", message, (file, seen), "check the clock of the machine that wrote it")


def permissions(_: Reading, evidence: Evidence) -> Iterator[Problem]:
    """Files that others may write to."""
    for file in evidence.files:
        if file.home and file.mode & (stat.S_IWGRP | stat.S_IWOTH):
            message = f"others may write to this file (mode {file.mode:04o})"
            yield Problem("loose-permissions", message, Where(str(file.path)), f"chmod 600 {file.path}")


def forms(_: Reading, evidence: Evidence) -> Iterator[Problem]:
    """Whole lines that are written in another form than the canonical one."""
    for file, seen in _all(evidence):
        if not seen.canonical:
            yield _problem("not-canonical", "the line was not written by tallybook as it stands", (file, seen))


def unknowns(reading: Reading, _: Evidence) -> Iterator[Problem]:
    """Types, members and versions that this version does not know."""
    hint = "they are kept; a newer tallybook understands them"
    for name, count in reading.unknown_types.items():
        yield Problem("unknown-type", f"{count} events are of the unknown type {name}", hint=hint)
    for name, count in reading.unknown_members.items():
        yield Problem("unknown-member", f"{count} events have the unknown member {name}", hint=hint)
    if reading.newer:
        yield Problem("newer-format", f"{reading.newer} events are in a newer format", hint=hint)


DAMAGE_CHECKS: Final[tuple[Check, ...]] = (gaps, chains)
CHECKS: Final[tuple[Check, ...]] = (duplicates, forks, conflicts, strangers, futures, permissions)
NOTES: Final[tuple[Check, ...]] = (unknowns, forms)


def _all(evidence: Evidence) -> Iterator[tuple[FileEvidence, Sighting]]:
    for file in evidence.files:
        for seen in file.sightings:
            yield file, seen


def _by_writer(file: FileEvidence) -> Iterable[dict[int, list[Sighting]]]:
    """The lines by number, for each writer that has lines in the file."""
    writers: dict[str, dict[int, list[Sighting]]] = defaultdict(lambda: defaultdict(list))
    for seen in file.sightings:
        writers[seen.envelope.writer][seen.envelope.seq].append(seen)
    return writers.values()


def _problem(code: str, message: str, place: tuple[FileEvidence, Sighting], hint: str = _LOOK) -> Problem:
    file, seen = place
    return Problem(code, message, Where(str(file.path), seen.line, seen.byte), hint)
