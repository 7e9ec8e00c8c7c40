"""Messages with known usage, in files and rows: each once, whole, and its owner's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from loggen.harness import derive, document
from loggen.opencode import START, Json, answer, message_id, session, session_id, tokens
from tallybook.agents.opencode import records
from tallybook.agents.opencode.parts import Part
from tallybook.agents.opencode.reader import OpenCodeReader
from tallybook.agents.opencode.rows import Block, MessageRow, Rest, SessionRow, encode
from tallybook.agents.port import Batch, Line, LogFile
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from tallybook.agents.port import Response

READER = OpenCodeReader()
ONE, TWO, THREE = session_id(1), session_id(2), session_id(3)
PARTS = (2430, 31_871, 7, 1840, 1981)
FULL = TokenVector(input=2430, cache_read=31_871, cache_write_unknown=7, output=3821, reasoning=1981)
USED = tokens(PARTS)
EXACT, LEAST, GUESSED, DOUBTED = Quality.EXACT, Quality.LOWER_BOUND, Quality.ESTIMATED, Quality.UNVERIFIED
AT = START + 5000


def whole(**more: object) -> Json:
    return {**answer(AT, USED, completed=AT + 900, finish="stop"), **more}


def file(number: int, home: str, told: Json) -> tuple[str, Batch]:
    """A message's file."""
    path = f"/d/storage/message/{home}/{message_id(number)}.json"
    content = {"id": message_id(number), "sessionID": home, **told}
    return path, document(READER, path, json.dumps(content).encode())


def home_file(identity: str, born: int, **more: object) -> tuple[str, Batch]:
    """A session's file."""
    path = f"/d/storage/session/p/{identity}.json"
    return path, document(READER, path, json.dumps(session(identity, born, **more)).encode())


def rows(*facts: MessageRow | SessionRow, key: str = "/d/opencode.db") -> tuple[str, Batch]:
    """A database."""
    raw = [Line(0, encode(fact)) for fact in (Block(1, 0, 1, open=False), *facts, Rest(1, 1, False, 0, ((), (0,))))]
    return key, READER.read(LogFile("opencode", key, key, whole=True, journal=f"{key}-wal"), raw, b"")


def row(number: int, home: str, told: Json, *, born: int = START, fork: bool = False) -> MessageRow:
    """A message's row, in a session that has one."""
    return MessageRow(message_id(number), home, True, born, fork, records.whole(json.dumps(told).encode()), ())


def count(*logs: tuple[str, Batch]) -> list[Response]:
    return derive(READER, {key: [batch] for key, batch in logs})


def told(*logs: tuple[str, Batch]) -> list[tuple[str, TokenVector, Quality]]:
    return [(one.session, one.tokens, one.quality) for one in count(*logs)]


def test_a_row_and_a_file_are_read_alike() -> None:
    (from_row,) = count(rows(row(1, ONE, whole())))
    (from_file,) = count(file(1, ONE, whole()))
    for one in (from_row, from_file):
        assert (one.tokens, one.quality, one.final, one.session) == (FULL, EXACT, True, ONE)
        assert one.tokens.total == sum(PARTS)
        assert (one.key, one.at, one.offset) == (message_id(1), (AT + 900) * 1000, AT * 1000)
        assert (one.model, one.provider, one.effort, one.calls) == ("claude-sonnet-4-5", "anthropic", None, ())
    assert from_row.turn == from_file.turn
    assert from_row.turn not in {None, "msg_asked"}


def test_a_message_in_both_stores_counts_once_and_the_row_wins() -> None:
    early = whole(tokens=tokens((1, 2, 3, 4, 5)))
    (one,) = count(file(1, ONE, early), rows(row(1, ONE, whole())))
    assert (one.tokens, one.source) == (FULL, "/d/opencode.db")
    (one,) = count(file(1, ONE, whole()), rows(row(1, ONE, answer(AT, tokens((0, 0, 0, 0, 0))))))
    assert (one.tokens, one.final) == (FULL, True), "the row has stayed as it was when the file went on"


