"""Prices of the book against those that vendors publish, calculated by hand; and what has none, with the reason."""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache

import pytest

from tallybook.domain.money import Rates, Unpriced
from tallybook.domain.tokens import TokenVector
from tallybook.pricing.book import GenaiBook
from tallybook.pricing.port import Asked

BOOK = GenaiBook()
SHORT, MIDDLE, LONG = "≤200k", "≤272k", ">272k"
MILLION = 10**6


def rates(model: str, tier: str = "standard", context: str = SHORT, day: str = "2026-11-01") -> Rates:
    """The prices, which there are."""
    found = BOOK.rates(Asked(model, tier, context, day))
    assert isinstance(found, Rates), found
    return found


def why(model: str, tier: str = "standard", context: str = SHORT, day: str = "2026-11-01") -> str:
    """Why there are none."""
    found = BOOK.rates(Asked(model, tier, context, day))
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
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "standard", SHORT, "input", "1"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "standard", SHORT, "input", "3"),
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
        (("gpt-5-codex", "scale"), "no price of the tier scale"),
        (("claude-haiku-4-5", "priority"), "no price of the tier priority"),
        (("claude-haiku-4-5", "fast"), "no price of the tier fast"),
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
    assert found.cache_write_5m == found.cache_write_1h == found.input
    assert rates("claude-opus-4-5").notes == ()
    assert found.source.startswith(f"{BOOK.version}: openai gpt-5")


def test_the_library_is_asked_once_for_each_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a million responses have a few hundred price classes."""
    book = GenaiBook()
    times: list[str] = []
    found = book._found

    def counted(asked: Asked) -> Rates | Unpriced:
        times.append(asked.model)
        return found(asked)

    monkeypatch.setattr(book, "_rates", lru_cache(None)(counted))
    for _ in range(100):
        book.rates(Asked("gpt-5", "standard", SHORT, "2026-11-01"))
    assert times == ["gpt-5"]


def test_the_library_is_imported_late() -> None:
    """Whoever asks for no price does not wait for it."""
    code = "import sys, tallybook.pricing.book; sys.exit('genai_prices' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
