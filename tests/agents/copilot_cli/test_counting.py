"""One thing at a time: what each kind of line tells, and which of two that tell the same counts."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from loggen.copilot import (
    BUILDS,
    MODELS,
    START,
    Json,
    Parts,
    counts,
    encode,
    event,
    message,
    metrics,
    name,
    piece,
    receipt,
    resume,
    span,
    start,
)
from loggen.harness import count
from tallybook.agents.copilot_cli.reader import CopilotReader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Response

READER = CopilotReader()
S = name(0xABC)
GPT, CLAUDE = MODELS
ONE, TWO, SIX = Parts(40, 900, 50, 100, 7), Parts(60, 0, 0, 30, 0), Parts(5, 6, 7, 8, 1)
BOTH = ONE.plus(TWO)
LINE = 1000


def log(*told: tuple[str, Json] | tuple[str, Json, str], session: str = S, since: int = 1) -> list[Json]:
    """A session's events, a second apart; the head is there already."""
    head = event(since, "session.start", start(session, START, "1.0.60"), START)
    rest = [event(since + n, one[0], one[1], START + LINE * n, *one[2:]) for n, one in enumerate(told, start=1)]
    return [head, *rest]


def shutdown(**sums: Parts) -> tuple[str, Json]:
    """Counters by model; ``gpt`` and ``claude``, one response each."""
    named = {{"gpt": GPT, "claude": CLAUDE}[key]: parts for key, parts in sums.items()}
    return "session.shutdown", {"shutdownType": "routine", "modelMetrics": metrics(named, dict.fromkeys(named, 1))}


def said(call: str, output: int | None = None, model: str | None = GPT) -> tuple[str, Json]:
    return "assistant.message", message(call, model, output, (f"tool-{call}",))


def received(call: str, parts: Parts, number: int = 1) -> tuple[str, Json]:
    return "session.usage_record", receipt(S, number, call, GPT, parts)


def resumed(build: str) -> tuple[str, Json]:
    return "session.resume", resume(START, BUILDS[build])


def counted(lines: list[Json], spans: Iterable[Json] = ()) -> list[Response]:
    files = {f"/h/session-state/{S}/events.jsonl": encode(lines)}
    traced = list(spans)
    return count(READER, {**files, "/h/otel/a.jsonl": encode(traced)} if traced else files)


def shown(found: Iterable[Response]) -> list[tuple[str, Parts, str]]:
    return sorted(
        (
            one.model,
            Parts(*(one.tokens.parts()[n] for n in (0, 1, 4, 5, 6))),
            one.quality.value,
        )
        for one in found
    )


def traced(call: str, parts: Parts, second: int = 1, *, trace: str = "a" * 32, model: str = GPT) -> Json:
    return span(trace, second, S, call, model, parts, START + LINE * second)


def only(parts: Parts) -> Parts:
    return Parts(0, 0, 0, parts.output, 0)


def rest(whole: Parts, *told: int) -> Parts:
    return whole._replace(output=whole.output - sum(told))


def test_counters_alone_are_one_response_for_each_model() -> None:
    found = counted(log(shutdown(gpt=ONE, claude=TWO)))
    assert shown(found) == [(CLAUDE, TWO, "exact"), (GPT, ONE, "exact")]
    assert {one.at for one in found} == {(START + LINE) * 1000}
    assert {one.session for one in found} == {S}


def test_messages_and_counters_are_never_added() -> None:
    found = counted(log(said("a", 70), said("b", 20), shutdown(gpt=ONE)))
    assert shown(found) == [
        (GPT, Parts(0, 0, 0, 20, 0), "exact"),
        (GPT, Parts(0, 0, 0, 70, 0), "exact"),
        (GPT, rest(ONE, 70, 20), "exact"),
    ]


def test_messages_that_tell_as_much_as_the_counters_leave_the_rest() -> None:
    whole = Parts(40, 900, 50, 90, 0)
    assert shown(counted(log(said("a", 90), shutdown(gpt=whole))))[1] == (GPT, rest(whole, 90), "exact")


def test_messages_alone_are_a_lower_bound() -> None:
    found = counted(log(said("a", 70), said("a", 70), said("b", 20)))
    assert shown(found) == [(GPT, Parts(0, 0, 0, n, 0), "lower_bound") for n in (20, 70)]
    assert sorted(one.calls for one in found) == [("tool-a",), ("tool-b",)]
    assert {one.turn for one in found} == {"turn-a", "turn-b"}


