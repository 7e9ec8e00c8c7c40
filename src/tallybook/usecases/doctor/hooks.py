"""Git's hooks: where they stand, and what the installed ones answer when they are run.

They are run as copies, in a repository made for that in a temporary directory, with a home and a ledger of its own:
nothing of the user's is touched, and hooks of others that ours would call are not called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.repo.git import Git, GitFault
from tallybook.usecases import git_hooks
from tallybook.usecases.doctor.finding import note, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tallybook.usecases.doctor.finding import Finding
    from tallybook.usecases.git_hooks import HookChange
    from tallybook.usecases.workspace import Workspace

_INSTALL: Final = "tally hooks install"
_SECONDS: Final = 10.0


class Trial(msgspec.Struct, frozen=True):
    """One run of a hook, and the exit status that it must answer with."""

    arguments: tuple[str, ...] = ()
    message: str = ""
    status: int = 0


_MESSAGE: Final = ("MESSAGE",)
TRIALS: Final = {
    "commit-msg": (
        Trial(_MESSAGE, "Try the hook\n\nNo-Task: the doctor tries it\n"),
        Trial(_MESSAGE, "Try the hook\n", status=1),
    ),
    "prepare-commit-msg": (Trial((*_MESSAGE, "message"), "Try the hook\n"),),
    "pre-commit": (Trial(),),
    "pre-push": (Trial(("origin", "nowhere")),),
    "post-merge": (Trial(("0",)),),
}


def hooks(workspace: Workspace) -> Iterator[Finding]:
    """Each hook as it is installed and as it answers."""
    repository = workspace.repository
    if repository is None:
        return
    found = git_hooks.status(repository)
    if isinstance(found, git_hooks.HooksRefusal):
        yield problem("hooks", found.message, found.hint or _INSTALL)
        return
    install = _INSTALL
    if isinstance(git_hooks.install(repository, dry_run=True), git_hooks.HooksRefusal):
        install = f"{_INSTALL} --force, or unset core.hooksPath"
        place = found[0].path.parent
        yield note("hooks", "git looks for hooks here, outside of the repository: others may use them too", "", place)
    ours = [change for change in found if change.action not in {"absent", "foreign"}]
    if not ours:
        foreign = [change.name for change in found if change.action == "foreign"]
        others = f"; {', '.join(foreign)} of somebody else would go on working" if foreign else ""
        yield note("hooks", f"they are not installed: commits are not tied to goals{others}", install)
        return
    for change in found:
        yield _state(change, workspace.environ, install)


def _state(change: HookChange, environ: Mapping[str, str], install: str) -> Finding:
    name, path = change.name, change.path
    if change.action == "absent":
        return problem(name, "it is missing, while others are installed", install, path)
    if change.action == "foreign":
        return problem(name, "a hook of somebody else stands here and does not call tallybook's", install, path)
    if not os.access(path, os.X_OK):
        return problem(name, "it is not executable, so git passes it over", install, path)
    fault = _fault(change, environ)
    if fault is not None:
        return problem(name, fault, install, path)
    if change.action == "outdated":
        return note(name, "it works, but is not the one that this tallybook installs", install, path)
    chained = ", behind the hook that was there before" if change.action == "chained" else ""
    return ok(name, f"installed{chained}; it ran and answered as it should", path)


def _fault(change: HookChange, environ: Mapping[str, str]) -> str | None:
    """What the hook does wrong when it is run; None if nothing."""
    with tempfile.TemporaryDirectory(prefix="tallybook-doctor-") as name:
        place = Path(name).resolve()
        inner = _sheltered(environ, place)
        made = Git(place, inner).write("init", "-q", "--template=", "repository")
        if isinstance(made, GitFault):
            return f"no repository could be made to try it in: {made.message}"
        copy = place / change.name
        shutil.copyfile(change.path, copy)
        copy.chmod(0o700)
        for trial in TRIALS[change.name]:
            fault = _tried(copy, trial, inner)
            if fault is not None:
                return fault
    return None


def _sheltered(environ: Mapping[str, str], place: Path) -> dict[str, str]:
    """The environment in which a hook finds nothing of the user's but programs."""
    kept = {name: value for name, value in environ.items() if not name.startswith(("GIT_", "TALLYBOOK_"))}
    return {
        **kept,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(place),
        "TALLYBOOK_HOME": str(place / "data"),
        "TALLYBOOK_LEDGER": str(place / "ledger"),
    }


def _tried(hook: Path, trial: Trial, environ: Mapping[str, str]) -> str | None:
    directory = hook.parent / "repository"
    (directory / _MESSAGE[0]).write_text(trial.message, "utf-8")
    try:
        done = subprocess.run(  # noqa: S603 - a copy of a hook that tallybook has installed
            (str(hook), *trial.arguments),
            cwd=directory,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {_SECONDS:g} s"
    except OSError as error:
        return f"it can't be run: {error.strerror}"
    said = os.fsdecode(done.stderr).strip()
    if done.returncode == trial.status and "warning:" not in said and (said != "") == (trial.status != 0):
        return None
    words = f": {said.rpartition(chr(10))[2][:200]}" if said else ""
    if done.returncode == trial.status:
        return f"it ran and did nothing{words}"
    return f"it ended with {done.returncode} where {trial.status} is right{words}"
