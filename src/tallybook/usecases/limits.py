"""Allowances as agents tell of them, how fast they go, and the blocks of five hours of an agent that tells of none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.panels import Panel, PanelReader
from tallybook.agents.registry import AGENTS, BLOCKED, readers
from tallybook.clock import unix_milliseconds
from tallybook.domain.limits import Sample, standing
from tallybook.domain.problems import Problem, Refusal
from tallybook.history.activity import limit_history, newest_limits
from tallybook.history.blocks import LENGTH
from tallybook.history.choice import Filter
from tallybook.history.usage import Query, usage
from tallybook.history.zones import LocalZone
from tallybook.reports.limits import Allowance, Blocks, BlockUse
from tallybook.usecases.capture import look_into

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tallybook.history.activity import LimitState
    from tallybook.history.store import Store
    from tallybook.usecases.workspace import Workspace

_SECOND: Final = 1_000_000
_MINUTE: Final = 60 * _SECOND
_LONGEST: Final = 31 * 24 * 60
"""Minutes: an allowance without a length, or with a longer one, is looked back at so far."""
_OLD: Final = 31 * 24 * 60 * _MINUTE
LARGEST: Final = 1_000_000


class Request(msgspec.Struct, frozen=True):
    """What a person asks."""

    agent: str | None = None
    everything: bool = False
    """Allowances too that nothing was heard of for a month."""
    update: bool = True
    """Whether the logs are read first."""


class Limits(msgspec.Struct, frozen=True):
    """All that is known at one moment."""

    now: int
    allowances: tuple[Allowance, ...]
    """By agent, limit and window; of several plans the one heard of last comes first."""
    blocks: Blocks | None
    problems: tuple[Problem, ...]


def limits(workspace: Workspace, request: Request) -> Limits | Refusal:
    """What logs tell of allowances.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    if request.agent is not None and request.agent not in AGENTS:
        known = f"known: {', '.join(AGENTS)}"
        return Refusal("unknown-agent", f"there is no agent {request.agent!r}", known, usage=True)
    now = unix_milliseconds(workspace.clock.now()) * 1000

    def look(store: Store, problems: tuple[Problem, ...]) -> Limits:
        newest = [one for one in newest_limits(store, request.agent) if request.everything or one.at > now - _OLD]
        allowances = tuple(_allowance(store, one, now) for one in newest)
        blocks = _blocks(store, now) if request.agent in {None, BLOCKED} else None
        return Limits(now, allowances, blocks, (*workspace.problems, *problems, *store.problems))

    return look_into(workspace, look, update=request.update)


def _allowance(store: Store, newest: LimitState, now: int) -> Allowance:
    back = min(newest.window or _LONGEST, _LONGEST) * _MINUTE
    told = [
        Sample(one.at, one.used, one.resets_at)
        for one in limit_history(store, newest, min(newest.at, now) - back)
        if one.used is not None
    ]
    return Allowance(newest, standing(told, newest.window, now))


def _blocks(store: Store, now: int) -> Blocks | None:
    found = usage(store, Query(("block",), LocalZone(), Filter(agents=(BLOCKED,))))
    blocks = [
        BlockUse(begin, row.responses, row.tokens, active=begin <= now < begin + LENGTH * _SECOND)
        for row in found.rows
        if (begin := _begin(row.key[0])) is not None
    ]
    if not blocks:
        return None
    last = max(blocks, key=lambda one: one.begin)
    over = [one for one in blocks if not one.active] or [last]
    largest = max(over, key=lambda one: (0 if one.tokens is None else one.tokens.total, one.begin))
    return Blocks(BLOCKED, last, largest)


def _begin(key: str | None) -> int | None:
    return None if key is None else int(_moment(key).timestamp()) * _SECOND


def _moment(key: str) -> datetime:
    from datetime import datetime  # noqa: PLC0415 - for one line

    return datetime.fromisoformat(key)


class Pasted(msgspec.Struct, frozen=True):
    """A pasted text, understood."""

    agent: str
    panel: Panel


def pasted(text: str) -> Pasted | Refusal:
    """What a text tells that a person has copied from an agent's terminal; nothing of it is kept."""
    for its in readers():
        found = its.panel(text) if isinstance(its, PanelReader) else None
        if found is not None:
            return Pasted(its.agent, found)
    hint = "paste what `/status` shows in Codex, or the line with its token usage that it leaves with"
    return Refusal("no-status", "nothing of a status panel or of an exit line was found", hint)


def text_of(path: Path) -> str | Refusal:
    """The text of a file, as far as a panel can reach."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST).decode("utf-8", "replace")
    except OSError as error:
        return Refusal("unreadable-file", f"{path}: {error.strerror}", usage=True)
