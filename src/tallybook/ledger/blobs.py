"""The values of a state as bytes, each with a checksum that ties it to its place; what does not fit is ``Damaged``."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.domain.attribution import SessionLine
from tallybook.domain.figures import Measure, Share, Spending
from tallybook.domain.goal import Budget, Goal
from tallybook.domain.problems import Problem
from tallybook.domain.state import Claims, LedgerState, PendingBoundary
from tallybook.domain.usage import SessionKey
from tallybook.ledger.position import Position
from tallybook.ledger.seal import DamagedError, one_line, sealed, unsealed

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from tallybook.domain.figures import Figures
    from tallybook.domain.index import Index

_ENCODE: Final = msgspec.msgpack.Encoder().encode


class Kind(msgspec.Struct, frozen=True):
    """One table of a state: the type of its keys and values."""

    value: Any
    by_session: bool = False
    """The keys are sessions; else they are text."""
    whole: bool = True
    """Many rows are read at once as soon as many are asked for; not where they are large."""


class Small(msgspec.Struct, frozen=True):
    """What of a state is read as a whole."""

    pending: tuple[PendingBoundary, ...]
    claims: dict[str, Claims]
    problems: tuple[Problem, ...]
    unknown_types: dict[str, int]
    events: int
    open: tuple[str, ...]
    finished: tuple[tuple[str, str | None, str], ...]
    """Writer, worktree, goal."""
    total: Share


class Summary(msgspec.Struct, frozen=True):
    """What a checkpoint begins with."""

    version: str
    position: Position
    small: Small


_KEYS: Final = tuple[SessionKey, ...]
_TEXTS: Final = tuple[str, ...]
KINDS: Final = {
    "goals": Kind(Goal),
    "joined": Kind(_KEYS),
    "budgets": Kind(tuple[Budget, ...]),
    "lines": Kind(SessionLine, by_session=True, whole=False),
    "passes": Kind(_TEXTS),
    "dropped": Kind(_TEXTS),
    "owned": Kind(_KEYS),
    "visitors": Kind(_TEXTS, by_session=True),
    "working": Kind(_TEXTS, by_session=True),
    "measures": Kind(Measure),
    "spending": Kind(Spending),
    "shares": Kind(Share, by_session=True),
}
"""All tables, by their names in the state, its index or its figures."""


def tables_of(state: LedgerState) -> dict[str, MutableMapping[Any, Any]]:
    """Every table of a state by its name."""
    places: tuple[LedgerState | Index | Figures, ...] = (state, state.index, state.figures)
    return {name: next(getattr(place, name) for place in places if hasattr(place, name)) for name in KINDS}


def small_of(state: LedgerState) -> Small:
    """All of a state that stands in no table."""
    return Small(
        pending=tuple(state.pending.values()),
        claims=state.claims,
        problems=tuple(state.problems),
        unknown_types=state.unknown_types,
        events=state.events,
        open=tuple(sorted(state.index.open)),
        finished=tuple((*place, goal) for place, goal in state.index.finished.items()),
        total=state.figures.total,
    )


def key_text(key: str | SessionKey) -> str:
    """A key on one line."""
    return one_line(key) if isinstance(key, str) else f"[{one_line(key.agent)}, {one_line(key.session)}]"


def keys_of(kind: Kind, lines: list[str]) -> list[Any]:
    """The keys of all lines, each text or a session, as the kind tells."""
    found = json.loads(f"[{','.join(lines)}]")  # at once, for there are thousands
    return [SessionKey(*parts) for parts in found] if kind.by_session else found


def value_blob(table: str, key: str, value: object) -> bytes:
    """A value of a table, sealed."""
    return sealed(f"{table} {key}", _ENCODE(value))


@cache
def values_of(table: str) -> Callable[[str, object], Any]:
    """What takes a key and a blob of this table, and gives the value in it.

    It raises DamagedError where the blob is none of this table and key.
    """
    decode = msgspec.msgpack.Decoder(KINDS[table].value).decode

    def value_of(key: str, blob: object) -> Any:  # noqa: ANN401 - as the kind of the table tells
        try:
            return decode(unsealed(f"{table} {key}", blob))
        except ValueError as error:
            raise DamagedError(table) from error

    return value_of


def summary_blob(summary: Summary) -> bytes:
    """A summary, sealed."""
    return sealed("summary", _ENCODE(summary))


def summary_of(blob: object) -> Summary:
    """The summary in ``blob``.

    Raises:
        DamagedError: it is none, or that of another version.
    """
    try:
        return msgspec.msgpack.decode(unsealed("summary", blob), type=Summary)
    except ValueError as error:
        message = "summary"
        raise DamagedError(message) from error
