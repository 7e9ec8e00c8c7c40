"""What happens in a thread besides responses: each thing once, in any history mode, in whatever files it stands."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.codex.worlds import worlds
from loggen.codex import START, Rollout, World, uuid4, uuid7
from loggen.harness import ingest
from loggen.items import joined, of_log
from tallybook.agents.codex.reader import CodexReader

if TYPE_CHECKING:
    from tallybook.agents.port import Item

READER = CodexReader()
TURN = uuid7(7)


def items_of(log: Rollout) -> list[Item]:
    """The items of one file."""
    return of_log(ingest(READER, log.key, [log.data()]))


def names_of(log: Rollout, *kinds: str) -> list[tuple[str, str]]:
    """Kind and name of those items, in the order in which they were told."""
    return [(item.kind, item.name) for item in items_of(log) if item.kind in kinds]


def log_with_turn(*, paginated: bool = False) -> Rollout:
    """A thread whose first turn has begun."""
    log = Rollout(uuid7(1), paginated=paginated)
    log.meta()
    log.event("task_started", turn_id=TURN)
    return log


@given(worlds(), st.data())
def test_everything_counts_once_whatever_files_are_there(world: World, data: st.DataObject) -> None:
    """Copies in forks and subagents add nothing; what stands in copies alone counts once."""
    files = world.files()
    present = data.draw(st.sets(st.sampled_from(sorted(files)), min_size=1))
    items = joined({key: ingest(READER, key, [files[key]]) for key in present})
    kinds = ("prompt", "turn", "tool", "shell", "message")
    told = Counter(item.kind for item in items if item.kind in kinds)
    assert told == Counter(kind for _, kind, _ in world.happenings(present))


@given(worlds())
def test_everything_is_its_own_threads(world: World) -> None:
    """Where all files are there, a copy never takes a thing from the thread that did it."""
    items = joined({key: ingest(READER, key, [content]) for key, content in world.files().items()})
    told = Counter((item.session, item.kind) for item in items if item.kind in {"prompt", "tool", "message", "turn"})
    true = {one for one in world.happenings(set(world.files())) if one[1] != "shell"}
    assert told == Counter((thread, kind) for thread, kind, _ in true)


@given(worlds(), st.lists(st.integers(0, 100_000), max_size=5))
def test_any_split_of_a_file_tells_the_same(world: World, cuts: list[int]) -> None:
    """Durations too, whose beginning and end may be read at different times."""
    for key, content in world.files().items():
        edges = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
        pieces = [content[left:right] for left, right in pairwise(edges)]
        split, whole = (of_log(ingest(READER, key, told)) for told in (pieces, [content]))
        assert Counter(split) == Counter(whole)


def shell(log: Rollout, call: str, name: str = "exec_command", **arguments: object) -> None:
    """A call of a shell."""
    log.item("function_call", name=name, arguments=json.dumps(arguments), call_id=call)


def test_a_call_has_its_name_its_program_and_the_time_its_result_took() -> None:
    """And its hash; a failure is told by the exit code alone."""
    log = log_with_turn()
    shell(log, "c1", cmd="git status")
    log.output("c1")
    shell(log, "c2", "shell", command=["bash", "-lc", "make test"])
    log.item("function_call_output", call_id="c2", output="Exit code: 2\nWall time: 1 seconds\nOutput:\n")
    shell(log, "c3", cmd="rg x")
    items = [(item.kind, item.key, item.name, item.amount) for item in items_of(log) if item.kind != "turn"]
    assert Counter(items) == Counter(
        [
            ("tool", "c1", "exec_command", 700_000),
            ("shell", "c1", "git", None),
            ("tool", "c2", "shell", 700_000),
            ("shell", "c2", "make", None),
            ("tool-error", "c2", "shell", None),
            ("tool", "c3", "exec_command", None),
            ("shell", "c3", "rg", None),
        ]
    )
    secrets = {(item.kind, item.key): item.secret for item in items_of(log)}
    assert secrets["shell", "c2"] == b"make test"
    assert secrets["tool", "c1"] == json.dumps(json.dumps({"cmd": "git status"})).encode()


OUTPUTS = [
    ("Exit code: 0\nWall time: 1 seconds\nOutput:\nExit code: 1", False),
    ("Exit code: 1\nWall time: 1 seconds\nOutput:\nok", True),
    ("Chunk ID: 2304ba\nWall time: 0.1 seconds\nProcess exited with code 0\nOutput:\n", False),
    ("Chunk ID: 2304ba\nWall time: 0.1 seconds\nProcess exited with code 127\nOutput:\n", True),
    ("Wall time: 0.1 seconds\nProcess exited with code -1\n", True),
    ('{"output":"","metadata":{"exit_code":1,"duration_seconds":0.5}}', True),
    ('{"output":"","metadata":{"exit_code":0,"duration_seconds":0.5}}', False),
    ("I read that Exit code: 1 is bad", False),
    ([{"type": "input_text", "text": "Exit code: 1"}], False),
]


@pytest.mark.parametrize(("output", "failed"), OUTPUTS)
@pytest.mark.parametrize("shape", ["quick", "spaced"])
def test_a_failure_is_told_by_the_exit_code(output: object, failed: bool, shape: str) -> None:
    """In the shapes of all builds, whether or not a line is in Codex's own order."""
    log = log_with_turn()
    shell(log, "c1", cmd="x")
    log.item("function_call_output", call_id="c1", output=output)
    data = log.data()
    if shape == "spaced":
        data = b"".join(json.dumps(json.loads(line)).encode() + b"\n" for line in data.splitlines())
    items = of_log(ingest(READER, log.key, [data]))
    assert [item.key for item in items if item.kind == "tool-error"] == ["c1"] * failed


