"""Which rows with one message id are the same API answer: the partition depends on the set of rows only."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.agents.claude_code.ownership import Copy, Owner, is_shown, owner_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence


class Answer(msgspec.Struct, frozen=True):
    """One API answer: all its rows, and whose it is."""

    copies: tuple[Copy, ...]
    owner: Owner
    again: tuple[Copy, ...] = ()
    """Rows of an aside or a forked agent that show it once more."""

    @property
    def request(self) -> str:
        """The request id; empty where no row has one."""
        return min([copy.row.request for copy in self.copies if copy.row.request], default="")


def answers(copies: Sequence[Copy]) -> list[Answer]:
    """The answers among rows of one message id."""
    if _are_alike(copies):
        first = copies[0].row
        return [Answer(tuple(copies), Owner(first.home, first.thread, is_shown(copies)))]
    parts = [Answer(tuple(part), owner_of(part)) for part in _connected(copies)]
    sessions: dict[str, list[Answer]] = defaultdict(list)
    for part in parts:
        sessions[part.owner.session].append(part)
    return [answer for found in sessions.values() for answer in _of_one_session(found)]


def _are_alike(copies: Sequence[Copy]) -> bool:
    """Whether all rows are of one thread and one request, as nearly all are."""
    first, *others = [copy.row for copy in copies]
    for row in others:
        if row.request != first.request or row.thread != first.thread:
            return False
        if row.session != first.session or row.origin != first.origin:
            return False
    return True


def _marks(copy: Copy) -> Iterator[Hashable]:
    """What copies of one answer share: the record's uuid, the request id, or else time and counts."""
    row = copy.row
    if row.uid is not None:
        yield "uid", row.uid
    if row.request is not None:
        yield "request", row.request
    elif copy.at is not None:
        yield "moment", copy.at, row.model, row.tokens


def _connected(copies: Sequence[Copy]) -> list[list[Copy]]:
    """Rows that share a mark, directly or through others."""
    leaders: dict[Hashable, Hashable] = {}

    def leader(mark: Hashable) -> Hashable:
        while leaders.setdefault(mark, mark) != mark:
            leaders[mark] = mark = leaders[leaders[mark]]
        return mark

    first: list[Hashable] = []
    for number, copy in enumerate(copies):
        marks = tuple(_marks(copy)) or (("alone", number),)
        first.append(marks[0])
        for mark in marks:
            leaders[leader(mark)] = leader(marks[0])
    parts: dict[Hashable, list[Copy]] = defaultdict(list)
    for mark, copy in zip(first, copies, strict=True):
        parts[leader(mark)].append(copy)
    return list(parts.values())


def _of_one_session(found: Sequence[Answer]) -> list[Answer]:
    """An aside or a forked agent shows a message of its parent again, under a new request: the parent's counts."""
    threads: dict[str, list[Answer]] = defaultdict(list)
    for answer in found:
        threads[answer.owner.thread].append(answer)
    if len(threads) == 1:
        return _with_nameless(found)
    own = min(threads.values(), key=lambda group: group[0].owner.rank)
    again = [copy for group in threads.values() if group is not own for answer in group for copy in answer.copies]
    first, *others = _with_nameless(own)
    return [replace(first, again=tuple(again)), *others]


def _with_nameless(found: Sequence[Answer]) -> list[Answer]:
    """Rows without a request id belong to an answer of their thread that has one, or else to each other."""
    named = sorted((answer for answer in found if answer.request), key=lambda answer: answer.request)
    nameless = [answer for answer in found if not answer.request]
    if not nameless:
        return named
    merged = [*named[:1], *nameless]
    copies = tuple(copy for answer in merged for copy in answer.copies)
    owner = replace(found[0].owner, proved=all(answer.owner.proved for answer in merged))
    return [Answer(copies, owner), *named[1:]]
