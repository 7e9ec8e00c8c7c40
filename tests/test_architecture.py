"""The contracts of ARCHITECTURE.md: the tree keeps them, and each of them can be broken."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tallybook"
MODULES = sorted(SOURCE.rglob("*.py"))
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
CACHES = {".hypothesis", ".import_linter_cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__"}
GENERATED = CACHES | {".git", ".venv", "build", "dist", "metrics"}

BROKEN = [
    ("layers", "tallybook.ledger.injected", "import tallybook.agents.port"),
    ("layers", "tallybook.domain.injected", "import tallybook.clock"),
    ("layers", "tallybook.injected", ""),
    ("siblings", "tallybook.domain.injected", "import tallybook.domain.injected_too"),
    ("agents", "tallybook.agents.codex.injected", "import tallybook.agents.claude_code"),
    ("agents", "tallybook.agents.amp.injected", "import tallybook.agents.codex"),
    ("agents", "tallybook.agents.copilot_cli.injected", "import tallybook.agents.codex"),
    ("agents", "tallybook.agents.opencode.injected", "import tallybook.agents.pi"),
    ("agents", "tallybook.agents.gemini_cli.injected", "import tallybook.agents.amp"),
    ("domain", "tallybook.domain.injected", "import platformdirs"),
    ("domain-io", "tallybook.domain.injected", "import socket"),
    ("hooks", "tallybook.hooks.injected", "import msgspec"),
    ("hooks", "tallybook.hooks.injected", "import tallybook.domain.events"),
    ("hooks", "tallybook.repo.injected", "def late() -> None:\n    import msgspec"),
    ("hooks", "tallybook.config", "import msgspec"),
    ("hooks", "tallybook.agents.handover", "import msgspec"),
    ("hooks", "tallybook.agents.programs", "import tallybook.agents.port"),
    ("hooks", "tallybook.agents.claude_code.program", "import msgspec"),
    ("hooks", "tallybook.ledger.goal_index", "import msgspec"),
    ("hooks", "tallybook.ledger.__init__", "import msgspec"),
    ("typer", "tallybook.usecases.injected", "import typer"),
    ("rich", "tallybook.reports.injected", "import rich.table"),
    ("genai_prices", "tallybook.pricing.injected", "import genai_prices"),
    ("ruamel", "tallybook.usecases.injected", "import ruamel.yaml"),
    ("sqlite3", "tallybook.ledger.injected", "import sqlite3"),
    ("sqlite3", "tallybook.agents.opencode.reading", "import sqlite3"),
]


def lint(tree: Path) -> set[str]:
    """The ids of the contracts that the package under ``tree`` breaks."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    verdict = re.search(r"^Contracts: (\d+) kept, (\d+) broken", done.stdout, re.MULTILINE)
    assert verdict, done.stdout + done.stderr
    assert int(verdict[1]) + int(verdict[2]) == len(CONTRACTS)
    return {contract["id"] for contract in CONTRACTS if f"{contract['name']} BROKEN" in done.stdout}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the package, its contracts and the contract type of tools."""
    shutil.copytree(SOURCE, tmp_path / "src" / "tallybook", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "contracts.py", tmp_path / "tools")
    return tmp_path


def test_tree_keeps_the_contracts(tree: Path) -> None:
    assert lint(tree) == set()


@pytest.mark.parametrize(("contract", "module", "code"), BROKEN)
def test_contract_can_break(tree: Path, contract: str, module: str, code: str) -> None:
    file = (tree / "src" / module.replace(".", "/")).with_suffix(".py")
    with file.open("a") as stream:
        stream.write(f"\n{code}\n")
    if code.endswith("injected_too"):
        file.with_stem("injected_too").write_text(f"import {module}\n")
    assert lint(tree) == {contract}


def test_contract_on_a_module_that_is_gone_is_no_kept_contract(tree: Path) -> None:
    (tree / "src" / "tallybook" / "config.py").rename(tree / "src" / "tallybook" / "clock.py")
    with pytest.raises(AssertionError, match="config"):
        lint(tree)


HOOK = """
import os, sys
sys.path.insert(0, sys.argv.pop(1))
from tallybook.__main__ import main
code = main()
print(*sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names - {"__main__"}))
sys.exit(code)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        *(["commit-msg", "message"], ["prepare-commit-msg", "message"], ["pre-commit"], ["pre-push", "a", "b"]),
        ["session-start", "claude"],
    ],
)
def test_hooks_load_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """With ``-S`` no library is there to load, and a hook that wants one says so on stderr."""
    monkeypatch.delenv("TALLYBOOK_HOME")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "message").write_text("Count once\n\nNo-Task: nothing is counted here\n")
    command = [sys.executable, "-S", "-P", "-c", HOOK, str(SOURCE.parent), "hook", *arguments]
    told = json.dumps({"session_id": "s", "cwd": "/", "hook_event_name": "SessionStart"})
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, input=told)
    assert (done.returncode, done.stdout.strip()) == (0, "tallybook")
    assert "Error" not in done.stderr


