from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.ledgers import (
    GOAL,
    NOW,
    FaultyFiles,
    HandClock,
    append,
    finished,
    ledger_at,
    line_of,
    marked,
    own_file,
    started,
    write_lines,
)
from strategies import new_events
from tallybook.domain.events import BudgetSet, Event, GoalUpdated, NewEvent, StageMarked, UnknownBody
from tallybook.domain.problems import Refusal
from tallybook.ledger.errors import AppendFailedError, LedgerError, LockTimeoutError
from tallybook.ledger.line import LONGEST_LINE, UnwritableEventError
from tallybook.ledger.lock import held
from tallybook.ledger.position import Position
from tallybook.ledger.reading import Reading

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.ledger.store import Ledger


def test_what_is_acknowledged_is_read(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    seen: list[Reading] = []

    def decide(reading: Reading) -> list[NewEvent]:
        seen.append(reading)
        return [started(), marked()]

    done = ledger.transact(ledger.read, decide)
    assert isinstance(done, tuple)
    assert seen == [Reading(position=Position())]
    assert ledger.read().events == done
    assert [event.seq for event in done] == [1, 2]
    assert [event.hlc for event in done] == ["1795314314123-0000", "1795314314123-0001"]
    assert {event.at for event in done} == {"2026-11-22T02:25:14.123456Z"}
    assert {event.id[:15] for event in done} == {f"{1795314314123:012x}"[:8] + f"-{1795314314123 & 0xFFFF:04x}-7"}
    assert append(ledger, finished())[0].seq == 3


def test_a_refusal_writes_nothing(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    refusal = Refusal("nothing-open", "no goal is open")
    assert ledger.transact(ledger.read, lambda _: refusal) is refusal
    assert [path.name for path in ledger.place.home.iterdir()] == ["ledger.lock"]


def test_an_empty_decision_writes_nothing(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    assert ledger.transact(ledger.read, lambda _: ()) == ()
    assert [path.name for path in ledger.place.home.iterdir()] == ["ledger.lock"]


def test_reading_writes_nothing(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    ledger.read()
    ledger.writers()
    assert not ledger.place.home.exists()


def test_deciding_happens_under_the_lock(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)

    def decide(_: Reading) -> list[NewEvent]:
        with pytest.raises(LockTimeoutError), held(ledger.place.home, 0):
            raise AssertionError
        return []

    ledger.transact(ledger.read, decide)
    with held(ledger.place.home), pytest.raises(LockTimeoutError):
        replace(ledger, lock_timeout=0.01).transact(ledger.read, lambda _: [started()])
    assert ledger.read() == Reading(position=Position())


def test_an_error_of_deciding_gives_the_lock_back(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)

    def fail(_: Reading) -> list[NewEvent]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ledger.transact(ledger.read, fail)
    append(ledger, started())


@pytest.mark.parametrize(
    "body",
    [
        UnknownBody("goal_sung"),
        StageMarked("plan\ud800", "now"),
        StageMarked("x" * LONGEST_LINE, "now"),
        StageMarked(1, "now"),  # type: ignore[arg-type]
        BudgetSet(tokens=-1),
        BudgetSet(tokens=2**60),
        GoalUpdated(refs=["a"]),  # type: ignore[arg-type]
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, body: StageMarked) -> None:
    ledger = ledger_at(tmp_path)
    append(ledger, started())
    before = own_file(ledger).read_bytes()
    with pytest.raises(UnwritableEventError):
        append(ledger, marked(), NewEvent(GOAL, body))
    assert own_file(ledger).read_bytes() == before


def test_a_wrong_goal_id_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UnwritableEventError):
        append(ledger_at(tmp_path), marked(goal="G-1"))


def foreign(hlc: str) -> Event:
    identity = "01935f4e-8a7b-7c3d-9e2f-0123456789ab"
    return Event(identity, "w-00000000", 1, "2026-11-22T02:25:14.123456Z", hlc, GOAL, StageMarked("s", "now"))


def test_the_clock_follows_others_within_a_day_and_no_further(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    other = tmp_path / "metrics" / "w-00000000.ndjson"
    write_lines(other, [line_of(foreign("1795314314999-0007"))])
    assert append(ledger, started())[0].hlc == "1795314314999-0008"
    write_lines(other, [line_of(foreign("1999999999999-0007"))])
    assert append(ledger, marked())[0].hlc == "1795314314999-0009"
    assert ledger.read().events[-1].writer == "w-00000000"


def test_a_wall_clock_that_goes_back(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = ledger_at(tmp_path, clock=clock)
    first = append(ledger, started())[0]
    clock.forward(days=-30)
    second = append(ledger, marked())[0]
    assert second.hlc > first.hlc
    assert second.at < first.at
    assert ledger.read().events == (first, second)


def test_a_ledger_that_cannot_be_made(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    (tmp_path / "git" / "tallybook").write_text("a file in the way")
    with pytest.raises(LedgerError) as caught:
        append(ledger, started())
    assert caught.value.place == ledger.place.home


def test_a_writer_that_cannot_be_set_up(tmp_path: Path) -> None:
    counting = FaultyFiles()
    append(ledger_at(tmp_path / "one", files=counting), started())
    files = FaultyFiles(counting.calls.index("replace"), 28)
    ledger = ledger_at(tmp_path / "two", files=files)
    with pytest.raises(AppendFailedError, match="set up"):
        append(ledger, started())
    assert ledger.read() == Reading(position=Position())
    assert "disk space" in AppendFailedError.wrap("deed", tmp_path, OSError(28, "full")).remedy


def test_a_state_that_cannot_be_saved_is_no_failure(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    append(ledger, started())
    files = FaultyFiles()
    append(replace(ledger, files=files), marked())
    last = len(files.calls) - 1
    assert files.calls[last] == "replace"
    assert append(replace(ledger, files=FaultyFiles(last, 28)), marked())[0].seq == 3
    assert append(ledger, marked())[0].seq == 4
    assert ledger.read().problems == ()


@given(st.lists(st.lists(new_events, max_size=3), max_size=4), st.lists(st.integers(-(10**6), 10**6), min_size=4))
@settings(max_examples=40)
def test_batches_of_any_events_are_read_in_the_order_of_writing(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[NewEvent]], leaps: list[int]
) -> None:
    base = tmp_path_factory.mktemp("ledger")
    clock = HandClock(NOW)
    ledger: Ledger = ledger_at(base, clock=clock)
    written: tuple[Event, ...] = ()
    for batch, leap in zip(batches, leaps, strict=False):
        clock.forward(seconds=leap)
        written += append(ledger, *batch)
        reading = ledger.read()
        assert reading.events == written
        assert reading.problems == ()
    assert [NewEvent(event.goal, event.body) for event in written] == [new for batch in batches for new in batch]
