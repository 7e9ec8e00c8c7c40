"""Which goals there are and which are open, for the hooks: a small fold over few event types.

Standard library only, so that a hook starts fast. It opens and closes goals by the same rules, in the same order, as
the full replay does.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from tallybook.ledger.file import OS_FILES, FileSystem, opened
from tallybook.ledger.identity import survey
from tallybook.ledger.line import Fault, RawEvent, parse
from tallybook.ledger.scan import ledger_files, lines
from tallybook.ledger.seal import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_OUTCOMES = ("success", "fail")


class GoalEntry(NamedTuple):
    """One goal, as much of it as a hook needs."""

    id: str
    title: str
    kind: str
    worktree: str | None
    writer: str
    """The writer that started it."""
    activated: tuple[str, str, int]
    """(hlc, writer, seq) of its last start or continuation."""
    outcome: str | None = None
    """``success`` or ``fail``; None while it has none."""
    merged_into: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether commands can still be run for it."""
        return self.outcome is None and self.merged_into is None


class GoalIndex(NamedTuple):
    """The goals of a ledger, as far as they matter: the open ones at least."""

    goals: dict[str, GoalEntry]
    """By id."""
    listed: str = ""
    """Ids of more goals as JSON, a newline before and behind each."""

    def knows(self, goal: str) -> bool:
        """Whether there is such a goal."""
        return goal in self.goals or f"\n{one_line(goal)}\n" in self.listed


def read_index(home: Path, published: Path | None, files: FileSystem = OS_FILES) -> GoalIndex:
    """Fold all files of both directories; lines and files that can't be read are passed over."""
    events: dict[str, RawEvent] = {}
    for event in _events(files, [home] if published is None else [home, published]):
        if concerns(event):
            known = events.get(event.envelope.id)
            if known is None or order_of(event) < order_of(known):
                events[event.envelope.id] = event
    index = GoalIndex({})
    for event in sorted(events.values(), key=lambda event: (order_of(event), event.envelope.id)):
        apply(index, event)
    return index


def concerns(event: RawEvent) -> bool:
    """Whether the event opens, closes or names goals."""
    return event.envelope.type in _RULES


def apply(index: GoalIndex, event: RawEvent) -> None:
    """Bring the index forward by one event that concerns it."""
    if event.envelope.type != "goal_started" or not index.knows(event.envelope.goal):
        _RULES[event.envelope.type](index.goals, event)


def goals_in(contents: Iterable[bytes]) -> set[str]:
    """The goals that are started in the bytes of ledger files; what is no line of a ledger is passed over."""
    found = (parse(line) for data in contents for line in data.split(b"\n"))
    return {
        event.envelope.goal for event in found if not isinstance(event, Fault) and event.envelope.type == "goal_started"
    }


def this_clone(home: Path, identity: Path, files: FileSystem = OS_FILES) -> frozenset[str]:
    """The writers of the clone that ``identity`` marks: the current one and those before it."""
    return survey(files, home, identity).ids


def open_here(index: GoalIndex, writers: Iterable[str], worktree: str | None) -> list[GoalEntry]:
    """The open goals that these writers started in this worktree, the one activated last at the end."""
    own = frozenset(writers)
    here = [
        entry for entry in index.goals.values() if entry.is_open and entry.writer in own and entry.worktree == worktree
    ]
    return sorted(here, key=lambda entry: entry.activated)


def _events(files: FileSystem, directories: list[Path]) -> Iterable[RawEvent]:
    for directory in directories:
        try:
            paths = ledger_files(files, directory)
        except OSError:
            continue
        for path in paths:
            try:
                with opened(files, path, os.O_RDONLY) as source:
                    for line in lines(files, source):
                        event = parse(line.raw)
                        if line.complete and not isinstance(event, Fault):
                            yield event
            except OSError:
                continue


def order_of(event: RawEvent) -> tuple[str, str, int]:
    """Its place in the total order of all events."""
    return (event.envelope.hlc, event.envelope.writer, event.envelope.seq)


def _started(goals: dict[str, GoalEntry], event: RawEvent) -> None:
    goal, body = event.envelope.goal, event.body
    title, kind, worktree = body.get("title"), body.get("kind"), body.get("worktree")
    if isinstance(title, str) and isinstance(kind, str) and isinstance(worktree, str | None):
        goals[goal] = GoalEntry(goal, title, kind, worktree, event.envelope.writer, order_of(event))


def _continued(goals: dict[str, GoalEntry], event: RawEvent) -> None:
    entry = goals.get(event.envelope.goal)
    if entry is not None and entry.is_open:
        goals[entry.id] = entry._replace(activated=order_of(event))


def _finished(goals: dict[str, GoalEntry], event: RawEvent) -> None:
    entry, status = goals.get(event.envelope.goal), event.body.get("status")
    if entry is not None and isinstance(status, str) and status in _OUTCOMES:
        goals[entry.id] = entry._replace(outcome=status)


def _corrected(goals: dict[str, GoalEntry], event: RawEvent) -> None:
    entry = goals.get(event.envelope.goal)
    if entry is not None and entry.outcome is not None:
        _finished(goals, event)


def _updated(goals: dict[str, GoalEntry], event: RawEvent) -> None:
    entry, title = goals.get(event.envelope.goal), event.body.get("title")
    if entry is not None and isinstance(title, str):
        goals[entry.id] = entry._replace(title=title)


def _merged(goals: dict[str, GoalEntry], event: RawEvent) -> None:
    keep, dropped = goals.get(event.envelope.goal), event.body.get("dropped")
    drop = goals.get(dropped) if isinstance(dropped, str) else None
    if keep is None or drop is None or drop.merged_into is not None:
        return
    last = keep
    while last.merged_into is not None:
        last = goals[last.merged_into]
    if last.id != drop.id:
        both = keep.is_open and drop.is_open
        goals[keep.id] = keep._replace(activated=max(keep.activated, drop.activated) if both else keep.activated)
        goals[drop.id] = drop._replace(merged_into=keep.id)


_RULES: dict[str, Callable[[dict[str, GoalEntry], RawEvent], None]] = {
    "goal_started": _started,
    "goal_continued": _continued,
    "goal_finished": _finished,
    "goal_corrected": _corrected,
    "goal_updated": _updated,
    "goals_merged": _merged,
}
