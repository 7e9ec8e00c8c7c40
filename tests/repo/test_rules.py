"""The rule of commits, on its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tallybook.repo.rules import Rule
from tallybook.repo.trailers import TaskTrailers

KNOWN = frozenset({"g1", "g2"})
tasks = st.lists(st.sampled_from(["g1", "g2", "x", ""]), max_size=3).map(tuple)
reasons = st.lists(st.sampled_from(["", "a reason"]), max_size=2).map(tuple)


@given(tasks, reasons, st.sampled_from(["AB-1: it", "it AB-1: it", ""]), st.sampled_from([None, "[A-Z]+-[0-9]+: "]))
def test_a_ruling(tasks: tuple[str, ...], reasons: tuple[str, ...], subject: str, ticket: str | None) -> None:
    """Unknown goals always break it; one known goal, reason or ticket keeps it; an empty reason is told apart."""
    ruling = Rule(KNOWN.__contains__, ticket).ruling(TaskTrailers(tasks, reasons), subject)
    unknown = [task for task in tasks if task not in KNOWN]
    assert list(ruling.unknown) == unknown
    if unknown:
        assert ruling.broken == "unknown-task"
    elif tasks or "a reason" in reasons or (ticket is not None and subject.startswith("AB-1: ")):
        assert ruling.broken is None
    else:
        assert ruling.broken == ("no-reason" if reasons else "no-task")
