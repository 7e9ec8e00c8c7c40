"""Responses as rows of the store; of what was counted before, only what changed is written."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.history.contexts import BITS, drop_rows, put_rows
from tallybook.history.facts import moment
from tallybook.history.names import digest, name_hash, session_numbers, stored_text, word_numbers
from tallybook.history.response_keys import key_text, packed_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from tallybook.agents.port import Response

COLUMNS: Final = """grp, key, session, source, offset, at, model, tier, input, cache_read, cache_write_5m,
cache_write_1h, cache_write_unknown, output, reasoning, quality, final, calls, effort, branch, cwd, provider, turn,
window, web_searches"""
"""Of a response, in the order of its row; the group, of which the store has only who follows from it, is the first."""
Row = tuple[Any, ...]
"""Of a response; as long as it is no row of the store, names stand for the numbers of session, source and words."""
KEY: Final = 1
SESSION: Final = 2
SOURCE: Final = 3
OFFSET: Final = 4
GROUP: Final = 0
DERIVED: Final = "derived d CROSS JOIN numbered r ON r.id BETWEEN d.first AND d.first + d.size - 1"
"""Responses with the groups that they follow from."""
TOUCHED: Final = f"touched t CROSS JOIN {DERIVED} AND d.grp = t.grp"
"""Those of touched groups."""
_STORED: Final = f"SELECT r.id, {COLUMNS.replace('grp', 'd.grp')} FROM {TOUCHED}"  # noqa: S608
_DERIVED: Final = "INSERT INTO derived (grp, first, size) VALUES (?, ?, ?)"
_LONGER: Final = "UPDATE derived SET size = size + ?3 WHERE grp = ?1 AND first + size = ?2"
_LARGEST: Final = 2**63 - 1
_words: Final = itemgetter(6, 7, 15, 18, 19, 20, 21)
"""What is a word in a row."""


class Change(msgspec.Struct, frozen=True):
    """Rows that one write took out of the table of responses and put into it, in the order of ``COLUMNS``."""

    removed: tuple[Row, ...]
    added: tuple[Row, ...]

    @property
    def sessions(self) -> set[int]:
        """Sessions whose responses have changed."""
        return {row[SESSION] for row in self.removed} | {row[SESSION] for row in self.added}


def named_row(agent: str, group: int, one: Response) -> Row:
    """The row of a response of the unit that ``group`` stands for, with names in place of numbers."""
    calls = b"".join([digest(agent, stored_text(call)) for call in one.calls]) if one.calls else b""
    session = one.session if one.session.isascii() else stored_text(one.session)
    return (
        group,
        packed_key(one.key if one.key.isascii() else stored_text(one.key), session),
        session,
        one.source,
        one.offset,
        moment(one.at),
        one.model if one.model.isascii() else stored_text(one.model),
        one.tier if one.tier.isascii() else stored_text(one.tier),
        *one.tokens.parts(),
        one.quality._value_,
        int(one.final),
        calls,
        stored_text(one.effort) if one.effort else None,
        stored_text(one.branch) if one.branch else None,
        stored_text(one.cwd) if one.cwd else None,
        stored_text(one.provider) if one.provider else None,
        None if one.turn is None else _turn_hash(agent, one.turn),
        None if one.window is None or not 0 <= one.window <= _LARGEST else one.window,
        min(one.web_searches, _LARGEST) if one.web_searches > 0 else 0,
    )


@lru_cache(maxsize=64)
def _turn_hash(agent: str, turn: str) -> int:
    return name_hash(agent, stored_text(turn))


def numbered(connection: sqlite3.Connection, agent: int, rows: Sequence[Row], sources: dict[str, int]) -> list[Row]:
    """The rows with the numbers of what they name; new sessions and words get theirs."""
    if not rows:
        return []
    sessions = session_numbers(connection, agent, (row[SESSION] for row in rows))
    words: dict[str | None, int | None] = {None: None}
    words.update(word_numbers(connection, set(chain.from_iterable(map(_words, rows))) - {None}))
    return [
        (
            group, key, sessions[session], sources[source], offset, at, words[model], words[tier],
            fresh, read, five, hour, written, output, reasoning, words[quality], final, calls,
            words[effort], words[branch], words[cwd], words[provider], turn, window, searches,
        )
        for group, key, session, source, offset, at, model, tier, fresh, read, five, hour, written, output, reasoning,
        quality, final, calls, effort, branch, cwd, provider, turn, window, searches in rows
    ]  # fmt: skip


def replace_rows(connection: sqlite3.Connection, rows: Collection[Row], readable: Collection[int]) -> Change:
    """Write the difference between these rows and those of the touched groups.

    Responses from logs that can't be derived any more stay unless they are counted elsewhere.
    """
    stored: dict[Row, int] = {tuple(row[1:]): row[0] for row in connection.execute(_STORED)}
    wanted = set(rows)
    left = [row for row in stored if row not in wanted]
    elsewhere = _of_same_keys(connection, [row for row in left if row[SOURCE] not in readable], wanted)
    outdated = [row for row in left if row[SOURCE] in readable or row in elsewhere]
    fresh = tuple(sorted(wanted - stored.keys(), key=lambda row: (row[GROUP], row[SOURCE], row[OFFSET], row[KEY])))
    changed = {row[GROUP] for row in (*outdated, *fresh)}
    put = put_rows(connection, fresh)
    drop_rows(connection, [stored.pop(row) for row in outdated])
    kept = [(row[GROUP], number) for row, number in stored.items() if row[GROUP] in changed]
    connection.executemany("DELETE FROM derived WHERE grp = ?", ((group,) for group in changed))
    connection.executemany(_DERIVED, runs(sorted([*kept, *put])))
    return Change(tuple(outdated), fresh)


def _of_same_keys(connection: sqlite3.Connection, rows: Collection[Row], others: Iterable[Row]) -> set[Row]:
    """Those of the rows whose key one of the others has too, be it in another session."""
    if not rows:
        return set()
    names: dict[int, str] = dict(connection.execute("SELECT id, name FROM session"))
    keys = {key_text(row[KEY], names[row[SESSION]]) for row in others}
    return {row for row in rows if key_text(row[KEY], names[row[SESSION]]) in keys}


def add_rows(connection: sqlite3.Connection, rows: Iterable[Row]) -> tuple[Row, ...]:
    """Write rows that follow from their groups beside all that did so before."""
    added = tuple(rows)
    put = put_rows(connection, added)
    fresh = {number for _, number in put}
    found = runs(sorted(put))
    connection.executemany(_DERIVED, [run for run in found if run[1] - 1 in fresh or not _lengthens(connection, run)])
    return added


def _lengthens(connection: sqlite3.Connection, run: tuple[int, int, int]) -> bool:
    """Whether a run was put behind one of its group."""
    begins_its_context = run[1] & ((1 << BITS) - 1) == 0
    return not begins_its_context and connection.execute(_LONGER, run).rowcount > 0


def runs(numbers: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Groups, and numbers of responses in order, as groups with a first number and how many follow on each other."""
    places = enumerate(numbers)
    for (group, _), run in groupby(places, key=lambda one: (one[1][0], one[1][1] - one[0])):
        together = [number for _, (_, number) in run]
        yield group, together[0], len(together)
