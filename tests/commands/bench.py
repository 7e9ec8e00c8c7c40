"""Runs the real command line in process, beside agents whose logs are written here, so that every token is known."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pytest

Json = dict[str, Any]
PARTS: Final = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "cache_write_unknown", "output")
VECTOR: Final = {*PARTS, "cache_write", "reasoning", "total"}


class Said(msgspec.Struct, frozen=True):
    """What one command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Json:
        """The one JSON object on stdout."""
        found = json.loads(self.out)
        assert self.out.count("\n") == 1
        assert isinstance(found, dict)
        return found

    @property
    def goal(self) -> Json:
        """The goal object."""
        found = self.json
        assert found["schema"] == "tallybook.goal/1", found
        goal: Json = found["goal"]
        return goal

    @property
    def error(self) -> str:
        """The code of the error object."""
        found = self.json
        assert found["schema"] == "tallybook.error/1", found
        assert set(found["error"]) == {"code", "message", "hint"}
        return str(found["error"]["code"])


class Nobody:
    """A process tree in which no agent runs."""

    def process(self, pid: int) -> None:
        """No such process."""


class Bench:
    """One user with a repository, a home and a data directory."""

    def __init__(self, place: Path, home: Path, patch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.data = home / "tallybook"
        self.repo = place / "work"
        self._patch = patch
        patch.setattr("tallybook.usecases.detection.system_tree", Nobody)
        self.repo.mkdir()
        self.git("init", "-q")
        self.commit("README.md")
        self.go(self.repo)

    @property
    def ledger(self) -> Path:
        """The ledger's home."""
        return self.repo / ".git" / "tallybook" / "events"

    def go(self, directory: Path) -> None:
        """Work in another directory from now on."""
        self._patch.chdir(directory)
        self._patch.setenv("PWD", str(directory))

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run git past all hooks; its stdout."""
        command = ("git", "-c", "core.hooksPath=/dev/null", "-c", "protocol.file.allow=always", *arguments)
        done = subprocess.run(command, cwd=cwd or self.repo, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, name: str, cwd: Path | None = None) -> None:
        """Commit one file."""
        ((cwd or self.repo) / name).write_text(f"{name}\n")
        self.git("add", "--", name, cwd=cwd)
        self.git("commit", "-q", "-m", f"Write {name}", cwd=cwd)

    def tally(self, *arguments: str, cwd: Path | str | None = None, **environ: str) -> Said:
        """Run one command, in ``cwd`` and with ``environ`` for this once; nothing may end in a traceback."""
        out, err = io.StringIO(), io.StringIO()
        with self._patch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            for name, value in environ.items():
                patch.setenv(name, value)
            if cwd is not None:
                patch.chdir(cwd)
                patch.setenv("PWD", str(cwd))
            code = run(arguments)
        assert "Traceback" not in err.getvalue()
        assert "a fault in tallybook itself" not in err.getvalue(), err.getvalue()
        return Said(code, out.getvalue(), err.getvalue())

    def ok(self, *arguments: str, cwd: Path | str | None = None, **environ: str) -> Said:
        """Run one command that must do what is asked."""
        said = self.tally(*arguments, cwd=cwd, **environ)
        assert said.code == 0, said
        return said

    def start(self, title: str = "Add a shelf", *more: str, kind: str = "product", **environ: str) -> str:
        """Open a goal; its id."""
        return self.ok("start-task", "--title", title, "--kind", kind, "--quiet", *more, **environ).out.strip()

    def refused(self, *arguments: str, cwd: Path | str | None = None, **environ: str) -> str:
        """Run one command that must be refused with exit 1 and leave the ledger as it is; the error's code."""
        return self._rejected(1, arguments, cwd, environ)

    def misused(self, *arguments: str, cwd: Path | str | None = None, **environ: str) -> str:
        """Run one command whose arguments are wrong, exit 2; the error's code."""
        return self._rejected(2, arguments, cwd, environ)

    def _rejected(
        self, code: int, arguments: tuple[str, ...], cwd: Path | str | None, environ: Mapping[str, str]
    ) -> str:
        before = self.lines()
        said = self.tally(*arguments, "--json", cwd=cwd, **environ)
        assert said.code == code, said
        assert self.lines() == before
        assert said.json["error"]["message"] in said.err
        return said.error

    def lines(self) -> dict[str, bytes]:
        """The bytes of every ledger file."""
        return {path.name: path.read_bytes() for path in sorted(self.ledger.glob("*.ndjson"))}

    def events(self, kind: str | None = None) -> list[Json]:
        """All events, in the order of the files."""
        found = [json.loads(line) for data in self.lines().values() for line in data.splitlines()]
        return [event for event in found if kind in {None, event["type"]}]

    def shown(self, goal: str) -> Json:
        """The goal object."""
        return self.ok("show", goal, "--json").goal

    def state(self) -> Json:
        """The state object, checked for what must hold of all its sums."""
        found = self.ok("show", "--json").json
        balanced(found)
        return found


def program(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401 - those of subprocess
    """Run the program as a process of its own."""
    command = (sys.executable, "-m", "tallybook", *arguments)
    settings = {"capture_output": True, "text": True, "timeout": 60, **options}
    return subprocess.run(command, check=False, **settings)


def tokens(vector: Json | None) -> Counter[str]:
    """A vector of the contract as components, its own sums checked."""
    assert vector is not None
    assert set(vector) == VECTOR
    assert all(type(count) is int and count >= 0 for count in vector.values())
    writes = sum(vector[name] for name in PARTS if name.startswith("cache_write_"))
    assert vector["cache_write"] == writes
    assert vector["total"] == vector["input"] + vector["cache_read"] + writes + vector["output"]
    assert vector["reasoning"] <= vector["output"]
    return +Counter({name: vector[name] for name in (*PARTS, "reasoning")})


def balanced(state: Json) -> None:
    """Goals and remainder make up the counters of the last snapshots; stages make up attempts, attempts the goal."""
    for goal in state["goals"]:
        if goal["mode"] not in {"captured", None}:  # numbers by hand stand in no snapshot
            continue
        if goal["status"] == "merged" or goal["tokens"] is None:
            continue
        whole = tokens(goal["tokens"])
        assert summed(attempt["tokens"] for attempt in goal["attempts"]) == whole
        assert summed(share["tokens"] for share in goal["sessions"]) == whole
        assert summed(share["tokens"] for share in goal["by_model"]) == whole
        assert tokens(goal["self"]) + tokens(goal["subtree"]) == whole
        for attempt in goal["attempts"]:
            place = (attempt["goal"], attempt["number"])
            stages = [stage for stage in goal["stages"] if (stage["goal"], stage["attempt"]) == place]
            assert stages[-1]["name"] is None
            if attempt["tokens"] is not None:
                assert summed(stage["tokens"] for stage in stages) == tokens(attempt["tokens"])
    remainder = tokens(state["remainder"]["tokens"])
    assert summed(row["tokens"] for row in state["remainder"]["by_session"]) == remainder


def summed(vectors: Iterator[Json | None]) -> Counter[str]:
    """The sum of the vectors that were measured."""
    return sum((tokens(vector) for vector in vectors if vector is not None), Counter())


def tree(*places: Path) -> dict[str, tuple[int, int, bytes | None]]:
    """Every file and directory below the places: mode, time of the last change, content."""
    found: dict[str, tuple[int, int, bytes | None]] = {}
    for place in places:
        for path in (place, *sorted(place.rglob("*"))):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else None
            found[str(path)] = (status.st_mode, status.st_mtime_ns, content)
    return found
