"""`tally completion`: the script that has a shell complete `tally`, and the answers that it asks for."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson
from tallybook.cli.parameters import Argument
from tallybook.cli.typed import app as command_app
from tallybook.cli.values import ShellName

app = command_app()


@app.command()
def completion(
    shell: Annotated[ShellName, Argument(metavar="bash|zsh|fish", help="The shell.")],
    words: Annotated[
        list[str] | None,
        Argument(metavar="[-- WORD...]", help="Print what could stand for the last of these words of a command."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a script that has a shell complete the words of `tally`; docs/how-to/complete.md tells where to put it."""
    from tallybook.cli.completion_scripts import SCRIPTS
    from tallybook.cli.render import document, raw

    if words is not None:
        from tallybook.cli.completing import candidates

        found = candidates(words)
        if as_json:
            document("completion", {"shell": shell.value, "words": [one.value for one in found], "problems": []})
        else:
            raw("".join(one.line(shell.value) + "\n" for one in found))
    elif as_json:
        document("completion", {"shell": shell.value, "script": SCRIPTS[shell.value], "problems": []})
    else:
        raw(SCRIPTS[shell.value])
