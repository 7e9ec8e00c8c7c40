"""What is told of single responses of one segment: each of them once, by the best that tells of it.

A receipt beats telemetry, which beats a message of the log; messages count only where there is no telemetry at all,
since that of early builds has all responses of a subagent in one piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tallybook.agents.copilot_cli.facts import Answer, Compaction, Counts, Receipt, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tallybook.agents.copilot_cli.facts import Fact
    from tallybook.agents.copilot_cli.segments import Held, Segment


class Row(NamedTuple):
    """One response, or as many as one piece of telemetry tells of."""

    key: str
    held: Held
    agent: str | None
    model: str
    counts: Counts
    calls: tuple[str, ...] = ()
    turn: str | None = None
    summed: bool = True
    """The counters of the process have it too."""


class Talk(NamedTuple):
    """The messages of one response."""

    held: Held
    """The first of them."""
    agent: str | None
    model: str | None
    output: int | None
    calls: tuple[str, ...]
    turn: str | None


def talks_of(segment: Segment) -> dict[str, Talk]:
    """The messages by response."""
    found: dict[str, Talk] = {}
    for held in segment.rows:
        if isinstance(answer := held.fact, Answer):
            call = answer.call or answer.id
            talk = found.get(call, Talk(held, answer.agent, answer.model, None, (), answer.turn))
            outputs = [one for one in (talk.output, answer.output) if one is not None]
            calls = tuple(dict.fromkeys((*talk.calls, *answer.calls)))
            found[call] = talk._replace(output=max(outputs, default=None), calls=calls)
    return found


def rows_of(segment: Segment, spans: Sequence[Held], models: Sequence[str]) -> list[Row]:
    """All rows of a segment; ``models`` are those of its counters, empty where they tell none."""
    talks = talks_of(segment)
    receipts = list(_receipts(segment, talks))
    told = {_call(row.held.fact) for row in receipts}
    twins = {_counted(row) for row in receipts}
    pieces = [
        row
        for row in rows_of_spans(spans, talks, models)
        if (_call(row.held.fact) not in told if _call(row.held.fact) else _counted(row) not in twins)
    ]
    rest = {call: talk for call, talk in talks.items() if call not in told}
    return [*receipts, *pieces, *([] if pieces else _messages(rest, models)), *_compactions(segment, models)]


def untold(segment: Segment, rows: Iterable[Row]) -> list[Talk]:
    """Responses whose messages stand in the log, and that no row tells of."""
    told = {_call(row.held.fact) for row in rows} | {row.key for row in rows}
    return [talk for call, talk in talks_of(segment).items() if call not in told]


def _call(fact: Fact) -> str | None:
    return fact.call if isinstance(fact, (Answer, Receipt, Span)) else None


def _counted(row: Row) -> tuple[str, int | None, int | None]:
    return row.model, row.counts.input, row.counts.output


def _receipts(segment: Segment, talks: dict[str, Talk]) -> Iterator[Row]:
    seen: set[str] = set()
    for held in segment.rows:
        fact = held.fact
        if isinstance(fact, Receipt) and fact.id not in seen:
            seen.add(fact.id)
            calls, turn = _said(talks, fact.call)
            yield Row(fact.id, held, fact.agent, fact.model, fact.counts, calls, turn)


def rows_of_spans(
    spans: Iterable[Held], talks: Mapping[str, Talk] | None = None, models: Sequence[str] = ()
) -> Iterator[Row]:
    """Rows of telemetry; a model that the counters do not know is in them under another name."""
    for held in spans:
        fact = held.fact
        if isinstance(fact, Span):
            named = [model for model in fact.models if not models or model in models]
            if named or not models:
                calls, turn = _said(talks or {}, fact.call)
                name = named[0] if named else "unknown"
                yield Row(f"{held.group}/{fact.id}", held, None, name, fact.counts, calls, turn)


def _said(talks: Mapping[str, Talk], call: str | None) -> tuple[tuple[str, ...], str | None]:
    talk = talks.get(call) if call else None
    return (talk.calls, talk.turn) if talk else ((), None)


def _messages(talks: dict[str, Talk], models: Sequence[str]) -> Iterator[Row]:
    for talk in talks.values():
        fact, model = talk.held.fact, talk.model
        if models and model not in models:
            model = models[0] if len(models) == 1 else None
        if talk.output is not None and (model or not models) and isinstance(fact, Answer):
            counts = Counts(output=talk.output)
            yield Row(fact.id, talk.held, talk.agent, model or "unknown", counts, talk.calls, talk.turn)


def _compactions(segment: Segment, models: Sequence[str]) -> Iterator[Row]:
    for held in segment.rows:
        fact = held.fact
        if isinstance(fact, Compaction):
            model = fact.model or (models[0] if len(models) == 1 else "unknown")
            yield Row(fact.id, held, fact.agent, model, fact.counts, summed=False)
