"""What happens in a session besides answers: told by one message each, the same from rows and from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loggen.items import of_log
from loggen.opencode import (
    SCHEMA,
    START,
    Database,
    Json,
    answer,
    dated_id,
    message_id,
    prompt,
    session,
    session_id,
    step,
    tokens,
    tool,
)
from tallybook.agents.opencode.reader import OpenCodeReader
from tallybook.agents.port import Item, Line, OwnCounter
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from tallybook.agents.port import Batch

READER = OpenCodeReader()
HOME, CHILD = session_id(1), session_id(2)
ASKED = dated_id(START + 1000)
USED = tokens((1, 2, 3, 4, 0))


class Case:
    """Messages with their parts, in either store."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.sessions: list[Json] = [session(HOME, START)]
        self.messages: list[tuple[str, str, Json, list[object]]] = []

    def say(self, told: Json, *parts: object, home: str = HOME, identity: str | None = None) -> str:
        """Add a message; returns its id."""
        name = dated_id(told["time"]["created"]) if identity is None else identity
        self.messages.append((name, home, told, list(parts)))
        return name

    def ask(self, *parts: object, at: int = START + 1000, **more: object) -> str:
        """Add a prompt; returns its id."""
        return self.say(prompt(at) | more, *(parts or ({"type": "text", "text": "sell"},)))

    def rows(self) -> Batch:
        """What a database tells."""
        database = Database(self.place / "opencode.db")
        for told in self.sessions:
            database.put_session(told, told["time"]["updated"])
        for identity, home, told, parts in self.messages:
            database.put_message(identity, home, told, START)
            for number, part in enumerate(parts):
                database.put_part(f"prt_{identity}_{number}", identity, part)  # type: ignore[arg-type]
        database.commit()
        database.close()
        log = READER.log_at(database.path)
        return READER.read(log, READER.lines(log, b""), b"")

    def files(self) -> dict[str, list[Batch]]:
        """What files tell, by file."""
        storage = self.place / "storage"
        for told in self.sessions:
            self._put(storage / "session" / "p" / f"{told['id']}.json", told)
        for identity, home, told, parts in self.messages:
            for number, part in enumerate(parts):
                self._put(storage / "part" / identity / f"prt_{number}.json", part)
            self._put(storage / "message" / home / f"{identity}.json", {"id": identity, "sessionID": home, **told})
        found = {}
        for path in sorted((storage / "message").glob("*/*.json")) + sorted((storage / "session").glob("*/*.json")):
            log = READER.log_at(path)
            found[log.key] = [READER.read(log, [Line(0, path.read_bytes())], b"")]
        return found

    def items(self) -> list[Item]:
        """What a database tells; files tell the same."""
        found = of_log([self.rows()])
        of_files = of_log([batch for read in self.files().values() for batch in read])
        assert sorted(found, key=str) == sorted(of_files, key=str)
        return found

    def told(self, *kinds: str) -> list[tuple[str, str]]:
        """Kind and name of the items of these kinds, or of all."""
        return sorted((item.kind, item.name) for item in self.items() if not kinds or item.kind in kinds)

    @staticmethod
    def _put(path: Path, told: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(told, indent=2))


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def text(begun: int | None = None, **more: object) -> Json:
    """A part that is text."""
    return {"type": "text", "text": "x", "time": {"start": begun, "end": START}, **more}


PROMPTS: list[tuple[list[Json], list[tuple[str, str]]]] = [
    ([text()], [("prompt", "typed")]),
    ([text(synthetic=True)], [("injected", "synthetic")]),
    ([text(synthetic=True), text()], [("prompt", "typed")]),
    ([text(ignored=True)], [("injected", "synthetic")]),
    ([{"type": "compaction", "auto": True}], [("compaction", "auto")]),
    ([{"type": "compaction", "auto": False}, {"type": "compaction"}], [("compaction", "manual")]),
    ([{"type": "file", "mime": "image/png"}], [("image", "prompt"), ("prompt", "typed")]),
    (
        [text(), {"type": "file", "mime": "application/pdf"}, {"type": "file", "mime": "text/plain"}, {"type": "file"}],
        [("attachment", "document"), ("attachment", "file"), ("attachment", "file"), ("prompt", "typed")],
    ),
    ([{"type": "agent", "name": "x"}], [("prompt", "typed")]),
    ([{"type": "subtask", "agent": "explore", "prompt": "x"}], [("prompt", "typed"), ("subagent", "explore")]),
    ([{"type": "subtask", "agent": "my secret"}], [("prompt", "typed"), ("subagent", "other")]),
    ([{"type": "snapshot", "snapshot": "x"}], []),
]


