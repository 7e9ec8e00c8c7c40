from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.ledgers import GOAL, WRITER, envelope_of, tampered
from strategies import events
from tallybook.domain.events import Body, Event, GoalStarted, StageMarked, UnknownBody, UsageSnapshot
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import ClassUsage, PriceClass, SessionUsage, SnapshotReason
from tallybook.ledger.codec import Decoded, decode, decode_canonical, encode
from tallybook.ledger.line import Fault, RawEvent, UnwritableEventError, build, framed, is_canonical, parse

VECTOR = {
    "input": 1,
    "cache_read": 2,
    "cache_write": 12,
    "cache_write_5m": 3,
    "cache_write_1h": 4,
    "cache_write_unknown": 5,
    "output": 6,
    "reasoning": 7,
    "total": 21,
}
CLASS = {"model": "m", "tier": "standard", "context": "≤200k", "day": "2026-11-22", "responses": 3, "tokens": VECTOR}
SESSION = {
    "agent": "claude",
    "session": "s",
    "classes": [CLASS],
    "quality": "exact",
    "born_after_start": False,
    "pending": True,
    "high_water": "key",
    "unreported": ["reasoning"],
}
SNAPSHOT = {"reason": "start", "reader": "claude/1", "sessions": [SESSION]}
BODY = UsageSnapshot(
    SnapshotReason.START,
    (
        SessionUsage(
            "claude",
            "s",
            (ClassUsage(PriceClass("m", "standard", "≤200k", "2026-11-22"), 3, TokenVector(1, 2, 3, 4, 5, 6, 7)),),
            Quality.EXACT,
            pending=True,
            high_water="key",
            unreported=("reasoning",),
        ),
    ),
    "claude/1",
)
START = {"title": "t", "kind": "product", "started_at": "2026-11-22T02:25:14Z"}


def event(body: Body) -> Event:
    identity = "01935f4e-8a7b-7c3d-9e2f-0123456789ab"
    return Event(identity, WRITER, 1, "2026-11-22T02:25:14.123456Z", "1795314314123-0000", GOAL, body)


def read(kind: str, body: dict[str, Any]) -> Decoded | Fault:
    envelope = envelope_of(event(StageMarked("plan", "now")))._replace(type=kind)
    return decode(build(envelope, body)[1])


@given(events)
def test_every_event_survives_its_line(event: Event) -> None:
    line, built = build(envelope_of(event), encode(event.body))
    raw = parse(line)
    assert raw == built
    assert isinstance(raw, RawEvent)
    assert decode(raw) == Decoded(event)
    assert repr(decode(raw)) == repr(Decoded(event))


@given(events, st.data())
def test_a_line_is_the_same_event_whichever_way_it_is_read(event: Event, data: st.DataObject) -> None:
    """The short way takes what it would write itself, and nothing that the long way refuses or reads otherwise."""
    line, _ = build(envelope_of(event), encode(event.body))
    frame = framed(line)
    assert frame is not None
    assert decode_canonical(frame) == event
    start = line.index(b'"body":') + len(b'"body":')
    at = data.draw(st.integers(start, len(line) - 27))
    piece = data.draw(st.sampled_from([b"", b" ", b"-", b"0", b"9", b'"', b",", b"}", b"x", b"\xff", b"\\u0041"]))
    changed = line[:at] + piece + line[at + data.draw(st.integers(0, 1)) : -26]
    other = changed + b',"sum":"' + sha256(changed).hexdigest()[:16].encode() + b'"}'
    frame, raw = framed(other), parse(other)
    short = None if frame is None else decode_canonical(frame)
    if short is not None:
        assert isinstance(raw, RawEvent)
        assert is_canonical(other, raw)
        assert decode(raw) == Decoded(short)


@pytest.mark.parametrize(
    ("path", "value"), [("day", "today"), ("day", "2026-11-22\n"), ("context", "≤1M"), ("responses", -1)]
)
def test_a_price_class_that_can_not_be_is_refused_either_way(path: str, value: object) -> None:
    body = changed(encode(BODY), f"sessions.0.classes.0.{path}", value)
    line, raw = build(envelope_of(event(BODY)), body)
    frame, fault = framed(line), decode(raw)
    assert frame is not None
    assert decode_canonical(frame) is None
    assert isinstance(fault, Fault)
    assert fault.code == "bad-body"


def test_the_form_of_a_snapshot() -> None:
    assert json.loads(json.dumps(encode(BODY))) == SNAPSHOT
    assert read("usage_snapshot", SNAPSHOT) == Decoded(event(BODY))


def test_fields_without_a_value_are_left_out() -> None:
    assert encode(GoalStarted("t", "product", "now")) == {
        "title": "t",
        "kind": "product",
        "started_at": "now",
        "untracked": False,
    }
    assert encode(UsageSnapshot(SnapshotReason.MARK, (), "r")) == {"reason": "mark", "sessions": [], "reader": "r"}


