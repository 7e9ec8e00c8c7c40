"""Sums of responses by session and hour, or part of one (see ``grain``), kept by what each write removes and adds.

Only dated responses are in it; the few others are looked at one by one.
"""

from __future__ import annotations

from operator import add, itemgetter, sub
from typing import TYPE_CHECKING, Final

from tallybook.history.bands import BAND, band
from tallybook.history.grain import QUARTER, grain_of
from tallybook.history.responses import COLUMNS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from tallybook.history.responses import Change, Row

_WORDS: Final = ("model", "tier", "quality", "effort", "branch", "cwd", "provider")
KEYS: Final = ("session", "quarter", *_WORDS, "band")
"""What its rows are by; 0 where a response has none. The quarter is the first of the hour, or of the part of it."""
COMPONENTS: Final = (
    *("input", "cache_read", "cache_write_5m", "cache_write_1h", "cache_write_unknown", "output", "reasoning"),
)
SUMS: Final = ("responses", *COMPONENTS, "web_searches")
_PLACES: Final = {name.strip(): place for place, name in enumerate(COLUMNS.split(","))}
_AT: Final = _PLACES["at"]
_words: Final = itemgetter(*(_PLACES[name] for name in _WORDS))
_numbers: Final = itemgetter(*(_PLACES[name] for name in SUMS[1:]))
_SESSION: Final = _PLACES["session"]
_context: Final = itemgetter(*(_PLACES[name] for name in COMPONENTS[:5]))
_NOTHING: Final = (0,) * len(SUMS)
_EVERY: Final = ", ".join((*KEYS, *SUMS))
_ADD: Final = f"""INSERT INTO rollup ({_EVERY}) VALUES ({", ".join("?" * len((*KEYS, *SUMS)))})
ON CONFLICT DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)}"""  # noqa: S608
_ADD_TO_ALL: Final = f"""INSERT INTO whole (id, {", ".join(SUMS)}) VALUES (1, {", ".join("?" * len(SUMS))})
ON CONFLICT DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)}"""  # noqa: S608
_GONE: Final = f"DELETE FROM rollup WHERE responses = 0 AND {' AND '.join(f'{name} = ?' for name in KEYS)}"  # noqa: S608


def roll(connection: sqlite3.Connection, change: Change) -> None:
    """Bring the sums to what the table of responses has become."""
    deltas: dict[tuple[int, ...], tuple[int, ...]] = {}
    grain = grain_of(connection)
    for rows, one, joined in ((change.added, 1, add), (change.removed, -1, sub)):
        for row in rows:
            if row[_AT] is not None:
                key = _key(row, grain)
                before = deltas.get(key, _NOTHING)
                deltas[key] = (before[0] + one, *map(joined, before[1:], _numbers(row)))
    moved = {key: numbers for key, numbers in deltas.items() if any(numbers)}
    connection.executemany(_ADD, ((*key, *numbers) for key, numbers in moved.items()))
    connection.executemany(_GONE, (key for key, numbers in moved.items() if numbers[0] < 0))
    if moved:
        connection.execute(_ADD_TO_ALL, tuple(map(sum, zip(*moved.values(), strict=True))))


def roll_all(connection: sqlite3.Connection) -> None:
    """Make all sums anew."""
    connection.execute("DELETE FROM rollup")
    keys = of_response(grain_of(connection))
    connection.execute(
        f"INSERT INTO rollup ({_EVERY}) SELECT {', '.join((*keys, *_summed()))} "  # noqa: S608
        f"FROM response r WHERE r.at IS NOT NULL GROUP BY {', '.join(map(str, range(1, len(KEYS) + 1)))}"
    )
    add_all(connection)


def add_all(connection: sqlite3.Connection) -> None:
    """Make the sum of the sums anew."""
    connection.execute("DELETE FROM whole")
    sums = ", ".join(f"sum({name})" for name in SUMS)
    connection.execute(f"INSERT INTO whole SELECT 1, {sums} FROM rollup HAVING count(*) > 0")  # noqa: S608


def of_response(grain: int = 1) -> Iterable[str]:
    """The keys, as expressions on a dated response ``r``."""
    return ("r.session", f"r.at / {QUARTER * grain} * {grain}", *(f"coalesce(r.{name}, 0)" for name in _WORDS), BAND)


def _summed() -> Iterable[str]:
    return ("count(*)", *(f"sum(r.{name})" for name in SUMS[1:]))


def _key(row: Row, grain: int) -> tuple[int, ...]:
    quarter = row[_AT] // (QUARTER * grain) * grain
    model, tier, quality, effort, branch, cwd, provider = _words(row)
    optional = effort or 0, branch or 0, cwd or 0, provider or 0
    return (row[_SESSION], quarter, model, tier, quality, *optional, band(_context(row)))
