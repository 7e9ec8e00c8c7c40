"""All rows."""

from __future__ import annotations

from typing import Final

from torture import sweep, traced

ROWS: Final = (sweep.ROW, traced.ROW)
