"""Telemetry: one level of each trace, and the segment that each piece of it falls into."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from tallybook.agents.copilot_cli.facts import Span, decode
from tallybook.agents.copilot_cli.segments import Held

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tallybook.agents.copilot_cli.segments import Segment
    from tallybook.agents.port import SourceRows


class Piece(NamedTuple):
    """One piece of telemetry, and the session that it tells of."""

    session: str
    held: Held


def pieces_of(unit: Sequence[SourceRows]) -> list[Piece]:
    """The pieces that count, each once, wherever it stands."""
    traces: dict[str, dict[str, Held]] = defaultdict(dict)
    for source in unit:
        for row in source.rows:
            fact = decode(row.data)
            if isinstance(fact, Span):
                held = Held(source.key, row.offset, row.at, fact, row.group)
                traces[row.group].setdefault(fact.id, held)
    return [piece for group in sorted(traces) for piece in _of_trace(group, traces[group])]


def _of_trace(group: str, found: dict[str, Held]) -> Iterator[Piece]:
    """The best level of one trace; one that lacks the session has that of the others."""
    spans = [(held, held.fact) for _, held in sorted(found.items()) if isinstance(held.fact, Span)]
    session = min((span.session for _, span in spans if span.session), default=group.partition(":")[2])
    best = min(span.level for _, span in spans)
    return (Piece(span.session or session, held) for held, span in spans if span.level is best)


def assigned(pieces: Iterable[Piece], segments: Sequence[Segment]) -> tuple[dict[str, list[Held]], list[Piece]]:
    """Pieces by the name of their segment, and those whose session has no events."""
    own: dict[str, list[Segment]] = defaultdict(list)
    for segment in segments:
        if not segment.copied:
            own[segment.session].append(segment)
    found: dict[str, list[Held]] = defaultdict(list)
    others = []
    for piece in pieces:
        if piece.session in own:
            found[_segment(own[piece.session], piece.held.at).name].append(piece.held)
        else:
            others.append(piece)
    return found, others


def _segment(segments: Sequence[Segment], at: int | None) -> Segment:
    """The last one that had begun by then, else the first."""
    in_order = sorted(segments, key=lambda segment: (segment.at or 0, segment.name))
    begun = [segment for segment in in_order if at is not None and (segment.at or 0) <= at]
    return begun[-1] if begun else in_order[0]
