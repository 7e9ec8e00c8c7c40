"""What happens in a chat besides answers: each thing once, however often its file or a copy tells it."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loggen.gemini import FLASH, START, Json, World, answer, call, context, encode, head, name, patch, prompt, usage
from loggen.harness import document, ingest
from loggen.items import joined, of_log
from tallybook.agents.gemini_cli.reader import GeminiReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tallybook.agents.port import Batch, Item

READER = GeminiReader()
SEEDS = st.integers(0, 10**6)
S, A, B = name(1), name(2), name(3)
PATH = "shop/chats/session-2026-11-26T10-00-00000001.jsonl"
USED = usage((100, 40, 10, 0, 0))
BY_ORDER = frozenset({"model-switch"})
"""Kinds that depend on what stands before them."""


def lived(seed: int, *, short: bool = False) -> World:
    world = World(random.Random(seed), short)
    for _ in range(world.rng.randrange(1, 25)):
        world.step()
    return world


def read(files: Mapping[str, bytes]) -> dict[str, Sequence[Batch]]:
    return {
        key: [document(READER, key, content)] if key.endswith(".json") else ingest(READER, key, [content])
        for key, content in files.items()
    }


def items_of(*lines: Json, path: str = PATH, top: Json | None = None) -> list[Item]:
    """The items of one file."""
    return of_log(ingest(READER, path, [encode([top or head(S, START), *lines])]))


def told(*lines: Json, kinds: Iterable[str] = (), path: str = PATH) -> list[tuple[str, str]]:
    """Kind and name of the items of these kinds, or of all."""
    return [(item.kind, item.name) for item in items_of(*lines, path=path) if not kinds or item.kind in kinds]


@given(SEEDS)
def test_everything_is_its_own_sessions(seed: int) -> None:
    """Where all files are there, a copy takes nothing from the session in which a thing happened."""
    world = lived(seed)
    files = world.files()
    found = [item for item in joined(read(files)) if item.kind not in BY_ORDER]
    homes = {deed for chat in world.chats for deed in chat.done() if deed.home == chat.session}
    expected = [deed for deed in world.happened(files) if deed in homes]
    copies = [deed for deed in world.happened(files) if deed not in homes]
    assert len(found) == len(expected) + len(copies)
    if not copies:
        names = Counter((one.session, one.kind, "" if one.kind == "turn" else one.name) for one in found)
        assert names == Counter((deed.home, deed.kind, deed.name) for deed in expected)


@given(SEEDS, st.data())
def test_everything_counts_once_whatever_files_are_there(seed: int, data: st.DataObject) -> None:
    """What stands in copies alone counts once."""
    world = lived(seed)
    files = world.files()
    present = data.draw(st.sets(st.sampled_from(sorted(files)))) if files else set()
    found = joined(read({key: files[key] for key in present}))
    kinds = Counter(item.kind for item in found if item.kind not in BY_ORDER)
    assert kinds == Counter(deed.kind for deed in world.happened(present))


@given(SEEDS, st.booleans(), st.booleans(), st.lists(st.integers(0, 100_000), max_size=5))
def test_any_split_and_any_spelling_tells_the_same(seed: int, short: bool, other: bool, cuts: list[int]) -> None:
    """However the file grew, and in whatever order its keys stand."""
    world = lived(seed, short=short)
    plain = world.files()
    for key, content in world.files(spaced=other, backwards=other).items():
        if key.endswith(".json"):
            assert of_log([document(READER, key, content)])[:] == of_log([document(READER, key, plain[key])])
            continue
        edges = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
        split = of_log(ingest(READER, key, [content[left:right] for left, right in pairwise(edges)]))
        assert split == of_log(ingest(READER, key, [plain[key]]))


@given(SEEDS, st.integers(1, 20))
def test_a_document_that_grew_tells_what_its_last_version_tells(seed: int, steps: int) -> None:
    """Versions that were seen on the way add what was taken out since, and nothing else."""
    world = World(random.Random(seed))
    chat = world.start(whole=True)
    versions = []
    for _ in range(steps):
        world.rng.choice([world.answer, world.calls, world.silent])(chat)
        versions.append(document(READER, chat.path, chat.content()))
    assert sorted(of_log(versions)) == sorted(of_log(versions[-1:]))


def test_a_call_has_its_name_its_program_and_the_time_its_result_took() -> None:
    """From the answer to the moment at which all of its calls were noted."""
    at = START + 5000
    whole = answer(B, at, USED)
    calls = [call("c1", at + 1500, args={"command": "git status"}), call("c2", at + 1500, "read_file", status="error")]
    items = items_of(prompt(A, START + 1000), whole, {**whole, "toolCalls": calls})
    shown = {(item.kind, item.name): (item.amount, item.secret) for item in items}
    assert shown == {
        ("prompt", "typed"): (None, None),
        ("turn", "open"): (4_000_000, None),
        ("message", ""): (None, None),
        ("reasoning", ""): (None, None),
        ("tool", "run_shell_command"): (1_500_000, b'{"command":"git status"}'),
        ("shell", "git"): (None, b"git status"),
        ("tool", "read_file"): (1_500_000, b'{"command":"ls"}'),
        ("tool-error", "read_file"): (None, None),
    }


def test_calls_of_answers_that_were_joined_have_no_wait_but_the_first() -> None:
    """Nobody knows when they were made."""
    calls = [call("c1", START + 6000), call("c2", START + 9000), call("c3", START + 4000)]
    items = items_of({**answer(B, START + 5000, USED), "toolCalls": calls})
    waits = {item.key: item.amount for item in items if item.kind == "tool"}
    assert waits == {f"{B}/c1": None, f"{B}/c2": None, f"{B}/c3": None}
    items = items_of({**answer(B, START + 5000, USED), "toolCalls": calls[:2]})
    assert {item.key: item.amount for item in items if item.kind == "tool"} == {
        f"{B}/c1": 1_000_000, f"{B}/c2": None,
    }  # fmt: skip


def returned(**response: object) -> list[Json]:
    """The result of a tool."""
    return [{"functionResponse": {"id": "c", "response": response}}]


FAILED = [("tool", "run_shell_command"), ("tool-error", "run_shell_command")]
DENIED = [("tool", "run_shell_command"), ("tool-denied", "run_shell_command"), ("tool-error", "run_shell_command")]
TOOLS: list[tuple[Json, list[tuple[str, str]]]] = [
    ({"status": "cancelled", "result": returned(error="[Operation Cancelled] Reason: User denied execution.")}, DENIED),
    ({"status": "cancelled", "result": returned(error="[Operation Cancelled] Reason: User cancelled")}, FAILED),
    ({"status": "error", "result": returned(error='Tool execution for "Shell" denied by policy.')}, DENIED),
    ({"status": "error", "result": returned(error=["User denied"])}, FAILED),
    ({"status": "error", "result": "x"}, FAILED),
    (
        {"result": returned(output="Output: x\nExit Code: 2\nSignal: 9\nProcess Group PGID: 7\n</untrusted_context>")},
        FAILED,
    ),
    ({"result": returned(output="Output: x\nExit Code: 2")}, FAILED),
    ({"result": returned(output="Output: Exit Code: 2\nExit Code: 0\nProcess Group PGID: 7")}, FAILED[:1]),
    ({"result": returned(output="Exit Code: 2\nas it says")}, FAILED[:1]),
    ({"result": returned(output={"text": "\nExit Code: 2"})}, FAILED[:1]),
    ({"args": {"command": ["x"]}}, FAILED[:1]),
    ({"args": "x"}, FAILED[:1]),
    ({"args": {"command": "A=1 ls"}}, [("shell", "other"), *FAILED[:1]]),
    ({"name": "web_fetch", "args": {}}, [("tool", "web_fetch"), ("web", "fetch")]),
    ({"name": "mcp_shop_sell_shelf", "args": {}}, [("mcp", "shop.sell_shelf"), ("tool", "mcp_shop_sell_shelf")]),
    ({"name": "mcp_", "args": {}}, [("tool", "mcp_")]),
    ({"name": "activate_skill", "args": {"name": "tidy"}}, [("skill", "tidy"), ("tool", "activate_skill")]),
    ({"name": "activate_skill", "args": {"name": "my secret"}}, [("skill", "other"), ("tool", "activate_skill")]),
    ({"name": "activate_skill", "args": None}, [("skill", "default"), ("tool", "activate_skill")]),
    ({"name": "invoke_agent", "args": {}}, [("subagent", "default"), ("tool", "invoke_agent")]),
    ({"name": "looker", "args": {}, "agentId": "looker-1"}, [("subagent", "looker"), ("tool", "looker")]),
    ({"name": "enter_plan_mode", "args": {}}, [("mode", "plan"), ("tool", "enter_plan_mode")]),
    (
        {"name": "enter_plan_mode", "args": {}, "status": "error"},
        [("tool", "enter_plan_mode"), ("tool-error", "enter_plan_mode")],
    ),
    ({"name": "rm -rf /", "args": {}}, [("tool", "other")]),
    ({"name": 7, "args": {}}, [("tool", "other")]),
    ({"id": 7}, []),
]


@pytest.mark.parametrize(("more", "expected"), TOOLS)
def test_tools_are_told_by_what_they_are(more: Json, expected: list[tuple[str, str]]) -> None:
    """Servers, agents, skills and the web beside the tool itself, and whether it failed or was denied."""
    one = {"args": {}, **more}
    row = {**answer(B, START + 5000, USED), "toolCalls": [{**call("c", START + 6000), **one}]}
    kinds = ("mcp", "mode", "shell", "skill", "subagent", "tool", "tool-denied", "tool-error", "web")
    assert sorted(told(row, kinds=kinds)) == expected


def said(*parts: object, kind: str = "user", **more: object) -> Json:
    """A message that no model wrote."""
    content = parts[0] if len(parts) == 1 and isinstance(parts[0], str) else list(parts)
    return {**prompt(A, START + 1000), "type": kind, "content": content, **more}


PICTURE = {"inlineData": {"mimeType": "image/png", "data": "x"}}
PROMPTS = [
    (said("please"), [("prompt", "typed"), ("turn", "open")]),
    (said({"text": "please"}), [("prompt", "typed"), ("turn", "open")]),
    (said({"text": "/srv/shop is broken"}), [("prompt", "typed"), ("turn", "open")]),
    (said({"text": "/shop:tidy now"}), [("command", "shop:tidy")]),
    (said({"text": "/compress"}), [("command", "compress")]),
    (said({"text": "\n<session_context>\nx"}), [("injected", "session-context")]),
    (said("Here is the user's editor context as JSON"), [("injected", "editor-context")]),
    (said("Here is a summary of changes in the user's editor context"), [("injected", "editor-context")]),
    (said("System: Potential loop detected. Details"), [("injected", "loop")]),
    (said("System: Please continue."), [("injected", "continue")]),
    (said({"text": "<state_snapshot>x"}), [("compaction", "")]),
    (said({"functionResponse": {"id": "c"}}), []),
    (said({"functionResponse": {"id": "c"}}, {"text": "x"}), []),
    (
        said({"text": "see"}, PICTURE, {"fileData": {"mimeType": "application/pdf"}}, {"inlineData": 7}, PICTURE),
        [
            ("attachment", "document"), ("attachment", "file"), ("image", "prompt"), ("image", "prompt"),
            ("prompt", "typed"), ("turn", "open"),
        ],
    ),
    (
        said({"text": "see @a"}, {"text": "\nContent from @a.py:\n"}, {"text": "Content from @b.py:\n"}),
        [("attachment", "file"), ("attachment", "file"), ("prompt", "typed"), ("turn", "open")],
    ),
    (said(7), []),
    (said(), []),
    (said("", content=None), []),
    (said("[API Error: x (Status: RESOURCE_EXHAUSTED)]", kind="error"), [("api-error", "RESOURCE_EXHAUSTED")]),
    (said("[API Error: x]", kind="error"), [("api-error", "other")]),
    (said("API Error", kind="error"), []),
    (said("Request cancelled.", kind="info"), [("abort", "interrupted")]),
    (said("[API Error: x]", kind="info"), []),
    (said("x", kind="warning"), []),
]  # fmt: skip


@pytest.mark.parametrize(("row", "expected"), PROMPTS)
def test_a_persons_prompt_is_told_from_what_the_program_put_in(row: Json, expected: list[tuple[str, str]]) -> None:
    """And from commands, results of tools, and notes of the program."""
    assert sorted(told(row)) == expected


def test_prompts_of_subagents_are_written_by_an_agent() -> None:
    """By the place of the chat, or by its head."""
    below = f"shop/chats/{S}/{B}.jsonl"
    assert told(prompt(A, START), kinds=["prompt"], path=below) == [("prompt", "agent")]
    items = items_of(prompt(A, START), top=head(S, START, "subagent"))
    assert [item.name for item in items if item.kind == "prompt"] == ["agent"]


def test_a_turn_ends_with_an_answer_that_calls_nothing() -> None:
    """Or with an error of the service, or where the user breaks it off; what came before it is no part of it."""
    asked, text = prompt(A, START), {**answer(B, START + 4000, USED), "content": "x"}
    quiet = {**answer(B, START + 2000, USED), "content": ""}
    cases = [
        ([asked, quiet], ("open", 2_000_000)),
        ([asked, quiet, text], ("completed", 4_000_000)),
        ([asked, text, {**text, "toolCalls": [call("c", START + 5000)]}], ("open", 4_000_000)),
        ([asked, said("[API Error: x]", kind="error", timestamp=patch_stamp(3000))], ("failed", 3_000_000)),
        ([asked, said("Request cancelled.", kind="info", timestamp=patch_stamp(3000))], ("aborted", 3_000_000)),
        ([asked, {**text, "timestamp": "x"}], ("completed", None)),
        ([asked, patch(messages=[text])], ("open", None)),
    ]
    for lines, expected in cases:
        turns = [item for item in items_of(*lines) if item.kind == "turn"]
        assert [(item.key, item.at, item.name, item.amount) for item in turns] == [(A, START * 1000, *expected)]
    assert not [item for item in items_of(text) if item.kind == "turn"]


def patch_stamp(after: int) -> str:
    """A time so many milliseconds after the start."""
    return str(prompt(A, START + after)["timestamp"])


def test_another_model_than_before_is_told() -> None:
    """Not the first one, and not a message that names none."""
    rows = [answer(name(10 + n), START + n, USED, model) for n, model in enumerate(["a", "a", "b/c", "a b", "a"])]
    assert told(*rows, kinds=["model-switch"]) == [
        ("model-switch", "b:c"), ("model-switch", "other"), ("model-switch", "a"),
    ]  # fmt: skip
    assert FLASH not in {name for _, name in told(*rows)}


def test_what_is_written_once_more_tells_only_what_the_program_put_there() -> None:
    """Prompts that are kept behind a summary have new ids, and were told before."""
    summary = {**prompt(name(40), START + 9000), "content": [{"text": "so far <state_snapshot>x"}]}
    again = [context(START + 9000), summary, prompt(name(41), START + 9000), said(7), {"type": "user", "content": "x"}]
    lines = [patch(messages=[context(START)]), prompt(A, START + 1), patch(messages=again), patch(messages=again)]
    assert told(*lines) == [("injected", "session-context"), ("prompt", "typed"), ("turn", "open"), ("compaction", "")]


def test_a_head_with_messages_is_a_document() -> None:
    """As a file of lines may be that was a document once."""
    whole = head(S, START, messages=[prompt(A, START + 1), answer(B, START + 2, USED)])
    assert {item.kind for item in items_of(top=whole)} == {"prompt", "turn", "message", "reasoning"}


def test_thoughts_that_are_counted_alone_are_thoughts() -> None:
    """Their text may be left out."""
    quiet = {**answer(A, START, usage((9, 0, 1, 5, 0))), "thoughts": []}
    assert told(quiet) == [("message", ""), ("reasoning", "")]
    assert told({**quiet, "tokens": USED}) == [("message", "")]
    assert told({**quiet, "tokens": None, "thoughts": None}) == [("message", "")]


def test_a_step_back_is_told_at_the_last_moment_before_it() -> None:
    """Each time, also of the same message."""
    lines = [prompt(A, START + 1000), {"$rewindTo": A}, prompt(A, START + 2000), {"$rewindTo": A}]
    backs = [(item.name, item.at) for item in items_of(*lines) if item.kind == "rollback"]
    assert backs == [("rewind", (START + 1000) * 1000), ("rewind", (START + 2000) * 1000)]


def test_messages_whose_ids_are_not_unique_are_told_apart_by_their_times() -> None:
    """A copy in another session has both; without a time the session tells."""
    files = {
        f"shop/chats/session-{n}.jsonl": encode(
            [head(name(n), START + born), prompt("1", START + at), {**prompt("2", START), "timestamp": None}]
        )
        for n, born, at in ((1, 0, 100), (2, 5000, 100), (3, 0, 200))
    }
    found = joined(read(files))
    prompts = Counter((item.session, item.key) for item in found if item.kind == "prompt")
    first, later = f"1@{(START + 100) * 1000}", f"1@{(START + 200) * 1000}"
    assert prompts == Counter([(name(1), first), (name(3), later), *((name(n), f"{name(n)}/2") for n in (1, 2, 3))])


def test_what_nothing_tells_from_another_is_not_told() -> None:
    """It is a bad line where it is an answer."""
    batch = ingest(READER, PATH, [encode([head(S, START), {"type": "user", "content": "x"}])])[0]
    assert (batch.items, batch.bad_lines) == ((), 0)
    calls = {"type": "gemini", "tokens": USED, "toolCalls": [call("c", START)]}
    batch = ingest(READER, PATH, [encode([head(S, START), calls])])[0]
    assert (batch.items, batch.bad_lines) == ((), 1)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.recursive(_SCALARS, st.lists, max_leaves=6))
def test_wrong_values_spoil_nothing(wrong: object) -> None:
    """Whatever stands in the place of what is told, the rest is read."""
    row = answer(B, START + 5000, USED)
    fields = ("id", "name", "args", "status", "result", "timestamp", "agentId")
    calls = [{**call("c", START + 6000), field: wrong} for field in fields]
    lines = [said("x", content=wrong), {**row, "content": wrong, "thoughts": wrong, "toolCalls": wrong}]
    content = json.dumps(wrong)
    batch = ingest(READER, PATH, [encode([head(S, START), *lines, {**row, "toolCalls": calls}, prompt(A, START)])])[0]
    assert content
    assert batch.bad_lines == 0
    assert len(batch.occurrences) >= 1
    assert ("prompt", "typed") in {(item[3], item[4]) for item in batch.items}
