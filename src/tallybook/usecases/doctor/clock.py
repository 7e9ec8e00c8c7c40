"""The machine's clock against the times in the ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallybook.clock import timestamp, unix_milliseconds
from tallybook.ledger.evidence import examine
from tallybook.ledger.file import OS_FILES
from tallybook.ledger.hlc import HORIZON_MS
from tallybook.usecases.doctor.finding import Finding, note, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.usecases.workspace import Workspace

SLACK_MS: Final = 60 * 1000
"""How far clocks of several machines may differ without a word."""


def clock(workspace: Workspace) -> Iterator[Finding]:
    """Whether an event lies ahead of now, and by whose clock."""
    place, now = workspace.ledger.place, workspace.clock.now()
    evidence = examine(OS_FILES, place.home, place.published, now)
    seen = [(sighting.envelope.hlc, sighting.envelope.writer) for file in evidence.files for sighting in file.sightings]
    if not seen:
        yield ok("clock", f"{timestamp(now)}; no event to compare it with")
        return
    latest, writer = max(seen)
    ahead = int(latest.partition("-")[0]) - unix_milliseconds(now)
    if ahead <= SLACK_MS:
        yield ok("clock", f"{timestamp(now)}; no event lies ahead of it")
        return
    whose = "this machine" if writer in workspace.ledger.writers().ids else "the machine that wrote it"
    message = f"{timestamp(now)}; an event of {writer} lies {timedelta(milliseconds=ahead)} ahead"
    hint = f"is the clock right? then the one of {whose} was ahead when it wrote; set it, nothing else is to do"
    if ahead <= HORIZON_MS:
        yield note("clock", f"{message}; new events are put behind it in order", hint)
        return
    far = sum(int(hlc.partition("-")[0]) - unix_milliseconds(now) > HORIZON_MS for hlc, _ in seen)
    yield problem("clock", f"{message}, and {far:,} in all more than a day; new events are put before them", hint)
