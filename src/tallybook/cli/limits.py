"""`tally limits`: allowances as agents tell of them, and a pasted status panel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer  # noqa: TC002 - typer reads the annotation of its context when it runs

from tallybook.cli.options import AsJson
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.callback(invoke_without_command=True)
def limits(
    ctx: typer.Context,
    agent: Annotated[str | None, Option("--agent", metavar="AGENT", help="Only this agent's.")] = None,
    everything: Annotated[bool, Option("--all", help="Also those that nothing was heard of for a month.")] = False,
    no_update: Annotated[bool, Option("--no-update", help="Read no logs; tell what is stored.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how much of each allowance is used, how fast it goes, and when it may be used up."""
    if ctx.invoked_subcommand is not None:
        return
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, say, table, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.limits import HEAD, NUMBERS, allowance_cells, block_lines, blocks_json, limit_json, moment
    from tallybook.reports.vectors import Json
    from tallybook.usecases.limits import Request
    from tallybook.usecases.limits import limits as known

    found = known(here(), Request(agent, everything, update=not no_update))
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        rows: list[Json] = [limit_json(one) for one in found.allowances]
        blocks = None if found.blocks is None else blocks_json(found.blocks, found.now)
        content = {"at": moment(found.now), "limits": rows, "blocks": blocks}
        document("limits", {**content, "problems": contract.problems(found.problems)})
    else:
        table(HEAD, [allowance_cells(one, found.now) for one in found.allowances], NUMBERS)
        for text in () if found.blocks is None else block_lines(found.blocks, found.now):
            say(text)
    warn(found.problems)


@app.command("status-text")
def status_text(
    file: Annotated[Path | None, Argument(metavar="[FILE]", help="A file with the text; else standard input.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read a pasted status panel or exit line of an agent; nothing of it is kept."""
    import sys

    from tallybook.cli.render import document, fail_with, say, table
    from tallybook.domain.problems import Refusal
    from tallybook.reports.panels import HEAD, NUMBERS, panel_cells, panel_json, panel_lines
    from tallybook.usecases.limits import LARGEST, pasted, text_of

    text = sys.stdin.read(LARGEST) if file is None else text_of(file)
    found = text if isinstance(text, Refusal) else pasted(text)
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        document("status-text", {**panel_json(found.agent, found.panel), "problems": []})
        return
    table(HEAD, [panel_cells(one) for one in found.panel.limits], NUMBERS)
    for line in panel_lines(found.panel):
        say(line)