TOOLS = [
    ({"name": "mcp__github__create_issue"}, ["mcp__github__create_issue"], ["github.create_issue"]),
    ({"name": "create_issue", "namespace": "mcp__github__"}, ["mcp__github__.create_issue"], ["github.create_issue"]),
    ({"name": "wait_agent", "namespace": "collaboration"}, ["collaboration.wait_agent"], []),
    ({"name": "ghp_abc"}, ["other"], []),
    ({"name": "rm -rf /"}, ["other"], []),
    ({"name": 3}, ["function"], []),
]


@pytest.mark.parametrize(("call", "tools", "servers"), TOOLS)
def test_tools_are_told_by_namespace_and_name(call: dict[str, object], tools: list[str], servers: list[str]) -> None:
    """Tools of MCP servers are told once more by server and tool."""
    log = log_with_turn()
    log.item("function_call", **call, arguments="{}", call_id="c")
    assert [name for kind, name in names_of(log, "tool")] == tools
    assert [name for kind, name in names_of(log, "mcp")] == servers


def test_a_servers_tool_counts_once_however_it_is_told() -> None:
    """By the call, by its end (legacy), by its completed item (paginated)."""
    log = log_with_turn(paginated=True)
    log.item("function_call", name="mcp__docs__find", arguments="{}", call_id="c")
    log.event("mcp_tool_call_end", call_id="c", invocation={"server": "docs", "tool": "find", "arguments": {"q": "s"}})
    log.event("item_completed", turn_id=TURN, item={"type": "McpToolCall", "id": "c", "server": "docs", "tool": "find"})
    assert names_of(log, "mcp", "tool") == [("mcp", "docs.find"), ("tool", "mcp__docs__find")]


def ask(log: Rollout, *, legacy: bool, paginated: bool) -> None:
    """One prompt with two pictures, told by one or both histories."""
    if legacy:
        log.event("user_message", message="x", images=["data:"], local_images=["/p.png"])
    if paginated:
        content = [
            {"type": "text", "text": "x"},
            {"type": "image", "url": "data:"},
            {"type": "local_image", "path": "p"},
        ]
        log.event("item_completed", turn_id=TURN, item={"type": "UserMessage", "id": "u", "content": content})
    log.item("message", role="user", content=[{"type": "input_text", "text": "x"}])


