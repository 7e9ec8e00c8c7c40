"""Stages: classification, trees, attempts; made anew where something has changed, and there alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.fake import T0, FakeReader
from history.sessions import fill
from history.talker import Talker, item_line
from tallybook.agents.port import Item, SessionFact
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import SessionKey
from tallybook.history import classify as classifying
from tallybook.history import derive as deriving
from tallybook.history import settling
from tallybook.history.attempts import Attempts
from tallybook.history.classify import classify, practice_events, session_classes, session_kind
from tallybook.history.derive import derive_attempts, derive_threads, session_attempts, thread_sums
from tallybook.history.ingest import ingest
from tallybook.history.store import Store, open_store

if TYPE_CHECKING:
    from pathlib import Path

KINDS = [
    (("s", "main", None), "main"),
    (("s", "subagent", "p"), "subagent"),
    (("s", "main", "p"), "subagent"),
    (("s", "review", None), "review"),
    (("s", "memory", None), "memory"),
    (("p/agent-acompact-1f", "subagent", "p"), "compaction"),
    (("p/agent-aaside_question-1f", "subagent", "p"), "aside"),
    (("p/agent-atask_summary-1f", "subagent", "p"), "summary"),
    (("p/agent-aprompt_suggestion-1f", "subagent", "p"), "suggestion"),
    (("p/agent-a1b2c3", "subagent", "p"), "subagent"),
    (("agent-acompact-1f", "main", None), "main"),
]


@pytest.mark.parametrize(("session", "kind"), KINDS)
def test_the_kind_of_a_session(session: tuple[str, str, str | None], kind: str) -> None:
    """By its origin, and of agents that the program sends itself by their names."""
    assert session_kind(*session) == kind


FACTS = [
    SessionFact("root"),
    SessionFact("child", parent="root", origin="subagent"),
    SessionFact("grandchild", parent="child", origin="review"),
    SessionFact("orphan", parent="nobody", origin="subagent"),
]
ITEMS = [
    Item("p1", "root", T0, "prompt", "typed"),
    Item("p2", "root", T0 + 1000, "prompt", "agent"),
    Item("p3", "child", T0 + 2000, "prompt", "typed"),
    Item("i1", "root", T0 + 3000, "injected", "meta"),
    Item("k1", "root", T0 + 4000, "skill", "review"),
    Item("c1", "root", T0 + 5000, "tool", "Bash", None, b"make"),
    Item("c1", "root", T0 + 6000, "tool-error", "Bash"),
    Item("c2", "root", T0 + 7000, "tool", "Bash", None, b"make"),
    Item("e1", "root", T0 + 8000, "api-error", "http-500"),
    Item("m1", "root", T0 + 9000, "message"),
]


def test_sessions_are_classified_with_their_turns(tmp_path: Path) -> None:
    """A prompt in a child was written by its parent."""
    with open_store(tmp_path / "data") as store:
        fill(tmp_path, store, FACTS, ITEMS)
        assert classify(store).ran
        found = {one.key.session: (one.kind, one.human, one.agent, one.injected) for one in session_classes(store)}
        assert found == {
            "root": ("main", 1, 1, 1),
            "child": ("subagent", 0, 1, 0),
            "grandchild": ("review", 0, 0, 0),
            "orphan": ("subagent", 0, 0, 0),
        }
        (event,) = practice_events(store)
        assert (event.session, event.kind, event.name, event.count) == (
            SessionKey("fake", "root"),
            "skill",
            "review",
            1,
        )
        assert practice_events(store, "other") == ()


def test_attempts_are_counted_by_session(tmp_path: Path) -> None:
    """A failure is joined with its call, a retry with what it repeats."""
    with open_store(tmp_path / "data") as store:
        fill(tmp_path, store, FACTS, ITEMS)
        assert derive_attempts(store).ran
        (one,) = session_attempts(store)
        assert one.key == SessionKey("fake", "root")
        assert one.attempts == Attempts(2, 1, 1, 1, 1, 1)


def rows_of(store: Store, table: str) -> list[tuple[object, ...]]:
    """All that a stage has made."""
    return store.rows(f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608


STAGES = [
    (classify, classifying, "VERSION", "session_class"),
    (derive_threads, deriving, "THREADS_VERSION", "thread"),
    (derive_attempts, deriving, "ATTEMPTS_VERSION", "attempt"),
]


@pytest.mark.parametrize(("stage", "module", "version", "table"), STAGES)
def test_a_stage_runs_again_where_something_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: object, module: object, version: str, table: str
) -> None:
    """Nothing new: nothing done. A new version: run, and nothing written that is as it was. New facts: run."""
    assert callable(stage)
    with open_store(tmp_path / "data") as store:
        fill(tmp_path, store, FACTS, ITEMS)
        first = stage(store)
        assert first.ran
        assert first.rows == len(rows_of(store, table))
        assert (stage(store).ran, stage(store).rows) == (False, 0)
        monkeypatch.setattr(module, version, 99)
        again = stage(store)
        assert (again.ran, again.rows, again.version) == (True, 0, 99)
        fresh = [SessionFact("new"), SessionFact("newer", parent="new")]
        calls = [Item(f"n{number}", "new", T0 + 20_000 + number, "tool", "Bash") for number in range(3)]
        fill(tmp_path, store, [*FACTS, *fresh], [*ITEMS, *calls])
        third = stage(store)
        assert third.ran
        assert third.rows >= 1
        before = rows_of(store, table)
        store.rows(f"DELETE FROM {table}")  # noqa: S608
        monkeypatch.setattr(module, version, 100)
        stage(store)
        assert rows_of(store, table) == before


def test_sums_of_a_tree_are_those_of_all_below(tmp_path: Path) -> None:
    """Each response is in its own session's sum once, and once in that of each above."""
    facts = [{"session": one.session, "fact": {"parent": one.parent, "origin": one.origin}} for one in FACTS]
    used = {"root": 1, "child": 10, "grandchild": 100, "orphan": 5}
    answers = [{"id": name, "session": name, "tokens": {"output": output}} for name, output in used.items()]
    (tmp_path / "logs").mkdir()
    lines = [json.dumps(row).encode() + b"\n" for row in (*facts, *answers)]
    (tmp_path / "logs" / "one.log").write_bytes(b"".join(lines))
    with open_store(tmp_path / "data") as store:
        ingest(store, [FakeReader()], {"FAKE_HOME": str(tmp_path / "logs")})
        derive_threads(store)
        found = {one.key.session: one for one in thread_sums(store)}
        assert {name: (one.tokens.output, one.tree_tokens.output) for name, one in found.items()} == {
            "root": (1, 111), "child": (10, 110), "grandchild": (100, 100), "orphan": (5, 5),
        }  # fmt: skip
        assert {name: (one.depth, one.root.session) for name, one in found.items()} == {
            "root": (0, "root"), "child": (1, "root"), "grandchild": (2, "root"), "orphan": (0, "orphan"),
        }  # fmt: skip
        assert found["root"].tree_responses == 3
        assert found["child"].parent == SessionKey("fake", "root")
        (one,) = thread_sums(store, SessionKey("fake", "child"))
        assert one == found["child"]
        assert one.tokens == TokenVector(output=10)