def test_a_row_in_two_databases_counts_once() -> None:
    it = row(1, ONE, whole())
    assert told(rows(it), rows(it, key="/d/opencode-dev.db")) == [(ONE, FULL, EXACT)]


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (sum(PARTS), (EXACT, 3821)),
        (None, (EXACT, 3821)),
        (2430 + 1840 + 1981, (EXACT, 3821)),
        (2430 + 31_871 + 1840 + 1981, (EXACT, 3821)),
        (sum(PARTS) + 5, (LEAST, 3821)),
        (sum(PARTS) - 5, (GUESSED, 3821)),
    ],
)
def test_the_total_is_looked_at(total: int | None, expected: tuple[Quality, int]) -> None:
    (one,) = count(rows(row(1, ONE, whole(tokens={**tokens(PARTS, "none"), "total": total}))))
    assert (one.quality, one.tokens.output) == expected


def test_reasoning_that_the_total_proves_to_be_output_is_not_added() -> None:
    (one,) = count(rows(row(1, ONE, whole(tokens=tokens(PARTS, "reasoning")))))
    assert (one.tokens, one.quality) == (FULL, EXACT)


@pytest.mark.parametrize(
    ("used", "vector", "quality"),
    [
        ({"input": 5, "output": 7}, TokenVector(input=5, output=7), LEAST),
        ({"input": 5, "output": 7, "total": 12}, TokenVector(input=5, output=7), EXACT),
        ({**tokens(PARTS, "none"), "cache": None}, TokenVector(input=2430, output=3821, reasoning=1981), LEAST),
        ({"total": 12}, TokenVector(), LEAST),
        (None, TokenVector(), LEAST),
        ({}, TokenVector(), LEAST),
    ],
)
def test_what_is_not_told_is_not_nothing(used: Json | None, vector: TokenVector, quality: Quality) -> None:
    assert told(rows(row(1, ONE, whole(tokens=used)))) == [(ONE, vector, quality)]


def test_a_message_that_is_being_written() -> None:
    (one,) = count(rows(row(1, ONE, answer(AT, tokens((0, 0, 0, 0, 0), "none")))))
    assert (one.final, one.quality, one.tokens, one.at) == (False, LEAST, TokenVector(), AT * 1000)
    (one,) = count(rows(row(1, ONE, answer(AT, USED, finish="stop"))))
    assert (one.final, one.quality, one.tokens) == (False, LEAST, FULL)


def test_what_no_model_has_served_is_no_response() -> None:
    nothing = tokens((0, 0, 0, 0, 0))
    error = {"name": "MessageAbortedError", "data": {"message": "aborted"}}
    assert count(rows(row(1, ONE, whole(tokens=nothing, finish="tool-calls")))) == []
    assert count(rows(row(1, ONE, answer(AT, nothing, completed=AT + 1, error=error)))) == []
    assert count(rows(row(1, ONE, {"role": "user", "time": {"created": AT}}))) == []


def test_an_error_after_usage_was_told() -> None:
    error = {"name": "UnknownError", "data": {"message": "x"}}
    assert told(rows(row(1, ONE, answer(AT, USED, completed=AT + 1, error=error)))) == [(ONE, FULL, LEAST)]
    assert told(rows(row(1, ONE, whole(error=error)))) == [(ONE, FULL, EXACT)]


def ended(used: Json) -> Part:
    """The part that ends a step."""
    return Part("step-finish", tokens=msgspec.convert(used, records.Tokens))


def test_a_step_without_any_usage_is_a_response() -> None:
    nothing = tokens((0, 0, 0, 0, 0))
    it = row(1, ONE, whole(tokens=nothing))
    stepped = MessageRow(it.id, it.session, True, it.born, False, it.told, (ended(nothing),))
    assert told(rows(stepped)) == [(ONE, TokenVector(), LEAST)]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([PARTS], PARTS),
        ([(1, 2, 3, 4, 5), PARTS], (2431, 31_873, 10, 1844, 1986)),
        ([(1, 2, 3, 4, 5), (6, 7, 8, 9, 0)], PARTS),
        ([], PARTS),
    ],
)
def test_the_steps_of_a_message_that_tells_of_its_last_one(
    steps: list[tuple[int, ...]], expected: tuple[int, ...]
) -> None:
    it = row(1, ONE, answer(AT, USED, completed=AT + 1))
    told_steps = tuple(ended(tokens((a, b, c, d, e))) for a, b, c, d, e in steps)
    (one,) = count(rows(MessageRow(it.id, it.session, True, it.born, False, it.told, told_steps)))
    given, read, write, output, reasoning = expected
    assert one.tokens == TokenVector(given, read, 0, 0, write, output + reasoning, reasoning)


