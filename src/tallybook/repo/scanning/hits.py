"""What the rules find in one file, before anything is allowed. A secret itself goes no further than here.

Standard library only. Every look is at a bounded piece of the text, so that the work grows with the text alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from bisect import bisect_left
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.repo.scanning.rules import LARGEST_MATCH
from tallybook.repo.scanning.steps import WIDEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.repo.scanning.rules import Secret

BEFORE: Final = 256
"""Bytes in front of a keyword that are looked at with it."""
SHOWN: Final = 4
_LONG_ENOUGH: Final = 16


class Hit(NamedTuple):
    """One place where a rule holds."""

    rule: str
    message: str
    start: int | None = None
    """Byte; None where the path alone is at fault."""
    shown: str = ""
    """The public prefix of a secret, four characters at most."""
    length: int | None = None
    """Bytes of the secret."""
    digest: bytes = b""
    """Tells secrets apart without keeping them."""


def secret_hits(data: bytes, rules: Iterable[Secret]) -> list[Hit]:
    """The secrets, by place; where several rules know one, the first of them."""
    low = data.lower()
    taken: list[tuple[int, int]] = []
    hits: list[Hit] = []
    for rule in rules:
        spans = _spans(low, rule.keywords) if rule.keywords else iter([(0, len(data))])
        own = [span for span in _matches(data, rule, spans) if _is_free(span, taken)]
        hits += [_hit(rule, data[start:end], start) for start, end in own]
        taken = sorted((*taken, *own)) if own else taken
    return sorted(hits, key=lambda hit: hit.start or 0)


def _is_free(span: tuple[int, int], taken: list[tuple[int, int]]) -> bool:
    """Whether none of these, which are in order and apart, has a byte of it."""
    before = bisect_left(taken, (span[1], 0)) - 1
    return before < 0 or taken[before][1] <= span[0]


def pieces(start: int, end: int, breaks: bytes | str) -> Iterator[tuple[int, int, int]]:
    """Parts that are looked at one by one, each with the place from which the next one sees all that begins there.

    They end at a line's end where there is one, and overlap by the longest match where there is none.
    """
    line_end: bytes | str = b"\n" if isinstance(breaks, bytes) else "\n"
    while end - start > WIDEST:
        stop = start + WIDEST
        cut = breaks.rfind(line_end, start + WIDEST // 2, stop)  # type: ignore[arg-type]
        if cut >= 0:
            yield start, cut + 1, cut + 1
            start = cut + 1
        else:
            yield start, stop, stop - LARGEST_MATCH
            start = stop - LARGEST_MATCH
    yield start, end, end + 1


def _spans(low: bytes, keywords: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """The surroundings of all keywords, those that touch made one."""
    spans = sorted(span for keyword in keywords for span in _around(low, keyword))
    current: tuple[int, int] | None = None
    for start, end in spans:
        if current is not None and start <= current[1]:
            current = current[0], max(current[1], end)
            continue
        if current is not None:
            yield current
        current = start, end
    if current is not None:
        yield current


def _around(low: bytes, keyword: bytes) -> Iterator[tuple[int, int]]:
    place = low.find(keyword)
    while place >= 0:
        end = place + len(keyword) + LARGEST_MATCH
        last = low.rfind(keyword, place, end)
        yield max(place - BEFORE, 0), min(last + len(keyword) + LARGEST_MATCH, len(low))
        place = low.find(keyword, last + 1)


def _matches(data: bytes, rule: Secret, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    beyond = 0
    for start, end in spans:
        pattern = _compiled(rule.pattern, rule.ignore_case)
        group = "secret" if "secret" in pattern.groupindex else 0
        for begin, stop, clear in pieces(start, end, data):
            for match in pattern.finditer(data, max(begin, beyond), stop):
                if match.start() >= clear:  # the next piece sees the whole of it
                    break
                own = group if match[group] is not None else 0
                if _holds(rule, match[own]):
                    yield match.span(own)
                    beyond = match.end()


@lru_cache(maxsize=512)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[bytes]:  # noqa: FBT001 - a part of the key
    return re.compile(pattern.encode(), re.IGNORECASE if ignore_case else 0)


def _holds(rule: Secret, secret: bytes) -> bool:
    low = secret.lower()
    return (
        bool(secret)
        and not any(stop in low for stop in rule.stops)
        and (rule.entropy <= 0 or entropy(secret) >= rule.entropy)
        and (rule.check != "jwt" or _is_web_token(secret))
    )


def entropy(text: bytes) -> float:
    """Shannon's, in bits per byte."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())


def _is_web_token(secret: bytes) -> bool:
    head = secret.partition(b".")[0]
    try:
        told = json.loads(base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(told, dict) and isinstance(told.get("alg"), str)


def _hit(rule: Secret, secret: bytes, start: int) -> Hit:
    low = secret.lower()
    public = any(low.startswith(word[:SHOWN]) for word in rule.keywords if len(word) >= SHOWN - 1)
    shown = secret[:SHOWN].decode("ascii", "replace") if public and len(secret) >= _LONG_ENOUGH else ""
    return Hit(rule.id, rule.message, start, shown, len(secret), hashlib.sha256(secret).digest())
