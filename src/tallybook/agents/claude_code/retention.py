"""How long Claude Code keeps transcripts: thirty days after their last change, or as its settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.claude_code import paths
from tallybook.agents.port import Keeping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DAYS: Final = 30
_LONGEST: Final = 100_000
_NAMES: Final = ("settings.json", "settings.local.json")


class _Settings(msgspec.Struct):
    days: object = msgspec.field(default=None, name="cleanupPeriodDays")


_decode: Final = msgspec.json.Decoder(_Settings).decode


def keepings(environ: Mapping[str, str]) -> tuple[Keeping, ...]:
    """One for each configuration directory; the local settings go before the others."""
    return tuple(Keeping(root / "projects", _days(root)) for root in paths.roots(environ))


def _days(root: Path) -> int:
    days = DAYS
    for name in _NAMES:
        try:
            told = _decode((root / name).read_bytes()).days
        except (OSError, msgspec.MsgspecError, RecursionError):
            continue
        if isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told <= _LONGEST:
            days = int(told)
    return days