def test_null_is_the_same_as_left_out() -> None:
    found = read("goal_started", {**START, "worktree": None})
    assert found == Decoded(event(GoalStarted("t", "product", "2026-11-22T02:25:14Z")))


def changed(record: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A deep copy with one member replaced, or taken away by ``...``."""
    copy: dict[str, Any] = json.loads(json.dumps(record))
    place: Any = copy
    *steps, last = path.split(".")
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("title", 1),
        ("title", None),
        ("title", ...),
        ("kind", ["product"]),
        ("started_at", {}),
        ("untracked", 1),
        ("untracked", "no"),
        ("refs", "abc"),
        ("refs", {"a": 1}),
        ("refs", [1]),
        ("refs", None),
        ("pass_number", True),
        ("pass_number", -1),
        ("pass_number", 1.0),
        ("pass_number", 2**53),
        ("session", "claude"),
        ("session", []),
        ("session", {"agent": "claude"}),
        ("session", {"agent": "claude", "id": 1, "detected_by": "flag"}),
    ],
)
def test_wrong_members_of_a_start(path: str, value: object) -> None:
    fault = read("goal_started", changed(START, path, value))
    assert isinstance(fault, Fault)
    assert fault.code == "bad-body"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("reason", "lunch"),
        ("reason", 1),
        ("reader", None),
        ("sessions", {}),
        ("sessions", ["s"]),
        ("sessions.0.quality", "good"),
        ("sessions.0.quality", None),
        ("sessions.0.pending", 0),
        ("sessions.0.agent", ...),
        ("sessions.0.classes", ...),
        ("sessions.0.classes", [CLASS, CLASS]),
        ("sessions.0.classes", [{**CLASS, "model": "n"}, CLASS]),
        ("sessions.0.classes", ["m"]),
        ("sessions.0.classes.0.day", "today"),
        ("sessions.0.classes.0.day", "२०२६-११-२२"),
        ("sessions.0.classes.0.day", 20261122),
        ("sessions.0.classes.0.context", "≤1M"),
        ("sessions.0.classes.0.responses", -1),
        ("sessions.0.classes.0.tokens", None),
        ("sessions.0.classes.0.tokens", []),
        ("sessions.0.classes.0.tokens.input", -1),
        ("sessions.0.classes.0.tokens.input", "1"),
        ("sessions.0.classes.0.tokens.input", 2),
        ("sessions.0.classes.0.tokens.output", ...),
        ("sessions.0.classes.0.tokens.total", 22),
        ("sessions.0.classes.0.tokens.cache_write", ...),
        ("sessions.0.unreported", "all"),
    ],
)
def test_wrong_members_of_a_snapshot(path: str, value: object) -> None:
    fault = read("usage_snapshot", changed(SNAPSHOT, path, value))
    assert isinstance(fault, Fault)
    assert fault.code == "bad-body"


@pytest.mark.parametrize("kind", ["goal_finished", "goal_corrected"])
@pytest.mark.parametrize("status", ["open", 1, None])
def test_an_outcome_is_one_of_two(kind: str, status: object) -> None:
    assert isinstance(read(kind, {"status": status, "finished_at": "now"}), Fault)


def test_unknown_members_are_told_at_every_depth() -> None:
    start = {**START, "mood": 1, "session": {"agent": "a", "id": "i", "detected_by": "flag", "colour": 2}}
    found = read("goal_started", start)
    assert isinstance(found, Decoded)
    assert found.strays == ("goal_started.mood", "goal_started.session.colour")
    deep = changed(changed(SNAPSHOT, "sessions.0.classes.0.tokens.video", 1), "sessions.0.classes.0.zone", "x")
    snapshot = read("usage_snapshot", deep)
    assert isinstance(snapshot, Decoded)
    assert snapshot.event == event(BODY)
    assert snapshot.strays == (
        "usage_snapshot.sessions.classes.zone",
        "usage_snapshot.sessions.classes.tokens.video",
    )


def test_an_unknown_type_is_an_event_without_content() -> None:
    assert read("goal_sung", {"anything": [1]}) == Decoded(event(UnknownBody("goal_sung")))


def test_an_unknown_type_is_not_written() -> None:
    with pytest.raises(UnwritableEventError):
        encode(UnknownBody("goal_sung"))


def test_the_members_of_a_newer_envelope_are_told() -> None:
    line = build(envelope_of(event(StageMarked("plan", "now"))), {"stage": "plan", "marked_at": "now"})[0]
    raw = parse(tampered(line, {b'"v":1': b'"v":3,"mood":1'}))
    assert isinstance(raw, RawEvent)
    assert decode(raw) == Decoded(event(StageMarked("plan", "now")), ("mood",))
