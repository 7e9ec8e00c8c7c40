"""The index of the hooks says the same as the full replay."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.ledgers import (
    GOAL,
    OTHER,
    FaultyFiles,
    append,
    finished,
    ledger_at,
    line_of,
    marked,
    own_file,
    started,
    tampered,
    write_lines,
)
from strategies import bodies, event_ids, few_goal_ids
from tallybook.domain.events import (
    Event,
    GoalContinued,
    GoalCorrected,
    GoalFinished,
    GoalsMerged,
    GoalStarted,
    GoalUpdated,
    NewEvent,
)
from tallybook.domain.replay import fold
from tallybook.ledger.goal_index import GoalIndex, goals_in, open_here, read_index, this_clone

if TYPE_CHECKING:
    import random
    from pathlib import Path

events = st.builds(
    Event,
    event_ids,
    st.sampled_from(["w-00000000", "w-00000001"]),
    st.integers(1, 9),
    st.just("2026-11-22T02:25:14.123456Z"),
    st.builds("{:013d}-{:04x}".format, st.integers(0, 5), st.integers(0, 1)),
    few_goal_ids,
    bodies,
)
lifecycle = st.builds(
    replace,
    events,
    body=st.one_of(
        st.builds(GoalStarted, st.just("t"), st.just("product"), st.just("now"), st.none() | st.just("main")),
        st.builds(GoalContinued, st.just("now")),
        st.builds(GoalFinished, st.sampled_from(["success", "fail"]), st.just("now")),
        st.builds(GoalCorrected, st.sampled_from(["success", "fail"]), st.just("now")),
        st.builds(GoalsMerged, few_goal_ids),
    ),
)


def naive(events: list[Event]) -> dict[str, tuple[object, ...]]:
    """(worktree, writer, activated, outcome, merged into) by goal, straight from the rules."""
    goals: dict[str, list[object]] = {}
    for event in sorted(events, key=lambda event: (event.order, event.id)):
        goal, body = goals.get(event.goal), event.body
        if isinstance(body, GoalStarted):
            goals.setdefault(event.goal, [body.worktree, event.writer, event.order, None, None])
        elif goal is None:
            continue
        elif isinstance(body, GoalContinued) and goal[3:] == [None, None]:
            goal[2] = event.order
        elif isinstance(body, GoalFinished) or (isinstance(body, GoalCorrected) and goal[3] is not None):
            goal[3] = body.status
        elif isinstance(body, GoalsMerged) and body.dropped in goals and goals[body.dropped][4] is None:
            keeper: object = event.goal
            while keeper is not None and keeper != body.dropped:
                keeper = goals[str(keeper)][4]
            if keeper is None:
                drop = goals[body.dropped]
                if [*goal[3:], *drop[3:]] == [None] * 4:
                    goal[2] = max(goal[2], drop[2], key=str)
                drop[4] = event.goal
    return {goal: tuple(found) for goal, found in goals.items()}


def facts(index: GoalIndex) -> dict[str, tuple[object, ...]]:
    return {
        goal: (entry.worktree, entry.writer, entry.activated, entry.outcome, entry.merged_into)
        for goal, entry in index.goals.items()
    }


@settings(max_examples=80)
@given(st.lists(lifecycle | events, max_size=12, unique_by=lambda event: event.id), st.randoms())
def test_the_index_is_the_naive_fold_and_the_replay(tmp_path: Path, some: list[Event], shuffle: random.Random) -> None:
    lines = [line_of(event) for event in some]
    shuffle.shuffle(lines)
    write_lines(tmp_path / "home" / "w-00000000.ndjson", [*lines[:7], b"junk"])
    write_lines(tmp_path / "metrics" / "w-00000001.ndjson", lines[4:])
    index = read_index(tmp_path / "home", tmp_path / "metrics")
    assert facts(index) == naive(some)
    contents = [path.read_bytes() for path in tmp_path.glob("*/*.ndjson")]
    assert goals_in(contents) == index.goals.keys()
    state = fold(some)
    assert {goal for goal, entry in index.goals.items() if entry.is_open} == state.index.open
    assert {(entry.id, entry.title, entry.kind) for entry in index.goals.values()} == {
        (goal.id, goal.title, goal.kind) for goal in state.goals.values()
    }


def test_open_goals_of_this_clone_and_worktree(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    third = "g261122-11111111"
    append(ledger, started(GOAL, "main"), started(OTHER, "main"), started(third, "side"))
    append(ledger, NewEvent(GOAL, GoalContinued("now")))
    stranger = tampered(
        own_file(ledger).read_bytes().splitlines()[0],
        {
            GOAL.encode(): b"g261122-22222222",
            own_file(ledger).read_bytes()[13:21]: b"00000000",
            b'"writer":"' + own_file(ledger).stem.encode(): b'"writer":"w-00000000',
        },
    )
    write_lines(tmp_path / "metrics" / "w-00000000.ndjson", [stranger])
    index = read_index(ledger.place.home, ledger.place.published)
    own = this_clone(ledger.place.home, ledger.place.identity)
    assert own == {own_file(ledger).stem}
    assert [entry.id for entry in open_here(index, own, "main")] == [OTHER, GOAL]
    assert [entry.id for entry in open_here(index, own, "side")] == [third]
    assert open_here(index, own, None) == []
    append(ledger, finished(GOAL))
    assert [entry.id for entry in open_here(read_index(ledger.place.home, None), own, "main")] == [OTHER]


def test_a_correction_changes_a_closed_goal_alone(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    correction = NewEvent(GOAL, GoalCorrected("fail", "2026-06-20T10:00:00Z", "other"))
    append(ledger, correction, started(), correction)
    assert read_index(ledger.place.home, None).goals[GOAL].outcome is None
    append(ledger, finished())
    assert read_index(ledger.place.home, None).goals[GOAL].outcome == "success"
    append(ledger, correction)
    assert read_index(ledger.place.home, None).goals[GOAL].outcome == "fail"


def test_goals_of_an_earlier_writer_are_open_here(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    append(ledger, started())
    next(ledger.place.home.glob("*.state.json")).write_text("")
    append(ledger, marked())
    own = this_clone(ledger.place.home, ledger.place.identity)
    assert len(own) == 2
    assert [entry.id for entry in open_here(read_index(ledger.place.home, None), own, None)] == [GOAL]


@pytest.mark.parametrize("change", [{b'"title":"Fix the parser"': b'"title":1'}, {b'"kind":"product"': b'"kind":[]'}])
def test_a_start_that_makes_no_sense_is_passed_over(tmp_path: Path, change: dict[bytes, bytes]) -> None:
    ledger = ledger_at(tmp_path)
    append(ledger, started())
    path = own_file(ledger)
    write_lines(path, [tampered(path.read_bytes()[:-1], change)])
    assert read_index(ledger.place.home, None) == GoalIndex({})
    assert ledger.read().events == ()


@pytest.mark.parametrize(
    ("body", "change"),
    [
        (GoalFinished("success", "now"), {b'"success"': b"[]"}),
        (GoalFinished("success", "now"), {b'"success"': b'"open"'}),
        (GoalsMerged(OTHER), {f'"{OTHER}"'.encode(): b"{}"}),
        (GoalsMerged(OTHER), {}),
    ],
)
def test_an_end_that_makes_no_sense_closes_nothing(
    tmp_path: Path, body: GoalFinished | GoalsMerged, change: dict[bytes, bytes]
) -> None:
    ledger = ledger_at(tmp_path)
    append(ledger, started(), NewEvent(GOAL, body))
    path = own_file(ledger)
    one, two = path.read_bytes().splitlines()
    write_lines(path, [one, tampered(two, change)])
    assert read_index(ledger.place.home, None).goals[GOAL].is_open


def test_a_circle_of_merges_is_left_open(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    third = "g261122-11111111"
    append(ledger, started(GOAL), started(OTHER), started(third), NewEvent(GOAL, GoalUpdated(title="New")))
    append(ledger, NewEvent(GOAL, GoalsMerged(OTHER)), NewEvent(third, GoalsMerged(GOAL)))
    append(ledger, NewEvent(OTHER, GoalsMerged(third)), NewEvent(third, GoalsMerged(OTHER)))
    goals = read_index(ledger.place.home, None).goals
    assert {goal: entry.merged_into for goal, entry in goals.items()} == {GOAL: third, OTHER: GOAL, third: None}
    assert [goals[goal].title for goal in (GOAL, OTHER)] == ["New", "Fix the parser"]


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    append(ledger, started())
    (ledger.place.home / "w-00000000.ndjson").symlink_to(tmp_path)
    assert list(read_index(ledger.place.home, tmp_path / "none").goals) == [GOAL]
    assert read_index(ledger.place.home, None, FaultyFiles(0, 13)) == GoalIndex({})
    assert read_index(ledger.place.home, None, FaultyFiles(3, 13)) == GoalIndex({})


def test_the_first_of_two_events_with_one_id_counts(tmp_path: Path) -> None:
    first, second = (
        line_of(
            Event(
                "01935f4e-8a7b-7c3d-9e2f-0123456789ab",
                "w-00000000",
                seq,
                "2026-11-22T02:25:14.123456Z",
                "1795314314123-0000",
                GOAL,
                GoalStarted(title, "product", "now"),
            )
        )
        for seq, title in ((1, "one"), (2, "two"))
    )
    for lines in ([first, second], [second, first]):
        write_lines(tmp_path / "w-00000000.ndjson", lines)
        assert read_index(tmp_path, None).goals[GOAL].title == "one"


@pytest.mark.parametrize("module", ["line", "file", "scan", "identity", "publish", "goal_index"])
def test_the_hooks_need_nothing_but_the_standard_library(module: str) -> None:
    code = (
        f"import sys, tallybook.ledger.{module}\n"
        "print(*{name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names - {'__main__'})"
    )
    found = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(sys.modules["tallybook"].__path__[0]) + "/.."},
    )
    assert set(found.stdout.split()) == {"tallybook"}


def test_a_start_without_a_readable_title_opens_nothing(tmp_path: Path) -> None:
    line = line_of(append(ledger_at(tmp_path), started())[0])
    write_lines(tmp_path / "home" / "w-00000000.ndjson", [tampered(line, {b'"title":"Fix the parser"': b'"title":7'})])
    assert read_index(tmp_path / "home", None) == GoalIndex({})
