"""What happens in a thread besides answers: each thing once, however often a document is rewritten or copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loggen.amp import MODEL, START, Json, answer, encode, name, prompt, result, stamp, thread, usage
from loggen.harness import derive, document
from loggen.items import joined, of_log
from tallybook.agents.amp.reader import AmpReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.agents.port import Batch, Item

READER = AmpReader()
ONE, TWO, THREE = name(1), name(2), name(3)
AT = START + 5000
USED = (10, 11, 12, 13)


def look(messages: list[Json], identity: str = ONE, more: Json | None = None) -> Batch:
    """What one look at a document brings."""
    return document(READER, f"/threads/{identity}.json", encode({**thread(identity, messages), **(more or {})}))


def items_of(*messages: Json) -> list[Item]:
    """The items of one look."""
    return of_log([look(list(messages))])


def told(*messages: Json, kinds: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Kind and name of the items of these kinds, or of all."""
    return [(item.kind, item.name) for item in items_of(*messages) if not kinds or item.kind in kinds]


def use(tool: object, **given: object) -> Json:
    """An answer that calls a tool."""
    message = answer(1, usage(USED, AT))
    message["content"] = [{"type": "tool_use", "id": "c", "name": tool, "input": given}]
    return message


TOOLS: list[tuple[Json, list[tuple[str, str]]]] = [
    (use("Read", path="x"), [("tool", "Read")]),
    (use("Bash", cmd="git status"), [("shell", "git"), ("tool", "Bash")]),
    (use("Bash", command="git status"), [("shell", "git"), ("tool", "Bash")]),
    (use("Bash", cmd=["x"]), [("tool", "Bash")]),
    (use("Bash", cmd=""), [("tool", "Bash")]),
    (use("Bash"), [("tool", "Bash")]),
    (use("mcp__github__create_issue"), [("mcp", "github.create_issue"), ("tool", "mcp__github__create_issue")]),
    (use("mcp__my secret plan"), [("mcp", "other.other"), ("tool", "other")]),
    (use("Task", prompt="x"), [("subagent", "default"), ("tool", "Task")]),
    (use("Task", subagent_type="scout"), [("subagent", "scout"), ("tool", "Task")]),
    (use("oracle", task="x"), [("subagent", "oracle"), ("tool", "oracle")]),
    (use("codebase_search_agent"), [("subagent", "finder"), ("tool", "codebase_search_agent")]),
    (use("skill", name="tidy"), [("skill", "tidy"), ("tool", "skill")]),
    (use("skill", name="my secret plan"), [("skill", "other"), ("tool", "skill")]),
    (use("skill"), [("skill", "default"), ("tool", "skill")]),
    (use("web_search", query="x"), [("tool", "web_search"), ("web", "search")]),
    (use("read_web_page", url="x"), [("tool", "read_web_page"), ("web", "fetch")]),
    (use("rm -rf /"), [("tool", "other")]),
    (use(5), [("tool", "other")]),
    (use(""), [("tool", "other")]),
]


@pytest.mark.parametrize(("message", "expected"), TOOLS)
def test_tools_are_told_by_what_they_are(message: Json, expected: list[tuple[str, str]]) -> None:
    """Commands, servers, agents, skills and the web beside the tool itself."""
    assert sorted(told(message)) == expected


def test_arguments_of_another_shape() -> None:
    """The call counts; what it was about is told as far as the tool says it."""
    for tool, expected in (("Bash", []), ("Task", [("subagent", "default")]), ("skill", [("skill", "default")])):
        message = use(tool)
        message["content"][0]["input"] = "x"
        assert told(message, prompt(2), kinds=("shell", "subagent", "skill")) == expected


@pytest.mark.parametrize(
    ("tool", "status", "kinds"),
    [
        ("Bash", "done", []),
        ("Bash", "in-progress", []),
        ("Bash", "error", ["tool-error"]),
        ("Bash", "cancelled", ["tool-error"]),
        ("Bash", "rejected-by-user", ["tool-denied", "tool-error"]),
        ("Bash", "surprise", []),
        ("undo_edit", "done", ["undo"]),
        ("undo_edit", "error", ["tool-error"]),
    ],
)
def test_how_a_call_went(tool: str, status: str, kinds: list[str]) -> None:
    """By the state of its run; a person may not have let it."""
    found = items_of(use(tool, cmd="make"), result(2, "c", status), result(3, "never", "error"))
    assert sorted(item.kind for item in found if item.kind in {"tool-error", "tool-denied", "undo"}) == kinds
    assert {item.key for item in found if item.kind in {*kinds, "tool"}} == {"c"}
    assert {item.secret for item in found if item.kind == "tool"} == {b'{"cmd":"make"}'}


@pytest.mark.parametrize("block", [{"run": "done"}, {"run": None}, {"toolUseID": 5}])
def test_a_result_of_another_shape(block: Json) -> None:
    """It says nothing of how the call went."""
    back = result(2, "c", "error")
    back["content"][0] |= block
    assert told(use("Bash"), back, kinds=("tool-error",)) == []


