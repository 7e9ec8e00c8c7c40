"""Adds up the responses of one session by all that a price can depend on; undated ones are placed, never dropped."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.domain.quality import Quality, join
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import CONTEXT_BANDS, LONGEST_BAND, ClassUsage, PriceClass, context_band, merge_classes

if TYPE_CHECKING:
    from tallybook.history.store import Store

SUMS: Final = """coalesce(sum(r.input), 0), coalesce(sum(r.cache_read), 0), coalesce(sum(r.cache_write_5m), 0),
coalesce(sum(r.cache_write_1h), 0), coalesce(sum(r.cache_write_unknown), 0),
coalesce(sum(r.output), 0), coalesce(sum(r.reasoning), 0)"""
"""Of responses ``r``, in the order of the token vector."""
VECTOR: Final = """r.input, r.cache_read, r.cache_write_5m, r.cache_write_1h, r.cache_write_unknown,
r.output, r.reasoning"""
"""Of one response ``r``, in the same order."""
_CONTEXT: Final = "r.input + r.cache_read + r.cache_write_5m + r.cache_write_1h + r.cache_write_unknown"
_BANDS: Final = (*(name for _, name in CONTEXT_BANDS), LONGEST_BAND)
_BAND: Final = f"""CASE {" ".join(f"WHEN {_CONTEXT} <= {most} THEN {n}" for n, (most, _) in enumerate(CONTEXT_BANDS))}
ELSE {len(CONTEXT_BANDS)} END"""
_WORDS: Final = "JOIN word m ON m.id = r.model JOIN word t ON t.id = r.tier"
_UP_TO: Final = "r.session = ? AND NOT (r.source = ? AND r.offset > ?)"
_DAY: Final = 86_400_000_000
"""In microseconds."""
_DAY_AT: Final = 4
_EPOCH: Final = date(1970, 1, 1)


class Span(msgspec.Struct, frozen=True):
    """A session of the store, as far as sums depend on it."""

    number: int
    born_at: int | None
    """Microseconds since the epoch, UTC."""
    last_at: int | None
    silent: bool
    """It may hold answers whose usage was never logged."""


def used(store: Store, session: Span, end: tuple[int, int]) -> tuple[tuple[ClassUsage, ...], Quality]:
    """The sums by price class, sorted, and their quality; without what stands behind ``end``, a log and an offset."""
    values = (session.number, *end)
    # Grouped by numbers, and named afterwards: a session may have tens of thousands of responses.
    rows = store.rows(
        f"""SELECT r.quality, r.model, r.tier, {_BAND}, r.at / {_DAY}, count(*), {SUMS}
        FROM response r WHERE {_UP_TO} GROUP BY 1, 2, 3, 4, 5""",  # noqa: S608
        values,
    )
    words = dict(store.rows("SELECT id, text FROM word"))
    qualities = {Quality(words[row[0]]) for row in rows}
    classes = [
        ClassUsage(PriceClass(words[model], words[tier], _BANDS[band], _day(day)), count, TokenVector(*parts))
        for _, model, tier, band, day, count, *parts in rows
        if day is not None
    ]
    if any(row[_DAY_AT] is None for row in rows):
        undated = store.rows(
            f"""SELECT m.text, t.text, r.source, r.offset, {VECTOR}
            FROM response r {_WORDS} WHERE {_UP_TO} AND r.at IS NULL""",  # noqa: S608
            values,
        )
        classes.extend(_placed(store, session, undated))
        qualities.add(Quality.ESTIMATED)
    if session.silent:
        qualities.add(Quality.UNMEASURED)
    return merge_classes(classes), join(qualities) if qualities else Quality.EXACT


def _day(number: int) -> str:
    return f"{_EPOCH + timedelta(days=number):%Y-%m-%d}"


def _placed(store: Store, session: Span, undated: list[tuple[Any, ...]]) -> list[ClassUsage]:
    """Undated responses on the day of the moment that stands for theirs."""
    places = Places(store, session)
    classes = []
    for model, tier, source, offset, *parts in undated:
        tokens = TokenVector(*parts)
        day = f"{datetime.fromtimestamp(places.moment(source, offset) // 1_000_000, UTC):%Y-%m-%d}"
        classes.append(ClassUsage(PriceClass(model, tier, context_band(tokens.context), day), 1, tokens))
    return classes


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
