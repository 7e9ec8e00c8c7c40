"""What happens in a session besides its total: each thing once, in whatever forks its line stands."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loggen.droid import (
    START,
    Json,
    World,
    compaction,
    encode,
    lines,
    message,
    name,
    outcome,
    result,
    settings,
    start,
    use,
)
from loggen.harness import document, ingest
from loggen.items import joined, of_log
from tallybook.agents.droid.reader import DroidReader

if TYPE_CHECKING:
    from tallybook.agents.port import Item

READER = DroidReader()
SEEDS = st.integers(0, 2**32)
S, T, U = name(1), name(2), name(3)
A = (10, 20, 30, 40, 5)


def lived(seed: int) -> World:
    """A world in which something has happened."""
    world = World(random.Random(seed))
    for _ in range(world.rng.randrange(1, 40)):
        world.step()
    return world


def items_of(*records: Json, session: str = S, **more: object) -> list[Item]:
    """The items of one file of messages."""
    return of_log(ingest(READER, f"{session}.jsonl", [lines([start(session, START, **more), *records])]))


def told(*records: Json) -> list[tuple[str, str]]:
    """Kind and name of its items."""
    return [(item.kind, item.name) for item in items_of(*records)]


@given(SEEDS)
def test_everything_is_its_own_sessions(seed: int) -> None:
    """Where all files are there, a fork takes nothing from the session that it comes from."""
    world = lived(seed)
    files = {f"{one.id}.jsonl": lines(one.records) for one in world.sessions}
    items = joined({key: ingest(READER, key, [content]) for key, content in files.items()})
    true = world.happenings({one.id for one in world.sessions})
    true = Counter({thing: count for thing, count in true.items() if thing[1] != "approval"})
    assert Counter((item.session, item.kind, item.name) for item in items) == true


@given(SEEDS, st.data())
def test_everything_counts_once_whatever_files_are_there(seed: int, data: st.DataObject) -> None:
    """What stands in copies alone counts once."""
    world = lived(seed)
    present = data.draw(st.sets(st.sampled_from([one.id for one in world.sessions]), min_size=1))
    files = {f"{one.id}.jsonl": lines(one.records) for one in world.sessions if one.id in present}
    items = joined({key: ingest(READER, key, [content]) for key, content in files.items()})
    true = Counter(kind for _, kind, _ in world.happenings(present).elements() if kind != "approval")
    assert Counter(item.kind for item in items) == true


@given(SEEDS, st.lists(st.integers(0, 100_000), max_size=5))
def test_any_split_of_a_file_tells_the_same(seed: int, cuts: list[int]) -> None:
    """Durations too, whose beginning and end may be read at different times."""
    for session in lived(seed).sessions:
        content = lines(session.records)
        edges = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
        pieces = [content[left:right] for left, right in pairwise(edges)]
        split, whole = (of_log(ingest(READER, f"{session.id}.jsonl", arrivals)) for arrivals in (pieces, [content]))
        assert Counter(split) == Counter(whole)


def text(said: str = "x") -> Json:
    """A block of text."""
    return {"type": "text", "text": said}


TOOLS: list[tuple[Json, list[tuple[str, str]]]] = [
    (use("c", "Read", file_path="x"), [("tool", "Read")]),
    (use("c", "Execute", command="git status"), [("shell", "git"), ("tool", "Execute")]),
    (use("c", "Execute", command=["x"]), [("tool", "Execute")]),
    (use("c", "Task", subagent_type="scout"), [("subagent", "scout"), ("tool", "Task")]),
    (use("c", "Task", subagent_type="my secret plan"), [("subagent", "other"), ("tool", "Task")]),
    (use("c", "Task", prompt="x"), [("subagent", "default"), ("tool", "Task")]),
    (use("c", "Skill", skill="tidy"), [("skill", "tidy"), ("tool", "Skill")]),
    (use("c", "Skill", name="tidy"), [("skill", "tidy"), ("tool", "Skill")]),
    (use("c", "WebSearch", query="x"), [("tool", "WebSearch"), ("web", "search")]),
    (use("c", "FetchUrl", url="x"), [("tool", "FetchUrl"), ("web", "fetch")]),
    (use("c", "github___create_issue"), [("mcp", "github.create_issue"), ("tool", "github___create_issue")]),
    (use("c", "___"), [("mcp", "other.other"), ("tool", "other")]),
    ({**use("c", "create"), "namespace": "linear"}, [("tool", "linear.create")]),
    ({**use("c", "create"), "namespace": 5}, [("tool", "create")]),
    (use("c", "rm -rf /"), [("tool", "other")]),
    (use("c", 5), [("tool", "other")]),
    ({**use("c", "Execute"), "input": "x"}, [("tool", "Execute")]),
    ({**use("c", "Execute"), "id": 5}, []),
    ({**use("c", "Execute"), "id": ""}, []),
]


@pytest.mark.parametrize(("block", "expected"), TOOLS)
def test_tools_are_told_by_what_they_are(block: Json, expected: list[tuple[str, str]]) -> None:
    """Commands, servers, agents, skills and the web beside the tool itself."""
    assert sorted(told(message("assistant", START, block))) == expected


def test_a_call_has_the_time_its_result_took_and_whether_it_failed() -> None:
    """Where ids of calls are given again, the message tells them apart."""
    items = items_of(
        message("assistant", START + 1000, use("call_0", "Execute", command="make test")),
        message("user", START + 1700, result("call_0", is_error=True), text("<system-reminder>x")),
        message("assistant", START + 2000, use("call_0", "Read")),
        message("tool", START + 2100, result("call_0", is_error="true")),
        message("user", START + 2200, result("never"), {**result("x"), "tool_use_id": 5}),
    )
    first, second = f"m-{START + 1000}/call_0", f"m-{START + 2000}/call_0"
    assert Counter((item.kind, item.key, item.name, item.amount) for item in items) == Counter(
        [
            ("tool", first, "Execute", 700_000),
            ("tool-error", first, "Execute", None),
            ("shell", first, "make", None),
            ("tool", second, "Read", 100_000),
            ("injected", f"m-{START + 1700}/reminder", "reminder", None),
        ]
    )
    secrets = {(item.kind, item.key): item.secret for item in items}
    assert secrets["shell", first] == b"make test"
    assert secrets["tool", first] == b'{"command":"make test"}'


PROMPT = [("prompt", "typed"), ("turn", "open")]
ABORTED = [("abort", "interrupted")]
PICTURE, PAPER = {"type": "image", "source": {}}, {"type": "document", "source": {}}
MESSAGES: list[tuple[Json, list[tuple[str, str]]]] = [
    (message("user", START), PROMPT),
    (message("user", START, PICTURE, text(), PAPER), [*PROMPT, ("image", "prompt"), ("attachment", "document")]),
    (message("user", START, PICTURE), [*PROMPT, ("image", "prompt")]),
    (message("user", START, text("<system-reminder>x"), text()), [("injected", "reminder"), *PROMPT]),
    (message("user", START, text("<system-notification>x")), [("injected", "notification")]),
    (message("user", START, visibility="llm_only"), [("injected", "hidden")]),
    (message("user", START, hiddenFromUserViews=True), [("injected", "hidden")]),
    (message("user", START, visibility="user_only", hookEventName="x"), []),
    (message("user", START, visibility=5, hiddenFromUserViews=5), PROMPT),
    (message("user", START, text("Request interrupted by user")), ABORTED),
    (message("user", START, text("Request cancelled by user")), ABORTED),
    (message("system", START, visibility="user_only"), []),
    (message("assistant", START, use("c", "Execute"), visibility="user_only"), [("command", "bash")]),
    (message("assistant", START, text(), visibility="user_only"), []),
    (message("assistant", START, text(), text()), [("message", "")]),
    (message("assistant", START, openaiPhase="commentary"), [("message", "commentary")]),
    (message("assistant", START, openaiPhase="my secret plan"), [("message", "other")]),
    (message("assistant", START, {"type": "thinking"}, {"type": "redacted_thinking"}), [("reasoning", "")]),
    (message("assistant", START, openaiReasoningId="rs"), [("message", ""), ("reasoning", "")]),
    (message("assistant", START, chatCompletionReasoningContent="x"), [("message", ""), ("reasoning", "")]),
    (message("assistant", START, {"type": 5}), []),
    (compaction(START), [("compaction", "")]),
    (compaction(START) | {"summaryKind": "llm_summary"}, [("compaction", "llm_summary")]),
    (compaction(START) | {"summaryKind": 5}, [("compaction", "")]),
]


@pytest.mark.parametrize(("record", "expected"), MESSAGES)
def test_a_persons_prompt_is_told_from_what_the_program_put_in(record: Json, expected: list[tuple[str, str]]) -> None:
    """And answers by what they hold; what is shown to the user alone was no part of the conversation."""
    assert told(record) == expected


@pytest.mark.parametrize(
    ("role", "content", "expected"),
    [
        ("user", "please", PROMPT),
        ("user", "<system-reminder>x", [("injected", "reminder")]),
        ("user", "Request interrupted by user", ABORTED),
        ("user", 5, []),
        ("user", [], []),
        ("assistant", "done", [("message", "")]),
        ("assistant", None, []),
    ],
)
def test_content_may_be_a_text(role: str, content: object, expected: list[tuple[str, str]]) -> None:
    """As well as blocks; anything else says nothing."""
    record = message(role, START)
    record["message"]["content"] = content
    assert told(record) == expected


def test_a_prompt_in_a_session_that_another_one_has_sent_is_an_agents() -> None:
    """Its head names the session that called."""
    assert [item.name for item in items_of(message("user", START), callingSessionId=T)] == ["agent", "open"]


def turn_of(*records: Json) -> tuple[str, int | None]:
    """How the first turn ended, and after how long."""
    return next((item.name, item.amount) for item in items_of(*records) if item.kind == "turn")


ASKED, DONE = message("user", START), message("assistant", START + 900)
CALLED = message("assistant", START + 400, use("c", "Read"))


def test_a_turn_ends_with_an_answer_that_calls_nothing() -> None:
    """The last one of them before the next message of the user."""
    assert turn_of(ASKED, CALLED) == ("open", None)
    assert turn_of(ASKED, CALLED, DONE) == ("completed", 900_000)
    later = message("assistant", START + 1200)
    assert turn_of(ASKED, DONE, later) == ("completed", 1_200_000)
    assert turn_of(ASKED, DONE, message("user", START + 1000), later) == ("completed", 900_000)
    hidden = message("user", START + 1000, visibility="llm_only")
    assert turn_of(ASKED, DONE, hidden, later) == ("completed", 900_000)
    assert turn_of(ASKED, CALLED, hidden, later) == ("completed", 1_200_000)
    assert turn_of(ASKED, message("assistant", START - 5)) == ("completed", None)
    assert turn_of(message("user", None), DONE) == ("completed", None)
    assert turn_of(ASKED, message("user", START + 500, text("Request cancelled by user"))) == ("aborted", 500_000)


@pytest.mark.parametrize(
    ("reason", "ended", "others"),
    [
        ("completed", "completed", []),
        ("spec_handoff", "completed", []),
        ("cancelled", "aborted", [("abort", "cancelled")]),
        ("permission_rejected", "aborted", [("abort", "permission_rejected")]),
        ("model_rate_limited", "failed", [("api-error", "model_rate_limited")]),
        ("error", "failed", []),
    ],
)
def test_how_a_turn_ended_may_be_told_by_itself(reason: str, ended: str, others: list[tuple[str, str]]) -> None:
    """By builds that write a line for it, at the moment of the last message."""
    items = items_of(ASKED, DONE, outcome("t", reason))
    assert [(item.name, item.amount) for item in items if item.kind == "turn"] == [(ended, 900_000)]
    found = [item for item in items if item.kind in {"abort", "api-error"}]
    assert [(item.kind, item.name) for item in found] == others
    assert {(item.key, item.at) for item in found} <= {("t", (START + 900) * 1000)}
    assert [(item.kind, item.name) for item in items_of(outcome("t", reason))] == others


def test_an_outcome_without_a_reason_says_nothing() -> None:
    """Nor does one of another shape."""
    for reason in (None, 5, ""):
        assert turn_of(ASKED, DONE, outcome("t", "x") | {"reason": reason}) == ("completed", 900_000)


def test_models_efforts_and_modes_are_told_where_they_change() -> None:
    """Of answers the first two, of prompts the last; the first ones are none."""
    records = [
        *(message("assistant", START + n, modelId=model) for n, model in enumerate(["a/1", "a/1", "b/2", 5, "c d"])),
        *(message("assistant", START + n, reasoningEffort=e) for n, e in enumerate(["low", "low", "high", 5], 10)),
        *(message("user", START + n, interactionMode=mode) for n, mode in enumerate(["auto", "auto", "spec", 5], 20)),
    ]  # fmt: skip
    changes = [one for one in told(*records) if one[0] in {"model-switch", "effort", "mode"}]
    assert changes == [("model-switch", "b:2"), ("model-switch", "other"), ("effort", "high"), ("mode", "spec")]


def test_what_a_fork_copied_is_its_parents() -> None:
    """Up to the message that its head names; of a fork that names none nothing was copied."""
    old, new = message("user", START + 1), message("user", START + 2)
    batches = {f"{S}.jsonl": ingest(READER, f"{S}.jsonl", [lines([start(S, START), old])])}
    for session, parent in ((T, S), (U, T)):
        records = [start(session, START, parent=parent, forkedAtMessageId=old["id"]), old]
        records += [new] if session == T else []
        batches[f"{session}.jsonl"] = ingest(READER, f"{session}.jsonl", [lines(records)])

    def owners(*names: str) -> list[str]:
        items = joined({key: read for key, read in batches.items() if key[:-6] in names})
        return sorted(item.session for item in items if item.kind == "prompt")

    assert owners(S, T, U) == owners(S, T) == owners(T) == [S, T]
    assert owners(U) == [T]
    (none,) = {item.session for item in items_of(new, parent=T, forkedAtMessageId=None)}
    assert none == S


def test_a_line_without_an_id_is_told_apart_by_what_it_is() -> None:
    """A copy has the same bytes."""
    bare = [{key: value for key, value in message("user", START + n).items() if key != "id"} for n in (1, 2)]
    assert Counter(told(*bare, bare[0])) == Counter([*PROMPT, *PROMPT])


def test_how_a_session_was_run_is_what_its_first_message_says() -> None:
    """By the agent's own word; what could be text is not kept."""
    sources = [("cli_tui", "cli_tui"), ("my secret long plan", "other"), (5, None), ("", None)]
    for source, entry in sources:
        (batch,) = ingest(READER, f"{S}.jsonl", [lines([message("user", START, userMessageSource=source)])])
        assert batch.sessions[0].entry == entry


def test_a_document_tells_the_policy_of_approval_and_the_agents_own_total() -> None:
    """Each policy once, however often one looks."""
    batch = document(READER, f"{S}.settings.json", encode(settings(A)))
    (item,) = batch.items
    assert item[:5] == (f"{S}=auto-low", S, START * 1000, "approval", "auto-low")
    (counter,) = batch.counters
    assert (counter.session, counter.scope, counter.model, counter.tokens.total) == (S, "session", None, 100)
    assert (counter.tokens.reasoning, counter.unreported) == (5, READER.unreported)
    for mode in (None, 5, ""):
        batch = document(READER, f"{S}.settings.json", encode(settings(None, autonomyMode=mode)))
        assert (batch.items, batch.counters) == ((), ())
