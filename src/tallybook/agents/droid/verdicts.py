"""What became of each total and each message of Droid's sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.droid.counting import looks
from tallybook.agents.droid.facts import Message, Snapshot, decode
from tallybook.agents.port import Response
from tallybook.agents.verdicts import Verdict, What

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.agents.port import SourceRows

_ADDED: Final = "what was added to the session's total since the look before"

_TIME: Final = "only its time is used"
_ORIGIN: Final = "the session goes on where a compaction ended another one"


def explain(unit: Sequence[SourceRows]) -> Iterator[Verdict]:
    """The verdict on every occurrence."""
    for look, found in looks(unit):
        if isinstance(found, Response):
            yield Verdict(look.source, look.index, What.COUNTED, _ADDED, found.session, (found.key,))
        else:
            yield Verdict(look.source, look.index, What.REPEATED, str(found), look.fact.session)
    for source in unit:
        for index, row in enumerate(source.rows):
            fact = decode(row.data)
            if not isinstance(fact, Snapshot):
                yield Verdict(source.key, index, What.NO_USAGE, _TIME if isinstance(fact, Message) else _ORIGIN)
