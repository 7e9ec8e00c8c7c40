"""The row of the hooks: every kind of commit, beside every manager of hooks, in every layout."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from gitrepo import GitRepo
from tallybook.usecases.git_hooks import NAMES
from torture.commit_kinds import KINDS, Kind, World
from torture.layouts import LAYOUTS
from torture.managers import LOG, MANAGERS, Manager
from torture.plan import Case, Plan, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL: Final = 18
"""Cases of the small size, among which every kind, manager and layout is."""


class _Cell(msgspec.Struct, frozen=True):
    kind: Kind
    manager: Manager
    layout: Callable[[Path], GitRepo]

    @property
    def name(self) -> str:
        return f"{self.kind.name} beside {self.manager.name}, {self.layout.__name__}"


def cases(plan: Plan) -> Iterator[Case]:
    """All cells of the matrix, or some."""
    managers = [manager for manager in MANAGERS if not manager.lacking()]
    every = [_Cell(kind, manager, layout) for kind in KINDS for manager in managers for layout in LAYOUTS]
    for number, cell in enumerate(every if plan.full else _some(plan, managers)):
        yield Case(cell.name, partial(_check, cell, plan.base / f"{number}"))


def _some(plan: Plan, managers: list[Manager]) -> list[_Cell]:
    """Each kind, each manager and each layout at least once."""
    rng = plan.rng("hooks")
    kinds, beside, layouts = list(KINDS), managers[:], list(LAYOUTS)
    for row in (kinds, beside, layouts):
        rng.shuffle(row)
    return [_Cell(kinds[n % len(kinds)], beside[n % len(beside)], layouts[n % len(layouts)]) for n in range(SMALL)]


def _check(cell: _Cell, base: Path) -> None:
    base.mkdir()
    repo = cell.layout(base)
    repo.environ |= {LOG: str(base / "log"), "TALLYBOOK_HOME": str(base / "data")}
    cell.manager.put(repo)
    before = _state(repo)
    force = ("--force",) if cell.manager.shared else ()
    _tally(repo, "hooks", "install", *force)
    installed = _state(repo)
    _tally(repo, "hooks", "install", *force)
    assert _state(repo) == installed, "a second installation has changed something"
    world = World(repo, repo.start("An earlier one"))
    repo.finish(world.earlier)
    _without_a_goal(cell, world)
    _with_a_goal(cell, world)
    cell.manager.put(repo)
    _tally(repo, "hooks", "install", *force)
    _set_up_again(cell, world)
    _tally(repo, "hooks", "uninstall", *force)
    assert _state(repo) == before, "the hooks have left a trace"
    _tally(repo, "hooks", "install", *force)
    _broken(cell, world)
    _tally(repo, "hooks", "uninstall", *force)
    assert _state(repo) == before, "broken hooks have left a trace"


def _without_a_goal(cell: _Cell, world: World) -> None:
    """What git makes by itself is let through, a plain commit that names nothing is refused."""
    told = cell.kind.tells(world)
    done = cell.kind.make(world)
    if cell.kind.own or told:
        assert done.returncode == 0, done.stderr
        assert world.repo.tasks() == told
        return
    assert done.returncode == 1, "a commit without a task was let through"
    assert "tally start-task" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    world.repo.git("reset", "-q", "--hard")


def _with_a_goal(cell: _Cell, world: World) -> None:
    """The open goal is named by every plain commit, once, and what the manager runs has run."""
    goal = world.repo.start("The open one")
    log = _log(world.repo)
    log.unlink(missing_ok=True)
    done = cell.kind.make(world)
    assert done.returncode == 0, done.stderr
    named = cell.kind.tells(world) or ([] if cell.kind.own else [goal])
    assert world.repo.tasks() == named, world.repo.message()
    assert not list(_git_dir(world.repo).glob("tallybook-*")), "a note was left behind"
    if cell.manager.tells and not cell.kind.own:
        assert log.read_text().split() == ["pre-commit", "commit-msg"], "the manager's hooks have not run once each"
    world.repo.finish(goal)


def _set_up_again(cell: _Cell, world: World) -> None:
    """A manager that has put its hooks over ours, or ours aside, does not count twice or get lost."""
    goal = world.repo.start("The next one")
    log = _log(world.repo)
    log.unlink(missing_ok=True)
    world.stage()
    done = world.commit("-m", "Once more")
    assert done.returncode == 0, done.stderr
    assert world.repo.tasks() == [goal], world.repo.message()
    if cell.manager.tells:
        assert log.read_text().split() == ["pre-commit", "commit-msg"], "the manager's hooks have not run once each"
    world.repo.finish(goal)


def _broken(cell: _Cell, world: World) -> None:
    """A tallybook that is gone stops nobody, and says so; what the manager runs has run."""
    directory = world.repo.hook_directory()
    for name in NAMES:
        hook = directory / name
        hook.write_text(hook.read_text().replace(shlex.quote(sys.executable), "/nonexistent/python"))
    log = _log(world.repo)
    log.unlink(missing_ok=True)
    world.stage()
    done = world.commit("-m", "Without it", PATH=_without_tally(world.repo.environ["PATH"]))
    assert (done.returncode, "not installed any more" in done.stderr) == (0, True), done.stderr
    if cell.manager.tells:
        assert log.read_text().split() == ["pre-commit", "commit-msg"]


def _without_tally(path: str) -> str:
    """The places where no ``tally`` is; what a manager needs is called by its place."""
    return os.pathsep.join(one for one in path.split(os.pathsep) if not os.path.lexists(Path(one, "tally")))


def _tally(repo: GitRepo, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tallybook", *arguments],
        cwd=repo.path,
        env=repo.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"


def _state(repo: GitRepo) -> dict[str, tuple[bytes, int]]:
    """Every file of the hooks' directory with its mode, and the configuration."""
    directory = repo.hook_directory()
    files = [path for path in directory.rglob("*") if path.is_file()] if directory.is_dir() else []
    found = {str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_mode) for path in files}
    return found | {"the configuration": (repo.git("config", "--list").encode(), 0)}


def _git_dir(repo: GitRepo) -> Path:
    return repo.path / repo.git("rev-parse", "--absolute-git-dir")


def _log(repo: GitRepo) -> Path:
    return Path(repo.environ[LOG])


def _remark() -> str | None:
    lacking = [manager.name for manager in MANAGERS if manager.lacking()]
    return f"not installed, so left out: {', '.join(lacking)}" if lacking else None


ROW: Final = Row(
    "hooks",
    f"{len(KINDS)} kinds of commit x {len(MANAGERS)} managers of hooks x {len(LAYOUTS)} layouts",
    "the right task named once, a commit without one refused, the manager's hooks run, no trace after uninstall",
    cases,
    remark=_remark,
)
