"""``pre-push`` and ``post-merge``: the ledger goes through the remote along with the branches, where that is wanted.

Standard library only: the sync itself runs as a command of its own. Whatever becomes of it, git goes on.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tallybook.config import ledger_override
from tallybook.repo.shared_ref import GUARD, usual_remote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.hooks.surroundings import Surroundings

SECONDS = 150.0
"""Longest that git is made to wait."""
_MODULE = Path(__file__).resolve().parent.parent / "__main__.py"


def synchronise(around: Surroundings, arguments: Sequence[str]) -> str:
    """Run ``tally sync``; what is to be said on stderr. ``arguments`` are those of ``pre-push``: name and URL.

    A push to any other remote than the one that carries the ledger takes nothing of it along, and a ledger that the
    environment names, which other repositories may share, goes nowhere by itself.
    """
    if not around.settings.sync or GUARD in around.environ or ledger_override(around.environ) is not None:
        return ""
    if arguments and arguments[0] != (around.settings.sync_remote or usual_remote(around.repository.git)):
        return ""
    environ = {**around.environ, GUARD: "1"}
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX"):
        environ.pop(name, None)  # git sets them for its hooks; the command finds its repository by its directory
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            (sys.executable, "-P", str(_MODULE), "sync"),
            cwd=around.repository.toplevel,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"warning: the ledger was not synced within {SECONDS:g} seconds; tally sync does it"
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines()
    return f"warning: the ledger was not synced: {said[0].removeprefix('tally: ') if said else 'tally sync tells why'}"
