"""How people and forges call a pull request."""

from __future__ import annotations

import pytest

from tallybook.repo.pull_requests import pull_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", "12"),
        ("#12", "12"),
        ("!12", "12"),
        ("pr12", "12"),
        ("pr:12", "12"),
        ("pr#12", "12"),
        ("https://forge.example/o/r/pull/12", "12"),
        ("https://forge.example/o/r/-/merge_requests/12/", "12"),
        ("https://forge.example/o/r/issues/12", None),
        ("ABC-12", None),
        ("0", None),
        ("", None),
    ],
)
def test_pull_numbers(text: str, number: str | None) -> None:
    """Its number, where it is one."""
    assert pull_number(text) == number
