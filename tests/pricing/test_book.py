"""Prices of the book against those that vendors publish, calculated by hand; and what has none, with the reason."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tallybook.domain.money import PARTS, Rates, Unpriced, cost_of
from tallybook.domain.sizes import EDGES, Size, size_of
from tallybook.domain.tokens import TokenVector
from tallybook.pricing.book import GenaiBook
from tallybook.pricing.table import FACTORS, Factor

if TYPE_CHECKING:
    from tallybook.domain.tariffs import Tariff

BOOK = GenaiBook()
SHORT, MIDDLE, LONG = "≤200k", "≤272k", ">272k"
MILLION = 10**6
SMALL = Size(-1, 0)


def rates(model: str, tier: str = "standard", context: str = SHORT, day: str = "2026-11-01") -> Rates:
    """The prices, which there are."""
    found = BOOK.tariff(model, tier).rates(day, size_of(context))
    assert isinstance(found, Rates), found
    return found


def why(model: str, tier: str = "standard", context: str = SHORT, day: str = "2026-11-01") -> str:
    """Why there are none."""
    found = BOOK.tariff(model, tier).rates(day, size_of(context))
    assert isinstance(found, Unpriced), found
    assert found.model == model
    return found.reason


def test_one_response_of_almost_nothing_but_cache_reads() -> None:
    """95 % cache reads, the rest written for an hour: 0.475 + 0.5 + 0.25 dollars at Opus 4.5's prices."""
    tokens = TokenVector(input=0, cache_read=950_000, cache_write_1h=50_000, output=10_000)
    assert rates("claude-opus-4-5-20251101").cost(tokens) == 1_225_000_000_000


def test_requests_are_priced_one_by_one() -> None:
    """Two of 150,000 tokens are short, whatever they come to; one of 300,000 is long."""
    half, whole = TokenVector(input=150_000), TokenVector(input=300_000)
    short, long = rates("claude-sonnet-4-5"), rates("claude-sonnet-4-5", context=LONG)
    assert 2 * short.cost(half) == 900_000_000_000
    assert long.cost(whole) == 1_800_000_000_000


