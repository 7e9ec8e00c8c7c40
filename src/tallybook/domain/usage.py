"""Usage snapshots: what a session had used up to one moment, by price class."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector, total_of

if TYPE_CHECKING:
    from collections.abc import Iterable


class SnapshotReason(StrEnum):
    """The command that asked for the snapshot."""

    START = "start"
    CONTINUE = "continue"
    MARK = "mark"
    FINISH = "finish"
    MERGE = "merge"
    SETTLE = "settle"


class PriceClass(msgspec.Struct, frozen=True, order=True, gc=False, cache_hash=True):
    """All that a price can depend on, besides the tokens themselves."""

    model: str
    tier: str
    """Service tier as logged, ``standard`` where the log names none."""
    context: str
    """Context band of the single request, see ``sizes.context_band``."""
    day: str
    """UTC day of the response, ``YYYY-MM-DD``."""


class ClassUsage(msgspec.Struct, frozen=True, gc=False):
    """The responses of one price class, counted and added up."""

    price_class: PriceClass
    responses: int
    tokens: TokenVector
    web_searches: int | None = None
    """Searches of the web that these responses made, each of which may have a fee; None where nobody counted them."""


class SessionKey(msgspec.Struct, frozen=True, order=True, gc=False, cache_hash=True):
    """One conversation of one agent."""

    agent: str
    session: str


class SessionUsage(msgspec.Struct, frozen=True, gc=False):
    """The counter of one session at one moment."""

    agent: str
    session: str
    classes: tuple[ClassUsage, ...]
    """Sorted by price class, each class once."""
    quality: Quality
    parent: str | None = None
    """The session (of the same agent) that spawned this one; a fork has none."""
    born_after_start: bool = False
    """The session began after the start of the goal that this snapshot is for."""
    pending: bool = False
    """A tool call is logged whose response has no final usage yet."""
    high_water: str | None = None
    """Key of the last response counted here."""
    pending_call: str | None = None
    """Id of the tool call whose response is not counted here yet."""
    unreported: tuple[str, ...] = ()
    """Components of the token vector that this agent does not log."""

    @property
    def key(self) -> SessionKey:
        """The session's identity."""
        return _session_key(self.agent, self.session)

    @property
    def tokens(self) -> TokenVector:
        """The sum over all price classes."""
        return total_of(usage.tokens for usage in self.classes)


_session_key: Final = lru_cache(maxsize=1024)(SessionKey)
"""One object for all snapshots of a session: tables find it at once, and keep it once."""


def merge_classes(usages: Iterable[ClassUsage]) -> tuple[ClassUsage, ...]:
    """Add up by price class; sorted, each class once."""
    found: dict[PriceClass, list[ClassUsage]] = {}
    for usage in usages:
        found.setdefault(usage.price_class, []).append(usage)
    return tuple(
        ClassUsage(
            price_class,
            sum(part.responses for part in parts),
            total_of(part.tokens for part in parts),
            searches_of(parts),
        )
        for price_class, parts in sorted(found.items())
    )


def searches_of(usages: Iterable[ClassUsage]) -> int | None:
    """All their searches of the web; None if some of them were not counted."""
    total = 0
    for usage in usages:
        if usage.web_searches is None:
            return None
        total += usage.web_searches
    return total
