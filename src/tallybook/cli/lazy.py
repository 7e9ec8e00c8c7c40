"""The command group: a command's module is imported when it is called, all of them for `--help` alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer._click.core import Command, Context

COMMANDS: Final = {
    "init": "init",
    "start-task": "start_task",
    "continue-task": "continue_task",
    "mark": "mark",
    "finish-task": "finish_task",
    "update": "update",
    "merge-tasks": "merge_tasks",
    "run": "run",
    "ensure-active-task": "ensure_active_task",
    "budget": "budget",
    "check": "check",
    "settle": "settle",
    "sessions": "sessions",
    "usage": "usage",
    "reconcile": "reconcile",
    "show": "show",
    "log": "log",
    "report": "report",
    "verify": "verify",
    "repair": "repair",
    "doctor": "doctor",
    "hooks": "hooks",
    "agent": "agent",
    "completion": "completion",
    "hook": "hook",
}


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
        command = typer.main.get_command(import_module(f"tallybook.cli.{module}").app)
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


CONTEXT: Final = {"help_option_names": ["-h", "--help"]}
