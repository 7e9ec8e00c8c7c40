"""What the program runs on: its own version, Python, the libraries it needs, SQLite."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallybook import __file__ as package_file
from tallybook import __version__
from tallybook.history.inspection import sqlite_is_usable
from tallybook.repo.git import Git, GitFault
from tallybook.usecases.doctor.finding import note, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.usecases.doctor.finding import Finding
    from tallybook.usecases.workspace import Workspace

OLDEST_PYTHON: Final = (3, 11)
_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9._-]+)\s*([^;]*)(?:;\s*(.*))?")
_CLAUSE: Final = re.compile(r"\s*(>=|<=|==|!=|<|>)\s*([0-9][0-9.]*)\s*")
_MARKER: Final = re.compile(r"python_version\s*(>=|<=|==|!=|<|>)\s*['\"]([0-9.]+)['\"]")


def own_version(workspace: Workspace) -> Iterator[Finding]:
    """The program itself, with the commit where it runs from a checkout."""
    place = Path(package_file).resolve().parent
    commit = _commit(place, workspace)
    yield ok("tallybook", f"{__version__}{commit}", place)


def _commit(package: Path, workspace: Workspace) -> str:
    root = package.parent.parent
    if package.parent.name != "src" or not (root / ".git").exists():
        return ""
    bare = {name: value for name, value in workspace.environ.items() if not name.startswith("GIT_")}
    found = Git(root, bare).read("rev-parse", "--short=12", "HEAD")
    return ", a checkout" if isinstance(found, GitFault) else f", a checkout of {os.fsdecode(found).strip()}"


def python_version(_: Workspace) -> Iterator[Finding]:
    """The interpreter and where it is."""
    told = f"{platform.python_version()} ({platform.system()} {platform.machine()})"
    if sys.version_info < OLDEST_PYTHON:
        yield problem("python", f"{told} is too old", "install tallybook with Python 3.11 or later")
    else:
        yield ok("python", told, Path(sys.executable))


def dependencies(_: Workspace) -> Iterator[Finding]:
    """Every library that the package asks for, in the versions it asks for."""
    try:
        wanted = metadata.requires("tallybook") or []
    except metadata.PackageNotFoundError:
        yield note("dependencies", "tallybook is not installed here, so nothing tells which versions it needs")
        return
    there, faults = [], []
    for name, clauses, marker in (_parsed(text) for text in wanted):
        if marker is not None and not _holds(platform.python_version(), (marker,)):
            continue
        version = _installed(name)
        if version is None:
            faults.append(f"{name} is missing")
        elif not _holds(version, clauses):
            faults.append(f"{name} {version} is outside of {','.join(sign + limit for sign, limit in clauses)}")
        else:
            there.append(f"{name} {version}")
    if faults:
        yield problem("dependencies", "; ".join(faults), "install tallybook anew, with pipx or pip")
    else:
        yield ok("dependencies", ", ".join(there))


def sqlite_version(_: Workspace) -> Iterator[Finding]:
    """The SQLite that Python was built with."""
    version, usable = sqlite_is_usable()
    if usable:
        yield ok("sqlite", version)
    else:
        yield problem("sqlite", f"{version} is too old", "use a Python with SQLite 3.37 or newer")


Clause = tuple[str, str]


def _parsed(requirement: str) -> tuple[str, tuple[Clause, ...], Clause | None]:
    """Name, clauses, and what it says of the Python version."""
    found = _REQUIREMENT.match(requirement)
    if found is None:
        return requirement, (), None
    marker = _MARKER.search(found[3] or "")
    return found[1], tuple(_CLAUSE.findall(found[2])), None if marker is None else (marker[1], marker[2])


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _holds(version: str, clauses: tuple[Clause, ...]) -> bool:
    return all(_compare(_numbers(version), sign, _numbers(limit)) for sign, limit in clauses)


def _compare(version: tuple[int, ...], sign: str, limit: tuple[int, ...]) -> bool:
    match sign:
        case "<":
            return version < limit
        case "<=":
            return version <= limit
        case ">":
            return version > limit
        case ">=":
            return version >= limit
        case "!=":
            return version != limit
        case _:
            return version == limit


def _numbers(version: str) -> tuple[int, ...]:
    """The release numbers at the head, without zeros at their end."""
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
