"""How long Gemini CLI keeps chats: thirty days after their last change, or as the user's settings say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from tallybook.agents.gemini_cli import paths
from tallybook.agents.port import Keeping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24}
_PERIOD: Final = re.compile(r"([0-9]{1,6})([hdwm])", re.ASCII)
_LEAST: Final = "1d"


class _Retention(msgspec.Struct, rename="camel"):
    enabled: bool = True
    max_age: Annotated[str, msgspec.Meta(min_length=1)] = "30d"
    min_retention: str = _LEAST


class _General(msgspec.Struct, rename="camel"):
    session_retention: _Retention = msgspec.field(default_factory=_Retention)


class _Settings(msgspec.Struct):
    general: _General = msgspec.field(default_factory=_General)


_decode: Final = msgspec.json.Decoder(_Settings).decode


def keepings(environ: Mapping[str, str]) -> tuple[Keeping, ...]:
    """One for each directory of projects; none where the settings switch the cleaning off, or make it impossible."""
    places = paths.roots(environ)
    days = _days(places[0].parent / "settings.json") if places else None
    return () if days is None else tuple(Keeping(place, days) for place in places)


def _days(settings: Path) -> int | None:
    try:
        told = _decode(settings.read_bytes()).general.session_retention
    except (OSError, msgspec.MsgspecError, RecursionError, ValueError):
        told = _Retention()
    age, least = _hours(told.max_age), _hours(told.min_retention) or _hours(_LEAST)
    if not told.enabled or age is None or least is None or age < least:
        return None
    return age // 24


def _hours(period: str) -> int | None:
    """The hours of a period such as ``30d``; None where it is none."""
    found = _PERIOD.fullmatch(period)
    return int(found[1]) * _HOURS[found[2]] or None if found else None
