"""What an agent calls at the end of a turn or a session: `tally hook session-end AGENT`.

Nothing reaches stdout, which agents may show to the model, and the exit code is 0 whatever happens. Reading stops
after a few seconds: what was read by then is kept, and the next run goes on there.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallybook.hooks.main import fault, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallybook.hooks.payload import Payload

NAME: Final = "session-end"
PATIENCE: Final = 5.0
"""Seconds for reading logs."""


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Settle what waits and bring the history up to date; 0 for the agent, always."""
    agent = "".join(arguments[:1])
    try:
        from tallybook.hooks.payload import BadPayload
        from tallybook.hooks.sessions import ENDS, payload_of

        payload = payload_of(agent, getattr(sys.stdin, "buffer", None), ENDS)
        if isinstance(payload, BadPayload):
            say(f"warning: {NAME} did nothing: {payload.message}")
        else:
            _update(agent, payload, environ)
    except _LateError:
        say(f"warning: {NAME} read logs for {PATIENCE:g} seconds and stopped; tally sessions reads the rest")
    except Exception as error:  # noqa: BLE001 - an agent never fails by a fault of ours
        say(fault(NAME, error))
    return 0


def _update(agent: str, payload: Payload, environ: Mapping[str, str]) -> None:
    from msgspec.structs import replace

    from tallybook.clock import SystemClock, SystemIds
    from tallybook.hooks.sessions import ended
    from tallybook.usecases.settle import settle_all
    from tallybook.usecases.workspace import Surroundings, workspace_at

    cwd = Path(payload.cwd)
    around = Surroundings(environ, cwd if cwd.is_dir() else Path.cwd(), SystemClock(), SystemIds())
    workspace = workspace_at(around, None)
    ended(agent, payload, workspace.data)
    settle_all(replace(workspace, progress=_Deadline().pass_or_stop), update=True)


class _LateError(Exception):
    """The time is up."""


class _Deadline:
    def __init__(self) -> None:
        self._end = time.monotonic() + PATIENCE

    def pass_or_stop(self, done: int, total: int) -> None:
        """Stop reading if the time is up and something is left to read."""
        if done < total and time.monotonic() > self._end:
            raise _LateError