def test_a_fork_copies_messages_of_its_parent() -> None:
    parent, copy = row(1, ONE, whole()), row(2, TWO, whole(parentID="msg_new"), born=AT + 60_000)
    own = row(3, TWO, answer(AT + 70_000, USED, completed=AT + 71_000), born=AT + 60_000)
    assert told(rows(parent, copy, own)) == [(ONE, FULL, EXACT), (TWO, FULL, EXACT)]
    assert told(rows(own, copy, parent)) == [(ONE, FULL, EXACT), (TWO, FULL, EXACT)]
    assert told(rows(copy, own)) == [(TWO, FULL, DOUBTED), (TWO, FULL, EXACT)]


def test_copies_without_the_message_itself_count_once_for_the_first_fork() -> None:
    first = row(2, TWO, whole(), born=AT + 60_000)
    second = row(3, THREE, whole(), born=AT + 90_000)
    assert told(rows(second, first)) == told(rows(first)) == [(TWO, FULL, DOUBTED)]


def test_a_fork_by_its_name_alone() -> None:
    """Where the session's birth proves nothing."""
    assert told(rows(row(1, ONE, whole()), row(2, TWO, whole(), fork=True))) == [(ONE, FULL, EXACT)]
    assert told(rows(row(2, TWO, whole(), fork=True))) == [(TWO, FULL, EXACT)]
    both = rows(row(1, ONE, whole(), fork=True), row(2, TWO, whole(), fork=True))
    assert told(both) == [(ONE, FULL, DOUBTED)]


def test_two_that_are_alike_and_nobodys_copy_are_two() -> None:
    assert told(rows(row(1, ONE, whole()), row(2, TWO, whole()))) == [(ONE, FULL, EXACT), (TWO, FULL, EXACT)]


@pytest.mark.parametrize(
    "other",
    [
        {"time": {"created": AT, "completed": AT + 901}},
        {"time": {"created": AT + 1, "completed": AT + 900}},
        {"modelID": "claude-haiku-4-5"},
        {"providerID": "openrouter"},
        {"agent": "plan"},
        *({"tokens": tokens((*PARTS[:at], 99, *PARTS[at + 1 :]))} for at in range(5)),  # type: ignore[arg-type]
        {"tokens": {**USED, "total": 5}},
    ],
    ids=str,
)
def test_a_copy_is_alike_in_everything(other: Json) -> None:
    late = row(2, TWO, whole(**other), born=AT + 60_000)
    assert [one.session for one in count(rows(row(1, ONE, whole()), late))] == [ONE, TWO]


def test_files_of_sessions_tell_whose_a_copy_is() -> None:
    logs = [file(1, ONE, whole()), file(2, TWO, whole()), home_file(ONE, START), home_file(TWO, AT + 60_000)]
    assert told(*logs) == told(*reversed(logs)) == [(ONE, FULL, EXACT)]
    assert told(logs[0], logs[1], logs[3]) == [(ONE, FULL, EXACT)]
    assert told(logs[1], logs[3]) == [(TWO, FULL, DOUBTED)]
    assert told(logs[0], logs[1]) == [(ONE, FULL, DOUBTED)], "nothing tells"


def test_the_copy_of_a_message_that_was_last_seen_while_it_was_written() -> None:
    begun = row(1, ONE, answer(AT, tokens((0, 0, 0, 0, 0), "none")))
    (one,) = count(rows(begun, row(2, TWO, whole(), born=AT + 60_000)))
    assert (one.session, one.key, one.tokens, one.quality, one.final) == (ONE, message_id(1), FULL, EXACT, True)
    copied = row(2, TWO, answer(AT, tokens((0, 0, 0, 0, 0), "none")), born=AT + 60_000)
    assert [(one.session, one.final) for one in count(rows(begun, copied))] == [(ONE, False)]
    assert count(rows(copied)) == []


def test_messages_without_a_time_are_never_copies() -> None:
    bare = whole(time={})
    assert [one.session for one in count(rows(row(1, ONE, bare), row(2, TWO, bare)))] == [ONE, TWO]
    assert {(one.final, one.at) for one in count(rows(row(1, ONE, bare)))} == {(False, None)}
