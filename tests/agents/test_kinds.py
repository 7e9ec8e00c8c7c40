"""Kinds of records are names, and never another word of a line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.agents.kinds import NAMELESS, UNREADABLE, fault_of, kind_of


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"type": "event_msg", "payload": {"type": "token_count", "info": None}}, "event_msg token_count"),
        ({"payload": {"role": "user"}, "type": "turn_context"}, "turn_context"),
        ({"type": "system", "subtype": "compact_boundary"}, "system compact_boundary"),
        ({"type": "user", "message": {"role": "user", "content": "hello"}}, "user"),
        ({"type": "message", "message": {"role": "assistant"}}, "message assistant"),
        ({"type": "message", "message": "a text"}, "message"),
        ({"$set": {"messages": []}}, "$set"),
        ({"$rewindTo": "m1"}, "$rewindTo"),
        ({"type": "two words"}, NAMELESS),
        ({"type": "message", "message": {"role": "toolResult"}}, "message toolResult"),
        ({"type": "session.usage_record"}, "session.usage_record"),
        ({"type": "x" * 41}, NAMELESS),
        ({"type": "AKIAAB3DE5FG7H"}, NAMELESS),
        ({"type": "sk-ant-api03-aB3dE5fG7h"}, NAMELESS),
        ({"type": 7}, NAMELESS),
        ({}, NAMELESS),
    ],
)
def test_a_kind_is_made_of_the_names_of_types(record: object, kind: str) -> None:
    """Of the record, and of what it carries."""
    assert kind_of(json.dumps(record).encode()) == kind
    assert kind_of(b"\xef\xbb\xbf" + json.dumps(record).encode()) == kind


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b'{"type": ', "it is no JSON"),
        (b"\x00\x00", "it is no JSON"),
        (b"[1]", "it is no JSON object"),
        (b"[" * 100_000, "it is nested too deeply"),
        (rb'{"type":"user","text":"\ud83d"}', "half of a surrogate pair stands in it"),
        (
            b'{"type":"assistant","message":7}',
            "a part of it is missing, of another type or range than it must be, or contradicts another",
        ),
    ],
)
def test_what_is_wrong_with_a_line_is_told_apart(raw: bytes, fault: str) -> None:
    """For each fault one phrase of ours, and nothing of the line."""
    assert fault_of(raw) == fault


@given(st.binary())
def test_any_bytes_have_a_kind_and_a_fault(raw: bytes) -> None:
    """Nothing raises."""
    assert kind_of(raw) in {UNREADABLE, NAMELESS} or raw.strip().startswith(b"{")
    assert fault_of(raw)