@pytest.mark.parametrize(("legacy", "paginated"), [(True, False), (False, True)])
def test_legacy_and_paginated_histories_tell_the_same(legacy: bool, paginated: bool) -> None:
    """Prompts, pictures, reasoning, messages, the lot."""
    log = log_with_turn(paginated=paginated)
    ask(log, legacy=legacy, paginated=paginated)
    if legacy:
        log.event("agent_reasoning", text="x")
        log.event("agent_message", message="x", phase="final")
    else:
        log.event("item_completed", turn_id=TURN, item={"type": "Reasoning", "id": "r", "summary_text": ["x"]})
        log.event("item_completed", turn_id=TURN, item={"type": "AgentMessage", "id": "m", "phase": "final"})
        log.event("item_completed", turn_id=TURN, item={"type": "CommandExecution", "id": "c1", "exit_code": 1})
    log.item("reasoning", summary=[{"type": "summary_text", "text": "x"}])
    log.item("message", role="assistant", content=[{"type": "output_text", "text": "x"}], phase="final_answer")
    log.event("task_complete", turn_id=TURN, last_agent_message="x", duration_ms=1500, time_to_first_token_ms=300)
    items = items_of(log)
    assert Counter((item.kind, item.name, item.amount) for item in items) == Counter(
        {
            ("prompt", "typed", None): 1,
            ("image", "prompt", None): 2,
            ("reasoning", "", None): 1,
            ("message", "final_answer", None): 1,
            ("turn", "completed", 1_500_000): 1,
            ("first-token", "", 300_000): 1,
        }
    )


def test_what_the_program_puts_in_is_no_prompt() -> None:
    """It is told by a name of a closed list; a person's text that looks like a tag is none."""
    log = log_with_turn()
    texts = [
        "<environment_context>\n  <cwd>/srv</cwd>",
        "<user_instructions>x",
        "# AGENTS.md instructions for /srv\n",
        "<permissions instructions>x",
        "<skill>\n<name>review</name>\nx",
        "<skill>\n<name>my secret plan</name>",
        "<html>",
        "please",
    ]
    for text in texts:
        log.item("message", role="user", content=[{"type": "input_text", "text": text}])
    log.item("message", role="developer", content=[{"type": "input_text", "text": "x"}])
    assert names_of(log, "injected", "skill", "prompt") == [
        ("injected", "environment_context"), ("injected", "user_instructions"), ("injected", "user_instructions"),
        ("injected", "permissions-instructions"), ("injected", "skill"), ("skill", "review"), ("injected", "skill"),
        ("skill", "other"), ("injected", "developer"),
    ]  # fmt: skip


def test_searches_pictures_and_subagents() -> None:
    """What the provider does itself, and what an agent hands on."""
    log = log_with_turn()
    log.item("web_search_call", status="completed", action={"type": "open_page", "url": "https://example.com"})
    log.item("web_search_call", status="completed")
    log.item("image_generation_call", id="ig_1", status="completed", revised_prompt="x", result="x")
    shell(log, "c1", "spawn_agent", agent_type="explorer", message="x")
    shell(log, "c2", "spawn_agent", message="x")
    log.item("local_shell_call", call_id="c3", status="completed", action={"type": "exec", "command": ["ls", "-l"]})
    log.item("function_call", name="shell", arguments="no json", call_id="c4")
    assert names_of(log, "web", "image", "subagent", "shell") == [
        ("web", "open_page"), ("web", "search"), ("image", "generated"), ("subagent", "explorer"),
        ("subagent", "default"), ("shell", "ls"),
    ]  # fmt: skip


def test_states_of_a_thread() -> None:
    """Compaction by its trigger, rollback, undo, abort, review, failures."""
    log = log_with_turn()
    ask(log, legacy=True, paginated=False)
    log.put("compacted", {"message": "x", "replacement_history": []})
    log.event("context_compacted")
    log.event("thread_rolled_back", num_turns=2)
    log.event("undo_completed", success=True, message="x")
    log.event("error", message="x", codex_error_info="usage_limit_exceeded")
    log.event("error", message="x", codex_error_info={"response_stream_disconnected": {"http_status_code": 500}})
    log.event("turn_aborted", turn_id=TURN, reason="interrupted")
    other = uuid7(8)
    log.event("task_started", turn_id=other)
    log.event("entered_review_mode", target={"type": "custom", "instructions": "x"})
    log.event("item_completed", turn_id=other, item={"type": "EnteredReviewMode", "id": "r", "user_facing_hint": "x"})
    log.put("compacted", {"message": "x"})
    log.event("exited_review_mode", review_output=None)
    log.event("task_complete", turn_id=other, error={"message": "x"})
    kinds = ("compaction", "rollback", "undo", "api-error", "abort", "turn", "review")
    items = [(item.kind, item.name, item.amount) for item in items_of(log) if item.kind in kinds]
    assert items == [
        ("turn", "aborted", None),
        ("compaction", "auto", None),
        ("rollback", "", 2),
        ("undo", "", None),
        ("api-error", "usage_limit_exceeded", None),
        ("api-error", "response_stream_disconnected", None),
        ("abort", "interrupted", None),
        ("turn", "failed", None),
        ("review", "", None),
        ("compaction", "manual", None),
    ]


