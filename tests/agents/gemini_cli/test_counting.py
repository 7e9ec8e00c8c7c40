"""Answers of known usage: disjoint parts whose total is the agent's own, each answer once and as it was told last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loggen.gemini import (
    FLASH,
    MODEL,
    START,
    Json,
    answer,
    bare,
    call,
    document,
    encode,
    head,
    name,
    patch,
    prompt,
    usage,
)
from loggen.harness import count, derive, ingest
from loggen.harness import document as read_document
from tallybook.agents.gemini_cli.reader import GeminiReader
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from tallybook.agents.port import Batch, Response

READER = GeminiReader()
ONE, TWO = name(1), name(2)
FIRST, SECOND = name(11), name(12)
AT = START + 5000
PARTS = (31_608, 29_020, 1_484, 1_649, 0)
USED = usage(PARTS)
FULL = TokenVector(input=2_588, cache_read=29_020, output=3_133, reasoning=1_649)
OTHER = usage((700, 0, 30, 0, 0))
EXACT, LEAST, GUESSED, DOUBTED = Quality.EXACT, Quality.LOWER_BOUND, Quality.ESTIMATED, Quality.UNVERIFIED


def lines(*records: Json, session: str = ONE, at: int = START) -> bytes:
    """A file of lines with its head."""
    return encode([head(session, at), *records])


def told(*files: bytes) -> list[tuple[str, int, Quality]]:
    """Session, total and quality of each response of files of lines."""
    found = count(READER, {f"/{nth}.jsonl": content for nth, content in enumerate(files)})
    return sorted((one.session, one.tokens.total, one.quality) for one in found)


def only(*records: Json) -> Response:
    """The one response of a chat."""
    (found,) = count(READER, {"/x.jsonl": lines(*records)})
    return found


def test_input_holds_the_cached_part_and_thoughts_are_output() -> None:
    """The vector's total is the total that Gemini itself tells."""
    one = only(answer(FIRST, AT, USED))
    assert (one.tokens, one.quality, one.final) == (FULL, EXACT, True)
    assert one.tokens.total == USED["total"] == 34_741
    assert (one.key, one.session, one.source, one.at, one.model) == (FIRST, ONE, "/x.jsonl", AT * 1000, MODEL)


def test_what_tools_of_the_server_put_in_is_input() -> None:
    """It lies neither in the input nor in the output as logged."""
    one = only(answer(FIRST, AT, usage((100, 40, 7, 3, 25))))
    assert one.tokens == TokenVector(input=85, cache_read=40, output=10, reasoning=3)
    assert one.tokens.total == 135


@pytest.mark.parametrize(
    ("tokens", "expected", "quality"),
    [
        ({"input": 10, "output": 5, "cached": 4, "total": 15}, (6, 4, 5, 0), EXACT),
        ({"input": 10, "output": 5, "cached": 4}, (6, 4, 5, 0), LEAST),
        ({"input": 10, "output": 5, "cached": 4, "thoughts": 0, "tool": 0}, (6, 4, 5, 0), EXACT),
        ({"input": 10, "output": 5, "cached": 4, "thoughts": 0, "tool": 0, "total": 0}, (6, 4, 5, 0), EXACT),
        ({"input": 10, "output": 5, "cached": 4, "thoughts": 1, "tool": 2, "total": 19}, (8, 4, 6, 1), LEAST),
        ({"input": 10, "output": 5, "cached": 4, "thoughts": 1, "tool": 2, "total": 17}, (8, 4, 6, 1), GUESSED),
        ({"input": 10, "output": 5, "total": 15}, (10, 0, 5, 0), GUESSED),
        ({"input": 10, "output": 5, "cached": 12, "total": 15}, (0, 10, 5, 0), GUESSED),
        ({"output": 5, "cached": 0, "total": 15}, (0, 0, 5, 0), LEAST),
        ({"total": 15}, (0, 0, 0, 0), LEAST),
        ({"input": 0, "output": 0, "cached": 0, "thoughts": 0, "tool": 0, "total": 0}, (0, 0, 0, 0), LEAST),
        ({}, (0, 0, 0, 0), LEAST),
    ],
)
def test_what_is_missing_is_never_nothing_unless_the_total_proves_it(
    tokens: Json, expected: tuple[int, int, int, int], quality: Quality
) -> None:
    """Parts that make up the total are exact, fewer are a lower bound, more are an estimate."""
    one = only(answer(FIRST, AT, tokens))
    given, read, output, reasoning = expected
    assert one.tokens == TokenVector(input=given, cache_read=read, output=output, reasoning=reasoning)
    assert one.quality is quality


