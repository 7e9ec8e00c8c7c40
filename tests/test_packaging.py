"""What is built and shipped, and the ways to run the tool from a checkout."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

import tallybook

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "tallybook"
HOOKS = ["commit-msg", "post-merge", "pre-commit", "pre-push", "prepare-commit-msg"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the source archive, made offline."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", out], cwd=ROOT, check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


def shipped() -> set[str]:
    """What of the package belongs into a wheel: code, the typing marker, schema and templates."""
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(PACKAGE.parent)) for path in files}


def test_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == shipped()
    assert {"tallybook/py.typed", "tallybook/history/schema.sql"} <= names


def test_wheel_metadata(wheel: zipfile.ZipFile) -> None:
    (metadata,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
    headers = HeaderParser().parsestr(wheel.read(metadata).decode())
    assert headers["Name"] == "tallybook"
    assert headers["Version"] == tallybook.__version__
    assert headers["License-Expression"] == "MIT"
    assert headers["License-File"] == "LICENSE"
    assert headers["Requires-Python"] == ">=3.11"
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "tally = tallybook.__main__:main" in wheel.read(entry_points).decode()


def test_wheel_runs_from_the_archive_alone(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    assert wheel.filename
    code = "import sys; sys.path.insert(0, sys.argv[1]); import tallybook; print(tallybook.__file__)"
    command = [sys.executable, "-P", "-c", code, wheel.filename]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(wheel.filename)


def test_source_archive_can_be_tested_and_built_again(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in shipped()} <= names
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tests/conftest.py", "PKG-INFO"} <= names
    assert not any(".venv" in name or name.startswith(("metrics/", ".git/")) for name in names)


def pins(lock: Path) -> dict[str, str]:
    """Name and version of each requirement that ``lock`` pins."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def test_the_two_lock_files_agree() -> None:
    development = pins(ROOT / "requirements-dev.lock")
    assert pins(ROOT / "requirements.lock").items() <= development.items()


@pytest.mark.parametrize("name", [".ci/run", "tools/tally", "tools/venv", *(f".githooks/{name}" for name in HOOKS)])
def test_script_is_sound(name: str) -> None:
    path = ROOT / name
    assert path.stat().st_mode & stat.S_IXUSR
    shell = "bash" if "bash" in path.read_text().splitlines()[0] else "sh"
    subprocess.run([shell, "-n", path], check=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout whose .venv runs this Python, made as tools/venv leaves it."""
    root = tmp_path / "check out"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("src", "tools", ".githooks"):
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "holds").mkdir()
    python = root / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    for place in (root, root / ".venv" / "holds"):
        shutil.copy(ROOT / "requirements.lock", place)
    return root


STUB = """
import os, signal, sys
import tallybook

def main():
    print(tallybook.__file__, os.environ.get("PYTHONPATH"), *sys.argv, sep="|")
    if sys.argv[-1] == "term":
        os.kill(os.getpid(), signal.SIGTERM)
    return 4

if __name__ == "__main__":
    sys.exit(main())
"""


def test_tally_runs_the_checkout_it_stands_in(checkout: Path, tmp_path: Path) -> None:
    (checkout / "src/tallybook/__main__.py").write_text(STUB)
    (tmp_path / "tally").symlink_to("check out/tools/tally")
    (tmp_path / "tallybook.py").write_text("raise SystemExit('the module beside the caller')")
    done = subprocess.run(["./tally", "a b", "--c"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == f"{checkout}/src/tallybook/__init__.py|None|tally|a b|--c\n"
    assert (done.returncode, done.stderr) == (4, "")


def test_tally_passes_on_how_it_ended(checkout: Path) -> None:
    (checkout / "src/tallybook/__main__.py").write_text(STUB)
    done = subprocess.run([checkout / "tools/tally", "term"], capture_output=True, check=False)
    assert done.returncode == -15


def test_tally_makes_its_venv_on_first_use_only(checkout: Path) -> None:
    (checkout / "src/tallybook/__main__.py").write_text(STUB)
    (checkout / "requirements.lock").write_text("# nothing is pinned here\n")
    shutil.rmtree(checkout / ".venv")
    command = [str(checkout / "tools/tally"), "x"]
    env = os.environ | {"PYTHON": sys.executable}
    first = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (first.returncode, first.stderr) == (4, "tallybook: making .venv (runtime)\n")
    assert first.stdout.endswith("|tally|x\n")
    again = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr, again.stdout) == (4, "", first.stdout)


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_hands_its_arguments_over(checkout: Path, hook: str) -> None:
    (checkout / "src/tallybook/__main__.py").write_text(STUB)
    done = subprocess.run([f".githooks/{hook}", "a b"], cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stdout.rstrip().split("|")[3:] == ["hook", hook, "a b"]


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_without_venv_warns_and_lets_the_commit_pass(checkout: Path, hook: str) -> None:
    shutil.rmtree(checkout / ".venv")
    done = subprocess.run([checkout / ".githooks" / hook], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert "make setup" in done.stderr