def test_an_answer_of_which_nothing_is_told_makes_a_lower_bound() -> None:
    found = counted(log(said("a"), said("b")))
    assert shown(found) == [(GPT, Parts(0, 0, 0, 0, 0), "lower_bound")]
    assert shown(counted(log(said("a"), said("b"), shutdown(gpt=ONE)))) == [(GPT, ONE, "exact")]
    assert [one.key for one in found] == [one.key for one in counted(log(said("a"), said("b"), shutdown(gpt=ONE)))]


def test_before_any_build_told_usage_there_is_no_number() -> None:
    early = START - 20_000_000_000
    head = event(1, "session.start", start(S, early, "0.0.400"), early)
    assert counted([head, event(2, *said("a"), early + 5)]) == []


def test_a_message_without_a_model_is_of_the_chosen_one() -> None:
    change = ("session.model_change", {"previousModel": GPT, "newModel": CLAUDE})
    found = counted(log(said("a", 70, None), change, said("b", 20, None)))
    assert shown(found) == [(CLAUDE, Parts(0, 0, 0, 20, 0), "lower_bound"), (GPT, Parts(0, 0, 0, 70, 0), "lower_bound")]


def test_a_message_of_a_model_that_the_counters_lack() -> None:
    one = counted(log(said("a", 70, "other"), shutdown(gpt=ONE)))
    assert shown(one) == [(GPT, Parts(0, 0, 0, 70, 0), "exact"), (GPT, rest(ONE, 70), "exact")]
    two = counted(log(said("a", 70, "other"), shutdown(gpt=ONE, claude=TWO)))
    assert shown(two) == [(CLAUDE, TWO, "exact"), (GPT, ONE, "exact")]


def test_counters_of_early_builds_begin_anew() -> None:
    found = counted(log(shutdown(gpt=ONE), resumed("early"), shutdown(gpt=BOTH)))
    assert shown(found) == [(GPT, ONE, "exact"), (GPT, BOTH, "exact")]


@pytest.mark.parametrize("build", ["middle", "quiet"])
def test_counters_of_later_builds_go_on(build: str) -> None:
    found = counted(log(shutdown(gpt=ONE), resumed(build), shutdown(gpt=BOTH)))
    assert shown(found) == [(GPT, ONE, "exact"), (GPT, TWO, "exact")]


def test_a_process_that_did_nothing_adds_nothing() -> None:
    found = counted(log(shutdown(gpt=ONE), resumed("middle"), shutdown(gpt=ONE)))
    assert shown(found) == [(GPT, ONE, "exact")]


def test_counters_that_fell_have_begun_anew_whatever_the_marks_say() -> None:
    found = counted(log(shutdown(gpt=ONE), resumed("middle"), shutdown(gpt=TWO)))
    assert shown(found) == [(GPT, ONE, "exact"), (GPT, TWO, "exact")]
    gone = counted(log(shutdown(gpt=ONE), resumed("middle"), shutdown(claude=BOTH)))
    assert shown(gone) == [(CLAUDE, BOTH, "exact"), (GPT, ONE, "exact")]


def test_what_the_lines_prove_beats_the_marks() -> None:
    """An unmarked build whose messages tell just what was added; a marked one whose messages tell all there is."""
    grown = counted(log(shutdown(gpt=ONE), resumed("early"), said("a", TWO.output), shutdown(gpt=BOTH)))
    assert sum(one.tokens.total for one in grown) == sum(BOTH[:4])
    anew = counted(log(shutdown(gpt=ONE), resumed("middle"), said("a", BOTH.output), shutdown(gpt=BOTH)))
    assert sum(one.tokens.total for one in anew) == sum(ONE[:4]) + sum(BOTH[:4])


def test_a_killed_process_keeps_what_its_messages_tell() -> None:
    found = counted(log(said("a", 70), resumed("middle"), said("b", 30), shutdown(gpt=TWO)))
    assert shown(found) == [
        (GPT, Parts(0, 0, 0, 30, 0), "exact"),
        (GPT, Parts(0, 0, 0, 70, 0), "lower_bound"),
        (GPT, rest(TWO, 30), "exact"),
    ]


def checkpoint(parts: Parts, **more: object) -> tuple[str, Json]:
    return "session.usage_checkpoint", {"totalNanoAiu": 1, "modelMetrics": metrics({GPT: parts}, {GPT: 1}), **more}


