"""Of a command only the program's name is told, and not even that where it could be anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.agents.argv import program_of, script_of

COMMANDS = [
    ("git status", "git"),
    ("  ls -la /etc", "ls"),
    ("/usr/bin/env python3 x.py", "env"),
    ("cd x && make", "cd"),
    ("make;", "make"),
    ("(cd x; ls)", "cd"),
    ("TOKEN=hunter2 curl x", "other"),
    ("export TOKEN=hunter2", "export"),
    ("'my program' x", "other"),
    ("$HOME/bin/x", "other"),
    ("`which ls`", "other"),
    ("ghp_abcdef", "other"),
    ("Zq9Xk7aB3dE5fG7hJ9kL1mN3 x", "other"),
    ("/opt/Zq9Xk7aB3dE5fG7hJ9kL1mN3/run", "run"),
    ("./" + "x" * 33, "other"),
    ("# a comment", "other"),
    ("ada@example.com", "other"),
    ("", ""),
    (" \n", ""),
    (["bash", "-lc", "cat <<'EOF'\nsecret\nEOF"], "cat"),
    (["/bin/sh", "-c", "PW=x psql"], "other"),
    (["powershell.exe", "-Command", "dir"], "powershell.exe"),
    (["pwsh", "-Command", "dir"], "dir"),
    (["rg", "-n", "password"], "rg"),
    (["bash"], "bash"),
    ([], ""),
    ([""], ""),
]


@pytest.mark.parametrize(("command", "program"), COMMANDS)
def test_the_program_of_a_command(command: str | list[str], program: str) -> None:
    """Paths are stripped, shells are looked into."""
    assert program_of(command) == program


def test_the_same_script_is_the_same_text_in_any_shell() -> None:
    """So that a repetition is seen, whatever tool ran it."""
    assert script_of(["bash", "-lc", "ls -l"]) == script_of(["sh", "-c", "ls -l"]) == script_of("ls -l")
    assert script_of(["ls", "-l"]) != script_of(["ls -l"])


@given(st.text() | st.lists(st.text(), max_size=4))
def test_any_command_gives_a_plain_name(command: str | list[str]) -> None:
    """No command makes it fail, and no text gets through."""
    program = program_of(command)
    assert len(program) <= 32
    assert not set(program) & set(" /=@'\"$`\\\n\0")
    script_of(command)
