"""Parent processes, from /proc and from ps."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tallybook.agents import processes
from tallybook.agents.processes import ListedTree, Process, ProcTree, ancestors, parse_ps, system_tree

if TYPE_CHECKING:
    import pytest


def put(root: Path, pid: int, stat: str, cmdline: bytes = b"") -> None:
    (root / str(pid)).mkdir()
    (root / str(pid) / "stat").write_text(stat)
    (root / str(pid) / "cmdline").write_bytes(cmdline)


def stat_line(pid: int, name: str, parent: int, started: int) -> str:
    return f"{pid} ({name}) S {parent} " + " ".join(["0"] * 17) + f" {started} 0 0"


def test_names_may_hold_blanks_and_parentheses(tmp_path: Path) -> None:
    put(tmp_path, 7, stat_line(7, "odd) R 99 (name", 3, 4711), b"codex\0exec\0\xff\0")
    assert ProcTree(tmp_path).process(7) == Process(7, 3, "4711", ("codex", "exec", "\ufffd"))


def test_what_cannot_be_read_is_no_process(tmp_path: Path) -> None:
    put(tmp_path, 1, "1 (init) S 0 0")
    put(tmp_path, 2, "")
    put(tmp_path, 3, stat_line(3, "kernel", 2, 5))
    tree = ProcTree(tmp_path)
    assert [tree.process(pid) for pid in (1, 2, 9)] == [None, None, None]
    assert tree.process(3) == Process(3, 2, "5", ())


def test_the_walk_goes_up_and_never_round() -> None:
    tree = ListedTree({pid: Process(pid, parent, "", ()) for pid, parent in {5: 4, 4: 3, 3: 5}.items()})
    assert [process.pid for process in ancestors(tree, 5)] == [4, 3]
    deep = ListedTree({pid: Process(pid, pid - 1, "", ()) for pid in range(1, 200)})
    assert len(list(ancestors(deep, 199))) == processes.DEEPEST
    assert [process.pid for process in ancestors(deep, 2)] == [1]
    assert list(ancestors(deep, 1000)) == []


def test_the_machine_knows_our_parent() -> None:
    assert next(iter(ancestors(system_tree(), os.getpid()))).pid == os.getppid()


def test_a_listing_of_ps_is_read_line_by_line() -> None:
    listing = """\
    1     0 Sun Nov 22 02:25:14 2026 /sbin/launchd
  501     1 Sun Nov 22 02:25:15 2026 node /usr/bin/codex exec
  502     1 Sun Nov 22 02:25:16 2026
  503     x Sun Nov 22 02:25:16 2026 odd
  bad
"""
    assert parse_ps(listing) == {
        1: Process(1, 0, "Sun Nov 22 02:25:14 2026", ("/sbin/launchd",)),
        501: Process(501, 1, "Sun Nov 22 02:25:15 2026", ("node", "/usr/bin/codex", "exec")),
        502: Process(502, 1, "Sun Nov 22 02:25:16 2026", ()),
    }


def test_without_proc_ps_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: False)
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/ps")
    line = f"{os.getpid()} 1 Sun Nov 22 02:25:14 2026 tally\n".encode()
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, line))
    assert system_tree().process(os.getpid()) == Process(os.getpid(), 1, "Sun Nov 22 02:25:14 2026", ("tally",))

    def slow(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 5)

    monkeypatch.setattr(subprocess, "run", slow)
    assert system_tree().process(os.getpid()) is None
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert system_tree().process(os.getpid()) is None


def test_what_proc_shows_of_a_process_from_outside(tmp_path: Path) -> None:
    put(tmp_path, 7, stat_line(7, "sh", 3, 1))
    (tmp_path / "self").mkdir()
    (tmp_path / "7" / "fd").mkdir()
    for name, target in (("0", "/dev/null"), ("1", "pipe:[77]"), ("2", "/dev/null"), ("3", "/logs/a.jsonl")):
        (tmp_path / "7" / "fd" / name).symlink_to(target)
    (tmp_path / "7" / "fd" / "4").write_text("no link")
    (tmp_path / "7" / "cwd").symlink_to("/work")
    (tmp_path / "7" / "environ").write_bytes(b"A=1\0B=x=y\0odd\0C=\0")
    table = ProcTree(tmp_path)
    assert list(table.pids()) == [7]
    assert table.files(7) == ("/dev/null", "/logs/a.jsonl")
    assert table.directory(7) == "/work"
    assert table.environ(7) == {"A": "1", "B": "x=y", "C": ""}
    assert (table.files(8), table.directory(8), table.environ(8)) == ((), None, None)
    assert list(ProcTree(tmp_path / "nowhere").pids()) == []


def test_ps_tells_less() -> None:
    table = ListedTree({5: Process(5, 4, "", ())})
    assert list(table.pids()) == [5]
    assert (table.files(5), table.directory(5), table.environ(5)) == ((), None, None)
