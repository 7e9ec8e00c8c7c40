"""Runs one real agent with whatever hooks its own files name, in an empty network; started by the workbench.

usage: hooked_run.py CLIENTS OUT AGENT TOOL COMMANDS PROMPT...
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

clients, out, agent, tool, commands, *prompts = sys.argv[1:]
sys.dont_write_bytecode = True
sys.path.insert(0, clients)
sys.path.append(str(Path(__file__).parents[1]))

import drive  # type: ignore[import-not-found]  # noqa: E402 - of the directory named on the command line

from clients.model_server import model_server  # noqa: E402 - of the directory above this one


class Arguments:
    """What the scripts expect of their command line."""

    def __init__(self) -> None:
        self.out = out


drive.A = Arguments()
OURS = {"PATH": f"{commands}:{os.environ['PATH']}", "TALLYBOOK_HOME": os.environ["TALLYBOOK_HOME"]}
CONFIG = """\
model = "gpt-5.5-mock"
model_provider = "mock"
check_for_update_on_startup = false
approval_policy = "never"
sandbox_mode = "danger-full-access"
[analytics]
enabled = false
[model_providers.mock]
name = "mock"
base_url = "{base}/v1"
wire_api = "responses"
env_key = "MOCK_KEY"
[projects."{work}"]
trust_level = "trusted"
"""


def codex(home: str, work: str) -> bool:
    """All prompts in one session of Codex; its hooks trusted before, as its own /hooks does it."""
    exe = drive.codex_bin(tool)
    place = Path(home, ".codex")
    place.mkdir(exist_ok=True)
    (place / "config.toml").write_text(CONFIG.format(base=drive.base("codex"), work=work))
    environ = drive.sh_env(home, CODEX_HOME=str(place), MOCK_KEY="dummy", **OURS)
    trust(exe, environ, work)
    fine = True
    for number, prompt in enumerate(prompts):
        resume = ["resume", "--last"] if number else []
        options = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "--json"]
        said = drive.run("codex", f"run-{number}", [exe, "exec", *options, *resume, f"[[run {prompt}]]"], environ, work)
        fine = fine and "turn.completed" in said
    return fine


def trust(exe: str, environ: dict[str, str], work: str) -> None:
    """Ask Codex for the hooks it has found, and trust them."""
    server = drive.Rpc([exe, "app-server"], environ, work, f"{out}/trust.jsonl")
    client = {"clientInfo": {"name": "bench", "version": "1"}, "capabilities": {"experimentalApi": True}}
    server.call("initialize", client)
    server.send({"jsonrpc": "2.0", "method": "initialized"})
    listed = server.call("hooks/list", {"cwds": [work]})
    hooks = [hook for directory in listed["data"] for hook in directory["hooks"]]
    states = {hook["key"]: {"trusted_hash": hook["currentHash"]} for hook in hooks}
    edits = [{"keyPath": "hooks.state", "value": states, "mergeStrategy": "upsert"}]
    server.call("config/batchWrite", {"edits": edits, "filePath": None, "expectedVersion": None})
    server.close()
    Path(out, "trusted.json").write_text(json.dumps(hooks))


def claude(home: str, work: str) -> bool:
    """All prompts in one session of Claude Code."""
    environ = drive.sh_env(
        home,
        CLAUDE_CONFIG_DIR=f"{home}/.claude",
        ANTHROPIC_BASE_URL=drive.base("claude"),
        ANTHROPIC_API_KEY="dummy",
        IS_SANDBOX="1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        DISABLE_TELEMETRY="1",
        DISABLE_AUTOUPDATER="1",
        **OURS,
    )
    options = ["--output-format", "json", "--dangerously-skip-permissions", "--model", "claude-sonnet-4-5"]
    fine = True
    for number, prompt in enumerate(prompts):
        resume = ["--continue"] if number else []
        call = [*drive.claude_bin(tool), "-p", *resume, *options, f"[[run {prompt}]]"]
        said = drive.run("claude", f"run-{number}", call, environ, work)
        fine = fine and '"is_error":false' in said.replace(" ", "")
    return fine


def main() -> int:
    """1 if the agent failed."""
    with model_server(clients, out) as port:
        drive.PORT = drive.wait_port(port)
        home, work = drive.dirs(agent)
        return 0 if (codex if agent == "codex" else claude)(home, work) else 1


if __name__ == "__main__":
    sys.exit(main())
