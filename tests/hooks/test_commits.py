"""Every way to make a commit, with the real git and the real hooks."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from gitrepo import GitRepo

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN = "g260101-zzzzzzzz"


def editing(script: str) -> str:
    """An editor that runs a line of shell on the message, ``$1``."""
    return f"sh -c {shlex.quote(script)} editor"


def test_message_given(repo: GitRepo, goal: str) -> None:
    repo.stage("a")
    repo.git("commit", "-q", "-m", "Add a", "-m", "Some body.")
    assert repo.message() == f"Add a\n\nSome body.\n\nTask: {goal}"


def test_message_from_a_file_without_line_end(repo: GitRepo, goal: str) -> None:
    repo.stage("a")
    repo.git("commit", "-q", "--cleanup=verbatim", "-F", "-", text="Add a")
    assert repo.tasks() == [goal]
    assert repo.message() == f"Add a\n\nTask: {goal}"


def test_markdown_headings_are_no_comments_where_no_editor_is_used(repo: GitRepo, goal: str) -> None:
    repo.stage("a")
    repo.git("commit", "-q", "-m", "Add a\n\n# Why\nbecause\n\n# Last")
    assert repo.message() == f"Add a\n\n# Why\nbecause\n\n# Last\n\nTask: {goal}"
    assert repo.tasks() == [goal]


def test_editor_puts_the_subject_first(repo: GitRepo, goal: str) -> None:
    repo.stage("a")
    repo.git("commit", "-q", "-v", GIT_EDITOR=editing('sed -i "1s/^/Add a/" "$1"'))
    assert repo.message() == f"Add a\n\nTask: {goal}"


@pytest.mark.parametrize("mode", ["strip", "whitespace", "scissors", "verbatim", "default"])
def test_editor_under_every_cleanup(repo: GitRepo, goal: str, mode: str) -> None:
    repo.git("config", "commit.cleanup", mode)
    repo.stage("a")
    repo.git("commit", "-q", "-v", GIT_EDITOR=editing('{ echo "Add a"; cat "$1"; } >"$1.new"; mv "$1.new" "$1"'))
    assert repo.message().startswith("Add a\n")
    assert "diff --git" not in repo.message() or mode in {"whitespace", "verbatim"}
    assert f"Task: {goal}" in repo.message().split("\n")


@pytest.mark.parametrize("comment", [";", "auto"])
def test_another_comment_character(repo: GitRepo, goal: str, comment: str) -> None:
    repo.git("config", "core.commentChar", comment)
    repo.stage("a")
    repo.git("commit", "-q", "-e", "-m", "#1 is fixed", GIT_EDITOR=editing('sed -i "1s/$/ now/" "$1"'))
    assert repo.message() == f"#1 is fixed now\n\nTask: {goal}"
    assert repo.tasks() == [goal]


def test_empty_message_still_gives_the_commit_up(repo: GitRepo, goal: str) -> None:
    repo.stage("a")
    for options, editor in (
        (("-q",), "true"),
        (("-q",), ":"),
        (("-q", "-s"), "true"),
        (("-q", "-m", ""), "true"),
        (("-q",), editing('sed -i "/^#/d" "$1"')),
        (("-q",), editing(': >"$1"')),
    ):
        done = repo.run("commit", *options, GIT_EDITOR=editor)
        assert done.returncode == 1, (options, editor)
        assert "empty commit message" in done.stderr
    assert repo.message() == "Write first"
    assert goal


def test_template_left_as_it_was_gives_the_commit_up(repo: GitRepo, goal: str) -> None:
    template = repo.write("template", "Why:\n\n# think\n")
    repo.stage("a")
    done = repo.run("commit", "-t", str(template))
    assert (done.returncode, "did not edit" in done.stderr) == (1, True)
    repo.git("commit", "-q", "-t", str(template), GIT_EDITOR=editing('sed -i "1s/$/ it was missing/" "$1"'))
    assert repo.message() == f"Why: it was missing\n\nTask: {goal}"
    assert not (repo.repository().git_dir / "tallybook-prepared").exists()


def test_message_of_an_earlier_hook_may_be_left_as_it_was(repo: GitRepo, goal: str) -> None:
    hook = repo.hook_directory() / "prepare-commit-msg"
    hook.write_text(hook.read_text().replace("exec", '[ -s "$1" ] && echo "Add a" >"$1"\nexec'))
    repo.stage("a")
    repo.git("commit", "-q")
    assert repo.message() == f"Add a\n\nTask: {goal}"


def test_trailers_that_are_there_are_kept(repo: GitRepo, goal: str) -> None:
    repo.stage("a")
    repo.git("commit", "-q", "-s", "-m", f"Add a\n\ntask: {goal}")
    assert repo.message() == f"Add a\n\ntask: {goal}\nSigned-off-by: Ada Example <ada@example.com>"
    repo.stage("b")
    repo.git("commit", "-q", "-m", "Add b\n\nNo-Task: release bookkeeping")
    assert repo.tasks() == []


def test_amend(repo: GitRepo, goal: str) -> None:
    repo.git("commit", "-q", "--amend", "--no-edit")
    assert repo.message() == f"Write first\n\nTask: {goal}"
    later = repo.start("Another")
    repo.git("commit", "-q", "--amend", GIT_EDITOR=editing('sed -i "1s/first/one/" "$1"'))
    assert repo.message() == f"Write one\n\nTask: {goal}"
    repo.stage("b")
    repo.git("commit", "-q", "-C", "HEAD")
    assert repo.tasks() == [goal]
    assert later != goal


def test_refused_without_a_task(repo: GitRepo) -> None:
    repo.stage("a")
    done = repo.run("commit", "-m", "Add a")
    assert done.returncode == 1
    for said in ("names no task", "tally ensure-active-task", "tally start-task", "No-Task: <reason>"):
        assert said in done.stderr
    done = repo.run("commit", "-m", "Add a\n\nNo-Task:")
    assert (done.returncode, "gives no reason" in done.stderr) == (1, True)
    done = repo.run("commit", "-m", f"Add a\n\nTask: {UNKNOWN}")
    assert done.returncode == 1
    assert UNKNOWN in done.stderr
    assert "git pull" in done.stderr
    assert repo.message() == "Write first"


def test_refused_when_the_trailer_is_taken_out(repo: GitRepo, goal: str) -> None:
    repo.stage("a")
    done = repo.run("commit", GIT_EDITOR=editing('echo "Add a" >"$1"'))
    assert done.returncode == 1
    assert f"  Task: {goal}    (Add a parser)" in done.stderr


def test_no_task_alone_needs_no_ledger(repo: GitRepo) -> None:
    repo.stage("a")
    repo.git("commit", "-q", "-m", "Add a\n\nno-task: a first try")
    assert not (repo.repository().common_dir / "tallybook").exists()


def test_late_commit_of_a_closed_goal(repo: GitRepo, goal: str) -> None:
    repo.finish(goal)
    repo.stage("a")
    assert repo.run("commit", "-q", "-m", "Add a").returncode == 1
    repo.git("commit", "-q", "-m", f"Add a\n\nTask: {goal}")
    assert repo.tasks() == [goal]


def test_all_of_several_trailers_must_exist(repo: GitRepo, goal: str) -> None:
    second = repo.start("Another")
    repo.stage("a")
    done = repo.run("commit", "-m", f"Add a\n\nTask: {goal}\nTask: {UNKNOWN}")
    assert (done.returncode, UNKNOWN in done.stderr, goal in done.stderr) == (1, True, False)
    repo.git("commit", "-q", "-m", f"Add a\n\nTask: {goal}\nTask: {second}")
    assert repo.tasks() == [goal, second]


def test_ticket(repo: GitRepo) -> None:
    repo.write("config/tallybook.toml", '[hooks]\nticket = "[A-Z]+-[0-9]+: "\n[other]\n')
    repo.stage("a")
    done = repo.run("commit", "-m", "Add a, see ABC-12: there")
    assert (done.returncode, "[A-Z]+-[0-9]+: " in done.stderr, "other" in done.stderr) == (1, True, True)
    repo.git("commit", "-q", "-m", "ABC-12: add a")
    repo.stage("b")
    repo.git("commit", "-q", GIT_EDITOR=editing('sed -i "1s/^/ABC-13: add b/" "$1"'))
    assert repo.message() == "ABC-13: add b"


def test_merges(repo: GitRepo, goal: str) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("shared", "side\n")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "-m", "Join", "side")
    assert repo.message() == "Join"
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("merge", "-q", "--ff", "side")
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.commit("shared", "main\n")
    assert repo.run("merge", "side").returncode == 1
    repo.stage("shared", "both\n")
    repo.git("commit", "-q", "-m", "Join by hand")
    assert repo.message() == "Join by hand"
    assert goal


def test_squash_merge_names_the_goals_of_its_commits(repo: GitRepo, goal: str) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("a", message=f"Add a\n\nTask: {goal}")
    other = repo.start("Another")
    repo.commit("b", message=f"Add b\n\nTask: {other}")
    repo.commit("c", message=f"Add c\n\nTask: {UNKNOWN}")
    repo.start("Release")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--squash", "side")
    repo.git("commit", "-q", "--no-edit")
    assert repo.tasks() == [goal, other]
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("merge", "-q", "--squash", "side")
    repo.git("commit", "-q", "-m", "Add a and b")
    assert repo.message() == f"Add a and b\n\nTask: {goal}\nTask: {other}"


def test_what_was_squashed_is_forgotten_with_its_commit(repo: GitRepo, goal: str) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("a", message=f"Add a\n\nTask: {goal}")
    repo.finish(goal)
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--squash", "side")
    repo.git("commit", "-q", "-F", "-", text="Add a")
    assert repo.tasks() == [goal]
    other = repo.start("Another")
    repo.stage("b")
    repo.git("commit", "-q", "-m", "Add b")
    assert repo.tasks() == [other]
    repo.git("reset", "-q", "--hard", "HEAD~2")
    repo.git("merge", "-q", "--squash", "side")
    repo.git("reset", "-q", "--hard")
    repo.stage("c")
    repo.git("commit", "-q", "-m", "Add c")
    assert repo.tasks() == [other]


def test_revert(repo: GitRepo, goal: str) -> None:
    repo.commit("a")
    repo.git("revert", "--no-edit", "HEAD")
    assert repo.tasks() == []
    repo.git("revert", "--edit", "HEAD")
    assert repo.tasks() == []
    repo.git("revert", "--no-commit", "HEAD")
    repo.git("commit", "-q", "-m", "Take it back")
    assert repo.message() == "Take it back"
    repo.stage("b")
    repo.git("commit", "-q", "-m", 'Revert "Write a"')
    assert repo.tasks() == [goal]


def test_cherry_pick(repo: GitRepo, goal: str) -> None:
    repo.git("checkout", "-q", "-b", "side")
    picked = repo.commit("a", message=f"Add a\n\nTask: {UNKNOWN}")
    repo.git("checkout", "-q", "main")
    repo.git("cherry-pick", picked)
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("cherry-pick", "--edit", picked)
    assert repo.tasks() == [UNKNOWN]
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.commit("a", "other\n")
    assert repo.run("cherry-pick", picked).returncode == 1
    repo.stage("a", "both\n")
    done = repo.run("commit", "--no-edit")
    assert (done.returncode, f"warning: the ledger has no goal {UNKNOWN}" in done.stderr) == (0, True)
    repo.git("cherry-pick", "--no-commit", repo.commit("z", message="Add z") and "HEAD", "--allow-empty")
    repo.stage("zz")
    repo.git("commit", "-q", "-m", "Plain again")
    assert repo.tasks() == [goal]


def test_rebase(repo: GitRepo, goal: str) -> None:
    base = repo.git("rev-parse", "HEAD")
    for name in "abc":
        repo.commit(name, message=f"Add {name}")
    repo.git("checkout", "-q", "-b", "side", base)
    repo.commit("s")
    repo.git("rebase", "-q", "main")
    assert repo.tasks() == []
    todo = editing('sed -i -e "1s/^pick/reword/" -e "3s/^pick/squash/" "$1"')
    repo.git("rebase", "-q", "-i", base, GIT_SEQUENCE_EDITOR=todo, GIT_EDITOR=editing('sed -i "1s/^/x/" "$1"'))
    assert repo.git("log", "--format=%s", f"{base}..").split("\n")[-1] == "xAdd a"
    assert repo.git("log", "--format=%(trailers:key=Task)", f"{base}..").strip() == ""
    repo.stage("b", "fixed\n")
    repo.git("commit", "-q", "--fixup", "HEAD")
    assert repo.tasks() == [goal]
    repo.git("rebase", "-q", "-i", "--autosquash", base)
    assert "fixup!" not in repo.git("log", "--format=%s")


def test_fixup_is_a_plain_commit(repo: GitRepo) -> None:
    repo.stage("a")
    done = repo.run("commit", "--fixup", "HEAD")
    assert (done.returncode, "names no task" in done.stderr) == (1, True)


def test_linked_worktree_has_its_own_active_goal(repo: GitRepo, goal: str, tmp_path: Path) -> None:
    place = tmp_path / 'it\'s a "tree"\nhere'
    repo.git("worktree", "add", "-q", "-b", "we;ird/$(branch)", str(place))
    linked = GitRepo(place, repo.environ)
    linked.stage("a")
    assert linked.run("commit", "-m", "Add a").returncode == 1
    own = linked.start("There")
    linked.git("commit", "-q", "-m", "Add a")
    repo.stage("b")
    repo.git("commit", "-q", "-m", "Add b")
    assert (linked.tasks(), repo.tasks()) == ([own], [goal])


def test_detached_unborn_subdirectory_and_hooks_path(tmp_path: Path) -> None:
    repo = GitRepo.make(tmp_path / "with space")
    repo.git("config", "core.hooksPath", ".my hooks")
    repo.add_hooks()
    goal = repo.start()
    repo.stage("deep/a")
    repo.git("commit", "-q", "-m", "Add a")
    repo.git("checkout", "-q", "--detach")
    repo.write("deep/a", "more\n")
    GitRepo(repo.path / "deep", repo.environ).git("commit", "-q", "-a", "-m", "Change a")
    assert (repo.tasks("HEAD~1"), repo.tasks()) == ([goal], [goal])


def test_submodule_has_its_own_ledger(repo: GitRepo, goal: str, tmp_path: Path) -> None:
    GitRepo.make(tmp_path / "library").commit("l")
    options = ("-c", "protocol.file.allow=always")
    repo.git(*options, "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    inner = GitRepo(repo.path / "lib", repo.environ)
    inner.add_hooks()
    inner.stage("a")
    assert inner.run("commit", "-m", f"Add a\n\nTask: {goal}").returncode == 1
    own = inner.start()
    inner.git("commit", "-q", "-m", "Add a")
    assert inner.tasks() == [own]


def test_what_a_terminal_would_obey_is_not_shown(repo: GitRepo) -> None:
    repo.start("Red \x1b[31m".replace("\x1b", "\u202e"))
    repo.stage("a")
    done = repo.run("commit", GIT_EDITOR=editing('printf "Add a\\n\\nTask: \\033[31mx\\n" >"$1"'))
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert "?[31mx" in done.stderr
