"""Lines are read for what they say, not for how they look; what cannot be read is counted and passed over."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from loggen.codex import ROOT, ZERO, Rollout, World, counts, stamp, uuid4, uuid7
from loggen.harness import count, derive, ingest
from tallybook.agents.codex.reader import CodexReader
from tallybook.agents.port import Batch, SessionFact
from tallybook.domain.quality import Quality

READER = CodexReader()
USAGE = (1000, 400, 0, 50, 10)
DEEP = b"[" * 100_000 + b"]" * 100_000


def world() -> World:
    made = World("legacy")
    parent = made.start()
    made.begin_turn(parent, "gpt-5.5")
    made.respond(parent, 2)
    made.respond(parent, 1, recorded=True)
    made.noise(parent, 1)
    child = made.fork(parent)
    made.begin_turn(child, "gpt-5.5-mini")
    made.respond(child, 1)
    made.begin_turn(made.fork(child, fresh=True, spawned=True), None)
    made.respond(made.sessions[-1], 0, recorded=True)
    return made


def backwards(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(each) for each in value] if isinstance(value, list) else value


def payload_backwards(line: dict[str, Any]) -> dict[str, Any]:
    return line | {"payload": backwards(line["payload"])}


def padded(line: dict[str, Any]) -> dict[str, Any]:
    """Another usage, of other types, stands in front and inside."""
    decoy = {"type": "token_count", "info": {"total_token_usage": counts((9, 0, 0, 9, 0))}}
    return {"metadata": {"type": "event_msg", "payload": decoy}, **line, "payload": {"input": decoy, **line["payload"]}}


@pytest.mark.parametrize("change", [backwards, payload_backwards, padded])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\t", " : ")])
def test_the_surface_of_a_line_does_not_matter(change: Any, separators: tuple[str, str]) -> None:  # noqa: ANN401
    made = world()
    plain = count(READER, made.files())
    files = {
        session.rollout.key: b"".join(
            json.dumps(change(line), separators=separators).encode() + b"\r\n" for line in session.rollout.lines
        )
        for session in made.sessions
    }
    read = {key: ingest(READER, key, [data]) for key, data in files.items()}
    assert sum(batch.bad_lines + batch.unknown_records for batches in read.values() for batch in batches) == 0
    unplaced = [(each.key, each.session, each.model, each.tokens, each.calls) for each in derive(READER, read)]
    assert unplaced == [(each.key, each.session, each.model, each.tokens, each.calls) for each in plain]
    assert len(unplaced) == 4


def batch_of(data: bytes, name: str = "rollout-x") -> Batch:
    (batch,) = ingest(READER, f"{ROOT}:{name}", [data])
    return batch


def line(kind: str, payload: bytes) -> bytes:
    return b'{"timestamp":"2026-09-01T08:00:00.000Z","type":"%s","payload":%s}' % (kind.encode(), payload)


def token_count(usage: bytes) -> bytes:
    return line(
        "event_msg", b'{"type":"token_count","info":{"total_token_usage":%s,"last_token_usage":%s}}' % (usage, usage)
    )


BAD = {
    "cut short": token_count(b'{"input_tokens":5}')[:-9],
    "spliced": token_count(b'{"input_tokens":5}')[:60] + token_count(b'{"input_tokens":5}'),
    "NUL": token_count(b'{"input_tokens":5}').replace(b"5}", b"5\0}"),
    "NUL in a message": line("response_item", b'{"type":"message","role":"user","content":"a\0b"}'),
    "message cut short": line("response_item", b'{"type":"message","role":"user","content":"ab"}')[:-4],
    "invalid UTF-8": line("turn_context", b'{"turn_id":"t","model":"\xff\xfe"}'),
    "lone surrogate": line("turn_context", b'{"turn_id":"t","model":"\\ud800"}'),
    "BOM in the middle": b"\xef\xbb\xbf" + token_count(b'{"input_tokens":5}'),
    "deep": line("event_msg", b'{"x":%s,"type":"token_count"}' % DEEP),
    "deep outside": b'{"x":%s,"type":"event_msg"}' % DEEP,
    "long number": token_count(b'{"input_tokens":%s}' % (b"9" * 5000)),
    "NaN": token_count(b'{"input_tokens":NaN}'),
    "negative": token_count(b'{"input_tokens":-5}'),
    "huge": token_count(b'{"input_tokens":9007199254740993}'),
    "real number": token_count(b'{"input_tokens":5.5}'),
    "text for a number": token_count(b'{"input_tokens":"5"}'),
    "true for a number": token_count(b'{"input_tokens":true}'),
    "list for an object": token_count(b"[5]"),
    "list as a line": b"[1]",
    "number for a type": b'{"type":5,"payload":{}}',
    "number for a time": b'{"timestamp":5,"type":"compacted","payload":{}}',
    "payload is no object": line("event_msg", b'"token_count"'),
    "no thread": line("session_meta", b"{}"),
    "long name": line("turn_context", b'{"model":"%s"}' % (b"m" * 600)),
    "more cached than sent": token_count(b'{"input_tokens":5,"cached_input_tokens":4,"cache_write_input_tokens":2}'),
    "record of more cached than sent": line(
        "token_usage_record", b'{"thread_id":"t","response_id":"r","usage":{"input_tokens":5,"cached_input_tokens":6}}'
    ),
    "old head without an id": b'{"id":5,"timestamp":"2025-08-01T00:00:00Z"}',
    "not JSON": b"hello",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_counted_and_costs_nothing_else(name: str) -> None:
    good = Rollout(uuid7(1))
    good.meta()
    good.count(USAGE, USAGE)
    good.count((3000, 400, 0, 60, 10), (2000, 0, 0, 10, 0))
    lines = good.data().splitlines(keepends=True)
    batch = batch_of(b"".join([*lines[:2], BAD[name] + b"\n", *lines[2:]]))
    assert (batch.bad_lines, batch.unknown_records) == (1, 0)
    responses = derive(READER, {"k": [batch]})
    assert sum(each.tokens.total for each in responses) == 3060
    assert batch.links == ()


def test_a_bad_first_line_leaves_the_thread_to_the_name() -> None:
    own, parent = uuid4(2), uuid4(1)
    log = Rollout(own)
    log.put("session_meta", {"id": parent})
    log.count(USAGE, USAGE)
    batch = batch_of(b"\0\n" + log.data(), f"rollout-2026-09-01T10-00-00-{own}")
    assert {each.group for each in batch.occurrences} == {own}
    assert batch.links == ((own, parent),)


def test_a_mark_of_byte_order_does_not_hide_the_head() -> None:
    log = Rollout(uuid7(1))
    log.meta()
    batch = batch_of(b"\xef\xbb\xbf" + log.data(), "rollout-y")
    assert batch.bad_lines == 0
    assert {each.group for each in batch.occurrences} == {log.thread}


def test_a_file_of_any_name_is_the_first_threads_that_it_names() -> None:
    log = Rollout(uuid7(1))
    log.count(USAGE, USAGE)
    log.meta()
    log.count((2000, 800, 0, 100, 20), USAGE)
    responses = count(READER, {"copy of a log": log.data()})
    assert [(each.session, each.quality) for each in responses] == [(log.thread, Quality.EXACT)] * 2


def test_unknown_kinds_are_counted() -> None:
    kinds = [
        line("brand_new", b"{}"),
        line("event_msg", b'{"type":"brand_new"}'),
        line("response_item", b'{"type":"brand_new"}'),
        b"{}",
    ]
    known = [
        line("world_state", b'{"state":1}'),
        line("event_msg", b'{"type":"item_completed","item":{"type":"brand_new"}}'),
        line("event_msg", b'{"thread":1,"type":"warning"}'),
        line("response_item", b'{"x":1,"type":"message"}'),
        line("response_item", b'{"type":"image_generation_call"}'),
    ]
    batch = batch_of(b"\n".join([*kinds, *known, b""]))
    assert (batch.unknown_records, batch.bad_lines) == (4, 0)


def test_logs_from_before_usage_was_logged_tell_their_session_alone() -> None:
    data = (
        b'{"id":"5973b6c0-94b8-487b-a530-2aeb6098ae0e","timestamp":"2025-05-07T17:24:21.597Z","instructions":null}\n'
        b'{"record_type":"state"}\n{"type":"message","role":"user","content":[]}\n{"type":"function_call","call_id":"c"}\n'
    )
    batch = batch_of(data)
    assert (batch.bad_lines, batch.unknown_records, batch.occurrences) == (0, 0, ())
    assert batch.sessions[0] == SessionFact("5973b6c0-94b8-487b-a530-2aeb6098ae0e", born_at=1746638661597000)


def test_token_counts_without_a_total_say_nothing() -> None:
    batch = batch_of(
        line("event_msg", b'{"type":"token_count","info":null}')
        + b"\n"
        + line("event_msg", b'{"type":"token_count","info":{"last_token_usage":{"input_tokens":5}}}')
        + b"\n"
    )
    assert (batch.occurrences, batch.bad_lines) == ((), 0)


SPAWN = {"subagent": {"thread_spawn": {"parent_thread_id": "root", "depth": 1}}}
ORIGINS: list[tuple[dict[str, Any], str, str | None, str | None]] = [
    ({}, "main", None, None),
    ({"source": {"custom": "sdk"}, "session_id": "root"}, "main", None, None),
    ({"forked_from_id": "root"}, "main", None, "root"),
    ({"history_base": {"thread_id": "root", "end_ordinal_exclusive": 4}}, "main", None, "root"),
    ({"source": SPAWN, "forked_from_id": "root"}, "subagent", "root", None),
    ({"source": "exec", "parent_thread_id": "root"}, "subagent", "root", None),
    ({"source": {"subagent": {"other": "guardian"}}}, "subagent", None, None),
    ({"source": {"subagent": "review"}, "session_id": "root"}, "review", "root", None),
    ({"source": {"subagent": "compact"}, "parent_thread_id": "root"}, "compaction", "root", None),
]


@pytest.mark.parametrize(("meta", "origin", "parent", "forked_from"), ORIGINS)
def test_sessions(meta: dict[str, Any], origin: str, parent: str | None, forked_from: str | None) -> None:
    log = Rollout(uuid7(1))
    log.meta(**meta)
    fact = batch_of(log.data()).sessions[0]
    assert (fact.session, fact.origin, fact.parent, fact.forked_from) == (log.thread, origin, parent, forked_from)
    assert fact.cwd == "/srv/shop"
    assert fact.born_at == 1788249600000000
    assert batch_of(log.data()).links == (((log.thread, "root"),) if parent or forked_from else ())


def test_an_old_fork_is_known_by_the_head_that_it_copied() -> None:
    log = Rollout(uuid4(2))
    log.meta()
    log.put("session_meta", {"id": uuid4(1)})
    log.put("session_meta", {"id": uuid4(0)})
    facts = batch_of(log.data()).sessions
    assert [(each.session, each.forked_from) for each in facts if each.forked_from] == [(log.thread, uuid4(1))]


@pytest.mark.parametrize(("told", "born"), [("soon", 1788249600000000), ("2026-09-01T10:00:00+02:00", 1788249600000000),
                                            ("2026-09-01T08:00:01", 1788249601000000)])  # fmt: skip
def test_birth(told: str, born: int) -> None:
    log = Rollout(uuid7(1))
    log.put("session_meta", {"id": log.thread, "timestamp": told})
    assert batch_of(log.data()).sessions[0].born_at == born
    plain = Rollout("zzzzzzzz-zzzz-7zzz-zzzz-zzzzzzzzzzzz")
    plain.put("session_meta", {"id": plain.thread, "timestamp": ""})
    assert batch_of(plain.data()).sessions[0].born_at == 1788249600000000


def test_the_last_line_tells_when_a_session_was_last_seen() -> None:
    log = Rollout(uuid7(1))
    log.meta()
    log.turn(None, "gpt-5.5")
    log.say()
    data = log.data()
    seen = stamp(log.moment)
    for torn in (b"", line("response_item", b'{"type":"message","content":[NaN]}') + b"\n"):
        fact = batch_of(data + torn).sessions[-1]
        assert fact.model == "gpt-5.5"
        assert str(fact.last_at)[:10] == "1788249602"
    assert seen > "2026-09-01T08:00:02"


FAMILIES = ("sk-live-", "ghp_", "AKIA", "xoxb-", "-----BEGIN KEY-----", "eyJhbGciOi", "password=", "/home/ada/secret/")


def test_no_text_command_or_path_leaves_the_reader() -> None:
    secrets = Counter[str]()

    def secret() -> str:
        number = len(secrets)
        word = f"{FAMILIES[number % len(FAMILIES)]}{number:05d}SECRET"
        secrets[word] += 1
        return word

    log = Rollout(uuid7(1))
    log.meta(
        cwd="/srv/shop",
        originator=secret(),
        instructions=secret(),
        base_instructions={"text": secret()},
        dynamic_tools=[{"name": secret(), "description": secret()}],
        git={"repository_url": secret(), "branch": secret(), "commit_hash": secret()},
        agent_path=secret(),
        agent_nickname=secret(),
        model_provider=secret(),
    )
    log.put("turn_context", {"turn_id": "t", "model": "gpt-5.5", "cwd": "/srv/shop/back", "user_instructions": secret(),
                             "sandbox_policy": {"writable_roots": [secret()]}})  # fmt: skip
    log.put("world_state", {secret(): secret()})
    for kind in ("user_message", "agent_message", "agent_reasoning", "error", "exec_command_end", "brand_new"):
        log.event(kind, message=secret(), text=secret(), command=[secret()], cwd=secret())
    for kind in ("message", "reasoning", "function_call_output", "custom_tool_call_output", "brand_new"):
        log.item(kind, content=[{"text": secret()}], output=secret(), encrypted_content=secret(), summary=[secret()])
    log.item("function_call", name=secret(), arguments=secret(), call_id="call_1", id=secret())
    log.item("custom_tool_call", name=secret(), input=secret(), call_id="call_2")
    log.item("local_shell_call", call_id="call_3", action={"command": [secret()], "working_directory": secret()})
    log.put("compacted", {"message": secret(), "replacement_history": [{"content": secret()}]})
    log.event("thread_settings_applied", thread_id=log.thread, thread_settings={"model": "gpt-5.5", "cwd": secret()})
    log.event("task_complete", turn_id="t", last_agent_message=secret(), error=secret())
    log.event("token_count", info={"total_token_usage": counts(USAGE), "last_token_usage": counts(USAGE)},
              rate_limits={"plan_type": secret(), "limit_id": secret(), "limit_name": secret()})  # fmt: skip
    log.put(secret(), {"text": secret()})
    data = log.data() + f'{{"broken":"{secret()}\n'.encode()
    batch = batch_of(data)
    batch = replace(batch, items=tuple((*item[:6], None) for item in batch.items))  # what is never stored
    kept = repr((batch, derive(READER, {"k": [batch]}))).encode() + batch.state
    kept += b"".join(each.data for each in batch.occurrences)
    assert b"call_3" in kept
    assert len(secrets) > 40
    assert [word for word in secrets if word.encode() in data] == list(secrets)
    assert [word for word in secrets if re.search(re.escape(word.encode()), kept)] == []


def test_an_empty_reading_keeps_the_state() -> None:
    log = Rollout(uuid7(1))
    log.meta()
    log.count(ZERO, ZERO)
    first, second = ingest(READER, log.key, [log.data(), b""])
    assert second == Batch(state=first.state)
