"""Entries are put into any settings and taken out again: every other byte stays, whatever the layout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook import __file__ as package_file
from tallybook.domain.problems import Refusal
from tallybook.usecases.agent_setup.hook_entries import command, with_entries, without_entries
from tallybook.usecases.agent_setup.json_text import Container, parsed, rendered, root

AGENTS = ("claude", "codex")
EVENTS = ("PreToolUse", "SessionStart", "SessionEnd", "Stop")
names = st.text('aäB"\\/ 9\t\u2028', max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
handlers = st.fixed_dictionaries({"type": st.just("command"), "command": names}) | values
groups = st.fixed_dictionaries({}, optional={"matcher": names, "hooks": st.lists(handlers, max_size=2)}) | values
hooks = st.dictionaries(st.sampled_from(EVENTS), st.lists(groups, max_size=2), max_size=3)


@st.composite
def settings(draw: st.DrawFn) -> str:
    """Settings of somebody else, in some layout."""
    document: dict[str, Any] = draw(st.dictionaries(names, values, max_size=3))
    if draw(st.booleans()):
        document["hooks"] = draw(hooks)
        keys = draw(st.permutations(list(document)))
        document = {key: document[key] for key in keys}
    indent: Any = draw(st.sampled_from([None, 0, 2, 4, "\t"]))
    separators = draw(st.sampled_from([None, (",", ":"), (" , ", " : ")]))
    text = json.dumps(document, indent=indent, separators=separators, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        text = text.replace("{}", "{ }").replace("[]", "[\n]")
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "\ufeff", "\n", "  "])) + text + draw(st.sampled_from(["", "\n", "\r\n", " \n\n"]))


def put(text: str | None, agent: str) -> str:
    found = with_entries(text, agent)
    assert isinstance(found, str), found
    return found


def loaded(text: str) -> dict[str, Any]:
    found = json.loads(text.removeprefix("\ufeff"))
    assert isinstance(found, dict)
    return found


@given(settings(), st.sampled_from(AGENTS))
def test_what_was_put_is_there_once_and_goes_without_trace(text: str, agent: str) -> None:
    after = put(text, agent)
    assert put(after, agent) == after
    assert without_entries(after) == text
    before, now, ours = loaded(text), loaded(after), loaded(put(None, agent))["hooks"]
    assert [key for key in now if key in before] == list(before)
    assert {key: value for key, value in now.items() if key != "hooks"} == {
        key: value for key, value in before.items() if key != "hooks"
    }
    theirs = before.get("hooks", {})
    assert [event for event in now["hooks"] if event in theirs] == list(theirs)
    assert now["hooks"] == {
        event: theirs.get(event, []) + ours.get(event, []) for event in dict.fromkeys([*theirs, *ours])
    }


@given(settings())
def test_nothing_is_taken_where_nothing_was_put(text: str) -> None:
    assert without_entries(text) == text


@pytest.mark.parametrize("agent", AGENTS)
def test_a_file_that_was_made_here_goes(agent: str) -> None:
    text = put(None, agent)
    assert put(text, agent) == text
    assert without_entries(text) is None


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("indent", [2, 4, "\t"])
def test_a_file_that_the_agent_has_written_anew_goes_too(agent: str, indent: int | str) -> None:
    assert without_entries(json.dumps(loaded(put(None, agent)), indent=indent)) is None


@pytest.mark.parametrize("agent", AGENTS)
def test_entries_of_another_interpreter_are_brought_up_to_date(agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}]}}
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/opt/it's old/python")
        made, merged = put(None, agent), put(json.dumps(theirs), agent)
    assert put(made, agent) == put(None, agent)
    assert loaded(put(merged, agent)) == loaded(put(json.dumps(theirs), agent))
    assert without_entries(put(merged, agent)) == json.dumps(theirs)


def test_an_entry_that_was_moved_into_a_group_of_others_goes_alone() -> None:
    ours = loaded(put(None, "claude"))["hooks"]["SessionEnd"][0]["hooks"][0]
    own = {"type": "command", "command": "true"}
    for handlers in ([ours, own], [own, ours], [own, ours, ours]):
        moved = {"hooks": {"SessionEnd": [{"hooks": handlers}, 7]}, "model": "x"}
        taken = without_entries(json.dumps(moved))
        assert isinstance(taken, str)
        assert json.loads(taken) == {"hooks": {"SessionEnd": [{"hooks": [own]}, 7]}, "model": "x"}


def test_entries_in_one_event_are_completed() -> None:
    whole = loaded(put(None, "codex"))
    del whole["hooks"]["Stop"]
    assert loaded(put(json.dumps(whole), "codex")) == loaded(put(None, "codex"))


BAD = [
    ("", "it is no JSON: line 1: expecting value (column 1)"),
    ('{\n  "a": 1,\n}', "it is no JSON: line 3:"),
    ('{"a": NaN}', "it is no JSON: NaN is no JSON"),
    ('{"a": 1, "a": 2}', "it is no JSON: a name stands twice"),
    ("[" * 100_000, "it is no JSON: it is nested too deep"),
    ("// mine\n{}", "it is no JSON: line 1:"),
    ("[]", "it holds no JSON object"),
    ('{"hooks": []}', "its hooks are no object"),
    ('{"hooks": {"Stop": {}}}', "its hooks of Stop are no list"),
]


@pytest.mark.parametrize(("text", "why"), BAD, ids=range(len(BAD)))
def test_settings_that_are_not_understood_are_refused(text: str, why: str) -> None:
    for found in (with_entries(text, "claude"), without_entries(text)):
        assert isinstance(found, Refusal)
        assert found.code == "settings-unreadable"
        assert found.message.startswith(why)
        assert found.hint


def run(line: str, *, by: str = "sh", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [by, "-c", line], env=environ, input="{}", capture_output=True, text=True, check=False, cwd="/"
    )


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("hook", ["session-start", "session-end"])
def test_the_command_needs_no_path_and_no_directory(hook: str, shell: str) -> None:
    done = run(command("claude", hook), by=f"/bin/{shell}", PATH="/usr/bin:/bin")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(f"tallybook: warning: {hook} did nothing: hook_event_name is not ")


def test_the_command_of_an_interpreter_that_is_gone_takes_the_one_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "it's gone" / "python"))
    line = command("codex", "session-end")
    done = run(line, PATH=os.defpath)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    tally = tmp_path / "tally"
    tally.write_text('#!/bin/sh\necho "$@" >&2\necho heard\nexit 2\n')
    tally.chmod(0o755)
    done = run(line, PATH=f"{tmp_path}:{os.defpath}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "hook session-end codex\n")


def test_the_command_names_this_interpreter_and_this_package() -> None:
    line = command("claude", "session-start")
    assert sys.executable in line
    assert str(Path(package_file).with_name("__main__.py")) in line


def test_an_outline_tells_members_by_name() -> None:
    text = '{"a": 1, "b": {"c": []}}'
    whole = root(text)
    member = whole.member("b")
    assert member is not None
    assert text[member.value : member.end] == '{"c": []}'
    assert whole.member("c") is None
    assert Container(0, ()).member("a") is None


@given(st.dictionaries(names, st.lists(st.integers() | names, max_size=2), min_size=1), st.booleans())
def test_what_is_rendered_is_what_was_meant(value: dict[str, list[int | str]], long: bool) -> None:
    assert parsed(rendered(value, "\n" if long else None, "  ")) == value
