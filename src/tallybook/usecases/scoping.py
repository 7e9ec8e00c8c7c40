"""Which goals a question is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.goal import KINDS
from tallybook.domain.problems import Refusal
from tallybook.domain.shortfalls import Scope
from tallybook.history.zones import LocalZone
from tallybook.usecases.usage import period

if TYPE_CHECKING:
    from collections.abc import Iterable


def scope_of(since: str | None, until: str | None, kinds: Iterable[str]) -> Scope | Refusal:
    """Goals that were open since a date or time, and began by the end of one; of some kinds, or of all."""
    wanted = frozenset(kinds)
    strange = min(wanted.difference(KINDS), default=None)
    if strange is not None:
        return Refusal("unknown-kind", f"there is no kind {strange[:40]!r}", f"known: {', '.join(KINDS)}", usage=True)
    when = period(since, until, LocalZone())
    return when if isinstance(when, Refusal) else Scope(when.since, when.until, wanted)
