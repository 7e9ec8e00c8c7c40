"""Runs OpenCode beside the model server on loopback; started by the workbench, within the empty network.

usage: opencode_run.py CLIENTS OUT TOOL COMMANDS STEPS, where STEPS is JSON: a list of a title and the options and the
prompt of one run.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

clients, out, tool, commands, steps = sys.argv[1:]
sys.dont_write_bytecode = True
sys.path.insert(0, clients)
sys.path.append(str(Path(__file__).parents[1]))

import drive  # type: ignore[import-not-found]  # noqa: E402 - of the directory named on the command line

from clients.model_server import model_server  # noqa: E402 - of the directory above this one

MODEL = "claude-sonnet-4-5"
QUIET = ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS", "SHARE")


class Arguments:
    """What the scripts expect of their command line."""

    def __init__(self) -> None:
        self.out = out


def program() -> str:
    """The native program of this machine."""
    found = sorted(Path(tool, "node_modules").glob("opencode-linux-*/bin/opencode"))
    return str(next((one for one in found if not {"baseline", "musl"} & set(str(one).split("-"))), found[0]))


def settings() -> str:
    """A provider on loopback, and leave to run everything."""
    limits = {"context": 200_000, "output": 8000}
    model = {"name": "mock", "reasoning": True, "tool_call": True, "limit": limits, "cost": {"input": 3, "output": 15}}
    options = {"baseURL": drive.base("opencode") + "/v1", "apiKey": "dummy"}
    provider = {"anthropic": {"options": options, "models": {MODEL: model}}}
    return json.dumps({"autoupdate": False, "share": "disabled", "permission": {"*": "allow"}, "provider": provider})


def main() -> None:
    """Run all steps; the server's account lies in OUT/truth."""
    with model_server(clients, out) as port:
        drive.PORT = drive.wait_port(port)
        home, work = drive.dirs("opencode")
        drive.git_init(work)
        place = Path(home, ".config", "opencode")
        place.mkdir(parents=True)
        (place / "opencode.json").write_text(settings())
        quiet = {f"OPENCODE_DISABLE_{name}": "1" for name in QUIET}
        environ = drive.sh_env(home, PATH=f"{commands}:{os.environ['PATH']}", **quiet)
        for title, *words in json.loads(steps):
            call = [program(), "run", "--format", "json", "--auto", "--title", "mock", "-m", f"anthropic/{MODEL}"]
            drive.run("opencode", title, [*call, *words], environ, work)


drive.A = Arguments()
if __name__ == "__main__":
    main()
