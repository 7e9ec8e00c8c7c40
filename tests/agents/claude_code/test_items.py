"""What happens in a session besides responses: each thing once, in whatever files copies of it stand."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loggen.claude import Corpus, Json, Maker, answer, encode, prompt, stamp, usage
from loggen.harness import count, ingest
from loggen.items import joined, of_log
from tallybook.agents.claude_code.reader import ClaudeCodeReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tallybook.agents.port import Item

READER = ClaudeCodeReader()
CORPORA = st.integers(0, 10**9).map(lambda seed: Maker(random.Random(seed)).corpus())


def items_of(*records: Json) -> list[Item]:
    """The items of one file."""
    return of_log(ingest(READER, "s.jsonl", [encode(records)]))


def names_of(records: Sequence[Json], *kinds: str) -> list[tuple[str, str]]:
    """Kind and name of those items."""
    return [(item.kind, item.name) for item in items_of(*records) if item.kind in kinds]


def block(kind: str, **more: object) -> Json:
    """An answer with one block."""
    return answer("s", "m1", usage(1, 2, 3, 40), content=[{"type": kind, **more}], requestId="r1", timestamp=stamp(20))


def use(call: str, name: str, **given: object) -> Json:
    """A tool call."""
    return block("tool_use", id=call, name=name, input=given)


def result(call: str, seconds: float, **more: object) -> Json:
    """What a tool gave back."""
    content = [{"type": "tool_result", "tool_use_id": call, "content": "x", **more}]
    return prompt("s", message={"role": "user", "content": content}, timestamp=stamp(seconds))


def calls_in(rows: Iterable[Json]) -> set[str]:
    """Ids of the calls of counted answers."""
    found = set()
    for row in rows:
        message = row.get("message")
        if isinstance(message, dict) and row["type"] == "assistant" and message["model"] != "<synthetic>":
            found |= {part["id"] for part in message["content"] if part["type"] == "tool_use"}
    return found


@given(CORPORA, st.data())
def test_calls_and_prompts_count_once_whatever_files_are_there(corpus: Corpus, data: st.DataObject) -> None:
    """Forks, branches, agents and asides add nothing of what they have copied."""
    files = corpus.encoded()
    present = data.draw(st.sets(st.sampled_from(sorted(files)), min_size=1))
    items = joined({key: ingest(READER, key, [files[key]]) for key in present})
    rows = [row for key in present for row in corpus.files[key]]
    assert {item.key for item in items if item.kind == "tool"} == calls_in(rows)
    asked = {str(row["uuid"]) for row in rows if row["type"] == "user"}
    assert {item.key for item in items if item.kind == "prompt"} == asked


@given(CORPORA)
def test_a_call_is_its_responses(corpus: Corpus) -> None:
    """The session of a call is the one that its response is counted for."""
    files = corpus.encoded()
    owner = {call: one.session for one in count(READER, files) for call in one.calls}
    items = joined({key: ingest(READER, key, [content]) for key, content in files.items()})
    told = {item.key: item.session for item in items if item.kind == "tool"}
    assert {call: told[call] for call in owner} == owner


@given(CORPORA, st.lists(st.integers(0, 100_000), max_size=4), st.booleans())
def test_any_split_and_any_order_of_keys_tells_the_same(corpus: Corpus, cuts: list[int], backwards: bool) -> None:
    """However the file grew."""
    for key, content in corpus.encoded(backwards=backwards).items():
        edges = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
        pieces = [content[left:right] for left, right in pairwise(edges)]
        split, whole = (of_log(ingest(READER, key, told)) for told in (pieces, [content]))
        assert Counter(split) == Counter(whole)


def test_an_answer_tells_each_kind_of_block_once() -> None:
    """Of however many rows and blocks it consists."""
    rows = [block("thinking"), block("text", text="x"), block("text", text="y"), block("redacted_thinking")]
    assert Counter(item[:1] + item[3:5] for item in items_of(*rows)) == Counter(
        {("m1", "reasoning", ""): 1, ("m1", "message", ""): 1}
    )


def test_a_message_id_that_a_gateway_uses_again_is_another_answer() -> None:
    """Without a request id the record tells them apart."""
    rows = [answer(session, "m1", usage(1, 2, 3, 40), timestamp=stamp(20)) for session in ("s", "t")]
    assert len([item for item in items_of(*rows) if item.kind == "message"]) == 2


def test_a_call_has_its_name_its_program_and_the_time_its_result_took() -> None:
    """A failure is told where the result says so."""
    rows = [
        use("c1", "Bash", command="git status"),
        result("c1", 21.5),
        use("c2", "Read"),
        result("c2", 22, is_error=True),
    ]
    items = items_of(*rows)
    assert Counter((item.kind, item.key, item.name, item.amount) for item in items) == Counter(
        [
            ("tool", "c1", "Bash", 1_500_000),
            ("shell", "c1", "git", None),
            ("tool", "c2", "Read", 2_000_000),
            ("tool-error", "c2", "Read", None),
        ]
    )
    secrets = {(item.kind, item.key): item.secret for item in items}
    assert secrets["shell", "c1"] == b"git status"
    assert secrets["tool", "c1"] == b'{"command":"git status"}'


TOOLS = [
    (use("c", "mcp__github__create_issue"), [("mcp", "github.create_issue"), ("tool", "mcp__github__create_issue")]),
    (use("c", "Task", subagent_type="Explore"), [("subagent", "Explore"), ("tool", "Task")]),
    (use("c", "Agent", prompt="x"), [("subagent", "default"), ("tool", "Agent")]),
    (use("c", "Skill", skill="shop:review"), [("skill", "shop:review"), ("tool", "Skill")]),
    (use("c", "Skill", command="my secret plan"), [("skill", "other"), ("tool", "Skill")]),
    (use("c", "WebFetch", url="https://example.com"), [("tool", "WebFetch"), ("web", "fetch")]),
    (use("c", "WebSearch", query="x"), [("tool", "WebSearch"), ("web", "search")]),
    (block("server_tool_use", id="c", name="web_search", input={"query": "x"}), [("web", "search")]),
    (use("c", "Bash", command=["x"]), [("tool", "Bash")]),
    (use("c", "rm -rf /"), [("tool", "other")]),
    (block("tool_use", id="c"), [("tool", "other")]),
    (block("tool_use", id="c", name="Bash", input="x"), [("tool", "Bash")]),
    (block("tool_use", name="Bash"), []),
]


@pytest.mark.parametrize(("row", "expected"), TOOLS)
def test_tools_are_told_by_what_they_are(row: Json, expected: list[tuple[str, str]]) -> None:
    """Servers, agents, skills and the web beside the tool itself."""
    assert sorted(names_of([row], "mcp", "shell", "skill", "subagent", "tool", "web")) == expected


def said(content: object, **more: object) -> Json:
    """A user record."""
    return prompt("s", message={"role": "user", "content": content}, **more)


PROMPTS = [
    (said("please"), [("prompt", "typed"), ("turn", "open")]),
    (said([{"type": "text", "text": "x"}]), [("prompt", "typed"), ("turn", "open")]),
    (said("<html> please"), [("prompt", "typed"), ("turn", "open")]),
    (said("please", origin={"kind": "human"}), [("prompt", "typed"), ("turn", "open")]),
    (said("please", origin={"kind": "coordinator"}), [("injected", "other")]),
    (said("please", isSidechain=True, agentId="a1"), [("prompt", "agent")]),
    (said("x", isMeta=True), [("injected", "meta")]),
    (said("x", isCompactSummary=True), [("injected", "summary")]),
    (said("<command-name>/compact</command-name>\n<command-message>"), [("command", "compact")]),
    (said("<command-message>x</command-message>\n<command-name>/shop:tidy</command-name>"), [("command", "shop:tidy")]),
    (said("<command-name>/my secret plan</command-name>"), [("command", "other")]),
    (said("<command-message>x"), [("command", "")]),
    (said("<local-command-stdout>x"), [("injected", "command-output")]),
    (said("<bash-input>ls</bash-input>"), [("injected", "command-output")]),
    (said("<task-notification>x"), [("injected", "notification")]),
    (said("<system-reminder>x"), [("injected", "reminder")]),
    (said([{"type": "text", "text": "[Request interrupted by user]"}]), [("abort", "interrupted")]),
]


@pytest.mark.parametrize(("row", "expected"), PROMPTS)
def test_a_persons_prompt_is_told_from_what_the_program_put_in(row: Json, expected: list[tuple[str, str]]) -> None:
    """And from commands, whose names alone are kept."""
    assert sorted(names_of([row], "abort", "command", "injected", "prompt", "turn")) == expected


def test_pictures_and_permissions_of_prompts() -> None:
    """A permission is told where it changes."""
    picture = {"type": "image", "source": {"data": "x"}}
    rows = [
        said([picture, {"type": "text", "text": "x"}, picture], permissionMode="plan"),
        said("x", permissionMode="plan"),
        said("x", permissionMode="acceptEdits"),
    ]
    assert sorted(names_of(rows, "approval", "image")) == [
        ("approval", "acceptEdits"), ("approval", "plan"), ("image", "prompt"), ("image", "prompt"),
    ]  # fmt: skip


def system(subtype: str, **more: object) -> Json:
    """What the program says of itself."""
    return {**prompt("s"), "type": "system", "subtype": subtype, "content": "x", "uuid": subtype, **more}


def test_states_of_a_session() -> None:
    """Turns, compactions, failures, models."""
    rows = [
        said("one", uuid="p1"),
        system("api_error", error={"status": 529, "message": "x"}, retryAttempt=1),
        system("api_error", error={"message": "x"}, uuid="e2"),
        system("compact_boundary", compactMetadata={"trigger": "auto", "preTokens": 1234}),
        system("microcompact_boundary"),
        system("turn_duration", durationMs=1500),
        answer("s", "m1", usage(1, 2, 3, 40), requestId="r1", model="opus"),
        said("two", uuid="p2"),
        said([{"type": "text", "text": "[Request interrupted by user]"}], uuid="a"),
        answer("s", "m2", usage(1, 2, 3, 40), requestId="r2", model="vendor/n"),
        answer("s", "x", usage(0, 0, 0, 0), model="<synthetic>", isApiErrorMessage=True, error="rate_limit", uuid="e3"),
        answer("s", "x", usage(0, 0, 0, 0), model="<synthetic>", isApiErrorMessage=False, uuid="e4"),
        answer("s", "x", usage(0, 0, 0, 0), model="<synthetic>", isApiErrorMessage=True, uuid="e5"),
    ]
    kinds = ("turn", "api-error", "compaction", "abort", "model-switch")
    found = [(item.key, item.kind, item.name, item.amount) for item in items_of(*rows) if item.kind in kinds]
    assert found == [
        ("p1", "turn", "completed", 1_500_000),
        ("api_error", "api-error", "http-529", None),
        ("e2", "api-error", "network", None),
        ("compact_boundary", "compaction", "auto", 1234),
        ("microcompact_boundary", "compaction", "micro", None),
        ("p2", "turn", "aborted", None),
        ("a", "abort", "interrupted", None),
        ("m2", "model-switch", "vendor:n", None),
        ("e3", "api-error", "rate_limit", None),
        ("e5", "api-error", "other", None),
    ]


def test_a_limit_is_told_where_an_answer_meets_it() -> None:
    """How much was used is known only where nothing is left."""
    told = {"status": "rejected", "rateLimitType": "five_hour", "resetsAt": 1_790_000_000, "isUsingOverage": False}
    near = {"status": "allowed_warning", "rateLimitType": "seven_day", "resetsAt": "soon"}
    rows = [
        answer("s", "x", usage(0, 0, 0, 0), model="<synthetic>", isApiErrorMessage=True, quotaLimits=told),
        answer("s", "m", usage(1, 0, 0, 9), quotaLimits=near),
        answer("s", "n", usage(1, 0, 0, 9), quotaLimits={"rateLimitType": "My Plan"}),
        answer("s", "o", usage(1, 0, 0, 9), quotaLimits="x"),
    ]
    (batch,) = ingest(READER, "s.jsonl", [encode(rows)])
    assert [(one.limit, one.window, one.used, one.resets_at) for one in batch.limits] == [
        ("five_hour", 300, 10_000, 1_790_000_000_000_000), ("seven_day", 10_080, None, None),
    ]  # fmt: skip


def test_a_copy_is_told_later_than_the_original() -> None:
    """So that the original counts, whose file proves that it was written when it happened."""
    queue: Json = {"type": "queue-operation", "operation": "enqueue", "timestamp": stamp(100), "sessionId": "fork"}
    copy = {**prompt("fork"), "uuid": "p1"}
    (batch,) = ingest(READER, "fork.jsonl", [encode([queue, copy])])
    (original,) = ingest(READER, "z.jsonl", [encode([{**prompt("s"), "uuid": "p1"}])])
    found = {item.kind: item.session for item in joined({"fork.jsonl": [batch], "z.jsonl": [original]})}
    assert found == {"prompt": "s", "turn": "s"}