@pytest.mark.parametrize(
    ("model", "tier", "context", "part", "dollars"),
    [
        # Anthropic, dollars per million tokens
        ("claude-opus-4-5-20251101", "standard", SHORT, "input", "5"),
        ("claude-opus-4-5-20251101", "standard", SHORT, "output", "25"),
        ("claude-opus-4-5-20251101", "standard", SHORT, "cache_read", "0.5"),
        ("claude-opus-4-5-20251101", "standard", SHORT, "cache_write_5m", "6.25"),
        ("claude-opus-4-5-20251101", "standard", SHORT, "cache_write_1h", "10"),
        ("claude-opus-4-5-20251101", "batch", SHORT, "output", "12.5"),
        ("claude-opus-4-1-20250805", "standard", SHORT, "input", "15"),
        ("claude-opus-4-1-20250805", "standard", SHORT, "output", "75"),
        ("claude-sonnet-4-5-20250929", "standard", SHORT, "input", "3"),
        ("claude-sonnet-4-5-20250929", "standard", SHORT, "output", "15"),
        ("claude-sonnet-4-5-20250929", "standard", MIDDLE, "input", "6"),
        ("claude-sonnet-4-5-20250929", "standard", LONG, "output", "22.5"),
        ("claude-sonnet-4-5-20250929", "standard", LONG, "cache_read", "0.6"),
        ("claude-sonnet-4-5-20250929", "standard", LONG, "cache_write_5m", "7.5"),
        ("claude-sonnet-4-5-20250929", "standard", LONG, "cache_write_1h", "12"),
        ("claude-sonnet-4-5-20250929[1m]", "standard", SHORT, "input", "3"),
        ("claude-haiku-4-5-20251001", "standard", SHORT, "input", "1"),
        ("claude-haiku-4-5-20251001", "standard", SHORT, "output", "5"),
        ("claude-haiku-4-5-20251001", "standard", SHORT, "cache_read", "0.1"),
        ("global.anthropic.claude-haiku-4-5-20251001-v1:0", "standard", SHORT, "input", "1"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "standard", SHORT, "input", "1.1"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "standard", SHORT, "input", "3.3"),
        ("bedrock/eu.anthropic.claude-opus-4-5-20251101-v1:0", "standard", SHORT, "output", "27.5"),
        ("claude-opus-4-8", "fast", SHORT, "input", "10"),
        ("claude-opus-4-8", "fast", LONG, "output", "50"),
        ("claude-opus-4-8", "fast", SHORT, "cache_write_1h", "20"),
        ("claude-opus-4-1", "batch", SHORT, "cache_write_1h", "15"),
        ("claude-haiku-4-5@20251001", "standard", SHORT, "output", "5"),
        ("openrouter/anthropic/claude-haiku-4.5", "standard", SHORT, "input", "1"),
        ("anthropic/claude-sonnet-4.5", "standard", SHORT, "output", "15"),
        # OpenAI
        ("gpt-5", "standard", SHORT, "input", "1.25"),
        ("gpt-5", "standard", LONG, "input", "1.25"),
        ("gpt-5-codex", "standard", SHORT, "cache_read", "0.125"),
        ("gpt-5-codex", "standard", SHORT, "output", "10"),
        ("gpt-5-codex", "standard", SHORT, "reasoning", "10"),
        ("gpt-5-codex", "flex", SHORT, "input", "0.625"),
        ("gpt-5-codex", "flex", SHORT, "cache_read", "0.0625"),
        ("gpt-5-codex", "priority", SHORT, "output", "20"),
        ("gpt-5-codex", "fast", SHORT, "input", "2.5"),
        ("gpt-5-codex", "batch", SHORT, "output", "5"),
        ("gpt-5-codex", "default", SHORT, "output", "10"),
        ("gpt-5.4", "standard", MIDDLE, "input", "2.5"),
        ("gpt-5.4", "standard", LONG, "input", "5"),
        ("gpt-5.4", "standard", LONG, "output", "22.5"),
        ("gpt-5.4", "flex", SHORT, "cache_read", "0.13"),
        ("gpt-5.5", "priority", SHORT, "output", "75"),
        ("gpt-4o-2024-05-13", "standard", SHORT, "input", "5"),
        ("gpt-4o-2024-05-13", "standard", SHORT, "output", "15"),
        ("gpt-4o-2024-08-06", "standard", SHORT, "input", "2.5"),
        ("o4-mini", "standard", SHORT, "input", "1.1"),
        ("gpt-5.1-codex", "standard", SHORT, "input", "1.25"),
        ("gpt-5.2-codex", "standard", SHORT, "input", "1.75"),
        ("gpt-5.2-codex", "standard", SHORT, "output", "14"),
        ("gpt-5.2", "flex", SHORT, "output", "7"),
        ("gpt-5 high", "standard", SHORT, "input", "1.25"),
        ("openai/gpt-5", "standard", SHORT, "input", "1.25"),
        # Google
        ("gemini-2.5-pro", "standard", SHORT, "input", "1.25"),
        ("gemini-2.5-pro", "standard", MIDDLE, "input", "2.5"),
        ("gemini-2.5-pro", "standard", LONG, "output", "15"),
        ("models/gemini-2.5-pro", "standard", SHORT, "output", "10"),
        ("google/gemini-2.5-flash", "standard", SHORT, "input", "0.3"),
        # Others, and those who serve them
        ("x-ai/grok-4.5", "standard", SHORT, "input", "2"),
        ("xai/grok-4.5", "standard", MIDDLE, "input", "4"),
        ("openrouter/z-ai/glm-4.6", "standard", SHORT, "output", "2.2"),
        ("kimi-k2.6", "standard", SHORT, "input", "0.95"),
        ("kimi-k2-thinking", "standard", SHORT, "cache_read", "0.15"),
    ],
)
def test_published_prices(model: str, tier: str, context: str, part: str, dollars: str) -> None:
    """By vendor, tier and the size of the request."""
    whole, _, rest = dollars.partition(".")
    assert getattr(rates(model, tier, context), part) == int(whole) * MILLION + int(rest.ljust(6, "0") or 0)


