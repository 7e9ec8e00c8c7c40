"""Each way in which a rollout repeats, copies, drops or forwards counts, one at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from loggen.codex import ROOT, START, ZERO, Rollout, Usage, plus, uuid4, uuid7
from loggen.harness import count, ingest
from tallybook.agents.codex.reader import CodexReader
from tallybook.domain.quality import Quality

if TYPE_CHECKING:
    from tallybook.agents.port import Response

READER = CodexReader()
A: Usage = (1000, 400, 0, 50, 10)
B: Usage = (1200, 700, 30, 60, 0)
C: Usage = (1500, 900, 0, 70, 5)


def log(number: int = 1, **meta: object) -> Rollout:
    moment = START + timedelta(minutes=number)
    rollout = Rollout(uuid7(number, moment), moment)
    rollout.meta(**meta)
    return rollout


def total(*usages: Usage) -> Usage:
    whole = ZERO
    for usage in usages:
        whole = plus(whole, usage)
    return whole


def counted(*logs: Rollout) -> list[Response]:
    return sorted(count(READER, {one.key: one.data() for one in logs}), key=lambda each: (each.session, each.offset))


def usages(responses: list[Response], session: str | None = None) -> list[Usage]:
    return [
        (
            each.tokens.context,
            each.tokens.cache_read,
            each.tokens.cache_write,
            each.tokens.output,
            each.tokens.reasoning,
        )
        for each in responses
        if session in (None, each.session)
    ]


def test_a_filled_window_ends_the_epoch_and_is_no_usage() -> None:
    one = log()
    one.count(A, A)
    one.count(ZERO, ZERO, total_tokens=258400)
    one.count(B, B)
    one.count(total(B, C), C)
    assert usages(counted(one)) == [A, B, C]


def test_the_estimate_after_a_compaction_is_no_usage() -> None:
    one = log()
    one.count(A, A)
    one.count(A, ZERO, total_tokens=6859)
    one.count(A, A)
    one.count(total(A, B), B)
    assert usages(counted(one)) == [A, B]


def test_a_counter_that_was_reset_may_repeat_itself() -> None:
    one = log()
    one.count(A, A)
    one.count(total(A, B), B)
    one.count(A, A)
    responses = counted(one)
    assert usages(responses) == [A, B, A]
    assert len({each.key for each in responses}) == 3


def test_a_lowered_total_begins_an_epoch() -> None:
    one = log()
    one.count(total(A, B, C), A)
    one.put("compacted", {"message": "", "replacement_history": []})
    one.count(total(A, B), B)
    assert usages(counted(one)) == [A, B]


def test_a_total_without_its_last_usage_counts_by_difference() -> None:
    one = log()
    for so_far in (A, total(A, B), total(A, B), ZERO, C):
        one.count(so_far, None)
    assert usages(counted(one)) == [A, B, C]


def test_an_impossible_difference_is_not_counted_and_what_follows_is_a_lower_bound() -> None:
    one = log()
    one.count((1000, 0, 0, 10, 0), None)
    one.count((1100, 900, 0, 20, 0), None)
    one.count((2100, 900, 0, 30, 0), None)
    responses = counted(one)
    assert usages(responses) == [(1000, 0, 0, 10, 0), (1000, 0, 0, 10, 0)]
    assert [each.quality for each in responses] == [Quality.EXACT, Quality.LOWER_BOUND]


def test_a_lost_row_makes_the_next_a_lower_bound() -> None:
    one = log()
    one.count(A, A)
    one.count(total(A, B, C), C)
    assert [each.quality for each in counted(one)] == [Quality.EXACT, Quality.LOWER_BOUND]


def test_records_and_counters_in_one_file_count_each_response_once() -> None:
    one = log()
    one.count(A, A)
    one.record("resp_b", B)
    one.call("call_b")
    one.count(total(A, B), B)
    one.record("resp_x", A)  # a remote compaction: no count
    one.count(total(A, B, C), C)
    one.record("resp_c", C)  # its count came first
    one.count(total(A, B, C, A), A)
    one.count(total(A, B, C, A, A), A)
    assert sorted(usages(counted(one))) == sorted([A, B, A, C, A])


def test_a_record_without_an_id_leaves_its_count_to_be_counted() -> None:
    one = log()
    one.record("", A)
    one.count(A, A)
    assert usages(counted(one)) == [A]


def test_copied_records_belong_to_their_thread_and_count_once() -> None:
    parent = log(1)
    parent.record("resp_a", A)
    parent.count(A, A)
    child = log(2, forked_from_id=parent.thread)
    child.copy(parent.lines)
    child.settings(child.thread, "gpt-5.5")
    child.record("resp_b", B)
    child.count(total(A, B), B)
    both = counted(child, parent)
    assert (usages(both, parent.thread), usages(both, child.thread)) == ([A], [B])
    assert {each.source for each in both if each.session == parent.thread} == {parent.key}
    alone = counted(child)
    assert (usages(alone, parent.thread), usages(alone, child.thread)) == ([A], [B])
    assert {each.key for each in alone} == {each.key for each in both}


def test_a_sibling_without_records_adds_nothing_to_one_with_them() -> None:
    """The parent is gone; one fork copied its records and counts, a subagent copied the counts alone."""
    parent = log(1)
    parent.record("resp_a", A)
    parent.count(A, A)
    fork = log(2, forked_from_id=parent.thread)
    fork.copy(parent.lines)
    fork.settings(fork.thread, "gpt-5.5")
    sub = log(3, forked_from_id=parent.thread)
    sub.copy([parent.lines[0], parent.lines[2]])
    sub.settings(sub.thread, "gpt-5.5")
    assert usages(counted(fork, sub), parent.thread) == [A]
    assert usages(counted(sub), parent.thread) == [A]


def test_a_legacy_fork_is_bounded_by_its_parents_rows_though_timestamps_are_rewritten() -> None:
    parent, child = Rollout(uuid4(1)), Rollout(uuid4(2), START + timedelta(days=1))
    parent.meta()
    parent.count(A, A)
    parent.count(total(A, B), B)
    child.meta(forked_from_id=parent.thread)
    child.copy(parent.lines)
    child.count(total(A, B, C), C)
    parent.count(total(A, B, B), B)
    responses = counted(parent, child)
    assert (usages(responses, parent.thread), usages(responses, child.thread)) == ([A, B, B], [C])
    assert {each.quality for each in responses} == {Quality.EXACT}


def test_a_fork_of_a_fork_holds_three_threads_rows() -> None:
    logs = [Rollout(uuid4(number), START + timedelta(days=number)) for number in (1, 2, 3)]
    so_far = ZERO
    for nth, (one, usage) in enumerate(zip(logs, (A, B, C), strict=True)):
        one.meta(**({"forked_from_id": logs[nth - 1].thread} if nth else {}))
        one.copy(logs[nth - 1].lines if nth else [])
        so_far = plus(so_far, usage)
        one.count(so_far, usage)
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        responses = counted(*(logs[nth] for nth in order))
        assert [usages(responses, one.thread) for one in logs] == [[A], [B], [C]]
    without_middle = counted(logs[0], logs[2])
    assert usages(without_middle, logs[0].thread) == [A]
    assert sorted(usages(without_middle)) == sorted([A, B, C])
    assert {each.quality for each in without_middle if each.session != logs[0].thread} == {Quality.UNVERIFIED}


def test_a_paginated_fork_begins_with_its_parents_total() -> None:
    parent = log(1)
    parent.count(A, A)
    child = log(2, forked_from_id=parent.thread, history_base={"thread_id": parent.thread})
    child.count(A, A)  # the total it was seeded with, told again
    child.count(total(A, B), B)
    responses = counted(child, parent)
    assert (usages(responses, parent.thread), usages(responses, child.thread)) == ([A], [B])
    assert {each.quality for each in responses} == {Quality.EXACT}


def test_a_seeded_total_that_nothing_explains_is_unverified() -> None:
    child = log(2, forked_from_id=uuid7(1), history_base={"thread_id": uuid7(1)})
    child.count(total(A, B), B)
    child.count(total(A, B, C), C)
    responses = counted(child)
    assert usages(responses) == [B, C]
    assert [each.quality for each in responses] == [Quality.UNVERIFIED, Quality.EXACT]


def test_a_seeded_total_without_last_usage_is_never_counted_whole() -> None:
    child = log(2, forked_from_id=uuid7(1), history_base={"thread_id": uuid7(1)})
    child.count(A, None)
    child.count(total(A, B), None)
    assert usages(counted(child)) == [B]


def test_the_heads_ordinal_bounds_a_subagents_own_history() -> None:
    """A prefix of 0.150 holds the parent's count but none of its heads."""
    child = Rollout(uuid7(2), paginated=True)
    child.meta(subagent_history_start_ordinal=2, parent_thread_id=uuid7(1), source={"subagent": "other"})
    child.count(A, A)
    child.count(total(A, B), B)
    responses = counted(child)
    assert (usages(responses, child.thread), usages(responses, uuid7(1))) == ([B], [A])