def test_the_last_checkpoint_before_a_kill_is_a_lower_bound() -> None:
    lines = log(checkpoint(TWO), checkpoint(ONE.plus(TWO)), said("a"))
    assert shown(counted(lines)) == [(GPT, BOTH, "lower_bound")]


def test_the_shutdown_takes_the_place_of_a_checkpoint() -> None:
    found = counted(log(checkpoint(ONE), shutdown(gpt=BOTH)))
    assert shown(found) == [(GPT, BOTH, "exact")]


def test_after_a_kill_counters_may_go_on_from_the_checkpoint_or_from_the_shutdown() -> None:
    """Where the lines prove it; else from the checkpoint."""
    cut = (shutdown(gpt=TWO), resumed("middle"), checkpoint(TWO.plus(ONE)))
    on = counted(log(*cut, resumed("middle"), shutdown(gpt=TWO.plus(ONE).plus(SIX))))
    assert sum(one.tokens.total for one in on) == sum(TWO[:4]) + sum(ONE[:4]) + sum(SIX[:4])
    own = ONE.plus(SIX)
    back = counted(log(*cut, resumed("middle"), said("a", own.output), shutdown(gpt=TWO.plus(own))))
    assert sum(one.tokens.total for one in back) == sum(TWO[:4]) + sum(ONE[:4]) + sum(own[:4])


def test_a_checkpoint_within_an_accounting_snapshot() -> None:
    told = {"modelMetrics": metrics({GPT: ONE}, {GPT: 1})}
    lines = log(("session.usage_checkpoint", {"totalNanoAiu": 1, "accountingSnapshot": told}))
    assert shown(counted(lines)) == [(GPT, ONE, "lower_bound")]
    listed = [{"provider": None, "modelId": GPT, "metrics": told["modelMetrics"][GPT]}] * 2
    lines = log(("session.usage_checkpoint", {"totalNanoAiu": 1, "providerModelMetrics": listed}))
    assert shown(counted(lines)) == [(GPT, ONE.plus(ONE), "lower_bound")]
    assert counted(log(("session.usage_checkpoint", {"totalNanoAiu": 1}))) == []


def test_receipts_beat_all_else() -> None:
    lines = log(received("a", ONE), said("a", ONE.output), received("b", TWO, 2), said("b"), shutdown(gpt=BOTH))
    found = counted(lines, [traced("a", ONE), traced("b", TWO, 2)])
    assert shown(found) == [(GPT, ONE, "exact"), (GPT, TWO, "exact")]
    assert sorted(one.calls for one in found) == [("tool-a",), ("tool-b",)]
    assert {(one.effort, one.window) for one in found} == {("medium", 128_000)}


def test_what_counters_have_beyond_receipts_is_one_response_more() -> None:
    found = counted(log(received("a", ONE), shutdown(gpt=BOTH, claude=SIX)))
    assert shown(found) == [(CLAUDE, SIX, "exact"), (GPT, ONE, "exact"), (GPT, TWO, "exact")]


def test_a_receipt_that_lacks_a_count() -> None:
    kind, data = received("a", ONE)
    del data["usage"]["inputTokens"]
    (found,) = counted(log((kind, data)))
    assert (found.quality, found.tokens.output) == ("lower_bound", 100)


def test_telemetry_beats_messages() -> None:
    lines = log(said("a", ONE.output), said("b", TWO.output), shutdown(gpt=BOTH))
    found = counted(lines, [traced("a", ONE), traced("b", TWO, 2)])
    assert shown(found) == [(GPT, ONE, "exact"), (GPT, TWO, "exact")]
    assert {one.source for one in found} == {"/h/otel/a.jsonl"}


def test_telemetry_of_a_killed_process_tells_all() -> None:
    found = counted(log(said("a", ONE.output)), [traced("a", ONE)])
    assert shown(found) == [(GPT, ONE, "exact")]
    behind = counted(log(said("a", ONE.output), said("b", 30)), [traced("a", ONE)])
    assert shown(behind) == [(GPT, Parts(0, 0, 0, 30, 0), "lower_bound"), (GPT, ONE, "exact")]


def test_telemetry_has_one_piece_for_several_answers() -> None:
    """Early builds have one for a whole subagent; its messages add nothing."""
    lines = log(said("a", ONE.output), said("b", TWO.output))
    assert shown(counted(lines, [traced("b", BOTH)])) == [(GPT, BOTH, "exact")]


