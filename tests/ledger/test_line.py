from __future__ import annotations

import json
import sys
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.ledgers import GOAL, WRITER, tampered
from strategies import event_ids, goal_ids, hlcs, moments, writers
from tallybook.clock import timestamp
from tallybook.ledger.line import (
    DEEPEST_BODY,
    FIRST_PREV,
    LONGEST_LINE,
    Envelope,
    Fault,
    RawEvent,
    UnwritableEventError,
    build,
    canonical,
    framed,
    is_canonical,
    parse,
)

ENVELOPE = Envelope(
    "01935f4e-8a7b-7c3d-9e2f-0123456789ab",
    WRITER,
    17,
    FIRST_PREV,
    "2026-11-22T02:25:14.123456Z",
    "1795314314123-0000",
    "stage_marked",
    GOAL,
)
LINE = build(ENVELOPE, {"stage": "plan", "notes": 'a "quoted" ≤ line\n'})[0]

leaves = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    leaves | st.text(max_size=8), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner)
)
json_bodies = st.dictionaries(st.text(max_size=8), json_values, max_size=4)
envelopes = st.builds(
    Envelope,
    event_ids,
    writers,
    st.integers(1, 10**15 - 1),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    moments.map(timestamp),
    hlcs,
    st.from_regex("[a-z][a-z0-9_]{0,20}", fullmatch=True),
    goal_ids,
)


def resummed(head: bytes) -> bytes:
    return head + b',"sum":"' + sha256(head).hexdigest()[:16].encode() + b'"}'


def code_of(raw: bytes) -> str:
    result = parse(raw)
    assert isinstance(result, Fault)
    return result.code


@given(envelopes, json_bodies)
def test_what_is_built_is_read_back(envelope: Envelope, body: dict[str, object]) -> None:
    line, built = build(envelope, body)
    assert parse(line) == built == RawEvent(envelope, body, line[-18:-2].decode(), sha256(line).hexdigest())
    assert is_canonical(line, built)
    assert b"\n" not in line
    assert list(json.loads(line)) == ["v", *Envelope._fields, "body", "sum"]


def test_the_form_of_a_line() -> None:
    head = (
        '{"v":1,"id":"01935f4e-8a7b-7c3d-9e2f-0123456789ab","writer":"w-4f2a9c1e","seq":17,"prev":"' + "0" * 64 + '",'
        '"at":"2026-11-22T02:25:14.123456Z","hlc":"1795314314123-0000","type":"stage_marked","goal":"g261122-k3f9x2ab",'
        '"body":{"notes":"a \\"quoted\\" ≤ line\\n","stage":"plan"}'
    ).encode()
    assert resummed(head) == LINE


@given(st.binary(max_size=300))
def test_no_bytes_raise(raw: bytes) -> None:
    assert isinstance(parse(raw), Fault)
    assert isinstance(parse(resummed(raw)), Fault)


@given(st.integers(0, len(LINE) - 1), st.binary(max_size=3))
def test_no_splice_with_a_right_checksum_raises(place: int, junk: bytes) -> None:
    assert isinstance(parse(resummed(LINE[:-26][:place] + junk + LINE[:-26][place + 1 :])), Fault | RawEvent)


def test_every_flipped_bit_is_found() -> None:
    for place in range(len(LINE) * 8):
        broken = bytearray(LINE)
        broken[place // 8] ^= 1 << place % 8
        assert isinstance(parse(bytes(broken)), Fault)


def test_every_cut_is_found() -> None:
    assert all(isinstance(parse(LINE[:end]), Fault) for end in range(len(LINE)))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({b'"v":1': b'"v":0'}, "bad-field"),
        ({b'"v":1': b'"v":true'}, "bad-field"),
        ({b'"v":1,': b""}, "bad-field"),
        ({b'"writer":"w-4f2a9c1e",': b""}, "bad-keys"),
        ({b'"v":1,': b'"v":1,"extra":2,'}, "bad-keys"),
        ({b'"type":"stage_marked","goal":"g261122-k3f9x2ab"': b'"goal":"g261122-k3f9x2ab","type":"x"'}, "bad-keys"),
        ({b"-7c3d-": b"-4c3d-"}, "bad-field"),
        ({b"w-4f2a9c1e": b"w-4F2A9C1E"}, "bad-field"),
        ({b'"seq":17': b'"seq":0'}, "bad-field"),
        ({b'"seq":17': b'"seq":-1'}, "bad-field"),
        ({b'"seq":17': b'"seq":1.0'}, "bad-field"),
        ({b'"seq":17': b'"seq":"17"'}, "bad-field"),
        ({b'"seq":17': b'"seq":' + b"9" * 16}, "bad-field"),
        ({b'"seq":17': b'"seq":' + b"9" * 5000}, "not-json"),
        ({b'"0000': b'"000g'}, "bad-field"),
        ({b"14.123456Z": b"14.123456+00:00"}, "bad-field"),
        ({b"2026-11-22T": b"2026-02-30T"}, "bad-field"),
        ({b"1795314314123-0000": b"1795314314123-000G"}, "bad-field"),
        ({b"stage_marked": b"Stage"}, "bad-field"),
        ({b"g261122-k3f9x2ab": b"g261122-k3f9x2ai"}, "bad-field"),
        ({b'"body":{"notes"': b'"body": {"notes"'}, "not-canonical"),
        ({b'"v":1': b'"v": 1'}, "not-canonical"),
        ({b'"stage":"plan"}': b'"stage":"plan"'}, "not-json"),
        ({b'"stage":"plan"': b'"stage":NaN'}, "not-json"),
        ({b'"stage":"plan"': b'"stage":-Infinity'}, "not-json"),
        ({b'"stage":"plan"': b'"notes":"plan"'}, "duplicate-key"),
        ({b'"stage":"plan"': b'"stage":"\\ud800"'}, "lone-surrogate"),
        ({b'"stage":"plan"': b'"stage":"\xed\xa0\x80"'}, "not-utf8"),
        ({b'"stage":"plan"': b'"stage":"\x00"'}, "not-json"),
        ({b'"stage":"plan"': b'"stage":' + b"9" * 5000}, "not-json"),
        ({b'"stage":"plan"': b'"stage":' + b"[" * 100_000}, "too-deep"),
        ({b'"stage":"plan"': b'"stage":' + b"[" * 80 + b"]" * 80}, "too-deep"),
        ({b'"stage":"plan"': b'"stage":' + b'{"a":' * 80 + b"1" + b"}" * 80}, "too-deep"),
        ({b'"stage":"plan"': b'"stage":"' + b"a" * LONGEST_LINE + b'"'}, "line-too-long"),
        ({b'{"notes":"a \\"quoted\\" \xe2\x89\xa4 line\\n","stage":"plan"}': b"[]"}, "bad-field"),
        ({b'{"v":1': b'[{"v":1'}, "not-json"),
    ],
)
def test_wrong_lines_with_a_right_checksum(change: dict[bytes, bytes], code: str) -> None:
    assert code_of(tampered(LINE, change)) == code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "no-sum"),
        (b"\x00" * 400, "no-sum"),
        (LINE + b"\r", "no-sum"),
        (b"\xef\xbb\xbf" + LINE, "bad-sum"),
        (LINE.replace(b"plan", b"plot"), "bad-sum"),
        (LINE[:-3] + b'A"}', "no-sum"),
        (b"a" * (LONGEST_LINE + 1), "line-too-long"),
    ],
)
def test_damaged_lines(raw: bytes, code: str) -> None:
    assert code_of(raw) == code