def said(role: str, *blocks: object, **more: object) -> Json:
    """A message without a time."""
    return {"role": role, "messageId": 0, "content": list(blocks), **more}


TEXT, PICTURE = {"type": "text", "text": "x"}, {"type": "image", "source": {}}
PROMPT = [("prompt", "typed"), ("turn", "open")]
FILES = {"files": [{"uri": "x"}, {"uri": "y"}]}
MESSAGES: list[tuple[Json, list[tuple[str, str]]]] = [
    (said("user", TEXT), PROMPT),
    (said("user", TEXT, PICTURE, PICTURE), [*PROMPT, ("image", "prompt"), ("image", "prompt")]),
    (said("user", PICTURE), [*PROMPT, ("image", "prompt")]),
    (said("user", TEXT, fileMentions=FILES), [*PROMPT, ("attachment", "file"), ("attachment", "file")]),
    (said("user", TEXT, fileMentions={"files": "x"}), PROMPT),
    (said("user", TEXT, fileMentions=None), PROMPT),
    (said("user", TEXT, source={"type": "course-correction"}), [("injected", "course-correction")]),
    (said("user", TEXT, source={"type": "my secret plan"}), [("injected", "other")]),
    (said("user", TEXT, source={"type": None}), PROMPT),
    (said("user", TEXT, source="x"), PROMPT),
    (said("user", TEXT, discoveredGuidanceFiles=[{"uri": "x"}]), [*PROMPT, ("injected", "guidance-files")]),
    (
        said("user", TEXT, source={"type": "x"}, discoveredGuidanceFiles=[5]),
        [("injected", "x"), ("injected", "guidance-files")],
    ),
    (said("user", TEXT, discoveredGuidanceFiles=[]), PROMPT),
    (said("user", TEXT, interrupted=True), [("prompt", "typed"), ("turn", "aborted"), ("abort", "interrupted")]),
    (said("user", interrupted=True), [("abort", "interrupted")]),
    (said("user"), []),
    (said("user", 5), []),
    (said("user", {"type": "surprise"}), []),
    (said("info", {"type": "manual_bash_invocation", "args": {"cmd": "x"}}), [("command", "bash")]),
    (said("info", {"type": "summary", "summary": {}}), [("compaction", "")]),
    (said("info", TEXT, TEXT), [("injected", "info"), ("injected", "info")]),
    (said("info", {"type": "surprise"}), []),
    (said("surprise", TEXT), []),
]


@pytest.mark.parametrize(("message", "expected"), MESSAGES)
def test_a_persons_prompt_is_told_from_what_was_put_in(message: Json, expected: list[tuple[str, str]]) -> None:
    """And from commands that a person runs, and summaries."""
    assert told(message) == expected


def test_a_prompt_of_a_subagent_was_written_by_an_agent() -> None:
    """Its thread names the one that sent it."""
    batch = look([said("user", TEXT)], more={"mainThreadID": TWO})
    assert [item.name for item in of_log([batch]) if item.kind == "prompt"] == ["agent"]


def test_an_answer_tells_each_kind_of_block_once() -> None:
    """Of however many it consists."""
    message = answer(1, usage(USED, AT))
    message["content"] = [TEXT, {"type": "thinking"}, TEXT, {"type": "redacted_thinking"}, {"type": "x"}, {}]
    assert told(message) == [("message", ""), ("reasoning", "")]


def turn_of(*messages: Json) -> tuple[str, int | None]:
    """How the turn ended, and after how long."""
    (turn,) = (item for item in items_of(prompt(0, START + 100), *messages) if item.kind == "turn")
    return turn.name, turn.amount


def test_how_a_turn_ends() -> None:
    """With an answer that calls nothing, or was broken off; from the prompt to the moment of the answer."""
    done, called = answer(3, usage(USED, AT)), answer(1, usage(USED, START + 400), calls=["c"])
    assert turn_of() == turn_of(called) == turn_of(called, result(2, "c", "done")) == ("open", None)
    assert turn_of(called, result(2, "c", "done"), done) == ("completed", 4_900_000)
    assert turn_of(answer(1, usage(USED))) == ("completed", None)
    assert turn_of(answer(1, usage(USED, START))) == ("completed", None)
    stateless = {key: value for key, value in done.items() if key != "state"}
    assert turn_of(stateless) == ("completed", 4_900_000)
    for state, ended in (("cancelled", "aborted"), ("error", "failed"), ("surprise", "aborted")):
        assert turn_of(answer(1, usage(USED, AT), state=state)) == (ended, 4_900_000)
        assert turn_of(answer(1, None, state=state)) == (ended, None)


def test_why_an_answer_was_broken_off() -> None:
    """By the user, by the service, or nobody knows."""
    kinds = ("abort", "api-error")
    for state, expected in (("cancelled", ("abort", "interrupted")), ("error", ("api-error", "other"))):
        assert told(answer(1, None, state=state), kinds=kinds) == [expected]
    streaming = answer(1, usage(USED), state="streaming")
    assert told(streaming, prompt(2), kinds=kinds) == [("abort", "other")]
    assert told(streaming) == []


