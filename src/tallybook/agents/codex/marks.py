"""What stands around each response: its model, its tier, the tool calls it issued, a compaction that left no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tallybook.agents.codex.facts import AnyFact, Call, Compacted, Context, Record, Settings, Stop, Turn

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from tallybook.agents.codex.threads import Thread

UNKNOWN: Final = "unknown"
STANDARD: Final = "standard"
_TIERS: Final = {"default": STANDARD, "": STANDARD}


class Mark(msgspec.Struct):
    """What stands around one response."""

    model: str
    tier: str
    calls: tuple[str, ...]
    compacted: bool = False
    """A compaction followed whose own usage was not logged (before 0.153)."""


def marks_of(thread: Thread) -> dict[int, Mark]:
    """The mark of every record and of every step that no record covers, by the index of its fact."""
    return walk_along(thread).marks


def walk_along(thread: Thread) -> Walk:
    """A walk along all facts of a thread."""
    counted = {step.index for step in thread.steps} - thread.covered
    walk = Walk(thread.facts)
    for index, fact in enumerate(thread.facts):
        walk.pass_by(index, fact, counted)
    return walk


class Standing(NamedTuple):
    """All that the marks to come depend on, but for compactions and for what contexts say of turns."""

    first: str | None
    """The first model that is named."""
    recorded: bool
    """Whether usage records tell of responses."""
    context: Context
    """The last one that names a model."""
    chosen: str | None
    tier: str
    turn: str | None
    calls: tuple[str, ...]
    """Tool calls since the last response."""


class Walk:
    """One walk along the facts of a file."""

    def __init__(self, facts: Sequence[AnyFact]) -> None:
        contexts = [fact for fact in facts if isinstance(fact, Context) and fact.model]
        self._by_turn = {fact.turn: fact.model for fact in contexts if fact.turn}
        self._first = contexts[0].model if contexts else None
        self._recorded = any(isinstance(fact, Record) for fact in facts)
        self._context = Context(-1, None, None)
        self._chosen: str | None = None
        self._tier = STANDARD
        self._turn: str | None = None
        self._calls: list[str] = []
        self._latest: Mark | None = None
        self._bare = False
        self.marks: dict[int, Mark] = {}

    @property
    def standing(self) -> Standing:
        """Where the walk has come to."""
        return Standing(
            self._first, self._recorded, self._context, self._chosen, self._tier, self._turn, tuple(self._calls)
        )

    def pass_by(self, index: int, fact: AnyFact, counted: Container[int]) -> None:
        """Take up one fact."""
        match fact:
            case Turn(turn=turn):
                self._turn = turn
                self._calls, self._bare = [], False
            case Stop():
                self._calls = []
            case Context():
                self._turn = fact.turn or self._turn
                self._context = fact if fact.model else self._context
            case Settings():
                self._chosen = fact.model or self._chosen
                self._tier = _TIERS.get(fact.tier or "", fact.tier or STANDARD)
            case Call(call=call):
                self._calls.append(call)
            case Record(turn=turn):
                self._mark(index, turn)
            case Compacted():
                self._compact()
            case _ if index in counted:
                self._mark(index, self._turn)
            case _:
                pass

    def _mark(self, index: int, turn: str | None) -> None:
        calls, self._calls = tuple(dict.fromkeys(self._calls)), []
        self._latest = self.marks[index] = Mark(self._model(turn), self._tier, calls)
        self._bare = not calls

    def _model(self, turn: str | None) -> str:
        if turn is not None and self._context.turn != turn and (same := self._by_turn.get(turn)):
            return same
        return self._context.model or self._chosen or self._first or UNKNOWN

    def _compact(self) -> None:
        """A local compaction is the response right before it; a remote one was not counted before 0.153."""
        if self._latest is not None and not self._bare and not self._recorded:
            self._latest.compacted = True
