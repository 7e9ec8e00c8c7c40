"""Hands commands to typer: what they tell of their parameters becomes what typer understands."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import typer

from tallybook.cli.parameters import BadValueError, Completion, Option

CONTEXT: Final = {"help_option_names": ["-h", "--help"]}
Command = Callable[..., Any]


def app() -> typer.Typer:
    """A command's own application."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=CONTEXT)


def typed(function: Command) -> Command:
    """The same function, whose parameters are told in the terms of typer; one that is so already stays."""
    if "__signature__" in vars(function):
        return function

    @wraps(function)
    def called(**values: object) -> object:
        try:
            return function(**values)
        except BadValueError as error:
            raise typer.BadParameter(error.message, param_hint=error.option) from error

    hints = {name: _typed(hint) for name, hint in get_type_hints(function, include_extras=True).items()}
    told = signature(function)
    parameters = [one.replace(annotation=hints[name]) for name, one in told.parameters.items()]
    called.__annotations__ = hints
    vars(called)["__signature__"] = told.replace(parameters=parameters)  # where inspect looks first
    return called


def _typed(hint: Any) -> Any:  # noqa: ANN401 - a type, or one of typing's forms
    if get_origin(hint) is not Annotated:
        return hint
    kind, told = get_args(hint)
    offers = _completing(told.autocompletion)
    if isinstance(told, Option):
        parsed = typer.Option(*told.names, metavar=told.metavar, help=told.help, min=told.min, autocompletion=offers)
    else:
        parsed = typer.Argument(metavar=told.metavar, help=told.help, autocompletion=offers)
    return Annotated[kind, parsed]


def _completing(offers: Completion | None) -> Callable[[typer.Context, str], list[tuple[str, str]]] | None:
    def complete(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        return [] if offers is None else offers(ctx.params, incomplete)

    return None if offers is None else complete
