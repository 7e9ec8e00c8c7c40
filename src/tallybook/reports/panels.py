"""A pasted status panel as rows and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.reports.limits import decimal, percent
from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from tallybook.agents.panels import Panel, PanelLimit
    from tallybook.reports.vectors import Json

HEAD: Final = ("limit", "window", "used", "left", "resets")
NUMBERS: Final = frozenset({"used", "left"})
BLENDED: Final = "without what came from the cache; never added to what logs tell"
_FULL: Final = 10_000


def panel_json(agent: str, it: Panel) -> dict[str, Json]:
    """All that was found; shares are percents."""
    tokens: Json = None
    if it.tokens is not None:
        tokens = {**it.tokens._asdict(), "blended": True, "note": BLENDED}
    context: Json = None
    if it.context is not None:
        context = {**it.context._asdict(), "left": decimal(it.context.left)}
    return {
        "agent": agent,
        "session": it.session,
        "model": it.model,
        "plan": it.plan,
        "limits": [_limit(limit) for limit in it.limits],
        "credits": it.credits,
        "tokens": tokens,
        "context": context,
        "stale": it.stale,
    }


def _limit(it: PanelLimit) -> Json:
    return {
        "limit": it.name or None,
        "window": it.window,
        "window_minutes": it.minutes,
        "used_percent": decimal(it.used),
        "left_percent": decimal(max(_FULL - it.used, 0)),
        "resets": it.resets,
        "credits_used": it.credits_used,
        "credits": it.credits_all,
    }


def panel_cells(it: PanelLimit) -> tuple[str, ...]:
    """The columns of ``HEAD``."""
    return (it.name or NOTHING, it.window, percent(it.used), percent(max(_FULL - it.used, 0)), it.resets or NOTHING)


def panel_lines(it: Panel) -> tuple[str, ...]:
    """What is no allowance, in words."""
    lines = []
    if it.credits is not None:
        lines.append(f"credits: {it.credits}")
    if it.context is not None:
        lines.append(f"context: {percent(it.context.left)} left")
    if it.tokens is not None:
        about = "about " if it.tokens.rounded else ""
        lines.append(f"tokens: {about}{it.tokens.total:,} (blended: {BLENDED})")
    if it.stale:
        lines.append("the panel said that its limits may be stale")
    return tuple(lines)
