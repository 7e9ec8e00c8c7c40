"""Values of other systems in the form of ours: each change is told; what can't be mended is refused with a reason."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.clock import timestamp
from tallybook.domain.goal import FAILURE_REASONS, KINDS, LARGEST_COUNT, LONGEST_TEXT, RESULT_FITS, Outcome, moment
from tallybook.domain.imports import Note
from tallybook.domain.tokens import COMPONENTS, TokenVector
from tallybook.usecases.screening import secret_kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.domain.problems import Where

Raw = dict[str, Any]
"""A record as it was read."""
_UNTOLD: Final = ("cache_write_5m", "cache_write_1h", "cache_write_unknown", "reasoning")
"""Components that neither system has."""
_SPACES: Final = re.compile(r"\s+")
_SHOWN: Final = 40


_LONGEST_NAME: Final = 500
_MOST_NAMES: Final = 1000


class RefusedRecordError(Exception):
    """A record that can't be taken; the message says why."""


class Tidying:
    """One record on its way: what it was read from, and what had to be changed."""

    def __init__(self, raw: Raw, identity: str, where: Where) -> None:
        self.raw, self.id, self.where = raw, identity, where
        self.changes: list[Note] = []

    def change(self, text: str) -> None:
        """Tell of something that is not as it was."""
        self.changes.append(Note(self.id, text, self.where))

    def text(self, name: str, *, allow_secret_like: bool = False) -> str | None:
        """A text on one line and not too long; None where there is none, or where it looks like a secret."""
        told = self.raw.get(name)
        if told is None or told == "":
            return None
        found = str(told) if isinstance(told, str | int | float) and not isinstance(told, bool) else None
        if found is None:
            self.change(f"{name} is no text and was left out")
            return None
        clean = _clean(found)
        if clean != found:
            self.change(f"{name} had control characters or line ends, which are blanks now")
        if len(clean) > LONGEST_TEXT:
            clean = clean[: LONGEST_TEXT - 1] + "…"
            self.change(f"{name} was cut to {LONGEST_TEXT} characters")
        rule = None if allow_secret_like else secret_kind(found)
        if rule is not None:
            self.change(f"{name} looks like a secret (rule {rule}) and was left out")
            return None
        return clean or None

    def time(self, name: str) -> str | None:
        """A moment with a zone; one without is taken for UTC."""
        told = self.raw.get(name)
        if told is None or told == "":
            return None
        found = _parsed(told)
        if found is None:
            self.change(f"{name} {short(told)} is no time and was left out")
            return None
        if found.tzinfo is None:
            self.change(f"{name} names no zone and was taken for UTC")
            found = found.replace(tzinfo=UTC)
        at = _stamped(found)
        if at is None:
            self.change(f"{name} {short(told)} is in no year that a ledger has and was left out")
        return at

    def count(self, name: str) -> int | None:
        """A whole number that is not negative."""
        told = self.raw.get(name)
        if told is None or told == "":
            return None
        if isinstance(told, str) and told.strip().isascii() and told.strip().isdigit() and len(told) < len("9" * 20):
            told = int(told)
        if isinstance(told, float) and told.is_integer() and abs(told) <= LARGEST_COUNT:
            told = int(told)
        if type(told) is not int or not 0 <= told <= LARGEST_COUNT:
            self.change(f"{name} {short(told)} is no count and was left out")
            return None
        return told

    def names(self, name: str) -> tuple[str, ...]:
        """A list of names, or one text that has it as JSON or with commas."""
        told = self.raw.get(name)
        listed = _listed(told) if isinstance(told, str) else told
        if listed is None or listed == "":
            return ()
        if not isinstance(listed, list | tuple):
            self.change(f"{name} is no list and was left out")
            return ()
        if len(listed) > _MOST_NAMES:
            self.change(f"of {len(listed)} {name} {_MOST_NAMES} were taken")
        found = (self._name(name, one) for one in listed[:_MOST_NAMES])
        return tuple(dict.fromkeys(one for one in found if one))

    def _name(self, name: str, told: object) -> str | None:
        clean = _clean(str(told)) if isinstance(told, str | int) else ""
        if isinstance(told, str) and not clean:
            return None
        why = "is no name" if not clean else "is too long" if len(clean) > _LONGEST_NAME else None
        rule = secret_kind(clean)
        if why is None and rule is not None:
            why = f"looks like a secret (rule {rule})"
        if why is None:
            return clean
        self.change(f"one of {name} {why} and was left out")
        return None

    def kind(self, name: str) -> str:
        """A kind of goal; an unknown one is meta work."""
        told = self.raw.get(name)
        if isinstance(told, str) and told in KINDS:
            return told
        self.change(f"{name} {short(told)} is no kind of goal; it is meta now")
        return "meta"

    def outcome(self, status: str, kind: str, started_at: str) -> Outcome:
        """How the goal ended, with all that goes together."""
        finished_at = self.time("finished_at") or self.time("completed_at")
        if finished_at is None:
            self.change("it is closed and has no end; its start stands for it")
            finished_at = started_at
        begin, end = moment(started_at), moment(finished_at)
        if begin is not None and end is not None and end < begin:
            self.change(f"it ended before it began; the end {finished_at} is its start now")
            finished_at = started_at
        return Outcome(status, finished_at, self.reason(status), self._fit(status, kind))

    def reason(self, status: str) -> str | None:
        """Why it failed; ``other`` where nothing we know is said."""
        told = self.raw.get("failure_reason")
        if status == "success":
            if told:
                self.change(f"a success has no failure reason; {short(told)} was left out")
            return None
        if isinstance(told, str) and told in FAILURE_REASONS:
            return told
        self.change(
            f"the failure reason {short(told)} is none of ours; it is other now"
            if told
            else "it failed for no reason that is told; it is other now"
        )
        return "other"

    def _fit(self, status: str, kind: str) -> str | None:
        told = self.raw.get("result_fit")
        if not told:
            return None
        allowed = {"miss"} if status == "fail" else {"exact_fit", "partial_fit"}
        if told in RESULT_FITS and kind == "product" and told in allowed:
            return str(told)
        self.change(
            f"the result fit {short(told)} does not go with a {kind} goal that ended in {status}; it was left out"
        )
        return None


