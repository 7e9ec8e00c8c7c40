"""P10: every question of `usage` on a made-up history of half a million responses, whose true sums are known.

As the command does it, with what each row costs; prices are looked up before the clock runs.
"""

from __future__ import annotations

import gc
import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from bench.table import Row

from tallybook.__main__ import RARELY
from tallybook.agents.port import Response
from tallybook.agents.registry import reader
from tallybook.domain.tokens import TokenVector
from tallybook.history.choice import Filter
from tallybook.history.facts import settle_sessions
from tallybook.history.names import agent_number
from tallybook.history.responses import Change, add_rows, named_row, numbered
from tallybook.history.rollup import roll
from tallybook.history.store import open_store
from tallybook.history.usage import DIMENSIONS, Query, usage
from tallybook.history.zones import NamedZone
from tallybook.pricing.book import GenaiBook
from tallybook.pricing.prices import Prices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.history.store import Store

RESPONSES, SESSIONS = 500_000, 5_000
BEGIN: Final = 1_767_225_600 * 1_000_000
"""The first of January 2026, in microseconds."""
YEAR: Final = 365 * 86_400 * 1_000_000
MODELS: Final = ("gpt-5", "gpt-5-codex", "claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5")
MOST: Final = 0.100
ROUNDS: Final = 20
PRICES: Final = Prices(GenaiBook())
NINETY_FIVE: Final = 19
"""Of ``ROUNDS`` sorted times, which one is the 95th percentile."""
QUESTIONS: Final = (
    *((name,) for name in DIMENSIONS),
    *(("day", "model"), ("session", "model"), ("agent", "block"), ("project", "month"), ()),
    *(("project", "block"), ("session", "block"), ("branch", "day")),
)
FILTERS: Final = (
    Filter(),
    Filter(since=BEGIN + YEAR // 2, models=("claude-*",), projects=("/src/p7",)),
    Filter(since=BEGIN + YEAR // 3 + 1, until=BEGIN + YEAR - 1),
)
"""The last one is not on the hour."""


def responses(here: str = "/src/p0") -> Iterator[Response]:
    """Sessions of a hundred responses, one every two minutes, all over the year; a tenth of them ``here``."""
    chance = random.Random(10)
    for number in range(SESSIONS):
        at = BEGIN + chance.randrange(YEAR)
        model, effort = chance.choice(MODELS), chance.choice(("low", "high"))
        for step in range(RESPONSES // SESSIONS):
            at += chance.randrange(240) * 1_000_000
            counts = [chance.randrange(10**4) for _ in range(5)]
            yield Response(
                key=f"r{number}-{step}",
                session=f"s{number}",
                source="log",
                offset=step,
                at=at,
                model=model,
                tokens=TokenVector(counts[0], counts[1], counts[2], 0, 0, counts[3] + counts[4], counts[4]),
                effort=effort,
                branch=f"b{number % 50}",
                cwd=f"/src/p{number % 40}" if number % 10 else here,
            )


def filled(store: Store, here: str = "/src/p0") -> Counter[str]:
    """Write them as an ingest does; the tokens of each model."""
    truth: Counter[str] = Counter()
    waiting: list[Response] = []
    for one in responses(here):
        truth[one.model] += one.tokens.total
        waiting.append(one)
        if len(waiting) == RESPONSES // 20:
            _write(store, waiting)
            waiting = []
    return truth


def _write(store: Store, some: list[Response]) -> None:
    with store.transaction() as connection:
        agent = agent_number(connection, reader("codex"))
        source = connection.execute(
            """INSERT INTO source (id, agent, key, path, compressed, dev, ino, size, mtime_ns, reader, revision, cursor,
            head_size, head, state, bad_lines, unknown_records, gone)
            VALUES (1, ?, 'log', x'', 0, 0, 0, 0, 0, '', 0, 0, 0, x'', x'', 0, 0, 0)
            ON CONFLICT DO UPDATE SET revision = 0 RETURNING id""",
            (agent,),
        ).fetchone()[0]
        rows = numbered(connection, agent, [named_row("codex", 0, one) for one in some], {"log": source})
        change = Change((), add_rows(connection, rows))
        roll(connection, change)
        settle_sessions(connection, change.sessions)


def rows() -> list[Row]:
    """The slowest question, and the middle one."""
    with tempfile.TemporaryDirectory() as directory, open_store(Path(directory)) as store:
        truth = filled(store)
        found = usage(store, Query(("model",), NamedZone(ZoneInfo("Europe/Berlin")), prices=PRICES))
        if {row.key[0]: row.tokens and row.tokens.total for row in found.rows} != truth:
            message = "the sums are not what was written"
            raise AssertionError(message)
        settle()
        times = sorted((_p95(store, by, where), by) for by in QUESTIONS for where in FILTERS)
    slowest, by = times[-1]
    many = f"of {len(times)} questions on {RESPONSES:,} responses with costs, in process, p95"
    middle = times[len(times) // 2][0]
    return [
        Row(
            "P10",
            f"the slowest ({', '.join(by)}) {many}",
            slowest * 1000,
            "ms",
            "",
            None,
            f"<= {MOST * 1000:g} ms",
            slowest <= MOST,
        ),
        Row("P10", f"the middle one {many}", middle * 1000, "ms", "", None, "", None),
    ]


def settle() -> None:
    """Collect as rarely as the command does, and never what was made to fill the history: no command holds that.

    What filled it is on the disk before the clock runs.
    """
    os.sync()
    gc.collect()
    gc.freeze()
    gc.set_threshold(RARELY)


def _p95(store: Store, by: tuple[str, ...], where: Filter) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        usage(store, Query(by, NamedZone(ZoneInfo("Europe/Berlin")), where, PRICES))
        times.append(time.perf_counter() - begin)
    return sorted(times)[NINETY_FIVE - 1]
