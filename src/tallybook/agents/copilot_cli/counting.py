"""Facts to responses: single responses where they are told, and of each segment's counters what goes beyond them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from tallybook.agents.copilot_cli.facts import Level, Receipt, Span
from tallybook.agents.copilot_cli.remainder import remainders
from tallybook.agents.copilot_cli.rows import rows_of, rows_of_spans
from tallybook.agents.copilot_cli.segments import segments_of
from tallybook.agents.copilot_cli.sessions import child
from tallybook.agents.copilot_cli.spans import assigned, pieces_of
from tallybook.agents.copilot_cli.vectors import quality, vector
from tallybook.agents.port import Response
from tallybook.domain.quality import Quality, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tallybook.agents.copilot_cli.facts import Fact
    from tallybook.agents.copilot_cli.remainder import Rest
    from tallybook.agents.copilot_cli.rows import Row
    from tallybook.agents.copilot_cli.segments import Held, Segment
    from tallybook.agents.port import SourceRows


def derive(unit: Sequence[SourceRows], since: int) -> list[Response]:
    """Count one unit, in the order of keys; before ``since`` (microseconds) no build told any usage."""
    sources = sorted(unit, key=lambda source: source.key)
    segments = _once(segment for source in sources for segment in segments_of(source))
    spans, others = assigned(pieces_of(sources), segments)
    found = [one for segment in segments for one in _Account(segment, since).responses(spans.get(segment.name, ()))]
    found.extend(_response(piece.session, row) for piece in others for row in rows_of_spans([piece.held]))
    return sorted(found, key=lambda response: response.key)


def _once(segments: Iterable[Segment]) -> list[Segment]:
    """Each segment once, as it stands where it was served; of copies, the one that has most of it."""
    named: dict[str, list[Segment]] = defaultdict(list)
    for segment in segments:
        named[segment.name].append(segment)
    return [min(copies, key=_standing) for _, copies in sorted(named.items())]


def _standing(segment: Segment) -> tuple[bool, bool, int, str, str]:
    source = segment.rows[0].source if segment.rows else ""
    return bool(segment.copied), not segment.closed, -len(segment.rows), segment.session, source


class _Account(NamedTuple):
    segment: Segment
    since: int

    def responses(self, spans: Sequence[Held]) -> list[Response]:
        """All responses of one segment."""
        segment, used = self.segment, self.segment.used
        models = sorted({one.model for one in used if one.agent is None}) if segment.closed else []
        rows = rows_of(segment, spans, models)
        agents = {one.agent for one in used} | {row.agent for row in rows if isinstance(row.held.fact, Receipt)}
        rows = [row if row.agent in agents or not row.summed else row._replace(agent=None) for row in rows]
        told = [self._row(row, settled=bool(models)) for row in rows]
        return [*told, *(self._rest(rest) for rest in remainders(segment, rows, used, self.since))]

    def _row(self, row: Row, *, settled: bool) -> Response:
        """What only the output is told of is exact once the counters tell the rest."""
        found = _response(self._session(row.agent), row)
        output = settled and row.summed and row.counts.input is None
        return replace(found, quality=self._proved(Quality.EXACT if output else found.quality))

    def _rest(self, rest: Rest) -> Response:
        return Response(
            key=f"{self.segment.name}:{rest.agent or 'main'}:{rest.model}",
            session=self._session(rest.agent),
            source=rest.held.source,
            offset=rest.held.offset,
            at=rest.held.at,
            model=rest.model,
            tokens=rest.tokens,
            quality=self._proved(rest.quality),
        )

    def _session(self, agent: str | None) -> str:
        served = self.segment.served
        return served if agent is None else child(served, agent)

    def _proved(self, found: Quality) -> Quality:
        """What was copied from a session that is not there is of nobody knows which, unless a receipt names it."""
        doubtful = self.segment.copied and self.segment.home is None
        return worst(found, Quality.UNVERIFIED) if doubtful else found


def _response(session: str, row: Row) -> Response:
    fact = row.held.fact
    receipt = fact if isinstance(fact, Receipt) else None
    return Response(
        key=row.key,
        session=session,
        source=row.held.source,
        offset=row.held.offset,
        at=row.held.at,
        model=row.model,
        tokens=vector(row.counts),
        quality=worst(quality(row.counts), _split(row.held.fact)),
        calls=row.calls,
        turn=row.turn,
        effort=receipt.effort if receipt else None,
        provider=receipt.provider if receipt else None,
        window=receipt.window if receipt else None,
    )


def _split(fact: Fact) -> Quality:
    """A summary may leave the caches out, and then nobody knows how its input is to be taken apart."""
    lumped = isinstance(fact, Span) and fact.level in {Level.TURN, Level.SUMMARY} and fact.counts.read is None
    return Quality.ESTIMATED if lumped else Quality.EXACT
