"""What the counters of a segment hold beyond its rows, and what was served though no number tells of it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from tallybook.agents.copilot_cli.facts import Receipt, Span
from tallybook.agents.copilot_cli.rows import talks_of, untold
from tallybook.agents.copilot_cli.vectors import quality, vector
from tallybook.domain.quality import Quality, worst
from tallybook.domain.tokens import ZERO, TokenVector, total_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tallybook.agents.copilot_cli.facts import Counts, Sum
    from tallybook.agents.copilot_cli.rows import Row
    from tallybook.agents.copilot_cli.segments import Held, Key, Segment


class Rest(NamedTuple):
    """One response that stands for all of one agent and model that no row tells of."""

    held: Held
    """Where it is told: the counters, or else the last message of which nothing is told."""
    agent: str | None
    model: str
    tokens: TokenVector
    quality: Quality


def remainders(segment: Segment, rows: Sequence[Row], used: Sequence[Sum], since: int) -> list[Rest]:
    """The rest of each agent and model; before ``since`` (microseconds) no build told usage, and none is made up."""
    found = {(rest.agent, rest.model): rest for rest in _of_counters(segment, rows, used)}
    if not segment.closed or not used:
        for rest in _of_messages(segment, rows):
            if (segment.at or since) >= since:
                found.setdefault((rest.agent, rest.model), rest)
    return list(found.values())


def _of_counters(segment: Segment, rows: Sequence[Row], used: Sequence[Sum]) -> Iterator[Rest]:
    held = segment.last
    if held is None or (segment.joint and segment.receipted):
        return  # receipts tell all, and of which process the counters are is not known
    grade = Quality.EXACT if segment.closed else Quality.LOWER_BOUND
    if segment.joint:
        grade = worst(grade, Quality.ESTIMATED)
    sums = {(one.agent, one.model): one.counts for one in used}
    within = rows if segment.closed else [row for row in rows if _is_before(row.held, held)]
    for (agent, model), tokens in _beyond(sums, _told(within)).items():
        if tokens:
            found = quality(sums[agent, model]) if (agent, model) in sums else Quality.EXACT
            yield Rest(held, agent, model, tokens, worst(grade, found))


def _is_before(one: Held, other: Held) -> bool:
    if one.source == other.source:
        return one.offset < other.offset
    return one.at is None or other.at is None or one.at <= other.at


def _told(rows: Iterable[Row]) -> dict[Key, TokenVector]:
    found: dict[Key, TokenVector] = defaultdict(lambda: ZERO)
    for row in rows:
        if row.summed:
            found[row.agent, row.model] += vector(row.counts)
    return found


def _beyond(sums: dict[Key, Counts], told: dict[Key, TokenVector]) -> dict[Key, TokenVector]:
    """What sums hold beyond rows; the whole of a model bounds what its parts may have."""
    found: dict[Key, TokenVector] = {}
    for model in sorted({model for agent, model in sums if agent is None}):
        whole = vector(sums[None, model])
        of_rows = [tokens for (_, name), tokens in told.items() if name == model]
        left = whole.growth_since(total_of(of_rows))
        for agent in sorted(agent for agent, name in sums if agent is not None and name == model):
            part = vector(sums[agent, model]).growth_since(told.get((agent, model), ZERO))
            found[agent, model] = part = _least(part, left)
            left = left.growth_since(part)
        found[None, model] = left
    return found


def _least(one: TokenVector, other: TokenVector) -> TokenVector:
    return TokenVector(*map(min, one.parts(), other.parts()))


def _of_messages(segment: Segment, rows: Sequence[Row]) -> Iterator[Rest]:
    """Responses whose messages stand in the log with no more than their output, or not even that."""
    talks = untold(segment, rows)
    last = {talk.model or "unknown": talk.held for talk in talks if talk.output is None}
    beyond: dict[str, int] = {}
    loud = [talk for talk in talks if talk.output is not None]
    if loud and (more := _output_of_messages(segment, rows) - _output_of_pieces(rows)) > 0:
        model = loud[-1].model or "unknown"
        beyond[model] = more
        last.setdefault(model, loud[-1].held)
    for model, held in sorted(last.items()):
        yield Rest(held, None, model, TokenVector(output=beyond.get(model, 0)), Quality.LOWER_BOUND)


def _output_of_pieces(rows: Iterable[Row]) -> int:
    return sum(row.counts.output or 0 for row in rows if isinstance(row.held.fact, Span))


def _output_of_messages(segment: Segment, rows: Iterable[Row]) -> int:
    receipts = {row.held.fact.call for row in rows if isinstance(row.held.fact, Receipt)}
    return sum(talk.output or 0 for call, talk in talks_of(segment).items() if call not in receipts)
