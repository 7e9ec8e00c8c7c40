"""The command group: a command's module is imported when it is called, all of them for `--help` alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup

from tallybook.cli.catalogue import COMMANDS, PLAIN
from tallybook.cli.typed import CONTEXT, typed
from tallybook.cli.typed import app as command_app

if TYPE_CHECKING:
    from typer._click.core import Command, Context


class LazyGroup(TyperGroup):
    """All commands, by name."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - the parser's signature
        """The names, in the order of a task's life."""
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002 - the parser's signature
        """The command, its module imported now; None where there is none of that name."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = import_module(f"tallybook.cli.{module}")
        own = command_app() if cmd_name in PLAIN else found.app
        if cmd_name in PLAIN:
            own.command()(getattr(found, module))
        for one in filter(None, (own.registered_callback, *own.registered_commands)):
            assert one.callback is not None  # noqa: S101 - a command is a function
            one.callback = typed(one.callback)
        command = typer.main.get_command(own)
        command.name = cmd_name
        return command


def command_line() -> Command:
    """The whole command line."""
    app = typer.Typer(cls=LazyGroup, add_completion=False, no_args_is_help=True, context_settings=CONTEXT)

    @app.callback()
    def tally(
        version: bool = typer.Option(
            False, "--version", "-V", help="Show the version and leave.", is_eager=True, callback=_show_version
        ),
    ) -> None:
        """The book of account for work done by AI coding agents: what a task, stage or commit cost in tokens."""
        del version  # the parser has answered it

    return typer.main.get_command(app)


def _show_version(asked: bool) -> None:
    if asked:
        from tallybook import __version__

        typer.echo(f"tally {__version__}")
        raise typer.Exit