def test_every_contract_is_broken_above() -> None:
    assert {contract["id"] for contract in CONTRACTS} == {contract for contract, _, _ in BROKEN}


SHARED = {"__init__", "documents", "handover", "identity", "lines", "offspring", "port", "processes", "programs"}
SHARED |= {"argv", "calls", "copies", "kinds", "local_calls", "names", "panels", "registry", "surrogates", "trees"}
SHARED |= {"values", "verdicts", "walked"}
VENDORS = {path.stem for path in (SOURCE / "agents").iterdir() if path.suffix == ".py" or path.is_dir()}
VENDORS -= {*SHARED, "__pycache__"}
HOOKED = {"claude_code", "codex"}
SHARED_BY_READERS = (
    "argv",
    "calls",
    "copies",
    "documents",
    "lines",
    "local_calls",
    "names",
    "panels",
    "port",
    "surrogates",
    "trees",
    "values",
    "verdicts",
    "walked",
)
BEHIND_THE_PORT = tuple(f"tallybook.agents.{name}." for name in SHARED_BY_READERS)


def test_every_vendor_is_in_the_independence_contract() -> None:
    (contract,) = [contract for contract in CONTRACTS if contract["id"] == "agents"]
    assert {module.rpartition(".")[2] for module in contract["modules"]} == VENDORS


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_a_vendor_knows_the_port_its_own_room_and_the_domain(vendor: str) -> None:
    own = f"tallybook.agents.{vendor}"
    seen = {name for path in MODULES if is_of(vendor, path) for name in imported(path) if name.startswith("tallybook")}
    assert any(name.startswith("tallybook.agents.port.") for name in seen)
    allowed = (f"{own}.", "tallybook.domain.", *BEHIND_THE_PORT)
    assert {name for name in seen if not f"{name}.".startswith(allowed)} == set()


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_nobody_but_the_registry_knows_a_vendor(vendor: str) -> None:
    """And the list of agents with hooks of their own, which the light path of these hooks asks."""
    name = f"tallybook.agents.{vendor}."
    knowing = {path for path in MODULES if any(f"{one}.".startswith(name) for one in imported(path))}
    lists = {SOURCE / "agents" / "registry.py"} | ({SOURCE / "agents" / "programs.py"} if vendor in HOOKED else set())
    assert {path for path in knowing if not is_of(vendor, path)} == lists


def is_of(vendor: str, path: Path) -> bool:
    """Whether a module is the vendor's reader or a part of it."""
    return path.relative_to(SOURCE).with_suffix("").parts[:2] == ("agents", vendor)


def imported(path: Path) -> set[str]:
    """The modules that a module names, inside functions too; of ``from`` with each name behind it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_module_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.parent != SOURCE / "cli"],
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_functions_below_the_command_line_take_at_most_five_arguments(path: Path) -> None:
    nodes = ast.walk(ast.parse(path.read_text()))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [function.name for function in functions if len(arguments(function)) > 5] == []


def arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names of all arguments, without a method's first."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def texts() -> Iterator[Path]:
    """Every file of the repository that people wrote."""
    for base, directories, files in os.walk(ROOT):
        directories[:] = [name for name in directories if name not in GENERATED and not name.endswith(".egg-info")]
        written = (name for name in files if not name.startswith(".coverage") and name not in GENERATED)
        yield from (Path(base, name).relative_to(ROOT) for name in written)


def matches(pattern: str) -> list[str]:
    """``path: text`` of each match in the repository."""
    compiled = re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    read = ((path, (ROOT / path).read_text(errors="replace")) for path in texts())
    return [f"{path}: {match[0]}" for path, content in read for match in compiled.finditer(content)]


def test_no_text_names_a_place_on_some_machine() -> None:
    assert matches(r"(?<![\w.~*-])/(?:work|root)/\w") == []
    homes = matches(r"(?<![\w.~*-])/(?:home|Users)/\w")
    assert [match for match in homes if not match.startswith(("tests/", "docs/", "tools/docs_help.py"))] == []


def test_no_text_names_a_writer() -> None:
    assert matches(r"^\W*(?:co-authored|generated|assisted)-(?:by|with): ") == []
