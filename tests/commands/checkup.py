"""Asks the doctor, and reads what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands.bench import Bench, Json, tree

if TYPE_CHECKING:
    from pathlib import Path

Findings = dict[str, list[Json]]
GROUPS = ("versions", "git", "settings", "ledger", "data", "agents")


def checkup(bench: Bench, *arguments: str, **environ: str) -> Findings:
    """The findings by ``group.name``; the shape of the object, the exit code and the text must fit together."""
    before = tree(bench.repo)
    said = bench.tally("doctor", *arguments, "--json", **environ)
    told = said.json
    assert set(told) == {"schema", "checks", "counts", "problems"}
    assert told["schema"] == "tallybook.doctor/1"
    found: Findings = {}
    for row in told["checks"]:
        assert set(row) == {"group", "name", "status", "message", "where", "hint"}
        assert set(row["where"]) == {"file", "line", "byte"}
        assert row["status"] in {"ok", "note", "problem"}
        assert row["message"]
        assert row["hint"] or row["status"] != "problem", row
        found.setdefault(f"{row['group']}.{row['name']}", []).append(row)
    wrong = [row for row in told["checks"] if row["status"] == "problem"]
    assert said.code == (1 if wrong else 0), wrong
    assert [problem["code"] for problem in told["problems"]] == [row["name"] for row in wrong]
    assert told["counts"]["problem"] == len(wrong)
    assert sum(told["counts"].values()) == len(told["checks"])
    assert tree(bench.repo) == before
    assert said.err == ""
    return found


def only(found: Findings, name: str, status: str) -> Json:
    """The one finding of this name, which must have this status."""
    (row,) = found[name]
    assert row["status"] == status, row
    return row


def problems(found: Findings) -> dict[str, str]:
    """The messages of all problems by ``group.name``."""
    return {name: row["message"] for name, rows in found.items() for row in rows if row["status"] == "problem"}


def of_status(rows: list[Json], status: str) -> list[str]:
    """The messages of the rows with this status."""
    return [row["message"] for row in rows if row["status"] == status]


def setting(bench: Bench, text: str) -> Path:
    """Write the settings of the repository."""
    file = bench.repo / "config" / "tallybook.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file
