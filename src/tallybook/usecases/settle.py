"""Settles every boundary that waits for a response, as far as the logs tell by now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.problems import Problem, Refusal
from tallybook.usecases.capture import settlements, with_history
from tallybook.usecases.workspace import Workspace, problems_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.domain.events import NewEvent
    from tallybook.domain.state import LedgerState
    from tallybook.history.ingest import IngestReport
    from tallybook.history.store import Store


class Settled(msgspec.Struct, frozen=True):
    """How many boundaries were settled, and how many still wait."""

    settled: int
    pending: int
    problems: tuple[Problem, ...]


def settle_all(workspace: Workspace, *, update: bool = False) -> Settled:
    """Write a correcting snapshot for each boundary that can be settled now.

    ``update`` brings the history up to date even where no boundary waits.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    replica = workspace.replica()
    pending = len(replica.state.pending)
    problems = (*workspace.problems, *problems_of(replica, replica.state))
    if not pending and not update:
        replica.save()
        return Settled(0, 0, problems)

    def settling(store: Store, report: IngestReport) -> Settled:
        def deciding(state: LedgerState) -> Sequence[NewEvent]:
            return tuple(settlements(store, state, (key for _, key in state.pending)))

        written = replica.transact(deciding) if pending else ()
        settled = 0 if isinstance(written, Refusal) else len(written)
        replica.save()
        return Settled(settled, pending - settled, (*problems, *report.problems, *store.problems))

    return with_history(workspace, settling)
