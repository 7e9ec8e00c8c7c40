"""A plain line means what the parser library takes it for, and what is not plain is left to it."""

from __future__ import annotations

import subprocess
import sys
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from tallybook.cli import plain
from tallybook.cli.catalogue import COMMANDS, PLAIN
from tallybook.cli.plain import plain_call, values_of
from tallybook.cli.typed import app, typed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(import_module(f"tallybook.cli.{COMMANDS[name]}"), COMMANDS[name]) for name in sorted(PLAIN)
}


def parsed(function: Callable[..., Any], words: list[str]) -> dict[str, Any] | None:
    """What typer hands to the function; None where it refuses the words."""
    handed: list[dict[str, Any]] = []

    @wraps(function)
    def recorder(**values: object) -> None:
        handed.append(values)

    own = app()
    own.command()(typed(recorder))
    try:
        typer.main.get_command(own).main(words, prog_name="tally", standalone_mode=False)
    except typer.TyperException:
        return None
    return handed[0] if handed else None


def defaults(function: Callable[..., Any]) -> dict[str, Any]:
    names = list(function.__annotations__)[:-1]
    given = function.__defaults__ or ()
    return dict(zip(names[len(names) - len(given) :], given, strict=True))


def understood(function: Callable[..., Any], words: list[str]) -> dict[str, Any] | None:
    """What the plain way hands to the function, with its defaults; None where it leaves the words to typer."""
    try:
        return {**defaults(function), **values_of(function, words)}
    except plain._NotPlainError:
        return None


def names(function: Callable[..., Any]) -> list[str]:
    own = app()
    own.command()(typed(function))
    return sorted({name for one in typer.main.get_command(own).params for name in one.opts if name.startswith("-")})


VALUES = st.one_of(
    st.sampled_from(["x", "7", "-1", "0", "", "product", "check", "success", "fail", "other", "2.50", "--", "-"]),
    st.text(max_size=4).filter(lambda text: "\0" not in text),
)


@st.composite
def lines(draw: st.DrawFn) -> tuple[Callable[..., Any], list[str]]:
    function = FUNCTIONS[draw(st.sampled_from(sorted(FUNCTIONS)))]
    known = st.sampled_from([*names(function), "--nothing", "--json=1", "--title=x", "--help"])
    forms = st.sampled_from([(known,), (known, VALUES), (known, VALUES), (VALUES,)])
    words = [draw(part) for form in draw(st.lists(forms, max_size=7)) for part in form]
    return function, words


@given(lines())
@settings(max_examples=400, deadline=None)
def test_what_is_understood_is_what_typer_understands(line: tuple[Callable[..., Any], list[str]]) -> None:
    function, words = line
    found = understood(function, words)
    if found is not None:
        assert found == parsed(function, words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("start-task", ["--title", "Add a shelf", "--kind", "product", "--quiet"]),
        ("start-task", ["--kind", "check", "--title", "T", "--ref", "a", "--ref", "b", "--budget-tokens", "0", "-q"]),
        ("continue-task", ["g261126-00000000", "--failure-reason", "other"]),
        ("mark", ["build", "--goal", "g261126-00000000", "--json", "--ledger", "some/where"]),
        ("mark", ["--enforce", "build"]),
        ("finish-task", ["g261126-00000000", "--status", "success", "--result-fit", "miss", "--tokens-input", "12"]),
        ("finish-task", ["--status", "fail"]),
        ("show", []),
        ("show", ["g261126-00000000", "--json"]),
    ],
)
def test_usual_lines_are_plain(name: str, words: list[str]) -> None:
    function = FUNCTIONS[name]
    found = understood(function, words)
    assert found is not None
    assert found == parsed(function, words)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--help"],
        ["--version"],
        ["verify"],
        ["mark"],
        ["mark", "--help"],
        ["mark", ""],
        ["mark", "a", "b"],
        ["mark", "a", "--goal"],
        ["mark", "a", "--goal=g"],
        ["mark", "a", "--goa", "g"],
        ["mark", "a", "--goal", "g", "--goal", "h"],
        ["mark", "--", "a"],
        ["start-task", "--title", "-x", "--kind", "product"],
        ["start-task", "--title", "x", "--kind", "Product"],
        ["start-task", "--title", "x", "--kind", "product", "--budget-tokens", "-1"],
        ["start-task", "--title", "x", "--kind", "product", "--budget-tokens", "1_0"],
    ],
)
def test_other_lines_are_left_to_typer(words: list[str]) -> None:
    assert plain_call(words) is None


def test_the_completion_of_typer_is_not_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TALLY_COMPLETE", "complete_bash")
    assert plain_call(["show"]) is None


@pytest.mark.parametrize(
    "words",
    [["show"], ["start-task", "--title", "x", "--kind", "product"], ["usage", "--by", "model"], ["sessions"]],
    ids=["show", "start-task", "usage", "sessions"],
)
def test_a_plain_line_does_without_the_parser_library(words: list[str], tmp_path: Path) -> None:
    code = "import sys; from tallybook.__main__ import main; main(); sys.exit('typer' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *words], check=False, capture_output=True, cwd=tmp_path)
    assert done.returncode == 0
