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


def assigned(pieces: Sequence[Piece], segments: Sequence[Segment]) -> tuple[dict[str, list[Held]], list[Piece]]:
    """Pieces by the name of their segment, and those of which no events are there.

    A piece falls to the segment that has a message of the same response, else to the one of its time.
    """
    _name_homes(pieces, segments)
    places: dict[str | None, list[Segment]] = defaultdict(list)
    for segment in segments:
        places[segment.home if segment.copied else segment.session].append(segment)
    calls = _by_call(segments)
    found: dict[str, list[Held]] = defaultdict(list)
    others = []
    for piece in pieces:
        fact = piece.held.fact
        near = places.get(piece.session, [])
        named = calls.get(fact.call or "") if isinstance(fact, Span) else None
        same = next((segment for segment in near if segment is named), None)
        place = same or (_segment(near, piece.held.at) if near else None)
        if place is None:
            others.append(piece)
        else:
            found[place.name].append(piece.held)
    return found, others


def _name_homes(pieces: Iterable[Piece], segments: Iterable[Segment]) -> None:
    """Where only a fork has events still, a piece that tells of one of them names the session that was served."""
    calls = _by_call(segment for segment in segments if segment.copied and segment.home is None)
    for piece in pieces:
        fact = piece.held.fact
        if isinstance(fact, Span) and fact.call in calls:
            calls[fact.call].home = piece.session


def _by_call(segments: Iterable[Segment]) -> dict[str, Segment]:
    """Segments by their responses; ids that are used again tell nothing."""
    found: dict[str, list[Segment]] = defaultdict(list)
    for segment in segments:
        for call in segment.calls:
            found[call].append(segment)
    return {call: one for call, (one, *others) in found.items() if not others}


def _segment(segments: Sequence[Segment], at: int | None) -> Segment | None:
    """The last one that had begun by then, else the first; None for what came after all that was copied."""
    in_order = sorted(segments, key=lambda segment: (segment.at or 0, segment.name))
    begun = [segment for segment in in_order if at is not None and (segment.at or 0) <= at]
    place = begun[-1] if begun else in_order[0]
    is_later = place.copied and place.until is not None and at is not None and at >= place.until
    return None if is_later else place
