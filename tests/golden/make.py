"""Makes golden ledgers of the present version; a file that is there is never written anew: what was released stays.

What has come to the format since has a ledger of its own.

usage: PYTHONPATH=src:tests python -m golden.make NAME DIRECTORY
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from msgspec.structs import replace

from tallybook.domain import events as e
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import ClassUsage, PriceClass, SessionUsage, SnapshotReason
from tallybook.ledger.codec import encode
from tallybook.ledger.line import FIRST_PREV, Envelope, build

WRITER = "w-4f2a9c1e"
ONE, TWO, THREE, FOUR = (f"g260105-0000000{number}" for number in (1, 2, 3, 4))
AT = "2026-01-05T10:{:02}:00+00:00"


def usage(session: str, output: int, parent: str | None = None) -> SessionUsage:
    """The counter of a session, with all that it can hold."""
    kind = PriceClass("gpt-5", "priority", "≤272k", "2026-01-05")
    return SessionUsage(
        "codex", session, (ClassUsage(kind, output, TokenVector(10, 20, 1, 2, 3, output, 1)),), Quality.LOWER_BOUND,
        parent=parent, born_after_start=parent is not None, pending=output == 5, high_water="key",
        pending_call="call" if output == 5 else None, unreported=("cache_write_5m",),
    )  # fmt: skip


def bodies() -> list[tuple[str, e.Body]]:
    """Every type of event with every member, in an order that makes sense."""
    session = e.SessionRef("codex", "s1", "variable")
    snapshot = (usage("s1", 5), usage("s2", 1, parent="s1"))
    part = e.BackfilledPart(1, 0, usage("s4", 5, parent="s3"))
    return [
        (ONE, e.UsageSnapshot(SnapshotReason.START, (usage("s1", 2),), "codex/2")),
        (ONE, e.BudgetSet(1000, 5_000_000_000, "plan")),
        (ONE, e.GoalStarted("Fix the sum", "product", AT.format(1), "wt-0123456789", session, untracked=False,
                            agent="codex", model="gpt-5", notes="a note", refs=("ISSUE-1",), input_sources=("paper-1",),
                            branch="main", head="0" * 40)),
        (ONE, e.UsageSnapshot(SnapshotReason.MARK, snapshot, "codex/2")),
        (ONE, e.StageMarked("plan", AT.format(2), "first", "key-1")),
        (ONE, e.UsageSnapshot(SnapshotReason.SETTLE, (usage("s1", 6),), "codex/2",
                              settles="019b8d80-0000-7000-8000-000000000004")),
        (ONE, e.GoalContinued(AT.format(3), "model_mistake", "again", session)),
        (ONE, e.UsageSnapshot(SnapshotReason.FINISH, (usage("s1", 8),), "codex/2")),
        (ONE, e.GoalFinished("success", AT.format(4), None, "exact_fit", "done", session, "1" * 40, "0" * 16)),
        (TWO, e.GoalStarted("Check of paper-7", "check", AT.format(5), untracked=True, inputs=(ONE,),
                            source_id="paper-7", pass_number=2)),
        (TWO, e.GoalFinished("fail", AT.format(6), "other")),
        (TWO, e.GoalCorrected("success", AT.format(7), None, None, "better", "it was right")),
        (TWO, e.GoalCorrected("fail", AT.format(7), "other", None, "no", "it was not")),
        (TWO, e.GoalUpdated("Check of paper-8", "n", None, "gpt-5", ("R",), (ONE,), ("s",), 4, 1)),
        (TWO, e.UsageManual(TokenVector(1, 2, 0, 0, 3, 4, 1), ("cache_write_5m",), "gpt-5")),
        (ONE, e.GoalUpdated(result_fit="partial_fit")),
        (THREE, e.GoalStarted("Fix it anew", "product", AT.format(8), supersedes=ONE)),
        (THREE, e.GoalLinked("commit", "2" * 40, "trailer")),
        (THREE, e.GoalFinished("fail", AT.format(9), "tooling_issue", "miss")),
        (THREE, e.GoalCorrected("fail", AT.format(9), "other", "miss")),
        (THREE, e.UsageBackfilled(AT.format(8), AT.format(9),
                                  (e.BackfilledSession("worktree", usage("s4", 5, parent="s3"), (part,)),), "codex/2")),
        (FOUR, e.GoalStarted("Check it twice", "check", AT.format(5), untracked=True, source_id="paper-7")),
        (FOUR, e.GoalFinished("success", AT.format(6))),
        (TWO, e.GoalsMerged(FOUR)),
    ]  # fmt: skip


def imported() -> list[tuple[str, e.Body]]:
    """A goal that was imported, brought up to date, and imported by another clone before the two have met."""
    source = e.ImportSource("events", "2026-01-05-001", AT.format(3), ("outcome:0123456789ab", "title:0123456789ab"))
    later = e.ImportSource("events", "2026-01-05-001", AT.format(5), ("title:ba9876543210",))
    start = e.GoalStarted("Fix the sum", "product", AT.format(1), untracked=True, agent="codex",
                          refs=("events:2026-01-05-001",), source=source)  # fmt: skip
    return [
        (ONE, start),
        (ONE, e.GoalContinued(AT.format(2), "model_mistake", number=2)),
        (ONE, e.GoalFinished("success", AT.format(3))),
        (ONE, e.GoalUpdated("Fix all sums", source=later)),
        (ONE, start),
        (ONE, e.GoalContinued(AT.format(2), "model_mistake", number=2)),
        (ONE, e.GoalFinished("success", AT.format(3))),
    ]


def searched() -> list[tuple[str, e.Body]]:
    """Searches of the web are told from the second snapshot on, and bands of contexts that tell both their ends."""

    def told(number: int, counter: SessionUsage) -> SessionUsage:
        return replace(counter, classes=tuple(replace(it, web_searches=number) for it in counter.classes))

    def sized(counter: SessionUsage) -> SessionUsage:
        finer = [
            replace(it, price_class=replace(it.price_class, context=context))
            for it in counter.classes
            for context in ("100k-128k", "≤100k")
        ]
        return replace(counter, classes=tuple(finer))

    before, part = sized(told(1, usage("s2", 7))), e.BackfilledPart(1, 0, sized(told(2, usage("s2", 8))))
    return [
        (ONE, e.UsageSnapshot(SnapshotReason.START, (usage("s1", 2),), "codex/2")),
        (ONE, e.GoalStarted("Look it up", "product", AT.format(1), session=e.SessionRef("codex", "s1", "flag"))),
        (ONE, e.UsageSnapshot(SnapshotReason.MARK, (told(1, usage("s1", 3)),), "codex/2")),
        (ONE, e.StageMarked("plan", AT.format(2))),
        (ONE, e.UsageSnapshot(SnapshotReason.FINISH, (told(2, usage("s1", 6)),), "codex/2")),
        (ONE, e.GoalFinished("success", AT.format(3))),
        (TWO, e.GoalStarted("Look elsewhere", "product", AT.format(4), untracked=True)),
        (TWO, e.GoalFinished("success", AT.format(5))),
        (TWO, e.UsageBackfilled(AT.format(4), AT.format(5),
                                (e.BackfilledSession("worktree", before, (part,)),), "codex/2")),
    ]  # fmt: skip


LEDGERS = {"v1": bodies, "v1-import": imported, "v1-searches": searched}


def lines(name: str) -> list[bytes]:
    """One writer's file."""
    prev, found = FIRST_PREV, []
    for number, (goal, body) in enumerate(LEDGERS[name](), 1):
        identity = f"019b8d80-0000-7000-8000-{number:012}"
        envelope = Envelope(
            identity, WRITER, number, prev, f"2026-01-05T10:00:00.{number:06}Z", f"{1767607200000 + number}-0000",
            body.TYPE, goal,
        )  # fmt: skip
        line, raw = build(envelope, encode(body))
        found.append(line)
        prev = raw.digest
    return found


def main() -> None:
    """Write the ledger; what it comes to is written by hand, after a look."""
    name, target = sys.argv[1], Path(sys.argv[2])
    target.mkdir(parents=True)
    (target / f"{WRITER}.ndjson").write_bytes(b"".join(line + b"\n" for line in lines(name)))
    sys.stdout.write(json.dumps({"lines": len(lines(name))}) + "\n")


if __name__ == "__main__":
    main()
