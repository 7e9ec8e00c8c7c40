"""What runs hooks in a repository before tallybook comes: nothing, scripts, three programs, and a shared directory."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from gitrepo import GitRepo

LOG: Final = "HOOK_LOG"
"""The variable that names the file in which a manager's hooks tell that they ran."""
_PROGRAMS: Final = os.pathsep.join(
    (str(Path(__file__).parent / "node_modules" / ".bin"), str(Path(sys.executable).parent), os.environ["PATH"])
)
_TOLD: Final = ("pre-commit", "commit-msg")


class Manager(msgspec.Struct, frozen=True):
    """One of them."""

    name: str
    put: Callable[[GitRepo], None]
    """Have it run hooks of its own that write their names into the log; doing it again changes nothing more."""
    program: str | None = None
    tells: bool = True
    """Whether it has hooks."""
    shared: bool = False
    """Whether its hooks lie outside of the repository."""

    def lacking(self) -> bool:
        """Whether its program is not there."""
        return self.program is not None and shutil.which(self.program, path=_PROGRAMS) is None


def _nothing(repo: GitRepo) -> None:
    del repo


def _write(directory: Path, first: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name in _TOLD:
        (directory / name).write_text(f'{first}\necho {name} >>"${LOG}"\n')
        (directory / name).chmod(0o755)


def _scripts(repo: GitRepo) -> None:
    _write(repo.hook_directory(), "#!/usr/bin/env bash")


def _shared(repo: GitRepo) -> None:
    home = Path(repo.environ["HOME"])
    _write(home / "all hooks", "#!/bin/sh")
    (home / "gitconfig").write_text(f'[core]\n\thooksPath = "{home / "all hooks"}"\n')
    repo.environ["GIT_CONFIG_GLOBAL"] = str(home / "gitconfig")


def _husky(repo: GitRepo) -> None:
    repo.environ["PATH"] = _PROGRAMS
    _run(repo, "husky")
    for name in _TOLD:
        repo.write(f".husky/{name}", f'echo {name} >>"${LOG}"\n')


def _lefthook(repo: GitRepo) -> None:
    repo.environ |= {"PATH": _PROGRAMS, "LEFTHOOK_QUIET": "true"}
    jobs = "".join(f'{name}:\n  commands:\n    tell:\n      run: echo {name} >>"${LOG}"\n' for name in _TOLD)
    repo.write("lefthook.yml", f"no_auto_install: true\n{jobs}")
    _run(repo, "lefthook", "install")


def _pre_commit(repo: GitRepo) -> None:
    repo.environ |= {"PATH": _PROGRAMS, "PRE_COMMIT_HOME": str(Path(repo.environ["HOME"]) / "pre-commit")}
    hooks = [
        {
            "id": f"tell-{name}",
            "name": name,
            "language": "system",
            "entry": f"sh -c 'echo {name} >>\"${LOG}\"'",
            "stages": [name],
            "always_run": True,
            "pass_filenames": False,
        }
        for name in _TOLD
    ]
    if not (repo.path / ".pre-commit-config.yaml").exists():
        repo.commit(".pre-commit-config.yaml", json.dumps({"repos": [{"repo": "local", "hooks": hooks}]}))
    types = [word for name in _TOLD for word in ("--hook-type", name)]
    _run(repo, "pre-commit", "install", *types)


def _run(repo: GitRepo, *command: str) -> None:
    """Through git, which gives the program the place and the closed environment."""
    words = " ".join(command)
    repo.git("-c", f"alias.run=!{words}", "run")


MANAGERS: Final = (
    Manager("nothing", _nothing, tells=False),
    Manager("scripts", _scripts),
    Manager("husky", _husky, "husky"),
    Manager("lefthook", _lefthook, "lefthook"),
    Manager("pre-commit", _pre_commit, "pre-commit"),
    Manager("a shared directory", _shared, shared=True),
)