def test_searches_of_the_web_have_a_fee() -> None:
    """Ten dollars for a thousand."""
    assert rates("claude-opus-4-5").web_search == 10_000_000_000


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (("unknown",), "no rule tells whose model it is"),
        (("",), "no rule"),
        (("x" * 999,), "no rule"),
        (("nowhere/gpt-5",), "no rule"),
        (("gpt-5/",), "no rule"),
        (("my-own-model",), "no rule"),
        (("gpt-5-evil",), "does not know the model"),
        (("claude-opus-4-5-evil",), "does not know the model"),
        (("claude-4-opus-evil",), "does not know the model"),
        (("claude-opus-4-5-20251101-turbo",), "does not know the model"),
        (("gpt-99",), "does not know the model"),
        (("gpt-5-codex", "priority", SHORT, "2026-07-01"), "is known from 2026-10-12 on"),
        (("gpt-5-codex", "scale"), "no price of the tier 'scale'"),
        (("claude-haiku-4-5", "priority"), "no price of the tier 'priority'"),
        (("claude-haiku-4-5", "fast"), "no price of the tier 'fast'"),
        (("claude-haiku-4-5", "\x1b[31m" * 99), "no price of the tier"),
        (("claude-opus-4-6", "fast"), "no price of the tier 'fast'"),
        (("gpt-5", "batch", SHORT, "2026-10-13"), "is known from 2026-10-14 on"),
        (("gemini-2.5-flash", "batch", SHORT, "2026-10-13"), "is known from 2026-10-14 on"),
        (("claude-opus-4-1", "batch", SHORT, "2024-10-07"), "is known from 2024-10-08 on"),
        (("gpt-5.4", "flex", SHORT, "2026-10-11"), "is known from 2026-10-12 on"),
        (("gpt-5.5-pro", "flex", SHORT, "2026-10-11"), "is known from 2026-10-12 on"),
        (("gpt-5-codex", "flex", SHORT, "2025-04-16"), "is known from 2025-04-17 on"),
        (("deepseek-chat",), "depends on the time of day"),
        (("claude-haiku-5-5",), "its price changes at 100,000 tokens of context"),
        (("whisper-1",), "no rule"),
        (("mistral-ocr-2503",), "no price of its tokens"),
        (("us.anthropic.claude-opus-9-v1:0",), "does not know the model"),
        (("\x00",), "no rule"),
    ],
)
def test_what_has_no_price(asked: tuple[str, ...], reason: str) -> None:
    """Never a price that is made up; the reason says what is missing."""
    assert reason in why(*asked)


def test_assumptions_are_told() -> None:
    """Vendors that take nothing for writing to the cache take what input costs."""
    found = rates("gpt-5")
    assert found.notes == ("no price of cache writes: they cost what input costs",)
    assert rates("us.anthropic.claude-opus-4-1-20250805-v1:0").notes == (
        "no price of cache writes for an hour: they cost what shorter ones cost",
    )
    assert found.cache_write_5m == found.cache_write_1h == found.input
    assert rates("claude-opus-4-5").notes == ()
    assert found.assumed == ("cache_write_5m", "cache_write_1h")
    assert found.source == "openai gpt-5"