def test_telemetry_falls_to_the_process_that_was_at_work() -> None:
    lines = log(shutdown(gpt=ONE), resumed("early"), said("a"), shutdown(gpt=TWO))
    late = counted(lines, [traced("a", TWO, 3)])
    assert shown(late) == [(GPT, ONE, "exact"), (GPT, TWO, "exact")]
    assert sorted(one.source[-7:] for one in late) == ["a.jsonl", "s.jsonl"]
    undated = traced("z", ONE, 3) | {"startTime": None, "endTime": None}
    assert sum(one.tokens.total for one in counted(lines, [undated])) == sum(BOTH[:4])


def test_a_model_that_telemetry_names_otherwise() -> None:
    dated = traced("a", ONE)
    dated["attributes"]["gen_ai.response.model"] = f"{GPT}-2026-08-01"
    assert shown(counted(log(shutdown(gpt=ONE)), [dated])) == [(GPT, ONE, "exact")]
    dated["attributes"]["gen_ai.request.model"] = "other"
    assert shown(counted(log(shutdown(gpt=ONE)), [dated])) == [(GPT, ONE, "exact")]


def log_record(kind: str, parts: Parts, second: int) -> Json:
    told = traced("x", parts, second)
    return {**told, "type": "log", "name": "", "attributes": {**told["attributes"], "event.name": kind}}


INFERENCE, TURN = "gen_ai.client.inference.operation.details", "copilot.agent.turn"


def summary(parts: Parts, second: int, trace: str = "a" * 32) -> Json:
    told = traced("x", parts, second, trace=trace)["attributes"] | {"gen_ai.operation.name": "invoke_agent"}
    return piece(trace, second, "invoke_agent", told, START + LINE * second)


LEVELS = [traced("a", ONE, 1), log_record(INFERENCE, TWO, 2), log_record(TURN, SIX, 3), summary(BOTH, 4)]


@pytest.mark.parametrize("best", range(4))
def test_one_level_of_a_trace_counts(best: int) -> None:
    expected = [ONE, TWO, SIX, BOTH][best]
    for lines in permutations(LEVELS[best:]):
        found = count(READER, {"/h/otel/a.jsonl": encode(list(lines))})
        assert shown(found) == [(GPT, expected, "exact")]


def test_each_trace_has_its_own_level_and_each_piece_counts_once() -> None:
    other = summary(SIX, 9, trace="b" * 32)
    found = count(READER, {"/a.jsonl": encode([LEVELS[0], LEVELS[3], other]), "/b.jsonl": encode([LEVELS[0], other])})
    assert shown(found) == [(GPT, SIX, "exact"), (GPT, ONE, "exact")]
    assert {one.session for one in found} == {S}


def test_a_summary_that_leaves_the_caches_out_is_an_estimate() -> None:
    lumped = summary(ONE, 1)
    del lumped["attributes"]["gen_ai.usage.cache_read.input_tokens"]
    (found,) = count(READER, {"/a.jsonl": encode([lumped])})
    assert (found.quality, found.tokens.context) == ("estimated", 990)


def test_telemetry_that_names_no_session_has_that_of_its_trace() -> None:
    nameless = traced("a", ONE)
    del nameless["attributes"]["gen_ai.conversation.id"]
    plain = {"type": "span", "traceId": "a" * 32, "spanId": "9", "attributes": {}}
    (found,) = count(READER, {"/a.jsonl": encode([nameless, plain])})
    assert found.session == "a" * 32
    (found,) = count(READER, {"/a.jsonl": encode([nameless, traced("b", ONE) | {"spanId": "9"}])})[:1]
    assert found.session == S


def test_names_of_early_telemetry() -> None:
    told = traced("a", ONE)
    told["attributes"] = {
        key.replace("cache_read.input", "cache_read_input")
        .replace("cache_creation.input", "cache_creation_input")
        .replace("reasoning.output", "reasoning_output"): value
        for key, value in told["attributes"].items()
    }
    assert shown(count(READER, {"/a.jsonl": encode([told])})) == [(GPT, ONE, "exact")]


def test_compactions_count_beside_the_counters() -> None:
    used = {**counts(SIX), "model": CLAUDE}
    told = ("session.compaction_complete", {"success": True, "compactionTokensUsed": used})
    found = counted(log(told, said("a", 70), shutdown(gpt=ONE)))
    assert (CLAUDE, SIX._replace(reasoning=0), "exact") in shown(found)
    assert sum(one.tokens.total for one in found) == sum(ONE[:4]) + sum(SIX[:4])
    early = ("session.compaction_complete", {"compactionTokensUsed": {"input": 9, "output": 4, "cachedInput": 2}})
    assert shown(counted(log(early))) == [(GPT, Parts(7, 2, 0, 4, 0), "exact")]


