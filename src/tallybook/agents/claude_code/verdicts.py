"""What became of each row of Claude Code's logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.claude_code.counting import counted, groups_of
from tallybook.agents.claude_code.identity import answers
from tallybook.agents.verdicts import Answer, Place, Verdict, told_again

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.agents.claude_code.identity import Answer as Rows
    from tallybook.agents.port import Response, SourceRows

_ALONE: Final = "the only row of its answer"
_CHOSEN: Final = "of all rows of its answer the one with a stop reason, or else with the most output"
_OPEN: Final = "; a placeholder: the rest of its output is not logged"
_BLOCK: Final = "another row of the same answer is counted whole"
_AGAIN: Final = "an aside or a forked agent shows an answer of its parent once more"


def explain(unit: Sequence[SourceRows]) -> Iterator[Verdict]:
    """The verdict on every occurrence."""
    places = {
        (source.key, row.offset): Place(source.key, index) for source in unit for index, row in enumerate(source.rows)
    }
    for group, copies in groups_of(unit).items():
        for rows in answers(copies):
            found = list(counted(group, rows))
            kept = places[found[0].source, found[0].offset]
            answer = Answer(tuple(one.key for one in found), found[0].session, kept, _reason(rows, found[0]))
            yield from told_again(answer, (places[copy.source, copy.offset] for copy in rows.copies), _BLOCK)
            yield from told_again(answer, (places[copy.source, copy.offset] for copy in rows.again), _AGAIN)


def _reason(rows: Rows, response: Response) -> str:
    reason = _ALONE if len(rows.copies) == 1 else _CHOSEN
    return reason if response.final else reason + _OPEN
