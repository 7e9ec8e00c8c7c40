"""Cases that other counters got wrong, with numbers that were published for them, as logs of our own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from loggen.codex import START, ZERO, Rollout, Usage, plus, uuid4, uuid7
from loggen.harness import count
from tallybook.agents.codex.reader import CodexReader
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector, total_of

if TYPE_CHECKING:
    from tallybook.agents.port import Response

READER = CodexReader()


def total(responses: list[Response], session: str | None = None) -> TokenVector:
    return total_of(response.tokens for response in responses if session in (None, response.session))


def logged(vector: TokenVector) -> tuple[int, int, int, int, int]:
    """As Codex tells it: all input, cached input, output, reasoning, total."""
    return (vector.context, vector.cache_read, vector.output, vector.reasoning, vector.total)


def parts(whole: Usage, number: int) -> list[Usage]:
    """``number`` different usages whose sum is ``whole``."""
    rows: list[Usage] = []
    left = whole
    for nth in range(number, 1, -1):
        share = nth * number + 1
        row = (left[0] // nth - share, left[1] // nth - share, left[2] // nth, left[3] // nth - 1, left[4] // nth)
        rows.append(row)
        left = (left[0] - row[0], left[1] - row[1], left[2] - row[2], left[3] - row[3], left[4] - row[4])
    return [*rows, left]


def answer(rollout: Rollout, so_far: Usage, usages: list[Usage], repeats: int = 0) -> Usage:
    """Count each usage, and each again ``repeats`` times; return the total."""
    for usage in usages:
        so_far = plus(so_far, usage)
        for _ in range(1 + repeats):
            rollout.count(so_far, usage)
    return so_far


@pytest.mark.parametrize(
    ("whole", "number", "expected"),
    [
        ((34469, 3456, 0, 431, 264), 1, (34469, 3456, 431, 264, 34900)),
        ((298373, 238848, 0, 1123, 483), 11, (298373, 238848, 1123, 483, 299496)),
    ],
)
def test_x1_repeated_counts(whole: Usage, number: int, expected: tuple[int, ...]) -> None:
    log = Rollout(uuid7(1))
    log.meta(cli_version="0.104.0-alpha.1")
    log.turn(uuid7(2), "gpt-5.3-codex")
    log.limits()
    answer(log, ZERO, parts(whole, number), repeats=1)
    responses = count(READER, {log.key: log.data()})
    assert logged(total(responses)) == expected
    assert len(responses) == number


def siblings() -> tuple[Rollout, Rollout, str]:
    """Two forks of a thread whose own log is gone; the copies were written at the moment of each fork."""
    parent = uuid4(7)
    shared = parts((13_300_000, 12_000_000, 0, 98_113, 40_000), 135)
    logs = []
    for number, own in (
        (1, parts((1_900_000, 1_000_000, 0, 11_065, 5_000), 20)),
        (2, parts((3030, 303, 0, 63, 15), 3)),
    ):
        log = Rollout(uuid4(number), START + timedelta(days=number))
        log.meta(forked_from_id=parent)
        log.put("session_meta", {"id": parent, "timestamp": "2026-08-01T00:00:00Z", "cwd": "/srv"})
        log.turn(None, "gpt-5.1-codex")
        so_far = answer(log, ZERO, shared, repeats=1)
        answer(log, so_far, own, repeats=1)
        logs.append(log)
    return logs[0], logs[1], parent


def test_x4_siblings_of_an_absent_parent() -> None:
    left, right, parent = siblings()
    responses = count(READER, {left.key: left.data(), right.key: right.data()})
    assert len([response for response in responses if response.session == parent]) == 135
    assert total(responses, parent).total == 13_398_113
    assert total(responses, left.thread).total == 1_911_065
    assert logged(total(responses, right.thread)) == (3030, 303, 63, 15, 3093)
    assert total(responses).total == 15_312_271
    assert {response.quality for response in responses} == {Quality.EXACT}


def test_x4_one_alone_keeps_every_token_but_says_that_the_owner_is_not_proved() -> None:
    left, _, _ = siblings()
    responses = count(READER, {left.key: left.data()})
    assert total(responses).total == 13_398_113 + 1_911_065
    assert {response.quality for response in responses} == {Quality.UNVERIFIED}


@pytest.mark.parametrize("with_last", [True, False])
def test_x6_counter_resets(with_last: bool) -> None:
    log = Rollout(uuid7(1))
    log.meta()
    log.turn(uuid7(2), "gpt-5")
    first, second, third = (1000, 800, 0, 100, 40), (500, 400, 0, 30, 10), (400, 300, 0, 30, 10)
    log.count(first, first if with_last else None)
    log.count(ZERO, ZERO if with_last else None)
    log.count(second, second if with_last else None)
    log.count(plus(second, third), third if with_last else None)
    responses = count(READER, {log.key: log.data()})
    assert logged(total(responses)) == (1900, 1500, 160, 60, 2060)
    assert len(responses) == 3


def test_x8_parent_and_leaf() -> None:
    parent, leaf = Rollout(uuid7(1)), Rollout(uuid7(2))
    parent.meta()
    answer(parent, ZERO, [(100, 0, 0, 10, 0)])
    leaf.meta(source={"subagent": {"thread_spawn": {"parent_thread_id": parent.thread, "depth": 1}}})
    answer(leaf, ZERO, [(5000, 0, 0, 200, 0)])
    responses = count(READER, {leaf.key: leaf.data(), parent.key: parent.data()})
    assert [total(responses, log.thread).total for log in (parent, leaf)] == [110, 5200]
    assert total(responses).total == 5310


def test_x11_subagents_that_begin_with_their_parents_events() -> None:
    """Uncached input, cached input, output, reasoning of four files; the copies lack records but have counts."""
    wanted = [(8500, 6500, 1500, 500), (1500, 13000, 550, 200), (1000, 5500, 250, 50), (1000, 3500, 200, 70)]
    root = Rollout(uuid7(1), START)
    root.meta()
    root.turn(uuid7(2, START + timedelta(seconds=1)), "gpt-5.2")
    logs, so_far, copied = [root], ZERO, 0
    for nth, (fresh, cached, output, reasoning) in enumerate(wanted):
        rows = parts((fresh + cached, cached, 0, output, reasoning), 2)
        if nth == 0:
            so_far = answer(root, ZERO, rows)
            copied = len(root.lines)
            continue
        moment = START + timedelta(minutes=nth)
        child = Rollout(uuid7(10 + nth, moment), moment)
        spawn = {"subagent": {"thread_spawn": {"parent_thread_id": root.thread, "depth": 1}}}
        child.meta(source=spawn, forked_from_id=root.thread)
        child.copy(root.lines[:copied])
        child.turn(uuid7(20 + nth, moment + timedelta(seconds=5)), "gpt-5.2-mini")
        answer(child, so_far, rows)
        logs.append(child)
    responses = count(READER, {log.key: log.data() for log in reversed(logs)})
    assert len(responses) == 8
    for log, (fresh, cached, output, reasoning) in zip(logs, wanted, strict=True):
        assert total(responses, log.thread) == TokenVector(
            input=fresh, cache_read=cached, output=output, reasoning=reasoning
        )
    assert total(responses).total == 43000


def test_x13_cache_writes_are_a_part_of_the_input() -> None:
    log = Rollout(uuid7(1))
    log.meta()
    answer(log, ZERO, [(100, 20, 10, 5, 0)])
    (response,) = count(READER, {log.key: log.data()})
    assert response.tokens == TokenVector(input=70, cache_read=20, cache_write_unknown=10, output=5)


def test_x15_a_fresh_subagent_is_no_copy() -> None:
    parent, child = Rollout(uuid4(1)), Rollout(uuid4(2))
    parent.meta()
    answer(parent, ZERO, [(1000, 0, 0, 0, 0), (500, 0, 0, 0, 0)])
    child.meta(source={"subagent": {"thread_spawn": {"parent_thread_id": parent.thread}}})
    answer(child, ZERO, [(100, 0, 0, 0, 0), (50, 0, 0, 0, 0)])
    responses = count(READER, {parent.key: parent.data(), child.key: child.data()})
    assert (len(responses), total(responses).total) == (4, 1650)
    assert {response.quality for response in responses} == {Quality.EXACT}


@pytest.mark.parametrize(
    ("copied", "after", "expected"),
    [
        ((1000, 100, 0, 200, 0), (1100, 110, 0, 220, 0), (100, 10, 20, 0, 120)),
        ((1000, 0, 0, 0, 0), (1600, 200, 0, 250, 0), (600, 200, 250, 0, 850)),
    ],
)
def test_x15_a_copied_total_is_the_baseline_of_a_branch(copied: Usage, after: Usage, expected: tuple[int, ...]) -> None:
    parent, child = Rollout(uuid4(1)), Rollout(uuid4(2))
    parent.meta()
    parent.count(copied, None)
    child.meta(forked_from_id=parent.thread)
    child.count(copied, None)
    child.count(after, None)
    responses = count(READER, {child.key: child.data(), parent.key: parent.data()})
    assert logged(total(responses, child.thread)) == expected
    assert total(responses, parent.thread).context == copied[0]


def test_x15_repeated_totals_are_one_message() -> None:
    log = Rollout(uuid4(1))
    log.meta()
    answer(log, ZERO, [(110, 30, 0, 20, 5)], repeats=3)
    (response,) = count(READER, {log.key: log.data()})
    assert response.tokens == TokenVector(input=80, cache_read=30, output=20, reasoning=5)


def test_x15_turn_ids_tell_a_nested_replay_though_no_ancestor_is_there() -> None:
    own = START + timedelta(hours=2)
    log = Rollout(uuid7(9, own), own)
    log.meta(forked_from_id=uuid7(8, START + timedelta(hours=1)))
    log.turn(uuid7(3, START), "gpt-5.2")
    so_far = answer(log, ZERO, [(1000, 0, 0, 50, 0)])
    log.turn(uuid7(4, START + timedelta(minutes=90)), "gpt-5.2")
    so_far = answer(log, so_far, [(2000, 0, 0, 60, 0)])
    log.turn(uuid7(5, own + timedelta(seconds=3)), "gpt-5.2")
    answer(log, so_far, [(20, 0, 0, 2, 0)])
    responses = count(READER, {log.key: log.data()})
    assert total(responses, log.thread) == TokenVector(input=20, output=2)
    assert total(responses).total == 3132
    assert {response.quality for response in responses} == {Quality.EXACT}
