"""What a log says of its sessions, and what no line can do to its reader."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loggen.copilot import MODELS, START, Json, Parts, encode, event, message, metrics, name, receipt, span, start
from loggen.harness import count, derive, document, ingest
from tallybook.agents.copilot_cli.reader import CopilotReader
from tallybook.agents.port import Batch, SessionFact

READER = CopilotReader()
S, PARENT = name(0xABC), name(0xABD)
KEY = f"/h/session-state/{S}/events.jsonl"
ONE = Parts(40, 900, 50, 100, 7)
NEST = b"[" * 100_000 + b"]" * 100_000


def head(**more: object) -> Json:
    return event(1, "session.start", {**start(S, START, "1.0.102"), **more}, START + 40)


def used(number: int, agent: str | None = None, source: str = S) -> Json:
    data = receipt(source, abs(number), f"call-{number}", MODELS[0], ONE)
    return event(100 + number, "session.usage_record", data, START + 1000 * number, agent)


def read(*lines: Json | bytes, key: str = KEY) -> Batch:
    content = b"".join(line if isinstance(line, bytes) else encode([line]) for line in lines)
    (batch,) = ingest(READER, key, [content])
    return batch


def facts(*lines: Json | bytes) -> dict[str, SessionFact]:
    return {fact.session: fact for fact in read(*lines).sessions}


def test_a_session_and_its_times() -> None:
    context = {"cwd": "/srv/shop", "branch": "main", "headCommit": "c0ffee", "gitRoot": "/srv"}
    (found,) = read(head(context=context), used(1)).sessions
    assert found == SessionFact(
        S,
        born_at=START * 1000,
        last_at=(START + 1000) * 1000,
        cwd="/srv/shop",
        model=MODELS[0],
        branch="main",
        commit="c0ffee",
        version="1.0.102",
    )


def test_what_is_wrong_in_a_head_spoils_nothing_else() -> None:
    wrong = facts(head(startTime="yesterday", context="here", copilotVersion=5, selectedModel=[]), used(1))[S]
    assert (wrong.born_at, wrong.cwd, wrong.version, wrong.model) == ((START + 40) * 1000, None, None, None)


@pytest.mark.parametrize("session", [None, "", 5])
def test_the_place_names_a_session_that_does_not_name_itself(session: object) -> None:
    assert list(facts(head(sessionId=session), used(1))) == [S]
    flat = read(head(sessionId=session), used(1), key=f"/h/session-state/{S}.jsonl")
    assert [fact.session for fact in flat.sessions] == [S]


def test_a_log_without_its_head() -> None:
    batch = read(used(1), used(2))
    assert [one.session for one in derive(READER, {KEY: [batch]})] == [S, S]
    assert [fact.session for fact in batch.sessions] == [S]


def test_a_session_that_another_one_sent_off() -> None:
    found = facts(head(detachedFromSpawningParentSessionId=PARENT))[S]
    assert (found.parent, found.origin) == (PARENT, "subagent")
    assert facts(head(detachedFromSpawningParentSessionId=S))[S].parent is None


def test_a_subagent_is_a_child_once_its_usage_is_told() -> None:
    begun = event(5, "subagent.started", {"agentName": "explore"}, START + 500, "kid")
    assert list(facts(head(), begun)) == [S]
    found = facts(head(), begun, used(1, "kid"), event(6, "subagent.completed", {}, START + 3000, "kid"))
    child = found[f"{S}/kid"]
    assert (child.parent, child.origin) == (S, "subagent")
    assert (child.born_at, child.last_at) == ((START + 500) * 1000, (START + 3000) * 1000)


def test_a_fork_is_told_by_what_it_has_copied() -> None:
    copied = used(-5, source=PARENT), used(-4, "kid"), used(1)
    found = facts(head(), *copied)
    assert (found[S].forked_from, found[S].last_at) == (PARENT, (START + 1000) * 1000)
    assert found[f"{PARENT}/kid"].parent == PARENT
    assert set(found) == {S, f"{PARENT}/kid"}


def test_telemetry_tells_of_sessions_too() -> None:
    batch = read(span("a" * 32, 1, S, "call", MODELS[0], ONE, START))
    assert batch.sessions == (SessionFact(S, last_at=START * 1000, model=MODELS[0], version="1.0.80"),)


GOOD = [head(), used(1)]
BAD: dict[str, bytes] = {
    "no JSON": b"{\n",
    "cut": encode([used(2)])[:-9] + b"\n",
    "a list": b"[]\n",
    "a number": b"5\n",
    "NUL": b"\0\0\0\n",
    "no type": b'{"data":{}}\n',
    "a wrong type": b'{"type":5,"data":{}}\n',
    "deep": b'{"type":' + NEST + b',"data":{}}\n',
    "no usage": encode([event(9, "session.usage_record", {}, START)]),
    "wrong usage": encode([event(9, "session.usage_record", {"usage": [1]}, START)]),
    "wrong metrics": encode([event(9, "session.shutdown", {"modelMetrics": {"m": {"usage": 5}}}, START)]),
    "wrong shutdown": encode([event(9, "session.shutdown", [], START)]),  # type: ignore[arg-type]
    "wrong message": encode([event(9, "assistant.message", "hello", START)]),  # type: ignore[arg-type]
    "wrong head": encode([event(9, "session.resume", 7, START)]),  # type: ignore[arg-type]
    "wrong compaction": encode([event(9, "session.compaction_complete", {"compactionTokensUsed": 5}, START)]),
    "nameless telemetry": encode([{"type": "span", "attributes": {"gen_ai.operation.name": "chat",
                                                                   "gen_ai.usage.input_tokens": 5}}]),
}  # fmt: skip


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD)
def test_a_bad_line_is_counted_and_loses_nothing(raw: bytes) -> None:
    batch = read(GOOD[0], raw, GOOD[1], raw)
    assert batch.bad_lines == 2
    (found,) = derive(READER, {KEY: [batch]})
    assert found.tokens.output == ONE.output


@pytest.mark.parametrize("wrong", [-1, 1.5, "7", True, [1], 10**12 + 1])
@pytest.mark.parametrize("field", ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"])
def test_a_wrong_count_is_no_count(field: str, wrong: object) -> None:
    line = used(2)
    line["data"]["usage"][field] = wrong
    batch = read(*GOOD, line)
    assert (batch.bad_lines, len(batch.occurrences)) == (1, 2)
    bad = event(9, "session.shutdown", {"modelMetrics": metrics({"m": ONE}, {"m": 1})}, START)
    bad["data"]["modelMetrics"]["m"]["usage"][field] = wrong
    assert read(*GOOD, bad).bad_lines == 1


def test_unknown_kinds_are_counted_apart() -> None:
    news = event(9, "quantum.leap", {"usage": {"inputTokens": 5}}, START)
    batch = read(*GOOD, news, b'{"type":"profile","traceId":"a","attributes":{}}\n', b" \n", b"\n")
    assert (batch.bad_lines, batch.unknown_records) == (0, 2)
    known = event(9, "session.something_new", {}, START)
    metric = b'{"type":"metric","name":"gen_ai.client.token.usage"}\n'
    assert read(*GOOD, known, metric).unknown_records == 0


def test_half_an_emoji_spoils_no_usage() -> None:
    line = encode([used(2)]).replace(MODELS[0].encode(), b"gpt\\ud83d")
    batch = read(*GOOD, line)
    assert batch.bad_lines == 0
    assert {one.model for one in derive(READER, {KEY: [batch]})} == {MODELS[0], "gpt\ufffd"}


def test_a_byte_order_mark_and_other_ends_of_lines() -> None:
    content = b"\xef\xbb\xbf" + encode(GOOD).replace(b"\n", b"\r\n")
    assert len(count(READER, {KEY: content})) == 1


@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([encode([line])[:-1] for line in GOOD])), max_size=8))
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    for one in count(READER, {KEY: b"\n".join(pieces)}):
        assert one.tokens.output == ONE.output


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**13) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("usage", "modelMetrics", "agentMetrics", "providerModelMetrics", "accountingSnapshot", "toolRequests",
          "compactionTokensUsed", "outputTokens", "sessionId", "context", "model")  # fmt: skip
KINDS = ("session.start", "session.resume", "session.shutdown", "session.usage_checkpoint", "session.usage_record",
         "session.compaction_complete", "session.model_change", "assistant.message", "subagent.started")  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), JSON)), max_size=6))
def test_no_json_raises(lines: list[tuple[str, Json]]) -> None:
    told = [event(9 + n, kind, data, START) for n, (kind, data) in enumerate(lines)]
    found = count(READER, {KEY: encode([*GOOD, *told])})
    assert ONE.output in {one.tokens.output for one in found}


@given(st.dictionaries(st.sampled_from(["attributes", "traceId", "spanId", "endTime", "name"]), JSON), JSON)
def test_no_telemetry_raises(line: Json, value: object) -> None:
    good = span("b" * 32, 1, S, "call", MODELS[0], ONE, START)
    odd = {**good, "attributes": dict.fromkeys(good["attributes"], value)}
    found = count(READER, {"/x.jsonl": encode([good, {"type": "span", **line}, odd])})
    assert ONE.output in {one.tokens.output for one in found}


HISTORY: Json = {
    "sessionId": S,
    "startTime": "2025-10-01T10:00:00.000Z",
    "chatMessages": [{"role": "user", "content": "add a shelf"}],
    "timeline": [{"type": "user", "text": "hi", "id": "1", "timestamp": "2025-10-01T10:05:00.000Z"}, {"type": "info"}],
    "selectedModel": "claude-sonnet-4.5",
}


def history(told: object) -> Batch:
    raw = told if isinstance(told, bytes) else json.dumps(told).encode()
    return document(READER, f"/h/history-session-state/session_{S}.json", raw)


def test_a_session_of_2025_is_known_and_has_no_number() -> None:
    born = 1_759_312_800_000_000
    fact = SessionFact(S, born_at=born, last_at=born + 300_000_000, model="claude-sonnet-4.5")
    batch = history(HISTORY)
    assert replace(batch, items=()) == Batch(sessions=(fact,))
    assert batch.items == ((f"{S}/1", S, born + 300_000_000, "prompt", "typed", None, None),)
    assert READER.usage_since is not None
    assert born < READER.usage_since


def test_the_timeline_of_a_session_of_2025_tells_prompts_answers_and_calls() -> None:
    """Each by its id, or by its number where it has none."""
    call = {"type": "tool_call_completed", "name": "bash", "arguments": {"command": "ls"}}
    timeline = [
        {"type": "copilot", "text": "x"},
        {"type": "tool_call_requested", "callId": "c1", "name": "bash"},
        {**call, "callId": "c1", "result": {"type": "success"}},
        {**call, "callId": "c2", "result": {"type": "rejected"}},
        {**call, "name": "rm -rf /", "arguments": None, "result": {"type": "failure"}},
        {**call, "callId": 7, "name": 7, "result": 7},
    ]
    found = [(key.partition("/")[2], *rest) for key, _, _, *rest in history({**HISTORY, "timeline": timeline}).items]
    given = b'{"command": "ls"}'
    assert found == [
        ("0", "message", "", None, None),
        ("c1", "tool", "bash", None, given),
        ("c2", "tool", "bash", None, given),
        ("c2", "tool-error", "bash", None, None),
        ("c2", "tool-denied", "bash", None, None),
        ("4", "tool", "other", None, None),
        ("4", "tool-error", "other", None, None),
        ("5", "tool", "other", None, given),
    ]


def test_a_document_that_is_wrong() -> None:
    assert history(b'{"sessionId"').torn
    assert history([]) == Batch(bad_lines=1)
    assert history({**HISTORY, "timeline": 5}).bad_lines == 1
    assert history({}).sessions == (SessionFact(f"session_{S}"),)


def test_no_text_leaves_the_reader() -> None:
    number = 0

    def secret() -> str:
        nonlocal number
        number += 1
        return f"SECRET-{number:03d} of mine"

    told = message("call-1", MODELS[0], 9, ("tool-1",))
    request = {
        "toolCallId": "tool-1",
        "name": secret(),
        "arguments": {secret(): secret()},
        "intentionSummary": secret(),
    }
    told |= {"content": secret(), "reasoningText": secret(), "toolRequests": [request], "messageId": secret()}
    record = used(1)
    record["data"]["usage"] |= {"finishReason": secret(), "serviceRequestId": secret()}
    lines: list[Json] = [
        head(producer=secret(), remoteSteerable=secret()),
        event(2, "user.message", {"content": secret(), "attachments": [{"path": secret()}]}, START),
        event(3, "system.message", {"content": secret()}, START),
        event(4, "assistant.message", told, START + 500),
        event(5, "tool.execution_complete", {"result": {"content": secret()}}, START),
        event(6, "session.compaction_complete", {"summaryContent": secret(), "compactionTokensUsed": {"output": 3}}, 0),
        record,
        event(7, "session.shutdown", {"modelMetrics": {}, "errorReason": secret(), "codeChanges": [secret()]}, START),
        event(8, f"{secret()}.x", {"text": secret()}, START),
    ]
    traced = span("a" * 32, 1, S, "call", MODELS[0], ONE, START)
    traced["attributes"] |= {"gen_ai.input.messages": secret(), "gen_ai.tool.definitions": secret()}
    lines.append({**traced, "events": [{"name": secret()}], "status": {"message": secret()}})
    content = encode(lines)
    (batch,) = ingest(READER, KEY, [content])
    whole = history({**HISTORY, "chatMessages": [{"content": secret()}], "timeline": [{"text": secret()}]})
    kept = replace(batch, items=tuple((*item[:6], None) for item in batch.items))
    shown = repr(kept) + repr(whole) + repr(derive(READER, {KEY: [batch]})) + repr(batch.state)
    shown += "".join(row.data.decode("latin-1") for row in batch.occurrences)
    assert content.count(b"SECRET-") > 20
    assert len(batch.occurrences) >= 5
    assert "SECRET" not in shown
