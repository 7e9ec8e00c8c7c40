"""Versions of libraries against the ranges that the package asks for."""

from __future__ import annotations

import pytest

from tallybook.usecases.doctor.versions import _holds, _parsed


@pytest.mark.parametrize(
    ("requirement", "version", "holds"),
    [
        ("msgspec<27,>=26.1", "26.1.0", True),
        ("msgspec<27,>=26.1", "26.0.9", False),
        ("msgspec<27,>=26.1", "27.0", False),
        ("msgspec<27,>=26.1", "26.10rc1", True),
        ("x>1.2", "1.2.0", False),
        ("x>1.2", "1.2.1", True),
        ("x<=1.2", "1.2.0", True),
        ("x<=1.2", "1.2.0.1", False),
        ("x!=2", "2.0", False),
        ("x!=2", "2.1", True),
        ("x==2", "2.0.0", True),
        ("x==2", "2.0.1", False),
        ("x", "anything", True),
        ("x>=1", "none", False),
    ],
)
def test_ranges(requirement: str, version: str, *, holds: bool) -> None:
    name, clauses, marker = _parsed(requirement)
    assert (name, marker) == (requirement[: len(name)], None)
    assert _holds(version, clauses) is holds


def test_markers() -> None:
    assert _parsed("a.b-c<2,>=1.3; python_version < '3.14'") == ("a.b-c", (("<", "2"), (">=", "1.3")), ("<", "3.14"))
