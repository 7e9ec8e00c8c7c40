"""An explanation as JSON and as cells of tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tallybook.clock import timestamp
from tallybook.reports.costs import cost_json
from tallybook.reports.vectors import vector

if TYPE_CHECKING:
    from tallybook.reports.vectors import Json
    from tallybook.usecases.why import Why
    from tallybook.usecases.why_lines import Spot, WhyLine, WhyLog, WhySum

HEAD: Final = ("line", "byte", "time", "kind", "verdict", "tokens", "model", "goal", "why")
NUMBERS: Final = frozenset({"line", "byte", "tokens"})
SUMS: Final = ("lines", "kind", "verdict", "why")


def why_json(found: Why) -> dict[str, Json]:
    """The whole explanation."""
    return {
        "agent": found.key.agent,
        "session": found.key.session,
        "logs": [_log(log) for log in found.logs],
        "counted": {
            "responses": found.responses,
            "tokens": vector(found.tokens),
            "quality": found.quality and str(found.quality),
            "cost": cost_json(found.cost),
        },
        "not_itemised": [{"model": one.model, "tokens": vector(one.tokens)} for one in found.unitemised],
    }


def _log(log: WhyLog) -> Json:
    return {
        "path": log.path,
        "readable": log.readable,
        "whole": log.whole,
        "lines": [_line(line) for line in log.lines],
        "sums": [
            {"kind": one.kind, "verdict": str(one.what), "why": one.why, "session": one.session, "lines": one.lines}
            for one in log.sums
        ],
    }


def _line(line: WhyLine) -> Json:
    spot = line.counted_at
    return {
        "line": line.number,
        "byte": line.byte,
        "at": _moment(line.at),
        "kind": line.kind,
        "verdict": str(line.what),
        "why": line.why,
        "session": line.session,
        "response": line.response,
        "counted": [
            {
                "response": one.key,
                "model": one.model,
                "tokens": vector(one.tokens),
                "quality": str(one.quality),
                "goal": goal,
            }
            for one, goal in zip(line.counted, line.goals, strict=True)
        ],
        "counted_at": None if spot is None else {"path": spot.path, "byte": spot.byte},
    }


def line_cells(line: WhyLine) -> tuple[str, ...]:
    """One line, in the order of ``HEAD``."""
    spot = line.counted_at
    where = f" (counted in {spot.path}{_byte(spot)})" if spot and line.what != "repeated" else ""
    return (
        "" if line.number is None else str(line.number),
        "" if line.byte is None else str(line.byte),
        _moment(line.at) or "",
        line.kind,
        str(line.what),
        f"{sum(one.tokens.total for one in line.counted):,}" if line.counted else "",
        ", ".join(dict.fromkeys(one.model for one in line.counted)),
        ", ".join(dict.fromkeys(goal for goal in line.goals if goal)),
        line.why + where + _beside(line),
    )


def _byte(spot: Spot) -> str:
    return "" if spot.byte is None else f", byte {spot.byte}"


def _beside(line: WhyLine) -> str:
    qualities = dict.fromkeys(str(one.quality) for one in line.counted if one.quality != "exact")
    return f" [{', '.join(qualities)}]" if qualities else ""


def sum_cells(one: WhySum) -> tuple[str, ...]:
    """Lines that were summed up, in the order of ``SUMS``."""
    why = one.why if one.session is None else f"{one.why} (session {one.session})"
    return (f"{one.lines:,}", one.kind, str(one.what), why)


def _moment(at: int | None) -> str | None:
    """UTC, ISO 8601."""
    return None if at is None else timestamp(datetime.fromtimestamp(at / 1_000_000, UTC))
