"""``cost-state``: what Claude Code itself says that a session has used, with the calls that no row shows.

It has no time of its own and is written again and again; each is told with the moment of the last dated record before
it. A fork goes on from its parent's, with the same ``startTime``: by that and the moment its beginning is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.port import OwnCounter
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.agents.claude_code.records import CostState

SCOPE: Final = "cost-state"
_LARGEST: Final = 2**53
_LONGEST: Final = 200
_MILLISECOND: Final = 1000


def counters(state: CostState, session: str, at: int | None) -> Iterator[OwnCounter]:
    """One counter for each model."""
    if not isinstance(state.models, dict):
        return
    start = state.start if type(state.start) is int and 0 <= state.start < _LARGEST else 0
    scope = f"{SCOPE}:{start}:{0 if at is None else at // _MILLISECOND}"
    for model, told in state.models.items():
        if isinstance(told, dict) and 0 < len(model) <= _LONGEST:
            tokens, split = _tokens(told)
            unreported = () if split else ("cache_write_5m", "cache_write_1h")
            yield OwnCounter(session, at, scope, model, tokens, unreported)


def _tokens(told: dict[str, object]) -> tuple[TokenVector, bool]:
    written = _count(told, "cacheCreationInputTokens")
    five = _count(told, "cacheCreationEphemeral5mInputTokens")
    hour = _count(told, "cacheCreationEphemeral1hInputTokens")
    split = "cacheCreationEphemeral5mInputTokens" in told and five + hour <= written
    five, hour = (five, hour) if split else (0, 0)
    output = _count(told, "outputTokens")
    reasoning = min(_count(told, "thinkingTokens"), output)
    read = _count(told, "cacheReadInputTokens")
    return TokenVector(_count(told, "inputTokens"), read, five, hour, written - five - hour, output, reasoning), split


def _count(told: dict[str, object], name: str) -> int:
    count = told.get(name)
    return count if type(count) is int and 0 <= count < _LARGEST else 0
