"""What happens in a session besides answers: each thing once, on whatever branch and in however many forks."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loggen.harness import ingest
from loggen.items import joined, of_log
from loggen.pi import START, World, answer, encode, entry, head, path, prompt, result, usage, uuid7
from tallybook.agents.pi.reader import PiReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.agents.port import Item

READER = PiReader()
SEEDS = st.integers(0, 2**32)
A, B, C = uuid7(1, START), uuid7(2, START + 10_000), uuid7(3, START + 20_000)
PATH = path(A, START)
Json = dict[str, Any]


def lived(seed: int, repeats: bool = False) -> World:
    """A world in which something has happened."""
    rng = random.Random(seed)
    world = World(rng, tells=True, repeats=repeats)
    for _ in range(rng.randrange(1, 40)):
        world.step()
    return world


def items_of(*lines: Json, name: str = PATH, top: Json | None = None) -> list[Item]:
    """The items of one file."""
    return of_log(ingest(READER, name, [encode([top or head(A, START), *lines])]))


def told(*lines: Json, kinds: Sequence[str] = (), name: str = PATH) -> list[tuple[str, str]]:
    """Kind and name of the items of these kinds, or of all."""
    return [(item.kind, item.name) for item in items_of(*lines, name=name) if not kinds or item.kind in kinds]


@given(SEEDS)
def test_everything_is_its_own_sessions(seed: int) -> None:
    """Where all files are there, a copy takes nothing from the session in which a thing happened."""
    world = lived(seed)
    items = joined({key: ingest(READER, key, [content]) for key, content in world.files().items()})
    assert Counter((item.session, item.kind, item.name) for item in items) == world.happenings(set(world.files()))


@given(SEEDS, st.data())
def test_everything_counts_once_whatever_files_are_there(seed: int, data: st.DataObject) -> None:
    """What stands in copies alone counts once."""
    world = lived(seed)
    files = world.files()
    present = data.draw(st.sets(st.sampled_from(sorted(files)), min_size=1))
    items = joined({key: ingest(READER, key, [files[key]]) for key in present})
    true = Counter(kind for _, kind, _ in world.happenings(present).elements())
    assert Counter(item.kind for item in items) == true


@given(SEEDS, st.lists(st.integers(0, 100_000), max_size=5))
def test_any_split_of_a_file_tells_the_same(seed: int, cuts: list[int]) -> None:
    """Durations too, whose beginning and end may be read at different times."""
    for key, content in lived(seed).files().items():
        edges = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
        pieces = [content[left:right] for left, right in pairwise(edges)]
        split, whole = (of_log(ingest(READER, key, arrivals)) for arrivals in (pieces, [content]))
        assert Counter(split) == Counter(whole)


@given(SEEDS)
def test_any_spelling_tells_the_same(seed: int) -> None:
    """Keys in another order and other blanks change the hash of what a tool was given, and nothing else."""
    rng = random.Random(seed)
    for session in lived(seed).sessions:
        spelled, plain = (
            [item._replace(secret=None) for item in of_log(ingest(READER, session.path, [content]))]
            for content in (encode(session.lines, rng), encode(session.lines))
        )
        assert Counter(spelled) == Counter(plain)


def test_a_call_has_its_name_its_program_and_the_time_its_result_took() -> None:
    """Servers that count calls from 0 in each answer give one id to several: the answer tells them apart."""
    lines = [
        answer("0000000a", START + 1000, None, calls=("call_0",)),
        result("0000000b", START + 1700, "call_0", failed=True),
        answer("0000000c", START + 2000, None, calls=("call_0",)),
        result("0000000d", START + 2100, "call_0", failed=False),
        result("0000000e", START + 2200, "call_0", failed=True),
        answer("0000000f", START + 3000, None, calls=("call_0",)),
    ]
    items = [item for item in items_of(*lines) if item.kind in {"shell", "tool", "tool-error"}]
    first, second, third = (f"{name}@{(START + at) * 1000}/call_0" for name, at in
                            (("0000000a", 1000), ("0000000c", 2000), ("0000000f", 3000)))  # fmt: skip
    assert Counter((item.kind, item.key, item.name, item.amount) for item in items) == Counter(
        [
            ("tool", first, "bash", 700_000),
            ("tool-error", first, "bash", None),
            ("tool", second, "bash", 100_000),
            ("tool", third, "bash", None),
            *(("shell", key, "ls", None) for key in (first, second, third)),
        ]
    )
    secrets = {(item.kind, item.key): item.secret for item in items}
    assert secrets["shell", first] == b"ls"
    assert secrets["tool", first] == b'{"command":"ls"}'


def test_so_many_calls_that_wait_are_remembered_and_no_more() -> None:
    """A log of calls without results does not grow the state without end; each call counts all the same."""
    lines = [answer(f"{n:08x}", START + 1000 + n, None, calls=(f"c{n}",)) for n in range(300)]
    late = result("ffffffff", START + 9000, "c0", failed=True)
    content = [encode([head(A, START)]), *(encode([line]) for line in lines), encode([late])]
    batches = ingest(READER, PATH, content)
    kinds = Counter(item.kind for item in of_log(batches))
    assert (kinds["tool"], kinds["tool-error"]) == (300, 0)
    assert abs(len(batches[-1].state) - len(batches[-30].state)) < 200


def use(name: object, **given: object) -> Json:
    """An answer that calls a tool."""
    line = answer("0000000a", START + 1000, None)
    line["message"]["content"] = [{"type": "toolCall", "id": "c", "name": name, "arguments": given}]
    return line


TOOLS: list[tuple[Json, list[tuple[str, str]]]] = [
    (use("read", path="x"), [("tool", "read")]),
    (use("bash", command=["x"]), [("tool", "bash")]),
    (use("bash", command="FOO=1 make"), [("shell", "other"), ("tool", "bash")]),
    (use("mcp__github__create_issue"), [("mcp", "github.create_issue"), ("tool", "mcp__github__create_issue")]),
    (use("mcp__github_create_issue"), [("mcp", "github_create_issue"), ("tool", "mcp__github_create_issue")]),
    (use("web_search", query="x"), [("tool", "web_search"), ("web", "search")]),
    (use("fetch", url="x"), [("tool", "fetch"), ("web", "fetch")]),
    (use("task", agent="scout", task="x"), [("subagent", "scout"), ("tool", "task")]),
    (use("task", task="x"), [("subagent", "default"), ("tool", "task")]),
    (
        use("task", tasks=[{"agent": "scout"}, {"agent": "my secret plan"}, 5]),
        [("subagent", "default"), ("subagent", "other"), ("subagent", "scout"), ("tool", "task")],
    ),
    (use("rm -rf /"), [("tool", "other")]),
    (use(5), [("tool", "other")]),
]


@pytest.mark.parametrize(("line", "expected"), TOOLS)
def test_tools_are_told_by_what_they_are(line: Json, expected: list[tuple[str, str]]) -> None:
    """Commands, servers, agents and the web beside the tool itself."""
    assert sorted(told(line)) == expected


@pytest.mark.parametrize("arguments", ["x", [1], None])
def test_arguments_of_another_shape(arguments: object) -> None:
    """The call counts; what it was about is not told."""
    for name in ("bash", "task"):
        line = use(name)
        line["message"]["content"][0]["arguments"] = arguments
        assert told(line) == [("tool", name)]


def said(role: str, content: object = "x", **more: object) -> Json:
    """A message."""
    return entry("message", "0000000a", START + 1000, message={"role": role, "content": content, **more})


PROMPT = [("prompt", "typed"), ("turn", "open")]
MESSAGES: list[tuple[Json, list[tuple[str, str]]]] = [
    (said("user"), PROMPT),
    (said("user", [{"type": "text", "text": "x"}, {"type": "image", "data": "x"}, {"type": "image"}]),
     [*PROMPT, ("image", "prompt"), ("image", "prompt")]),
    (said("user", 5), PROMPT),
    (said("user", [7]), PROMPT),
    (said("user", attribution="user"), PROMPT),
    (said("user", attribution="agent"), [("injected", "agent")]),
    (said("user", synthetic=True), [("injected", "synthetic")]),
    (said("user", synthetic="true"), PROMPT),
    (said("developer"), [("injected", "developer")]),
    (said("bashExecution", command="x"), [("command", "bash"), ("injected", "command-output")]),
    (said("bashExecution", command="x", excludeFromContext=True), [("command", "bash")]),
    (said("pythonExecution", code="x"), [("command", "python"), ("injected", "command-output")]),
    (said("custom", customType="notes"), [("injected", "notes")]),
    (said("hookMessage", customType="my secret plan"), [("injected", "other")]),
    (said("custom", customType="notes", attribution="user"), PROMPT),
    (said("custom", customType="skill-prompt", attribution="user", details={"name": "tidy"}),
     [("skill", "tidy"), *PROMPT]),
    (said("custom", customType="skill-prompt", details=5), [("skill", "other")]),
    (said("fileMention", files=[{"path": "x"}, {"path": "y"}]), [("attachment", "file"), ("attachment", "file")]),
    (said("fileMention", files="many"), []),
    (said("toolResult", toolCallId="never"), []),
    (said("toolResult", toolCallId=7), []),
    (said("surprise"), []),
    (entry("custom_message", "0000000a", START, customType="notes", content="x"), [("injected", "notes")]),
    (entry("custom_message", "0000000a", START, customType=5, content="x"), [("injected", "")]),
    (entry("ttsr_injection", "0000000a", START, injectedRules=["x"]), [("injected", "rules")]),
    (entry("reset_boundary", "0000000a", START), [("rollback", "reset")]),
    (entry("mode_change", "0000000a", START, mode="plan"), [("mode", "plan")]),
    (entry("mode_change", "0000000a", START, mode=5), []),
    (entry("label", "0000000a", START, label="x"), []),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), MESSAGES)
def test_a_persons_prompt_is_told_from_what_was_put_in(line: Json, expected: list[tuple[str, str]]) -> None:
    """And from commands that a person runs, skills and files."""
    assert told(line) == expected


def test_a_prompt_of_a_subagent_was_written_by_an_agent() -> None:
    """So is whatever the session that sent it says later."""
    below = path(B, START).removesuffix(".jsonl") + "/Scout.jsonl"
    lines = [said("user"), said("user", attribution="agent")]
    assert ("prompt", "agent") in told(*lines, name=below)
    assert ("prompt", "typed") not in told(*lines, name=below)


def text(**more: object) -> Json:
    """A block of text."""
    return {"type": "text", "text": "x", **more}


def test_an_answer_tells_each_kind_of_block_once_and_each_phase() -> None:
    """Of however many blocks it consists; pictures one by one."""
    line = answer("0000000a", START + 1000, None)
    line["message"]["content"] = [
        text(), text(), {"type": "thinking"}, {"type": "redactedThinking"}, {"type": "thinking"}, {"type": "image"},
        text(textSignature='{"v":1,"id":"m","phase":"commentary"}'), text(textSignature='{"phase":"final_answer"}'),
        text(textSignature="{oops"), text(textSignature='{"phase":"my secret plan"}'), text(textSignature="sig"),
        {"type": "image"}, {"type": "surprise"}, {}, {"type": "toolCall"}, {"type": "toolCall", "id": ""},
    ]  # fmt: skip
    assert sorted(told(line)) == [
        ("image", "generated"), ("image", "generated"), ("message", ""), ("message", "commentary"),
        ("message", "final_answer"), ("message", "other"), ("reasoning", ""),
    ]  # fmt: skip


ENDS = [
    ({"stopReason": "stop"}, "completed", []),
    ({"stopReason": "length"}, "completed", []),
    ({"stopReason": "toolUse"}, "open", []),
    ({"stopReason": "aborted"}, "aborted", [("abort", "interrupted")]),
    ({"stopReason": "error", "errorMessage": "x"}, "failed", [("api-error", "other")]),
    ({"stopReason": "error", "errorStatus": 529}, "failed", [("api-error", "http-529")]),
    ({"stopReason": "error", "errorStatus": 70_000}, "failed", [("api-error", "other")]),
    ({"stopReason": "error", "errorStatus": "529"}, "failed", [("api-error", "other")]),
    ({"stopReason": 5}, "open", []),
]


@pytest.mark.parametrize(("more", "name", "others"), ENDS)
def test_how_a_turn_ends(more: Json, name: str, others: list[tuple[str, str]]) -> None:
    """By the reason that the last answer gives; from the entry of the prompt to that of the answer."""
    items = items_of(prompt("0000000a", START + 100), answer("0000000b", START + 1000, None, **more))
    turn = next(item for item in items if item.kind == "turn")
    assert (turn.name, turn.amount) == (name, None if name == "open" else 900_000)
    assert [(item.kind, item.name) for item in items if item.kind in {"abort", "api-error"}] == others


def test_a_turn_that_failed_may_be_tried_again_and_no_other() -> None:
    """What an answer without a prompt ends is no turn of the prompt before."""
    failed = answer("0000000b", START + 1000, None, stopReason="error")
    lines = [prompt("0000000a", START + 100), failed, answer("0000000c", START + 2000, None)]
    (turn,) = (item for item in items_of(*lines, answer("0000000d", START + 9000, None)) if item.kind == "turn")
    assert (turn.name, turn.amount, turn.at) == ("completed", 1_900_000, (START + 100) * 1000)


def test_a_clock_that_was_set_back_gives_no_duration() -> None:
    """Nor does an entry without a time."""
    first = prompt("0000000a", START + 5000)
    for last in (answer("0000000b", START + 1000, None), answer("0000000b", START, None) | {"timestamp": "x"}):
        last["message"]["timestamp"] = None if last["timestamp"] == "x" else 5
        (turn,) = (item for item in items_of(first, last) if item.kind == "turn")
        assert (turn.name, turn.amount) == ("completed", None)


@pytest.mark.parametrize(
    ("ttft", "amount"), [(812.5, 812_500), (0, 0), (-1, None), (1e300, None), ("5", None), (None, None)]
)
def test_when_the_first_piece_of_an_answer_was_there(ttft: object, amount: int | None) -> None:
    """Where the log tells it, in milliseconds."""
    found = [item.amount for item in items_of(answer("0000000a", START, None, ttft=ttft)) if item.kind == "first-token"]
    assert found == ([] if amount is None else [amount])


@pytest.mark.parametrize(
    ("more", "name", "amount"),
    [
        ({"tokensBefore": 90_000}, "", 90_000),
        ({"tokensBefore": 90_000.7, "method": "handoff"}, "handoff", 90_000),
        ({"tokensBefore": -1, "method": "my secret plan"}, "other", None),
        ({"tokensBefore": 2**63}, "", None),
        ({"tokensBefore": "many", "method": 5}, "", None),
        ({}, "", None),
    ],
)
def test_a_compaction_has_its_method_and_the_tokens_before_it(more: Json, name: str, amount: int | None) -> None:
    """Where they can be true."""
    (item,) = items_of(entry("compaction", "0000000a", START, summary="x", **more))
    assert (item.kind, item.name, item.amount) == ("compaction", name, amount)


def test_another_model_and_another_effort_are_told_where_they_change() -> None:
    """The first ones are none; oh-my-pi names provider and model in one, and roles that do not answer."""
    kinds = ("model-switch", "effort", "mode")
    lines = [
        entry("model_change", "00000001", START, provider="anthropic", modelId="claude-sonnet-4-5"),
        entry("model_change", "00000002", START, model="anthropic/claude-sonnet-4-5"),
        entry("model_change", "00000003", START, model="openai/gpt-5.1", role="smol"),
        entry("model_change", "00000004", START, model="openrouter/qwen/qwen3", role="default"),
        answer("00000005", START, None, model="qwen/qwen3"),
        answer("00000006", START, None, model="gpt-5.1"),
        entry("model_change", "00000007", START, model="alone"),
        entry("model_change", "00000008", START, model=5),
        *(entry("thinking_level_change", f"0000001{n}", START, thinkingLevel=level)
          for n, level in enumerate(["low", "low", "high", None, 7, "my secret plan"])),
        *(entry("mode_change", f"0000002{n}", START, mode=mode) for n, mode in enumerate(["plan", "plan", "none"])),
    ]  # fmt: skip
    assert told(*lines, kinds=kinds) == [
        ("model-switch", "qwen:qwen3"), ("model-switch", "gpt-5.1"), ("model-switch", "alone"),
        ("effort", "high"), ("effort", "other"), ("mode", "plan"), ("mode", "none"),
    ]  # fmt: skip


def follow(identity: str, parent: str | None, line: Json) -> Json:
    """The line as one that follows another."""
    return {**line, "id": identity, "parentId": parent}


def test_a_step_back_is_an_entry_that_does_not_follow_the_last_part_of_the_conversation() -> None:
    """Labels and the like in between are no part of it."""
    at = START + 1000
    label, call = entry("label", None, at), entry("model_usage", None, at, model="m", usage=usage((1, 1, 1, 1)))
    lines = [
        follow("a1", None, entry("model_change", None, at, modelId="m")),
        follow("a2", "a1", prompt(None, at)),
        follow("a3", "a2", answer(None, at, None)),
        follow("a4", "a3", label),
        follow("a5", "a3", call),
        follow("a6", "a4", prompt(None, at)),
        follow("a7", "a6", answer(None, at, None)),
        follow("b1", "a3", label),
        follow("b2", "b1", prompt(None, at)),  # back, by a label
        follow("b3", "b2", answer(None, at, None)),
        follow("c1", "a3", entry("branch_summary", None, at, summary="x")),  # back, with a summary
        follow("c2", "c1", prompt(None, at)),
        follow("d1", None, prompt(None, at)),  # back to the beginning
        follow("d2", "d1", answer(None, at, None)),
    ]
    keys = [item.key.partition("@")[0] for item in items_of(*lines) if item.kind == "rollback"]
    assert keys == ["b2", "c1", "d1"]


def test_entries_without_ids_are_told_apart_by_what_they_are() -> None:
    """Before version 2 there were none; a copy has the same bytes."""
    lines = [prompt(None, START + 5), answer(None, START + 5, None, calls=("c",)), prompt(None, START + 6)]
    both = {key: ingest(READER, key, [encode([top, *lines])]) for key, top in
            ((PATH, head(A, START)), (path(B, START + 10_000), head(B, START + 10_000, PATH)))}  # fmt: skip
    assert Counter((item.session, item.kind) for item in joined(both)) == {
        (A, "prompt"): 2, (A, "turn"): 2, (A, "message"): 1, (A, "tool"): 1, (A, "shell"): 1,
    }  # fmt: skip


def test_a_copy_of_a_copy_is_told_as_the_one_that_is_nearest() -> None:
    """Where the original is not there; a copy that can't be proved to be one gives way too."""
    line = prompt("0000000a", START + 1000)
    second, third = path(B, START + 10_000), path(C, START + 20_000)
    files = {PATH: [head(A, START), line], second: [head(B, START + 10_000, PATH), line]}
    files[third] = [head(C, START + 20_000, second), line]
    undated = f"{PATH}x.jsonl"
    files[undated] = [head("x", 0, PATH) | {"timestamp": "soon"}, line]
    batches = {name: ingest(READER, name, [encode(content)]) for name, content in files.items()}

    def owners(*names: str) -> set[str]:
        return {item.session for item in joined({name: batches[name] for name in names})}

    assert owners(*files) == owners(PATH, undated) == owners(second, third) == owners(second) == {A}
    assert owners(third) == {B}
    assert owners(undated) == {"x"}
