"""Names and messages that are no Unicode, and commits that are not as git makes them: none is a fault."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="its file system takes no such names")
ASKED = (
    *(("cost", "--by", by) for by in ("goal", "commit", "branch", "pr", "ref")),
    ("cost", "--repair"),
    ("outcome",),
    ("receipt", "HEAD"),
    ("receipt", "#1"),
)


def object_of(bench: Bench, content: bytes) -> str:
    """A commit with this content, past all checks of git; its id."""
    words = ("git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
    return subprocess.run(words, cwd=bench.repo, input=content, capture_output=True, check=True).stdout.decode().strip()


def all_is_told(bench: Bench) -> None:
    """Every question has an answer, as text and as JSON."""
    for words in ASKED:
        bench.ok(*words).out.encode()
        assert bench.ok(*words, "--json").json["schema"]
    told = bench.tally("check-commits", "HEAD", "--json").json
    assert told["schema"] == "tallybook.check-commits/1"


def test_a_branch_whose_name_is_no_unicode(bench: Bench) -> None:
    """The ledger writes its bytes as escapes."""
    subprocess.run([b"git", b"checkout", b"-q", b"-b", b"caf\xe9/\xc3\xa9"], cwd=bench.repo, check=True)
    goal = bench.start("one", "--untracked")
    bench.ok("finish-task", goal, "--status", "success", "--tokens-input", "5")
    rows = bench.ok("cost", "--by", "branch", "--json").json["rows"]
    assert {row["key"]["branch"]: row["goals"] for row in rows} == {"caf\\xe9/\u00e9": [goal]}
    all_is_told(bench)


def test_a_directory_whose_name_is_no_unicode(bench: Bench, tmp_path: Path) -> None:
    """Its ledger is read and written; there is just no checkpoint of it."""
    place = tmp_path / os.fsdecode(b"caf\xe9")
    bench.repo.rename(place)
    bench.repo = place
    bench.go(place)
    goal = bench.start("one", "--untracked")
    bench.ok("finish-task", goal, "--status", "success", "--tokens-input", "5")
    bench.git("commit", "-q", "--allow-empty", "-m", "Add it", "-m", f"Task: {goal}")
    (row,) = bench.ok("cost", "--by", "commit", "--json").json["rows"]
    assert (row["goals"], row["tokens"]["total"]) == ([goal], 5)
    assert bench.tally("verify").code == 0
    all_is_told(bench)


def test_commits_that_no_git_of_today_makes(bench: Bench) -> None:
    """Times that are missing, too large or negative, no author, and a message in another alphabet."""
    goal = bench.start("one", "--untracked")
    bench.ok("finish-task", goal, "--status", "success", "--tokens-input", "5")
    tree = bench.git("rev-parse", "HEAD^{tree}").encode()
    people = (
        (b"A <a@b.c> 99999999999999999999 +0000", b"A <a@b.c> some day"),
        (b"A", b""),
        (b"A <a@b.c> -5 +0000", b"A <a@b.c> 5"),
        (b"\xe9 <\xff> 5 +0000", b"\xe9 <\xff> 5 +9999"),
    )
    named = []
    for author, committer in people:
        parent = bench.git("rev-parse", "HEAD").encode()
        head = b"tree %s\nparent %s\nauthor %s\ncommitter %s\n\n" % (tree, parent, author, committer)
        named.append(object_of(bench, head + b"caf\xe9 \x1b[31m (#1)\n\nTask: %s\n" % goal.encode()))
        bench.git("reset", "-q", "--hard", named[-1])
    rows = bench.ok("cost", "--by", "commit", "--json").json["rows"]
    assert {row["key"]["commit"] for row in rows} == set(named)
    assert sum(row["tokens"]["total"] for row in rows) == 5
    all_is_told(bench)


def test_what_the_user_wants_of_git_log_changes_nothing(bench: Bench) -> None:
    """Another alphabet, separator, format or colour."""
    bench.git("commit", "-q", "--allow-empty", "-m", "Caf\u00e9 (#1)")
    wanted = {
        "i18n.logOutputEncoding": "latin1",
        "trailer.separators": "=",
        "log.showSignature": "true",
        "color.ui": "always",
        "format.pretty": "oneline",
        "log.abbrevCommit": "true",
    }
    for name, value in wanted.items():
        bench.git("config", name, value)
    told = bench.tally("check-commits", "HEAD^!", "--json").json
    assert [finding["subject"] for finding in told["findings"]] == ["Caf\u00e9 (#1)"]
    all_is_told(bench)
