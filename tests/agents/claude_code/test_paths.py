"""Which files are logs: by their place below the roots, and nothing else is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tallybook.agents.claude_code.paths import discover, roots

if TYPE_CHECKING:
    from pathlib import Path


def log(root: Path, *names: str) -> None:
    for name in names:
        path = root / "projects" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n")


def found(environ: dict[str, str], below: Path) -> list[str]:
    return [str(file.path.relative_to(below)) for file in discover(environ)]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/h"}, ["/h/.config/claude", "/h/.claude"]),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, ["/x/claude", "/h/.claude"]),
        ({"XDG_CONFIG_HOME": "/x"}, ["/x/claude"]),
        ({"HOME": "/h", "CLAUDE_CONFIG_DIR": "/one, /two ,,/one"}, ["/one", "/two"]),
        ({"HOME": "/h", "CLAUDE_CONFIG_DIR": "~/one"}, ["/h/one"]),
        ({"HOME": "/h", "CLAUDE_CONFIG_DIR": " "}, ["/h/.config/claude", "/h/.claude"]),
        ({}, []),
    ],
)
def test_roots(environ: dict[str, str], expected: list[str]) -> None:
    assert [str(root) for root in roots(environ)] == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"CLAUDE_CONFIG_DIR": "~/one"}, "~/one"),
        ({"CLAUDE_CONFIG_DIR": "one", "XDG_CONFIG_HOME": "x"}, "one"),
        ({"XDG_CONFIG_HOME": "x"}, "x/claude"),
    ],
)
def test_relative_roots_are_told_from_the_root_on(
    environ: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    assert roots(environ) == [place / expected]
    place.rmdir()
    assert [str(root) for root in roots(environ)] == [expected]


def test_both_roots_are_read_and_each_is_sorted(tmp_path: Path) -> None:
    log(tmp_path / ".claude", "b/2.jsonl", "b/1.jsonl", "a/1.jsonl", "a/1/subagents/workflows/wf_1/agent-a1.jsonl")
    log(tmp_path / ".config/claude", "a/1.jsonl")
    assert found({"HOME": str(tmp_path)}, tmp_path) == [
        ".config/claude/projects/a/1.jsonl",
        ".claude/projects/a/1.jsonl",
        ".claude/projects/a/1/subagents/workflows/wf_1/agent-a1.jsonl",
        ".claude/projects/b/1.jsonl",
        ".claude/projects/b/2.jsonl",
    ]


def test_what_is_no_log_is_left_out(tmp_path: Path) -> None:
    log(
        tmp_path,
        "a/1.jsonl",
        "a/1/subagents/workflows/wf_1/journal.jsonl",
        "a/1.orphaned.jsonl",
        "a/1.superseded-2.jsonl",
        "a/1.jsonl.orphaned",
        "a/agent-a1.meta.json",
        "a/notes.txt",
    )
    log(tmp_path / "elsewhere", "b/1.jsonl")
    (tmp_path / "projects/a/directory.jsonl").mkdir()
    (tmp_path / "history.jsonl").write_text("{}\n")
    assert found({"CLAUDE_CONFIG_DIR": str(tmp_path)}, tmp_path) == ["projects/a/1.jsonl"]


def test_fifos_devices_and_sockets_are_not_opened(tmp_path: Path) -> None:
    log(tmp_path, "a/1.jsonl")
    os.mkfifo(tmp_path / "projects/a/pipe.jsonl")
    (tmp_path / "projects/a/device.jsonl").symlink_to("/dev/zero")
    (tmp_path / "projects/a/linked.jsonl").symlink_to(tmp_path / "projects/a/pipe.jsonl")
    (tmp_path / "projects/a/gone.jsonl").symlink_to(tmp_path / "nothing")
    assert found({"CLAUDE_CONFIG_DIR": str(tmp_path)}, tmp_path) == ["projects/a/1.jsonl"]


def test_loops_of_links_end_and_no_file_is_found_twice(tmp_path: Path) -> None:
    log(tmp_path, "b/1.jsonl")
    log(tmp_path / "outside", "x/2.jsonl")
    projects = tmp_path / "projects"
    (projects / "b/up").symlink_to(projects)
    (projects / "b/self").symlink_to(projects / "b/self")
    (projects / "a").symlink_to(projects / "b")
    (projects / "b/0.jsonl").symlink_to(projects / "b/1.jsonl")
    (projects / "b/other.txt").symlink_to(projects / "b/1.jsonl")
    (projects / "c").symlink_to(tmp_path / "outside/projects")
    (projects / "d").symlink_to(tmp_path / "outside/projects/x")
    (projects / "3.jsonl").symlink_to(tmp_path / "outside/projects/x/2.jsonl")
    (tmp_path / "second").mkdir()
    (tmp_path / "second/projects").symlink_to(projects)
    environ = {"CLAUDE_CONFIG_DIR": f"{tmp_path},{tmp_path}/second"}
    paths = found(environ, tmp_path)
    assert "projects/b/1.jsonl" in paths
    assert len({(tmp_path / path).stat().st_ino for path in paths}) == len(paths) == 2
    assert paths == found(environ, tmp_path)


def test_unreadable_directory_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log(tmp_path, "a/1.jsonl", "b/2.jsonl")
    scan = os.scandir

    def refusing(path: str) -> object:
        if path.endswith("a"):
            raise PermissionError(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    closed, other = discover({"CLAUDE_CONFIG_DIR": str(tmp_path)})
    assert (closed.place, closed.is_closed) == (f"{tmp_path}/projects/a/", True)
    assert (other.place, other.is_closed) == (f"{tmp_path}/projects/b/2.jsonl", False)


def test_keys_are_text_and_one_for_each_file(tmp_path: Path) -> None:
    log(tmp_path, "a/1.jsonl", os.fsdecode(b"a/\xff.jsonl"))
    files = list(discover({"CLAUDE_CONFIG_DIR": str(tmp_path)}))
    keys = [file.key for file in files]
    assert keys == [f"{tmp_path}/projects/a/1.jsonl", f"{tmp_path}/projects/a/\\xff.jsonl"]
    assert [file.agent for file in files] == ["claude", "claude"]
    assert not any(file.compressed for file in files)
    "".join(keys).encode()


def test_the_environment_of_the_program_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log(tmp_path / ".claude", "a/1.jsonl")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / ".claude"))
    assert list(discover({})) == []


def test_directories_are_listed_and_not_looked_at_where_nothing_leads_to_a_place_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(tmp_path / ".claude", *(f"p/{number}/subagents/agent-a.jsonl" for number in range(9)))
    monkeypatch.setattr(os, "stat", None)
    assert len(found({"HOME": str(tmp_path)}, tmp_path)) == 9


def test_a_tree_inside_of_another_and_a_link_to_a_log_in_both_are_found_once(tmp_path: Path) -> None:
    log(tmp_path / "one", "a/1.jsonl", "projects/b/2.jsonl")
    (tmp_path / "one/projects/a/link.jsonl").symlink_to(tmp_path / "one/projects/projects/b/2.jsonl")
    environ = {"CLAUDE_CONFIG_DIR": f"{tmp_path}/one,{tmp_path}/one/projects"}
    assert found(environ, tmp_path) == ["one/projects/a/1.jsonl", "one/projects/projects/b/2.jsonl"]