def test_an_ordinal_behind_the_end_of_the_file_says_nothing() -> None:
    child = Rollout(uuid7(2), paginated=True)
    child.meta(subagent_history_start_ordinal=99, forked_from_id=uuid7(1))
    child.settings(child.thread, "gpt-5.5")
    child.count(A, A)
    assert usages(counted(child), child.thread) == [A]


def test_settings_of_another_thread_are_no_boundary() -> None:
    parent = uuid4(1)
    child = Rollout(uuid4(2))
    child.meta(forked_from_id=parent)
    child.count(A, A)
    child.settings(parent, "gpt-5.4")
    child.count(total(A, B), B)
    child.settings(child.thread, "gpt-5.5")
    child.count(total(A, B, C), C)
    responses = counted(child)
    assert usages(responses, child.thread) == [C]
    assert sorted(usages(responses, parent)) == sorted([A, B])


def test_turns_that_began_before_the_thread_are_copied() -> None:
    child = Rollout(uuid4(2), START)
    child.meta(forked_from_id=uuid4(1))
    seconds = int(START.timestamp())
    child.event("task_started", turn_id="one", started_at=seconds - 60)
    child.count(A, A)
    child.event("task_started", turn_id="two", started_at=seconds + 2)
    child.count(total(A, B), B)
    responses = counted(child)
    assert (usages(responses, uuid4(1)), usages(responses, child.thread)) == ([A], [B])
    assert {each.quality for each in responses} == {Quality.EXACT}


