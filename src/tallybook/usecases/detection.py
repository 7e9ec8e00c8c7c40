"""Asks which agent session this command runs in, with the history as far as it can be used."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tallybook.agents.handover import DIRECTORY, handed_session
from tallybook.agents.identity import Ambiguous, Answer, Candidate, Flag, Surroundings, detect
from tallybook.agents.processes import system_tree
from tallybook.agents.registry import readers
from tallybook.clock import timestamp, unix_milliseconds
from tallybook.domain.problems import Refusal
from tallybook.history.queries import StoredSessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.history.store import Store
    from tallybook.usecases.workspace import Workspace


_MISUSE: Final = {"unknown-agent", "bad-session-id"}


class _NoSessions:
    """Stands for a history that can't be used."""

    def named(self, session: str) -> tuple[Candidate, ...]:  # noqa: ARG002 - the protocol's signature
        return ()

    def recent(self, directories: Sequence[str], since: int) -> tuple[Candidate, ...]:  # noqa: ARG002 - the protocol's
        return ()


def detected(workspace: Workspace, store: Store | None, flag: Flag) -> Answer:
    """The session, or why it can't be told."""
    around = Surroundings(
        environ=workspace.environ,
        pid=os.getpid(),
        processes=system_tree(),
        sessions=_NoSessions() if store is None else StoredSessions(store),
        cwd=workspace.cwd,
        now=unix_milliseconds(workspace.clock.now()) * 1000,
        handed=partial(handed_session, workspace.data / DIRECTORY),
    )
    answer = detect(readers(), around, flag)
    if isinstance(answer, Refusal) and answer.code in _MISUSE and (flag.agent, flag.session) != (None, None):
        return replace(answer, usage=True)
    return answer


def ambiguous(found: Ambiguous) -> Refusal:
    """The refusal that lists the sessions which could be meant."""
    listed = "; ".join(described(candidate) for candidate in found.candidates)
    return Refusal("several-sessions", f"several agent sessions could be meant: {listed}", found.hint)


def described(candidate: Candidate) -> str:
    """A session by its facts: id, last activity, directory, tokens."""
    moved = ""
    if candidate.last_at is not None:
        moved = f", last activity {timestamp(datetime.fromtimestamp(candidate.last_at / 1_000_000, UTC))}"
    place = f", in {candidate.cwd}" if candidate.cwd else ""
    return f"{candidate.agent} {candidate.session}{moved}{place}, {candidate.tokens:,} tokens"
