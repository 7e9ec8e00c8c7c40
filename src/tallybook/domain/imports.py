"""Goals that another system kept, brought into the form of this ledger.

A goal's id follows from its id there, so the same record is the same goal wherever and however often it is taken.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from tallybook.domain.events import ImportSource
from tallybook.domain.goal import Outcome
from tallybook.domain.problems import Where
from tallybook.domain.tokens import TokenVector

_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
SYSTEMS: Final = ("events", "analyses")
"""Where goals can come from: a goal refers to its id there behind the name and a colon."""
FACTS: Final = {
    "title": ("title",),
    "notes": ("notes",),
    "model": ("model",),
    "refs": ("refs",),
    "inputs": ("inputs", "input_sources"),
    "claims": ("claims_extracted", "claims_updated"),
    "attempts": ("attempts",),
    "stages": ("stages",),
    "tokens": ("tokens", "unreported"),
    "outcome": ("outcome",),
    "start": ("kind", "started_at", "agent", "source_id", "pass_number"),
    "supersedes": ("supersedes",),
}
"""What a record says, by kind of fact: each is followed by itself, where it has changed there."""


class ImportedAttempt(msgspec.Struct, frozen=True):
    """One pass at the goal; of all but the last one the reason of the failure counts."""

    started_at: str
    failure_reason: str | None = None


class ImportedStage(msgspec.Struct, frozen=True):
    """A named part of the last attempt."""

    name: str
    at: str
    notes: str | None = None


class ImportedGoal(msgspec.Struct, frozen=True):
    """A record of another system, tidied: it breaks none of our invariants by itself."""

    system: str
    """Where it is from: ``events`` or ``analyses``."""
    id: str
    """There."""
    date: str
    """YYMMDD, part of its id there."""
    title: str
    kind: str
    started_at: str
    outcome: Outcome | None = None
    notes: str | None = None
    agent: str | None = None
    model: str | None = None
    refs: tuple[str, ...] = ()
    supersedes: str | None = None
    """An id there, like the inputs and ``merged_into``."""
    inputs: tuple[str, ...] = ()
    input_sources: tuple[str, ...] = ()
    source_id: str | None = None
    pass_number: int | None = None
    attempts: tuple[ImportedAttempt, ...] = ()
    """At least one."""
    stages: tuple[ImportedStage, ...] = ()
    tokens: TokenVector | None = None
    unreported: tuple[str, ...] = ()
    claims_extracted: int | None = None
    claims_updated: int | None = None
    merged_into: str | None = None
    told_at: str | None = None
    """When it was last told something there."""
    where: Where = Where()

    @property
    def goal(self) -> str:
        """Its id here."""
        return imported_id(self.system, self.id, self.date)

    @property
    def reference(self) -> str:
        """Its id there, as a reference."""
        return f"{self.system}:{self.id}"

    @property
    def source(self) -> ImportSource:
        """All that it says, for telling later what of it has changed."""
        facts = (f"{name}:{_digest(tuple(getattr(self, part) for part in parts))}" for name, parts in FACTS.items())
        return ImportSource(self.system, self.id, self.told_at, tuple(sorted(facts)))


def imported_id(system: str, identity: str, date: str) -> str:
    """The id of a goal, from its id in the other system; ``date`` is YYMMDD."""
    value = int.from_bytes(sha256(f"{system}\0{identity}".encode()).digest()[:5])
    return f"g{date}-{''.join(_LETTERS[value >> shift & 31] for shift in range(35, -5, -5))}"


def later(one: ImportedGoal, other: ImportedGoal) -> ImportedGoal:
    """Of two states of a record the one that was told later, else the one that tells more, else the second."""
    return one if _progress(one) > _progress(other) else other


def _progress(record: ImportedGoal) -> tuple[str, int, bool]:
    return (record.told_at or "", len(record.attempts) + len(record.stages), record.outcome is not None)


def _digest(value: object) -> str:
    return sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:12]


class Note(msgspec.Struct, frozen=True):
    """Something that had to be said of a record."""

    id: str
    text: str
    where: Where
