"""What happens in a session besides responses: each thing once, in however many forks its event stands."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loggen.copilot import MODELS, START, Json, World, encode, event, name, start
from loggen.harness import ingest
from loggen.items import joined, of_log
from tallybook.agents.copilot_cli.reader import CopilotReader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Item

READER = CopilotReader()
SEEDS = st.integers(0, 10**6)
S = name(0xABC)
KEY = f"/home/.copilot/session-state/{S}/events.jsonl"


def lived(seed: int) -> World:
    world = World(random.Random(seed))
    for _ in range(world.rng.randrange(1, 30)):
        world.step()
    return world


def path(session: str) -> str:
    return f"/home/.copilot/session-state/{session}/events.jsonl"


def root(session: str) -> str:
    return session.partition("/")[0]


def items_of(*events: Json) -> list[Item]:
    """The items of one file."""
    return of_log(
        ingest(READER, KEY, [encode([event(1, "session.start", start(S, START, "1.0.102"), START), *events])])
    )


def say(kind: str, number: int = 2, agent: str | None = None, after: int = 1000, **data: object) -> Json:
    """One event."""
    return event(number, kind, data, START + after, agent)


def told(*events: Json, kinds: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Kind and name of the items of these kinds, or of all."""
    return sorted((item.kind, item.name) for item in items_of(*events) if not kinds or item.kind in kinds)


@given(SEEDS)
def test_everything_is_its_own_sessions(seed: int) -> None:
    """Where all files are there, a copy takes nothing from the session in which a thing happened."""
    world = lived(seed)
    found = joined({key: ingest(READER, key, [content]) for key, content in world.files().items()})
    shown = Counter((root(one.session), one.kind, "" if one.kind == "turn" else one.name) for one in found)
    assert shown == Counter((deed.home, deed.kind, deed.name) for deed in world.happened(world.sessions))


@given(SEEDS, st.data())
def test_everything_counts_once_whatever_files_are_there(seed: int, data: st.DataObject) -> None:
    """What stands in copies alone counts once."""
    world = lived(seed)
    there = data.draw(st.sets(st.sampled_from(range(len(world.sessions))))) if world.sessions else set()
    sessions = [world.sessions[place] for place in sorted(there)]
    files = world.files()
    found = joined({path(one.id): ingest(READER, path(one.id), [files[path(one.id)]]) for one in sessions})
    assert Counter(one.kind for one in found) == Counter(deed.kind for deed in world.happened(sessions))


@given(SEEDS, st.booleans(), st.lists(st.integers(0, 100_000), max_size=5))
def test_any_split_and_any_order_of_keys_tells_the_same(seed: int, backwards: bool, cuts: list[int]) -> None:
    """However the file grew."""
    for key, content in lived(seed).files(backwards=backwards).items():
        edges = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
        split = of_log(ingest(READER, key, [content[left:right] for left, right in pairwise(edges)]))
        assert Counter(split) == Counter(of_log(ingest(READER, key, [content])))


def request(call: str, tool: str = "bash", **more: object) -> Json:
    """A call that a message asks for."""
    return {"toolCallId": call, "name": tool, "arguments": {"command": "git status"}, **more}


def test_a_call_has_its_name_its_program_and_the_time_its_result_took() -> None:
    """Whether it was told by a message, when it ran, or by both; a failure is told where the result says so."""
    events = [
        say("assistant.message", content="", toolRequests=[request("c1"), request("c2", "view")]),
        say("tool.execution_start", 3, toolCallId="c1", toolName="bash", arguments={"command": "git status"}),
        say("tool.execution_complete", 4, after=2500, toolCallId="c1", success=True),
        say("tool.execution_complete", 5, after=3000, toolCallId="c2", success=False, error={"code": "denied"}),
        say("tool.execution_start", 6, after=4000, toolCallId="c3", toolName="bash", arguments={"command": "ls"}),
        say("tool.execution_complete", 7, after=5000, toolCallId="c3", success=False, error={"message": "x"}),
    ]
    shown = {
        (item.kind, item.key.partition("/")[2], item.name): (item.amount, item.secret) for item in items_of(*events)
    }
    given = b'{"command":"git status"}'
    assert shown == {
        ("tool", "c1", "bash"): (1_500_000, given),
        ("shell", "c1", "git"): (None, b"git status"),
        ("tool", "c2", "view"): (2_000_000, given),
        ("tool-error", "c2", "view"): (None, None),
        ("tool-denied", "c2", "view"): (None, None),
        ("tool", "c3", "bash"): (1_000_000, b'{"command":"ls"}'),
        ("shell", "c3", "ls"): (None, b"ls"),
        ("tool-error", "c3", "bash"): (None, None),
    }


