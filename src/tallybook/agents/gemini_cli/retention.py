"""How long Gemini CLI keeps chats, and how many: thirty days after their last change, or as the settings say."""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from tallybook.agents.gemini_cli import paths
from tallybook.agents.gemini_cli.cleaning import at_once
from tallybook.agents.port import Keeping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24}
_PERIOD: Final = re.compile(r"([0-9]{1,6})([hdwm])", re.ASCII)
_LEAST: Final = "1d"
_COMMENT: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|//[^\r\n]*|/\*.*?\*/', re.DOTALL)
"""What Gemini takes out of its settings, and strings, in which it can stand as text."""


class _Retention(msgspec.Struct, rename="camel"):
    enabled: bool = True
    max_age: Annotated[str, msgspec.Meta(min_length=1)] = "30d"
    max_count: int | float | None = None
    min_retention: str = _LEAST


class _General(msgspec.Struct, rename="camel"):
    session_retention: _Retention = msgspec.field(default_factory=_Retention)


class _Settings(msgspec.Struct):
    general: _General = msgspec.field(default_factory=_General)


_decode: Final = msgspec.json.Decoder(_Settings).decode


def keepings(environ: Mapping[str, str]) -> tuple[Keeping, ...]:
    """One for each directory of projects; none where the settings switch the cleaning off, or make it impossible."""
    places = paths.roots(environ)
    told = _told(places[0].parent / "settings.json") if places else _Retention(enabled=False)
    age, least = _hours(told.max_age), _hours(told.min_retention) or _hours(_LEAST)
    most = told.max_count
    if not told.enabled or age is None or least is None or age < least or (most is not None and most < 1):
        return ()
    kept = None if most is None else ceil(most)
    return tuple(Keeping(place, age // 24, kept, frozenset(at_once(place))) for place in places)


def _told(settings: Path) -> _Retention:
    try:
        return _decode(_COMMENT.sub(_without, settings.read_bytes())).general.session_retention
    except (OSError, msgspec.MsgspecError, RecursionError, ValueError):
        return _Retention()


def _without(found: re.Match[bytes]) -> bytes:
    """A string as it is, and a comment as space."""
    return found[0] if found[0].startswith(b'"') else b" "


def _hours(period: str) -> int | None:
    """The hours of a period such as ``30d``; None where it is none."""
    found = _PERIOD.fullmatch(period)
    return int(found[1]) * _HOURS[found[2]] or None if found else None
