"""`tally history update`, and its stages one by one: what is read of logs, and what follows from that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.cli.options import AsJson

if TYPE_CHECKING:
    from tallybook.usecases.history_stages import Command


def update(as_json: AsJson = False) -> None:
    """Run all stages, one after the other; a stage that has nothing new to work on changes nothing."""
    _run(("ingest", "classify", "derive"), json=as_json)


def ingest(as_json: AsJson = False) -> None:
    """Read what is new in the logs of all agents."""
    _run(("ingest",), json=as_json)


def classify(as_json: AsJson = False) -> None:
    """Count what has happened in sessions, and tell what kind each session is; reads no logs."""
    _run(("classify",), json=as_json)


def derive(as_json: AsJson = False) -> None:
    """Put sessions into their trees, count failures and retries, tell projects apart; reads no logs."""
    _run(("derive",), json=as_json)


def _run(commands: tuple[Command, ...], *, json: bool) -> None:
    from tallybook.cli.place import here
    from tallybook.cli.render import document, line, warn
    from tallybook.reports import contract
    from tallybook.reports.history_stages import stages_json, stages_lines
    from tallybook.usecases.history_stages import run_stages

    done = run_stages(here(), commands)
    if json:
        document("history", {**stages_json(done.report, done.outcomes), "problems": contract.problems(done.problems)})
    else:
        for text in stages_lines(done.report, done.outcomes):
            line(text)
    warn(done.problems)