def context(log: Rollout, turn: str, **more: object) -> None:
    """What a turn runs with."""
    log.put("turn_context", {"turn_id": turn, "model": "m", **more})


def test_policies_are_told_where_they_change() -> None:
    """The kind of a sandbox and its flags, never its directories; instructions by length and hash."""
    log = log_with_turn()
    sandbox = {"type": "workspace-write", "writable_roots": ["/srv/secret"], "network_access": True}
    context(log, "t1", approval_policy="on-request", sandbox_policy=sandbox, user_instructions="be kind")
    context(log, "t2", approval_policy="on-request", sandbox_policy=sandbox, user_instructions="be kind")
    context(
        log, "t3", model="vendor/n", approval_policy={"granular": {}},
        sandbox_policy={"mode": "read-only", "exclude_slash_tmp": True, "exclude_tmpdir_env_var": True},
    )  # fmt: skip
    context(log, "t4", model=None, approval_policy=[1], sandbox_policy="odd one")
    kinds = ("approval", "sandbox", "instructions", "model-switch")
    assert [(item.kind, item.name, item.amount, item.secret) for item in items_of(log) if item.kind in kinds] == [
        ("approval", "on-request", None, None),
        ("sandbox", "workspace-write+network", None, None),
        ("instructions", "user", 7, b"be kind"),
        ("approval", "granular", None, None),
        ("sandbox", "read-only+no-tmpdir+no-tmp", None, None),
        ("model-switch", "vendor:n", None, None),
        ("approval", "other", None, None),
        ("sandbox", "other", None, None),
    ]


def test_instructions_of_the_head_are_told_by_length() -> None:
    """They are the same in every copy of the head."""
    log = Rollout(uuid7(1))
    log.meta(instructions="short", base_instructions={"text": "longer"})
    context(log, "t1", user_instructions="short")
    assert [(item.name, item.amount) for item in items_of(log) if item.kind == "instructions"] == [
        ("base", 6), ("user", 5),
    ]  # fmt: skip


def test_lines_of_before_september_2025_tell_their_calls() -> None:
    """They have no envelope and no times."""
    rows = [
        {"id": uuid7(1), "timestamp": "2025-07-01T10:00:00Z", "instructions": None},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]},
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "name": "shell", "arguments": '{"command":["bash","-lc","ls"]}', "call_id": "c"},
        {"type": "function_call_output", "call_id": "c", "output": '{"output":"","metadata":{"exit_code":1}}'},
        {"record_type": "state"},
        {"type": "message", "role": "assistant", "content": []},
    ]
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    items = of_log(ingest(READER, "rollout-x", [data]))
    assert {item.at for item in items} == {None}
    assert {item.session for item in items} == {uuid7(1)}
    assert Counter((item.kind, item.name) for item in items) == Counter(
        [("reasoning", ""), ("shell", "ls"), ("tool", "shell"), ("tool-error", "shell"), ("message", "")]
    )


def test_a_fork_without_its_ancestors_head_is_known_by_the_thread_that_it_names() -> None:
    """Its copies have neither ids of turns nor new times; what is older than its own head is its ancestor's."""
    parent = Rollout(uuid4(1))
    parent.meta()
    parent.turn(None, "m", "one")
    shell(parent, "c1", cmd="ls")
    later = START + timedelta(hours=1)
    fork = Rollout(uuid4(0), later)
    fork.meta(forked_from_id=parent.thread)
    fork.lines += parent.lines[1:]
    fork.moment = later + timedelta(minutes=1)
    fork.turn(None, "m", "another")
    items = joined({log.key: ingest(READER, log.key, [log.data()]) for log in (fork, parent)})
    assert sorted((item.kind, item.session) for item in items if item.kind in {"prompt", "tool"}) == [
        ("prompt", fork.thread), ("prompt", parent.thread), ("tool", parent.thread),
    ]  # fmt: skip
