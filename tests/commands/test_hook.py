"""`tally hook`: what git calls imports the standard library alone, and fails open on everything but the rule."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from commands.bench import program

if TYPE_CHECKING:
    from commands.bench import Bench

SHOW_IMPORTS = """
import sys
from tallybook.__main__ import main
sys.argv = ["tally", *sys.argv[1:]]
code = main()
names = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(code, *sorted(names))
"""


def imported(*arguments: str) -> list[str]:
    command = [sys.executable, "-I", "-c", SHOW_IMPORTS, *arguments]
    told = json.dumps({"session_id": "s", "cwd": "/", "hook_event_name": "SessionStart"})
    done = subprocess.run(command, capture_output=True, text=True, check=False, input=told)
    assert "Traceback" not in done.stderr
    return done.stdout.splitlines()[-1].split()


def ours(names: list[str]) -> set[str]:
    """Without what the interpreter's own start-up brings along."""
    return {name for name in names if name in {"tallybook", "typer", "msgspec", "rich"}}


def test_the_hooks_import_the_standard_library_alone(bench: Bench) -> None:
    goal = bench.start()
    message = bench.repo / ".git" / "COMMIT_EDITMSG"
    message.write_text(f"Add a shelf\n\nTask: {goal}\n")
    code, *names = imported("hook", "commit-msg", str(message))
    assert code == "0"
    assert ours(names) == {"tallybook"}
    code, *names = imported("hook", "prepare-commit-msg", str(message))
    assert (code, ours(names)) == ("0", {"tallybook"})
    code, *names = imported("hook", "session-start", "claude")
    assert (code, ours(names)) == ("0", {"tallybook"})


def test_the_version_imports_no_typer() -> None:
    code, *names = imported("--version")
    assert (code, ours(names)) == ("0", {"tallybook"})


def test_a_message_without_a_task_is_refused(bench: Bench) -> None:
    message = bench.repo / ".git" / "COMMIT_EDITMSG"
    message.write_text("Add a shelf\n")
    done = program("hook", "commit-msg", str(message))
    assert (done.returncode, done.stdout) == (1, "")
    assert "No-Task: " in done.stderr


def test_the_command_line_hands_over(bench: Bench) -> None:
    message = bench.repo / ".git" / "COMMIT_EDITMSG"
    message.write_text("Add a shelf\n\nNo-Task: a trial\n")
    assert bench.ok("hook", "commit-msg", str(message)).err == ""
    assert bench.tally("hook", "nosuch").code == program("hook", "nosuch").returncode
    assert "one hook of git" in program("hook", "--help").stdout


def test_bad_calls_are_told(bench: Bench) -> None:
    assert bench.repo.is_dir()
    for arguments in ((), ("nosuch",), ("commit-msg",), ("commit-msg", "no such file"), ("commit-msg", "a", "b")):
        done = program("hook", *arguments)
        assert "Traceback" not in done.stderr
        assert "tally" in done.stderr
