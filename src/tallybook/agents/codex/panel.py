"""Codex's `/status` panel and the lines it leaves with, as a person pastes them from a terminal.

Allowances were shown as used until November 2025, and as left since. The numbers of tokens are blended: input without
what came from the cache, and output.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeVar

from tallybook.agents.names import plain, safe_name
from tallybook.agents.panels import Panel, PanelContext, PanelLimit, PanelTokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")
LARGEST: Final = 200_000
"""Characters that are looked at: a panel has some two thousand."""
_LONGEST_LINE: Final = 500
_FULL: Final = 10_000
_HUNDRED: Final = 100
_ESCAPE: Final = re.compile(r"\x1b\[[0-9;?]{0,30}[a-zA-Z]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f]")
_FRAME: Final = re.compile(r"^[\s│┃|╭╮╰╯─━>_]+|[\s│┃|╭╮╰╯─━]+$")
_NUMBER: Final = r"[0-9][0-9,]{0,19}(?:\.[0-9]{1,6})?"
_LIMIT: Final = re.compile(
    r"(?:(?P<name>[\w.:+ -]{1,60}) )?(?P<window>[0-9]{1,3}[hmd]|daily|weekly|monthly|annual) limit:\s*"
    rf"(?:\[[^\]]{{0,80}}\]\s*)?(?P<share>{_NUMBER})% (?P<way>used|left)"
    r"(?:\s*\(resets (?P<resets>[0-9]{1,2}:[0-9]{2}(?: on [0-9]{1,2} [a-z]{3,9})?)\))?",
    re.IGNORECASE,
)
_RESETS: Final = re.compile(r"\(resets ([0-9]{1,2}:[0-9]{2}(?: on [0-9]{1,2} [a-z]{3,9})?)\)", re.IGNORECASE)
_GROUP: Final = re.compile(r"([\w.:+ -]{1,60}) limit:", re.IGNORECASE)
_SPENT: Final = re.compile(rf"({_NUMBER}) of ({_NUMBER}) credits used", re.IGNORECASE)
_CREDITS: Final = re.compile(rf"credits:\s*(unlimited|{_NUMBER})(?: credits)?", re.IGNORECASE)
_SHORT: Final = rf"({_NUMBER})([KMB]?)"
_TOKENS: Final = re.compile(
    rf"token usage:\s*{_SHORT} total(?:\s*\({_SHORT} input \+ {_SHORT} output\))?", re.IGNORECASE
)
_LEAVING: Final = re.compile(
    r"token usage: total=([0-9,]{1,20}) input=([0-9,]{1,20})(?: \(\+ ([0-9,]{1,20}) cached\))? output=([0-9,]{1,20})"
    r"(?: \(reasoning ([0-9,]{1,20})\))?",
    re.IGNORECASE,
)
_CONTEXT: Final = re.compile(
    rf"context window:\s*({_NUMBER})% (left|used)(?:\s*\({_SHORT} used / {_SHORT}\))?", re.IGNORECASE
)
_ID: Final = r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_SESSION: Final = re.compile(rf"(?:session:\s*|codex resume ){_ID}", re.IGNORECASE)
_MODEL: Final = re.compile(r"model:\s*([\w./:+-]{1,80})", re.IGNORECASE)
_PLAN: Final = re.compile(r"account:.{0,120}\(([\w -]{1,40})\)\s*$", re.IGNORECASE)
_STALE: Final = re.compile(r"limits may be stale", re.IGNORECASE)
_MINUTES: Final = {"daily": 1440, "weekly": 10_080}
_UNITS: Final = {"m": 1, "h": 60, "d": 1440}
_SIZES: Final = {"": 1, "K": 1000, "M": 1_000_000, "B": 1_000_000_000}


def panel(text: str) -> Panel | None:
    """What the text tells; the last of several panels holds."""
    lines = [_bare(line) for line in text[:LARGEST].splitlines() if len(line) <= _LONGEST_LINE]
    found = Panel(
        session=_last(match[1].lower() for match in _matches(_SESSION, lines)),
        model=_last(plain(match[1].replace("/", ":")) for match in _matches(_MODEL, lines)),
        plan=_last(plain(match[1].replace(" ", "-").lower()) for match in _matches(_PLAN, lines)),
        limits=_limits(lines),
        credits=_last(match[1].replace(",", "").lower() for match in _matches(_CREDITS, lines)),
        tokens=_last(_tokens(lines)),
        context=_last(_context(match) for match in _matches(_CONTEXT, lines)),
        stale=next(_matches(_STALE, lines), None) is not None,
    )
    telling = found.limits or found.credits or found.tokens or found.context
    return found if telling else None


def _bare(line: str) -> str:
    return _FRAME.sub("", _ESCAPE.sub("", line))


def _matches(pattern: re.Pattern[str], lines: Iterable[str]) -> Iterator[re.Match[str]]:
    return (match for line in lines for match in pattern.finditer(line))


def _last(values: Iterable[T | None]) -> T | None:
    found = None
    for value in values:
        found = found if value is None else value
    return found


def _limits(lines: list[str]) -> tuple[PanelLimit, ...]:
    """Each allowance once; lines that a narrow terminal has put below belong to the one above."""
    found: dict[tuple[str, str], PanelLimit] = {}
    group, last = "", None
    for line in lines:
        match = _LIMIT.search(line)
        if match is not None:
            limit = _limit(match, group)
            last = (limit.name, limit.window)
            found[last] = limit
        elif (header := _GROUP.fullmatch(line)) is not None:
            group, last = safe_name(header[1].strip().replace(" ", "-")), None
        elif last is not None:
            found[last] = _continued(found[last], line)
    return tuple(found.values())


def _limit(match: re.Match[str], group: str) -> PanelLimit:
    window = match["window"].lower()
    minutes = _MINUTES.get(window)
    if window[0].isdigit():
        minutes = int(window[:-1]) * _UNITS[window[-1]]
    share = _hundredths(match["share"])
    used = share if match["way"].lower() == "used" else max(_FULL - share, 0)
    name = safe_name((match["name"] or "").strip().replace(" ", "-")) or group
    return PanelLimit(name, window, minutes, used, match["resets"])


def _continued(limit: PanelLimit, line: str) -> PanelLimit:
    resets, spent = _RESETS.search(line), _SPENT.search(line)
    if resets is not None and limit.resets is None:
        limit = limit._replace(resets=resets[1])
    if spent is not None:
        limit = limit._replace(credits_used=_whole(spent[1]), credits_all=_whole(spent[2]))
    return limit


def _tokens(lines: list[str]) -> Iterator[PanelTokens]:
    for line in lines:
        for match in _TOKENS.finditer(line):
            total, fresh, output = (_size(match[at], match[at + 1]) for at in (1, 3, 5))
            yield PanelTokens(total or 0, fresh, None, output, None, rounded=bool(match[2] or match[4] or match[6]))
        for match in _LEAVING.finditer(line):
            fresh, cached, output, reasoning = (None if told is None else _whole(told) for told in match.groups()[1:])
            yield PanelTokens(_whole(match[1]), fresh, cached, output, reasoning, rounded=False)


def _context(match: re.Match[str]) -> PanelContext:
    share = _hundredths(match[1])
    left = share if match[2].lower() == "left" else max(_FULL - share, 0)
    return PanelContext(left, _size(match[3], match[4]), _size(match[5], match[6]))


def _hundredths(number: str) -> int:
    return int(Decimal(number.replace(",", "")) * _HUNDRED)


def _whole(number: str) -> int:
    return int(Decimal(number.replace(",", "") or "0"))


def _size(number: str | None, unit: str | None) -> int | None:
    return None if number is None else int(Decimal(number.replace(",", "")) * _SIZES[(unit or "").upper()])
