"""What is a failure and what a retry: one definition for all agents.

An *attempt* is a call of a tool. It *fails* if its result says so. It is a *retry* if an earlier attempt of the same
tool with the same arguments has failed in the same session, and neither a prompt nor a success of that same call lies
between them. A retry that does not fail is a *recovery*. A call whose arguments are not known is never a retry.

Of the service that answers for the model, each error that a log tells is a failure; it is a retry if anything that the
model did follows in the session before the next prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.history.items import FAILURE, TOOL

if TYPE_CHECKING:
    from collections.abc import Iterable

PROMPT: Final = "prompt"
SERVICE: Final = "api-error"
DONE: Final = frozenset({TOOL, "message", "reasoning"})
"""What a model does."""


class Step(NamedTuple):
    """Something that happened in a session."""

    kind: str
    key: int
    """Of a failure: that of the call which failed."""
    call: tuple[int, int] | None = None
    """Tool and hash of the arguments."""


class Attempts(NamedTuple):
    """How the calls of one session went."""

    calls: int = 0
    failed: int = 0
    retries: int = 0
    recovered: int = 0
    service_failed: int = 0
    service_retries: int = 0


def attempts_of(steps: Iterable[Step]) -> Attempts:
    """Count a session's steps, which come in the order of time."""
    known = list(steps)
    walk = _Walk({step.key for step in known if step.kind == FAILURE})
    for step in known:
        walk.take(step)
    return Attempts(walk.calls, walk.failed, walk.retries, walk.recovered, walk.service_failed, walk.service_retries)


class _Walk:
    def __init__(self, failures: set[int]) -> None:
        self._failures = failures
        self._made: dict[int, tuple[int, int]] = {}
        """Calls of this turn by their keys."""
        self._open: set[tuple[int, int]] = set()
        """Those that have failed and not succeeded since."""
        self._errors = 0
        self.calls = self.failed = self.retries = self.recovered = self.service_failed = self.service_retries = 0

    def take(self, step: Step) -> None:
        if step.kind == PROMPT:
            self._made.clear()
            self._open.clear()
            self._errors = 0
        elif step.kind == SERVICE:
            self.service_failed += 1
            self._errors += 1
        elif step.kind == FAILURE:
            if step.key in self._made:
                self._open.add(self._made[step.key])
        elif step.kind in DONE:
            self.service_retries += self._errors
            self._errors = 0
        if step.kind == TOOL:
            self._call(step)

    def _call(self, step: Step) -> None:
        failed, again = step.key in self._failures, step.call in self._open
        self.calls += 1
        self.failed += failed
        self.retries += again
        self.recovered += again and not failed
        if step.call is not None:
            self._made[step.key] = step.call
            if not failed:
                self._open.discard(step.call)
