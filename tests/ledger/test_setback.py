"""A backup that came back whole fits itself; the published copy tells that more had been written."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from ledger.ledgers import append, ledger_at, marked, own_file, started
from tallybook.ledger.line import LONGEST_LINE
from tallybook.ledger.publish import publish
from tallybook.ledger.setback import WINDOWS, is_set_back

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.ledger.store import Ledger


def published(ledger: Ledger) -> Path:
    """The copy, brought up to the ledger."""
    writers = ledger.writers()
    assert writers.current is not None
    assert ledger.place.published is not None
    publish(ledger.place.home, writers.current.writer, ledger.place.published)
    return ledger.place.published / f"{writers.current.writer}.ndjson"


def set_back(ledger: Ledger, base: Path) -> str:
    """Publish a later event and let the whole directory come back from before it; the writer's id."""
    first = append(ledger, started())[0].writer
    shutil.copytree(ledger.place.home, base / "backup")
    append(ledger, marked())
    published(ledger)
    shutil.rmtree(ledger.place.home)
    shutil.copytree(base / "backup", ledger.place.home)
    return first


def test_a_ledger_that_was_set_back_goes_on_as_a_new_writer(tmp_path: Path) -> None:
    """Nothing forks: the events of the copy and the new ones stand side by side."""
    ledger = ledger_at(tmp_path)
    first = set_back(ledger, tmp_path)
    second = append(ledger, marked("late"))[0].writer
    assert second != first
    assert ledger.writers().ids == {first, second}
    assert append(ledger, marked("later"))[0].writer == second
    assert (len(ledger.read().events), ledger.read().problems) == (4, ())


def test_a_copy_that_is_not_ahead_changes_nothing(tmp_path: Path) -> None:
    """One that lags, one that is even, one of another, none, and no place for one."""
    ledger = ledger_at(tmp_path)
    first = append(ledger, started())[0].writer
    state = ledger.writers().current
    assert state is not None
    assert not is_set_back(ledger.files, None, state)
    assert not is_set_back(ledger.files, ledger.place.published, state)
    published(ledger)
    assert append(ledger, marked())[0].writer == first
    assert append(ledger, marked())[0].writer == first


@pytest.mark.parametrize("harm", ["sum", "writer", "inside", "torn"])
def test_only_a_whole_line_of_the_writer_counts(tmp_path: Path, harm: str) -> None:
    """Damage, a line of another one, a number in a text, and an end without a newline tell nothing."""
    ledger = ledger_at(tmp_path)
    first = set_back(ledger, tmp_path)
    assert ledger.place.published is not None
    copy = ledger.place.published / f"{first}.ndjson"
    lines = copy.read_bytes()
    if harm == "sum":
        copy.write_bytes(lines.replace(b'"seq":2', b'"seq":9'))
    elif harm == "writer":
        other = ledger_at(tmp_path / "other", seed=1)
        append(other, started())
        append(other, marked())
        copy.write_bytes(own_file(other).read_bytes())
    elif harm == "inside":
        copy.write_bytes(lines.splitlines(keepends=True)[0] + b'{"seq":7,}\n')
    else:
        copy.write_bytes(lines[:-1])
    assert append(ledger, marked("late"))[0].writer == first


@pytest.mark.parametrize("length", [WINDOWS[0] // 2, WINDOWS[0] + 1, LONGEST_LINE - 4096])
def test_the_last_line_may_be_long(tmp_path: Path, length: int) -> None:
    """It is found whole, however long it is."""
    ledger = ledger_at(tmp_path)
    append(ledger, started(title="x" * length), marked())
    state = ledger.writers().current
    assert state is not None
    copy = published(ledger)
    first, second = copy.read_bytes().splitlines(keepends=True)
    copy.write_bytes(second + first)
    earlier = state._replace(seq=0)
    assert is_set_back(ledger.files, copy.parent, earlier)
    assert not is_set_back(ledger.files, copy.parent, state)


def test_a_copy_of_nothing_but_an_endless_line_tells_nothing(tmp_path: Path) -> None:
    """No more than the largest window is read."""
    ledger = ledger_at(tmp_path)
    append(ledger, started())
    copy = published(ledger)
    copy.write_bytes(b"x" * (WINDOWS[1] + 10))
    state = ledger.writers().current
    assert state is not None
    assert not is_set_back(ledger.files, copy.parent, state)
