"""What agents tell their hooks: taken if it is whole, and never a reason to fail."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.agents.handover import Holder, hand_over, handed_session
from tallybook.agents.processes import ListedTree, Process
from tallybook.hooks import payload as reading
from tallybook.hooks.main import main
from tallybook.hooks.payload import BadPayload, Payload, read_payload
from tallybook.hooks.sessions import ENDS, STARTS, ended, nearest, payload_of, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOLD = {
    "session_id": "5f0c1a52-7d1e-4c7e-9a52-3b1f0d6e8a11",
    "transcript_path": "/home/ada/x.jsonl",
    "cwd": "/home/ada",
    "hook_event_name": "SessionStart",
    "source": "startup",
    "prompt": "the secret plan",
}


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def stream(**more: object) -> io.BytesIO:
    return io.BytesIO(json.dumps({**TOLD, **more}).encode())


def test_three_facts_are_taken() -> None:
    found = read_payload(stream(), STARTS)
    assert found == Payload("SessionStart", TOLD["session_id"], "/home/ada")


WRONG: list[object] = [None, 7, True, [], {}, "", "a b", "x\n", "../\0", "\ud800"]
BAD: list[bytes] = [
    b"",
    b"\xff\xfe",
    b"null",
    b"[]",
    b'"SessionStart"',
    b"{",
    b"[" * 100_000,
    b'{"session_id": ' + b"9" * 9999 + b"}",
    *(
        json.dumps({key: value for key, value in TOLD.items() if key != name}).encode()
        for name in ("session_id", "cwd", "hook_event_name")
    ),
    *(
        json.dumps({**TOLD, name: wrong}).encode()
        for name in ("session_id", "cwd", "hook_event_name")
        for wrong in WRONG
    ),
    json.dumps({**TOLD, "session_id": "x" * 201}).encode(),
    json.dumps({**TOLD, "cwd": "/" + "x" * 99_999}).encode(),
    json.dumps({**TOLD, "cwd": "here"}).encode(),
    json.dumps({**TOLD, "hook_event_name": "Stop"}).encode(),
]


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> ListedTree:
    """An agent within an agent of the same kind."""
    lines = [("claude",), ("bash",), ("codex", "exec"), ("claude", "-p"), ("sh", "-c", "tally hook")]
    found = {pid: Process(pid, pid - 1, f"t{pid}", argv) for pid, argv in enumerate(lines, 1)}
    tree = ListedTree({**found, os.getpid(): Process(os.getpid(), len(lines), "now", ("python",))})
    monkeypatch.setattr("tallybook.hooks.sessions.system_tree", lambda: tree)
    return tree


@pytest.mark.parametrize("raw", BAD, ids=range(len(BAD)))
@pytest.mark.usefixtures("chain")
def test_what_is_not_whole_is_one_line_and_nothing_written(
    raw: bytes, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(read_payload(io.BytesIO(raw), STARTS), BadPayload)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
    assert main(["session-start", "claude"], os.environ) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tallybook: warning: session-start did nothing: ")
    assert err.count("\n") == 1
    assert list(home.iterdir()) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.binary() | st.dictionaries(st.sampled_from(sorted(TOLD)), json_values).map(lambda it: json.dumps(it).encode())
)
def test_no_input_raises(raw: bytes) -> None:
    assert isinstance(read_payload(io.BytesIO(raw), ENDS), Payload | BadPayload)


def test_a_flood_a_terminal_and_nothing_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 1 << 20)
    assert read_payload(stream(prompt="x" * (1 << 20)), STARTS) == BadPayload("stdin holds more than 1 MiB")
    assert isinstance(read_payload(stream(prompt="x" * 900_000), STARTS), Payload)
    for nothing in (None, Terminal(b"{}")):
        assert isinstance(read_payload(nothing, STARTS), BadPayload)


def test_other_agents_are_named_in_the_refusal() -> None:
    found = payload_of("gemini\x1b", stream(), STARTS)
    assert found == BadPayload("no agent 'gemini\\x1b'; known: claude, codex")


def places(home: Path) -> Iterator[Path]:
    return (home / "tallybook" / "running").iterdir()


def test_the_nearest_process_of_the_agent_is_noted(chain: ListedTree, home: Path) -> None:
    assert started("claude", stream(), os.environ) == ""
    place = home / "tallybook" / "running"
    assert handed_session(place, Holder("claude", 4, "t4")) == TOLD["session_id"]
    assert handed_session(place, Holder("claude", 1, "t1")) is None
    assert started("codex", stream(session_id="c1"), os.environ) == ""
    assert handed_session(place, Holder("codex", 3, "t3")) == "c1"
    assert nearest("claude", chain) == Holder("claude", 4, "t4")
    assert b"secret" not in b"".join(path.read_bytes() for path in places(home))


@pytest.mark.usefixtures("chain")
def test_one_process_of_codex_may_run_several_sessions_and_one_of_claude_does_not(home: Path) -> None:
    place = home / "tallybook" / "running"
    for session in ("one", "two"):
        started("claude", stream(session_id=session), os.environ)
        started("codex", stream(session_id=session), os.environ)
    assert handed_session(place, Holder("claude", 4, "t4")) == "two"
    assert handed_session(place, Holder("codex", 3, "t3")) is None
    ended("codex", Payload("Stop", "two", "/"), home / "tallybook")
    assert handed_session(place, Holder("codex", 3, "t3")) is None
    ended("codex", Payload("SessionEnd", "two", "/"), home / "tallybook")
    assert handed_session(place, Holder("codex", 3, "t3")) == "one"


@pytest.mark.usefixtures("chain")
def test_an_end_without_any_start_writes_nothing(home: Path) -> None:
    ended("codex", Payload("SessionEnd", "two", "/"), home / "tallybook")
    assert list(home.iterdir()) == []


def test_entries_of_processes_that_are_gone_go(chain: ListedTree, home: Path) -> None:
    place = home / "tallybook" / "running"
    hand_over(place, Holder("claude", 77, "t77"), "gone", several=False)
    assert chain.process(77) is None
    started("claude", stream(), os.environ)
    assert [path.name for path in places(home)] == ["claude-4.json"]


def test_without_an_agent_above_nothing_is_noted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallybook.hooks.sessions.system_tree", lambda: ListedTree({}))
    assert "no process of claude is above" in started("claude", stream(), os.environ)
    assert list(home.iterdir()) == []
    hand_over(home / "tallybook" / "running", Holder("claude", 4, "t4"), "one", several=False)
    ended("claude", Payload("SessionEnd", "one", "/"), home / "tallybook")
    assert [path.name for path in places(home)] == ["claude-4.json"]


@pytest.mark.usefixtures("chain")
def test_a_fault_of_ours_is_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "tallybook").write_text("in the way")
    stdin: Any = io.TextIOWrapper(stream())
    monkeypatch.setattr("sys.stdin", stdin)
    assert main(["session-start", "claude"], os.environ) == 0
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("tallybook: warning: session-start did nothing: ")
    monkeypatch.setattr("sys.stdin", None)
    assert main(["session-start"], os.environ) == 0
    assert "no agent ''" in capsys.readouterr().err