def test_an_answer_is_told_once_it_has_been_served() -> None:
    """Before that nothing is known that stays: it has no moment yet, and its calls may be taken out again."""
    first = prompt(0, START)
    written = look([first, answer(1, usage(USED), state="streaming", calls=["c"])])
    waiting = look([first, answer(1, None, calls=["c"])])
    served = look([first, answer(1, usage(USED, AT), calls=["c"])])
    called, last = answer(1, usage(USED, AT), calls=["c"]), answer(3, usage(USED, AT))
    returned = look([first, called, result(2, "c", "error"), last])
    assert [item.kind for item in of_log([written, waiting])] == ["prompt", "turn"]
    whole = of_log([returned])
    assert of_log([written, waiting, served, returned]) == whole == of_log([returned, returned])


def test_models_and_modes_are_told_where_they_change() -> None:
    """The first ones are none."""
    messages: list[Json] = []
    for number, model in enumerate([MODEL, MODEL, "openai/gpt-5", 5, "my secret plan"]):
        messages.append(answer(number, {**usage(USED, AT + number), "model": model}))
    for number, mode in enumerate(["smart", "smart", "rush", 5, "my secret plan"], 10):
        messages.append(prompt(number, AT + number) | {"agentMode": mode})
    assert told(*messages, kinds=("model-switch", "mode")) == [
        ("model-switch", "openai:gpt-5"), ("model-switch", "other"), ("mode", "rush"), ("mode", "other"),
    ]  # fmt: skip


def test_what_a_fork_copied_is_its_parents() -> None:
    """Messages with a time are known wherever they are copied to; others by the thread that the fork names."""
    messages = [prompt(0, START + 1), answer(1, usage(USED, START + 2), calls=["c"]), result(2, "c", "error"),
                prompt(3), answer(4, usage(USED))]  # fmt: skip
    second = {"created": AT, "originThreadID": ONE, "forkPointIndex": 4,
              "messages": [*messages, prompt(5, AT + 1), answer(6, usage(USED, AT + 2))]}  # fmt: skip
    looks = {ONE: [look(messages)], TWO: [look([], TWO, second)]}
    own = {("prompt", 1), ("turn", 1), ("message", 1)}
    for present in ((ONE, TWO), (TWO,)):
        items = joined({one: looks[one] for one in present})
        assert {(kind, sum(item.kind == kind and item.session == TWO for item in items)) for kind, _ in own} == own
        theirs = sorted(item.kind for item in items if item.session == ONE)
        assert theirs == sorted(
            ["prompt", "turn", "message", "tool", "shell", "tool-error", "prompt", "turn", "message"]
        )  # fmt: skip
    copies = [item for item in of_log(looks[TWO]) if item.session == ONE and item.at is not None]
    assert {item.at for item in copies} == {(START + 2) * 1000, (START + 3) * 1000}


def test_an_edited_prompt_stays_as_it_was_seen() -> None:
    """A later version of the document has another one in its place."""
    looks = [look([prompt(0, START), prompt(1, START + 10)]), look([prompt(0, START), prompt(1, START + 20)])]
    assert sum(item.kind == "prompt" for item in of_log(looks)) == 3


@pytest.mark.parametrize(("size", "window"), [(168_000, 168_000), (0, None), (-5, None), (2**60, None), ("9", None)])
def test_how_much_a_model_takes(size: object, window: int | None) -> None:
    """As the answer tells it; a size that can't be true spoils nothing else."""
    (found,) = derive(READER, {"x": [look([answer(1, {**usage(USED, AT), "maxInputTokens": size})])]})
    assert (found.window, found.tokens.total) == (window, sum(USED))


TREE = {"uri": "file:///srv/shop", "repository": {"type": "git", "ref": "refs/heads/add-shelf", "sha": "a" * 40}}
PLATFORM = {"os": "linux", "client": "CLI", "clientVersion": "0.0.1767830505-ga62310"}


@pytest.mark.parametrize(
    ("initial", "expected"),
    [
        ({"trees": [TREE], "platform": PLATFORM}, ("add-shelf", "a" * 40, "0.0.1767830505-ga62310", "CLI")),
        ({"trees": [{"uri": "https://x"}, TREE]}, ("add-shelf", "a" * 40, None, None)),
        ({"trees": [{**TREE, "repository": None}], "platform": None}, (None, None, None, None)),
        ({"trees": [{**TREE, "repository": 5}], "platform": 5}, (None, None, None, None)),
        ({"trees": [{**TREE, "repository": {"ref": 5, "sha": "x"}}]}, (None, None, None, None)),
        ({"platform": {"client": "my secret long plan", "clientVersion": 5}}, (None, None, None, "other")),
    ],
)
def test_what_was_checked_out_and_which_program_it_was(initial: Json, expected: tuple[str | None, ...]) -> None:
    """As the thread found it when it began."""
    (fact,) = look([prompt(0)], more={"env": {"initial": initial}}).sessions
    assert (fact.branch, fact.commit, fact.version, fact.entry) == expected


def test_a_moment_may_be_a_text() -> None:
    """As those of answers are."""
    (item, _) = items_of(prompt(0) | {"meta": {"sentAt": stamp(AT)}})
    assert item.at == AT * 1000