@pytest.mark.parametrize(("parts", "expected"), PROMPTS)
def test_a_persons_prompt_is_told_from_what_the_program_put_in(
    case: Case, parts: list[Json], expected: list[tuple[str, str]]
) -> None:
    """By the parts of the message."""
    case.ask(*parts)
    assert case.told() == expected


def test_a_subagents_prompt_is_written_by_an_agent(case: Case) -> None:
    """Its session names a parent."""
    case.sessions.append(session(CHILD, START, parentID=HOME))
    case.say(prompt(START + 1000), text(), home=CHILD)
    assert case.told() == [("prompt", "agent")]


def test_an_answer_tells_each_kind_of_part_once_and_its_first_piece(case: Case) -> None:
    """Of however many parts it consists; what the program put in is none of them."""
    at = START + 5000
    parts = [
        text(at + 900, synthetic=True),
        {"type": "reasoning", "time": {"start": at + 1500}},
        text(at + 2000),
        text(),
    ]
    case.say(answer(at, USED, completed=at + 3000, finish="tool-calls"), *parts, {"type": "step-start"}, step(USED))
    found = {(item.kind, item.name): (item.at, item.amount) for item in case.items()}
    assert found == {
        ("reasoning", ""): (at * 1000, None),
        ("message", ""): (at * 1000, None),
        ("first-token", ""): (at * 1000, 900_000),
    }


FAILED = [("tool", "bash"), ("tool-error", "bash")]
DENIED = [("tool", "bash"), ("tool-denied", "bash"), ("tool-error", "bash")]
NOTHING: Json = {"input": {}}
TOOLS: list[tuple[Json, list[tuple[str, str]]]] = [
    (tool("c"), [("shell", "ls"), ("tool", "bash")]),
    (tool("c", metadata={"exit": 1}), [("shell", "ls"), *FAILED]),
    (tool("c", metadata={"exit": None}), [("shell", "ls"), ("tool", "bash")]),
    (tool("c", status="running"), [("shell", "ls"), ("tool", "bash")]),
    (tool("c", status="error", error="Tool execution aborted", **NOTHING), FAILED),
    (tool("c", status="error", error=7, **NOTHING), FAILED),
    (
        tool("c", status="error", error="The user rejected permission to use it.", **NOTHING),
        DENIED,
    ),
    (tool("c", status="error", error="The user has specified a rule which prevents you", **NOTHING), DENIED),
    (tool("c", status="completed", error="The user rejected permission", **NOTHING), FAILED[:1]),
    (tool("c", input={"command": ["ls"]}), FAILED[:1]),
    (tool("c", input="ls"), FAILED[:1]),
    (tool("c", "task", input={"subagent_type": "explore"}), [("subagent", "explore"), ("tool", "task")]),
    (tool("c", "task", **NOTHING), [("subagent", "default"), ("tool", "task")]),
    (tool("c", "skill", input={"name": "tidy"}), [("skill", "tidy"), ("tool", "skill")]),
    (tool("c", "webfetch", **NOTHING), [("tool", "webfetch"), ("web", "fetch")]),
    (tool("c", "websearch", **NOTHING), [("tool", "websearch"), ("web", "search")]),
    (tool("c", "git_log", **NOTHING), [("tool", "git_log")]),
    (tool("c", "rm -rf /", **NOTHING), [("tool", "other")]),
    ({"type": "tool", "tool": 7, "callID": 7, "state": 7}, [("tool", "other")]),
    ({"type": "tool", "tool": "bash", "state": {"status": "error", "time": 7, "metadata": []}}, [("tool", "bash")]),
    ({"type": 7}, []),
    ({"type": "patch", "hash": "x", "files": ["x"]}, []),
]


