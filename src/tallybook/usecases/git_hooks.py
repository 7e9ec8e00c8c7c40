"""Puts tallybook's hooks where git looks for hooks, in front of nothing and behind what is there already.

A hook of somebody else is moved aside, run first, and put back byte for byte; it is never overwritten.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook import __file__ as package_file
from tallybook.repo.git import GitFault

if TYPE_CHECKING:
    from tallybook.repo.worktree import Repository

NAMES: Final = ("commit-msg", "prepare-commit-msg", "pre-commit", "pre-push", "post-merge")
EARLIER: Final = ".before-tallybook"
"""Added to the name of the hook that was there before."""
ASIDE: Final = (".old", ".legacy")
"""Added by lefthook and by pre-commit to the name of a hook in whose place they put their own."""
MARKER: Final = "# tallybook's hook: put here by `tally hooks install`, taken away by `tally hooks uninstall`."


class HookChange(NamedTuple):
    """What was done with one hook, or what would be done in a dry run."""

    name: str
    action: str
    """``installed``, ``chained``, ``updated``, ``unchanged``, ``blocked``; ``removed``, ``restored``, ``absent``,
    ``foreign``; in a status ``installed``, ``chained``, ``outdated``, ``foreign``, ``absent``."""
    path: Path


class HooksRefusal(NamedTuple):
    """Why nothing was done."""

    code: str
    """``hooks-outside``, ``hooks-unwritable``, or a code of ``GitFault``."""
    message: str
    hint: str = ""


class _Plan(NamedTuple):
    change: HookChange
    script: str


def install(repository: Repository, *, dry_run: bool = False, force: bool = False) -> list[HookChange] | HooksRefusal:
    """Install all hooks; twice is the same as once. ``force`` allows a directory that other repositories share."""
    directory = _directory(repository, force=force)
    if isinstance(directory, HooksRefusal):
        return directory
    try:
        plans = [_planned(directory, name) for name in NAMES]
        for plan in () if dry_run else plans:
            _apply(plan)
            _forget_aside(plan.change.path)
    except OSError as error:
        return _unwritable(directory, error)
    return [plan.change for plan in plans]


def uninstall(repository: Repository, *, dry_run: bool = False, force: bool = False) -> list[HookChange] | HooksRefusal:
    """Take our hooks away and put those back that were there before."""
    directory = _directory(repository, force=force)
    if isinstance(directory, HooksRefusal):
        return directory
    changes = []
    try:
        for name in NAMES:
            path, earlier = directory / name, directory / (name + EARLIER)
            restored = os.path.lexists(earlier)
            action = ("restored" if restored else "removed") if _is_ours(path) else _not_ours(path)
            changes.append(HookChange(name, action, path))
            if not dry_run:
                _forget_aside(path)
            if dry_run or action not in {"restored", "removed"}:
                continue
            if restored:
                earlier.replace(path)
            else:
                path.unlink()
    except OSError as error:
        return _unwritable(directory, error)
    return changes


def status(repository: Repository) -> list[HookChange] | HooksRefusal:
    """What stands where git looks for each hook."""
    directory = _directory(repository, force=True)
    if isinstance(directory, HooksRefusal):
        return directory
    changes = []
    for name in NAMES:
        path = directory / name
        if not _is_ours(path):
            action = _not_ours(path)
        elif _read(path) != script(name).encode() or not os.access(path, os.X_OK):
            action = "outdated"
        else:
            action = "chained" if os.path.lexists(directory / (name + EARLIER)) else "installed"
        changes.append(HookChange(name, action, path))
    return changes


def script(name: str) -> str:
    """The text of a hook: the earlier hook, then the Python that installed it, then ``tally``, then a warning."""
    python = shlex.quote(sys.executable)
    package = shlex.quote(str(Path(package_file).with_name("__main__.py")))
    feed, ours = ("", "exec ") if name != "pre-push" else ('printf %s "$tallybook_input" | ', "")
    keep = "" if name != "pre-push" else "tallybook_input=$(cat; echo .)\ntallybook_input=${tallybook_input%.}\n"
    return f"""#!/bin/sh
{MARKER}
{keep}if [ -f "$0{EARLIER}" ] && [ -x "$0{EARLIER}" ]; then
  IFS= read -r tallybook_first <"$0{EARLIER}"
  case "$tallybook_first" in
    '#!/bin/sh' | '#! /bin/sh' | '#!/usr/bin/sh' | '#!/usr/bin/env sh')
      # Read in rather than run: some hooks look up what to do by their own name.
      {feed}( . "$0{EARLIER}" ) || exit $? ;;
    *)
      {feed}"$0{EARLIER}" "$@" || exit $? ;;
  esac
fi
if [ -x {python} ] && [ -f {package} ]; then
  {feed}{ours}{python} -P -m tallybook hook {name} "$@"
elif command -v tally >/dev/null 2>&1; then
  {feed}{ours}tally hook {name} "$@"
else
  echo 'tallybook: warning: {name} did nothing: tally is not installed any more' >&2
fi
"""


def _directory(repository: Repository, *, force: bool) -> Path | HooksRefusal:
    found = repository.git.read("rev-parse", "--git-path", "hooks")
    if isinstance(found, GitFault):
        return HooksRefusal(found.code, found.message)
    directory = repository.toplevel / os.fsdecode(found.removesuffix(b"\n"))
    real = directory.resolve()
    own = (repository.toplevel, repository.git_dir, repository.common_dir)
    if force or any(real.is_relative_to(place.resolve()) for place in own):
        return directory
    return HooksRefusal(
        "hooks-outside",
        f"git looks for hooks in {directory}, outside of this repository: other repositories may use it too",
        "set core.hooksPath for this repository, or force it",
    )


def _planned(directory: Path, name: str) -> _Plan:
    path, earlier, text = directory / name, directory / (name + EARLIER), script(name)
    if not os.path.lexists(path):
        action = "installed"
    elif _is_ours(path):
        same = _read(path) == text.encode() and os.access(path, os.X_OK)
        action = "unchanged" if same else "updated"
    else:
        same = _read(path) is not None and _read(earlier) == _read(path)
        action = "blocked" if os.path.lexists(earlier) and not same else "chained"
    return _Plan(HookChange(name, action, path), text)


def _apply(plan: _Plan) -> None:
    path = plan.change.path
    if plan.change.action in {"unchanged", "blocked"}:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, new = tempfile.mkstemp(prefix=".tallybook-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as target:
            target.write(plan.script)
        Path(new).chmod(0o755)
        if plan.change.action == "chained":
            path.replace(path.with_name(path.name + EARLIER))
        Path(new).replace(path)
    finally:
        Path(new).unlink(missing_ok=True)


def _forget_aside(path: Path) -> None:
    """Remove our own hook where another manager has moved it aside, be it to run it or to keep it."""
    for ending in ASIDE:
        if _is_ours(moved := path.with_name(path.name + ending)):
            moved.unlink()


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _is_ours(path: Path) -> bool:
    return MARKER.encode() in (_read(path) or b"").split(b"\n")[:2]


def _not_ours(path: Path) -> str:
    return "foreign" if os.path.lexists(path) else "absent"


def _unwritable(directory: Path, error: OSError) -> HooksRefusal:
    return HooksRefusal("hooks-unwritable", f"{directory} can't be changed: {error.strerror}")
