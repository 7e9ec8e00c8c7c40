"""Prices that were looked up before: the same as the book's, as long as it is the same book."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from tallybook.pricing import memory
from tallybook.pricing.book import GenaiBook
from tallybook.pricing.memory import NAME, RememberedBook

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.domain.tariffs import Tariff


class Counting(GenaiBook):
    """Tells how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def tariff(self, model: str, tier: str) -> Tariff:
        self.asked.append(f"{model} {tier}")
        return super().tariff(model, tier)


MODELS = ("gpt-5", "o3", "claude-sonnet-4-5", "nobody's", "claude-haiku-5-5", "a\tb")


def look_up(directory: Path) -> list[str]:
    """What the book itself is asked by a command that prices them all."""
    book = Counting()
    remembered = RememberedBook(directory, book)
    for model in MODELS:
        for tier in ("standard", "batch"):
            assert remembered.tariff(model, tier) == GenaiBook().tariff(model, tier)
    assert remembered.version == GenaiBook().version
    remembered.keep()
    return book.asked


def test_the_book_is_asked_once_for_all_commands(tmp_path: Path) -> None:
    """What was found is kept for its owner alone, and is to the last member what the book says."""
    assert len(look_up(tmp_path)) == 2 * len(MODELS)
    assert look_up(tmp_path) == []
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert RememberedBook(tmp_path, GenaiBook()).days() >= {"2025-06-10"}


def test_another_book_or_other_rules_are_asked_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was remembered of the earlier one counts no more."""
    look_up(tmp_path)
    monkeypatch.setattr(memory, "_state", lambda: "another book")
    assert len(look_up(tmp_path)) == 2 * len(MODELS)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"of": 3}', b'{"of": "x", "version": "y", "tariffs": {"a": 1}}'],
)
def test_a_file_that_is_none_of_ours_counts_for_nothing(tmp_path: Path, content: bytes) -> None:
    """And is replaced."""
    (tmp_path / NAME).write_bytes(content)
    assert len(look_up(tmp_path)) == 2 * len(MODELS)
    assert look_up(tmp_path) == []


def test_a_price_without_a_band_counts_for_nothing(tmp_path: Path) -> None:
    """Nothing that is asked of it could be answered."""
    look_up(tmp_path)
    kept = json.loads((tmp_path / NAME).read_text())
    kept["tariffs"]["gpt-5\tstandard"]["stretches"][0]["bands"] = []
    (tmp_path / NAME).write_text(json.dumps(kept))
    assert len(look_up(tmp_path)) == 2 * len(MODELS)


def test_where_nothing_can_be_kept_the_book_is_asked_again(tmp_path: Path) -> None:
    """The command goes on, and leaves nothing half."""
    missing = tmp_path / "missing"
    assert look_up(missing) == look_up(missing) != []
    (tmp_path / NAME).mkdir()
    assert look_up(tmp_path) == look_up(tmp_path) != []
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_names_of_models_may_be_anything(tmp_path: Path) -> None:
    """One that can't be written keeps the others from being kept, and no command from going on."""
    remembered = RememberedBook(tmp_path, GenaiBook())
    remembered.tariff("\ud800", "standard")
    remembered.keep()
    assert not (tmp_path / NAME).exists()


def test_a_great_many_names_are_not_all_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest are."""
    monkeypatch.setattr(memory, "_MOST", 3)
    remembered = RememberedBook(tmp_path, GenaiBook())
    for number in range(9):
        remembered.tariff(f"name-{number}", "standard")
    remembered.keep()
    kept = json.loads((tmp_path / NAME).read_text())["tariffs"]
    assert sorted(kept) == [f"name-{number}\tstandard" for number in (6, 7, 8)]
