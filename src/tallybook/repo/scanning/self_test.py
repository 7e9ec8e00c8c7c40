"""Tries rules on their own examples, and bounds what their expressions can take.

Standard library only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tallybook.repo.scanning.boundary_hits import Seen, boundary_hits
from tallybook.repo.scanning.hits import secret_hits
from tallybook.repo.scanning.rules import RuleFault, Secret
from tallybook.repo.scanning.steps import bound
from tallybook.repo.scanning.table import MOST_STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.repo.scanning.rules import Book, Boundary, Example


def self_test(book: Book) -> tuple[RuleFault, ...]:
    """What rules do not keep of what their examples promise; a rule without examples promises nothing, and is told."""
    return tuple(
        RuleFault(message, book.file, rule.id, "mend the rule or its example")
        for rule in book.rules
        for message in (*_by_example(rule), *_by_form(rule))
    )


def _by_example(rule: Secret | Boundary) -> Iterator[str]:
    for name, examples, right in (
        ("positive", rule.examples.positive, True),
        ("negative", rule.examples.negative, False),
    ):
        if not examples:
            yield f"it has no {name} example"
        for number, example in enumerate(examples, 1):
            if _finds(rule, example) is not right:
                yield f"its {name} example {number} is {'not ' if right else ''}found"


def _finds(rule: Secret | Boundary, example: Example) -> bool:
    data = example.text.encode("utf-8", "replace")
    if isinstance(rule, Secret):
        return bool(secret_hits(data, (rule,)))
    size = len(data) if example.size is None else example.size
    return bool(boundary_hits(Seen(example.path, size, data), (rule,)))


def _by_form(rule: Secret | Boundary) -> Iterator[str]:
    flags = re.IGNORECASE if rule.ignore_case else 0
    for pattern in (rule.pattern,) if isinstance(rule, Secret) else rule.patterns:
        steps = bound(pattern, flags).steps
        if steps > MOST_STEPS:
            yield f"its expression could take {steps:,} steps at one place of a hostile text"
