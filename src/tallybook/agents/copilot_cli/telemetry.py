"""Telemetry as Copilot CLI writes it to a file: which lines tell usage, of what, and of which session."""

from __future__ import annotations

from typing import Final, NamedTuple

from tallybook.agents.copilot_cli import records
from tallybook.agents.copilot_cli.facts import Counts, Level, Span

KINDS: Final = frozenset({"span", "metric", "log", "event"})
_CHATS: Final = frozenset({"chat", "generate_content", "text_completion"})
_INFERENCE: Final = "gen_ai.client.inference.operation.details"
_TURN: Final = ".agent.turn"
_AGENT: Final = "invoke_agent"


class Told(NamedTuple):
    """One piece of telemetry that tells usage."""

    group: str | None
    """That of its trace."""
    at: int | None
    span: Span
    version: str | None
    """Of the program."""


def span_of(head: records.Line, raw: bytes) -> Told | None:
    """What a line tells of usage; None for one that tells nothing, metrics among them, which are sums of spans."""
    line = records.readable(raw, records.telemetry)
    told = records.readable(line.attributes, records.attributes) if line and head.type != "metric" else None
    level = _level(head.type, line, told) if line and told else None
    if line is None or told is None or level is None or (told.input is None and told.output is None):
        return None
    trace = records.text(head.trace)
    at = next((at for raw in (line.end_time, line.timestamp, line.time) if (at := records.instant(raw))), None)
    models = (records.text(told.answered), records.text(told.asked))
    span = Span(
        records.text(line.span_id) or f"{level.name.lower()}@{at}={told.input},{told.output}",
        level,
        records.text(told.session),
        records.text(told.call),
        tuple(model for model in models if model),
        _counts(told),
    )
    scope = records.readable(line.scope, records.scope)
    return Told(f"trace:{trace}" if trace else None, at, span, records.text(scope.version) if scope else None)


def _level(kind: str, line: records.Telemetry, told: records.Attributes) -> Level | None:
    operation = records.text(told.operation)
    if kind == "span":
        return Level.CHAT if operation in _CHATS else Level.SUMMARY if operation == _AGENT else None
    event = records.text(told.event) or records.text(line.name) or ""
    if event == _INFERENCE:
        return Level.INFERENCE
    return Level.TURN if event.endswith(_TURN) else None


def _counts(told: records.Attributes) -> Counts:
    writes = (told.write, told.write_middle, told.write_early)
    return Counts(
        told.input,
        told.read if told.read is not None else told.read_early,
        next((write for write in writes if write is not None), None),
        told.output,
        told.reasoning if told.reasoning is not None else told.reasoning_early,
    )
