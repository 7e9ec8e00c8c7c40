"""Allowances as Codex has told them since September 2025; only what has changed since the last line is a sample.

Which of two windows is the one of five hours is known by its minutes alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tallybook.agents.codex.moments import microseconds
from tallybook.agents.names import plain, safe_name
from tallybook.agents.port import LimitSample

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECOND: Final = 1_000_000
_STEADY: Final = 120 * _SECOND
"""A moment that is told as so many seconds from now is a little different each time."""
SLOT: Final = 300 * _SECOND
_LARGEST: Final = 2**40
_DEFAULT: Final = "codex"
_WEEK: Final = 10_080
_HUNDRED: Final = 100
_DECIMAL: Final = r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?"
_REMEMBERED: Final = 64
_ID: Final = b'"limit_id"'

_decode: Final = msgspec.json.Decoder(dict[str, object]).decode

_Told = tuple[int | None, int | None, str | None, str | None]
Seen = dict[str, _Told]
"""Use, reset, plan and credits as they were last told before the running five minutes, by limit and window."""


class _Window(NamedTuple):
    limit: str
    minutes: int | None
    used: int | None
    resets_at: int | None


class Word(msgspec.Struct, array_like=True):
    """What one line says of one limit."""

    limit: str
    session: str
    at: int
    windows: list[_Window]
    plan: str | None
    credit: str | None


class Running(msgspec.Struct, array_like=True):
    """What a later run of lines must know of the five minutes that are not over."""

    slot: int | None = None
    words: dict[str, Word] = msgspec.field(default_factory=dict)
    """The last word on each limit."""
    told: dict[str, tuple[str, str, int | None]] = msgspec.field(default_factory=dict)
    """Samples of them that a run has told: session, limit and window."""


class Limits:
    """The samples of one run of lines: the last word of every five minutes on each limit, where it says something new.

    Where a run ends within them, the last word up to there is told; a later one takes its place or takes it back.
    """

    def __init__(self, seen: Seen, running: Running) -> None:
        self.samples: list[LimitSample] = []
        self._seen = seen
        self._running = running
        self._fresh: dict[bytes, tuple[bytes, str, int]] = {}

    def take(self, raw: bytes, session: str, at: int) -> None:
        """Take the ``rate_limits`` of a line that the thread itself has written."""
        if raw == b"null":
            return
        slot = at // SLOT
        if slot != self._running.slot:
            self._seen.update(self._settled())
            self._running.slot = slot
            self._running.words.clear()
            self._running.told.clear()
        place = raw.find(_ID)
        self._fresh[b"" if place < 0 else raw[place : raw.find(b",", place)]] = raw, session, at

    def finish(self) -> tuple[LimitSample, ...]:
        """All samples up to the last line."""
        if self._fresh:
            self._settled()
        return tuple(self.samples)

    def _settled(self) -> Seen:
        """What the running five minutes say that is new, by window; a sample is made of what was not told yet."""
        running, changed = self._running, Seen()
        lines = sorted(self._fresh.values(), key=lambda line: line[2])
        fresh = {word.limit: word for line in lines if (word := _word(*line)) is not None}
        self._fresh.clear()
        for limit, word in fresh.items():
            if limit in running.words or len(running.words) < _REMEMBERED:
                running.words[limit] = word
        told, running.told = running.told, {}
        for word, window in [(one, window) for one in running.words.values() for window in one.windows]:
            key = f"{window.limit}:{window.minutes or 0}"
            now = (window.used, window.resets_at, word.plan, word.credit)
            known = key in self._seen or len(self._seen) + len(changed) < _REMEMBERED
            if known and _differs(self._seen.get(key), now):
                changed[key] = now
                running.told[key] = (word.session, window.limit, window.minutes)
                if word.limit in fresh:
                    self.samples.append(LimitSample(word.session, word.at, *window, word.plan, word.credit))
        for key in told.keys() - running.told.keys():
            session, limit, minutes = told[key]
            taken_back = LimitSample(session, (running.slot or 0) * SLOT, limit, minutes, None, taken_back=True)
            self.samples.append(taken_back)
        return changed


def _word(raw: bytes, session: str, at: int) -> Word | None:
    try:
        told = _decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    limit = safe_name(told.get("limit_id")) or _DEFAULT
    windows = list(_windows(limit, told, at))
    return Word(limit, session, at, windows, plain(told.get("plan_type")), _credit(told.get("credits")))


def _differs(before: _Told | None, now: _Told) -> bool:
    if before is None or (before[0], *before[2:]) != (now[0], *now[2:]):
        return True
    if before[1] is None or now[1] is None:
        return before[1] != now[1]
    return abs(before[1] - now[1]) > _STEADY


def _windows(limit: str, told: dict[str, object], at: int) -> Iterator[_Window]:
    found = False
    for place in ("primary", "secondary"):
        window = told.get(place)
        if isinstance(window, dict):
            found = True
            minutes, used = _count(window.get("window_minutes")), _used(window.get("used_percent"))
            yield _Window(limit, minutes, used, _reset(window, at))
    for place, usual in (("primary", None), ("weekly", _WEEK)):  # 20 to 24 September 2025
        if f"{place}_used_percent" in told:
            found = True
            size = _count(told.get(f"{place}_window_minutes")) or usual
            yield _Window(limit, size, _used(told[f"{place}_used_percent"]), None)
    own = told.get("individual_limit")
    if isinstance(own, dict):
        left = _used(own.get("remaining_percent"))
        used = None if left is None else max(_HUNDRED * _HUNDRED - left, 0)
        yield _Window(f"{limit}:individual", None, used, _reset(own, at))
    if not found and _credit(told.get("credits")) is not None:
        yield _Window(limit, None, None, None)


def _count(told: object) -> int | None:
    return told if type(told) is int and 0 < told < _LARGEST else None


def _used(told: object) -> int | None:
    """Hundredths of a percent."""
    if not (type(told) is int or type(told) is float) or not 0 <= told < _LARGEST:
        return None
    return round(told * _HUNDRED)


def _reset(window: dict[str, object], at: int) -> int | None:
    told = window.get("resets_at")
    if isinstance(told, str):
        return microseconds(told)
    if (moment := _count(told)) is not None:
        return moment * _SECOND
    left = window.get("resets_in_seconds")
    return at + left * _SECOND if type(left) is int and 0 <= left < _LARGEST else None


def _credit(told: object) -> str | None:
    if not isinstance(told, dict):
        return None
    if told.get("unlimited") is True:
        return "unlimited"
    balance = told.get("balance")
    return balance if isinstance(balance, str) and re.fullmatch(_DECIMAL, balance) else None
