"""Which goals commits without one are proposed for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.commit_links import Candidate, Evidence, proposals
from tallybook.domain.events import Event, GoalFinished, GoalsMerged, GoalStarted
from tallybook.domain.replay import fold

if TYPE_CHECKING:
    from tallybook.domain.goal import Goal

names = st.sampled_from(["c1", "c2", "c3", "c4"])
patches = st.dictionaries(names, st.sampled_from(["p", "q"]))
goals = st.frozensets(st.sampled_from(["g1", "g2"]), min_size=1)


@given(
    st.lists(names, unique=True),
    st.tuples(patches, patches),
    st.dictionaries(st.sampled_from(["n1", "n2"]), goals),
    st.dictionaries(names, goals),
)
def test_the_same_patch(
    wanted: list[str],
    changes: tuple[dict[str, str], dict[str, str]],
    named: dict[str, frozenset[str]],
    pulls: dict[str, frozenset[str]],
) -> None:
    """A commit gets all goals of all commits that change the same, else those of its pull request."""
    known = {**changes[0], **{f"n{name[1:]}": patch for name, patch in changes[1].items()}}
    found = proposals([Candidate(name, "s", 0, ours=False) for name in wanted], Evidence(known, named, pulls, ()))
    for name in wanted:
        same = {goal for other, its in named.items() if known.get(other, "") == known.get(name) for goal in its}
        told = [(one.goal, one.evidence) for one in found if one.commit == name]
        by_pull = [(goal, "pull-request") for goal in sorted(pulls.get(name, ()))]
        assert told == ([(goal, "patch-id") for goal in sorted(same)] or by_pull)
    assert {str(one.confidence) for one in found} <= {"trailer"}


def ran(*goals: tuple[str, str | None]) -> list[Goal]:
    """Goals that began and ended at these times of one day; the last one is merged into the first."""
    events = []
    for number, (begun, ended) in enumerate(goals):
        goal = f"g260105-0000000{number}"
        at = f"{number:013}-0000"
        events.append(_event(goal, at, GoalStarted("t", "product", begun)))
        if ended is not None:
            events.append(_event(goal, f"{number:013}-0001", GoalFinished("success", ended)))
    return list(fold(events).goals.values())


def _event(goal: str, hlc: str, body: GoalStarted | GoalFinished | GoalsMerged) -> Event:
    name = f"01935f4e-8a7b-7c3d-9e2f-{hlc[7:13]}{hlc[-4:]}00"
    return Event(name, "w-00000001", 1, "2026-01-05T10:00:00.000000Z", hlc, goal, body)


def ran_here(*own: Goal) -> Evidence:
    return Evidence({}, {}, {}, own)


TEN, TWELVE, TWO = (f"2026-01-05T{hour}:00:00.000000Z" for hour in ("10", "12", "14"))
AT = {name: 1_767_607_200 + 3600 * hours for name, hours in (("nine", -1), ("eleven", 1), ("one", 3), ("three", 5))}


def test_the_goal_that_ran_alone() -> None:
    """Not before it, not after it, not beside another one, and not for commits of others."""
    first, second, odd = ran((TEN, TWELVE), (TWELVE, None), ("soon", None))
    at = {
        name: [one.goal for one in proposals([Candidate("c", "s", moment, ours=True)], ran_here(first, second, odd))]
        for name, moment in AT.items()
    }
    assert at == {"nine": [], "eleven": [first.id], "one": [second.id], "three": [second.id]}
    assert proposals([Candidate("c", "s", AT["eleven"], ours=False)], ran_here(first)) == ()
    (long,) = ran((TEN, TWO))
    assert proposals([Candidate("c", "s", AT["eleven"], ours=True)], ran_here(first, long)) == ()
