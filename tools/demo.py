"""A walk through tallybook on made-up logs, which also checks every number it shows; ``make demo`` runs it.

All of it happens below one temporary directory, which is gone afterwards. ``--keep DIR`` plays it in an empty
directory of yours and leaves it there; ``. DIR/environment`` then lets your shell go on in that world.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

CLAUDE = "5f0c1a52-7d1e-4c7e-9a52-3b1f0d6e8a11"
AGENT = "a3c9e1f0b7d24568"
CODEX = "019ad6c0-8a4f-7c31-b2d7-6f0e5a914c22"
OPUS, HAIKU, GPT = "claude-opus-4-5", "claude-haiku-4-5", "gpt-5.2-codex"
SHOP = """def price(amount):
    return f"{amount} EUR"
"""
WHITE = {"TERM": "dumb", "FORCE_COLOR": "1", "COLUMNS": "110", "LINES": "50"}
"""Tables are drawn as on a terminal, in black and white."""
NOTHING: Mapping[str, str] = {}


class Tokens(NamedTuple):
    """What one response used: the truth that the tool is held to."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int = 0


RESPONSES = {
    "look": Tokens(1_200, 0, 9_000, 210),
    "start": Tokens(40, 9_000, 300, 95),
    "read": Tokens(60, 9_300, 4_100, 320, 120),
    "plan": Tokens(35, 13_400, 450, 640, 410),
    "delegate": Tokens(30, 13_850, 700, 180),
    "agent-1": Tokens(900, 0, 3_000, 150),
    "agent-2": Tokens(45, 3_000, 800, 420),
    "edit": Tokens(50, 14_550, 900, 1_250, 300),
    "build": Tokens(25, 15_450, 1_300, 110),
    "finish": Tokens(20, 16_750, 150, 130),
    "goodbye": Tokens(15, 16_900, 180, 90),
    "c-start": Tokens(7_400, 2_048, 0, 120, 64),
    "c-edit": Tokens(900, 9_344, 0, 830, 512),
    "c-commit": Tokens(350, 10_112, 0, 95),
    "c-mark": Tokens(260, 10_368, 0, 70),
    "c-finish": Tokens(210, 10_624, 0, 65),
    "c-goodbye": Tokens(180, 10_752, 0, 140, 32),
}
STAGES: dict[str, list[tuple[str | None, list[str]]]] = {
    "Round prices to cents": [
        ("plan", ["read", "plan"]),
        ("build", ["delegate", "agent-1", "agent-2", "edit", "build"]),
        (None, ["finish"]),
    ],
    "Show the currency": [("write", ["c-edit", "c-commit", "c-mark"]), (None, ["c-finish"])],
}
REMAINDER = ["look", "start", "c-start"]
UNATTRIBUTED = ["goodbye", "c-goodbye"]


def total(names: list[str]) -> dict[str, int]:
    """The sum over responses, in the words of the JSON contract."""
    summed: Counter[str] = Counter()
    for name in names:
        tokens = RESPONSES[name]
        summed.update(tokens._asdict())
        summed["total"] += sum(tokens[:4])
    return {name: summed[name] for name in (*Tokens._fields, "total")}


class Log:
    """A log that grows line by line, as an agent writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._calls = 0
        path.parent.mkdir(parents=True, exist_ok=True)

    def put(self, record: dict[str, object]) -> None:
        """Add one record, stamped now."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self._path.open("a") as target:
            target.write(json.dumps({"timestamp": now, **record}, separators=(",", ":")) + "\n")

    def next_call(self) -> str:
        """The id of a new tool call."""
        self._calls += 1
        return f"call_{self._path.stem[-4:]}{self._calls:04d}"


