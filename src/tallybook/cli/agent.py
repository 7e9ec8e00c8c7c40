"""`tally agent`: have an agent keep its book by itself, or stop it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from tallybook.cli.options import AsJson
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app

if TYPE_CHECKING:
    from tallybook.usecases.agent_setup.places import Places
    from tallybook.usecases.workspace import Workspace

app = command_app()


class HookedName(StrEnum):
    """An agent with hooks of its own."""

    CLAUDE = "claude"
    CODEX = "codex"


Agent = Annotated[HookedName, Argument(metavar="AGENT", help="claude or codex.")]
User = Annotated[bool, Option("--user", help="In the agent's own configuration, for all repositories.")]
DryRun = Annotated[bool, Option("--dry-run", help="Write nothing, say what would be done.")]


@app.callback()
def agent() -> None:
    """Have an agent keep its book by itself: hooks, a skill and instructions in its own files."""


@app.command()
def install(agent: Agent, user: User = False, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Put the hooks, the skill and the instructions where the agent looks for them; twice is the same as once."""
    from tallybook.cli.agent_output import Telling, show
    from tallybook.usecases.agent_setup import setup
    from tallybook.usecases.agent_setup.places import NEEDS

    workspace, places = _places(agent, user=user, json=as_json)
    changes = setup.install(places, workspace.data, dry_run=dry_run)
    show(changes, Telling(as_json, workspace.problems, dry_run, NEEDS[places.agent, places.scope]))


@app.command()
def uninstall(agent: Agent, user: User = False, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Take all of it away; files and directories that were there before are as they were."""
    from tallybook.cli.agent_output import Telling, show
    from tallybook.usecases.agent_setup import setup

    workspace, places = _places(agent, user=user, json=as_json)
    changes = setup.uninstall(places, workspace.data, dry_run=dry_run)
    show(changes, Telling(as_json, workspace.problems, dry_run))


@app.command()
def status(as_json: AsJson = False) -> None:
    """Tell what is installed, in this repository and in the agents' own configuration."""
    from tallybook.cli.agent_output import Telling, show
    from tallybook.cli.place import here
    from tallybook.usecases.agent_setup import setup
    from tallybook.usecases.agent_setup.places import Places, places_of

    workspace = here()
    everywhere = [places_of(workspace, name.value, user=user) for name in HookedName for user in (False, True)]
    parts = [row for places in everywhere if isinstance(places, Places) for row in setup.status(places)]
    show(parts, Telling(as_json, workspace.problems))


def _places(agent: HookedName, *, user: bool, json: bool) -> tuple[Workspace, Places]:
    from tallybook.cli.place import here
    from tallybook.cli.render import fail_with
    from tallybook.usecases.agent_setup.places import Places, places_of

    workspace = here()
    places = places_of(workspace, agent.value, user=user)
    return workspace, places if isinstance(places, Places) else fail_with(places, json=json)