def test_an_answer_is_told_again_as_it_grows_and_the_last_word_holds() -> None:
    """Once before its tools run, once when they have come back; its place in the log stays."""
    grown = {**answer(FIRST, AT, USED), "toolCalls": [call("c1", AT + 900), call("c2", AT + 900)]}
    early = lines(answer(FIRST, AT, usage((31_608, 29_020, 1, 0, 0))))
    one = only(answer(FIRST, AT, usage((31_608, 29_020, 1, 0, 0))), answer(FIRST, AT, USED), grown)
    assert (one.tokens, one.calls, one.quality) == (FULL, ("c1", "c2"), EXACT)
    assert one.offset == len(encode([head(ONE, START)]))
    assert count(READER, {"/x.jsonl": early})[0].offset == one.offset
    assert only(answer(FIRST, AT, USED), answer(FIRST, AT, OTHER)).tokens.total == OTHER["total"]


def test_usage_that_comes_after_its_message() -> None:
    """A telling without usage erases none, and is replaced by one that has it."""
    assert only(answer(FIRST, AT, None), answer(FIRST, AT, USED)).tokens == FULL
    assert only(answer(FIRST, AT, USED), answer(FIRST, AT, None)).tokens == FULL
    assert only(answer(FIRST, AT, USED), bare(answer(FIRST, AT, None))).tokens == FULL


def test_an_answer_without_usage_is_known_to_be_missing() -> None:
    """What the agent put there itself is no answer of a model."""
    one = only(answer(FIRST, AT, None), prompt(SECOND, AT + 1))
    assert (one.tokens, one.quality, one.model) == (TokenVector(), LEAST, MODEL)
    synthetic = {key: value for key, value in answer(FIRST, AT, None).items() if key != "model"}
    assert told(lines(synthetic, bare(answer(SECOND, AT, None)))) == []


def test_a_replayed_history_adds_nothing() -> None:
    """Whole or bare; what only a replay tells is counted."""
    messages = [prompt(name(9), AT), answer(FIRST, AT, USED)]
    replays = [patch(messages=messages, lastUpdated="x"), patch(messages=[bare(one) for one in messages])]
    assert told(lines(*messages, *replays, *replays)) == [(ONE, 34_741, EXACT)]
    assert told(lines(*replays)) == [(ONE, 34_741, EXACT)]
    assert told(lines(patch(messages=[*messages, answer(SECOND, AT + 1, OTHER)]), *messages)) == [
        (ONE, 730, EXACT),
        (ONE, 34_741, EXACT),
    ]


def test_a_rewound_answer_was_billed() -> None:
    """Going back takes nothing away, and what is told afterwards counts too."""
    found = told(lines(answer(FIRST, AT, USED), {"$rewindTo": FIRST}, answer(SECOND, AT + 1, OTHER)))
    assert found == [(ONE, 730, EXACT), (ONE, 34_741, EXACT)]


def test_a_document_migrated_to_lines_counts_once() -> None:
    """A newer version resumes a document: both files stay, and the lines go on."""
    messages = [prompt(name(9), AT), answer(FIRST, AT, USED)]
    old = read_document(READER, "/x.json", encode([document(ONE, START, messages)]))
    new = ingest(READER, "/x.jsonl", [lines(*messages, answer(SECOND, AT + 1, OTHER))])
    batches: dict[str, list[Batch]] = {"/x.json": [old], "/x.jsonl": new}
    found = derive(READER, batches)
    assert [(one.key, one.tokens.total) for one in found] == [(FIRST, 34_741), (SECOND, 730)]
    assert derive(READER, dict(reversed(batches.items()))) == found


