"""`tally import` again: from files that have grown or are older, in clones that meet later, beside edits made here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from commands.test_import import FIRST, SECOND, THIRD, ended, event, put, record, shown, taken, texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from commands.bench import Bench, Json
    from commands.clones import Clone


def log(*states: dict[str, Any], day: int = 5) -> list[str]:
    """A log that tells one state of a goal after the other, a minute apart."""
    return [
        json.dumps({"event_id": f"e{day}-{number}", "event_type": "goal_updated", "goal": state,
                    "ts": f"2026-01-{day:02}T10:{number:02}:00Z"})
        for number, state in enumerate(states)
    ]  # fmt: skip


def goal_of(clone: Clone, identity: str = FIRST) -> Json:
    goal: Json = clone.ok("show", identity, "--json").json["goal"]
    return goal


def test_clones_that_import_before_they_meet(clone: Callable[..., Clone]) -> None:
    """The union of their ledgers is clean and has each goal once; a later import brings what is new."""
    one, two = clone("one"), clone("two")
    lines = log(record(), record(attempts=2), ended(attempts=2, output_tokens=7, tokens_total=7))
    for here, some in ((one, lines), (two, lines[:2])):
        (here.path / "log.ndjson").write_text("\n".join(some) + "\n")
        assert len(here.ok("import", "log.ndjson", "--json").json["new"]) == 1
    one.sync(), two.sync(), one.sync()
    assert one.files == two.files
    for here in (one, two):
        assert here.ok("verify", "--json").json["problems"] == []
        assert here.ok("show", "--json").json["problems"] == []
        goal = goal_of(here)
        assert (goal["status"], len(goal["attempts"]), goal["tokens"]["total"]) == ("success", 2, 7)
        (here.path / "log.ndjson").write_text("\n".join([*lines, *log(ended(title="A better title"), day=6)]) + "\n")
        here.ok("import", "log.ndjson")
    one.sync(), two.sync(), one.sync()
    assert all(here.tally("verify").code == 0 for here in (one, two))
    assert goal_of(one)["title"] == goal_of(two)["title"] == "A better title"
    assert one.ok("import", "log.ndjson", "--json").json["events"] == 0


def test_edits_made_here_stay(bench: Bench) -> None:
    """A record that grows changes what has changed there, and nothing else."""
    put(bench, *log(record(notes="theirs")))
    taken(bench)
    goal = shown(bench)["id"]
    bench.ok("update", goal, "--title", "Our title", "--notes", "ours")
    put(bench, *log(record(notes="theirs"), ended(notes="theirs", output_tokens=4, tokens_total=4)))
    assert len(taken(bench)["grown"]) == 1
    found = shown(bench)
    assert (found["title"], found["notes"], found["status"]) == ("Our title", "ours", "success")
    bench.ok("update", goal, "--tokens-output", "9")
    put(bench, *log(ended(notes="theirs", output_tokens=4, tokens_total=4, result_fit="miss"), day=6))
    taken(bench)
    assert (shown(bench)["tokens"]["output"], shown(bench)["title"]) == (9, "Our title")
    put(bench, *log(ended(notes="theirs anew", output_tokens=5, tokens_total=5), day=7))
    taken(bench)
    found = shown(bench)
    assert (found["notes"], found["tokens"]["output"], found["title"]) == ("theirs anew", 5, "Our title")


def test_an_older_file_takes_nothing_back(bench: Bench) -> None:
    """Whatever it says, in whichever order the files come."""
    old, new = log(record(title="Old")), log(record(title="Old"), ended(title="New"))
    put(bench, *new)
    taken(bench)
    put(bench, *old, name="old.ndjson")
    assert taken(bench, name="old.ndjson")["events"] == 0
    assert (shown(bench)["title"], shown(bench)["status"]) == ("New", "success")
    assert taken(bench)["events"] == 0
    other = bench.repo / "other"
    other.mkdir()
    for name, lines in (("a.ndjson", log(ended(SECOND, title="New"), day=9)), ("b.ndjson", log(record(SECOND), day=8))):
        (other / name).write_text("\n".join(lines) + "\n")
    taken(bench, name="other")
    assert (shown(bench, SECOND)["title"], shown(bench, SECOND)["status"]) == ("New", "success")


def test_what_is_changed_back_there_is_changed_back_here(bench: Bench) -> None:
    """A, then B, then A again is A."""
    states = [record(title=title) for title in ("A", "B", "A")]
    for upto in (1, 2, 3):
        put(bench, *log(*states[:upto]))
        taken(bench)
        assert shown(bench)["title"] == states[upto - 1]["title"]
    assert taken(bench)["events"] == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-01-05T10:00:00Z", "2026-01-05T10:00:00.5Z"),
        ("2026-01-05T10:00:00+05:00", "2026-01-05T06:00:00Z"),
        ("2026-01-05T23:30:00-02:00", "2026-01-06T02:00:00+00:00"),
        ("2026-01-05 09:59:59", "2026-01-05T10:00:00Z"),
    ],
)
def test_times_are_moments(bench: Bench, before: str, after: str) -> None:
    """Offsets, fractions and ways to write them do not matter, nor the order of the lines."""
    first = json.dumps({"event_type": "goal_updated", "ts": before, "goal": record(title="Before")})
    second = json.dumps({"event_type": "goal_updated", "ts": after, "goal": record(title="After")})
    put(bench, second, first)
    taken(bench)
    assert shown(bench)["title"] == "After"


def test_what_was_merged_counts_once(bench: Bench) -> None:
    """Where the kept record has the dropped one's tokens in it already, they are not added again."""
    kept, dropped = (
        record(name, input_tokens=tokens, output_tokens=0, tokens_total=tokens)
        for name, tokens in ((FIRST, 100), (SECOND, 30))
    )
    lines = [
        event("goal_started", kept, 1),
        event("goal_started", dropped, 2),
        event("goals_merged", {**kept, "input_tokens": 130, "tokens_total": 130}, 3, dropped_goal_id=SECOND),
    ]
    put(bench, *lines)
    told = taken(bench)
    assert shown(bench)["tokens"]["total"] == 130
    assert SECOND in texts(told)
    assert bench.tally("verify").code == 0
    assert taken(bench)["events"] == 0


