"""What Droid's files tell of sessions, and what becomes of those that can't be read."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import msgspec
import pytest

from loggen.droid import MODELS, START, Json, compaction, encode, lines, message, name, settings, start
from loggen.harness import derive, document, ingest
from tallybook.agents.droid.reader import DroidReader
from tallybook.history.ingest import ingest as ingest_all
from tallybook.history.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.agents.port import Batch, SessionFact

READER = DroidReader()
S, T = name(1), name(2)
DOCUMENT, BESIDE = f"{S}.settings.json", f"{S}.jsonl"
A = (10, 20, 30, 40, 5)


def read(content: bytes) -> Batch:
    return document(READER, DOCUMENT, content)


def beside(*records: Json) -> SessionFact:
    (batch,) = ingest(READER, BESIDE, [lines(list(records))])
    (fact,) = batch.sessions
    return fact


def test_a_document_tells_of_a_session() -> None:
    """Its model and provider; its moments and its place are in the file beside it."""
    (fact,) = read(encode(settings(A))).sessions
    assert (fact.session, fact.model, fact.provider, fact.born_at) == (S, MODELS[0], "anthropic", None)


def test_the_file_beside_it_tells_when_and_where() -> None:
    """By its first line and its messages."""
    fact = beside(start(S, START), message("user", START + 5), message("assistant", START + 9))
    assert (fact.session, fact.cwd, fact.born_at, fact.last_at) == (S, "/srv/shop", START * 1000, (START + 9) * 1000)
    assert (fact.parent, fact.forked_from, fact.origin) == (None, None, "main")


@pytest.mark.parametrize(
    ("more", "parent", "forked", "origin"),
    [
        ({"callingSessionId": T}, T, None, "subagent"),
        ({"parent": T}, T, None, "compaction"),
        ({"parent": T, "forkedAtMessageId": "m"}, None, T, "main"),
        ({"callingSessionId": S}, None, None, "main"),
    ],
)
def test_how_a_session_came_to_be(more: Json, parent: str | None, forked: str | None, origin: str) -> None:
    """Sent by another one, going on after its compaction, or forked from it."""
    fact = beside(start(S, START, **more), compaction(START + 1))
    assert (fact.parent, fact.forked_from, fact.origin) == (parent, forked, origin)


def test_any_split_of_the_lines_tells_the_same() -> None:
    """What takes two lines to prove is proved across runs."""
    whole = lines([start(S, START, parent=T), compaction(START + 1), message("assistant", START + 2)])
    once = ingest(READER, BESIDE, [whole])
    for cut in range(0, len(whole), 7):
        parts = ingest(READER, BESIDE, [whole[:cut], whole[cut:]])
        assert [row for batch in parts for row in batch.occurrences] == list(once[0].occurrences)
        assert {pair for batch in parts for pair in batch.links} == set(once[0].links)


DOCUMENTS: dict[str, tuple[bytes, bool, int]] = {
    "empty": (b"", True, 0),
    "torn": (b'{"model":', True, 0),
    "nested too deeply": (b"[" * 100_000, True, 0),
    "a list": (b"[]", False, 1),
    "no total": (b'{"model":"m"}', False, 0),
    "null": (b'{"model":"m","tokenUsage":null}', False, 0),
    "a total of another shape": (b'{"tokenUsage":[1]}', False, 1),
    "a count of another shape": (b'{"tokenUsage":{"inputTokens":"5"}}', False, 1),
    "a count that is negative": (b'{"tokenUsage":{"inputTokens":-5}}', False, 1),
    "a count beyond all": (b'{"tokenUsage":{"inputTokens":10000000000000000}}', False, 1),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_that_can_not_be_read(kind: str) -> None:
    """One that is not whole waits; of one of another shape the rest is taken."""
    content, torn, bad = DOCUMENTS[kind]
    batch = read(content)
    assert (batch.torn is not None, batch.bad_lines) == (torn, bad)
    assert derive(READER, {DOCUMENT: [batch]}) == []


def test_fields_of_another_shape_are_not_told() -> None:
    """The total counts all the same."""
    told = settings(A) | {"model": 5, "providerLockTimestamp": "soon", "providerLock": [1], "reasoningEffort": {}}
    (found,) = derive(READER, {DOCUMENT: [read(encode(told))]})
    assert (found.tokens.total, found.model, found.at, found.provider) == (100, "unknown", None, None)


def test_parts_that_are_missing_are_nothing_so_far() -> None:
    """Early versions told fewer; dates and models are estimates anyway."""
    (found,) = derive(READER, {DOCUMENT: [read(b'{"tokenUsage":{"inputTokens":5,"outputTokens":6}}')]})
    assert (found.tokens.total, found.quality) == (11, "estimated")


LINES: dict[str, tuple[bytes, int, int]] = {
    "no JSON": (b"{oops", 1, 0),
    "a list": (b"[1]", 1, 0),
    "no type": (b"{}", 1, 0),
    "another type": (b'{"type":"surprise"}', 0, 1),
    "no message": (b'{"type":"message"}', 1, 0),
    "a message of another shape": (b'{"type":"message","message":7}', 1, 0),
    "a moment of another shape": (b'{"type":"message","timestamp":[],"message":{}}', 0, 0),
    "blank": (b"  ", 0, 0),
    "half an emoji": (b'{"type":"message","message":{"content":"\\ud83d"}}', 0, 0),
}


@pytest.mark.parametrize("kind", LINES)
def test_a_line_that_can_not_be_read_is_counted_and_loses_nothing(kind: str) -> None:
    """What stands around it tells what it would tell without it."""
    line, bad, unknown = LINES[kind]
    whole = lines([start(S, START)]) + line + b"\n" + lines([message("assistant", START + 9)])
    (batch,) = ingest(READER, BESIDE, [b"\xef\xbb\xbf" + whole])
    assert (batch.bad_lines, batch.unknown_records) == (bad, unknown)
    assert [fact.last_at for fact in batch.sessions] == [(START + 9) * 1000]


def test_no_text_is_kept() -> None:
    """Whatever field holds a secret, no fact has it."""
    secret = secrets.token_hex(16)
    told = settings(A, sessionTitle=secret, tags=[{"name": secret}], worktree={"path": secret})
    told["tokenUsage"]["note"] = secret
    talk = [
        start(S, START, title=secret, owner=secret),
        {**message("user", START), "message": {"role": "user", "content": [{"type": "text", "text": secret}]}},
        {**message("user", START), "message": {"role": secret}},
        {**compaction(START), "summaryText": secret, "systemInfo": {"cwd": secret}},
        {"type": "todo_state", "todos": [{"content": secret}]},
        {"type": secret, "text": secret},
    ]
    batches = [read(encode(told)), *ingest(READER, BESIDE, [lines(talk)])]
    assert all(batch.occurrences for batch in batches)
    for batch in batches:
        kept = msgspec.structs.replace(batch, items=tuple((*item[:6], None) for item in batch.items))
        assert secret.encode() not in msgspec.msgpack.encode(kept)


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """It is a session's id, whatever bytes it has; the store takes it."""
    root = tmp_path / ".factory" / "sessions"
    root.mkdir(parents=True)
    (root / os.fsdecode(b"\xff.settings.json")).write_bytes(encode(settings(A)))
    (root / os.fsdecode(b"\xff.jsonl")).write_bytes(lines([start(S, START), message("assistant", START)]))
    with open_store(tmp_path / "data") as store:
        report = ingest_all(store, [READER], {"FACTORY_HOME_OVERRIDE": str(tmp_path)})
        assert (report.problems, report.bad_lines) == ((), 0)
        assert store.rows("SELECT name FROM session") == [("\\xff",)]
        assert store.rows("SELECT count(*) FROM response") == [(1,)]
