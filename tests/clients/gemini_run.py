"""Runs Gemini CLI beside the model server on loopback; started by the workbench, within the empty network.

usage: gemini_run.py CLIENTS OUT TOOL COMMANDS STEPS, where STEPS is JSON: a list of a title, a prompt, and whether it
resumes the session before.
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

SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
    "privacy": {"usageStatisticsEnabled": False},
    "general": {
        "sessionRetention": {"enabled": False},  # it deletes a session that was resumed at the next start
        "enableAutoUpdate": False,
        "disableAutoUpdate": True,
    },
}


class Arguments:
    """What the scripts expect of their command line."""

    def __init__(self) -> None:
        self.out = out


def script() -> Path:
    """The script of this build."""
    package = Path(tool, "node_modules", "@google", "gemini-cli")
    return next(path for path in (package / "bundle" / "gemini.js", package / "dist" / "index.js") if path.exists())


def environment(home: str) -> dict[str, str]:
    """What Gemini is run with; early builds send even loopback to a proxy where one is named."""
    own = {
        "GEMINI_API_KEY": "dummy",
        "GOOGLE_GEMINI_BASE_URL": drive.base("gemini"),
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }
    environ = drive.sh_env(home, PATH=f"{commands}:{os.environ['PATH']}", **own)
    return {name: value for name, value in environ.items() if "proxy" not in name.lower()}


def main() -> None:
    """Run all steps; the server's account lies in OUT/truth."""
    with model_server(clients, out) as port:
        drive.PORT = drive.wait_port(port)
        home, work = drive.dirs("gemini")
        drive.git_init(work)
        settings = Path(home, ".gemini", "settings.json")
        settings.parent.mkdir(exist_ok=True)
        settings.write_text(json.dumps(SETTINGS))
        for title, prompt, resumes in json.loads(steps):
            options = [*(["--resume", "latest"] if resumes else []), "-y", "-o", "json", "-m", "gemini-2.5-pro"]
            call = ["node", str(script()), *options, "-p", prompt]
            drive.run("gemini", title, call, environment(home), work)


drive.A = Arguments()
if __name__ == "__main__":
    main()
