"""How the findings of `verify` and `repair` are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tallybook.cli.render import document, line, warn
from tallybook.ledger.verify import Verdict
from tallybook.reports import contract
from tallybook.reports.words import counted

if TYPE_CHECKING:
    from tallybook.ledger.repair import Repair
    from tallybook.reports.vectors import Json
    from tallybook.usecases.against import Against
    from tallybook.usecases.check import Checked


class Beside(NamedTuple):
    """What else there is to tell."""

    repaired: Repair | None = None
    against: Against | None = None


def show_verdict(checked: Checked, *, json: bool, beside: Beside) -> int:
    """Tell what was found and return the exit code."""
    verdict, repaired, against = checked.verdict, beside.repaired, beside.against
    if against is not None:
        verdict = Verdict(
            (*verdict.problems, *against.problems),
            (*verdict.notes, *against.notes),
            verdict.damaged or against.damaged,
        )
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
        if against is not None:
            content["against"] = _against(against)
        document("verify" if repaired is None else "repair", content)
    else:
        for tail in cut:
            line(f"{tail.file}: {tail.size} bytes from byte {tail.byte} moved to {tail.quarantine}")
        found = counted(len(verdict.problems), "finding") if verdict.problems else "clean"
        word = "damaged" if verdict.damaged else found
        line(f"{counted(checked.events, 'event')} by {counted(len(checked.writers), 'writer')}: {word}")
        if against is not None:
            told = f"{counted(len(against.anchors), 'anchor')} in {counted(against.commits, 'commit')}"
            line(f"{told} of {against.revision}: {against.holding} hold")
            for newest in against.newest:
                anchor, since = newest.anchor, counted(newest.since, "event")
                line(
                    f"{anchor.writer}: as commit {newest.commit[:12]} names it up to event {anchor.seq}, {since} since"
                )
    warn((*verdict.problems, *verdict.notes))
    return verdict.exit_code


def _against(it: Against) -> Json:
    rows: list[Json] = [
        {
            "commit": one.commit,
            "writer": one.anchor.writer,
            "seq": one.anchor.seq,
            "hash": one.anchor.digest,
            "state": str(one.state),
            "since": one.since,
        }
        for one in it.anchors
    ]
    return {"revision": it.revision, "commits": it.commits, "holding": it.holding, "anchors": rows}