def test_a_copy_counts_for_the_session_that_it_was_served_in() -> None:
    """And where that is not there to prove it, for the first that has it, in doubt."""
    mine = lines(answer(FIRST, AT, USED))
    theirs = lines(answer(FIRST, AT, USED), answer(SECOND, AT + 9000, OTHER), session=TWO, at=AT + 5000)
    later = lines(answer(FIRST, AT, USED), session=name(3), at=AT + 6000)
    assert told(mine, theirs) == told(theirs, mine) == [(ONE, 34_741, EXACT), (TWO, 730, EXACT)]
    assert told(later, theirs) == [(TWO, 730, EXACT), (TWO, 34_741, DOUBTED)]


def test_a_session_that_is_resumed_is_as_old_as_its_first_head() -> None:
    """What only the history behind a second head tells was served in it; so it is of a session told by a patch."""
    again = head(ONE, AT + 60_000)
    assert told(lines(again, patch(messages=[answer(FIRST, AT, USED)]))) == [(ONE, 34_741, EXACT)]
    other = encode([again, patch(sessionId=TWO), answer(FIRST, AT, USED)])
    assert told(other) == [(TWO, 34_741, EXACT)]


def test_an_answer_has_the_moment_of_its_first_telling() -> None:
    """Whatever a later one says."""
    one = only(answer(FIRST, AT, USED), answer(FIRST, AT + 700, USED), answer(FIRST, AT + 800, None))
    assert one.at == AT * 1000


def test_of_two_files_of_a_session_the_one_that_saw_more_holds() -> None:
    """An answer that grew in one of them only; the names of the files decide nothing."""
    small, whole = lines(answer(FIRST, AT, OTHER)), lines(answer(FIRST, AT, USED))
    assert told(small, whole) == told(whole, small) == [(ONE, 34_741, EXACT)]


def test_ids_that_are_unique_in_their_session_alone() -> None:
    """The same id in two sessions is two answers, unless it is a copy: same moment, or same usage."""
    first = lines(answer("7", AT, USED))
    assert told(first, lines(answer("7", AT + 1, OTHER), session=TWO)) == [(ONE, 34_741, EXACT), (TWO, 730, EXACT)]
    assert told(first, lines(answer("7", AT, OTHER), session=TWO, at=AT + 1)) == [(ONE, 34_741, EXACT)]
    assert told(first, lines(answer("7", AT + 8, USED), session=TWO, at=AT + 1)) == [(ONE, 34_741, EXACT)]
    keys = {one.key for one in count(READER, {"a": first, "b": lines(answer("7", AT + 1, OTHER), session=TWO)})}
    assert keys == {f"7@{ONE}", f"7@{TWO}"}
    derived = "d04923d38bb0f6017037e74183378ef4"
    assert len(told(lines(answer(derived, AT, USED)), lines(answer(derived, AT + 1, OTHER), session=TWO))) == 2


def test_messages_without_an_id() -> None:
    """The moment tells them apart; without it nothing does."""
    nameless = {key: value for key, value in answer(FIRST, AT, USED).items() if key != "id"}
    assert told(lines(nameless, nameless)) == [(ONE, 34_741, EXACT)]
    batch = ingest(READER, "x", [lines({**nameless, "timestamp": None}, {**nameless, "timestamp": "soon"})])[0]
    assert (batch.bad_lines, batch.occurrences) == (2, ())


def test_the_model_is_that_of_each_message() -> None:
    """One chat may change it; a message that names none has that of the chat."""
    content = encode(
        [{**head(ONE, START), "model": "gemini-3-pro"}, answer(FIRST, AT, USED, FLASH), answer(SECOND, AT, OTHER, "")]
    )
    assert [one.model for one in count(READER, {"x": content})] == [FLASH, "gemini-3-pro"]
    assert only(answer(FIRST, AT, USED, "")).model == "unknown"


def test_tool_calls_of_several_answers_in_one_message_prove_that_usage_was_dropped() -> None:
    """Early versions note calls that follow each other in one message, with the usage of the first answer."""
    calls = [call("c1", AT), call("c2", AT), call("c3", AT + 55)]
    message = {**answer(FIRST, AT, USED), "toolCalls": calls}
    (one,) = derive(READER, {"x": [read_document(READER, "/x.json", encode([document(ONE, START, [message])]))]})
    assert (one.tokens, one.quality, one.calls) == (FULL, LEAST, ("c1", "c2", "c3"))
    assert only({**message, "toolCalls": calls[:2]}).quality is EXACT
    assert only({**message, "toolCalls": [{"id": 5}, {"timestamp": "x"}]}).calls == ()
