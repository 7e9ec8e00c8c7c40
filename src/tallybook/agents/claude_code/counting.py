"""Occurrences into responses: one API answer is counted once, with one whole row, in whatever files it stands."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tallybook.agents.claude_code.identity import answers
from tallybook.agents.claude_code.ownership import Copy, Owner
from tallybook.agents.claude_code.rows import decode, unpacked
from tallybook.agents.claude_code.sessions import thread_name
from tallybook.agents.port import Response
from tallybook.domain.quality import Quality, worst
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.agents.claude_code.identity import Answer
    from tallybook.agents.port import SourceRows


_SEVERAL: Final = 2
"""Nearly all groups hold one answer, and nearly all answers issue one call: nothing to sort or to choose."""


def derive(unit: Sequence[SourceRows]) -> list[Response]:
    """All responses of one unit, ordered by key."""
    found = [
        response
        for group, copies in groups_of(unit).items()
        for answer in answers(copies)
        for response in counted(group, answer)
    ]
    return found if len(found) < _SEVERAL else sorted(found, key=lambda response: response.key)


def groups_of(unit: Sequence[SourceRows]) -> dict[str, list[Copy]]:
    """All rows by the id of their message."""
    groups: dict[str, list[Copy]] = defaultdict(list)
    for source in unit:
        for occurrence in source.rows:
            groups[occurrence.group].append(Copy(source.key, occurrence.offset, occurrence.at, decode(occurrence)))
    return groups


def counted(group: str, answer: Answer) -> Iterator[Response]:
    """The response that an answer is, and those of its advisors."""
    copies = answer.copies
    kept = copies[0] if len(copies) < _SEVERAL else _preferred(copies, answer.owner)
    row = kept.row
    quality = Quality.EXACT if row.final else Quality.LOWER_BOUND
    response = Response(  # by position, in the order of its fields: six times as fast
        _key(group, answer),
        thread_name(answer.owner.session, answer.owner.thread),
        kept.source,
        kept.offset,
        min([copy.at for copy in copies if copy.at is not None], default=None),
        row.model,
        TokenVector(*row.tokens),
        row.tier,
        quality if answer.owner.proved else worst(quality, Quality.UNVERIFIED),
        row.final,
        _calls(answer),
        unpacked(row.turn) if row.turn else None,
        row.effort,
        row.branch,
        row.cwd,
        None,
        None,
        row.searches,
    )
    yield response
    for number, (model, parts) in enumerate(row.advisors, start=1):
        key = f"{response.key}#advisor{number}"
        yield replace(response, key=key, model=model, tokens=TokenVector(*parts), calls=(), web_searches=0)


def _preferred(copies: Sequence[Copy], owner: Owner) -> Copy:
    """The row that counts; nearly always a stop reason or the output tells it."""
    best = max([(copy.row.sealed, copy.row.output) for copy in copies])
    first, *others = [copy for copy in copies if (copy.row.sealed, copy.row.output) == best]
    return max((first, *others), key=lambda copy: _preference(copy, owner)) if others else first


def _preference(copy: Copy, owner: Owner) -> tuple[bool, int, bool, int, int, str]:
    """One whole row per answer: a stop reason, then more output, then the owner's own row, then the later one."""
    row = copy.row
    own = row.home == owner.session and row.thread == owner.thread and row.origin is None
    return row.sealed, row.output, own, row.block, copy.offset, copy.source


def _calls(answer: Answer) -> tuple[str, ...]:
    """Tool calls of all rows: a row holds one content block."""
    telling = [copy for copy in answer.copies if copy.row.calls]
    if not telling:
        return ()
    if len(telling) < _SEVERAL and len(telling[0].row.calls) < _SEVERAL:
        return telling[0].row.calls
    in_order = sorted(telling, key=lambda copy: (copy.row.evidence, copy.source, copy.offset))
    return tuple(dict.fromkeys(call for copy in in_order for call in copy.row.calls))


def _key(group: str, answer: Answer) -> str:
    """Message and request; gateways use a message id again, so without a request the session tells them apart."""
    request = answer.request
    return f"{group}:{request}" if request else f"{group}@{answer.owner.session}"