def detailed(usage: Json, **details: int) -> tuple[str, Json]:
    told = {kind: {"tokenCount": number} for kind, number in details.items()}
    metric = {"requests": {"count": 1}, "usage": usage, "tokenDetails": told}
    return "session.shutdown", {"modelMetrics": {GPT: metric}}


def test_billed_tokens_can_prove_that_caches_are_not_within_the_input() -> None:
    usage = {"inputTokens": 900, "outputTokens": 5, "cacheReadTokens": 300, "cacheWriteTokens": 20}
    within = counted(log(detailed(usage, input=580, cache_read=300, cache_write=20, output=5)))
    assert shown(within) == [(GPT, Parts(580, 300, 20, 5, 0), "exact")]
    apart = counted(log(detailed(usage, input=900, cache_read=300, cache_write=20, output=5)))
    assert shown(apart) == [(GPT, Parts(900, 300, 20, 5, 0), "exact")]


def test_caches_larger_than_the_input_are_not_within_it() -> None:
    usage = {"inputTokens": 100, "outputTokens": 5, "cacheReadTokens": 300, "cacheWriteTokens": 20}
    assert shown(counted(log(detailed(usage)))) == [(GPT, Parts(100, 300, 20, 5, 0), "estimated")]


def test_subagents_have_their_part_of_the_counters() -> None:
    kind, data = shutdown(gpt=BOTH)
    data["agentMetrics"] = {
        "main": {"modelMetrics": metrics({GPT: ONE}, {GPT: 1})},
        "kid": {"modelMetrics": metrics({GPT: TWO}, {GPT: 1})},
    }
    found = {one.session: one for one in counted(log((kind, data)))}
    assert shown([found[S]]) == [(GPT, ONE, "exact")]
    assert shown([found[f"{S}/kid"]]) == [(GPT, TWO, "exact")]


def test_without_such_a_part_a_subagent_is_within_its_parent() -> None:
    lines = log((*said("a", 70), "kid"), said("b", 20), shutdown(gpt=ONE))
    assert {one.session for one in counted(lines)} == {S}
    assert sum(one.tokens.output for one in counted(lines)) == 100


def test_two_processes_at_once() -> None:
    """Each ends with counters of its own; which of them goes on from what is not known."""
    kind, joined = resumed("middle")
    joined = {**joined, "alreadyInUse": True}
    found = counted(log(said("a", 70), (kind, joined), said("b", 20), shutdown(gpt=ONE)))
    assert sum(one.tokens.total for one in found) == sum(ONE[:4])
    assert {one.quality.value for one in found} == {"estimated", "exact"}
    both = log(received("a", ONE), (kind, joined), received("b", TWO, 2), shutdown(gpt=BOTH), shutdown(gpt=BOTH))
    assert shown(counted(both)) == [(GPT, ONE, "exact"), (GPT, TWO, "exact")]


def test_the_same_file_twice_counts_once() -> None:
    lines = log(said("a", 70), received("b", ONE), shutdown(gpt=BOTH))
    once = counted(lines)
    files = {f"/{place}/session-state/{S}/events.jsonl": encode(lines) for place in "ba"}
    assert shown(count(READER, files)) == shown(once)
    shorter = {"/a/events.jsonl": encode(lines[:-1]), "/b/events.jsonl": encode(lines)}
    assert shown(count(READER, shorter)) == shown(once)


def test_a_compaction_of_a_subagent_is_its_own() -> None:
    told = ("session.compaction_complete", {"compactionTokensUsed": {**counts(SIX), "model": GPT}}, "kid")
    assert {one.session for one in counted(log(told))} == {f"{S}/kid"}


def test_telemetry_after_a_checkpoint_counts_beside_it() -> None:
    lines = log(said("a"), checkpoint(ONE), said("b"))
    found = counted(lines, [traced("b", TWO, 3)])
    assert shown(found) == [(GPT, ONE, "lower_bound"), (GPT, TWO, "exact")]
    assert shown(counted(lines, [traced("a", ONE, 1)])) == [
        (GPT, Parts(0, 0, 0, 0, 0), "lower_bound"),
        (GPT, ONE, "exact"),
    ]
