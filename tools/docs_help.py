"""Fills the marked places of the documentation with what the program really prints.

``<!-- help: mark -->`` holds the help of a command, ``<!-- example: goal -->`` a JSON object, ``<!-- demo: tally mark
plan; tally show -->`` parts of the demo, ``<!-- text: skill.md -->`` a text that agents are given. Ids, times
and places are replaced by fixed ones, so that the same program gives the same pages. ``--check`` writes
nothing and exits with 1 where a page is out of date.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
COMMIT = "8f3c51d0a97be264158c0d7fa3e92b64c7d1508e"
"""The end of every commit's id that is shown."""
PLACE = re.compile(r"(<!-- (help|example|demo|text): (.+?) -->\n).*?(?<=\n)(<!-- end -->)", re.DOTALL)
TEXTS = ROOT / "src/tallybook/usecases/agent_setup"
BARE = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONUTF8": "1"}
PLAIN = {**BARE, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
WIDEST = 100
EXAMPLES = {
    "goal": ["show", "{goal}"],
    "state": ["show"],
    "log": ["log", "--limit", "2"],
    "report": ["report"],
    "sessions": ["sessions", "--agent", "claude"],
    "why": ["why", "{session}"],
    "reconcile": ["reconcile", "{report}", "--no-update"],
    "import": ["import", "{log}", "--dry-run"],
    "limits": ["limits", "--no-update"],
    "price": ["prices", "show", "gpt-5", "--at", "2026-06-19"],
    "price-list": ["prices", "list", "--vendor", "minimax", "--at", "2026-06-19"],
    "price-explanation": ["prices", "explain", "{response}", "--no-update"],
    "coverage": ["prices", "coverage", "--no-update"],
    "status-text": ["limits", "status-text", "{panel}"],
    "usage": ["usage", "--by", "agent", "--no-update"],
    "history": ["history", "update"],
    "compare": ["history", "compare", "--no-update"],
    "audit": ["history", "audit", "--no-update"],
    "settle": ["settle"],
    "backfill": ["backfill", "{goal}", "--force", "--dry-run"],
    "hooks": ["hooks", "status"],
    "cost": ["cost", "--by", "commit"],
    "outcome": ["outcome"],
    "receipt": ["receipt", "HEAD"],
    "cost-repair": ["cost", "--repair"],
    "check-commits": ["check-commits", "--title", "fixup! Add a shelf"],
    "agent": ["agent", "install", "claude", "--dry-run"],
    "init": ["init", "--dry-run", "--publish", "metrics/events"],
    "verify": ["verify"],
    "doctor": ["doctor"],
    "sync": ["sync", "--remote", "{remote}", "--dry-run"],
    "error": ["finish-task", "g261122-00000000", "--status", "success"],
    "checks": ["check", "list"],
    "budgets": ["budget", "show"],
    "costs": ["cost-audit", "--no-update"],
    "repair": ["repair"],
    "completion": ["completion", "bash", "--json", "--", "mark", "--no"],
    "run": ["run", "--title", "Build", "--kind", "meta", "--json", "--", "true"],
    "scan-self-test": ["scan", "secrets", "--self-test"],
    "scan": ["scan", "boundary"],
}
TAKEN = {
    "event_type": "goal_finished",
    "goal": {
        "goal_id": "2026-01-05-001",
        "title": "Fix the sum",
        "goal_type": "epic",
        "status": "success",
        "started_at": "2026-01-05T10:00:00Z",
        "finished_at": "2026-01-05T12:00:00Z",
        "output_tokens": 340,
    },
}
PANEL = """\
Model:            gpt-5-codex (reasoning medium)
Account:          ada@example.org (Plus)
Token usage:      1.9K total  (1K input + 900 output)
5h limit:         [#####...............] 72% left (resets 03:14)
Weekly limit:     [#########...........] 55% left (resets 03:24 on 23 Nov)
Credits:          12 credits
"""
LIKE_EVERYWHERE = {"lock", "events", "copies", "commit-msg"}
"""Checks of the doctor that say the same on every machine."""
THEIRS = {"modelBreakdowns": [{"modelName": "gpt-5", "inputTokens": 1200, "outputTokens": 340}]}
"""A day of which the demo knows nothing."""
CODEX = "019ad6c0-8a4f-7c31-b2d7-6f0e5a914c22"
"""The session of the demo that is explained."""
GOALS = ("g261122-k3f9x2ab", "g261122-m7q4w8cd")
CHECK = "g261122-p2r8t5vy"
"""A goal that the demo does not have; examples from that of the checks on know of it."""
START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def pages() -> list[Path]:
    """Every page of the documentation."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def helps(names: list[str]) -> dict[str, str]:
    """The help of each command, as a code block."""

    def of(name: str) -> str:
        words = [] if name == "tally" else name.split(" ")
        command = [sys.executable, "-P", "-m", "tallybook", *words, "--help"]
        done = subprocess.run(command, env=PLAIN, capture_output=True, encoding="utf-8", check=True)
        lines = [line.rstrip() for line in done.stdout.strip("\n").split("\n")]
        return "```text\n" + "\n".join(lines).strip("\n") + "\n```\n"

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(names, pool.map(of, names), strict=True))


class World:
    """The world that the demo leaves behind, and what it printed."""

    def __init__(self, place: Path) -> None:
        self._place = place
        demo = [sys.executable, str(ROOT / "tools" / "demo.py"), "--keep", str(place)]
        self.transcript = subprocess.run(demo, env=BARE, capture_output=True, encoding="utf-8", check=True).stdout
        exports = re.findall(r"export (\w+)=(\S+)", (place / "environment").read_text())
        self._environ = {**BARE, **dict(exports)}
        goals = dict.fromkeys(re.findall(r"\bg\d{6}-\w{8}\b", self.transcript))
        self._goals = dict(zip(goals, GOALS, strict=True))

    def document(self, words: list[str]) -> dict[str, object]:
        """The JSON object of a command."""
        first = next(iter(self._goals))
        if words == ["repair"]:
            self._tear()
        if words == ["check", "list"]:
            kind = ("--title", "Check of paper-7", "--kind", "check", "--source-id", "paper-7")
            check = self._run("start-task", *kind, "--untracked", "--quiet").strip()
            self._run("budget", "set", check, "--tokens", "50000")
            self._goals[check] = CHECK
        if words[0] == "reconcile":
            (self._place / "ccusage.json").write_text(json.dumps({"daily": [{"date": "2026-06-19", **THEIRS}]}))
        if "{log}" in words:
            (self._place / "home/shop/events.ndjson").write_text(json.dumps(TAKEN))
        if "{remote}" in words:
            subprocess.run(["git", "init", "-q", "--bare", str(self._place / "home/remote.git")], check=True)
        if words == ["scan", "boundary"]:
            (self._place / "home/shop/.env").write_text("")
        if words[-1] == "{panel}":
            (self._place / "panel.txt").write_text(PANEL)
        response = self._response() if "{response}" in words else ""
        asked = words if "--json" in words else [*words, "--json"]
        found: dict[str, object] = json.loads(
            self._run(
                *(
                    word.format(
                        goal=first,
                        session=CODEX,
                        response=response,
                        report=self._place / "ccusage.json",
                        log=self._place / "home/shop/events.ndjson",
                        panel=self._place / "panel.txt",
                        remote=self._place / "home/remote.git",
                    )
                    for word in asked
                )
            )
        )
        return found

    def _response(self) -> str:
        """The key of the first response of the session that is explained."""
        logs = json.loads(self._run("why", CODEX, "--json"))["logs"]
        keys: list[str] = [one["response"] for log in logs for line in log["lines"] for one in line["counted"]]
        return keys[0]

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "tallybook", *words],
            cwd=self._place / "home" / "shop",
            env=self._environ,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return done.stdout

    def neutral(self, texts: dict[str, str]) -> dict[str, str]:
        """The texts with fixed ids, times and places; times keep their order."""
        whole = "\0".join(texts.values())
        for real, name in self._goals.items():
            whole = whole.replace(real, name)
        whole = whole.replace(str(self._place / "home"), "/home/ada")
        stamps = sorted(set(re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", whole)))
        for number, stamp in enumerate(stamps):
            moment = START + timedelta(seconds=20 * number, microseconds=120_480 + number)
            whole = whole.replace(stamp, moment.isoformat().replace("+00:00", "Z"))
        whole = re.sub(r"\bw-[0-9a-f]{8}\b", "w-4f2a9c1e", whole)
        for number, commit in enumerate(dict.fromkeys(re.findall(r'"([0-9a-f]{40})"', whole))):
            shown = f"{number:x}{COMMIT[1:]}"
            whole = whole.replace(commit, shown).replace(commit[:12], shown[:12])
        whole = re.sub(
            r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b", _Numbered(self.transcript), whole
        )
        return dict(zip(texts, whole.split("\0"), strict=True))

    def _tear(self) -> None:
        (file,) = (self._place / "home/shop/.git/tallybook/events").glob("*.ndjson")
        with file.open("a") as target:
            target.write('{"v":1,"id":"01')


class _Numbered:
    """Event ids by the order in which they are met; what the demo itself prints is the id of a session and stays."""

    def __init__(self, transcript: str) -> None:
        self._transcript = transcript
        self._numbers = count(1)
        self._known: dict[str, str] = {}

    def __call__(self, found: re.Match[str]) -> str:
        if found[0] in self._transcript:
            return found[0]
        if found[0] not in self._known:
            self._known[found[0]] = f"01a201d2-ca67-7000-8000-{next(self._numbers):012d}"
        return self._known[found[0]]


def shortened(name: str, document: dict[str, object]) -> dict[str, object]:
    """The document without what another example shows."""
    if name in {"state", "report", "checks"}:
        list_of = "checks" if name == "checks" else "goals"
        document[list_of] = ["… one goal object each, as `tally show GOAL --json` has it"]
    if name in {"reconcile", "compare"}:
        document["rows"] = cast("list[dict[str, object]]", document["rows"])[:1]
    if name == "limits":
        document["blocks"] = "… `last` and `largest`: begin, end, responses, tokens, tokens_per_hour, projected"
    if name == "why":
        document["logs"] = [
            _in_short(log) for log in cast("list[dict[str, list[dict[str, object]]]]", document["logs"])
        ]
    if name == "run":
        document["goal"] = "… the goal object, as `tally show GOAL --json` has it"
    if name == "report":
        document["markdown"] = str(document["markdown"])[:60] + "…"
    if name == "doctor":
        checks = [row for row in cast("list[dict[str, object]]", document["checks"]) if row["name"] in LIKE_EVERYWHERE]
        shown = [row["status"] for row in checks]
        document["checks"] = checks
        document["counts"] = {status: shown.count(status) for status in ("ok", "note", "problem")}
    return document


def _in_short(log: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    """One row and one sum of a log; places depend on how long the paths in it are."""
    rows = [{**row, "byte": 771} for row in log["lines"][:1]]
    return {**log, "lines": rows, "sums": log["sums"][:1]}


def laid_out(value: object, indent: str = "") -> str:
    """JSON with short objects on one line."""
    line = json.dumps(value, ensure_ascii=False)
    flat = isinstance(value, dict) and not any(isinstance(part, dict | list) for part in value.values())
    if not isinstance(value, dict | list) or flat or len(line) <= WIDEST:
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        rows = [f"{deeper}{json.dumps(key)}: {laid_out(part, deeper)}" for key, part in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    rows = [deeper + laid_out(part, deeper) for part in value]
    return "[\n" + ",\n".join(rows) + f"\n{indent}]"


def parts(transcript: str) -> Iterator[tuple[str, str]]:
    """Each command of the demo with all that it printed; ``echo`` goes with the command before it."""
    chunks = re.split(r"(?m)^(?=\$ (?!echo ))", re.sub(r"(?m)^# [A-Z].*[.:]$\n", "", transcript))
    for chunk in chunks[1:]:
        yield chunk.partition("\n")[0].removeprefix("$ "), chunk.strip("\n")


def quoted(transcript: str, wanted: str) -> str:
    """The parts of the demo whose commands begin with the words between semicolons, each the next of its kind."""
    waiting = iter(list(parts(transcript)))
    found = []
    for start in wanted.split("; "):
        chunk = next((text for command, text in waiting if command.startswith(start)), None)
        if chunk is None:
            message = f"the demo has no command that begins with {start!r} there"
            raise SystemExit(message)
        found.append(chunk)
    return "```console\n" + "\n\n".join(found) + "\n```\n"


def filled(texts: dict[Path, str]) -> dict[Path, str]:
    """The pages as they should be."""
    wanted = {(found[2], found[3]) for text in texts.values() for found in PLACE.finditer(text)}
    content = {("help", name): text for name, text in helps([name for kind, name in wanted if kind == "help"]).items()}
    with tempfile.TemporaryDirectory(prefix="tallybook-docs-") as place:
        world = World(Path(place).resolve())
        raw = {name: json.dumps(shortened(name, world.document(words))) for name, words in EXAMPLES.items()}
        neutral = world.neutral({"": world.transcript, **raw})
    transcript = neutral.pop("")
    for name, text in neutral.items():
        content["example", name] = f"```json\n{laid_out(json.loads(text))}\n```\n"
    for kind, name in wanted:
        if kind == "demo":
            content[kind, name] = quoted(transcript, name)
        elif kind == "text":
            content[kind, name] = f"````markdown\n{(TEXTS / name).read_text('utf-8')}````\n"

    def fill(found: re.Match[str]) -> str:
        return found[1] + content[found[2], found[3]] + found[4]

    return {path: PLACE.sub(fill, text) for path, text in texts.items()}


def main(arguments: list[str]) -> int:
    """Bring all pages up to date, or tell what is not."""
    before = {path: path.read_text("utf-8") for path in pages()}
    after = filled(before)
    stale = [path for path in before if before[path] != after[path]]
    for path in stale:
        name = str(path.relative_to(ROOT))
        if arguments == ["--check"]:
            old, new = before[path].splitlines(), after[path].splitlines()
            print("\n".join(difflib.unified_diff(old, new, name, "as it should be", lineterm="")))
        else:
            path.write_text(after[path], "utf-8")
            print(f"{name}: brought up to date")
    if stale and arguments == ["--check"]:
        print("run .venv/bin/python tools/docs_help.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
