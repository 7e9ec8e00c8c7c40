"""What became of each entry in the sessions of Pi."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.pi.counting import answers_of, response, sorted_out
from tallybook.agents.verdicts import Answer, Place, Verdict, What, told_again

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.agents.port import SourceRows

_ONCE: Final = "the only entry of its answer"
_CHOSEN: Final = "of all copies of its answer the one in the session that it was served in, or else that tells most"
_AGAIN: Final = "the same answer stands in this log once more"


def explain(unit: Sequence[SourceRows]) -> Iterator[Verdict]:
    """The verdict on every occurrence."""
    lineage, groups = sorted_out(unit)
    answers = {copy.place for held in groups for copy in held}
    for source in unit:
        for index in range(len(source.rows)):
            if (source.key, index) not in answers:
                yield Verdict(source.key, index, What.NO_USAGE, "the head of the session")
    for held in groups:
        for name, copies in answers_of(held):
            found = response(name, copies, lineage)
            kept = next(copy for copy in copies if (copy.source, copy.offset) == (found.source, found.offset))
            why = _ONCE if len(copies) == 1 else _CHOSEN
            answer = Answer((found.key,), found.session, Place(*kept.place), why)
            yield from told_again(answer, (Place(*copy.place) for copy in copies), _AGAIN)