@pytest.mark.parametrize(("part", "expected"), TOOLS)
def test_tools_are_told_by_what_they_are(case: Case, part: Json, expected: list[tuple[str, str]]) -> None:
    """Agents, skills and the web beside the tool itself, and whether it failed or was denied."""
    case.say(answer(START + 5000, USED, completed=START + 9000, finish="tool-calls"), part)
    assert case.told() == expected


def test_a_call_has_the_time_that_it_ran_and_what_it_was_called_with(case: Case) -> None:
    """Without the spaces of a document; one that runs still has no time yet."""
    case.say(answer(START + 5000, USED), tool("c1"), tool("c2", status="running"), tool("c1x", input={"a": [1, "b c"]}))
    calls = {item.key.partition("/")[2]: (item.amount, item.secret) for item in case.items() if item.kind == "tool"}
    assert calls == {
        "c1": (1_000_000, b'{"command":"ls"}'),
        "c2": (None, b'{"command":"ls"}'),
        "c1x": (1_000_000, b'{"a":[1,"b c"]}'),
    }


ENDS: list[tuple[Json, list[tuple[str, str]]]] = [
    ({"finish": "stop"}, [("turn", "completed")]),
    ({}, [("turn", "completed")]),
    ({"finish": "tool-calls"}, []),
    ({"error": {"name": "MessageAbortedError", "data": {}}}, [("abort", "interrupted"), ("turn", "aborted")]),
    (
        {"error": {"name": "APIError", "data": {"statusCode": 529}}, "finish": "tool-calls"},
        [("api-error", "http-529"), ("turn", "failed")],
    ),
    ({"error": {"name": "ProviderAuthError", "data": {}}}, [("api-error", "ProviderAuthError"), ("turn", "failed")]),
    ({"error": {"name": "my secret", "data": 7}}, [("api-error", "other"), ("turn", "failed")]),
    ({"error": 7}, [("api-error", "other"), ("turn", "failed")]),
    ({"summary": True}, [("compaction", "")]),
    ({"parentID": "msg_gone"}, []),
    ({"parentID": "../x"}, []),
    ({"parentID": None}, []),
]


@pytest.mark.parametrize(("more", "expected"), ENDS)
def test_an_answer_ends_its_turn_if_it_calls_nothing_more(
    case: Case, more: Json, expected: list[tuple[str, str]]
) -> None:
    """However it ends; from the prompt on."""
    case.ask()
    case.say(answer(START + 5000, USED, completed=START + 9000, **{"parentID": ASKED} | more))
    assert case.told("abort", "api-error", "compaction", "turn") == expected
    turns = [(item.at, item.amount) for item in case.items() if item.kind == "turn"]
    assert turns in ([], [((START + 1000) * 1000, 8_000_000)])


def test_a_turn_is_not_told_before_its_end(case: Case) -> None:
    """And not longer than nothing, whatever the clock said."""
    case.ask()
    case.say(answer(START + 5000, USED, parentID=ASKED))
    assert case.told("turn") == []
    case.say(answer(START + 6000, USED, completed=START, parentID=ASKED))
    assert [item.amount for item in case.items() if item.kind == "turn"] == [None]


def test_a_summary_that_was_asked_for_is_one_compaction(case: Case) -> None:
    """The request tells how it came about."""
    case.ask({"type": "compaction", "auto": True})
    case.say(answer(START + 5000, USED, completed=START + 6000, summary=True, parentID=ASKED), text())
    assert case.told() == [("compaction", "auto"), ("message", "summary")]


