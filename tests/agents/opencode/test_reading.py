"""JSON files of sessions and messages: what they tell, and what becomes of those that tell nonsense."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from loggen.harness import document
from loggen.opencode import START, Json, answer, message_id, prompt, session, session_id, tokens
from tallybook.agents.opencode.reader import OpenCodeReader
from tallybook.agents.port import Batch, SessionFact

READER = OpenCodeReader()
HOME = session_id(1)
PLACE = f"/d/storage/message/{HOME}/{message_id(1)}.json"
GOOD = {"id": message_id(1), "sessionID": HOME, **answer(START, tokens((1, 2, 3, 4, 5)), completed=START + 9)}
NEST = b"[" * 100_000


def read(told: Json | bytes, place: str = PLACE) -> Batch:
    return document(READER, place, told if isinstance(told, bytes) else json.dumps(told).encode())


def fact(**more: object) -> SessionFact:
    (found,) = read(session(HOME, START, **more), f"/d/storage/session/p/{HOME}.json").sessions
    return found


def test_a_session_tells_of_itself() -> None:
    assert fact() == SessionFact(HOME, born_at=START * 1000, last_at=START * 1000, cwd="/srv/shop", version="1.1.0")
    child = fact(parentID=session_id(2))
    assert (child.parent, child.origin) == (session_id(2), "subagent")
    assert fact(parentID=HOME) == fact(parentID=5) == fact()
    assert fact(directory=[], version={}, time="x") == SessionFact(HOME)
    assert fact(id=7).session == HOME, "its name tells it"


def test_a_message_tells_of_its_session() -> None:
    (found,) = read(GOOD).sessions
    expected = SessionFact(HOME, last_at=(START + 9) * 1000, cwd="/srv/shop", model="claude-sonnet-4-5")
    assert found == expected
    bare = {name: told for name, told in GOOD.items() if name not in {"id", "sessionID", "path"}}
    (found,) = read(bare).sessions
    assert (found.session, found.cwd) == (HOME, None)
    assert read(bare).occurrences[0].group == f"message/{message_id(1)}"


def test_other_messages_tell_nothing() -> None:
    batch = read({"id": "msg_1", "sessionID": HOME, **prompt(START)})
    assert replace(batch, items=()) == Batch()
    assert [item[3:5] for item in batch.items] == [("prompt", "typed")]


@pytest.mark.parametrize(
    "raw",
    [b"", json.dumps(GOOD).encode()[:-9], json.dumps(GOOD).encode() * 2, b"\0", NEST],
    ids=["empty", "cut", "two", "NUL", "deep"],
)
def test_what_is_not_whole_is_torn(raw: bytes) -> None:
    batch = read(raw)
    assert batch.torn
    assert batch == Batch(torn=batch.torn)


@pytest.mark.parametrize(
    "wrong",
    [
        *(b"[]", b"5", b"null", b"{}", b'{"a": 1}'),
        json.dumps({**GOOD, "tokens": 5}).encode(),
        json.dumps({**GOOD, "tokens": {"input": -1}}).encode(),
        json.dumps({**GOOD, "tokens": {"cache": []}}).encode(),
    ],
    ids=lambda raw: repr(raw)[:40],
)
def test_another_document_is_counted_as_bad(wrong: bytes) -> None:
    assert read(wrong) == Batch(bad_lines=1)


def test_odd_text_costs_nothing() -> None:
    content = json.dumps({**GOOD, "error": {"data": {"message": "\ud83d"}}}).encode()
    for raw in (content, b"\xef\xbb\xbf" + content):
        assert (len(read(raw).occurrences), read(raw).bad_lines) == (1, 0)


@pytest.mark.parametrize("odd", ["yesterday", True, None, [], -1, 1e300, 10**30])
def test_an_odd_time_is_none(odd: object) -> None:
    (row,) = read({**GOOD, "time": {"created": odd, "completed": START}}).occurrences
    assert (row.offset, row.at) == (0, START * 1000)
