"""Runs a shard of a row: the order as JSON, the number of the shard, how many there are; the outcome as JSON."""

from __future__ import annotations

import sys

import msgspec

from torture.registry import ROWS
from torture.running import Order, run

order = msgspec.json.decode(sys.argv[1], type=Order)
(row,) = (row for row in ROWS if row.name == order.row)
sys.stdout.write(msgspec.json.encode(run(row, order, int(sys.argv[2]), int(sys.argv[3]))).decode() + "\n")
