"""Snapshots against the truth: every response belongs to whom the rule says, whatever the boundaries."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import event, given

from tallybook.domain.metrics import accounts
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import COMPONENTS, TokenVector, total_of
from worlds import World, attribute, worlds

if TYPE_CHECKING:
    from tallybook.domain.attribution import Owner
    from tallybook.domain.usage import ClassUsage, SessionKey

Sums = Counter[tuple[object, ...]]


def add(sums: Sums, session: SessionKey, owner: Owner | None, usage: ClassUsage) -> None:
    place = (session, owner, usage.price_class)
    sums[*place, "responses"] += usage.responses
    assert usage.web_searches is not None
    sums[*place, "web_searches"] += usage.web_searches
    for name, part in zip(COMPONENTS, usage.tokens.parts(), strict=True):
        sums[*place, name] += part


def by_rule(world: World) -> Sums:
    sums: Sums = Counter()
    for session in world.sessions:
        for response in session.counted:
            add(sums, session.key, response.owner, response.usage)
    return +sums


def by_snapshots(world: World) -> Sums:
    sums: Sums = Counter()
    for segment in attribute(world.book.state.lines):
        for usage in segment.classes:
            add(sums, segment.session, segment.owner, usage)
    return +sums


@given(worlds())
def test_every_response_belongs_to_its_true_owner(world: World) -> None:
    owners = {response.owner for session in world.sessions for response in session.counted}
    event(f"{min(len(owners), 4)} owners or more")
    assert by_snapshots(world) == by_rule(world)


@given(worlds())
def test_settled_worlds_are_exact(world: World) -> None:
    state = world.book.state
    assert state.pending == {}
    assert state.problems == []
    assert {segment.quality for segment in attribute(state.lines)} <= {Quality.EXACT}


@given(worlds())
def test_the_state_agrees_with_the_goals_that_were_worked_on(world: World) -> None:
    state = world.book.state
    assert list(state.goals) == [goal.id for goal in world.goals]
    assert state.index.open == {goal.id for goal in world.goals if goal.open}
    for goal in world.goals:
        replayed = state.goals[goal.id]
        assert (replayed.attempt.number, len(replayed.attempt.stages)) == (goal.attempt, goal.stage)
        assert set(state.joined.get(goal.id, ())) == {session.key for session in goal.joined}


@given(worlds())
def test_goals_attempts_and_stages_show_what_their_responses_used(world: World) -> None:
    handed_out = accounts(world.book.state)
    true: dict[tuple[object, ...], list[TokenVector]] = {}
    rest: list[TokenVector] = []
    for session in world.sessions:
        for response in session.counted:
            owner, tokens = response.owner, response.usage.tokens
            if owner is None:
                rest.append(tokens)
            else:
                true.setdefault((owner.goal, owner.attempt, owner.stage), []).append(tokens)
                true.setdefault((owner.goal, owner.attempt), []).append(tokens)
                true.setdefault((owner.goal, "own" if owner.direct else "subtree"), []).append(tokens)
    assert handed_out.remainder_tokens == total_of(rest)
    for goal in world.goals:
        if goal.merged_into is not None:
            continue
        members = [each.id for each in world.goals if root(world, each.id) == goal.id]
        usage = handed_out.goals[goal.id]
        if usage.own is not None and usage.subtree is not None:
            assert usage.own == total_of(part for each in members for part in true.get((each, "own"), []))
            assert usage.subtree == total_of(part for each in members for part in true.get((each, "subtree"), []))
        for attempt in usage.attempts:
            assert (attempt.measure.tokens or TokenVector()) == total_of(
                true.get((attempt.goal, attempt.attempt.number), [])
            )
        if len(members) == 1:
            places = Counter[int]()
            for stage in usage.stages:
                place = (goal.id, stage.attempt, places[stage.attempt])
                assert (stage.measure.tokens or TokenVector()) == total_of(true.get(place, []))
                places[stage.attempt] += 1


def root(world: World, goal_id: str) -> str:
    goal = next(goal for goal in world.goals if goal.id == goal_id)
    while goal.merged_into is not None:
        goal = goal.merged_into
    return goal.id
