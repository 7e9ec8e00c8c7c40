"""Cases on which counting tools have gone wrong, with totals worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loggen.claude import answer, encode, prompt, queued, stamp, usage
from loggen.harness import count, ingest
from tallybook.agents.claude_code.reader import ClaudeCodeReader
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import total_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loggen.claude import Json
    from tallybook.agents.port import Response

READER = ClaudeCodeReader()


def counted(files: Mapping[str, Sequence[Json]]) -> list[Response]:
    """Responses of these files; the other order of the files must give the same."""
    contents = {key: encode(records) for key, records in files.items()}
    found = count(READER, contents)
    assert count(READER, dict(reversed(contents.items()))) == found
    return found


def totals(found: Sequence[Response]) -> tuple[int, int, int, int]:
    """Input, cache writes, cache reads, output."""
    tokens = total_of(response.tokens for response in found)
    return tokens.input, tokens.cache_write, tokens.cache_read, tokens.output


def test_c3_stale_split_takes_the_iteration_that_has_the_flat_total() -> None:
    own = usage(0, 600, 0, 9, split=(100, 500), more={"type": "message"})
    earlier = usage(0, 200, 0, 1, split=(200, 0), more={"type": "message"})
    row = answer("s", "m", usage(0, 600, 0, 20, split=(300, 500), more={"iterations": [earlier, own]}))
    (response,) = counted({"s.jsonl": [row]})
    assert response.tokens.parts()[2:5] == (100, 500, 0)


def test_c3_of_two_such_iterations_the_last_is_taken() -> None:
    first, last = (usage(0, 600, 0, 9, split=split, more={"type": "message"}) for split in ((600, 0), (0, 600)))
    row = answer("s", "m", usage(0, 600, 0, 20, split=(300, 500), more={"iterations": [first, last]}))
    assert counted({"s.jsonl": [row]})[0].tokens.parts()[2:5] == (0, 600, 0)


def test_c3_stale_split_without_such_an_iteration_is_of_unknown_time_to_live() -> None:
    row = answer("s", "m", usage(0, 600, 0, 20, split=(300, 500), more={"iterations": []}))
    (response,) = counted({"s.jsonl": [row]})
    assert response.tokens.parts()[2:5] == (0, 0, 600)


def test_c3_an_advisors_split_is_not_taken() -> None:
    own = usage(0, 600, 0, 9, split=(100, 500), more={"type": "advisor_message"})
    row = answer("s", "m", usage(0, 600, 0, 20, split=(300, 500), more={"iterations": [own]}))
    assert counted({"s.jsonl": [row]})[0].tokens.cache_write_unknown == 600


def test_c4_branch_contributes_nothing() -> None:
    row = answer("root", "m", usage(10, 20, 30, 40), requestId="r")
    copy = {**row, "sessionId": "branch", "forkedFrom": {"sessionId": "root", "messageUuid": row["uuid"]}}
    (response,) = counted({"root.jsonl": [row], "branch.jsonl": [copy]})
    assert response.session == "root"
    assert response.tokens.total == 100


def test_c5_root_and_agent() -> None:
    agent: Json = {"isSidechain": True, "agentId": "a1"}
    found = counted(
        {
            "root.jsonl": [answer("root", "m1", usage(10, 0, 20, 5))],
            "root/subagents/agent-a1.jsonl": [answer("root", "m2", usage(100, 200, 300, 40, split=(50, 150)), **agent)],
        }
    )
    assert {response.session: response.tokens.parts() for response in found} == {
        "root": (10, 20, 0, 0, 0, 5, 0),
        "root/agent-a1": (100, 300, 50, 150, 0, 40, 0),
    }


@pytest.mark.parametrize("child_first", [False, True])
def test_c10_aside_shows_the_parents_answer_again(child_first: bool) -> None:
    main = [
        answer("s", "m1", usage(5, 100, 12000, 300), requestId="r1"),
        answer("s", "m2", usage(2, 0, 12500, 52), requestId="r2"),
    ]
    side: Json = {"isSidechain": True, "agentId": "aaside_question-0123456789abcdef"}
    aside = [
        answer("s", "m2", usage(3, 0, 50000, 10), requestId="r3", **side),
        answer("s", "m3", usage(3, 0, 12500, 198), requestId="r4", **side),
    ]
    files = {"s.jsonl": main, "s/subagents/agent-aaside_question-0123456789abcdef.jsonl": aside}
    found = counted(dict(reversed(files.items())) if child_first else files)
    assert len(found) == 3
    assert totals(found) == (10, 100, 37000, 550)


def test_c10_the_parent_counts_though_the_aside_has_more_output() -> None:
    parent = answer("s", "m", usage(1, 0, 0, 10), requestId="r1")
    child = answer("s", "m", usage(1, 0, 0, 5000), requestId="r2", isSidechain=True, agentId="aaside_question-1")
    (response,) = counted({"s.jsonl": [parent], "s/subagents/agent-x.jsonl": [child]})
    assert (response.session, response.tokens.output) == ("s", 10)


def test_c11_rows_without_a_request_id_are_one_answer() -> None:
    found = counted(
        {
            "s.jsonl": [
                answer("s", "msg_bdrk_1", usage(7, 60, 900, 30), stop_reason=None),
                answer("s", "msg_bdrk_1", usage(7, 60, 900, 87)),
                answer("s", "msg_bdrk_2", usage(1, 0, 900, 30), timestamp=stamp(20)),
            ]
        }
    )
    assert len(found) == 2
    assert totals(found) == (8, 60, 1800, 117)


def test_c11_row_without_a_request_id_joins_the_one_that_has_it() -> None:
    found = counted(
        {
            "s.jsonl": [
                answer("s", "m", usage(7, 0, 0, 30), stop_reason=None),
                answer("s", "m", usage(7, 0, 0, 87), requestId="r1"),
            ]
        }
    )
    assert [(response.key, response.tokens.output) for response in found] == [("m:r1", 87)]


def test_different_requests_of_one_thread_are_different_answers() -> None:
    rows = [answer("s", "gateway", usage(1, 0, 0, 10), requestId=f"r{number}") for number in range(3)]
    assert totals(counted({"s.jsonl": rows})) == (3, 0, 0, 30)


def test_c12_gateway_uses_a_message_id_again_and_a_transcript_is_copied() -> None:
    first = answer("one", "gateway", usage(12, 0, 0, 40))
    files: dict[str, list[Json]] = {
        "one.jsonl": [prompt("one"), first],
        "two.jsonl": [
            prompt("two"),
            answer("two", "gateway", usage(20, 0, 0, 60)),
            answer("two", "m", usage(15, 0, 0, 45)),
        ],
        "copy.jsonl": [queued("copy", 500), prompt("copy"), {**first, "sessionId": "copy"}],
    }
    found = counted(files)
    assert [response.session for response in found] == ["one", "two", "two"]
    assert totals(found) == (47, 0, 0, 145)


def test_c12_copy_with_new_uuids_is_told_by_time_and_counts() -> None:
    first = answer("one", "gateway", usage(12, 0, 0, 40))
    copy = {**first, "sessionId": "copy", "uuid": "another"}
    assert totals(counted({"one.jsonl": [first], "copy.jsonl": [queued("copy", 500), copy]})) == (12, 0, 0, 40)


def test_c13_flat_total_decides_over_the_split() -> None:
    found = counted(
        {
            "s.jsonl": [
                answer("s", "m1", usage(1, 3000, 0, 20, split=(3000, 0))),
                answer("s", "m2", usage(1, 6000, 0, 20, split=(0, 6500))),
                answer("s", "m3", usage(1, 700, 0, 20)),
            ]
        }
    )
    tokens = total_of(response.tokens for response in found)
    assert tokens.cache_write == 9700
    assert (tokens.cache_write_5m, tokens.cache_write_1h, tokens.cache_write_unknown) == (3000, 0, 6700)


def test_c14_each_inline_sidechain_is_a_thread() -> None:
    def side(uuid: str, parent: str | None) -> Json:
        return {"isSidechain": True, "uuid": uuid, "parentUuid": parent, "version": "1.0.60"}

    rows = [
        prompt("s", uuid="p"),
        answer("s", "m1", usage(1, 350, 0, 15), requestId="r1"),
        prompt("s", **side("c1", None)),
        prompt("s", **side("d1", None)),
        answer("s", "m2", usage(2, 200, 100, 20), requestId="r2", **side("c2", "c1")),
        answer("s", "m3", usage(4, 500, 0, 40), requestId="r3", **side("d2", "d1")),
        answer("s", "m4", usage(2, 0, 300, 25), requestId="r4", **side("c3", "c2")),
        answer("s", "m5", usage(2, 300, 50, 20), requestId="r5"),
        answer("s", "m6", usage(2, 0, 400, 20), requestId="r6"),
    ]
    found = counted({"s.jsonl": rows})
    by_thread = {
        name: totals([response for response in found if response.session == name])
        for name in {response.session for response in found}
    }
    assert by_thread == {
        "s": (5, 650, 450, 55),
        "s/agent-c1": (4, 200, 400, 45),
        "s/agent-d1": (4, 500, 0, 40),
    }
    (batch,) = ingest(READER, "s.jsonl", [encode(rows)])
    assert [(fact.session, fact.parent, fact.origin) for fact in batch.sessions] == [
        ("s", None, "main"),
        ("s/agent-c1", "s", "subagent"),
        ("s/agent-d1", "s", "subagent"),
    ]


def test_one_whole_row_is_kept() -> None:
    """A model that fell back in mid-stream: mixing its rows field by field makes a sum that was never billed."""
    first = answer("s", "m", usage(5, 1212, 0, 90), requestId="r", model="first", stop_reason=None)
    second = answer("s", "m", usage(9, 1210, 0, 80), requestId="r", model="second")
    (response,) = counted({"s.jsonl": [first, second]})
    assert (response.model, response.tokens.parts()) == ("second", (9, 0, 0, 0, 1210, 80, 0))


def test_of_equal_rows_the_later_counts_and_the_time_is_the_first() -> None:
    rows = [answer("s", "m", usage(5, 0, 0, 80), requestId="r", timestamp=stamp(at)) for at in (7, 8)]
    (response,) = counted({"s.jsonl": rows})
    assert response.offset == len(encode(rows[:1]))
    assert response.at == counted({"s.jsonl": rows[:1]})[0].at


def test_advisor_is_a_response_of_its_own_model() -> None:
    advice = usage(50, 10, 20, 30, split=(10, 0), more={"type": "advisor_message", "model": "adviser"})
    nameless = usage(1, 0, 0, 2, more={"type": "advisor_message"})
    own = usage(5, 0, 0, 80, more={"type": "message"})
    counts = usage(5, 0, 0, 80, more={"iterations": [own, advice, nameless]})
    call = [{"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]
    main, first, second = counted(
        {"s.jsonl": [answer("s", "m", counts, requestId="r", advisorModel="other", content=call)]}
    )
    assert (main.key, main.tokens.parts(), main.calls) == ("m:r", (5, 0, 0, 0, 0, 80, 0), ("t",))
    assert (first.key, first.model, first.tokens.parts()) == ("m:r#advisor1", "adviser", (50, 20, 10, 0, 0, 30, 0))
    assert (second.key, second.model, second.calls) == ("m:r#advisor2", "other", ())


@pytest.mark.parametrize(
    ("more", "tier"),
    [
        ({}, "standard"),
        ({"service_tier": None}, "standard"),
        ({"service_tier": 3}, "standard"),
        ({"service_tier": "priority", "speed": "standard"}, "priority"),
        ({"service_tier": "batch"}, "batch"),
        ({"speed": "fast"}, "fast"),
    ],
)
def test_tier(more: Json, tier: str) -> None:
    assert counted({"s.jsonl": [answer("s", "m", usage(1, 0, 0, 20, more=more))]})[0].tier == tier


def test_reasoning_is_a_part_of_output() -> None:
    counts = usage(1, 0, 0, 20, more={"output_tokens_details": {"thinking_tokens": 15}})
    tokens = counted({"s.jsonl": [answer("s", "m", counts)]})[0].tokens
    assert (tokens.output, tokens.reasoning, tokens.total) == (20, 15, 21)
    counts = usage(1, 0, 0, 20, more={"output_tokens_details": {"thinking_tokens": 50}})
    assert counted({"s.jsonl": [answer("s", "m", counts)]})[0].tokens.reasoning == 20


@pytest.mark.parametrize("model", [None, "", 5])
def test_model_without_a_name(model: object) -> None:
    row = answer("s", "m", usage(1, 0, 0, 20), model=model)
    assert counted({"s.jsonl": [row]})[0].model == "unknown"


def test_answer_without_an_id_goes_by_its_uuid() -> None:
    row = answer("s", None, usage(1, 0, 0, 20))
    nameless = answer("s", None, usage(2, 0, 0, 30), uuid=None)
    copy = {**row, "sessionId": "copy"}
    found = counted({"s.jsonl": [row, row, nameless], "copy.jsonl": [queued("copy", 900), copy]})
    assert sorted(response.tokens.output for response in found) == [20, 30]


def test_calls_are_those_of_all_rows() -> None:
    def call(name: str) -> list[Json]:
        return [{"type": "tool_use", "id": name, "name": "Bash", "input": {"command": "ls"}}]

    rows = [
        answer("s", "m", usage(1, 0, 0, 20), requestId="r"),
        *(answer("s", "m", usage(1, 0, 0, 20), requestId="r", content=call(name)) for name in ("t2", "t1")),
        answer("s", "m", usage(1, 0, 0, 20), requestId="r", content="text"),
    ]
    (response,) = counted(
        {"s.jsonl": rows, "copy.jsonl": [queued("copy", 900), *({**row, "sessionId": "copy"} for row in rows)]}
    )
    assert response.calls == ("t2", "t1")
    assert response.quality is Quality.EXACT


def test_call_without_a_name_is_left_out() -> None:
    blocks = [{"type": "tool_use", "id": 5}, {"type": "tool_use"}, {"type": "text", "id": "x"}]
    assert counted({"s.jsonl": [answer("s", "m", usage(1, 0, 0, 20), content=blocks)]})[0].calls == ()
