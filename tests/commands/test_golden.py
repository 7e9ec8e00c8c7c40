"""Ledgers of every version, kept as data: what each came to when it was written is what it comes to now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tallybook.domain.events import KNOWN_BODIES
from tallybook.ledger import upcast
from tallybook.ledger.codec import decode
from tallybook.ledger.line import OLDEST, VERSION, RawEvent, parse
from tallybook.ledger.upcast import STEPS, Told
from tallybook.ledger.wire import form_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from commands.bench import Bench
    from tallybook.ledger.wire import Form

LEDGERS = Path(__file__).parent.parent / "golden" / "ledgers"
NAMES = sorted(path.name for path in LEDGERS.iterdir())


def come_to(bench: Bench, name: str) -> dict[str, Any]:
    """What a golden ledger comes to: all goals, the remainder and the sums, and what verify says."""
    ledger = bench.repo / "golden"
    shutil.copytree(LEDGERS / name, ledger, ignore=shutil.ignore_patterns("*.json"))
    for path in ledger.iterdir():
        path.chmod(0o600)
    state = bench.ok("show", "--json", "--ledger", str(ledger)).json
    found = bench.tally("verify", "--json", "--ledger", str(ledger))
    told = {part: [one["code"] for one in found.json[part]] for part in ("problems", "notes")}
    verified = {"code": found.code, **told}
    return {**{part: state[part] for part in ("goals", "summary", "remainder")}, "verify": verified}


@pytest.mark.parametrize("name", NAMES)
def test_a_ledger_comes_to_what_it_came_to(bench: Bench, name: str) -> None:
    """To the last member of each goal; more members may have come since, none has gone or changed.

    What it cost follows from prices as well, and is not expected.
    """
    expected = json.loads((LEDGERS / name / "expected.json").read_text())
    assert kept(expected, come_to(bench, name)) == expected


def kept(expected: Any, found: Any) -> Any:  # noqa: ANN401 - JSON
    """What was found, without members that were not there when it was expected."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {name: kept(value, found.get(name, "gone")) for name, value in expected.items()}
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [kept(*pair) for pair in zip(expected, found, strict=True)]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_ledger_goes_on(bench: Bench, name: str) -> None:
    """Whatever wrote it, and whatever of it is understood: new events are added behind, and all of it stays sound."""
    before = come_to(bench, name)["verify"]
    ledger = bench.repo / "golden"
    content = {path.name: path.read_bytes() for path in ledger.glob("*.ndjson")}
    bench.ok("start-task", "--title", "more", "--kind", "meta", "--untracked", "--ledger", str(ledger))
    found = bench.tally("verify", "--json", "--ledger", str(ledger))
    lines = sum(data.count(b"\n") for data in content.values())
    assert (found.code, found.json["events"]) == (before["code"], lines + 1)
    assert all((ledger / name).read_bytes().startswith(data) for name, data in content.items())


def test_a_newer_ledger_is_said_to_be_one(bench: Bench) -> None:
    """By every command that reads it, with what to do."""
    come_to(bench, "newer")
    for words in (("show",), ("verify",), ("report",)):
        said = bench.tally(*words, "--ledger", str(bench.repo / "golden"))
        assert said.code == 0
        assert "newer" in said.err
        assert "newer tallybook" in said.err or "update tallybook" in said.err


def test_every_member_of_every_event_stands_in_a_golden_ledger() -> None:
    """A new type or member needs a new golden ledger beside those that are there; these stay as they are."""
    seen: dict[str, set[str]] = {}
    present = [name for name in NAMES if name == f"v{VERSION}" or name.startswith(f"v{VERSION}-")]
    for raw in (raw for name in present for raw in lines_of(name)):
        note(seen, form(raw.envelope.type), raw.body, raw.envelope.type)
    wanted: dict[str, set[str]] = {}
    for body in KNOWN_BODIES:
        members(wanted, form(body.TYPE), body.TYPE)
    assert seen == wanted


def form(kind: str) -> Form:
    """The form of a type."""
    found = form_of(kind)
    assert found is not None
    return found


def lines_of(name: str) -> Iterator[RawEvent]:
    """All lines of a golden ledger."""
    for path in (LEDGERS / name).glob("*.ndjson"):
        for line in path.read_bytes().splitlines():
            raw = parse(line)
            assert isinstance(raw, RawEvent)
            yield raw


def note(seen: dict[str, set[str]], it: Form, body: dict[str, Any], path: str) -> None:
    """Note every member of a body."""
    seen.setdefault(path, set()).update(body)
    for name, part in it.parts.items():
        value = body.get(name)
        for item in value if isinstance(value, list) else () if value is None else (value,):
            note(seen, part, item, f"{path}.{name}")


def members(wanted: dict[str, set[str]], it: Form, path: str) -> None:
    """Every member that a form has."""
    wanted[path] = set(it.names)
    for name, part in it.parts.items():
        members(wanted, part, f"{path}.{name}")


def test_every_version_before_the_present_one_has_its_step() -> None:
    """From the oldest on, without a gap."""
    assert sorted(STEPS) == list(range(OLDEST, VERSION))


def test_steps_are_taken_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is understood as the present version would have said it; the line itself stays."""
    steps = {
        1: lambda told: Told("stage_sung", {**told.body, "song": 1}),
        2: lambda told: Told("stage_marked", {name: value for name, value in told.body.items() if name != "song"}),
    }
    told = Told("stage_marked", {"stage": "plan"})
    assert upcast.upcast(1, told, steps, 2) == Told("stage_sung", {"stage": "plan", "song": 1})
    assert upcast.upcast(1, told, steps, 3) == told
    assert upcast.upcast(3, told, steps, 3) is told
    raw = next(line for line in lines_of("v1") if line.envelope.type == "stage_marked")
    before = decode(raw)
    monkeypatch.setattr("tallybook.ledger.codec.upcast", lambda version, told: upcast.upcast(version, told, steps, 3))
    assert decode(raw) == before


def test_the_newer_ledger_is_made_of_lines_that_a_newer_version_could_write() -> None:
    """A higher version, an unknown type, unknown members in the envelope, the body and deep in it."""
    found = list(lines_of("newer"))
    assert {line.version for line in found} == {VERSION, VERSION + 1}
    assert any(line.strays for line in found)
    assert any(form_of(line.envelope.type) is None for line in found)
