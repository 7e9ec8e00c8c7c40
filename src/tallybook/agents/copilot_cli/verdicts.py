"""What became of each event and each piece of telemetry of Copilot CLI."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from tallybook.agents.copilot_cli.counting import derive
from tallybook.agents.copilot_cli.facts import Answer, Begin, Compaction, Fact, Receipt, Snapshot, Span, decode
from tallybook.agents.verdicts import Verdict, What

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.agents.port import Response, SourceRows

_COUNTED: Final[dict[type[Fact], str]] = {
    Answer: "a message that nothing tells more of",
    Receipt: "the receipt of a response",
    Compaction: "a compaction, which no counter has",
    Snapshot: "what the counters of the process hold beyond single responses",
    Span: "telemetry, of the best level that there is",
}
_BEGIN: Final = "a process begins to work on the session"
_MESSAGE: Final = "a message; a receipt, telemetry, counters or another message of the response tell more"
_LEVEL: Final = "telemetry of a response that is told of elsewhere, or of another level of the same trace"
_COUNTERS: Final = "the counters hold nothing beyond what single responses and later counters tell"
_AGAIN: Final = "the same fact stands in this log once more"
_COPY: Final = "another log has it as well"


def explain(unit: Sequence[SourceRows], since: int) -> Iterator[Verdict]:
    """The verdict on every occurrence; ``since`` is that of ``derive``."""
    told = _Told(derive(unit, since))
    facts = [
        (source.key, index, row.offset, decode(row.data)) for source in unit for index, row in enumerate(source.rows)
    ]
    waiting = []
    for source, index, offset, fact in facts:
        found = None if isinstance(fact, Begin) else told.at(source, offset)
        if found:
            keys = tuple(one.key for one in found)
            told.names[_name(fact)].append((source, found[0]))
            yield Verdict(source, index, What.COUNTED, _COUNTED[type(fact)], found[0].session, keys)
        else:
            waiting.append((source, index, fact))
    for source, index, fact in waiting:
        yield told.left(source, index, fact)


class _Told:
    """What was counted, by its place and by the name of its fact."""

    def __init__(self, responses: Sequence[Response]) -> None:
        self._places: dict[tuple[str, int], list[Response]] = defaultdict(list)
        for one in responses:
            self._places[one.source, one.offset].append(one)
        self.names: dict[object, list[tuple[str, Response]]] = defaultdict(list)

    def at(self, source: str, offset: int) -> list[Response]:
        """The responses of one place, handed out once."""
        return self._places.pop((source, offset), [])

    def left(self, source: str, index: int, fact: Fact) -> Verdict:
        """The verdict on a fact that is not counted."""
        if isinstance(fact, Begin):
            return Verdict(source, index, What.NO_USAGE, _BEGIN)
        for place, one in self.names.get(_name(fact), ()):
            what, why = (What.REPEATED, _AGAIN) if place == source else (What.COPY, _COPY)
            return Verdict(source, index, what, why, one.session, (one.key,))
        why = _COUNTERS if isinstance(fact, Snapshot) else _LEVEL if isinstance(fact, Span) else _MESSAGE
        return Verdict(source, index, What.TWIN, why)


def _name(fact: Fact) -> object:
    """What all copies of a fact share."""
    return type(fact), fact.id if not isinstance(fact, Span) else (fact.id, fact.session)
