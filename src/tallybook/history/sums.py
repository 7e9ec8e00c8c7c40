"""Adds up the responses of one session by all that a price can depend on; undated ones are placed, never dropped."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.domain.quality import Quality, join
from tallybook.domain.sizes import CONTEXT_BANDS, context_band
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import ClassUsage, PriceClass, merge_classes
from tallybook.history.bands import BAND
from tallybook.history.grain import QUARTER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.history.store import Store

SUMS: Final = """coalesce(sum(r.input), 0), coalesce(sum(r.cache_read), 0), coalesce(sum(r.cache_write_5m), 0),
coalesce(sum(r.cache_write_1h), 0), coalesce(sum(r.cache_write_unknown), 0),
coalesce(sum(r.output), 0), coalesce(sum(r.reasoning), 0)"""
"""Of responses ``r``, in the order of the token vector."""
VECTOR: Final = """r.input, r.cache_read, r.cache_write_5m, r.cache_write_1h, r.cache_write_unknown,
r.output, r.reasoning"""
"""Of one response ``r``, in the same order."""
_UP_TO: Final = "r.session = ? AND NOT (r.source = ? AND r.offset > ?)"
_BEFORE: Final = "r.session = ? AND (r.at < ? OR r.at IS NULL)"
_ALL: Final = "r.session = ?"
DAY: Final = 86_400_000_000
"""In microseconds."""
_KEPT_SUMS: Final = f"""SELECT r.quality, r.model, r.tier, r.band, r.quarter / {DAY // QUARTER}, sum(r.responses),
sum(r.web_searches), {SUMS} FROM rollup r WHERE {_ALL} GROUP BY 1, 2, 3, 4, 5"""  # noqa: S608
_EPOCH: Final = date(1970, 1, 1)


class Span(msgspec.Struct, frozen=True):
    """A session of the store, as far as sums depend on it."""

    number: int
    born_at: int | None
    """Microseconds since the epoch, UTC."""
    last_at: int | None
    silent: bool
    """It may hold answers whose usage was never logged."""


def used(store: Store, session: Span) -> tuple[tuple[ClassUsage, ...], Quality]:
    """The sums by price class, sorted, and their quality.

    What is dated was added up when it was written: a session may have tens of thousands of responses.
    """
    return _added_up(store, session, store.rows(_KEPT_SUMS, (session.number,)), _Chosen(_ALL, (session.number,)))


def used_through(store: Store, session: Span, end: tuple[int, int]) -> tuple[tuple[ClassUsage, ...], Quality]:
    """The same without what stands behind ``end``, an offset in a log."""
    chosen = _Chosen(_UP_TO, (session.number, *end))
    return _added_up(store, session, _dated(store, chosen), chosen)


def used_before(store: Store, session: Span, at: int) -> tuple[tuple[ClassUsage, ...], Quality]:
    """The same without what came at a moment (microseconds, UTC) or later."""
    chosen = _Chosen(_BEFORE, (session.number, at), at)
    return _added_up(store, session, _dated(store, chosen), chosen)


class _Chosen(msgspec.Struct, frozen=True):
    """Some responses ``r`` of one session."""

    condition: str
    values: tuple[int, ...]
    until: int | None = None
    """The moment before which an undated one must be placed."""


def _dated(store: Store, chosen: _Chosen) -> list[tuple[Any, ...]]:
    """Grouped by numbers, and named afterwards."""
    return store.rows(
        f"""SELECT r.quality, r.model, r.tier, {BAND}, r.at / {DAY}, count(*), sum(r.web_searches), {SUMS}
        FROM response r WHERE {chosen.condition} AND r.at IS NOT NULL GROUP BY 1, 2, 3, 4, 5""",  # noqa: S608
        chosen.values,
    )


def _added_up(
    store: Store, session: Span, dated: Sequence[tuple[Any, ...]], chosen: _Chosen
) -> tuple[tuple[ClassUsage, ...], Quality]:
    words = dict(store.rows("SELECT id, text FROM word"))
    qualities = {Quality(words[row[0]]) for row in dated}
    classes = [
        ClassUsage(
            PriceClass(words[model], words[tier], CONTEXT_BANDS[band], day_of(day)),
            count,
            TokenVector(*parts),
            searches,
        )
        for _, model, tier, band, day, count, searches, *parts in dated
    ]
    undated = store.rows(
        f"""SELECT r.source, r.offset, r.quality, r.model, r.tier, r.web_searches, {VECTOR}
        FROM undated r WHERE {chosen.condition}""",  # noqa: S608
        chosen.values,
    )
    if undated:
        places = Places(store, session)
        for source, offset, quality, model, tier, searches, *parts in undated:
            at = places.moment(source, offset)
            if chosen.until is None or at < chosen.until:
                classes.append(_placed(at, (words[model], words[tier]), TokenVector(*parts), searches))
                qualities |= {Quality(words[quality]), Quality.ESTIMATED}
    if session.silent:
        qualities.add(Quality.UNMEASURED)
    return merge_classes(classes), join(qualities) if qualities else Quality.EXACT


def day_of(number: int) -> str:
    """The UTC day, ``YYYY-MM-DD``, from how many came since 1970-01-01."""
    return f"{_EPOCH + timedelta(days=number):%Y-%m-%d}"


def _placed(at: int, names: tuple[str, str], tokens: TokenVector, searches: int) -> ClassUsage:
    """An undated response on the day of the moment that stands for its own."""
    day = f"{datetime.fromtimestamp(at // 1_000_000, UTC):%Y-%m-%d}"
    return ClassUsage(PriceClass(*names, context_band(tokens.context), day), 1, tokens, searches)


class Places:
    """Moments for the undated responses of one session: of the nearest dated one in the same log, else its first."""

    def __init__(self, store: Store, session: Span) -> None:
        self._store = store
        self._near: dict[int, list[tuple[int, int]]] = defaultdict(list)
        dated = store.rows(
            "SELECT source, offset, at FROM response WHERE session = ? AND at IS NOT NULL ORDER BY at, source, offset",
            (session.number,),
        )
        for source, offset, at in dated:
            self._near[source].append((offset, at))
        known = [at for _, _, at in dated[:1]] + [at for at in (session.born_at, session.last_at) if at is not None]
        self._known = known[0] if known else None

    def moment(self, source: int, offset: int) -> int:
        """Microseconds since the epoch for the response at this place."""
        same = min(self._near[source], key=lambda one: (abs(one[0] - offset), one), default=None)
        if same is not None:
            return same[1]
        return _file_time(self._store, source) if self._known is None else self._known


def _file_time(store: Store, source: int) -> int:
    return int(store.rows("SELECT mtime_ns / 1000 FROM source WHERE id = ?", (source,))[0][0])