def test_an_escaped_pair_of_surrogates_is_read_and_noticed() -> None:
    line = tampered(LINE, {b'"stage":"plan"': b'"stage":"\\ud83d\\ude00"'})
    event = parse(line)
    assert isinstance(event, RawEvent)
    assert event.body["stage"] == "😀"
    assert not is_canonical(line, event)


def test_many_shallow_objects_are_read() -> None:
    body: dict[str, object] = {"many": [{"a": [1]}] * 200}
    assert build(ENVELOPE, body)[1].body == body


def test_the_deepest_body_is_read() -> None:
    body: dict[str, object] = {}
    for _ in range(DEEPEST_BODY - 1):
        body = {"a": body}
    assert build(ENVELOPE, body)[1].body == body
    with pytest.raises(UnwritableEventError):
        build(ENVELOPE, {"a": body, "b": ["[" * 2]})


@pytest.mark.parametrize(
    "body",
    [
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": "\ud800"},
        {"a": "x" * LONGEST_LINE},
        {"a": object()},
        {"a": {1, 2}},
    ],
)
def test_what_no_line_can_hold_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(UnwritableEventError):
        build(ENVELOPE, body)


def test_endless_nesting_is_refused() -> None:
    body: dict[str, object] = {}
    for _ in range(sys.getrecursionlimit() * 3):
        body = {"a": body}
    with pytest.raises(UnwritableEventError):
        canonical(body)


@pytest.mark.parametrize("wrong", [{"id": "x"}, {"seq": 0}, {"goal": 'g"'}, {"at": "2026-13-01T00:00:00.000000Z"}])
def test_a_wrong_envelope_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UnwritableEventError):
        build(ENVELOPE._replace(**wrong), {})  # type: ignore[arg-type]


def test_a_newer_line_is_understood_as_far_as_possible() -> None:
    event = parse(tampered(LINE, {b'"v":1': b'"v":2', b'"goal":': b'"mood":"good","goal":'}))
    assert isinstance(event, RawEvent)
    assert event.envelope == ENVELOPE
    assert (event.version, event.strays) == (2, ("mood",))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({b'"v":1': b'"v":2', b'"hlc"': b'"time"'}, "bad-keys"),
        ({b'"v":1': b'"v":2', b'"seq":17': b'"seq":null'}, "bad-field"),
        ({b'"v":1': b'"v":2', b'"stage":"plan"': b'"stage":"\\ud800"'}, "lone-surrogate"),
        ({b'"v":1': b'"v":2', b"2026-11-22T": b"2026-02-30T"}, "bad-field"),
    ],
)
def test_a_newer_line_must_still_be_sound(change: dict[bytes, bytes], code: str) -> None:
    assert code_of(tampered(LINE, change)) == code


@pytest.mark.parametrize(
    "line",
    [
        tampered(LINE, {b"2026-11-22T": b"2026-02-30T"}),
        tampered(LINE, {b'"v":1': b'"v":2'}),
        LINE[:-1],
        LINE.replace(b"plan", b"pLan"),
        LINE[:-26] + b',"sum":"' + b"\xff" * 16 + b'"}',
        b"",
    ],
)
def test_only_whole_lines_of_this_version_are_framed(line: bytes) -> None:
    assert framed(line) is None


def test_a_framed_line_is_the_parsed_one() -> None:
    frame, event = framed(LINE), parse(LINE)
    assert frame is not None
    assert isinstance(event, RawEvent)
    *envelope, body, checksum = frame
    assert [text.decode() for text in envelope] == [str(member) for member in event.envelope]
    assert (json.loads(body), checksum.decode()) == (event.body, event.sum)