def test_a_try_that_failed_is_told_by_its_number(case: Case) -> None:
    """Each of them once."""
    error = {"name": "APIError", "data": {"statusCode": 429}}
    tries = [{"type": "retry", "attempt": n, "error": error, "time": {"created": START + n}} for n in (1, 2)]
    wrong = {"type": "retry", "attempt": "x", "error": {"data": {"statusCode": 9999}}}
    case.say(answer(START + 5000, USED), *tries, wrong)
    errors = [(item.name, item.at) for item in case.items() if item.kind == "api-error"]
    assert errors == [("http-429", (START + 1) * 1000), ("http-429", (START + 2) * 1000), ("other", None)]


def test_what_is_another_than_before_is_told_with_the_prompt(case: Case) -> None:
    """Model, effort and the way of working, by the user's message before in the same session."""
    model = {"providerID": "p", "modelID": "big/one", "variant": "high"}
    case.ask()
    case.say(answer(START + 2000, USED, completed=START + 3000))
    case.ask(at=START + 4000, agent="plan")
    case.ask(at=START + 5000, agent="plan", model=model)
    case.ask(at=START + 6000, agent="plan", model=model)
    case.ask({"type": "compaction", "auto": True}, at=START + 7000, agent="x", model={})
    case.say(prompt(START + 8000) | {"agent": "other-one"}, text(), home=CHILD)
    assert case.told("model-switch", "effort", "mode") == [
        ("effort", "high"), ("mode", "plan"), ("model-switch", "big:one"),
    ]  # fmt: skip


def test_a_copy_is_known_by_what_it_shares_and_told_later(case: Case) -> None:
    """Whichever of the two comes first; without it nothing is known of another session."""
    at, born = START + 5000, START + 60_000
    told = answer(at, USED, completed=at + 3000)
    case.sessions.append(session(CHILD, born, title="Shop (fork #1)"))
    case.say(told | {"parentID": "msg_new"}, text(), tool("c1"), home=CHILD, identity=dated_id(born + 1))
    alone = case.items()
    assert {(item.session, item.at) for item in alone} == {(CHILD, at * 1000 + 1000)}
    case.say(told, text(), tool("c1"))
    both = case.items()
    assert {(item.session, item.at) for item in both} == {(HOME, at * 1000)}
    assert [item.key for item in both] == [item.key for item in alone]


def test_a_session_that_is_taken_back_tells_it_once(case: Case) -> None:
    """For each message that it was taken back to."""
    log = "/x/storage/session/p/ses_1.json"
    for revert, count in (({"messageID": "msg_1"}, 1), ({"messageID": 7}, 0), (None, 0), ("x", 0)):
        raw = json.dumps(session("ses_1", START, revert=revert)).encode()
        batch = READER.read(READER.log_at(case.place / log[1:]), [Line(0, raw)], b"")
        assert [item[3:5] for item in batch.items] == [("undo", "")] * count


WIDE = SCHEMA.replace(
    "tokens_input integer DEFAULT 0 NOT NULL",
    ", ".join(f"tokens_{name} integer DEFAULT 0 NOT NULL" for name in
              ("input", "output", "reasoning", "cache_read", "cache_write")) + ", revert text",
)  # fmt: skip


def test_a_session_keeps_a_sum_of_its_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork goes on from that of what it has copied; a sum of nothing, or of what can't be, is none."""
    monkeypatch.setattr("loggen.opencode.SCHEMA", WIDE)
    database = Database(tmp_path / "opencode.db")
    born = START + 60_000
    sums: list[tuple[str, str, tuple[object, ...]]] = [
        (HOME, "Shop", (10, 20, 3, 40, 5)),
        (CHILD, "Shop (fork #1)", (11, 24, 3, 42, 8)),
        (session_id(3), "Shop", (0, 0, 0, 0, 0)),
        (session_id(4), "Shop", (-1, 0, 0, 0, 5)),
        (session_id(5), "Shop", ("x", 0, 0, 0, 5)),
    ]
    for identity, title, used in sums:
        row = (identity, "p", None, "/srv", title, "1.1.0", *used, '{"messageID": "msg_9"}', born, born + 1)
        database._upsert("session", row)
    for number, told in enumerate([answer(START, USED), answer(born + 9, USED), prompt(START + 1)]):
        database.put_message(message_id(number), CHILD, told, born)
    database.commit()
    database.close()
    log = READER.log_at(database.path)
    batch = READER.read(log, READER.lines(log, b""), b"")
    at = (born + 1) * 1000
    assert batch.counters == (
        OwnCounter(HOME, at, "steps", None, TokenVector(10, 40, cache_write_unknown=5, output=23, reasoning=3)),
        OwnCounter(CHILD, at, "steps", None, TokenVector(11, 42, cache_write_unknown=8, output=27, reasoning=3)),
        OwnCounter(CHILD, at, "steps-start", None, TokenVector(1, 2, cache_write_unknown=3, output=4)),
    )
    assert [(item[1], item[3]) for item in batch.items if item[3] == "undo"] == [
        (identity, "undo") for identity, _, _ in sums
    ]