class ClaudeLog(Log):
    """A session of Claude Code, or the log of an agent that it has spawned."""

    def __init__(self, path: Path, cwd: Path, agent: str | None = None) -> None:
        super().__init__(path)
        self._more: dict[str, object] = {"sessionId": CLAUDE, "cwd": str(cwd), "version": "2.1.330"}
        self._more |= {"isSidechain": agent is not None} | ({"agentId": agent} if agent else {})
        self._model = OPUS if agent is None else HAIKU

    def says(self, name: str, *, streamed: bool = False) -> None:
        """One response; a streamed one stands there twice, first with a placeholder for its output."""
        tokens, call = RESPONSES[name], self.next_call()
        message: dict[str, object] = {"id": f"msg_{name}", "type": "message", "role": "assistant", "model": self._model}
        for output in [1] * streamed + [tokens.output]:
            final = output == tokens.output
            usage: dict[str, object] = {
                "input_tokens": tokens.input,
                "cache_read_input_tokens": tokens.cache_read,
                "cache_creation_input_tokens": tokens.cache_write,
                "cache_creation": {"ephemeral_5m_input_tokens": tokens.cache_write, "ephemeral_1h_input_tokens": 0},
                "output_tokens": output,
                "service_tier": "standard",
            }
            if final:
                usage["output_tokens_details"] = {"thinking_tokens": tokens.reasoning}
                message |= {"stop_reason": "tool_use", "stop_details": None}
            block = {"type": "tool_use", "id": call, "name": "Bash", "input": {}}
            self._record("assistant", f"req_{name}", {**message, "usage": usage, "content": [block]})

    def hears(self, text: str) -> None:
        """What the user typed, or what a tool gave back."""
        self._record("user", None, {"role": "user", "content": text})

    def _record(self, kind: str, request: str | None, message: dict[str, object]) -> None:
        named = {} if request is None else {"requestId": request}
        self.put({"type": kind, "uuid": f"{kind}-{self.next_call()}", **self._more, **named, "message": message})


class CodexLog(Log):
    """A thread of a Codex that writes a response's usage after its tool call has run."""

    def __init__(self, path: Path, cwd: Path) -> None:
        super().__init__(path)
        self._total: Counter[str] = Counter()
        self._call = ""
        self.put({"type": "session_meta", "payload": {"id": CODEX, "cwd": str(cwd), "source": "cli"}})
        self._event({"type": "task_started", "turn_id": "turn-1"})
        self.put({"type": "turn_context", "payload": {"turn_id": "turn-1", "cwd": str(cwd), "model": GPT}})

    def calls(self) -> None:
        """A response has come and its tool runs now."""
        self._call = self.next_call()
        item = {"type": "function_call", "name": "exec_command", "arguments": "{}", "call_id": self._call}
        self.put({"type": "response_item", "payload": item})

    def returns(self, name: str, *, twice: bool = False) -> None:
        """The tool has run, and only now the log tells what the response used; older builds repeat that line."""
        item = {"type": "function_call_output", "call_id": self._call, "output": "done"}
        self.put({"type": "response_item", "payload": item})
        tokens = RESPONSES[name]
        last = {
            "input_tokens": tokens.input + tokens.cache_read,
            "cached_input_tokens": tokens.cache_read,
            "output_tokens": tokens.output,
            "reasoning_output_tokens": tokens.reasoning,
            "total_tokens": sum(tokens[:4]),
        }
        self._total.update(last)
        for _ in range(1 + twice):
            info = {"total_token_usage": dict(self._total), "last_token_usage": last}
            self._event({"type": "token_count", "info": info, "rate_limits": None})

    def ends(self) -> None:
        """The turn is over."""
        self._event({"type": "task_complete", "turn_id": "turn-1"})

    def _event(self, payload: dict[str, object]) -> None:
        self.put({"type": "event_msg", "payload": payload})