@given(st.dictionaries(st.integers(0, 7), st.none() | st.integers(0, 7), min_size=1))
def test_every_session_has_one_root_whatever_parents_say(parents: dict[int, int | None]) -> None:
    """Also where parents run in a circle; what is below a session adds up in each one above."""
    parents = {session: parent if parent in parents else None for session, parent in parents.items()}
    used = [(session, 1, *[0] * 5, 2**session, 0) for session in parents]
    rows = {row[0]: row for row in deriving._threads(parents, used)}
    assert set(rows) == set(parents)
    roots = {session: row[1] for session, row in rows.items()}
    for session, root in roots.items():
        assert roots[root] == root
        assert (rows[session][2] is None) == (session == root)
        if rows[session][2] is not None:
            assert roots[rows[session][2]] == root
            assert rows[session][3] == rows[rows[session][2]][3] + 1
    for root in set(roots.values()):
        below = sum(2**session for session, one in roots.items() if one == root)
        assert deriving._decode(rows[root][5])[6] == below


def test_a_session_in_several_logs_is_one_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few logs are looked at together: a retry in one log is one of a failure in another."""
    monkeypatch.setattr(settling, "_PORTION", 1)
    logs = tmp_path / "logs"
    logs.mkdir()
    failed = [Item("a", "s", T0, "tool", "x", None, b"make"), Item("a", "s", T0 + 1000, "tool-error", "x")]
    (logs / "one.log").write_bytes(b"".join(map(item_line, failed)))
    (logs / "two.log").write_bytes(item_line(Item("z", "t", T0, "tool", "x", None, b"make")))
    (logs / "six.log").write_bytes(item_line(Item("b", "s", T0 + 2000, "tool", "x", None, b"make")))
    with open_store(tmp_path / "data") as store:
        ingest(store, [Talker()], {"FAKE_HOME": str(logs)})
        derive_attempts(store)
        found = {one.key.session: one.attempts for one in session_attempts(store)}
    assert found == {"s": Attempts(2, 1, 1, 1), "t": Attempts(1)}