def test_a_database_without_parts_tells_what_its_messages_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one of an odd build may be."""
    monkeypatch.setattr("loggen.opencode.SCHEMA", SCHEMA.partition("CREATE TABLE IF NOT EXISTS part")[0])
    database = Database(tmp_path / "opencode.db")
    database.put_message(ASKED, HOME, prompt(START + 1000), START)
    database.put_message(dated_id(START), HOME, answer(START, USED, completed=START + 1, parentID=ASKED), START)
    database.commit()
    database.close()
    log = READER.log_at(database.path)
    batch = READER.read(log, READER.lines(log, b""), b"")
    assert [(item.kind, item.name) for item in of_log([batch])] == [("prompt", "typed"), ("turn", "completed")]


def test_files_that_are_none_beside_a_message_are_passed_over(case: Case) -> None:
    """Directories, torn files and what is no part."""
    name = case.ask()
    case.say(answer(START + 5000, USED), text())
    place = case.place / "storage"
    case.files()
    (place / "part" / name / "prt_9.json").mkdir()
    (place / "part" / name / "prt_8.json").write_text('{"type":')
    (place / "session" / "q").write_text("x")
    (place / "message" / HOME / "msg_0.json").write_text("[")
    assert case.told("prompt") == [("prompt", "typed")]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        st.lists,
        max_leaves=6,
    )
)
def test_wrong_values_spoil_nothing(wrong: object) -> None:
    """Whatever stands in the place of what is told, the rest is read."""
    fields = ("summary", "finish", "error", "agent", "variant", "parentID")
    for field in fields:
        told = answer(START + 5000, USED, completed=START + 6000) | {field: wrong, "id": "msg_1", "sessionID": HOME}
        log = READER.log_at(Path("/x/storage/message/ses/msg_1.json"))
        batch = READER.read(log, [Line(0, json.dumps(told).encode())], b"")
        assert (batch.bad_lines, len(batch.occurrences)) == (0, 1)


def told_by(database: Database) -> list[tuple[str, str]]:
    """Kind and name of what a database tells, once all is written."""
    database.commit()
    database.close()
    log = READER.log_at(database.path)
    return sorted((item.kind, item.name) for item in of_log([READER.read(log, READER.lines(log, b""), b"")]))


def test_a_prompt_may_stand_far_from_the_end_of_its_turn(tmp_path: Path) -> None:
    """In other rows than those that are read together; what can't be read of it tells of no turn."""
    database = Database(tmp_path / "opencode.db")
    database.put_message(ASKED, HOME, prompt(START + 1000), START)
    for number in range(130):
        calling = answer(START + 2000 + number, USED, completed=START + 2000 + number, finish="tool-calls")
        database.put_message(message_id(number), HOME, calling | {"parentID": ASKED}, START)
    last = answer(START + 9000, USED, completed=START + 9500, finish="stop", parentID=ASKED)
    database.put_message(message_id(200), HOME, last, START)
    assert told_by(database) == [("turn", "completed")]
    database.connect().execute("UPDATE message SET data = '{' WHERE id = ?", (ASKED,))
    assert told_by(database) == []


