"""What Pi's files tell of sessions, and what becomes of lines that can't be read."""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from loggen.harness import count, derive, ingest
from loggen.pi import ROOT, START, answer, encode, entry, head, path, prompt, usage, uuid7
from tallybook.agents.pi.reader import PiReader
from tallybook.history.ingest import ingest as ingest_all
from tallybook.history.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.agents.port import Batch, SessionFact

READER = PiReader()
A, B = uuid7(1, START), uuid7(2, START + 10_000)
PATH = path(A, START)
LINE = answer("0000000a", START + 1000, usage((1, 2, 3, 4)))


def read(content: bytes, name: str = PATH) -> Batch:
    (batch,) = ingest(READER, name, [content])
    return batch


def fact(content: bytes, name: str = PATH) -> SessionFact:
    (found,) = read(content, name).sessions
    return found


def test_what_a_head_tells() -> None:
    """Birth and directory are the head's; the last moment and the model are those of what follows."""
    found = fact(encode([head(A, START), prompt("0000000b", START + 10), LINE]))
    assert (found.session, found.born_at, found.last_at) == (A, START * 1000, (START + 1000) * 1000)
    assert (found.cwd, found.model, found.provider) == ("/srv/shop", "claude-sonnet-4-5", "anthropic")
    assert (found.parent, found.forked_from, found.origin) == (None, None, "main")


def test_a_fork_names_its_parent() -> None:
    """By its path, or by its id."""
    for named in (path(B, START), B):
        found = fact(encode([head(A, START, named)]))
        assert (found.parent, found.forked_from, found.origin) == (None, B, "main")


def test_a_subagent_lies_below_the_session_that_sent_it() -> None:
    """So do those that it sends, as far as files tell."""
    below = path(B, START).removesuffix(".jsonl")
    for place in (f"{below}/Scout.jsonl", f"{below}/Scout/Reader.jsonl"):
        (found,) = ingest(READER, place, [encode([head(A, START, path(B, START)), LINE])])[0].sessions
        assert (found.session, found.parent, found.forked_from, found.origin) == (A, B, None, "subagent")
        (answered,) = count(READER, {place: encode([head(A, START, path(B, START)), LINE])})
        assert (answered.session, answered.quality) == (A, "exact")


def test_the_first_line_may_be_a_title() -> None:
    """oh-my-pi keeps one there that it overwrites."""
    title = {"type": "title", "v": 1, "title": "Shelf", "updatedAt": "x", "pad": "   "}
    batch = read(encode([title, head(A, START), LINE]))
    assert ([one.session for one in batch.sessions], batch.unknown_records) == ([A], 0)


def test_a_second_head_tells_nothing() -> None:
    """Early versions wrote it when a fork got its first answer."""
    (found,) = count(READER, {PATH: encode([head(A, START), LINE, head(B, START), LINE])})
    assert found.session == A


@pytest.mark.parametrize(("name", "session"), [(PATH, A), (f"{ROOT}/mine.jsonl", "mine")])
def test_a_file_without_a_head_is_called_by_its_name(name: str, session: str) -> None:
    """Its answers count all the same."""
    (found,) = count(READER, {name: encode([LINE])})
    assert (found.session, found.tokens.total) == (session, 10)


BAD: dict[str, tuple[bytes, int, int]] = {
    "no JSON": (b"{oops", 1, 0),
    "a list": (b"[1]", 1, 0),
    "no type": (b'{"id":"x"}', 1, 0),
    "another type": (b'{"type":"surprise","usage":{"input":5}}', 0, 1),
    "no message": (b'{"type":"message","id":"x"}', 1, 0),
    "a message of another shape": (b'{"type":"message","message":[1]}', 1, 0),
    "a role of another shape": (b'{"type":"message","message":{"role":7}}', 1, 0),
    "usage of another shape": (b'{"type":"message","message":{"role":"assistant","usage":"much"}}', 1, 0),
    "a count of another shape": (b'{"type":"message","message":{"role":"assistant","usage":{"input":"5"}}}', 1, 0),
    "a head without an id": (b'{"type":"session","id":5}', 1, 0),
    "nested too deeply": (b'{"type":"message","message":' + b"[" * 100_000 + b"}", 1, 0),
    "no UTF-8": (b'{"type":"\xff"}', 1, 0),
    "blank": (b"   ", 0, 0),
    "no usage": (b'{"type":"message","message":{"role":"assistant","usage":null}}', 0, 0),
    "content of another shape": (b'{"type":"message","message":{"role":"assistant","content":7}}', 0, 0),
}


