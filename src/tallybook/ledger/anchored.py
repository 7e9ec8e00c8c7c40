"""Compares a ledger with what was written down of it elsewhere: anchors in commits, and copies that commits hold."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.problems import Problem, Where
from tallybook.ledger.anchor import Anchor
from tallybook.ledger.merging import sift

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallybook.ledger.evidence import Evidence

RESTORE: Final = "restore the file from a published copy, another clone or a backup; nothing was dropped"
BRING: Final = "tally sync or git pull brings the events of other clones"


class State(StrEnum):
    """How an anchor stands to the ledger."""

    HOLDS = "holds"
    CHANGED = "changed"
    """Another line has its number."""
    CUT = "cut"
    """This clone's own lines end before it, or it is missing between others."""
    BEHIND = "behind"
    """The lines of another clone end before it: the rest has not come here, or is gone."""
    ABSENT = "absent"
    """Nothing of the writer is here, which is another clone's."""


class Anchored(msgspec.Struct, frozen=True):
    """An anchor, where it was named, and what has become of it."""

    commit: str
    anchor: Anchor
    state: State
    since: int
    """Events of the writer that came after it."""


class Lines:
    """The whole lines of a ledger by writer and number; ``own`` are the writers of this clone."""

    def __init__(self, evidence: Evidence, own: frozenset[str]) -> None:
        self._own = own
        self._digests: dict[tuple[str, int], set[str]] = {}
        self._places: dict[tuple[str, int], Where] = {}
        self._last: dict[str, int] = {}
        for file in evidence.files:
            for seen in file.sightings:
                key = (seen.envelope.writer, seen.envelope.seq)
                self._digests.setdefault(key, set()).add(seen.digest)
                self._places.setdefault(key, Where(str(file.path), seen.line, seen.byte))
                self._last[key[0]] = max(self._last.get(key[0], 0), key[1])

    def state(self, anchor: Anchor) -> State:
        """How the anchor stands."""
        there = self._digests.get((anchor.writer, anchor.seq), set())
        if any(anchor.is_of(digest) for digest in there):
            return State.HOLDS
        if there:
            return State.CHANGED
        last = self.last(anchor.writer)
        if anchor.writer in self._own or last > anchor.seq:
            return State.CUT
        return State.BEHIND if last else State.ABSENT

    def last(self, writer: str) -> int:
        """The highest number of a writer; 0 where nothing of it is here."""
        return self._last.get(writer, 0)

    def place(self, writer: str, seq: int) -> Where:
        """Where a line stands; nowhere for one that is missing."""
        return self._places.get((writer, seq), Where())

    def has(self, writer: str, seq: int, digest: str) -> bool:
        """Whether this very line is here."""
        return digest in self._digests.get((writer, seq), ())


def compared(lines: Lines, named: Sequence[tuple[str, Anchor]]) -> tuple[Anchored, ...]:
    """Every anchor once, by writer and number; ``named`` begins with the newest commit, and the oldest one counts."""
    first = {anchor: commit for commit, anchor in named}
    return tuple(
        Anchored(first[anchor], anchor, lines.state(anchor), max(lines.last(anchor.writer) - anchor.seq, 0))
        for anchor in sorted(first)
    )


def findings(lines: Lines, anchors: Sequence[Anchored]) -> list[Problem]:
    """What the anchors prove: of each writer the first one that does not hold, and up to where it was right before."""
    found = []
    right: dict[str, int] = {}
    told: set[str] = set()
    for one in anchors:
        writer, seq = one.anchor.writer, one.anchor.seq
        if one.state is State.HOLDS:
            right[writer] = seq
        elif writer not in told:
            told.add(writer)
            found.append(_finding(lines, one, right.get(writer, 0)))
    return found


def _finding(lines: Lines, one: Anchored, right: int) -> Problem:
    writer, seq = one.anchor.writer, one.anchor.seq
    known = f"commit {one.commit[:12]} names event {seq} of {writer}"
    span = f"up to event {right} it is as it was then" if right else "nothing tells since when"
    last = lines.last(writer)
    where = lines.place(writer, min(last, seq))
    if one.state is State.ABSENT:
        return Problem("anchor-absent", f"{known}, of whom nothing is here", hint=BRING)
    if one.state is State.BEHIND:
        message = f"{known}, of whom there are {last} here: the others have not come, or are gone; {span}"
        return Problem("anchor-behind", message, where, BRING)
    if one.state is State.CUT:
        gone = f"its lines end with event {last}" if last else "none of its lines is here, though this clone wrote them"
        what = gone if last < seq else "it is missing between others"
        return Problem("anchor-cut", f"{known}, and {what}; {span}", where, RESTORE)
    return Problem("anchor-changed", f"{known}, which is another line now; {span}", where, RESTORE)


def copy_findings(lines: Lines, commit: str, files: Mapping[str, bytes]) -> list[Problem]:
    """Lines of the published copy in a commit that are not in the ledger any more: the first of each writer."""
    found = []
    for writer, data in sorted(files.items()):
        for raw, seq in sift(data, writer).good.items():
            digest = _digest(raw)
            if lines.has(writer, seq, digest):
                continue
            changed = lines.place(writer, seq)
            what = "is another line now" if changed.file else "is not here"
            message = f"event {seq} of {writer}, which commit {commit[:12]} carries, {what}"
            found.append(Problem("published-changed" if changed.file else "published-lost", message, changed, RESTORE))
            break
    return found


def _digest(raw: bytes) -> str:
    from hashlib import sha256  # noqa: PLC0415 - where a copy is compared

    return sha256(raw).hexdigest()