def test_what_a_prompt_is_compared_with_is_a_prompt_that_can_be_read(tmp_path: Path) -> None:
    """Whatever else has the word in it; without times nothing is before anything."""
    database = Database(tmp_path / "opencode.db")
    database.put_message(message_id(1), HOME, prompt(START) | {"agent": "plan"}, START)
    database.put_message(message_id(2), HOME, answer(START + 1, USED) | {"agent": "user"}, START)
    database.put_message(message_id(3), HOME, prompt(START + 2), START)
    database.connect().execute("UPDATE message SET data = '\"user\"' WHERE id = ?", (message_id(3),))
    database.put_message(message_id(4), HOME, prompt(START + 3), START)
    assert told_by(database) == [("mode", "build")]
    database.connect().execute("ALTER TABLE message RENAME COLUMN time_created TO made")
    assert told_by(database) == []


def test_a_summary_in_a_database_without_parts_is_a_compaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Since nothing tells who has asked for it."""
    monkeypatch.setattr("loggen.opencode.SCHEMA", SCHEMA.partition("CREATE TABLE IF NOT EXISTS part")[0])
    database = Database(tmp_path / "opencode.db")
    summary = answer(START, USED, completed=START + 1, parentID=ASKED, summary=True)
    database.put_message(dated_id(START), HOME, summary, START)
    assert told_by(database) == [("compaction", "")]


def test_a_part_that_is_huge_or_no_text_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the others are told."""
    monkeypatch.setattr("tallybook.agents.opencode.messages.LONGEST", 400)
    monkeypatch.setattr("tallybook.agents.opencode.beside._LONGEST", 400)
    database = Database(tmp_path / "opencode.db")
    name = dated_id(START)
    database.put_message(name, HOME, answer(START, USED), START)
    database.put_part("prt_1", name, tool("c1", input={"command": "x" * 500}))
    database.put_part("prt_2", name, tool("c2", input={}))
    database.put_part("prt_3", name, tool("c3"))
    database.connect().execute("UPDATE part SET data = 7 WHERE id = 'prt_3'")
    assert told_by(database) == [("tool", "bash")]
    for number in (1, 2):
        state = {"command": "x" * 500} if number == 1 else {}
        path = tmp_path / "storage" / "part" / name / f"prt_{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(tool(f"c{number}", input=state)))
    log = READER.log_at(tmp_path / "storage" / "message" / HOME / f"{name}.json")
    batch = READER.read(
        log, [Line(0, json.dumps({"id": name, "sessionID": HOME, **answer(START, USED)}).encode())], b""
    )
    assert [item[3:5] for item in batch.items] == [("tool", "bash")]


def test_a_message_that_lies_elsewhere_has_nothing_beside_it(tmp_path: Path) -> None:
    """So that nothing is looked for outside of OpenCode's directories."""
    told = {"id": ASKED, "sessionID": HOME, **prompt(START + 1000)}
    for place in (tmp_path / "elsewhere" / HOME / f"{ASKED}.json", tmp_path / "storage" / "message" / HOME / "x.json"):
        log = READER.log_at(place)
        named = told | ({"id": "../" * 3} if place.stem == "x" else {})
        batch = READER.read(log, [Line(0, json.dumps(named).encode())], b"")
        assert [item[3:5] for item in batch.items] == [("prompt", "typed")]


def test_a_fork_without_known_times_has_copied_nothing_that_can_be_told(tmp_path: Path) -> None:
    """Its sum is told, and not where it began."""
    database = Database(tmp_path / "opencode.db")
    columns = ("output", "reasoning", "cache_read", "cache_write")
    for name in columns:
        database.connect().execute(f"ALTER TABLE session ADD COLUMN tokens_{name} integer DEFAULT 7")
    database.connect().execute("UPDATE session SET tokens_input = 7")
    database._upsert("session", (HOME, "p", None, "/srv", "Shop (fork #1)", "1.1.0", 7, "x", START, 7, 7, 7, 7))
    database.commit()
    database.close()
    log = READER.log_at(database.path)
    assert [one.scope for one in READER.read(log, READER.lines(log, b""), b"").counters] == ["steps"]
