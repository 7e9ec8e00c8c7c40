"""Messages and ledger of threads with known usage: one row for each response, and neither list on top of the other."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from loggen.amp import MODEL, START, Json, answer, encode, event, name, prompt, stamp, thread, usage
from loggen.harness import derive, document
from tallybook.agents.amp.reader import AmpReader
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from tallybook.agents.port import Response

READER = AmpReader()
ONE, TWO, THREE, FAR = name(1), name(2), name(3), name(9)
FULL = TokenVector(input=10, cache_read=11_372, cache_write_unknown=986, output=178)
USED = usage((10, 11_372, 986, 178), START + 5000)
EXACT, LEAST, GUESSED, DOUBTED = Quality.EXACT, Quality.LOWER_BOUND, Quality.ESTIMATED, Quality.UNVERIFIED
AT = START + 5000


def count(*documents: Json) -> list[Response]:
    return derive(READER, {one["id"]: [document(READER, f"/{one['id']}.json", encode(one))] for one in documents})


def told(*documents: Json) -> list[tuple[str, TokenVector, Quality]]:
    return [(one.session, one.tokens, one.quality) for one in count(*documents)]


def vector(given: int, output: int, read: int = 0, write: int = 0) -> TokenVector:
    return TokenVector(input=given, cache_read=read, cache_write_unknown=write, output=output)


def split(given: int = 10, output: int = 178) -> Json:
    return {"input": given, "output": output}


def test_a1_the_usage_of_a_message_with_its_caches() -> None:
    (response,) = count(thread(ONE, [prompt(0), answer(1, USED)], [event("e1", 1, split(), AT + 2000)]))
    assert response.tokens == FULL
    assert response.tokens.total == 12_546
    assert (response.quality, response.final, response.model) == (EXACT, True, MODEL)
    assert (response.session, response.at, response.source) == (ONE, AT * 1000, ONE)
    assert response.key == f"{ONE}/1@{AT * 1000}"


def test_a_message_without_a_ledger_and_a_ledger_without_the_message() -> None:
    assert told(thread(ONE, [answer(1, USED)])) == [(ONE, FULL, EXACT)]
    (response,) = count(thread(ONE, [prompt(0)], [event("e1", 1, split(), AT)]))
    assert (response.tokens, response.quality) == (vector(10, 178), LEAST)
    assert (response.key, response.at, response.offset) == (f"{ONE}!e1", AT * 1000, AT * 1000)


def test_unmatched_of_both_are_rows_of_their_own() -> None:
    found = told(thread(ONE, [answer(1, USED)], [event("e2", 3, split(20, 30), AT), event("e3", 5, split(1, 2), AT)]))
    assert found == [(ONE, vector(20, 30), LEAST), (ONE, vector(1, 2), LEAST), (ONE, FULL, EXACT)]


@pytest.mark.parametrize("kind", ["title-generation", "oracle", "subagent", "course-correction"])
def test_an_operation_on_the_side_is_no_twin_of_the_message_that_asked_for_it(kind: str) -> None:
    found = told(thread(ONE, [answer(1, USED)], [event("e1", 1, split(), AT, operationType=kind)]))
    assert found == [(ONE, vector(10, 178), LEAST), (ONE, FULL, EXACT)]


def test_an_event_without_a_kind_tells_of_its_message() -> None:
    assert told(thread(ONE, [answer(1, USED)], [event("e1", 1, split(), AT, operationType=None)])) == [
        (ONE, FULL, EXACT)
    ]


def test_of_two_events_for_one_message_the_one_with_its_counts_is_its_own() -> None:
    events = [event("e1", 1, split(7, 9), AT), event("e2", 1, split(), AT + 9000)]
    for order in (events, events[::-1]):
        found = told(thread(ONE, [answer(1, USED)], order))
        assert found == [(ONE, vector(7, 9), LEAST), (ONE, FULL, EXACT)]


def test_of_two_events_with_other_counts_the_nearer_in_time_is_its_own() -> None:
    events = [event("e1", 1, split(7, 9), AT + 9000), event("e2", 1, split(7, 9), AT + 1000)]
    (far, near) = count(thread(ONE, [answer(1, USED)], events))
    assert (far.key, near.key, near.tokens) == (f"{ONE}!e1", f"{ONE}/1@{AT * 1000}", FULL)


def test_the_one_with_more_fields_has_the_word_on_input_and_output_the_message_on_caches() -> None:
    poor = {"model": MODEL, "outputTokens": 5, "cacheReadInputTokens": 7}
    rich = {"input": 4, "output": 6, "cacheReadInputTokens": 8, "cacheCreationInputTokens": 9}
    assert told(thread(ONE, [answer(1, poor)], [event("e1", 1, rich, AT)])) == [(ONE, vector(4, 6, 7, 9), EXACT)]
    assert told(thread(ONE, [answer(1, USED)], [event("e1", 1, rich, AT)])) == [(ONE, FULL, EXACT)]
    bare = {"model": MODEL, "inputTokens": 4}
    assert told(thread(ONE, [answer(1, bare)], [event("e1", 1, {"output": 6}, AT)])) == [(ONE, vector(4, 6), LEAST)]


@pytest.mark.parametrize(
    ("told_usage", "expected", "quality"),
    [
        ({"inputTokens": 4, "outputTokens": 6}, vector(4, 6), LEAST),
        ({"inputTokens": 4, "outputTokens": 6, "totalInputTokens": 4}, vector(4, 6), EXACT),
        ({"inputTokens": 4, "outputTokens": 6, "cacheReadInputTokens": 0, "totalInputTokens": 9}, vector(4, 6), LEAST),
        ({"inputTokens": 4, "totalInputTokens": 4}, vector(4, 0), LEAST),
        (
            {"inputTokens": 4, "outputTokens": 6, "cacheReadInputTokens": 1, "cacheCreationInputTokens": 0},
            vector(4, 6, 1),
            EXACT,
        ),
        (
            {
                "inputTokens": 4,
                "outputTokens": 6,
                "cacheReadInputTokens": 1,
                "cacheCreationInputTokens": 0,
                "totalInputTokens": 4,
            },
            vector(4, 6, 1),
            GUESSED,
        ),
        ({}, vector(0, 0), LEAST),
    ],
)  # fmt: skip
def test_what_a_message_does_not_tell_is_unknown_unless_a_sum_proves_it(
    told_usage: Json, expected: TokenVector, quality: Quality
) -> None:
    assert told(thread(ONE, [answer(1, told_usage)])) == [(ONE, expected, quality)]


@pytest.mark.parametrize(
    ("tokens", "expected", "quality"),
    [
        ({"total": 900}, vector(0, 0), LEAST),
        ({"total": 900, "output": 100}, vector(0, 100), LEAST),
        ({"total": 188, "input": 10, "output": 178}, vector(10, 178), EXACT),
        (
            {"input": 1, "output": 2, "cacheReadInputTokens": 3, "cacheCreationInputTokens": 4},
            vector(1, 2, 3, 4),
            EXACT,
        ),
        (None, vector(0, 0), LEAST),
    ],
)
def test_a_total_that_nobody_split_is_no_output(tokens: Json, expected: TokenVector, quality: Quality) -> None:
    assert told(thread(ONE, [], [event("e1", 1, tokens, AT)])) == [(ONE, expected, quality)]
    if quality is LEAST:
        assert told(thread(ONE, [answer(1, USED)], [event("e1", 1, tokens, AT)])) == [(ONE, FULL, EXACT)]


def test_a_message_without_a_time_has_that_of_its_event() -> None:
    undated = usage((10, 11_372, 986, 178))
    (response,) = count(thread(ONE, [answer(1, undated)], [event("e1", 1, split(), AT)]))
    assert (response.at, response.quality) == (AT * 1000, EXACT)
    (response,) = count(thread(ONE, [answer(1, undated)]))
    assert response.at is None


def test_a_message_that_is_being_written_is_not_final_and_names_its_call() -> None:
    partial = usage((10, 11_372, 986, 1))
    one = thread(ONE, [prompt(0), answer(1, partial, state="streaming", calls=["t1", "t2"])])
    (response,) = count(one)
    assert (response.final, response.quality, response.calls) == (False, LEAST, ("t1", "t2"))
    batch = document(READER, "/x.json", encode(one))
    assert (batch.pending_call, batch.pending_session) == ("t2", ONE)


@pytest.mark.parametrize("state", ["streaming", "complete"])
def test_a_call_whose_usage_is_still_to_come_is_pending_and_no_response_yet(state: str) -> None:
    messages = [prompt(0), answer(1, None, state=state, calls=["t1"])]
    batch = document(READER, "/x.json", encode(thread(ONE, messages)))
    assert (batch.pending_call, batch.occurrences) == ("t1", ())
    batch = document(READER, "/x.json", encode(thread(ONE, [*messages, prompt(2)])))
    assert batch.pending_call is None


def test_an_answer_without_usage_is_known_to_be_missing() -> None:
    assert told(thread(ONE, [answer(1, None), prompt(2)])) == [(ONE, vector(0, 0), LEAST)]
    assert told(thread(ONE, [answer(1, None, state="cancelled"), prompt(2)])) == []
    assert told(thread(ONE, [answer(1, None), prompt(2)], [event("e1", 1, split(), AT)])) == [
        (ONE, vector(10, 178), LEAST)
    ]


@pytest.mark.parametrize("state", ["cancelled", "error", "streaming", "unheard-of"])
def test_what_a_broken_answer_used_is_a_lower_bound_unless_the_ledger_has_it(state: str) -> None:
    messages = [answer(1, usage((10, 11_372, 986, 1)), state=state), prompt(2)]
    assert told(thread(ONE, messages)) == [(ONE, replace(FULL, output=1), LEAST)]
    (response,) = count(thread(ONE, messages, [event("e1", 1, split(), AT)]))
    assert (response.tokens, response.quality, response.final) == (FULL, EXACT, True)


def fork(identity: str, messages: list[Json], origin: str = ONE, point: int = 1, **more: Any) -> Json:  # noqa: ANN401 - JSON
    return thread(identity, messages, created=START + 60_000, originThreadID=origin, forkPointIndex=point, **more)


COPIED = [prompt(0), answer(1, USED)]
LATER = usage((3, 4, 5, 6), START + 90_000)


@pytest.mark.parametrize("dated", [True, False])
def test_a_fork_counts_for_itself_what_came_after_it(dated: bool) -> None:
    def used(counts: Json) -> Json:
        return counts if dated else {key: value for key, value in counts.items() if key != "timestamp"}

    origin = thread(ONE, [prompt(0), answer(1, used(USED))], [event("e1", 1, split(), AT)])
    child = fork(TWO, [prompt(0), answer(1, used(USED)), prompt(0), answer(1, used(LATER))])
    both = [(ONE, FULL, EXACT), (TWO, vector(3, 6, 4, 5), EXACT)]
    assert told(origin, child) == both
    assert told(child, origin) == both
    assert sorted(told(child)) == [(ONE, FULL, DOUBTED), (TWO, vector(3, 6, 4, 5), EXACT)]


def test_a_fork_told_by_its_relationship_alone() -> None:
    related = [
        {"threadID": FAR, "type": "handoff", "role": "child"},
        {"threadID": THREE, "type": "fork", "role": "parent", "messageIndex": 0},
        {"threadID": ONE, "type": "fork", "role": "child", "messageIndex": 1},
    ]
    child = thread(TWO, [*COPIED, prompt(0), answer(1, LATER)], created=START + 60_000, relationships=related)
    assert told(child) == [(ONE, FULL, DOUBTED), (TWO, vector(3, 6, 4, 5), EXACT)]


def test_a_copy_whose_original_was_cut_is_proved_by_the_ledger() -> None:
    origin = thread(ONE, [prompt(0)], [event("e1", 1, split(), AT)])
    assert told(origin, fork(TWO, COPIED)) == [(ONE, FULL, EXACT)]


def test_a_fork_of_a_fork_copies_copies() -> None:
    origin, first = thread(ONE, COPIED), fork(TWO, [*COPIED, prompt(0), answer(1, LATER)])
    second = fork(THREE, [*COPIED, prompt(0), answer(1, LATER)], TWO, 3) | {"created": START + 99_000}
    assert told(origin, first, second) == [(ONE, FULL, EXACT), (TWO, vector(3, 6, 4, 5), EXACT)]
    assert told(first, second) == [(ONE, FULL, DOUBTED), (TWO, vector(3, 6, 4, 5), EXACT)]


def test_a_message_of_a_fork_that_its_own_ledger_has_is_its_own() -> None:
    undated = usage((3, 4, 5, 6))
    child = fork(
        TWO, [prompt(0), answer(1, undated)], usageLedger={"events": [event("e9", 1, split(3, 6), AT + 90_000)]}
    )
    assert told(child) == [(TWO, vector(3, 6, 4, 5), EXACT)]


def test_nothing_behind_an_own_message_is_a_copy() -> None:
    undated = usage((3, 4, 5, 6))
    own = fork(TWO, [prompt(0, START + 90_000), answer(1, undated)], point=5)
    assert told(own) == [(TWO, vector(3, 6, 4, 5), EXACT)]
    unknown = fork(TWO, [prompt(0), answer(1, undated)], point=5)
    assert told(unknown) == [(ONE, vector(3, 6, 4, 5), DOUBTED)]
    behind = fork(TWO, [prompt(0), answer(1, LATER), answer(2, undated)], point=5)
    assert told(behind) == [(TWO, vector(3, 6, 4, 5), EXACT)] * 2


def test_an_own_message_never_takes_the_place_of_a_copy_with_its_number() -> None:
    copied = fork(TWO, [prompt(0), answer(1, usage((9, 8, 7, 6)))])
    own = fork(TWO, [prompt(0, START + 90_000), answer(1, usage((3, 4, 5, 6)))])
    first, second = (document(READER, "/x.json", encode(one)) for one in (copied, own))
    assert not {row.group for row in first.occurrences} & {row.group for row in second.occurrences} - {TWO}
    assert len(derive(READER, {"/x": [first, second]})) == 2


def test_what_is_left_of_an_answer_is_its_own_threads_where_that_saw_it_begin() -> None:
    partial = usage((10, 11_372, 986, 1))
    begun = thread(ONE, [prompt(0), answer(1, partial, state="streaming")])
    remains = fork(TWO, [prompt(0), answer(1, partial, state="cancelled"), prompt(0)])
    assert told(begun, remains) == [(ONE, replace(FULL, output=1), LEAST)]
    assert told(remains) == [(ONE, replace(FULL, output=1), DOUBTED)]


def test_threads_that_are_not_related_share_nothing() -> None:
    undated = usage((10, 0, 0, 5))
    found = told(thread(ONE, [answer(1, undated)]), thread(TWO, [answer(1, undated)]))
    assert found == [(ONE, vector(10, 5), EXACT), (TWO, vector(10, 5), EXACT)]


def test_a_subagent_is_counted_in_its_own_thread_where_there_is_one() -> None:
    more = {"operationType": "subagent", "subagentThreadID": TWO}
    main = thread(ONE, [answer(1, USED)], [event("e1", 1, split(3, 6), AT, **more)])
    assert told(main) == [(ONE, vector(3, 6), LEAST), (ONE, FULL, EXACT)]
    child = thread(TWO, [answer(1, LATER)], mainThreadID=ONE)
    assert told(main, child) == [(ONE, FULL, EXACT), (TWO, vector(3, 6, 4, 5), EXACT)]
    silent = thread(TWO, [prompt(0)], mainThreadID=ONE)
    assert told(main, silent) == told(main)


def test_ids_that_are_missing_or_shared_lose_nothing() -> None:
    messages = [answer(None, USED), answer(None, LATER), answer("five", usage((1, 1, 1, 1), AT)), answer(5, LATER)]
    assert len(count(thread(ONE, messages))) == 4
    undated = usage((3, 4, 5, 6))
    assert len(count(thread(ONE, [answer(None, undated), prompt(None), answer(None, undated)]))) == 2
    nameless = {key: value for key, value in event("x", 7, split(), AT).items() if key != "id"}
    other = {**nameless, "timestamp": stamp(AT + 1)}
    assert (
        len(count(thread(ONE, [], [nameless, other, event("e", 8, split(1, 1), AT), event("e", 9, split(), AT)]))) == 4
    )


def test_a_thread_kept_twice_is_one_thread() -> None:
    one = thread(ONE, [answer(1, USED)], [event("e1", 1, split(), AT)])
    older = thread(ONE, [answer(1, usage((10, 11_372, 986, 1)), state="streaming")])
    batches = {
        key: [document(READER, key, encode(content))] for key, content in (("/a", one), ("/b", one), ("/c", older))
    }
    assert [(one.tokens, one.source) for one in derive(READER, batches)] == [(FULL, "/a")]


def versions(*documents: Json) -> Counter[tuple[TokenVector, Quality]]:
    """What all versions of one thread give that were ever seen, none of them forgotten."""
    batches = {f"/{nth}": [document(READER, "/x.json", encode(one))] for nth, one in enumerate(documents)}
    found = Counter((one.tokens, one.quality) for one in derive(READER, batches))
    backwards = derive(READER, dict(reversed(batches.items())))
    assert Counter((one.tokens, one.quality) for one in backwards) == found
    return found


def undated(parts: tuple[int, int, int, int], **more: Any) -> Json:  # noqa: ANN401 - JSON
    return {**usage(parts), **more}


@pytest.mark.parametrize("at", [None, AT + 9000])
def test_an_answer_whose_number_another_got_stays(at: int | None) -> None:
    first = thread(ONE, [answer(1, undated((1, 2, 3, 4)))])
    second = thread(ONE, [answer(1, usage((10, 20, 30, 40), at))])
    assert versions(first, second) == Counter([(vector(1, 4, 2, 3), EXACT), (vector(10, 40, 20, 30), EXACT)])


@pytest.mark.parametrize(
    ("early", "late"),
    [
        (answer(1, undated((10, 11, 12, 1)), state="streaming"), answer(1, undated((10, 11, 12, 13)))),
        (answer(1, undated((10, 11, 12, 1)), state="cancelled"), answer(1, undated((10, 11, 12, 13)))),
        (answer(1, undated((10, 11, 12, 1)), state="streaming"), answer(1, usage((10, 11, 12, 13), AT))),
        (answer(1, undated((10, 11, 12, 13))), answer(1, usage((10, 11, 12, 13), AT))),
        (answer(1, undated((10, 0, 0, 13))), answer(1, undated((10, 11, 12, 13)))),
        (answer(1, None), answer(1, undated((10, 11, 12, 13)))),
        (answer(1, {"model": MODEL, "inputTokens": 10}), answer(1, undated((10, 11, 12, 13)))),
    ],
)
def test_an_answer_that_tells_more_later_is_one_answer(early: Json, late: Json) -> None:
    found = versions(thread(ONE, [early, prompt(2)]), thread(ONE, [late, prompt(2)]))
    assert found == Counter([(vector(10, 13, 11, 12), EXACT)])


def test_a_name_that_the_first_version_of_the_reader_gave_is_understood() -> None:
    one = thread(ONE, [answer(1, undated((10, 11, 12, 13)))])
    batch = document(READER, "/x.json", encode(one))
    (now,) = {row.group for row in batch.occurrences if "=" in row.group}

    def renamed(name: str) -> str:
        return f"{ONE}/1" if name == now else name

    rows = tuple(replace(row, group=renamed(row.group)) for row in batch.occurrences)
    links = tuple((renamed(a), renamed(b)) for a, b in batch.links)
    before = replace(batch, occurrences=rows, links=links)
    assert before != batch
    assert [one.tokens for one in derive(READER, {"/x": [before, batch]})] == [vector(10, 13, 11, 12)]
