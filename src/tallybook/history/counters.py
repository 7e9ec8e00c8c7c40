"""What many sessions had used before many moments, in one question for all of them."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.domain.quality import Quality, join
from tallybook.domain.sizes import CONTEXT_BANDS
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import ClassUsage, PriceClass, SessionKey, merge_classes
from tallybook.history.bands import BAND
from tallybook.history.portions import portions
from tallybook.history.sums import DAY, SUMS, day_of, used_before

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from tallybook.history.kin import Kin
    from tallybook.history.store import Store
    from tallybook.history.sums import Span

_END: Final = "end_of"
"""The first of a session's moments that comes after another one, in SQL: where neither the first nor the last does."""


class Counter(NamedTuple):
    """What a session had used."""

    classes: tuple[ClassUsage, ...]
    """Sorted by price class, each class once."""
    quality: Quality


Counters = Mapping[tuple[SessionKey, int], Counter]
"""By session and moment (microseconds, UTC)."""


def counters_before(store: Store, kin: Kin, asked: Mapping[SessionKey, Collection[int]]) -> Counters:
    """What sessions had used before moments, by the times in their logs, without those that logs don't tell of.

    The responses of a session are added up between its moments, so each of them is looked at once; a session with
    undated ones is asked for each of its moments, see ``sums``.
    """
    told = {key: one.span for key in asked if (one := kin.told(key)) is not None}
    undated = {number for (number,) in store.rows("SELECT session FROM response_context WHERE unit = 0")}
    dated = {key: span for key, span in told.items() if span.number not in undated}
    found = {
        (key, at): Counter(*used_before(store, span, at))
        for key, span in told.items()
        if span.number in undated
        for at in asked[key]
    }
    moments = {key: sorted(set(asked[key])) for key in dated}
    between = _between(store, {span.number: moments[key] for key, span in dated.items()})
    for key, span in dated.items():
        grown = _grown(span, moments[key], between)
        found.update(((key, at), counter) for at, counter in grown)
    return found


class _Sum(NamedTuple):
    """What one session used of one price class within a stretch of time."""

    quality: Quality
    usage: ClassUsage


def _between(store: Store, ends: Mapping[int, Sequence[int]]) -> Mapping[tuple[int, int], list[_Sum]]:
    """What was used within each stretch of a session between moments in order, by the session and the stretch's end."""
    words = dict(store.rows("SELECT id, text FROM word"))

    @cache
    def price_class(model: int, tier: int, band: int, day: int) -> PriceClass:
        return PriceClass(words[model], words[tier], CONTEXT_BANDS[band], day_of(day))

    def end(session: int, at: int) -> int:
        moments = ends[session]
        return moments[bisect_right(moments, at)]

    store.add_function(_END, end)
    found: dict[tuple[int, int], list[_Sum]] = defaultdict(list)
    asked = ((number, some[0], some[-2:][0], some[-1]) for number, some in ends.items() if some)
    for values in portions(asked):
        rows = store.rows(
            f"""WITH asked (session, first, before, last) AS (VALUES {values})
            SELECT r.session, CASE WHEN r.at < a.first THEN a.first WHEN r.at >= a.before THEN a.last
                ELSE {_END}(r.session, r.at) END, r.quality, r.model, r.tier, {BAND}, r.at / {DAY}, count(*),
                sum(r.web_searches), {SUMS}
            FROM asked a CROSS JOIN response r ON r.session = a.session AND r.at < a.last
            GROUP BY 1, 2, 3, 4, 5, 6, 7"""  # noqa: S608 - numbers
        )
        for session, until, quality, model, tier, band, day, count, searches, *parts in rows:
            usage = ClassUsage(price_class(model, tier, band, day), count, TokenVector(*parts), searches)
            found[session, until].append(_Sum(Quality(words[quality]), usage))
    return found


def _grown(
    span: Span, moments: Iterable[int], between: Mapping[tuple[int, int], list[_Sum]]
) -> Iterator[tuple[int, Counter]]:
    """The counter of one session at its moments, in the order of time."""
    qualities = {Quality.UNMEASURED} if span.silent else set()
    counter = Counter((), join(qualities) if qualities else Quality.EXACT)
    for at in moments:
        new = between.get((span.number, at))
        if new:
            qualities.update(one.quality for one in new)
            counter = Counter(merge_classes((*counter.classes, *(one.usage for one in new))), join(qualities))
        yield at, counter
