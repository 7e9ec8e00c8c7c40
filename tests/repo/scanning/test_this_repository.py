"""This repository keeps its own rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tallybook.repo.git import Git, GitFault
from tallybook.repo.scanning.kinds import KINDS
from tallybook.repo.scanning.reading import rules_of
from tallybook.repo.scanning.rules import BadRules
from tallybook.repo.scanning.scan import Question, scan
from tallybook.repo.scanning.self_test import self_test
from tallybook.repo.scanning.sources import from_disk, in_work_tree

if TYPE_CHECKING:
    from tallybook.repo.scanning.kinds import Kind

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_keeps_the_rules(kind: Kind) -> None:
    """No finding, no allowance too many, and the rules keep what their own examples promise."""
    book = rules_of(ROOT, kind, examples=True)
    assert not isinstance(book, BadRules)
    assert self_test(book) == ()
    entries = in_work_tree(Git(ROOT, os.environ), ("",))
    if isinstance(entries, GitFault):
        pytest.skip("these sources are no git checkout")
    found = scan((Question(book, whole=True),), from_disk(ROOT, entries))
    assert isinstance(found, list)
    assert found[0].files > 100
    assert (found[0].findings, found[0].unused, found[0].unseen) == ((), (), ())
