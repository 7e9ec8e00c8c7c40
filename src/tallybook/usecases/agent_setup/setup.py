"""Installs and removes what makes an agent keep its book: all of it is planned before the first byte is written.

Twice is the same as once, and removing gives back the bytes that were there before.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tallybook.domain.problems import Refusal
from tallybook.usecases.agent_setup.block import with_block, without_block
from tallybook.usecases.agent_setup.directories import make_for, remove_for
from tallybook.usecases.agent_setup.hook_entries import with_entries, without_entries
from tallybook.usecases.agent_setup.texts import instructions, skill, without_skill
from tallybook.usecases.write_file import write_if_changed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.usecases.agent_setup.places import Places

LARGEST: Final = 16 << 20
"""Bytes of a file that is edited."""


class PartChange(msgspec.Struct, frozen=True):
    """One part of an installation, and what was done with it, or would be."""

    agent: str
    scope: str
    part: str
    """``hooks``, ``skill`` or ``instructions``."""
    action: str
    """``created``, ``changed``, ``unchanged``; ``removed``, ``absent``; ``foreign``: somebody else's, left alone. In a
    status ``installed``, ``outdated``, ``absent``, ``foreign``, ``unreadable``."""
    path: Path


class _Part(msgspec.Struct, frozen=True):
    """How one part is put into a file and taken out of it."""

    name: str
    path: Path
    put: Callable[[str | None], str | Refusal]
    take: Callable[[str], str | Refusal | None]
    """The text itself where there is nothing to take."""
    alone: bool = False
    """The whole file is ours, or somebody else's."""


class _Step(NamedTuple):
    action: str
    after: str | None


class _Plan(msgspec.Struct, frozen=True):
    change: PartChange
    before: str | None
    after: str | None


def install(places: Places, data: Path, *, dry_run: bool) -> list[PartChange] | Refusal:
    """Put everything in its place; ``data`` is the data directory.

    Raises:
        OSError: a place can't be read or written.

    """
    plans = _planned(places, _installing)
    if isinstance(plans, Refusal):
        return plans
    for plan in () if dry_run else plans:
        if plan.after is not None and plan.after != plan.before:
            make_for(plan.change.path, places.limit, data)
            write_if_changed(plan.change.path, plan.after)
    return [plan.change for plan in plans]


def uninstall(places: Places, data: Path, *, dry_run: bool) -> list[PartChange] | Refusal:
    """Take everything away that ``install`` has put there.

    Raises:
        OSError: a place can't be read or written.

    """
    plans = _planned(places, _removing)
    if isinstance(plans, Refusal):
        return plans
    touched = [plan.change.path for plan in plans if plan.after != plan.before]
    for plan in () if dry_run else plans:
        if plan.after is None and plan.before is not None:
            Path(os.path.realpath(plan.change.path)).unlink()
        elif plan.after is not None and plan.after != plan.before:
            write_if_changed(plan.change.path, plan.after)
    if not dry_run:
        remove_for(touched, places.limit, data)
    return [plan.change for plan in plans]


def status(places: Places) -> list[PartChange]:
    """What of an installation is there."""
    return [PartChange(places.agent, places.scope, part.name, _state(part), part.path) for part in _parts(places)]


def _parts(places: Places) -> Iterator[_Part]:
    yield _Part("hooks", places.hooks, lambda text: with_entries(text, places.agent), without_entries)
    yield _Part("skill", places.skill, lambda _: skill(), without_skill, alone=True)
    yield _Part("instructions", places.instructions, lambda text: with_block(text, instructions()), without_block)


def _planned(places: Places, step: Callable[[_Part, str | None], _Step | Refusal]) -> list[_Plan] | Refusal:
    plans = []
    for part in _parts(places):
        before = _read(part.path)
        if isinstance(before, Refusal):
            return _located(before, part.path)
        planned = step(part, before)
        if isinstance(planned, Refusal):
            return _located(planned, part.path)
        change = PartChange(places.agent, places.scope, part.name, planned.action, part.path)
        plans.append(_Plan(change, before, planned.after))
    return plans


def _located(refusal: Refusal, path: Path) -> Refusal:
    return replace(refusal, message=f"{path}: {refusal.message}")


def _installing(part: _Part, before: str | None) -> _Step | Refusal:
    if before is not None and part.alone and part.take(before) == before:
        return _Step("foreign", before)
    after = part.put(before)
    if isinstance(after, Refusal):
        return after
    return _Step("created" if before is None else "unchanged" if after == before else "changed", after)


def _removing(part: _Part, before: str | None) -> _Step | Refusal:
    after = None if before is None else part.take(before)
    if isinstance(after, Refusal):
        return after
    if after == before:
        return _Step("foreign" if before is not None and part.alone else "absent", before)
    return _Step("removed" if after is None else "changed", after)


def _state(part: _Part) -> str:
    try:
        text = _read(part.path)
    except OSError:
        return "unreadable"
    if text is None:
        return "absent"
    rest = text if isinstance(text, Refusal) else part.take(text)
    if isinstance(text, Refusal) or isinstance(rest, Refusal):
        return "unreadable"
    if rest == text:
        return "foreign" if part.alone else "absent"
    return "installed" if part.put(text) == text else "outdated"


def _read(path: Path) -> str | Refusal | None:
    """The text of a regular file; None if there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return Refusal("odd-file", "it is no regular file", "move it away and run this again")
    with os.fdopen(handle, "rb") as source:
        raw = source.read(LARGEST + 1)
    if len(raw) > LARGEST:
        return Refusal("odd-file", f"it is larger than {LARGEST >> 20} MiB", "make it smaller and run this again")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        message = f"it is not UTF-8 (byte {error.start})"
        return Refusal("odd-file", message, "write it anew in UTF-8 and run this again")
