"""Settles every boundary that waits for a response, as far as the logs tell by now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from tallybook.domain.problems import Problem, Refusal
from tallybook.usecases.capture import settlements, with_history
from tallybook.usecases.workspace import Workspace, replayed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.domain.events import NewEvent
    from tallybook.history.ingest import IngestReport
    from tallybook.history.store import Store
    from tallybook.ledger.reading import Reading


@attrs.frozen
class Settled:
    """How many boundaries were settled, and how many still wait."""

    settled: int
    pending: int
    problems: tuple[Problem, ...]


def settle_all(workspace: Workspace) -> Settled:
    """Write a correcting snapshot for each boundary that can be settled now.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    before = workspace.replay()
    pending = len(before.state.pending)
    if not pending:
        return Settled(0, 0, (*workspace.problems, *before.problems))

    def settling(store: Store, report: IngestReport) -> Settled:
        def deciding(reading: Reading) -> Sequence[NewEvent]:
            state = replayed(reading).state
            return tuple(settlements(store, state, (key for _, key in state.pending)))

        written = workspace.ledger.transact(deciding)
        settled = 0 if isinstance(written, Refusal) else len(written.events)
        problems = (*workspace.problems, *before.problems, *report.problems, *store.problems)
        return Settled(settled, pending - settled, problems)

    return with_history(workspace, settling)
