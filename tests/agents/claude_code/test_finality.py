"""What a finished answer looks like in each generation of the agent, and what a placeholder is."""

from __future__ import annotations

import pytest

from loggen.claude import answer, encode, prompt, usage
from loggen.harness import count, ingest
from tallybook.agents.claude_code.reader import ClaudeCodeReader
from tallybook.domain.quality import Quality

READER = ClaudeCodeReader()

CASES: list[tuple[str, int, dict[str, object], bool]] = [
    # what, output, keys of the record and message, whether it is final
    ("1.0: last row", 900, {"version": "1.0.128"}, True),
    ("1.0: first row of an answer under way", 3, {"version": "1.0.128", "stop_reason": None}, False),
    ("2.0.77: the final count came, the reason did not", 900, {"version": "2.0.77", "stop_reason": None}, True),
    ("2.1.105: no stop_details yet", 2, {"version": "2.1.105"}, True),
    ("2.1.142 on: final", 900, {"version": "2.1.142", "stop_details": None}, True),
    ("final with a single token", 1, {"stop_details": None}, True),
    ("agent's file: running value", 300, {"stop_reason": None}, False),
    ("agent's file: running value, version unknown", 300, {"version": None, "stop_reason": None}, False),
    ("2.1.330: aborted", 1, {"stop_reason": None, "isAbortedMidStream": True, "apiBlockIndex": 0}, False),
    ("aborted with a count", 40, {"isAbortedMidStream": True}, False),
    ("2.1.330: cut, the reason made up", 1, {"apiBlockIndex": 0}, False),
    ("the same with a larger placeholder", 8, {"apiBlockIndex": 0}, False),
    ("2.1.330: final", 8, {"apiBlockIndex": 0, "stop_details": None}, True),
    ("placeholder", 0, {}, False),
]


@pytest.mark.parametrize(("output", "keys", "final"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_final(output: int, keys: dict[str, object], final: bool) -> None:
    (response,) = count(READER, {"s.jsonl": encode([answer("s", "m", usage(5, 6, 7, output), **keys)])})
    assert response.final is final
    assert response.quality is (Quality.EXACT if final else Quality.LOWER_BOUND)
    assert response.tokens.output == output
    assert response.tokens.context == 18


def test_iterations_prove_the_final_count() -> None:
    row = answer("s", "m", usage(5, 0, 0, 300, more={"iterations": []}), stop_reason=None)
    assert count(READER, {"s.jsonl": encode([row])})[0].final


def call(name: str) -> list[dict[str, object]]:
    return [{"type": "tool_use", "id": name, "name": "Bash", "input": {}}]


def test_call_is_pending_while_its_answer_has_no_final_usage() -> None:
    rows: list[dict[str, object]] = [
        answer("s", "m", usage(5, 0, 0, 1), stop_reason=None, content=call("t1"), isSidechain=True, agentId="a1"),
        answer("s", "m", usage(5, 0, 0, 1), stop_reason=None, isSidechain=True, agentId="a1"),
        {"type": "mode", "sessionId": "s"},
        answer("s", "m", usage(5, 0, 0, 90), isSidechain=True, agentId="a1"),
    ]
    batches = ingest(READER, "s/subagents/agent-a1.jsonl", [encode([row]) for row in rows])
    assert [batch.pending_call for batch in batches] == ["t1", "t1", "t1", None]
    assert [batch.pending_session for batch in batches] == ["s/agent-a1"] * 3 + [None]


@pytest.mark.parametrize("ends", [prompt("s"), answer("s", "m2", usage(5, 0, 0, 90))], ids=["result", "next answer"])
def test_call_is_pending_no_more(ends: dict[str, object]) -> None:
    first = answer("s", "m", usage(5, 0, 0, 1), stop_reason=None, content=call("t1"), timestamp=None)
    for head in ([], [prompt("s")]):
        (batch,) = ingest(READER, "s.jsonl", [encode([*head, first, ends])])
        assert batch.pending_call is None


def test_call_of_a_final_answer_is_not_pending() -> None:
    (batch,) = ingest(READER, "s.jsonl", [encode([answer("s", "m", usage(5, 0, 0, 90), content=call("t1"))])])
    assert (batch.pending_call, batch.pending_session) == (None, None)
