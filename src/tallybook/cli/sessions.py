"""`tally sessions`: the agent sessions that logs tell of."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson
from tallybook.cli.parameters import Option


def sessions(
    agent: Annotated[str | None, Option("--agent", metavar="AGENT", help="Only this agent's.")] = None,
    limit: Annotated[int, Option("--limit", min=1, metavar="N", help="At most so many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List agents' sessions, the one that moved last first."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, say, table, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.sessions import session_json
    from tallybook.reports.vectors import Json
    from tallybook.usecases.sessions import list_sessions

    found = list_sessions(here(), agent, limit)
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        rows: list[Json] = [session_json(row) for row in found.rows]
        document("sessions", {"sessions": rows, "more": found.more, "problems": contract.problems(found.problems)})
    else:
        head = ("agent", "session", "last activity", "live", "model", "tokens", "USD", "directory")
        table(head, [row.cells() for row in found.rows], frozenset({"tokens", "USD"}))
        if found.more:
            say(f"these are the {len(found.rows):,} that moved last; --limit tells more")
    warn(found.problems)