def test_turns_of_the_parent_are_copied() -> None:
    parent, child = Rollout(uuid4(1)), Rollout(uuid4(2))
    parent.meta()
    parent.turn("one", "gpt-5")
    child.meta(forked_from_id=parent.thread)
    child.turn("one", "gpt-5")
    child.count(A, A)
    child.turn("two", "gpt-5")
    child.settings(child.thread, "gpt-5")
    child.count(total(A, B), B)
    assert usages(counted(child, parent), child.thread) == [B]


def test_a_fork_whose_first_row_starts_from_nothing_proves_itself() -> None:
    child = Rollout(uuid4(2))
    child.meta(forked_from_id=uuid4(1))
    child.count(A, A)
    (response,) = counted(child)
    assert (response.session, response.quality) == (child.thread, Quality.EXACT)


def test_a_burst_at_the_moment_of_the_fork_is_the_absent_parents_but_not_proved() -> None:
    child = Rollout(uuid4(2), START)
    child.meta(forked_from_id=uuid4(1))
    child.copy([{"type": "session_meta", "payload": {"id": uuid4(1)}}])
    child.moment = START
    child.count(A, A)
    child.moment = START + timedelta(seconds=30)
    child.count(total(A, B), B)
    responses = counted(child)
    assert (usages(responses, uuid4(1)), usages(responses, child.thread)) == ([A], [B])
    assert {each.quality for each in responses} == {Quality.UNVERIFIED}


