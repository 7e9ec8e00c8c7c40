"""What a visit to a log that has got one more line takes: nothing is set up for lines of other kinds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path


SESSION: Final = "019c8a5f-0000-7000-8000-000000000001"
AT: Final = "2026-02-23T13:19:38.000Z"
CLAUDE: Final = {
    "type": "assistant", "uuid": "u", "sessionId": SESSION, "timestamp": AT, "requestId": "r",
    "message": {"id": "m", "model": "m", "content": [], "usage": {"input_tokens": 3, "output_tokens": 4}},
}  # fmt: skip
USAGE: Final = {"input_tokens": 3, "output_tokens": 4}
CODEX: Final = {
    "timestamp": AT, "type": "event_msg",
    "payload": {"type": "token_count", "info": {"total_token_usage": USAGE, "last_token_usage": USAGE}},
}  # fmt: skip
CODE: Final = """import os, sys
from pathlib import Path
import msgspec
from tallybook.agents.registry import reader
from tallybook.history.ingest import ingest
from tallybook.history.store import open_store

made = []
class Counted:
    def __class_getitem__(cls, kind): return cls
    def __new__(cls, kind):
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            made.append(kind.__name__)
        return real(kind)
real, msgspec.json.Decoder = msgspec.json.Decoder, Counted

with open_store(Path("data")) as store:
    report = ingest(store, [reader(sys.argv[1])], os.environ)
print(report.files_read, store.problems, *sorted(made))
print(*sorted(name for name in sys.modules if name.startswith("tallybook")))
"""


def one_more(home: Path, agent: str, log: Path, line: object) -> tuple[str, set[str]]:
    """What an ingest says, and the modules that it has imported."""
    with log.open("a") as file:
        file.write(json.dumps(line, separators=(",", ":")) + "\n")
    environ = {**os.environ, "HOME": str(home), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    for name in ("CODEX_HOME", "CLAUDE_CONFIG_DIR"):
        environ.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", CODE, agent], env=environ, cwd=home, capture_output=True, text=True, check=True
    )
    said, modules = done.stdout.splitlines()
    return said, set(modules.split())


def test_an_answer_of_claude_code(tmp_path: Path) -> None:
    log = tmp_path / ".claude/projects/p" / f"{SESSION}.jsonl"
    log.parent.mkdir(parents=True)
    one_more(tmp_path, "claude", log, CLAUDE)
    said, modules = one_more(tmp_path, "claude", log, CLAUDE | {"uuid": "v"})
    assert said == "1 [] Answer"
    assert not modules & {"tallybook.agents.claude_code.partly", "tallybook.history.attempts"}


def test_a_count_of_codex(tmp_path: Path) -> None:
    log = tmp_path / ".codex/sessions/2026/02/23" / f"rollout-2026-02-23T13-19-38-{SESSION}.jsonl"
    log.parent.mkdir(parents=True)
    one_more(tmp_path, "codex", log, CODEX)
    said, modules = one_more(tmp_path, "codex", log, CODEX)
    assert said == "1 [] CountLine Envelope"
    assert "tallybook.history.attempts" not in modules
