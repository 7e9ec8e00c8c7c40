"""`tally usage`: what all agents used, by whatever is asked for."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson
from tallybook.cli.parameters import Option

Many = list[str] | None


def usage(
    by: Annotated[
        Many,
        Option(
            "--by",
            metavar="WHAT",
            help="agent, model, day, week, month, block (five hours), session, project, branch, effort, origin, "
            "tier or plan (the subscription that a session's log tells); several with commas.",
        ),
    ] = None,
    since: Annotated[str | None, Option("--since", metavar="DATE", help="This day (or time) and later.")] = None,
    until: Annotated[
        str | None, Option("--until", metavar="DATE", help="Up to the end of this day, or before this time.")
    ] = None,
    timezone: Annotated[
        str | None, Option("--timezone", metavar="ZONE", help="Whose days, such as Europe/Berlin; else local.")
    ] = None,
    agent: Annotated[Many, Option("--agent", metavar="AGENT", help="Only this agent; repeatable.")] = None,
    model: Annotated[Many, Option("--model", metavar="MODEL", help="Only this model, or gpt-*.")] = None,
    project: Annotated[Many, Option("--project", metavar="DIR", help="Only this directory, or its name.")] = None,
    session: Annotated[Many, Option("--session", metavar="ID", help="Only this session; repeatable.")] = None,
    no_update: Annotated[bool, Option("--no-update", help="Read no logs; tell what is stored.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add up what all agents used: each response once, by day, model, project or whatever else is asked for."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, warn
    from tallybook.cli.usage_output import show_usage, usage_document
    from tallybook.domain.problems import Refusal
    from tallybook.usecases.usage import Request, usage_of_history

    request = Request(
        by=tuple(by or ()),
        since=since,
        until=until,
        timezone=timezone,
        agents=tuple(agent or ()),
        models=tuple(model or ()),
        projects=tuple(project or ()),
        sessions=tuple(session or ()),
        update=not no_update,
    )
    found = usage_of_history(here(), request)
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        document("usage", usage_document(found))
    else:
        show_usage(found)
    warn(found.problems)