def test_a_copy_of_a_file_under_another_root_adds_nothing() -> None:
    one = log()
    one.count(A, A)
    one.record("resp_b", B)
    early = one.data()
    one.count(total(A, B, C), C)
    files = {one.key: one.data(), "/mnt/backup/.codex:" + one.key.rpartition(":")[2]: early}
    assert sorted(usages(count(READER, files))) == sorted([A, B, C])


@pytest.mark.parametrize("with_child", [True, False])
def test_a_review_that_was_forwarded_into_its_parent_counts_once(with_child: bool) -> None:
    parent = log(1)
    parent.count(A, A)
    parent.event("entered_review_mode", target={})
    parent.count(A, A)
    parent.count(B, B)
    parent.count(B, B)
    parent.event("exited_review_mode")
    parent.count(A, A)
    parent.count(total(A, C), C)
    child = log(2, source={"subagent": "review"})
    child.count(B, B)
    responses = counted(parent, *([child] if with_child else []))
    assert usages(responses, parent.thread) == ([A, C] if with_child else [A, B, C])
    assert usages(responses, child.thread) == ([B] if with_child else [])
    assert {each.quality for each in responses} == {Quality.EXACT}


def test_a_review_child_is_its_own_session_though_it_shares_a_turn_id() -> None:
    parent = log(1)
    parent.turn(uuid7(5, START + timedelta(minutes=5)), "gpt-5.5")
    parent.count(A, A)
    child = log(2, source={"subagent": "review"}, parent_thread_id=parent.thread, session_id=parent.thread)
    child.turn(uuid7(5, START + timedelta(minutes=5)), "gpt-5.5")
    child.count(A, A)
    responses = counted(parent, child)
    assert (usages(responses, parent.thread), usages(responses, child.thread)) == ([A], [A])


def test_a_remote_compaction_that_was_not_logged_makes_a_lower_bound() -> None:
    one = log()
    one.call("call_a")
    one.count(A, A)
    one.put("compacted", {"message": "", "replacement_history": [{"type": "message"}]})
    one.count(total(A, B), B)
    one.count(total(A, B, C), C)  # a local compaction is counted
    one.put("compacted", {"message": ""})
    assert [each.quality for each in counted(one)] == [Quality.LOWER_BOUND, Quality.EXACT, Quality.EXACT]


def test_models_come_from_the_turn_then_the_settings_then_the_first_turn() -> None:
    one = log()
    one.count(A, A)
    one.settings(None, "from-settings")
    one.count(total(A, B), B)
    one.turn("t1", "first")
    one.record("resp_1", A, "t2")
    one.turn("t2", "second")
    one.record("resp_2", B, "t2")
    one.record("resp_3", C, "t1")
    one.record("resp_4", C, "t9")
    assert [each.model for each in counted(one)] == ["first", "from-settings", "second", "second", "first", "second"]


def test_without_any_model_it_is_unknown() -> None:
    one = log()
    one.count(A, A)
    assert [each.model for each in counted(one)] == ["unknown"]


@pytest.mark.parametrize(("told", "tier"), [(None, "standard"), ("default", "standard"), ("priority", "priority")])
def test_tiers(told: str | None, tier: str) -> None:
    one = log()
    one.settings(one.thread, "gpt-5.5", "flex")
    one.count(A, A)
    one.settings(one.thread, "gpt-5.5", told)
    one.count(total(A, B), B)
    assert [each.tier for each in counted(one)] == ["flex", tier]


def test_a_response_has_the_calls_that_were_logged_before_its_usage() -> None:
    one = log()
    one.call("early")
    one.item("custom_tool_call", name="apply_patch", input="*** Begin Patch", call_id="patch")
    one.item("local_shell_call", call_id="shell", status="completed", action={"type": "exec", "command": ["ls"]})
    one.item("web_search_call", status="completed", action={"type": "search"})
    one.record("resp_a", A)
    one.output("early")
    one.count(A, A)
    one.call("late")
    one.output("late")
    one.count(total(A, B), B)
    one.count(total(A, B), B)
    one.count(total(A, B, C), C)
    assert [each.calls for each in counted(one)] == [("early", "patch", "shell"), ("late",), ()]


