"""What became of one fact of a log: counted, or why not; told by those who count, so that there is no second way."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class What(StrEnum):
    """The verdict itself."""

    COUNTED = "counted"
    COPY = "copy"
    """Another log's fact is the one that is counted."""
    REPEATED = "repeated"
    """Another fact of the same log tells of the same response and is the one that is counted, or has replaced it."""
    ESTIMATE = "estimate"
    """How full the context is, which is no usage."""
    BEFORE_FORK = "before-fork"
    """It stands before the own lines of a fork and counts for the thread that it comes from."""
    TWIN = "twin"
    """Something that tells more of the same response is counted."""
    UNFINISHED = "unfinished"
    NO_USAGE = "no-usage"
    BAD = "bad"
    """It can't be understood, or not be true."""
    UNKNOWN = "unknown-record"


class Place(NamedTuple):
    """One fact of a unit."""

    source: str
    nth: int
    """Of the occurrence among the rows of its log."""


class Verdict(NamedTuple):
    """What became of one occurrence."""

    source: str
    nth: int
    """Of the occurrence among the rows of its log."""
    what: What
    why: str
    """One short phrase."""
    session: str | None = None
    """Of the response that it tells of."""
    responses: tuple[str, ...] = ()
    """Keys of what it counts as, or of what is counted in its place; empty where it tells of no response."""


class Answer(NamedTuple):
    """A response with all that tells of it."""

    responses: tuple[str, ...]
    """Its key; those of what else its row holds follow."""
    session: str
    counted: Place
    why: str


def told_again(answer: Answer, members: Iterable[Place], why: str) -> Iterator[Verdict]:
    """The verdicts on an answer: its counted fact, and ``why`` each other one is not counted too."""
    for source, nth in members:
        if (source, nth) == answer.counted:
            yield Verdict(source, nth, What.COUNTED, answer.why, answer.session, answer.responses)
        elif source == answer.counted.source:
            yield Verdict(source, nth, What.REPEATED, why, answer.session, answer.responses)
        else:
            yield Verdict(source, nth, What.COPY, "another log has it as well", answer.session, answer.responses)
