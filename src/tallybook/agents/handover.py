"""Which session an agent's own hook has named for its process: ids and numbers alone, for the user's eyes alone.

Standard library only, because an agent waits for the hook that writes. An entry counts as long as the process that
it was written for runs; what is left of others is removed by the next writer.
"""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.agents.processes import Process, ProcessTree

DIRECTORY: Final = "running"
"""Below the data directory."""
SESSION_ID: Final = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
MOST: Final = 32
"""Sessions kept of one process; with more than one nothing can be told anyway."""
_LARGEST: Final = 1 << 16
_NAME: Final = re.compile(r"[a-z]+-([0-9]{1,19})\.json(?:\.([0-9]{1,19})\.tmp)?", re.ASCII)


class Holder(NamedTuple):
    """One run of an agent."""

    agent: str
    pid: int
    started: str
    """Start time as the system writes it."""

    @property
    def file(self) -> str:
        """The name of its entry."""
        return f"{self.agent}-{self.pid}.json"


def holder_of(agent: str, process: Process) -> Holder:
    """The run of ``agent`` that ``process`` is."""
    return Holder(agent, process.pid, process.started)


def hand_over(place: Path, holder: Holder, session: str, *, several: bool) -> None:
    """Note that ``holder`` runs ``session``; ``several`` keeps earlier ones, which run side by side.

    Raises:
        OSError: the place can't be written.

    """
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    earlier = [one for one in _sessions(place, holder) if one != session] if several else []
    _write(place, holder, [*earlier, session][-MOST:])


def give_back(place: Path, holder: Holder, session: str) -> None:
    """Note that ``session`` has ended.

    Raises:
        OSError: the place can't be written.

    """
    held = _sessions(place, holder)
    if session not in held:
        return
    rest = [one for one in held if one != session]
    if rest:
        _write(place, holder, rest)
    else:
        (place / holder.file).unlink(missing_ok=True)


def handed_session(place: Path, holder: Holder) -> str | None:
    """The session that ``holder`` runs; None if its hook named none, or several that run side by side."""
    held = _sessions(place, holder)
    return held[0] if len(held) == 1 else None


def sweep(place: Path, tree: ProcessTree) -> None:
    """Remove the entries of processes that are gone; other files stay."""
    try:
        names = os.listdir(place)  # noqa: PTH208 - names are all that is needed
    except OSError:
        return
    for name in names:
        found = _NAME.fullmatch(name)
        if found is None:
            continue
        if found[2]:
            stale = tree.process(int(found[2])) is None
        else:
            process = tree.process(int(found[1]))
            stale = process is None or _entry(place / name).get("started") != process.started
        if stale:
            with suppress(OSError):
                (place / name).unlink()


def _sessions(place: Path, holder: Holder) -> list[str]:
    entry = _entry(place / holder.file)
    held = entry.get("sessions")
    if entry.get("agent") != holder.agent or entry.get("started") != holder.started or not isinstance(held, list):
        return []
    return [one for one in held if isinstance(one, str) and SESSION_ID.fullmatch(one)]


def _entry(path: Path) -> dict[str, object]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return {}
    try:
        whole = os.read(handle, _LARGEST) if stat.S_ISREG(os.fstat(handle).st_mode) else b"{}"
        found = json.loads(whole)
    except (OSError, ValueError, RecursionError):
        return {}
    finally:
        os.close(handle)
    return found if isinstance(found, dict) else {}


def _write(place: Path, holder: Holder, sessions: list[str]) -> None:
    entry = {"agent": holder.agent, "pid": holder.pid, "started": holder.started, "sessions": sessions}
    draft = place / f"{holder.file}.{os.getpid()}.tmp"
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as target:
            target.write(json.dumps(entry) + "\n")
        draft.replace(place / holder.file)
    finally:
        draft.unlink(missing_ok=True)
