"""The documentation says what the program does: what it shows is printed by it, what it names exists."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
import typer

from docs.pages import ROOT, divided
from tallybook.cli.faults import describe
from tallybook.cli.lazy import command_line
from tallybook.config import FILE, load_settings
from tallybook.domain.comparison import Cause
from tallybook.domain.events import KNOWN_BODIES, Body, ImportSource, SessionRef
from tallybook.domain.findings import Code
from tallybook.domain.price_causes import Way
from tallybook.domain.quality import Quality
from tallybook.domain.shortfalls import Category
from tallybook.domain.tokens import ZERO
from tallybook.domain.usage import ClassUsage, PriceClass, SessionUsage
from tallybook.ledger.errors import LockTimeoutError
from tallybook.ledger.line import RawEvent, parse
from tallybook.ledger.verify import CLEAN, DAMAGED, FINDINGS
from tallybook.repo.touched import MOST_COMMITS
from tallybook.reports.vectors import vector
from tallybook.usecases.history_audit import LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer._click.core import Command, Context

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = ROOT / "docs/reference/commands.md"
LEDGER = ROOT / "docs/reference/ledger.md"
INVOCATION = re.compile(r"\s*(?:GOAL=\$\()?tally ([^|>;)]*)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
every_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def found_command(words: list[str]) -> tuple[Command, Context, list[str]]:
    """The command that ``words`` name, and its own words."""
    command, context = command_line(), None
    while True:
        context = command.context_class(command, parent=context, info_name=words[0] if words else "tally")
        subcommand = getattr(command, "get_command", None)
        if subcommand is None or not words or words[0].startswith("-"):
            return command, context, words
        inner = subcommand(context, words[0])
        assert inner is not None, f"there is no command {words[0]}"
        command, words = inner, words[1:]


def invocations(page: Path) -> Iterator[str]:
    """Whole command lines in fenced blocks; in a terminal run only what was typed."""
    for block in divided(page)[1]:
        if block.language in {"", "markdown", "console", "sh"}:
            for line in block.lines:
                typed = line.removeprefix("$ ")
                found = INVOCATION.match(typed)
                if found and (block.language != "console" or typed != line):
                    yield found[1]


@every_page
def test_command_lines_can_be_parsed(page: Path) -> None:
    for line in invocations(page):
        command, _, rest = found_command(shlex.split(line))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(command, "invoke", lambda _: None)
            try:
                command.make_context(command.name, rest)
            except typer.TyperException as error:
                pytest.fail(f"tally {line}: {error.format_message()}")


@every_page
def test_commands_and_options_in_prose_exist(page: Path) -> None:
    for line in divided(page)[0]:
        for code in re.findall(r"`tally ([^`]+)`", line):
            command, context, rest = found_command(code.split())
            known = {name for param in command.get_params(context) for name in param.opts}
            named = {word for word in rest if word.startswith("--")}
            assert named <= known, code


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {slug(line.lstrip("#")) for line in divided(page)[0] if re.match("#+ ", line)}


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for line in divided(page)[0]:
        for target in LINK.findall(line):
            if target.startswith("https://"):
                continue
            path, _, anchor = target.partition("#")
            place = (page.parent / path).resolve() if path else page
            assert place.is_file(), target
            assert not anchor or anchor in anchors(place), target


@every_page
def test_settings_can_be_used(page: Path, tmp_path: Path) -> None:
    for block in divided(page)[1]:
        if block.language == "toml":
            place = tmp_path / FILE
            place.parent.mkdir(exist_ok=True)
            place.write_text("\n".join(block.lines))
            assert load_settings(tmp_path)[1] == ()


def test_what_the_program_prints_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tools/docs_help.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def names(command: Command, prefix: str = "") -> Iterator[str]:
    """Every command and subcommand."""
    context = command.context_class(command, info_name=prefix)
    for name in getattr(command, "list_commands", lambda _: ())(context):
        inner = found_command([*prefix.split(), name])[0]
        yield prefix + name
        yield from names(inner, f"{prefix}{name} ")


def test_every_command_has_its_help_in_the_reference() -> None:
    shown = re.findall(r"<!-- help: (.+) -->", COMMANDS.read_text())
    assert shown == ["tally", *names(command_line())]


def test_every_schema_has_an_example() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "src/tallybook/cli").glob("*.py"))
    written = set(re.findall(r'document\(\s*"([a-z_-]+)"', sources)) | set(
        re.findall(r'"([a-z]+)" if repaired', sources)
    )
    shown = set()
    for block in divided(COMMANDS)[1]:
        if block.language == "json":
            shown.add(json.loads("\n".join(block.lines))["schema"])
    assert {f"tallybook.{name}/1" for name in written} <= shown


def rows(heading: str) -> list[str]:
    """The names in the first column of the table below a heading of the ledger's reference."""
    (section,) = re.findall(rf"(?ms)^### {heading}\n(.*?)(?=^##|\Z)", LEDGER.read_text())
    found: list[str] = re.findall(r"(?m)^\| `(\w+)` \|", section)
    return found


