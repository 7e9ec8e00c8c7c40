"""What the rules of the boundary find in one file: by its path, its size and its text.

Standard library only.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tallybook.repo.scanning.hits import Hit, pieces
from tallybook.repo.scanning.paths import is_below, matches_any
from tallybook.repo.scanning.steps import WIDEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.repo.scanning.rules import Boundary


class Seen(NamedTuple):
    """A file, as far as it is known."""

    path: str
    size: int | None
    """Bytes; None for what has none of its own, such as a submodule."""
    data: bytes


def boundary_hits(seen: Seen, rules: Iterable[Boundary]) -> list[Hit]:
    """All findings, those of the path first."""
    concerned = [rule for rule in rules if _concerns(rule, seen.path)]
    hits = [Hit(rule.id, f"{rule.message}: {why}") for rule in concerned for why in _outside(rule, seen)]
    marked = [rule for rule in concerned if rule.literals or rule.patterns]
    if marked and seen.data:
        text = seen.data.decode("utf-8", "surrogateescape")
        found = sorted(((place, rule) for rule in marked for place in _marks(rule, text)), key=lambda pair: pair[0])
        before, start = 0, 0
        for place, rule in found:
            start += len(text[before:place].encode("utf-8", "surrogateescape"))
            before = place
            hits.append(Hit(rule.id, rule.message, start, digest=_line_digest(text, place)))
    return hits


def _concerns(rule: Boundary, path: str) -> bool:
    return (not rule.only or matches_any(path, rule.only)) and not matches_any(path, rule.exempt)


def _outside(rule: Boundary, seen: Seen) -> Iterator[str]:
    """At most one reason for each condition."""
    root = seen.path.partition("/")[0]
    if rule.roots and root not in rule.roots:
        yield f"{ascii(root)[1:-1]} is none of the names allowed at the top level"
    if any(is_below(seen.path, place) for place in rule.paths):
        yield "its path is kept out"
    if matches_any(seen.path, rule.globs):
        yield "its name is kept out"
    if seen.path.lower().endswith(tuple(extension.lower() for extension in rule.extensions)):
        yield "its extension is kept out"
    if rule.max_bytes is not None and (seen.size or 0) > rule.max_bytes:
        yield f"it has {seen.size:,} bytes, more than {rule.max_bytes:,}"


def _line_digest(text: str, place: int) -> bytes:
    """Tells the line again in a later commit, wherever it stands there."""
    end = text.find("\n", place)
    line = text[place : min(end if end >= 0 else len(text), place + WIDEST)]
    return hashlib.sha256(line.encode("utf-8", "surrogateescape")).digest()


def _marks(rule: Boundary, text: str) -> list[int]:
    """Where a literal or a pattern is found, each line's first alone."""
    patterns = (*map(re.escape, rule.literals), *rule.patterns)
    places = sorted(place for pattern in patterns for place in _places(_compiled(pattern, rule.ignore_case), text))
    kept: list[int] = []
    end = -1
    for place in places:
        if place > end:
            kept.append(place)
            end = text.find("\n", place)
            end = len(text) if end < 0 else end
    return kept


def _places(pattern: re.Pattern[str], text: str) -> Iterator[int]:
    beyond = 0
    for begin, stop, clear in pieces(0, len(text), text):
        for match in pattern.finditer(text, max(begin, beyond), stop):
            if match.start() >= clear:  # the next piece sees the whole of it
                break
            yield match.start()
            beyond = match.end()


@lru_cache(maxsize=256)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:  # noqa: FBT001 - a part of the key
    return re.compile(pattern, re.IGNORECASE if ignore_case else 0)