class Told(msgspec.Struct, frozen=True):
    """Tokens as a record has them; None where it does not say."""

    input: int | None
    cached: int | None
    output: int | None
    total: int | None


def tokens(work: Tidying, told: Told) -> tuple[TokenVector, tuple[str, ...]] | tuple[None, tuple[()]]:
    """The vector and what it does not tell; whether cached input stands in the input is found by the sums.

    Where they do not say, the input is one of what is not told.
    """
    if told.input is None and told.output is None and told.cached is None:
        if told.total is None:
            return None, ()
        work.change(f"only the total of {told.total:,} tokens is told; it stands as input")
        return TokenVector(input=told.total), tuple(name for name in COMPONENTS if name != "input")
    fresh, cached, output = told.input or 0, told.cached or 0, told.output or 0
    inside, doubtful = cached <= fresh, False
    if cached and told.total == fresh + cached + output:
        inside = False
    elif cached and told.total != fresh + output:
        doubtful = True
        how = "a part of the input" if inside else "beside the input"
        work.change(f"the sums do not say whether cached input stands in the input; it was taken for {how}")
    elif told.total is not None and told.total != fresh + output + (0 if inside else cached):
        work.change(f"the total of {told.total:,} tokens is not the sum of its parts, which were taken")
    given = {"input": None if doubtful else told.input, "cache_read": told.cached, "output": told.output}
    unreported = tuple(name for name in COMPONENTS if given.get(name, 0 if name not in _UNTOLD else None) is None)
    return TokenVector(input=fresh - cached if inside else fresh, cache_read=cached, output=output), unreported


def titled(work: Tidying, name: str, *, allow_secret_like: bool) -> str:
    """The title; one that looks like a secret has the whole record refused, and a missing one is made of its id."""
    told = work.raw.get(name)
    rule = secret_kind(told) if isinstance(told, str) and not allow_secret_like else None
    if rule is not None:
        message = f"its {name} looks like a secret (rule {rule})"
        raise RefusedRecordError(message)
    found = work.text(name, allow_secret_like=True)
    if found is None:
        work.change(f"it has no {name}; its id stands for it")
        return work.id
    return found


def last_moment(outcome: Outcome | None, *moments: str) -> str:
    """The last moment that a record tells of: when its present state can have been told at the earliest."""
    return max(moments if outcome is None else (*moments, outcome.finished_at))


def instant(told: object) -> str | None:
    """A moment as a ledger writes it, in UTC where it names no zone; None where it is none."""
    found = _parsed(told)
    return None if found is None else _stamped(found if found.tzinfo is not None else found.replace(tzinfo=UTC))


def short(told: object) -> str:
    """The begin of a value, for what is said of it."""
    plain = told if isinstance(told, str | int | float | datetime | date | None) else f"({type(told).__name__})"
    return ascii(str(plain)[:_SHOWN])


def first(values: Iterable[str | None]) -> str | None:
    """The first that there is."""
    return next((value for value in values if value is not None), None)


def _parsed(told: object) -> datetime | None:
    if isinstance(told, datetime):
        return told
    try:
        return datetime.fromisoformat(str(told).strip()) if isinstance(told, str | date) else None
    except ValueError:
        return None


def _stamped(at: datetime) -> str | None:
    try:
        found = timestamp(at)
    except (OverflowError, ValueError):
        return None
    return found if len(found) == len("2026-01-05T10:00:00.000000Z") else None


def _listed(text: str) -> object:
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    return text.split(",")


def _clean(text: str) -> str:
    plain = "".join(" " if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} else char for char in text)
    return plain.strip() if plain == text else _SPACES.sub(" ", plain).strip()