TOOLS: list[tuple[Json, list[tuple[str, str]]]] = [
    (request("c", "web_fetch"), [("tool", "web_fetch"), ("web", "fetch")]),
    (request("c", "web_search"), [("tool", "web_search"), ("web", "search")]),
    (request("c", "powershell"), [("shell", "git"), ("tool", "powershell")]),
    (request("c", "bash", arguments={"command": ["ls"]}), [("tool", "bash")]),
    (request("c", "bash", arguments="ls"), [("tool", "bash")]),
    (
        request("c", "github-list", mcpServerName="github", mcpToolName="list"),
        [("mcp", "github.list"), ("tool", "github-list")],
    ),
    (request("c", "x", mcpServerName="my secret", mcpToolName=7), [("mcp", "other.other"), ("tool", "x")]),
    (request("c", "rm -rf /"), [("tool", "other")]),
    ({"toolCallId": "c"}, [("tool", "other")]),
    ({"toolCallId": "c", "name": 7}, [("tool", "other")]),
    ({"name": "bash"}, []),
]


@pytest.mark.parametrize(("asked", "expected"), TOOLS)
def test_tools_are_told_by_what_they_are(asked: Json, expected: list[tuple[str, str]]) -> None:
    """Servers and the web beside the tool itself."""
    assert told(say("assistant.message", content="", toolRequests=[asked])) == expected


def test_a_server_that_only_the_running_call_names_is_told() -> None:
    """With the call that asked for it."""
    events = [
        say("assistant.message", content="", toolRequests=[request("c", "git-log")]),
        say("tool.execution_start", 3, toolCallId="c", toolName="git-log", mcpServerName="git", mcpToolName="log"),
        say("tool.execution_start", 4, toolName="git-log", mcpServerName="git"),
        say("tool.execution_complete", 5, success=True),
    ]
    found = {(item.kind, item.key) for item in items_of(*events)}
    assert found == {("tool", f"{name(2)}/c"), ("mcp", f"{name(2)}/c")}


EVENTS: list[tuple[Json, list[tuple[str, str]]]] = [
    (say("user.message", content="x"), [("prompt", "typed"), ("turn", "open")]),
    (say("user.message", content="x", source="user"), [("prompt", "typed"), ("turn", "open")]),
    (say("user.message", content="x", source="agent-1"), [("prompt", "agent"), ("turn", "open")]),
    (say("user.message", content="x", source="skill-pdf"), [("injected", "skill")]),
    (say("user.message", content="x", source="my secret"), [("injected", "other")]),
    (say("user.message", content="x", isAutopilotContinuation=True), [("injected", "autopilot")]),
    (say("user.message", agent="a", content="x"), [("prompt", "agent")]),
    (
        say(
            "user.message",
            attachments=[{"type": "file"}, {"type": "blob", "mimeType": "image/png"}, {"type": "my secret"}, 7],
        ),
        [
            ("attachment", "file"), ("attachment", "other"), ("attachment", "other"), ("image", "prompt"),
            ("prompt", "typed"), ("turn", "open"),
        ],
    ),
    (say("user.message", attachments="x", source=7), [("prompt", "typed"), ("turn", "open")]),
    (say("assistant.message", content="x", phase="final"), [("message", "final")]),
    (say("assistant.message", content=" ", reasoningText="x"), [("reasoning", "")]),
    (say("assistant.message", content="x", reasoningOpaque="x", chunkIndex=0), [("message", ""), ("reasoning", "")]),
    (say("assistant.message", content="x", encryptedContent="x", chunkIndex=1), []),
    (say("abort", reason="user_initiated"), [("abort", "user_initiated")]),
    (say("session.error", errorType="quota", message="x"), [("api-error", "quota")]),
    (say("session.error", errorType="query", statusCode=429), [("api-error", "http-429")]),
    (say("session.error", errorType=7, statusCode="x"), [("api-error", "other")]),
    (say("session.compaction_complete", success=True, trigger="threshold"), [("compaction", "auto")]),
    (say("session.compaction_complete", success=True, trigger="manual"), [("compaction", "manual")]),
    (say("session.compaction_complete", success=True, trigger="model_switch"), [("compaction", "model_switch")]),
    (say("session.compaction_complete", success=False), []),
    (say("session.truncation", performedBy="x"), [("compaction", "truncation")]),
    (say("subagent.started", agent="a", agentName="explore"), [("subagent", "explore")]),
    (say("subagent.started", agent="a"), [("subagent", "default")]),
    (say("skill.invoked", name="pdf", trigger="agent-invoked"), [("skill", "pdf")]),
    (say("skill.invoked", name="pdf", trigger="context-load"), [("injected", "skill")]),
    (say("system.notification", content="x"), [("injected", "notification")]),
    (say("session.permissions_changed", mode="allow-all"), [("approval", "allow-all")]),
    (say("session.permissions_changed"), []),
    (say("session.mode_changed", previousMode="interactive", newMode="plan"), [("mode", "plan")]),
    (say("session.mode_changed", newMode=7), []),
    (say("tool.user_requested", toolCallId="c", toolName="bash"), [("command", "bash"), ("tool", "bash")]),
    (say("hook.end", name="x"), []),
]  # fmt: skip


