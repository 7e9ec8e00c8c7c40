"""`tally hooks`: have git call tallybook, or stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tallybook.cli.options import AsJson
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app

if TYPE_CHECKING:
    from tallybook.repo.worktree import Repository
    from tallybook.usecases.git_hooks import HookChange, HooksRefusal

app = command_app()
DryRun = Annotated[bool, Option("--dry-run", help="Write nothing, say what would be done.")]
Force = Annotated[bool, Option("--force", help="Write even where the hooks directory serves other repositories too.")]


@app.callback()
def hooks() -> None:
    """Tie commits to tasks: have git call tallybook's hooks, or stop it."""


@app.command()
def install(dry_run: DryRun = False, force: Force = False, as_json: AsJson = False) -> None:
    """Have git call the hooks; hooks that are there already go on working, before ours."""
    from tallybook.usecases import git_hooks

    _show(git_hooks.install(_repository(json=as_json), dry_run=dry_run, force=force), json=as_json)


@app.command()
def uninstall(dry_run: DryRun = False, force: Force = False, as_json: AsJson = False) -> None:
    """Take the hooks away; those that were there before are put back as they were."""
    from tallybook.usecases import git_hooks

    _show(git_hooks.uninstall(_repository(json=as_json), dry_run=dry_run, force=force), json=as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Tell which hooks are installed."""
    from tallybook.usecases import git_hooks

    _show(git_hooks.status(_repository(json=as_json)), json=as_json)


def _repository(*, json: bool) -> Repository:
    from tallybook.cli.place import here
    from tallybook.cli.render import Failure, fail

    repository = here().repository
    if repository is None:
        failure = Failure("no-repository", "there is no git work tree here", "run it inside a repository", 1)
        raise typer.Exit(fail(failure, json=json))
    return repository


def _show(changes: list[HookChange] | HooksRefusal, *, json: bool) -> None:
    from tallybook.cli.render import Failure, document, fail, line

    if not isinstance(changes, list):
        raise typer.Exit(fail(Failure(changes.code, changes.message, changes.hint, 1), json=json))
    if json:
        document(
            "hooks",
            {"hooks": [{"name": row.name, "action": row.action, "path": str(row.path)} for row in changes]},
        )
    else:
        for row in changes:
            line(f"{row.name:<20}{row.action:<12}{row.path}")
