"""The responses behind a report of another tool: by period or session, and by all that a price depends on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.price_causes import THRESHOLD, Spent
from tallybook.domain.sizes import CONTEXT_BANDS, EDGES, context_band
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import PriceClass
from tallybook.history.bands import BAND
from tallybook.history.sums import SUMS, VECTOR, Places, Span
from tallybook.history.zones import DAY, Zone, local_day, stretches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.history.store import Store

_SECOND: Final = 1_000_000
_EPOCH: Final = date(1970, 1, 1)
_SMALL: Final = EDGES.index(THRESHOLD)
"""The last band below the threshold."""
_WORDS: Final = """JOIN session s ON s.id = r.session JOIN agent a ON a.id = s.agent
JOIN word m ON m.id = r.model JOIN word t ON t.id = r.tier"""


class Slice(msgspec.Struct, frozen=True):
    """Which responses, and what they are cut by."""

    zone: Zone
    by_session: bool = False
    """Else by day in the zone."""
    since: int | None = None
    """Microseconds since the epoch, UTC: this moment and later ones."""
    until: int | None = None

    def has(self, at: int) -> bool:
        """Whether a moment lies in it."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


class ReportPart(msgspec.Struct, frozen=True):
    """Some responses of one model in one period, or in one session."""

    period: str
    """``YYYY-MM-DD``, or the session."""
    model: str
    agent: str
    spent: Spent


def report_parts(store: Store, wanted: Slice) -> Iterator[ReportPart]:
    """All responses; those of large requests one by one, for other tools cut them at a threshold."""
    first, last = store.rows("SELECT min(first), max(latest) FROM response_context")[0]
    if first is not None:
        seconds = f"(r.at / {_SECOND})"
        day = local_day(seconds, stretches(wanted.zone, first // _SECOND, last // _SECOND + 1))
        period = "s.name" if wanted.by_session else day
        rows = store.rows(
            f"""SELECT {period}, a.name, m.text, t.text, {BAND}, r.at / {DAY * _SECOND}, count(*),
            sum(r.web_searches), {SUMS} FROM response r {_WORDS}
            WHERE r.at >= ? AND r.at < ?
            GROUP BY 1, 2, 3, 4, 5, 6, CASE WHEN {BAND} <= {_SMALL} THEN 0 ELSE r.source END,
            CASE WHEN {BAND} <= {_SMALL} THEN 0 ELSE r.offset END""",  # noqa: S608
            (first if wanted.since is None else wanted.since, last + 1 if wanted.until is None else wanted.until),
        )
        for name, agent, model, tier, band, number, count, searches, *parts in rows:
            price_class = PriceClass(model, tier, CONTEXT_BANDS[band], _day(number))
            spent = Spent(agent, price_class, TokenVector(*parts), count, searches)
            yield ReportPart(name if wanted.by_session else _day(name), model, agent, spent)
    yield from _undated(store, wanted)


def _undated(store: Store, wanted: Slice) -> Iterator[ReportPart]:
    """Responses without a time, each at the moment that stands for its own."""
    rows = store.rows(
        f"""SELECT r.session, s.born_at, s.last_at, s.name, a.name, m.text, t.text, r.source, r.offset,
        r.web_searches, {VECTOR} FROM undated r {_WORDS} ORDER BY r.session"""  # noqa: S608
    )
    places: dict[int, Places] = {}
    for number, born_at, last_at, session, agent, model, tier, source, offset, searches, *parts in rows:
        if number not in places:
            places = {number: Places(store, Span(number, born_at, last_at, silent=False))}
        at, tokens = places[number].moment(source, offset), TokenVector(*parts)
        if wanted.has(at):
            seconds = at // _SECOND
            day = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
            spent = Spent(agent, PriceClass(model, tier, context_band(tokens.context), day), tokens, 1, searches)
            here = _day((seconds + wanted.zone.offset(seconds)) // DAY)
            yield ReportPart(session if wanted.by_session else here, model, agent, spent)


def _day(number: int) -> str:
    return f"{_EPOCH + timedelta(days=number):%Y-%m-%d}"
