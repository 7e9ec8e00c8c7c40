"""`tally why`: every line of the logs of a session, counted or not, and for what reason."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def why(
    session: Annotated[str, Argument(metavar="SESSION", help="Its id, as `tally sessions` lists it.")],
    agent: Annotated[
        str | None, Option("--agent", metavar="AGENT", help="Whose, where more than one has that id.")
    ] = None,
    every: Annotated[
        bool, Option("--all", help="Every line by itself, those without usage and of other sessions too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Explain what a session has come to: each line of its logs, counted or not, and why."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, line, table, warn
    from tallybook.cli.why_output import HEAD, NUMBERS, SUMS, line_cells, sum_cells, why_json
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.costs import priced_dollars
    from tallybook.reports.words import counted
    from tallybook.usecases.why import Question, explain_session

    found = explain_session(here(), Question(session, agent, every))
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        document("why", {**why_json(found), "problems": contract.problems(found.problems)})
    else:
        for log in found.logs:
            line(log.path)
            if log.lines:
                table(HEAD, [line_cells(one) for one in log.lines], NUMBERS)
            if log.sums:
                table(SUMS, [sum_cells(one) for one in log.sums], frozenset({"lines"}))
        quality = "" if found.quality is None else f" ({found.quality})"
        cost = "" if found.cost is None else f", {priced_dollars(found.cost)}"
        tokens = "no usage recorded" if found.tokens is None else f"{found.tokens.total:,} tokens"
        line(f"{counted(found.responses, 'response')}, {tokens}{quality}{cost}")
        for one in found.unitemised:
            line(f"recorded but not itemised: {one.tokens.total:,} tokens of {one.model}, in no sum of responses")
    warn(found.problems)
