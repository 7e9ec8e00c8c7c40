"""What is a failure, a retry, a recovery: the one definition, case by case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.history.attempts import Attempts, Step, attempts_of

LS, MAKE = (1, 10), (1, 20)


def tool(key: int, call: tuple[int, int] | None = LS) -> Step:
    return Step("tool", key, call)


def bad(key: int) -> Step:
    return Step("tool-error", key)


PROMPT, ERROR, SAID = Step("prompt", 0), Step("api-error", 0), Step("message", 0)
CASES: list[tuple[list[Step], Attempts]] = [
    ([], Attempts()),
    ([tool(1), tool(2)], Attempts(calls=2)),
    ([tool(1), bad(1), tool(2)], Attempts(calls=2, failed=1, retries=1, recovered=1)),
    ([tool(1), bad(1), tool(2), bad(2)], Attempts(calls=2, failed=2, retries=1)),
    ([tool(1), bad(1), tool(2), bad(2), tool(3)], Attempts(calls=3, failed=2, retries=2, recovered=1)),
    ([tool(1), bad(1), tool(2), tool(3)], Attempts(calls=3, failed=1, retries=1, recovered=1)),
    ([tool(1), bad(1), tool(2, MAKE)], Attempts(calls=2, failed=1)),
    ([tool(1), bad(1), tool(2, MAKE), tool(3)], Attempts(calls=3, failed=1, retries=1, recovered=1)),
    ([tool(1), bad(1), PROMPT, tool(2)], Attempts(calls=2, failed=1)),
    ([tool(1), tool(2), bad(1)], Attempts(calls=2, failed=1)),
    ([tool(1, None), bad(1), tool(2, None)], Attempts(calls=2, failed=1)),
    ([bad(7), tool(1)], Attempts(calls=1)),
    ([ERROR], Attempts(service_failed=1)),
    ([ERROR, ERROR, SAID], Attempts(service_failed=2, service_retries=2)),
    ([ERROR, PROMPT, SAID], Attempts(service_failed=1)),
    ([ERROR, tool(1)], Attempts(calls=1, service_failed=1, service_retries=1)),
]


@pytest.mark.parametrize(("steps", "expected"), CASES)
def test_the_definition(steps: list[Step], expected: Attempts) -> None:
    """A retry repeats, in the same turn, what has failed and has not succeeded since."""
    assert attempts_of(steps) == expected


KEYS = st.integers(1, 5)
CALLED = st.builds(tool, KEYS, st.none() | st.sampled_from([LS, MAKE]))
STEPS = st.lists(CALLED | st.builds(bad, KEYS) | st.sampled_from([PROMPT, ERROR, SAID]))


@given(STEPS)
def test_counts_agree_with_each_other(steps: list[Step]) -> None:
    """Nothing is a retry without a failure before it."""
    found = attempts_of(steps)
    assert found.recovered <= found.retries <= found.calls
    assert found.failed <= found.calls
    assert found.service_retries <= found.service_failed
    assert found.retries == 0 or any(step.kind == "tool-error" for step in steps)
    assert attempts_of([*steps, PROMPT]) == found
