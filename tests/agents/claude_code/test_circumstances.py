"""What stands around a response and a session: effort, branch, place, turn, searches."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from loggen.claude import Json, answer, encode, prompt, usage
from loggen.harness import count, derive, ingest
from tallybook.agents.claude_code.reader import ClaudeCodeReader

if TYPE_CHECKING:
    from tallybook.agents.port import Response

READER = ClaudeCodeReader()
ONE, TWO, THREE = (f"0000000{number}-0000-4000-8000-000000000000" for number in (1, 2, 3))
HERE: Json = {"cwd": "/srv/shop", "gitBranch": "main", "version": "2.1.330", "entrypoint": "cli"}
THERE: Json = {**HERE, "cwd": "/srv/shop/back", "gitBranch": "fix/till"}


def result(**more: object) -> Json:
    """The result of a tool."""
    return prompt("s", message={"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}, **more)


def busy() -> list[Json]:
    """Three turns: one with a prompt id, one without, one after a command."""
    searched = usage(1, 2, 3, 40, more={"server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1}})
    return [
        prompt("s", promptId=ONE, **HERE),
        answer("s", "m1", usage(1, 2, 3, 40), effort="high", requestId="r1", **HERE),
        result(promptId=ONE, **HERE),
        answer("s", "m2", searched, effort="low", requestId="r2", **THERE),
        prompt("s", uuid=TWO, **HERE),
        prompt("s", isMeta=True, uuid=THREE, **HERE),
        prompt("s", message={"role": "user", "content": "<command-name>/clear</command-name>"}, uuid=THREE, **HERE),
        prompt(
            "s", message={"role": "user", "content": [{"type": "text", "text": "[Request interrupted"}]}, uuid=THREE
        ),
        answer("s", "m3", usage(1, 2, 3, 40), effort=["odd"], requestId="r3", gitBranch="ghp_x y"),
    ]


def told(responses: list[Response]) -> list[tuple[object, ...]]:
    """What stands around each, in the order of the log."""
    ordered = sorted(responses, key=lambda one: one.offset)
    return [(one.turn, one.effort, one.branch, one.cwd, one.web_searches) for one in ordered]


EXPECTED = [
    (ONE, "high", None, None, 0),
    (ONE, "low", "fix/till", "/srv/shop/back", 2),
    (TWO, None, None, None, 0),
]


def test_a_response_tells_what_its_row_told() -> None:
    """A branch or a place that is the session's is not told again; a turn begins with what a person asks."""
    assert told(count(READER, {"s.jsonl": encode(busy())})) == EXPECTED


@given(st.lists(st.integers(0, 10_000), max_size=4), st.booleans())
def test_any_split_and_any_order_of_keys_tells_the_same(cuts: list[int], backwards: bool) -> None:
    """However the file grew and however its lines were written."""
    data = encode(busy(), backwards=backwards)
    edges = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    pieces = [data[left:right] for left, right in pairwise(edges)]
    assert told(derive(READER, {"s.jsonl": ingest(READER, "s.jsonl", pieces)})) == EXPECTED


def test_a_session_tells_branch_version_and_entry() -> None:
    """As the first record with a directory has them."""
    (batch,) = ingest(READER, "s.jsonl", [encode(busy())])
    (fact,) = batch.sessions
    assert (fact.branch, fact.version, fact.entry, fact.cwd) == ("main", "2.1.330", "cli", "/srv/shop")


def test_an_agent_shares_the_turn_that_sent_it() -> None:
    """Its records carry the prompt id of its parent."""
    more: Json = {"agentId": "a1", "isSidechain": True}
    rows = [prompt("s", promptId=ONE, **more), answer("s", "m1", usage(1, 2, 3, 40), requestId="r", **more)]
    (response,) = count(READER, {"s/subagents/agent-a1.jsonl": encode(rows)})
    assert response.turn == ONE