@pytest.mark.parametrize("body", KNOWN_BODIES, ids=[body.TYPE for body in KNOWN_BODIES])
def test_every_event_is_in_the_reference(body: type[Body]) -> None:
    assert rows(body.TYPE) == list(body.__struct_fields__)


def test_the_reference_has_no_other_events() -> None:
    assert set(re.findall(r"(?m)^### ([a-z]+_[a-z_]+)$", LEDGER.read_text())) == {body.TYPE for body in KNOWN_BODIES}


def test_parts_of_events_are_in_the_reference() -> None:
    assert rows("Session reference") == list(SessionRef.__struct_fields__)
    assert rows("Import source") == list(ImportSource.__struct_fields__)
    assert rows("Session usage") == list(SessionUsage.__struct_fields__)
    inner = [*PriceClass.__struct_fields__, *ClassUsage.__struct_fields__]
    assert rows("Class usage") == [name for name in inner if name != "price_class"]
    contract = vector(ZERO)
    assert isinstance(contract, dict)
    assert rows("Token vector") == list(contract)


def test_lines_of_the_ledger_are_real() -> None:
    (block,) = [block for block in divided(LEDGER)[1] if block.language == "ndjson"]
    for line in block.lines:
        assert isinstance(parse(line.encode()), RawEvent)


def test_every_quality_is_explained() -> None:
    text = (ROOT / "docs/explanation/quality.md").read_text()
    assert re.findall(r"(?m)^\| `(\w+)` \| [^|`]+ \| [^|]+ \|$", text) == list(Quality)


def test_the_audit_is_explained_as_it_is() -> None:
    """Every cause, every finding, every limit with its number, and every category in its order."""
    text = (ROOT / "docs/explanation/audit.md").read_text()
    causes, more = text.split("## What the audit looks for")
    findings, categories = more.split("## Whose cost or usage is not whole")
    assert re.findall(r"(?m)^\| `([a-z-]+)` \|", categories) == list(Category)
    assert f" for {LIMITS.gap_hours} hours or more after its last command" in categories
    assert set(re.findall(r"(?m)^\| `([a-z-]+)` \|", causes)) == set(Cause)
    assert set(re.findall(r"(?m)^\| `([a-z-]+)` \|", findings)) == set(Code)
    numbers = {int(number) for number in re.findall(r"\d+", findings.replace("5,000", str(MOST_COMMITS)))}
    assert numbers == {*msgspec.structs.asdict(LIMITS).values(), MOST_COMMITS}


def test_every_way_of_pricing_is_explained() -> None:
    """Each cause that a comparison with another tool's costs can tell, in their order."""
    text = (ROOT / "docs/explanation/pricing.md").read_text()
    assert re.findall(r"(?m)^\| (the report [^|]+) \| ", text) == list(Way)


def test_exit_codes_are_those_of_the_command_line() -> None:
    told = {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", COMMANDS.read_text())}
    usage = describe(typer.BadParameter("x")).exit_code
    locked = describe(LockTimeoutError(Path("ledger.lock"), 10, None)).exit_code
    assert told == {CLEAN, FINDINGS, usage, DAMAGED, locked, 130}


def test_the_readme_begins_with_commands_that_exist() -> None:
    first = divided(ROOT / "README.md")[1][0]
    targets = [line.split()[1] for line in first.lines]
    assert targets == ["demo", "test"]
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in targets)


@every_page
def test_no_place_of_a_machine_is_shown(page: Path) -> None:
    places = set(re.findall(r"/(?:home|root|work|private|var|Users)/[\w./-]*", page.read_text()))
    assert all(place.startswith("/home/ada/") for place in places)