@pytest.mark.parametrize(("row", "expected"), EVENTS)
def test_events_are_told_by_what_they_are(row: Json, expected: list[tuple[str, str]]) -> None:
    """Prompts, answers, faults of the service, summaries, agents, skills, and what changes."""
    assert told(row) == expected


def test_a_summary_tells_how_large_the_context_was() -> None:
    """Unless the number is none."""
    amounts = [
        item.amount
        for item in items_of(
            say("session.compaction_complete", 2, success=True, preCompactionTokens=900),
            say("session.truncation", 3, preTruncationTokensInMessages=800),
            say("session.truncation", 4, preTruncationTokensInMessages=-1),
        )
    ]
    assert amounts == [900, 800, None]


def test_a_turn_ends_with_a_message_that_calls_nothing() -> None:
    """Or with a fault of the service, or where the user breaks it off; subagents do not end it."""
    asked = say("user.message", content="x")
    whole, calling = say("assistant.message", 3, after=4000, content="x"), [request("c")]
    cases = [
        ([asked], ("open", None)),
        ([asked, whole], ("completed", 3_000_000)),
        ([asked, say("assistant.message", 3, after=4000, content="x", toolRequests=calling)], ("open", 3_000_000)),
        ([asked, say("assistant.message", 3, agent="a", after=4000, content="x")], ("open", None)),
        ([asked, whole, say("abort", 4, after=5000)], ("aborted", 4_000_000)),
        ([asked, say("abort", 4, agent="a", after=5000)], ("open", None)),
        ([asked, say("session.error", 4, after=5000)], ("failed", 4_000_000)),
        ([asked, say("session.error", 4, after=0)], ("failed", None)),
    ]
    for events, expected in cases:
        turns = [item for item in items_of(*events) if item.kind == "turn"]
        assert [(item.key, item.name, item.amount) for item in turns] == [(name(2), *expected)]
    assert told(whole, kinds=["turn"]) == []


def test_what_is_another_than_before_is_told() -> None:
    """Of the main conversation; not the first."""
    events = [
        say("session.model_change", 2, newModel=MODELS[0]),
        say("session.model_change", 3, newModel="a/b", reasoningEffort="low"),
        say("session.model_change", 4, newModel="a/b", reasoningEffort="high"),
        say("session.model_change", 5, agent="a", newModel="c", reasoningEffort="low"),
        say("session.resume", 6, selectedModel="my secret", reasoningEffort="high"),
        say("user.message", 7, content="x", agentMode="interactive"),
        say("user.message", 8, content="x", agentMode="autopilot"),
    ]
    assert told(*events, kinds=["model-switch", "effort", "mode"]) == [
        ("effort", "high"), ("mode", "autopilot"), ("model-switch", "a:b"), ("model-switch", "other"),
    ]  # fmt: skip


def test_instructions_are_told_where_their_length_changes() -> None:
    """By who gives them; the text is for its hash alone."""
    events = [
        say("system.message", 2, role="system", content="be good"),
        say("system.message", 3, role="system", content="be best"),
        say("system.message", 4, role="system", content="be better"),
        say("system.message", 5, role="developer", content="x"),
        say("system.message", 6, role="my secret", content="xy"),
        say("system.message", 7, role="system", content=""),
        say("system.message", 8, role="system", content=7),
    ]
    found = [(item.name, item.amount, item.secret) for item in items_of(*events)]
    assert found == [("base", 7, b"be good"), ("base", 9, b"be better"), ("developer", 1, b"x"), ("other", 2, b"xy")]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=6))
def test_wrong_values_spoil_nothing(wrong: object) -> None:
    """Whatever stands in the place of what is told, the event that tells no usage is no bad line."""
    fields = ("content", "attachments", "source", "success", "error", "name", "agentName", "toolName", "arguments")
    more = ("mode", "newMode", "role", "reason", "statusCode", "trigger", "toolCallId", "selectedModel", "newModel")
    kinds: tuple[str, ...] = (
        "abort",
        "session.error",
        "session.mode_changed",
        "session.model_change",
        "session.permissions_changed",
    )
    kinds += ("session.truncation", "skill.invoked", "subagent.started", "system.message", "tool.execution_start")
    kinds += ("tool.execution_complete", "tool.user_requested", "user.message")
    events = [
        event(number, kind, dict.fromkeys((*fields, *more), wrong), START) for number, kind in enumerate(kinds, 2)
    ]
    head = event(1, "session.start", start(S, START, "1.0.102"), START)
    (batch,) = ingest(READER, KEY, [encode([head, *events])])
    assert (batch.bad_lines, batch.unknown_records) == (0, 0)