@pytest.mark.parametrize("end", ["turn_aborted", "task_started", "task_complete"])
def test_calls_of_an_aborted_response_belong_to_none(end: str) -> None:
    one = log()
    one.call("lost")
    one.event(end, turn_id="t1")
    one.call("kept")
    one.count(A, A)
    assert [each.calls for each in counted(one)] == [("kept",)]


def pending(one: Rollout) -> tuple[str | None, str | None]:
    (batch,) = ingest(READER, one.key, [one.data()])
    return batch.pending_call, batch.pending_session


def test_a_call_is_pending_until_its_response_has_usage() -> None:
    one = log()
    assert pending(one) == (None, None)
    one.count(A, A)
    one.call("now")
    assert pending(one) == ("now", one.thread)
    one.count(A, A)
    one.count(A, ZERO, total_tokens=900)
    one.limits()
    one.output("now")
    assert pending(one) == ("now", one.thread)
    one.count(total(A, B), B)
    assert pending(one) == (None, None)
    one.call("again")
    one.record("resp_c", C)
    assert pending(one) == (None, None)
    one.call("more")
    one.event("turn_aborted", turn_id="t1", reason="interrupted")
    assert pending(one) == (None, None)


def test_a_response_stands_at_its_row() -> None:
    one = log()
    one.count(A, A)
    at = one.moment - timedelta(milliseconds=700)
    (response,) = counted(one)
    assert response.at == int(at.timestamp() * 1000) * 1000
    assert response.source == one.key
    assert one.data()[response.offset :].startswith(b'{"timestamp":"2026-09-01T08:01:00.700Z","type":"event_msg"')
    assert response.final


def test_sources_without_rows_are_no_responses() -> None:
    assert count(READER, {f"{ROOT}:rollout-empty": b""}) == []
    assert READER.derive([]) == []


def fork_of(number: int, *lineage: str) -> Rollout:
    """A fork of absent threads, with their heads copied, in a file of no telling ids."""
    child = Rollout(uuid4(number), START + timedelta(days=number))
    child.meta(forked_from_id=lineage[0])
    for ancestor in lineage:
        child.put("session_meta", {"id": ancestor})
    child.moment = START + timedelta(days=number)
    return child


def test_a_fork_of_a_fork_is_no_sibling_of_its_parent() -> None:
    absent = uuid4(9)
    child = fork_of(1, absent)
    child.count(A, A)
    child.moment += timedelta(minutes=5)
    child.count(total(A, B), B)
    grandchild = fork_of(2, child.thread, absent)
    grandchild.copy(child.lines[2:])
    grandchild.count(total(A, B, C), C)
    responses = counted(child, grandchild)
    assert [usages(responses, each) for each in (absent, child.thread, grandchild.thread)] == [[A], [B], [C]]


def test_rows_that_two_absent_threads_could_own_are_the_older_ones() -> None:
    older, younger = uuid4(9), uuid4(8)
    left, right = fork_of(1, younger, older), fork_of(2, older)
    for one, own in ((left, B), (right, C)):
        one.count(A, A)
        one.moment += timedelta(minutes=5)
        one.count(total(A, own), own)
    responses = counted(left, right)
    assert usages(responses, older) == [A]
    assert sorted(usages(responses)) == sorted([A, B, C])


def test_a_total_alone_does_not_prove_where_a_fork_begins() -> None:
    child = Rollout(uuid4(2))
    child.meta(forked_from_id=uuid4(1))
    child.count(A, None)
    child.count(total(A, B), None)
    responses = counted(child)
    assert (usages(responses), {each.quality for each in responses}) == ([B], {Quality.UNVERIFIED})


def test_a_seeded_total_may_be_a_grandparents() -> None:
    one = log(1)
    one.count(A, A)
    two = log(2, forked_from_id=one.thread, history_base={"thread_id": one.thread})
    three = log(3, forked_from_id=two.thread, history_base={"thread_id": two.thread})
    three.count(total(A, B), B)
    responses = counted(three, two, one)
    assert (usages(responses, three.thread), {each.quality for each in responses}) == ([B], {Quality.EXACT})


