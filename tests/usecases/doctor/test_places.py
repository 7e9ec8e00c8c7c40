"""How much room is told, and what of a path stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tallybook.usecases.doctor.places import readable, standing

if TYPE_CHECKING:
    from pathlib import Path


@given(st.integers(0, 1 << 60))
def test_sizes_have_a_unit_and_few_digits(size: int) -> None:
    number, unit = readable(size).split(" ")
    assert unit in {"bytes", "KiB", "MiB", "GiB", "TiB"}
    assert unit == "TiB" or float(number.replace(",", "")) <= 1024


def test_what_stands_of_a_path(tmp_path: Path) -> None:
    assert standing(tmp_path) == tmp_path
    assert standing(tmp_path / "a" / "b") == tmp_path