def test_the_library_is_asked_once_for_each_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a million responses have a few models and tiers."""
    book = GenaiBook()
    times: list[str] = []
    monkeypatch.setattr("tallybook.pricing.book._Entry", _counted(times))
    for _ in range(100):
        assert book.tariff("gpt-5", "standard") == BOOK.tariff("gpt-5", "standard")
    assert times == ["gpt-5"]


def _counted(times: list[str]) -> object:
    from tallybook.pricing.book import _Entry  # noqa: PLC0415 - the one that is replaced

    class Counted(_Entry):
        def tariff(self) -> Tariff:
            times.append(self._asked)
            return super().tariff()

    return Counted


def test_a_price_that_has_changed() -> None:
    """On the day by UTC: o3 fell to a fifth, long contexts of Sonnet 4.6 cost no more from some day on."""
    before, after = rates("o3", day="2025-06-09"), rates("o3", day="2025-06-10")
    assert (before.input, before.since, after.input, after.since) == (10_000_000, None, 2_000_000, "2025-06-10")
    assert rates("claude-sonnet-4-6", context=LONG, day="2026-03-12").input == 6_000_000
    assert rates("claude-sonnet-4-6", context=LONG, day="2026-03-13").input == 3_000_000
    tokens = TokenVector(input=1_000_000)
    assert before.cost(tokens) + after.cost(tokens) == 12 * 10**12


def test_the_oldest_and_the_newest_price_have_no_end() -> None:
    """A day before all that is known has the first price, one long after the last."""
    assert rates("o3", day="1970-01-01") == rates("o3", day="2025-06-09")
    assert rates("o3", day="9999-12-31") == rates("o3", day="2026-11-01")


def test_a_single_request_is_told_more_finely_than_a_band() -> None:
    """Haiku 5.5 costs five times as much above 100,000 tokens, which is within the smallest band of snapshots."""
    tariff = BOOK.tariff("claude-haiku-5-5", "standard")
    below, above = (tariff.rates("2026-11-01", Size(count - 1, count)) for count in (100_000, 100_001))
    assert isinstance(below, Rates)
    assert isinstance(above, Rates)
    assert (below.input, above.input) == (100_000, 500_000)


def test_searches_without_a_price_are_told() -> None:
    """Their fee is not 0."""
    found = cost_of(rates("kimi-k2.6"), TokenVector(input=1_000_000), 3)
    assert found.nano_usd == 950_000_000
    assert [one.reason for one in found.unpriced] == ["its searches of the web have no price"]
    assert (found.quality, cost_of(rates("kimi-k2.6"), TokenVector(input=1)).quality) == ("lower_bound", "exact")


@pytest.mark.parametrize("row", FACTORS, ids=lambda row: f"{row.vendor} {row.tier}")
def test_our_own_table_says_what_the_book_says_later(row: Factor) -> None:
    """For every model that a row is used for: part by part the same as on the first day that the book knows."""
    compared = 0
    for vendor, model in BOOK.models():
        name = f"{vendor}/{model.removeprefix(f'{vendor}/')}"
        tariff = BOOK.tariff(name, row.tier) if vendor == row.vendor else None
        later = [] if tariff is None else [one for one in tariff.stretches if one.since > row.since]
        if tariff is None or "times" not in source_of(tariff.rates(row.since, SMALL)) or not later:
            continue
        known = tariff.rates(later[-1].since, SMALL)
        standard = BOOK.tariff(name, "standard").rates(later[-1].since, SMALL)
        if "times" not in source_of(known):
            assert isinstance(known, Rates)
            assert isinstance(standard, Rates)
            compared += 1
            assert [getattr(standard, part) * row.times for part in PARTS] == [getattr(known, part) for part in PARTS]
    assert compared > 3


def source_of(found: Rates | Unpriced) -> str:
    """Where a price is from; nowhere, where there is none."""
    return found.source if isinstance(found, Rates) else ""


def test_every_row_of_our_own_table_has_a_public_source_and_a_day() -> None:
    """Nobody has to believe it: both stand beside the price."""
    for row, model in zip(FACTORS, ("claude-opus-4-1", "o3"), strict=True):
        assert row.source.startswith("https://")
        found = rates(model, row.tier, day=row.since)
        assert found.source.endswith(f"times 1/2: {row.source}")
        assert found.since == row.since
        assert 2 * found.input == rates(model, day=row.since).input


def test_requests_are_cut_wherever_a_price_changes() -> None:
    """The history's bands are as fine as the book, for every model, tier and day."""
    tiers = ("standard", "batch", "flex", "priority", "fast")
    tariffs = [BOOK.tariff(model, tier) for _, model in BOOK.models() for tier in tiers]
    above = {band.above for tariff in tariffs for stretch in tariff.stretches for band in stretch.bands}
    assert above - {-1} <= set(EDGES)
    assert len(above) > 3


def test_all_models_of_the_list_can_be_asked_for() -> None:
    """By the name that it tells; those of Bedrock for everywhere and for one region."""
    names = dict(sorted((name, vendor) for vendor, name in BOOK.models()))
    assert len(names) > 200
    assert names["global.anthropic.claude-opus-4-5-v1:0"] == names["us.anthropic.claude-opus-4-5-v1:0"] == "aws"
    everywhere, regional = rates("global.anthropic.claude-opus-4-5-v1:0"), rates("us.anthropic.claude-opus-4-5-v1:0")
    for part in PARTS:
        assert 11 * getattr(everywhere, part) == 10 * getattr(regional, part)
    unknown = [name for name in names if "does not know" in source_or_reason(name)]
    assert unknown == []


def source_or_reason(model: str) -> str:
    """Either of both."""
    found = BOOK.tariff(model, "standard").rates("2026-11-01", SMALL)
    return found.source if isinstance(found, Rates) else found.reason


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket is made, whatever is asked."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(socket, "socket", refuse)
    for model in ("gpt-5", "claude-opus-4-5", "nobody", "azure/gpt-5.1"):
        GenaiBook().tariff(model, "standard")
    assert GenaiBook().version.startswith("genai-prices 0.")
    assert GenaiBook().latest > "2026-01-01"
    assert GenaiBook().days() == frozenset()


def test_the_library_is_imported_late() -> None:
    """Whoever asks for no price does not wait for it."""
    code = "import sys, tallybook.pricing.book; sys.exit('genai_prices' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