def test_a_record_is_counted_where_its_thread_wrote_it() -> None:
    parent = log(3)
    parent.record("resp_a", A)
    child = log(1, forked_from_id=parent.thread)
    child.copy(parent.lines)
    (response,) = counted(child, parent)
    assert (response.session, response.source) == (parent.thread, parent.key)


def test_a_record_of_another_thread_ties_the_two_together() -> None:
    one = log(1)
    one.put("token_usage_record", {"thread_id": "other", "response_id": "r", "usage": {}})
    (batch,) = ingest(READER, one.key, [one.data()])
    assert batch.links == ((one.thread, "other"),)


def test_a_total_that_falls_without_a_last_usage_counts_whole() -> None:
    one = log()
    one.count(C, None)
    one.count(A, None)
    assert usages(counted(one)) == [C, A]


def test_a_row_behind_an_impossible_one_is_a_lower_bound() -> None:
    one = log()
    one.count((1000, 0, 0, 10, 0), None)
    one.count((1100, 900, 0, 20, 0), None)
    one.count((2100, 1300, 0, 70, 10), A)
    assert [each.quality for each in counted(one)] == [Quality.EXACT, Quality.LOWER_BOUND]


def test_a_compaction_in_a_log_with_records_is_never_missing() -> None:
    one = log()
    one.call("call_a")
    one.record("resp_a", A)
    one.put("compacted", {"message": "", "compaction_response_id": None})
    assert [each.quality for each in counted(one)] == [Quality.EXACT]


def test_a_call_stays_pending_over_a_filled_window() -> None:
    one = log()
    one.count(A, A)
    one.call("now")
    one.count(ZERO, ZERO, total_tokens=258400)
    assert pending(one) == ("now", one.thread)


def test_of_several_absent_threads_ids_of_turns_tell_whose_a_copied_row_is() -> None:
    eldest, elder = uuid7(1, START), uuid7(2, START + timedelta(minutes=10))
    child = log(30, forked_from_id=elder)
    child.put("session_meta", {"id": elder})
    child.put("session_meta", {"id": eldest})
    child.turn(uuid7(3, START + timedelta(minutes=5)), "gpt-5.2")
    child.count(A, A)
    child.turn(uuid7(4, START + timedelta(minutes=15)), "gpt-5.2")
    child.count(total(A, B), B)
    child.turn(uuid7(5, START + timedelta(minutes=31)), "gpt-5.2")
    child.count(total(A, B, C), C)
    responses = counted(child)
    assert [usages(responses, thread) for thread in (eldest, elder, child.thread)] == [[A], [B], [C]]
    assert {each.quality for each in responses} == {Quality.EXACT}


def test_without_ids_nobody_knows_whose_of_several_absent_threads_a_copied_row_is() -> None:
    child = fork_of(1, uuid4(8), uuid4(9))
    child.count(A, A)
    child.moment += timedelta(minutes=5)
    child.count(total(A, B), B)
    sibling = fork_of(2, uuid4(8), uuid4(9))
    sibling.count(A, A)
    responses = counted(child, sibling)
    assert usages(responses, child.thread) == [B]
    assert {each.quality for each in responses if each.session != child.thread} == {Quality.UNVERIFIED}


def test_what_a_fork_has_copied_beyond_its_siblings_is_not_proved_its_own() -> None:
    """They share what was there when the first of them was forked."""
    early, late = fork_of(1, uuid4(9)), fork_of(2, uuid4(9))
    for one, copied in ((early, [A]), (late, [A, B])):
        for number in range(len(copied)):
            one.count(total(*copied[: number + 1]), copied[number])
            one.moment -= timedelta(milliseconds=650)
        one.moment += timedelta(minutes=5)
        one.count(total(*copied, C), C)
    responses = counted(early, late)
    assert sorted(usages(responses, uuid4(9))) == sorted([A, B])
    assert [usages(responses, one.thread) for one in (early, late)] == [[C], [C]]
    qualities = {usage: each.quality for usage, each in zip(usages(responses), responses, strict=True)}
    assert (qualities[A], qualities[B]) == (Quality.EXACT, Quality.UNVERIFIED)
