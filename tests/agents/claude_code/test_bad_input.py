"""Lines that no agent should write: each is counted, none raises, and the lines around it are read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loggen.claude import answer, encode, prompt, usage
from loggen.harness import count, ingest
from tallybook.agents.claude_code.reader import ClaudeCodeReader

READER = ClaudeCodeReader()
BEFORE, AFTER = (answer("s", message, usage(1, 0, 0, 100), requestId=message) for message in ("before", "after"))
LINE = encode([answer("s", "bad", usage(1, 2, 3, 777, split=(1, 1)), requestId="bad")]).rstrip()


def changed(old: bytes, new: bytes) -> bytes:
    assert LINE.count(old) == 1
    return LINE.replace(old, new)


def with_count(name: str, value: object) -> bytes:
    counts = usage(1, 2, 3, 777, split=(1, 1), more={"output_tokens_details": {"thinking_tokens": 1}, name: value})
    return encode([answer("s", "bad", counts)]).rstrip()


DEEP = b"[" * 100_000 + b"]" * 100_000
LONG = b"9" * 5000

BAD: dict[str, bytes] = {
    "NUL in a string": changed(b"hello", b"he\0llo"),
    "NUL only": b"\0\0\0\0",
    "NUL in front": b"\0\0" + LINE,
    "truncated": LINE[:-40],
    "truncated prompt": encode([prompt("s")]).rstrip()[:-40],
    "spliced": LINE[:200] + LINE,
    "two records": LINE + LINE,
    "no JSON": b"oops",
    "open brace": b"{",
    "invalid UTF-8 in an id": changed(b'"id":"bad"', b'"id":"\xff"'),
    "lone surrogate in an id": changed(b'"id":"bad"', b'"id":5,"x":"\\ud83d"'),
    "deep": changed(b'"hello"', DEEP),
    "deep envelope": b'{"type":"user","x":' + DEEP + b"}",
    "deep array": DEEP,
    "NaN": changed(b"777", b"NaN"),
    "NaN elsewhere": changed(b'"hello"', b"NaN"),
    "Infinity": changed(b"777", b"Infinity"),
    "long integer": changed(b"777", LONG),
    "negative": changed(b"777", b"-777"),
    "float": changed(b"777", b"777.0"),
    "exponent": changed(b"777", b"1e3"),
    "too large": changed(b"777", b"9007199254740993"),
    "text": changed(b"777", b'"777"'),
    "true": changed(b"777", b"true"),
    "array": b"[]",
    "number": b"5",
    "null": b"null",
    "string": b'"assistant"',
    "no type": changed(b'"type":"assistant"', b'"kind":"assistant"'),
    "type is a number": changed(b'"type":"assistant"', b'"type":5'),
    "no message": json.dumps({"type": "assistant", "sessionId": "s"}).encode(),
    "session is a number": changed(b'"sessionId":"s"', b'"sessionId":5'),
    "request is a list": changed(b'"requestId":"bad"', b'"requestId":[]'),
    "sidechain is a text": changed(b'"isSidechain":false', b'"isSidechain":"no"'),
    "message is a list": json.dumps({**BEFORE, "message": [BEFORE["message"]]}).encode(),
    "usage is a list": json.dumps({**BEFORE, "message": {"id": "bad", "usage": [1]}}).encode(),
    "odd blocks and no usage": json.dumps({**BEFORE, "message": {"id": "bad", "content": [5]}}).encode(),
    "negative input": with_count("input_tokens", -1),
    "negative cache read": with_count("cache_read_input_tokens", -1),
    "negative cache write": with_count("cache_creation_input_tokens", -1),
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD)
@pytest.mark.parametrize("first", [False, True], ids=["between", "at the head"])
def test_bad_line_is_counted_and_passed_over(line: bytes, first: bool) -> None:
    content = (b"" if first else encode([prompt("s"), BEFORE])) + line + b"\n" + encode([AFTER])
    (batch,) = ingest(READER, "s.jsonl", [content])
    assert batch.bad_lines == 1
    assert [row.group for row in batch.occurrences] == ([] if first else ["before"]) + ["after"]


IN_PART: dict[str, bytes] = {
    "block is a number": changed(b'{"type":"text","text":"hello"}', b"5"),
    "negative split": with_count("cache_creation", {"ephemeral_5m_input_tokens": -1}),
    "split is a list": with_count("cache_creation", [1]),
    "negative reasoning": with_count("output_tokens_details", {"thinking_tokens": -1}),
    "iterations are an object": with_count("iterations", {}),
    "negative iteration": with_count("iterations", [{"input_tokens": -1}]),
    "searches are a list": with_count("server_tool_use", [1]),
}


@pytest.mark.parametrize("line", IN_PART.values(), ids=IN_PART)
def test_a_part_that_is_wrong_is_counted_as_bad_but_loses_no_usage(line: bytes) -> None:
    content = encode([BEFORE]) + line + b"\n" + encode([AFTER])
    (batch,) = ingest(READER, "s.jsonl", [content])
    assert batch.bad_lines == 1
    assert [row.group for row in batch.occurrences] == ["before", "bad", "after"]
    (found,) = [response for response in count(READER, {"s.jsonl": content}) if response.key.startswith("bad")]
    tokens = found.tokens
    assert (tokens.input, tokens.cache_write, tokens.cache_read, tokens.output) == (1, 2, 3, 777)
    assert found.session == "s"


FINE: dict[str, bytes] = {
    "BOM": b"\xef\xbb\xbf" + LINE,
    "CRLF": LINE + b"\r",
    "blank before": b"\n  \n\r\n" + LINE,
    "spaces around": b"  " + LINE + b"  ",
    "long integer in what is not used": changed(b'"hello"', LONG),
    "duplicate keys: the last": changed(b'"output_tokens":777', b'"output_tokens":1,"output_tokens":777'),
    "unknown fields": changed(b'"hello"', b'"hello","new":{"x":[{}]}'),
    "pair of surrogates": changed(b'"hello"', b'"\\ud83d\\ude00"'),
    "odd timestamp": changed(b'"2026-03-01T12:00:10.000Z"', b'"yesterday"'),
    "timestamp is a number": changed(b'"2026-03-01T12:00:10.000Z"', b"1772366410"),
    "timestamp without a zone": changed(b'"2026-03-01T12:00:10.000Z"', b'"2026-03-01T12:00:10"'),
    "the largest number": changed(b'"input_tokens":1', b'"input_tokens":9007199254740992'),
    "nulls": changed(b'"input_tokens":1', b'"input_tokens":null'),
    "odd block index": changed(b'"isSidechain":false', b'"isSidechain":false,"apiBlockIndex":99999999999'),
}


@pytest.mark.parametrize("line", FINE.values(), ids=FINE)
def test_odd_line_is_read(line: bytes) -> None:
    (batch,) = ingest(READER, "s.jsonl", [line + b"\n" + encode([AFTER])])
    assert batch.bad_lines == 0
    assert [response.tokens.output for response in count(READER, {"s.jsonl": line + b"\n"})] == [777]


@pytest.mark.parametrize("half", [b"\\ud83d", b"x\\uD83dy", b"\\ude00", b"\\ude00\\ud83d"])
def test_half_an_emoji_in_text_is_counted_as_bad_but_loses_no_usage(half: bytes) -> None:
    (batch,) = ingest(READER, "s.jsonl", [changed(b"hello", half) + b"\n"])
    assert batch.bad_lines == 1
    assert [row.group for row in batch.occurrences] == ["bad"]


def test_undated_row_has_no_time() -> None:
    row = {key: value for key, value in BEFORE.items() if key != "timestamp"}
    assert count(READER, {"s.jsonl": encode([row])})[0].at is None


def test_future_and_past_are_taken_as_they_are() -> None:
    for stamp, at in (("9999-12-31T23:59:59.999Z", 253402300799999000), ("1969-12-31T23:59:59Z", -1000000)):
        assert count(READER, {"s.jsonl": encode([{**BEFORE, "timestamp": stamp}])})[0].at == at


def test_unknown_records_are_counted_apart() -> None:
    records: list[dict[str, object]] = [
        {"type": "dream", "sessionId": "s"},
        prompt("s"),
        {"type": "dream", "x": {"usage": "assistant"}},
    ]
    spaced = encode([{"message": {}, "type": "nightmare"}], spaced=True)
    (batch,) = ingest(READER, "s.jsonl", [encode(records) + spaced + encode([AFTER])])
    assert (batch.unknown_records, batch.bad_lines, len(batch.occurrences)) == (3, 0, 1)


@pytest.mark.parametrize(
    "record",
    [
        {"type": "assistant", "message": {"id": "m", "model": "x"}},
        {"type": "user", "message": {"usage": {"output_tokens": 5}, "role": "assistant"}},
        {"type": "attachment", "attachment": {"type": "assistant", "message": BEFORE["message"]}},
        {"attachment": {"a": 1}, "type": "attachment", "message": {"type": "assistant", "usage": {}}},
        {"toolUseResult": {"type": "assistant", "usage": {"output_tokens": -5}}, "type": "user"},
    ],
)
def test_record_without_usage_of_its_own_is_silent(record: dict[str, object]) -> None:
    (batch,) = ingest(READER, "s.jsonl", [encode([prompt("s"), record])])
    assert (batch.bad_lines, batch.unknown_records, batch.occurrences) == (0, 0, ())


def test_usage_nested_in_a_tools_input_is_not_taken() -> None:
    nested = {"type": "user", "message": {"role": "user", "content": "x"}, "usage": {"output_tokens": 5}}
    block = {"type": "tool_use", "id": "t", "name": "N", "input": nested}
    row = answer("s", "m", usage(1, 0, 0, 100), content=[block])
    record = {"sessionId": "s", "message": row.pop("message"), **row}
    (response,) = count(READER, {"s.jsonl": encode([record])})
    assert (response.tokens.output, response.calls) == (100, ("t",))


@given(st.binary(max_size=300), st.integers(0, len(LINE)), st.integers(0, len(LINE)))
def test_no_bytes_raise(junk: bytes, start: int, end: int) -> None:
    content = encode([BEFORE]) + LINE[:start] + junk + LINE[end:] + b"\n" + encode([AFTER])
    (batch,) = ingest(READER, "s.jsonl", [content])
    groups = [row.group for row in batch.occurrences]
    assert (groups[0], groups[-1]) == ("before", "after")
    count(READER, {"s.jsonl": content})
