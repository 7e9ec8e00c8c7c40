"""How people and forges call a pull request."""

from __future__ import annotations

import pytest

from tallybook.repo.made_commits import MadeCommit
from tallybook.repo.pull_requests import PullMerge, pull_number, pulls_of
from tallybook.repo.trailers import TaskTrailers


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


@pytest.mark.parametrize(
    ("message", "branches"),
    [
        ("Merge pull request #7 from me/side", ("me/side", "side")),
        ("Merge pull request #7 from a/b/c\n\nbody", ("a/b/c", "b/c")),
        ("Merge pull request #7", ()),
        ("Merge pull request 'It is' (#7) from side into main", ("side",)),
        ("Merged in feature/x (pull request #7)", ("feature/x", "x")),
        ("Merge branch 'side' into 'main'\n\nSee merge request a/b!7", ("side",)),
        ("Merge branch 'side'\n\nSee merge request a/b!7", ("side",)),
        ("Merge branch 'it's' into 'main' (#7)", ("it's",)),
        ("Merged PR 7: Add a shelf", ()),
        ("Add a shelf (#7)", ()),
        ("Merge branch '" + "a' into '" * 50_000 + " (#7)", ("a",)),
    ],
)
def test_the_branch_that_a_merge_is_of(message: str, branches: tuple[str, ...]) -> None:
    """As the forge writes it, with its owner or without; of a subject of any length."""
    merge = MadeCommit("m", ("a", "b"), 1, 1, "", TaskTrailers(), message)
    found = pulls_of([merge])
    assert dict(found.made) == {"7": {"m"}}
    for branch in branches:
        assert [one.number for one in found.of_branch[branch]] == ["7"]
    assert not {"", "main", "me", "sid"} & found.of_branch.keys()


def test_merges_of_a_branch_are_told_in_the_order_of_time() -> None:
    """In whatever order they stand; those of other branches are not among them."""
    told = [
        MadeCommit(f"m{at}", ("a", "b"), at, at, "", TaskTrailers(), f"Merge pull request #{at} from {head}")
        for at, head in ((2, "me/x"), (3, "x"), (1, "you/x"), (4, "me/y"))
    ]
    found = pulls_of(told).of_branch
    assert found["x"] == (PullMerge("1", "you/x", 1), PullMerge("2", "me/x", 2), PullMerge("3", "x", 3))
    assert set(found) == {"x", "me/x", "you/x", "y", "me/y"}
