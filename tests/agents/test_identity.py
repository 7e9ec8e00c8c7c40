"""Which session am I in: every row of the order, and every doubt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from history.fake import FakeReader
from tallybook.agents.handover import Holder
from tallybook.agents.identity import (
    RECENT,
    Ambiguous,
    Answer,
    Candidate,
    Flag,
    Found,
    NoSession,
    Surroundings,
    detect,
)
from tallybook.agents.processes import ListedTree, Process
from tallybook.domain.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = 1_790_000_000_000_000
BAD_IDS = ["", "a b", "x" * 201, "ä", "a\n", "$(id)", "a;b"]


class Codex(FakeReader):
    agent = "codex"
    session_variables: tuple[str, ...] = ("CODEX_THREAD_ID",)
    call_variable: str | None = "CODEX_TOOL_CALL_ID"


class Claude(FakeReader):
    agent = "claude"
    session_variables: tuple[str, ...] = ("CLAUDE_CODE_SESSION_ID", "CLAUDE_OLD_ID")
    call_variable: str | None = None


class Known(msgspec.Struct):
    sessions: tuple[Candidate, ...] = ()

    def named(self, session: str) -> tuple[Candidate, ...]:
        return tuple(one for one in self.sessions if one.session == session)

    def recent(self, directories: Sequence[str], since: int) -> tuple[Candidate, ...]:
        return tuple(
            one for one in self.sessions if one.cwd in directories and one.last_at is not None and one.last_at >= since
        )


class Case(msgspec.Struct):
    """A process tree from the outside in (ids 1, 2, …), variables, and what the history knows."""

    cwd: Path
    tree: tuple[str, ...] = ("sh",)
    known: tuple[Candidate, ...] = ()
    handed: dict[Holder, str] = msgspec.field(default_factory=dict)

    def ask(self, flag: Flag | None = None, /, **environ: str) -> Answer:
        chain = {
            pid: Process(pid, pid - 1, f"t{pid}", (name,)) for pid, name in enumerate((*self.tree, "sh", "tally"), 1)
        }
        tree = ListedTree(chain)
        around = Surroundings(environ, len(chain), tree, Known(self.known), self.cwd, NOW, self.handed.get)
        return detect([Codex(), Claude()], around, flag)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def here(case: Case, agent: str, session: str, age: int = 0, parent: str | None = None) -> Candidate:
    return Candidate(agent, session, NOW - age, str(case.cwd), 7, parent)


def test_the_flag_goes_before_everything(case: Case) -> None:
    found = case.ask(Flag("claude", "f1"), TALLYBOOK_SESSION="codex:e1", CODEX_THREAD_ID="v1")
    assert found == Found("claude", "f1", "flag")


def test_a_flag_without_agent_is_looked_up(case: Case) -> None:
    case.known = (Candidate("claude", "f1"), Candidate("codex", "f2"), Candidate("claude", "f2"))
    assert case.ask(Flag(session="f1")) == Found("claude", "f1", "flag")
    assert case.ask(Flag(session="f2")) == Ambiguous((case.known[1], case.known[2]))
    assert isinstance(case.ask(Flag(session="f3")), Refusal)


def test_a_flag_with_the_agent_alone_looks_for_that_agent(case: Case) -> None:
    environ = {"CODEX_THREAD_ID": "v1", "CLAUDE_CODE_SESSION_ID": "v2", "TALLYBOOK_SESSION": "codex:e1"}
    assert case.ask(Flag("claude"), **environ) == Found("claude", "v2", "variable")
    assert case.ask(Flag("codex"), **environ) == Found("codex", "e1", "environment")
    refusal = case.ask(Flag("copilot"))
    assert isinstance(refusal, Refusal)
    assert "claude, codex" in refusal.hint


def test_our_own_variable_goes_before_the_agents(case: Case) -> None:
    case.known = (Candidate("claude", "e1"), Candidate("codex", "other:e2"))
    assert case.ask(TALLYBOOK_SESSION="codex:e9", CODEX_THREAD_ID="v1") == Found("codex", "e9", "environment")
    assert case.ask(TALLYBOOK_SESSION="e1", CODEX_THREAD_ID="v1") == Found("claude", "e1", "environment")
    assert case.ask(TALLYBOOK_SESSION="other:e2") == Found("codex", "other:e2", "environment")
    refusal = case.ask(TALLYBOOK_SESSION="nobody", CODEX_THREAD_ID="v1")
    assert isinstance(refusal, Refusal)
    assert "TALLYBOOK_SESSION" in refusal.message


def test_the_variable_of_the_only_agent_that_has_set_one(case: Case) -> None:
    assert case.ask(CODEX_THREAD_ID="v1") == Found("codex", "v1", "variable")
    assert case.ask(CLAUDE_CODE_SESSION_ID="", CLAUDE_OLD_ID="v2") == Found("claude", "v2", "variable")
    assert case.ask(CLAUDE_CODE_SESSION_ID="v3", CLAUDE_OLD_ID="v2") == Found("claude", "v3", "variable")
    case.tree = ("sh", "codex")
    assert case.ask(CODEX_THREAD_ID="v1") == Found("codex", "v1", "variable")


def test_a_variable_from_outside_the_process_tree_still_counts(case: Case) -> None:
    """The agent may run the shell through a server that is none of its children."""
    case.tree = ("sh", "claude")
    assert case.ask(CODEX_THREAD_ID="v1") == Found("codex", "v1", "variable")


def test_the_running_call_is_named_for_the_session_that_runs_it(case: Case) -> None:
    environ = {"CODEX_THREAD_ID": "v1", "CODEX_TOOL_CALL_ID": "call_1"}
    assert case.ask(None, **environ) == Found("codex", "v1", "variable", "call_1")
    assert case.ask(Flag("codex", "v1"), **environ) == Found("codex", "v1", "flag", "call_1")
    assert case.ask(Flag("codex", "v2"), **environ) == Found("codex", "v2", "flag")
    assert case.ask(CODEX_THREAD_ID="v1", CODEX_TOOL_CALL_ID="no id") == Found("codex", "v1", "variable")
    assert case.ask(CLAUDE_CODE_SESSION_ID="v1") == Found("claude", "v1", "variable")


def test_an_agent_without_variable_inside_another_is_found_by_its_registry(case: Case) -> None:
    case.tree = ("codex", "sh", "claude")
    environ = {"CODEX_THREAD_ID": "outer", "CODEX_TOOL_CALL_ID": "call_1", "REGISTRY_claude_3_t3": "inner"}
    assert case.ask(None, **environ) == Found("claude", "inner", "registry")


def test_or_else_by_its_directory_and_never_by_the_outer_variable(case: Case) -> None:
    case.tree = ("codex", "sh", "claude")
    case.known = (here(case, "codex", "outer"), here(case, "claude", "inner"))
    assert case.ask(CODEX_THREAD_ID="outer") == Found("claude", "inner", "directory")
    case.known = case.known[:1]
    assert case.ask(CODEX_THREAD_ID="outer") == NoSession()
    # Its registry names another run of this process id.
    assert case.ask(CODEX_THREAD_ID="outer", REGISTRY_claude_3_t4="stale") == NoSession()


@pytest.mark.parametrize(
    ("tree", "agent", "session"),
    [
        (("codex", "sh", "claude"), "claude", "v2"),
        (("claude", "sh", "codex"), "codex", "v1"),
        (("claude", "sh", "codex", "sh", "claude"), "claude", "v2"),
        (("claude",), "claude", "v2"),
    ],
)
def test_of_several_variables_the_innermost_agents_counts(
    case: Case, tree: tuple[str, ...], agent: str, session: str
) -> None:
    case.tree = tree
    environ = {"CODEX_THREAD_ID": "v1", "CLAUDE_CODE_SESSION_ID": "v2"}
    assert case.ask(None, **environ) == Found(agent, session, "process")


def test_several_variables_without_an_agent_process_are_a_doubt(case: Case) -> None:
    case.known = (Candidate("codex", "v1", NOW, "/x", 5), Candidate("claude", "v1", NOW, "/y", 6))
    answer = case.ask(CODEX_THREAD_ID="v1", CLAUDE_CODE_SESSION_ID="v2")
    assert answer == Ambiguous((Candidate("claude", "v2"), case.known[0]))


def test_the_registry_of_the_innermost_run_counts_whichever_process_of_it_holds_it(case: Case) -> None:
    case.tree = ("claude", "sh", "claude", "claude")
    outer = {"REGISTRY_claude_1_t1": "outer"}
    assert case.ask(REGISTRY_claude_3_t3="inner", **outer) == Found("claude", "inner", "registry")
    assert case.ask(REGISTRY_claude_4_t4="inner", **outer) == Found("claude", "inner", "registry")
    assert case.ask(**outer) == NoSession()


def test_an_agent_that_says_nothing_is_told_by_its_hook(case: Case) -> None:
    case.tree = ("codex", "sh", "claude", "claude")
    case.known = (Candidate("claude", "h1"), here(case, "claude", "other"))
    case.handed = {Holder("codex", 1, "t1"): "outer"}
    assert case.ask(CODEX_THREAD_ID="outer") == Found("claude", "other", "directory")
    for holder in (Holder("claude", 3, "t3"), Holder("claude", 4, "t4")):
        case.handed = {holder: "h1", Holder("codex", 1, "t1"): "outer"}
        assert case.ask(CODEX_THREAD_ID="outer") == Found("claude", "h1", "hook")
        assert case.ask() == Found("claude", "h1", "hook")
        assert case.ask(REGISTRY_claude_3_t3="inner") == Found("claude", "inner", "registry")
        assert case.ask(CLAUDE_CODE_SESSION_ID="v1") == Found("claude", "v1", "variable")
        assert case.ask(TALLYBOOK_SESSION="claude:e1") == Found("claude", "e1", "environment")
        assert case.ask(Flag("claude", "f1")) == Found("claude", "f1", "flag")
    case.handed = {Holder("claude", 4, "earlier"): "h1"}
    assert case.ask() == Found("claude", "other", "directory")


def test_what_a_hook_names_and_no_log_holds_gives_way_to_the_one_session_of_this_directory(case: Case) -> None:
    case.tree = ("claude",)
    case.handed = {Holder("claude", 1, "t1"): "h1"}
    assert case.ask() == Found("claude", "h1", "hook")
    case.known = (here(case, "codex", "h1"), here(case, "claude", "resumed"))
    assert case.ask() == Found("claude", "resumed", "directory")
    case.known = (here(case, "claude", "one"), here(case, "claude", "two"))
    assert case.ask() == Found("claude", "h1", "hook")


def test_the_only_recent_session_of_this_directory(case: Case) -> None:
    case.known = (here(case, "codex", "d1", RECENT), here(case, "claude", "old", RECENT + 1), Candidate("claude", "x"))
    assert case.ask() == Found("codex", "d1", "directory")
    case.known = (*case.known, here(case, "claude", "d2"))
    assert case.ask() == Ambiguous((case.known[0], case.known[3]))
    assert case.ask(Flag("claude")) == Found("claude", "d2", "directory")


def test_children_stand_behind_their_parents(case: Case) -> None:
    case.known = (
        here(case, "claude", "child", parent="d1"),
        here(case, "claude", "d1"),
        here(case, "claude", "orphan", RECENT + 1, parent="d1"),
    )
    assert case.ask() == Found("claude", "d1", "directory")


def test_a_directory_is_the_same_by_whichever_name_the_shell_came(case: Case, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    name = tmp_path / "name"
    name.symlink_to(real)
    case.cwd = real
    case.known = (Candidate("codex", "d1", NOW, str(name)),)
    assert case.ask() == NoSession()
    assert case.ask(PWD=str(name)) == Found("codex", "d1", "directory")
    assert case.ask(PWD=str(tmp_path)) == NoSession()
    case.cwd = name
    case.known = (Candidate("codex", "d1", NOW, str(real)),)
    assert case.ask() == Found("codex", "d1", "directory")


def test_without_any_agent_there_is_no_session_but_a_hint(case: Case) -> None:
    answer = case.ask()
    assert isinstance(answer, NoSession)
    assert "--untracked" in answer.hint


@pytest.mark.parametrize("bad", BAD_IDS)
def test_an_id_that_is_none_is_refused_wherever_it_comes_from(case: Case, bad: str) -> None:
    assert isinstance(case.ask(Flag("codex", bad)), Refusal)
    assert isinstance(case.ask(Flag(session=bad)), Refusal)
    assert isinstance(case.ask(TALLYBOOK_SESSION=f"codex:{bad}"), Refusal)
    if bad:
        refusal = case.ask(CODEX_THREAD_ID=bad)
        assert isinstance(refusal, Refusal)
        assert refusal.code == "bad-session-id"
        case.tree = ("claude",)
        assert isinstance(case.ask(REGISTRY_claude_1_t1=bad), Refusal)


def test_ids_of_every_shape_that_agents_use_are_taken(case: Case) -> None:
    for good in ("a", "x" * 200, "019a-b:c/d_e.f", "T-1"):
        assert case.ask(Flag("codex", good)) == Found("codex", good, "flag")


def test_a_session_that_is_only_at_work_here_is_not_taken_where_nobody_guesses(tmp_path: Path) -> None:
    known = Candidate("codex", "c1", NOW, str(tmp_path))
    for tree in (("sh",), ("sh", "codex")):
        case = Case(tmp_path, tree, (known,))
        assert isinstance(case.ask(), Found)
        assert case.ask(Flag(guess=False)) == NoSession()
    assert Case(tmp_path).ask(Flag(guess=False), CODEX_THREAD_ID="c2") == Found("codex", "c2", "variable")


def test_a_session_that_was_found_otherwise_says_how(tmp_path: Path) -> None:
    assert Case(tmp_path).ask(Flag("codex", "c1", "descendant")) == Found("codex", "c1", "descendant")
