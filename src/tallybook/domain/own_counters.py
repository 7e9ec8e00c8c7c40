"""What an agent's own counters say of a session, and what they say beyond the responses that its logs itemise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

START: Final = "-start"
"""Where a counter stood before the session's first own response."""
BEFORE: Final = "-before"
"""What it had come to each time before it fell."""


def own_usage(counters: Mapping[str, TokenVector], scope: str) -> TokenVector | None:
    """What a running total says that the session itself has used; None where it was never told."""
    now = counters.get(scope)
    if now is None:
        return None
    return (now + counters.get(scope + BEFORE, TokenVector())).growth_since(counters.get(scope + START, TokenVector()))


class Snapshot(msgspec.Struct, frozen=True):
    """What a counter by models said at one moment."""

    run: str
    """The run that it belongs to; a fork goes on with its parent's."""
    at: int
    """Microseconds since the epoch, UTC."""
    models: dict[str, TokenVector]


def last_of(snapshots: Iterable[Snapshot]) -> Snapshot | None:
    """The last snapshot; of several at one moment the greatest, for a counter only grows."""
    return max(snapshots, key=_rank, default=None)


def session_counter(
    own: Iterable[Snapshot], parents: Iterable[Snapshot], born_at: int | None
) -> dict[str, TokenVector] | None:
    """What the last snapshot of a session says that the session itself has used, by model; None without any.

    A fork's counter starts where its parent's stood: what that said last before the fork was born is taken off, where
    both belong to one run. ``parents`` is empty for a session that is no fork.
    """
    last = last_of(own)
    if last is None:
        return None
    before = last_of(one for one in parents if one.run == last.run and (born_at is None or one.at <= born_at))
    start = before.models if before else {}
    grown = {model: tokens.growth_since(start.get(model, TokenVector())) for model, tokens in last.models.items()}
    return {model: tokens for model, tokens in grown.items() if any(tokens.parts())}


def _rank(snapshot: Snapshot) -> tuple[int, int]:
    return snapshot.at, sum(tokens.total for tokens in snapshot.models.values())


def not_itemised(
    counted: Mapping[str, TokenVector], responses: Iterable[tuple[str, TokenVector]]
) -> dict[str, TokenVector]:
    """What a counter has by model beyond the responses of all the session's logs, component by component.

    A component that the responses have more of counts 0: the counter is older than they are. Models of which nothing
    is left are not told. The result is never added to responses: it says what no log itemises.
    """
    told: dict[str, TokenVector] = {}
    for model, tokens in responses:
        told[model] = told.get(model, TokenVector()) + tokens
    rest = {model: _beyond(tokens, told.get(model, TokenVector())) for model, tokens in counted.items()}
    return {model: tokens for model, tokens in sorted(rest.items()) if any(tokens.parts())}


def _beyond(counter: TokenVector, told: TokenVector) -> TokenVector:
    """Cache writes are compared as a whole: a counter that does not split them has all of them in one part."""
    rest = counter.growth_since(told)
    written = max(counter.cache_write - told.cache_write, 0)
    split = (rest.cache_write_5m, rest.cache_write_1h, rest.cache_write_unknown)
    five, hour, unknown = split if sum(split) == written else (0, 0, written)
    return TokenVector(rest.input, rest.cache_read, five, hour, unknown, rest.output, min(rest.reasoning, rest.output))
