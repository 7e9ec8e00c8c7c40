"""What an agent's own hooks tell of a session: which process runs it, and that it has ended.

Standard library only, because the agent waits. A session is noted for the nearest process of its agent, so that an
agent inside of another is never taken for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tallybook.agents.handover import DIRECTORY, Holder, give_back, hand_over, holder_of, sweep
from tallybook.agents.processes import ancestors, system_tree
from tallybook.agents.programs import HOOKED, is_program
from tallybook.config import data_directory
from tallybook.hooks.payload import BadPayload, Payload, read_payload

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

    from tallybook.agents.processes import ProcessTree

STARTS = ("SessionStart",)
ENDS = ("Stop", "SessionEnd")
"""The first tells the end of a turn, the second that of the session."""
_SIDE_BY_SIDE = frozenset({"codex"})
"""Agents that may run several sessions in one process."""


def started(agent: str, stream: BinaryIO | None, environ: Mapping[str, str]) -> str:
    """Note which session the agent's process runs; what went wrong, or nothing."""
    payload = payload_of(agent, stream, STARTS)
    if isinstance(payload, BadPayload):
        return f"warning: session-start did nothing: {payload.message}"
    tree = system_tree()
    holder = nearest(agent, tree)
    if holder is None:
        return f"warning: session-start did nothing: no process of {agent} is above this one"
    place = data_directory(environ) / DIRECTORY
    sweep(place, tree)
    hand_over(place, holder, payload.session, several=agent in _SIDE_BY_SIDE)
    return ""


def ended(agent: str, payload: Payload, data: Path) -> None:
    """Forget the session of the agent's process, if it is its session that has ended.

    Raises:
        OSError: the data directory can't be written.

    """
    place = data / DIRECTORY
    if payload.event == "SessionEnd" and place.is_dir():
        holder = nearest(agent, system_tree())
        if holder is not None:
            give_back(place, holder, payload.session)


def payload_of(agent: str, stream: BinaryIO | None, events: tuple[str, ...]) -> Payload | BadPayload:
    """What ``agent`` tells on stdin."""
    if agent not in HOOKED:
        return BadPayload(f"no agent {agent[:40]!a}; known: {', '.join(HOOKED)}")
    return read_payload(stream, events)


def nearest(agent: str, tree: ProcessTree) -> Holder | None:
    """The innermost process of ``agent`` above this one."""
    found = (process for process in ancestors(tree, os.getpid()) if is_program(agent, process.argv))
    process = next(found, None)
    return None if process is None else holder_of(agent, process)
