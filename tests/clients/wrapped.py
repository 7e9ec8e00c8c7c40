"""Runs real agents below `tally run`, beside the model server on loopback; started within the network namespace.

`python wrapped.py CLIENTS TOOLS OUT BIN STEPS`: STEPS is JSON, a list of steps for one agent each: its name, the words
of `tally` before the command, the agent's own words, and what the shell does after it (or null for no shell). Words of
`tally` that are one title alone stand for no wrapping; ``{thread}`` is the thread of Codex that was started first.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def main(clients: str, tools: str, out: str, commands: str, steps: str) -> int:
    """Run the steps; the model server's account lies in OUT/truth."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, clients)
    drive: Any = import_module("drive")
    drive.A = drive.argparse.Namespace(tools=tools, out=out)
    sys.path.append(str(Path(__file__).parents[1]))
    server: Any = import_module("clients.model_server")
    with server.model_server(clients, out) as port:
        drive.PORT = drive.wait_port(port)
        places = {name: _place(drive, name, commands) for name in ("codex", "claude")}
        for name, words, own, after in json.loads(steps):
            begin, environ, work = places[name]
            command = [*begin, *own]
            if after is not None:
                command = ["sh", "-c", f"{shlex.join(command)}; {after}"]
            command = [word.replace("{thread}", _first_thread(environ)) for word in command]
            title = words[0] if len(words) == 1 else words[words.index("--title") + 1]
            before = [] if len(words) == 1 else [f"{commands}/tally", *words, "--"]
            drive.run(name, title, [*before, *command], environ, work)
    return 0


def _first_thread(environ: dict[str, str]) -> str:
    """The id in the name of the oldest rollout; empty where there is none."""
    found = sorted(Path(environ.get("CODEX_HOME", "/nowhere")).glob("sessions/*/*/*/rollout-*.jsonl"))
    return found[0].stem[-36:] if found else ""


def _place(drive: Any, name: str, commands: str) -> tuple[list[str], dict[str, str], str]:  # noqa: ANN401 - a script
    """How the agent is called, its environment and its repository."""
    home, work = drive.dirs(name)
    drive.git_init(work)
    # A login shell sets PATH anew; the agent's own shell tool starts one.
    Path(home, ".bash_profile").write_text(f'export PATH="{commands}:$PATH"\n')
    path = f"{commands}:{os.environ['PATH']}"
    if name == "codex":
        environ = drive.sh_env(home, CODEX_HOME=drive.codex_config(home, name), MOCK_KEY="dummy", PATH=path)
        begin = [drive.codex_bin(f"{drive.A.tools}/codex"), "exec"]
        return [*begin, "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"], environ, work
    quiet = ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_TELEMETRY", "DISABLE_AUTOUPDATER", "IS_SANDBOX")
    environ = drive.sh_env(
        home,
        CLAUDE_CONFIG_DIR=f"{home}/.claude",
        ANTHROPIC_BASE_URL=drive.base(name),
        ANTHROPIC_API_KEY="dummy",
        PATH=path,
        **dict.fromkeys(quiet, "1"),
    )
    begin = [*drive.claude_bin(f"{drive.A.tools}/claude"), "-p", "--dangerously-skip-permissions"]
    return [*begin, "--model", "claude-sonnet-4-5"], environ, work


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
