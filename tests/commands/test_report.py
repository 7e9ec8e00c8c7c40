"""`tally report`: the same ledger gives the same bytes, and nothing in a ledger can break out of the document."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent
from commands.bench import Bench, program, tree
from ledger.ledgers import append
from tallybook.clock import SystemClock, SystemIds
from tallybook.domain.events import GoalFinished, GoalStarted, NewEvent, StageMarked
from tallybook.ledger.store import Ledger, LedgerPlace

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = (
    "|x|\n# head <script>alert(1)</script> `code` \x1b[31mred\x1b[0m \u202egnp.exe [a](javascript:b) "
    "![i](http://h/) \r\n- item\u2028<!-- @all \x9b2J &amp; $x^2$ ~~no~~"
)


def story(bench: Bench) -> str:
    """A ledger with a bit of everything."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    goal = bench.start("first", **agent.environ)
    agent.say()
    bench.ok("mark", "plan", **agent.environ)
    bench.ok("continue-task", "--failure-reason", "other", **agent.environ)
    agent.say()
    bench.ok("finish-task", "--status", "success", "--result-fit", "exact_fit", **agent.environ)
    bench.start("never measured", "--untracked", kind="meta")
    more = ("--supersedes", goal, "--input", goal, "--input-source", "paper", "--budget-tokens", "5")
    bench.start("second", "--untracked", *more)
    bench.ok("check", "start", "--source-id", "paper")
    return goal


def foreign(bench: Bench, text: str) -> None:
    """Lines that another program wrote: its words were never screened."""
    ledger = Ledger(LedgerPlace(bench.ledger, None, bench.repo / ".git"), SystemClock(), SystemIds())
    goal = "g261122-k3f9x2ab"
    started = GoalStarted(
        text, text, text, None, agent=text, model=text, notes=text, refs=(text,), input_sources=(text,)
    )
    finished = GoalFinished("success", text, notes=text)
    append(ledger, NewEvent(goal, started), NewEvent(goal, StageMarked(text, text, text)), NewEvent(goal, finished))


def test_every_section_stands(bench: Bench) -> None:
    goal = story(bench)
    text = bench.ok("report").out
    heads = re.findall("^## (.*)$", text, re.MULTILINE)
    assert heads == [
        *("Product quality", "What to do next", "Summary", "By model", "By kind", "Failure reasons", "Goals"),
        *("Attempts and stages", "Checks", "Syntheses", "Chains", "Budgets", "Remainder by session"),
    ]
    assert f"| {goal} | 1 | plan |" in text
    assert "equal to goals and remainder together" in text
    assert "| other | 1 |" in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n\n")


def test_sections_that_have_nothing_to_say_are_left_out(bench: Bench) -> None:
    bench.start("alone", "--untracked")
    text = bench.ok("report").out
    assert not re.search("^## (Checks|Syntheses|Chains|Budgets)$", text, re.MULTILINE)


def test_an_unmeasured_goal_has_no_numbers(bench: Bench) -> None:
    bench.start("never measured", "--untracked")
    text = bench.ok("report").out
    (row,) = [line for line in text.splitlines() if "never measured" in line]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[-6:] == ["—", "—", "—", "—", "—", "unmeasured"]
    assert "- Goals: — tokens in 0 of 1 goals" in text


def test_the_same_bytes_from_everywhere(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    story(bench)
    text = bench.ok("report").out
    assert bench.ok("report").out == text
    other = bench.repo.parent / "other"
    bench.git("worktree", "add", "-q", str(other))
    (other / "dirty").write_text("x")
    assert bench.ok("report", cwd=other).out == text
    for zone, language in (("Pacific/Kiritimati", "C"), ("America/St_Johns", "de_DE.UTF-8")):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert bench.ok("report", LC_ALL=language, COLUMNS="20", FORCE_COLOR="1").out == text


def test_hostile_words_stay_in_their_cells(bench: Bench) -> None:
    story(bench)
    tame = bench.ok("report").out
    foreign(bench, HOSTILE)
    text = bench.ok("report").out
    assert text.isprintable() or not [char for char in text if not char.isprintable() and char != "\n"]
    assert not re.search(r"(?<!\\)<script|(?<!\\)<!--|(?<!\\)`code|(?<!\\)\[a\]", text)
    columns = {line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("| g")}
    assert columns == {line.count("|") for line in tame.splitlines() if line.startswith("| g")}
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert set(heads) - {line for line in tame.splitlines() if line.startswith("#")} <= {"## Problems"}


@pytest.mark.parametrize("command", [("show",), ("show", "g261122-k3f9x2ab"), ("log",), ("verify",)])
def test_hostile_words_stay_out_of_the_terminal(bench: Bench, command: tuple[str, ...]) -> None:
    foreign(bench, HOSTILE)
    said = bench.tally(*command)
    for text in (said.out, said.err):
        assert not [char for char in text if not char.isprintable() and char not in "\n\t"]
    assert said.code == (1 if command == ("verify",) else 0)
    assert bench.tally(*command, "--json").json["schema"].startswith("tallybook.")


def test_it_is_written_where_asked(bench: Bench) -> None:
    story(bench)
    text = bench.ok("report").out
    place = bench.repo / "report.md"
    said = bench.ok("report", "--output", str(place), "--dry-run")
    assert (said.out, said.err) == ("", f"{place}: would be written\n")
    assert not place.exists()
    assert bench.ok("report", "-o", "report.md").err == "report.md: written\n"
    assert place.read_text() == text
    before = tree(bench.repo)
    assert bench.ok("report", "-o", "report.md").err == "report.md: unchanged\n"
    assert tree(bench.repo) == before
    place.write_text("other")
    place.chmod(0o640)
    bench.ok("report", "-o", "report.md")
    assert place.stat().st_mode & 0o777 == 0o640
    assert bench.ok("report", "-o", "report.md", "--json").json["markdown"] is None


def test_a_link_stays_a_link(bench: Bench) -> None:
    (bench.repo / "link.md").symlink_to("real.md")
    bench.ok("report", "-o", "link.md")
    assert (bench.repo / "link.md").is_symlink()
    assert (bench.repo / "real.md").read_text() == bench.ok("report").out


def test_devices_pipes_and_directories_are_refused(bench: Bench, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path, "/dev/null", tmp_path / "none" / "x.md", tmp_path / ("x" * 300)):
        for more in ((), ("--dry-run",)):
            assert bench.refused("report", "-o", str(place), *more) == "system"
    (tmp_path / "loop").symlink_to("loop")
    assert bench.tally("report", "-o", str(tmp_path / "loop")).code in {0, 1}


def test_json_holds_the_text_and_the_state(bench: Bench) -> None:
    story(bench)
    told = bench.ok("report", "--json").json
    assert told["schema"] == "tallybook.report/1"
    assert told["markdown"] == bench.ok("report").out
    assert told["goals"] == bench.state()["goals"]


def test_formats(bench: Bench) -> None:
    assert bench.ok("report", "--format", "md").out == bench.ok("report").out
    assert bench.misused("report", "--format", "pdf") == "usage"


def test_a_whole_process_gives_the_same(bench: Bench) -> None:
    story(bench)
    assert program("report").stdout == bench.ok("report").out
