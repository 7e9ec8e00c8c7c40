"""What became of each telling in Gemini CLI's chats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.gemini_cli.counting import answers_of, response
from tallybook.agents.verdicts import Answer, Place, Verdict, told_again

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.agents.port import SourceRows

_ONCE: Final = "the only telling of its message"
_FIRST: Final = "the first telling of its message; it counts as it was told last"
_AGAIN: Final = "the message is told again; what is told last counts, where it was told first"


def explain(unit: Sequence[SourceRows]) -> Iterator[Verdict]:
    """The verdict on every occurrence."""
    for group, held in answers_of(unit):
        found = response(group, held)
        members = [Place(one.source, one.nth) for one in held]
        kept = next(one for one in held if (one.source, one.offset) == (found.source, found.offset))
        why = _ONCE if len(members) == 1 else _FIRST
        answer = Answer((found.key,), found.session, Place(kept.source, kept.nth), why)
        yield from told_again(answer, members, _AGAIN)
