"""What the command line imports before anything else."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


INSISTING = "import typing_extensions\nwith_it = True\n"


def answer(code: str, *places: Path) -> str:
    """What a new interpreter says to ``code``, where ``places`` come first on its path."""
    path = os.pathsep.join([*map(str, places), *filter(None, sys.path)])
    environ = {**os.environ, "PYTHONPATH": path}
    return subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True).stdout


def test_msgspec_does_without_typing_extensions() -> None:
    """It is imported without them; whoever wants them later gets them."""
    code = """import sys, tallybook.cli
print({"typing_extensions", "inspect"} & sys.modules.keys(), "msgspec" in sys.modules)
import typing_extensions
print(typing_extensions.__name__)"""
    assert answer(code) == "set() True\ntyping_extensions\n"


def test_a_msgspec_that_insists_gets_them(tmp_path: Path) -> None:
    """Then it is imported as usual."""
    (tmp_path / "msgspec.py").write_text(INSISTING)
    code = """import sys, tallybook.cli
print("msgspec" in sys.modules)
import msgspec
print(msgspec.with_it)"""
    assert answer(code, tmp_path) == "False\nTrue\n"


def test_what_is_imported_already_stays() -> None:
    """A program that has the library, and imports the command line, loses nothing."""
    code = """import sys, typing_extensions
before = sys.modules["typing_extensions"]
import tallybook.cli
print(sys.modules["typing_extensions"] is before, "msgspec" in sys.modules)"""
    assert answer(code) == "True False\n"
