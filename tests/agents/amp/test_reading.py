"""What a thread says of its session, and what no bytes can do to its reader."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loggen.amp import MODEL, START, Json, answer, encode, event, name, prompt, stamp, thread, usage
from loggen.harness import derive, document
from tallybook.agents.amp.reader import AmpReader
from tallybook.agents.port import Batch, SessionFact
from tallybook.history.ingest import ingest as ingest_all
from tallybook.history.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

READER = AmpReader()
ONE, TWO = name(1), name(2)
AT = START + 5000
USED = usage((10, 11, 12, 13), AT)
GOOD = thread(ONE, [prompt(0), answer(1, USED)], [event("e1", 1, {"input": 10, "output": 13}, AT)])
NEST = b"[" * 100_000 + b"]" * 100_000


def read(content: bytes | Json) -> Batch:
    return document(READER, f"/threads/{ONE}.json", content if isinstance(content, bytes) else encode(content))


def outputs(batch: Batch) -> list[int]:
    return [one.tokens.output for one in derive(READER, {"x": [batch]})]


def fact(**more: object) -> SessionFact:
    (found,) = read({**GOOD, **more}).sessions
    return found


def test_a_session_and_its_times() -> None:
    (found,) = read(thread(ONE, [prompt(0, AT + 7000), answer(1, USED), prompt(2)])).sessions
    assert found == SessionFact(ONE, born_at=START * 1000, last_at=(AT + 7000) * 1000, model=MODEL)
    (empty,) = read(thread(ONE, [])).sessions
    assert (empty.born_at, empty.last_at, empty.model) == (START * 1000, START * 1000, None)
    assert fact(created=stamp(START)).born_at == START * 1000
    assert fact(created="yesterday").born_at is None
    assert fact(created=1e300).born_at is None


def test_the_id_or_else_the_name_of_the_file() -> None:
    assert fact(id=TWO).session == TWO
    for wrong in (None, "", 5, [TWO]):
        assert fact(id=wrong).session == ONE


@pytest.mark.parametrize(
    ("env", "cwd"),
    [
        ({"initial": {"trees": [{"displayName": "x", "uri": "file:///srv/a%20shop"}], "platform": {}}}, "/srv/a shop"),
        ({"initial": {"trees": [{}, {"uri": "https://x/y"}, {"uri": "file://localhost/srv"}]}}, "/srv"),
        ({"initial": {"trees": [{"uri": "file://elsewhere/srv"}, {"uri": "file://[/"}]}}, None),
        ({"initial": {"cwd": "/srv"}}, "/srv"),
        ({"cwd": "/srv"}, "/srv"),
        ({"initial": {"trees": "many"}}, None),
        ({"initial": None}, None),
        (5, None),
    ],
)
def test_where_it_ran(env: object, cwd: str | None) -> None:
    assert fact(env=env).cwd == cwd


def test_parents_and_forks() -> None:
    child = fact(mainThreadID=TWO)
    assert (child.parent, child.origin, child.forked_from) == (TWO, "subagent", None)
    fork = fact(originThreadID=TWO, forkPointIndex=1)
    assert (fork.parent, fork.origin, fork.forked_from) == (None, "main", TWO)
    assert fact(mainThreadID=ONE, originThreadID=ONE) == fact()
    assert fact(mainThreadID=5, originThreadID=[], relationships="none", forkPointIndex="x") == fact()


TORN: dict[str, bytes] = {
    "empty": b"",
    "cut": encode(GOOD)[:-5],
    "two": encode(GOOD) * 2,
    "NaN": encode(GOOD).replace(b'"v": 7', b'"v": NaN'),
    "NUL": b"\0" + encode(GOOD),
    "deep": encode(GOOD).replace(b'"v": 7', b'"v": ' + NEST),
}


@pytest.mark.parametrize("raw", TORN.values(), ids=TORN)
def test_what_is_not_whole_is_torn(raw: bytes) -> None:
    batch = read(raw)
    assert batch.torn
    assert batch == Batch(torn=batch.torn)


@pytest.mark.parametrize("raw", [b"[]", b"5", b"null", b'"T-1"'])
def test_another_document_is_counted_as_bad(raw: bytes) -> None:
    assert read(raw) == Batch(bad_lines=1)


WRONG_MESSAGES: list[object] = [
    5,
    None,
    "text",
    [],
    {},
    {"role": 5},
    {"role": "assistant", "messageId": 1.5, "usage": USED},
    {"role": "assistant", "messageId": [], "usage": USED},
    {"role": "assistant", "messageId": True, "usage": USED},
    {"role": "assistant", "usage": []},
    {"role": "assistant", "usage": 5},
    *(
        {"role": "assistant", "messageId": 9, "usage": {**USED, field: wrong}}
        for field in ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens")
        for wrong in (-1, 1.5, "7", True, [1], 10**12 + 1)
    ),
]


@pytest.mark.parametrize("wrong", WRONG_MESSAGES, ids=repr)
def test_a_wrong_message_is_counted_and_passed_over(wrong: object) -> None:
    batch = read(thread(ONE, [wrong, answer(1, USED)]))  # type: ignore[list-item]
    assert (batch.bad_lines, outputs(batch)) == (1, [13])


@pytest.mark.parametrize(
    "wrong",
    [
        *(5, None, [], {"id": []}, {"tokens": []}, {"toMessageId": {}}, {"operationType": 5}),
        *({"tokens": {"input": -1}}, {"tokens": {"total": 1.5}}),
    ],
    ids=repr,
)
def test_a_wrong_event_is_counted_and_passed_over(wrong: object) -> None:
    batch = read(thread(ONE, [answer(1, USED)], [wrong, event("e", 3, {"input": 1, "output": 2}, AT)]))  # type: ignore[list-item]
    assert (batch.bad_lines, outputs(batch)) == (1, [2, 13])


@pytest.mark.parametrize("field", ["messages", "usageLedger"])
@pytest.mark.parametrize("wrong", [5, "many", {"events": 5} , [5]], ids=repr)  # fmt: skip
def test_a_wrong_list_is_counted_and_the_other_is_read(field: str, wrong: object) -> None:
    batch = read({**GOOD, field: wrong})
    assert (batch.bad_lines, outputs(batch)) == (1, [13])


def test_lists_that_are_missing_or_null_are_empty() -> None:
    for absent in ({"id": ONE}, {"id": ONE, "messages": None, "usageLedger": None}, {"usageLedger": {"events": None}}):
        batch = read(encode(absent))
        assert (batch.bad_lines, batch.occurrences, len(batch.sessions)) == (0, (), 1)


def test_a_long_integer_spoils_what_it_counts_and_nothing_else() -> None:
    long = b"9" * 5000
    fine = encode(GOOD).replace(b'"v": 7', b'"v": ' + long)
    assert (read(fine).bad_lines, outputs(read(fine))) == (0, [13])
    message = encode(thread(ONE, [answer(1, USED), answer(2, USED)])).replace(
        b'"outputTokens": 13', b'"outputTokens": ' + long, 1
    )
    assert (read(message).bad_lines, outputs(read(message))) == (1, [13])
    for field in (b'"created": ' + str(START).encode(), b'"id": "' + ONE.encode() + b'"'):
        spoilt = encode(GOOD).replace(field, field.partition(b" ")[0] + b" " + long)
        assert (read(spoilt).bad_lines, outputs(read(spoilt))) == (0, [13])


def test_odd_text_costs_nothing() -> None:
    for text in (b"\\ud83d", b"\xff", b"\\u0000"):
        content = encode(GOOD).replace(b"add a shelf", text)
        assert (read(content).bad_lines, outputs(read(content))) == (0, [13])
    assert outputs(read(encode(GOOD).replace(MODEL.encode(), b"\xff"))) == [13]


@pytest.mark.parametrize("odd", ["yesterday", True, None, [], -1, 1e300, 10**30, "9999-99-99", ""])
def test_an_odd_time_is_none(odd: object) -> None:
    (response,) = derive(READER, {"x": [read(thread(ONE, [answer(1, {**USED, "timestamp": odd})]))]})
    assert response.at is None


def test_times_without_a_zone_and_in_milliseconds() -> None:
    for told in (stamp(AT).removesuffix("Z"), AT, float(AT)):
        (response,) = derive(READER, {"x": [read(thread(ONE, [answer(1, {**USED, "timestamp": told})]))]})
        assert response.at == AT * 1000


def test_no_text_is_kept() -> None:
    batch = read({**GOOD, "title": "secret"})
    kept = b"".join(row.data for row in batch.occurrences) + repr(batch).encode()
    for text in (b"secret", b"shelf", b"done", b"Bash"):
        assert text not in kept


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats() | st.text(max_size=5) | st.just(USED),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["role", "usage", "messageId", "state", "type", "events", "tokens", "id", "timestamp", "content", "meta"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*GOOD, "env", "relationships", "mainThreadID", "originThreadID"]), VALUES))
def test_no_document_raises(parts: Json) -> None:
    derive(READER, {"x": [read(json.dumps({**GOOD, **parts}).encode())]})


@given(st.binary(max_size=200), st.integers(0, 900), st.integers(0, 900))
def test_no_bytes_raise(junk: bytes, start: int, end: int) -> None:
    raw = encode(GOOD)
    derive(READER, {"x": [read(raw[:start] + junk + raw[end:])]})


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """Of a thread without an id its file's name is one, whatever bytes it has; the store takes it."""
    threads = tmp_path / "threads"
    threads.mkdir()
    (threads / os.fsdecode(b"T-\xff.json")).write_bytes(
        encode({**thread(ONE, [prompt(0, AT), answer(1, USED)]), "id": 5})
    )
    with open_store(tmp_path / "data") as store:
        report = ingest_all(store, [READER], {"AMP_DATA_DIR": str(tmp_path)})
        assert (report.problems, report.bad_lines) == ((), 0)
        assert store.rows("SELECT name FROM session") == [("T-\\xff",)]
        assert store.rows("SELECT count(*) FROM response") == [(1,)]