@pytest.mark.parametrize("name", BAD)
def test_a_line_that_can_not_be_read_is_counted_and_loses_nothing(name: str) -> None:
    """What stands around it counts as it would without it."""
    line, bad, unknown = BAD[name]
    content = encode([head(A, START)]) + line + b"\n" + encode([LINE])
    batch = read(content)
    assert (batch.bad_lines, batch.unknown_records) == (bad, unknown)
    assert [one.tokens.total for one in derive(READER, {PATH: [batch]})] == [10]


@pytest.mark.parametrize("size", [-1, 10**13, 2**63, 2**64, 1e300])
def test_a_count_that_is_none(size: float) -> None:
    """It is not told; the rest counts as a lower bound or an estimate."""
    told = usage((1, 2, 3, 4)) | {"input": size}
    (found,) = count(READER, {PATH: encode([head(A, START), answer("0000000a", START, told)])})
    assert (found.tokens.input, found.tokens.total) == (0, 9)
    assert found.quality in {"lower_bound", "estimated"}


def test_half_an_emoji_loses_no_usage() -> None:
    """JavaScript writes such text, and it is no reason to lose what stands beside it."""
    raw = json.dumps(LINE).replace("done", "\\ud83d").encode() + b"\n"
    assert [one.tokens.total for one in count(READER, {PATH: encode([head(A, START)]) + raw})] == [10]


def test_a_mark_of_byte_order_is_passed_over() -> None:
    """Editors put one in front."""
    assert fact(b"\xef\xbb\xbf" + encode([head(A, START)])).session == A


def test_no_text_is_kept() -> None:
    """Whatever field holds a secret, no fact has it; ids and names are all that is kept."""
    secret = secrets.token_hex(16)

    blocks: list[Any] = [{"type": "text", "text": secret}, {"type": "thinking", "thinking": secret}]
    blocks += [{"type": "toolCall", "id": "c1", "name": secret, "arguments": {"command": secret}}]
    message = {**LINE["message"], "content": blocks, "errorMessage": secret, "diagnostics": [secret], "api": secret}
    message["usage"] = {**usage((1, 2, 3, 4)), "note": secret, "cost": {"currency": secret}}
    lines = [
        head(A, START, title=secret, additionalDirectories=[secret]),
        {**LINE, "message": message, "label": secret},
        entry("message", "0000000b", START, message={"role": "user", "content": secret}),
        entry("message", "0000000c", START, message={"role": "bashExecution", "command": secret, "output": secret}),
        entry("compaction", "0000000d", START, summary=secret, details=[secret], usage=usage((1, 1, 1, 1))),
        entry("session_info", "0000000e", START, name=secret),
        {**entry("usage", "0000000f", START, note=secret, model="m", usage=usage((2, 2, 2, 2))), "kind": secret},
        entry("session_init", "00000010", START, systemPrompt=secret, task=secret),
        entry("custom", "00000011", START, data={"any": secret}, customType=secret),
    ]
    batch = read(encode(lines))
    assert len(batch.occurrences) == 4
    assert {item[6] for item in batch.items if item[6] is not None} == {b'{"command":"%b"}' % secret.encode()}
    kept = msgspec.structs.replace(batch, items=tuple((*item[:6], None) for item in batch.items))
    assert secret.encode() not in msgspec.msgpack.encode(kept)
    assert secret not in repr(kept)


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """Of a file without a head it is the session's id, whatever bytes it has; the store takes it."""
    for name in (b"\xff.jsonl", b"2026-05-28T20-26-40-000Z_\xff.jsonl"):
        (tmp_path / os.fsdecode(name)).write_bytes(encode([LINE]))
    with open_store(tmp_path / "data") as store:
        report = ingest_all(store, [READER], {"PI_CODING_AGENT_SESSION_DIR": str(tmp_path)})
        assert (report.problems, report.bad_lines) == ((), 0)
        assert store.rows("SELECT name FROM session") == [("\\xff",)]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("model", "1e400"), ("content", '[{"type":5}]'), ("stopReason", "1e400"), ("ttft", "1e400"), ("content", "5")],
)
def test_a_wrong_field_of_a_message_spoils_no_other(field: str, wrong: str) -> None:
    """Its usage counts all the same."""
    message = {key: value for key, value in LINE["message"].items() if key != field}
    raw = json.dumps({**LINE, "message": message}).replace('"role"', f'"{field}": {wrong}, "role"', 1)
    batch = read(encode([head(A, START)]) + raw.encode() + b"\n")
    assert batch.bad_lines == 0
    assert [one.tokens.total for one in derive(READER, {PATH: [batch]})] == [10]
