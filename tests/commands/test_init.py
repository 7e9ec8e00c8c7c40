"""`tally init`: the ledger's directory, and settings that nobody's own are lost to."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from commands.bench import tree

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench

RULE = "metrics/events/*.ndjson merge=union -text\n"


def actions(bench: Bench, *options: str) -> dict[str, str]:
    told = bench.ok("init", *options, "--json").json
    assert (told["schema"], told["problems"]) == ("tallybook.init/1", [])
    assert told["dry_run"] is ("--dry-run" in options)
    return {row["path"].removeprefix(f"{bench.repo}/"): row["action"] for row in told["changes"]}


def test_the_ledger_is_made_for_its_owner_alone(bench: Bench) -> None:
    assert actions(bench) == {".git/tallybook/events": "created"}
    for place in (bench.ledger, bench.ledger.parent):
        assert place.stat().st_mode & 0o777 == 0o700
    assert actions(bench) == {".git/tallybook/events": "unchanged"}
    assert bench.git("status", "--porcelain") == ""


def test_it_publishes(bench: Bench) -> None:
    made = actions(bench, "--publish", "metrics/events")
    assert made == dict.fromkeys((".git/tallybook/events", "config/tallybook.toml", ".gitattributes"), "created")
    assert tomllib.loads((bench.repo / "config/tallybook.toml").read_text()) == {
        "ledger": {"publish": "metrics/events"}
    }
    assert (bench.repo / ".gitattributes").read_text() == RULE
    again = actions(bench, "--publish", "metrics/events/")
    assert set(again.values()) == {"unchanged"}
    assert bench.ok("show", "--json").json["problems"] == []


@pytest.mark.parametrize("options", [(), ("--publish", "metrics/events")])
def test_a_dry_run_writes_nothing(bench: Bench, options: tuple[str, ...]) -> None:
    before = tree(bench.repo)
    planned = actions(bench, "--dry-run", *options)
    said = bench.ok("init", "--dry-run", *options)
    assert "would be created" in said.out
    assert tree(bench.repo) == before
    assert actions(bench, *options) == planned


def test_settings_and_attributes_of_the_user_stay(bench: Bench) -> None:
    (bench.repo / "config").mkdir()
    (bench.repo / "config/tallybook.toml").write_text("# mine\n[hooks]\nticket = 'ABC-'")
    (bench.repo / ".gitattributes").write_bytes(b"caf\xe9 text")
    made = actions(bench, "--publish", "metrics/events")
    assert made["config/tallybook.toml"] == made[".gitattributes"] == "changed"
    text = (bench.repo / "config/tallybook.toml").read_text()
    assert text.startswith("# mine\n")
    assert tomllib.loads(text) == {"hooks": {"ticket": "ABC-"}, "ledger": {"publish": "metrics/events"}}
    assert (bench.repo / ".gitattributes").read_bytes() == b"caf\xe9 text\n" + RULE.encode()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("config/tallybook.toml", "[ledger]\n# nothing yet\n"),
        ("config/tallybook.toml", "[ledger\n"),
        ("pyproject.toml", "[tool.tallybook.capture]\nenabled = false\n"),
    ],
)
def test_settings_that_it_would_break_or_hide_are_left_alone(bench: Bench, file: str, text: str) -> None:
    (bench.repo / "config").mkdir()
    (bench.repo / file).write_text(text)
    before = tree(bench.repo)
    assert bench.refused("init", "--publish", "metrics/events") == "settings-there"
    assert file in bench.tally("init", "--publish", "metrics/events").err
    assert tree(bench.repo) == before


def test_another_place_is_changed_by_hand(bench: Bench) -> None:
    bench.ok("init", "--publish", "metrics/events")
    assert bench.refused("init", "--publish", "elsewhere") == "published-elsewhere"


@pytest.mark.parametrize(
    "place",
    ["/etc", "..", "a/../../b", "", ".", ".git/x", "a/.GIT", 'a"b', "a b", "a\nb", "a\\b", "*", "#a", "!a", "\udcff"],
)
def test_places_that_can_not_be_published_in(bench: Bench, place: str) -> None:
    before = tree(bench.repo)
    assert bench.tally("init", "--publish", place, "--json").error == "bad-directory"
    assert bench.tally("init", "--publish", place).code == 2
    assert tree(bench.repo) == before


def test_outside_of_git(bench: Bench, tmp_path: Path) -> None:
    bench.go(tmp_path)
    assert bench.refused("init", "--publish", "metrics") == "no-work-tree"
    bench.ok("init")
    assert (bench.data / "events").is_dir()


def test_another_ledger(bench: Bench, tmp_path: Path) -> None:
    place = tmp_path / "far" / "ledger"
    assert actions(bench, "--ledger", str(place)) == {str(place): "created"}
    goal = bench.start("far", "--ledger", str(place))
    assert bench.ok("show", "--json").json["goals"] == []
    assert bench.ok("show", goal, "--json", "--ledger", str(place)).goal["title"] == "far"
    assert bench.ok("show", goal, "--json", TALLYBOOK_LEDGER=str(place)).goal["title"] == "far"


def test_something_in_the_way(bench: Bench) -> None:
    (bench.repo / "config").write_text("a file\n")
    assert bench.refused("init", "--publish", "metrics/events") == "system"
    (bench.repo / ".git" / "tallybook" / "events").rmdir()
    (bench.repo / ".git" / "tallybook" / "events").write_text("")
    assert bench.refused("init") == "system"
