"""All rows."""

from __future__ import annotations

from typing import Final

from torture import flips, full, hooking, killing, model, orders, power, sweep, traced, truncation

ROWS: Final = (
    sweep.ROW,
    traced.ROW,
    truncation.ROW,
    flips.ROW,
    power.ROW,
    killing.ROW,
    full.ROW,
    orders.ROW,
    model.ROW,
    hooking.ROW,
)
