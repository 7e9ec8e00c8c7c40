"""What an agent shows of itself on a terminal, pasted by a person: the last resort where its logs say nothing."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable


class PanelLimit(NamedTuple):
    """One allowance as it was shown."""

    name: str
    """Of the limit, where it has one of its own; else empty."""
    window: str
    """As shown, in lower case: ``5h``, ``weekly``, ``monthly``."""
    minutes: int | None
    """Its length; None for a month, which has none."""
    used: int
    """Hundredths of a percent."""
    resets: str | None
    """As shown: a time of day, with a day where it is not within a day."""
    credits_used: int | None = None
    credits_all: int | None = None


class PanelTokens(NamedTuple):
    """Tokens as they were shown: blended, which is without what came from a cache, and never to be added to others."""

    total: int
    input: int | None
    cached: int | None
    output: int | None
    reasoning: int | None
    rounded: bool
    """Shown as thousands or millions."""


class PanelContext(NamedTuple):
    """How full the context was."""

    left: int
    """Hundredths of a percent."""
    used: int | None
    """Tokens."""
    window: int | None


class Panel(NamedTuple):
    """All that was found."""

    session: str | None = None
    model: str | None = None
    plan: str | None = None
    limits: tuple[PanelLimit, ...] = ()
    credits: str | None = None
    """A decimal number, or ``unlimited``."""
    tokens: PanelTokens | None = None
    context: PanelContext | None = None
    stale: bool = False
    """The panel said so itself."""


@runtime_checkable
class PanelReader(Protocol):
    """A reader of an agent that shows such things."""

    def panel(self, text: str) -> Panel | None:
        """What a pasted text tells; None where nothing of it is this agent's."""
        ...