class World:
    """A home directory, a repository in it, and a shell that shows what it runs."""

    def __init__(self, place: Path) -> None:
        self.home = place / "home"
        self.repository = self.home / "shop"
        if self.home.exists():
            message = f"{place} is in use; name a directory that is empty"
            raise SystemExit(message)
        self.repository.mkdir(parents=True)
        self.environ = {
            "HOME": str(self.home),
            "CODEX_HOME": str(self.home / ".codex"),
            "CLAUDE_CONFIG_DIR": str(self.home / ".claude"),
            "TALLYBOOK_HOME": str(self.home / "tallybook"),
            "GIT_CONFIG_GLOBAL": str(self.home / ".gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "TZ": "UTC",
        }
        self.shell = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONUTF8": "1", "LC_ALL": "C", **WHITE}
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in self.environ.items()]
        lines.append(f"cd {shlex.quote(str(self.repository))}\n")
        (place / "environment").write_text("".join(lines))

    def run(self, *words: str, expect: int = 0, around: Mapping[str, str] = NOTHING) -> str:
        """Run a command in the repository and return what it said, stderr first; another status ends the demo."""
        real = [sys.executable, "-P", "-m", "tallybook", *words[1:]] if words[0] == "tally" else list(words)
        done = subprocess.run(
            real,
            cwd=self.repository,
            env={**self.shell, **self.environ, **around},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        said = (done.stderr + done.stdout).replace(str(self.home), "~")
        if done.returncode != expect:
            message = f"{shlex.join(words)} ended with {done.returncode}, not {expect}\n{said}"
            raise SystemExit(message)
        return said

    def show(self, *words: str, expect: int = 0, around: Mapping[str, str] = NOTHING) -> str:
        """Run a command and print it with its output."""
        said = self.run(*words, expect=expect, around=around)
        print(f"$ {' '.join(shown(word) for word in words)}")
        tidy = re.sub(r"[ \t]+$", "", said, flags=re.MULTILINE).strip("\n")
        print(tidy, end="\n\n" if tidy else "\n")
        return said

    def start(self, title: str, around: Mapping[str, str]) -> str:
        """Open a goal as an agent does, with its id in a variable, and return the id."""
        goal = self.run("tally", "start-task", "--title", title, "--kind", "product", "--quiet", around=around).strip()
        print(f'$ GOAL=$(tally start-task --title "{title}" --kind product --quiet)')
        print(f"$ echo $GOAL\n{goal}\n")
        return goal


def shown(word: str) -> str:
    """A word as a person would type it."""
    if re.fullmatch(r"[\w@%+=:,./$-]+", word):
        return word
    return '"' + word + '"'


def tell(text: str) -> None:
    """What happens now."""
    print(f"# {text}")


def claude_session(world: World) -> str:
    """The first goal: a session of Claude Code with a subagent."""
    project = world.home / ".claude" / "projects" / "shop"
    log = ClaudeLog(project / f"{CLAUDE}.jsonl", world.repository)
    here = {"CLAUDE_CODE_SESSION_ID": CLAUDE}

    tell("A Claude Code session works in ~/shop. It has looked around; now it opens a goal, from its own shell tool.")
    log.hears("Please round prices to cents.")
    log.says("look", streamed=True)
    log.says("start")
    goal = world.start("Round prices to cents", here)

    tell("It reads the code and makes a plan. Each mark closes a stage.")
    log.hears(goal)
    log.says("read", streamed=True)
    log.says("plan")
    world.show("tally", "mark", "plan", "--goal", goal, around=here)

    tell("It sends an agent ahead, edits, and closes the second stage; the agent's tokens count with it.")
    log.says("delegate")
    scout = ClaudeLog(project / CLAUDE / "subagents" / f"agent-{AGENT}.jsonl", world.repository, AGENT)
    scout.hears("Find all places that print a price.")
    scout.says("agent-1")
    scout.says("agent-2", streamed=True)
    log.says("edit")
    (world.repository / "shop.py").write_text(SHOP.replace("{amount}", "{amount:.2f}"))
    log.says("build")
    world.show("tally", "mark", "build", "--goal", goal, around=here)

    tell("Done. What it says after this belongs to no goal any more.")
    log.says("finish")
    world.show("tally", "finish-task", goal, "--status", "success", "--result-fit", "exact_fit", around=here)
    log.hears("finished")
    log.says("goodbye")
    return goal


def commits(world: World, goal: str) -> None:
    """The hooks: one commit is refused, one is taken."""
    tell("Git hooks tie commits to goals.")
    world.show("tally", "hooks", "install")
    tell("No goal is open now, and a commit that names none is refused.")
    world.show("git", "commit", "--quiet", "--all", "-m", "Round prices to cents", expect=1)
    tell("It belongs to the goal that was just finished, so it says so.")
    said = ["git", "commit", "--quiet", "--all", "-m", "Round prices to cents", "--trailer", f"Task: {goal}"]
    world.show(*said)


def codex_session(world: World) -> str:
    """The second goal: a Codex thread that commits, and that logs each response late."""
    path = world.home / ".codex/sessions/2026/11/22" / f"rollout-2026-11-22T10-00-00-{CODEX}.jsonl"
    log = CodexLog(path, world.repository)
    here = {"CODEX_THREAD_ID": CODEX}

    tell("A Codex session takes the next goal. This Codex logs a response only after its tool call has run.")
    log.calls()
    goal = world.start("Show the currency", here)
    log.returns("c-start")

    tell("A commit made while one goal is open gets its trailer by itself.")
    log.calls()
    with (world.repository / "shop.py").open("a") as shop:
        shop.write("\n\nCURRENCY = 'EUR'\n")
    log.returns("c-edit", twice=True)
    log.calls()
    world.show("git", "commit", "--quiet", "--all", "-m", "Name the currency", around=here)
    world.show("git", "log", "-1", "--format=%B", around=here)
    log.returns("c-commit")
    log.calls()
    world.show("tally", "mark", "write", "--goal", goal, around=here)
    log.returns("c-mark")
    log.calls()
    world.show("tally", "finish-task", goal, "--status", "success", "--result-fit", "partial_fit", around=here)
    log.returns("c-finish")
    log.calls()
    log.returns("c-goodbye")
    log.ends()

    tell("The response that ran finish-task was logged after it. settle puts it where it belongs, before the end.")
    world.show("tally", "settle")
    return goal


def differences(world: World) -> list[str]:
    """Where the state, as JSON, is not the truth."""
    state = json.loads(world.run("tally", "show", "--json"))
    told = {"remainder": state["remainder"]["tokens"], "unattributed": state["unattributed"]["tokens"]}
    truth = {"remainder": total(REMAINDER), "unattributed": total(UNATTRIBUTED)}
    for goal in state["goals"]:
        title = goal["title"]
        told[title] = goal["tokens"]
        told |= {f"{title}: {stage['name']}": stage["tokens"] for stage in goal["stages"]}
        told[f"{title}: self + subtree"] = {part: goal["self"][part] + goal["subtree"][part] for part in goal["self"]}
    for title, stages in STAGES.items():
        whole = total([name for _, names in stages for name in names])
        truth |= {title: whole, f"{title}: self + subtree": whole}
        truth |= {f"{title}: {stage}": total(names) for stage, names in stages}
    wrong = [f"quality of {goal['title']}: {goal['quality']}" for goal in state["goals"] if goal["quality"] != "exact"]
    for name in sorted(told.keys() | truth.keys()):
        found = {part: told.get(name, {}).get(part) for part in (*Tokens._fields, "total")}
        if found != truth.get(name):
            wrong.append(f"{name}: shown {found}, true {truth.get(name)}")
    return wrong


def play(place: Path) -> list[str]:
    """The whole walk below ``place``; what was wrong with the numbers."""
    world = World(place)
    (world.home / ".gitconfig").write_text(
        "[user]\nname = Ada\nemail = ada@example.com\n[init]\ndefaultBranch = main\n"
    )
    (world.repository / "shop.py").write_text(SHOP)
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "A shop")):
        world.run("git", *words)
    goal = claude_session(world)
    commits(world, goal)
    codex_session(world)
    tell("Where things stand: every token once, with its quality.")
    world.show("tally", "show")
    world.show("tally", "show", goal)
    world.show("tally", "log", "--limit", "4")
    world.show("tally", "verify")
    world.show("tally", "report")
    return differences(world)


def main(arguments: list[str]) -> int:
    """Play the demo; 0 if every number was right."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    if shutil.which("git") is None:
        print("the demo needs git", file=sys.stderr)
        return 1
    if arguments[:1] == ["--keep"] and arguments[1:]:
        wrong = play(Path(arguments[1]).resolve())
    elif arguments:
        print("usage: demo.py [--keep DIR]", file=sys.stderr)
        return 2
    else:
        with tempfile.TemporaryDirectory(prefix="tallybook-demo-") as place:
            wrong = play(Path(place).resolve())
    for line in wrong:
        print(f"WRONG  {line}")
    responses = len(RESPONSES)
    tell("Some numbers are wrong." if wrong else f"All numbers equal the truth of the {responses} made-up responses.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
