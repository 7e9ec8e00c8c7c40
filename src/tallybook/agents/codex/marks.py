"""What stands around each response: its model, its tier, the tool calls it issued, a compaction that left no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tallybook.agents.codex.facts import (
    AnyFact,
    Call,
    Compacted,
    Context,
    Record,
    Search,
    Settings,
    Stop,
    Turn,
    Window,
)

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
    turn: str | None = None
    effort: str | None = None
    cwd: str | None = None
    provider: str | None = None
    window: int | None = None
    searches: int = 0
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

    first: Context
    """The first one that names a model."""
    recorded: bool
    """Whether usage records tell of responses by now: a thread that an older version began goes on with them."""
    context: Context
    """The last one that names a model."""
    chosen: Settings
    """The last ones that name a model."""
    tier: str
    turn: str | None
    window: int | None
    calls: tuple[str, ...]
    """Tool calls since the last response."""
    searches: int
    """Searches since then."""


class Walk:
    """One walk along the facts of a file."""

    def __init__(self, facts: Sequence[AnyFact]) -> None:
        contexts = [fact for fact in facts if type(fact) is Context and fact.model]
        self._by_turn = {fact.turn: fact for fact in contexts if fact.turn}
        self._first = contexts[0] if contexts else Context(-1, None, None)
        self._recorded = False
        self._context = Context(-1, None, None)
        self._chosen = Settings(-1, None, None, None)
        self._tier = STANDARD
        self._turn: str | None = None
        self._window: int | None = None
        self._calls: list[str] = []
        self._searches = 0
        self._latest: Mark | None = None
        self._bare = False
        self.marks: dict[int, Mark] = {}

    @property
    def standing(self) -> Standing:
        """Where the walk has come to."""
        return Standing(
            first=self._first,
            recorded=self._recorded,
            context=self._context,
            chosen=self._chosen,
            tier=self._tier,
            turn=self._turn,
            window=self._window,
            calls=tuple(self._calls),
            searches=self._searches,
        )

    def pass_by(self, index: int, fact: AnyFact, counted: Container[int]) -> None:
        """Take up one fact."""
        if index in counted:
            self._mark(index, self._turn)
            return
        if type(fact) is Call:  # quicker than a match, and there are very many facts
            self._calls.append(fact.call)
        elif type(fact) is Turn:
            self._turn = fact.turn
            self._calls, self._bare = [], False
        elif type(fact) is Record:
            self._recorded = True
            self._mark(index, fact.turn)
        elif type(fact) is Stop:
            self._calls = []
        elif type(fact) is Search:
            self._searches += 1
        elif type(fact) is Compacted:
            self._compact()
        else:
            self._choose(fact)

    def _choose(self, fact: AnyFact) -> None:
        """What responses are to run with."""
        if type(fact) is Context:
            self._turn = fact.turn or self._turn
            self._context = fact if fact.model else self._context
        elif type(fact) is Settings:
            self._chosen = fact if fact.model else self._chosen
            self._tier = _TIERS.get(fact.tier or "", fact.tier or STANDARD)
        elif type(fact) is Window:
            self._window = fact.size

    def _mark(self, index: int, turn: str | None) -> None:
        calls, self._calls = tuple(dict.fromkeys(self._calls)), []
        searches, self._searches = self._searches, 0
        context = self._context_of(turn)
        self._latest = self.marks[index] = Mark(
            model=context.model or self._chosen.model or self._first.model or UNKNOWN,
            tier=self._tier,
            calls=calls,
            turn=turn,
            effort=context.effort if context.model else self._chosen.effort or self._first.effort,
            cwd=context.cwd,
            provider=self._chosen.provider,
            window=self._window,
            searches=searches,
        )
        self._bare = not calls

    def _context_of(self, turn: str | None) -> Context:
        same = self._by_turn.get(turn) if turn is not None and self._context.turn != turn else None
        return same or self._context

    def _compact(self) -> None:
        """A local compaction is the response right before it; a remote one was not counted before 0.153.

        Since then its record stands before it, so that a thread of several versions is judged place by place.
        """
        if self._latest is not None and not self._bare and not self._recorded:
            self._latest.compacted = True
