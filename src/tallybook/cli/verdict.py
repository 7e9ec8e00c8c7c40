"""How the findings of `verify` and `repair` are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.cli.render import document, line, warn
from tallybook.reports import contract
from tallybook.reports.words import counted

if TYPE_CHECKING:
    from tallybook.ledger.repair import Repair
    from tallybook.reports.vectors import Json
    from tallybook.usecases.check import Checked


def show_verdict(checked: Checked, *, json: bool, repaired: Repair | None = None) -> int:
    """Tell what was found and return the exit code."""
    verdict = checked.verdict
    cut = () if repaired is None else repaired.cut
    if json:
        content: dict[str, Json] = {
            "events": checked.events,
            "writers": [{"writer": writer, "events": events} for writer, events in checked.writers],
            "problems": contract.problems(verdict.problems),
            "notes": contract.problems(verdict.notes),
        }
        if repaired is not None:
            content["repaired"] = [
                {"file": str(tail.file), "byte": tail.byte, "bytes": tail.size, "quarantine": str(tail.quarantine)}
                for tail in cut
            ]
        document("verify" if repaired is None else "repair", content)
    else:
        for tail in cut:
            line(f"{tail.file}: {tail.size} bytes from byte {tail.byte} moved to {tail.quarantine}")
        found = counted(len(verdict.problems), "finding") if verdict.problems else "clean"
        word = "damaged" if verdict.damaged else found
        line(f"{counted(checked.events, 'event')} by {counted(len(checked.writers), 'writer')}: {word}")
    warn((*verdict.problems, *verdict.notes))
    return verdict.exit_code
