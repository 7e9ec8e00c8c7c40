"""The model server on loopback, which is stopped when its account is whole.

It writes a line for each call once that is answered, so that an agent may have ended before the line is there.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10.0
"""Seconds; a call that an agent has given up has its line as soon as the server notices."""


@contextmanager
def model_server(clients: str, out: str) -> Iterator[str]:
    """Run it; gives the file with its port. Its account lies in OUT/truth, beside a file for each call that came in."""
    Path(out).mkdir(parents=True, exist_ok=True)
    truth, port = Path(out, "truth"), f"{out}/mock.port"
    words = ("--out", str(truth), "--port-file", port, "--save-requests", "--max-seconds", "150")
    with subprocess.Popen([sys.executable, f"{clients}/mock_llm.py", *words]) as server:
        try:
            yield port
            _await_account(truth)
        finally:
            server.terminate()


def _await_account(truth: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and _lines(truth / "ground_truth.jsonl") < len(list((truth / "requests").iterdir())):
        time.sleep(0.02)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0