def test_what_was_merged_and_is_not_in_the_kept_one_is_added(bench: Bench) -> None:
    """The numbers there have not grown by it."""
    kept, dropped = (
        record(name, input_tokens=tokens, output_tokens=0, tokens_total=tokens)
        for name, tokens in ((FIRST, 100), (SECOND, 30))
    )
    put(
        bench,
        event("goal_started", kept, 1),
        event("goal_started", dropped, 2),
        event("goals_merged", kept, 3, dropped_goal_id=SECOND),
    )
    taken(bench)
    assert shown(bench)["tokens"]["total"] == 130
    assert bench.tally("verify").code == 0


ALIASES = """
base: &base
  source_id: paper
  status: completed
  started_at: 2026-02-01T10:00:00Z
analyses:
- <<: *base
  id: ANALYSIS-2026-001
- <<: *base
  id: ANALYSIS-2026-002
"""
BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)  # as many values as no memory holds, if each were made


def test_aliases(bench: Bench) -> None:
    """Those that a person writes are followed; those that stand for more than there is are refused in no time."""
    (bench.repo / "log.yaml").write_text(ALIASES)
    assert len(taken(bench, name="log.yaml")["new"]) == 2
    (bench.repo / "bomb.yaml").write_text(BOMB)
    said = bench.tally("import", "bomb.yaml", "--format", "analyses", "--json")
    assert said.code == 1
    assert "far more values" in said.err
    (bench.repo / "ring.yaml").write_text("- &a [*a]\n")
    said = bench.tally("import", "ring.yaml", "--format", "analyses", "--json")
    assert (said.code, "contains itself" in said.err) == (1, True)


def test_bad_files_do_not_stop_the_rest(bench: Bench, tmp_path: Path) -> None:
    """Each is told of, with its place; what the others hold is taken."""
    logs = bench.repo / "logs"
    logs.mkdir()
    good = {"id": "ANALYSIS-2026-001", "source_id": "s", "status": "completed", "started_at": "2026-02-01T10:00:00Z"}
    (logs / "1.yaml").write_text("a: [1,\nb: {")
    (logs / "2.yaml").write_bytes(b"id: \xff\n")
    (logs / "3.json").write_text(json.dumps([good, {"id": "ANALYSIS-2026-002"}, "text", None, 7]))
    (logs / "4.yaml").write_text(BOMB)
    (logs / "5.yaml").symlink_to(tmp_path / "nowhere.yaml")
    told = taken(bench, "--format", "analyses", name="logs", code=1)
    assert len(told["new"]) == 1
    files = [note["where"]["file"] for note in told["refused"]]
    assert {name.rpartition("/")[2] for name in files} == {"1.yaml", "2.yaml", "3.json", "4.yaml"}
    assert taken(bench, "--format", "analyses", name="logs", code=1)["events"] == 0


def test_one_unreadable_record_does_not_stop_the_others(bench: Bench) -> None:
    """Whatever is wrong with it."""
    bad = [record(SECOND, status={"a": 1}), record(SECOND, title="AKIA" + "ABCDEFGH" * 2), {"goal_id": 7}]
    put(bench, *(event("goal_started", one, number) for number, one in enumerate([record(), *bad, record(THIRD)], 1)))
    told = taken(bench, code=1)
    assert len(told["new"]) == 2
    assert {shown(bench, name)["status"] for name in (FIRST, THIRD)} == {"open"}
    assert len(told["refused"]) >= 2
