"""ccusage's native program, which reads all logs anew on every run: what a scan of the history is compared with."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

PACKAGE: Final = "@ccusage/ccusage-linux-x64@20.0.24"
COMMAND: Final = ("daily", "--offline", "--json")


def program(place: Path) -> Path | str:
    """The program, or why there is none: ``TALLYBOOK_CCUSAGE`` names it, else npm brings it to ``place``."""
    if named := os.environ.get("TALLYBOOK_CCUSAGE"):
        return Path(named) if os.access(named, os.X_OK) else f"{named} can't be run"
    npm = shutil.which("npm")
    if npm is None:
        return "no npm to bring ccusage"
    install = [npm, "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(place), PACKAGE]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    found = sorted(place.glob("node_modules/@ccusage/*/bin/ccusage*"))
    if not found:
        return f"npm brought no native ccusage (status {done.returncode})"
    found[0].chmod(0o755)  # npm unpacks it without
    return found[0]
