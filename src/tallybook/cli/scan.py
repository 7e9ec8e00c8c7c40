"""`tally scan`: look for secrets, or for what must not be in this repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tallybook.cli.options import AsJson
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app

if TYPE_CHECKING:
    from tallybook.usecases.scanning import ScanRequest

app = command_app()
Paths = Annotated[list[str] | None, Argument(metavar="[PATH]...", help="Files or directories, instead of all files.")]
Staged = Annotated[bool, Option("--staged", help="What the index would commit, whatever stands in the work tree.")]
Range = Annotated[
    str | None,
    Option("--range", metavar="A..B", help="All that these commits put in, also what a later one takes out."),
]
SelfTest = Annotated[bool, Option("--self-test", help="Scan nothing, try every rule on its own examples.")]


@app.callback()
def scan() -> None:
    """Find secrets, and what must not be in this repository; exit 0 clean, 1 findings, 2 can't be asked."""


@app.command()
def boundary(
    paths: Paths = None,
    staged: Staged = False,
    revisions: Range = None,
    self_test: SelfTest = False,
    as_json: AsJson = False,
) -> None:
    """Find what must stay outside of the repository."""
    from tallybook.usecases.scanning import ScanRequest

    _run(ScanRequest("boundary", staged, revisions, tuple(paths or ())), self_test=self_test, json=as_json)


@app.command()
def secrets(
    paths: Paths = None,
    staged: Staged = False,
    revisions: Range = None,
    self_test: SelfTest = False,
    as_json: AsJson = False,
) -> None:
    """Find keys, tokens and passwords; none is shown."""
    from tallybook.usecases.scanning import ScanRequest

    _run(ScanRequest("secrets", staged, revisions, tuple(paths or ())), self_test=self_test, json=as_json)


def _run(request: ScanRequest, *, self_test: bool, json: bool) -> None:
    from tallybook.cli.place import here
    from tallybook.cli.render import fail_with
    from tallybook.cli.scan_output import bad_rules, show_scan, show_self_test
    from tallybook.domain.problems import Refusal
    from tallybook.repo.scanning.rules import BadRules
    from tallybook.usecases.scanning import SelfTested, run_scan, run_self_test

    workspace = here()
    if self_test and (request.staged or request.revisions is not None or request.paths):
        message = "--self-test scans nothing: it takes no --staged, --range or paths"
        fail_with(Refusal("scan-several", message, "leave them out", usage=True), json=json)
    found = run_self_test(workspace, request.kind) if self_test else run_scan(workspace, request)
    if isinstance(found, BadRules):
        fail_with(bad_rules(found), json=json)
    if isinstance(found, Refusal):
        fail_with(found, json=json)
    if isinstance(found, SelfTested):
        raise typer.Exit(show_self_test(request.kind, found, json=json))
    raise typer.Exit(show_scan(request.kind, found, workspace.problems, json=json))
