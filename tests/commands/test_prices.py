"""`tally prices`: the book by model, and how much of the history has a price."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.agents import ClaudeAgent, CodexAgent
from tallybook.reports.prices import per_million, share

if TYPE_CHECKING:
    from commands.bench import Bench


def test_a_model_by_the_size_of_its_requests(bench: Bench) -> None:
    """Dollars per million tokens; sizes that cost the same are one row."""
    told = bench.ok("prices", "show", "claude-sonnet-4-5", "--json").json
    assert told["schema"] == "tallybook.price/1"
    short, long = told["rates"]
    assert (short["context"], long["context"]) == ("≤200k", ">272k")
    assert short["usd_per_million_tokens"] == {
        "input": "3", "cache_read": "0.3", "cache_write_5m": "3.75", "cache_write_1h": "6", "output": "15",
        "reasoning": "15",
    }  # fmt: skip
    assert (long["usd_per_million_tokens"]["output"], short["usd_per_thousand_web_searches"]) == ("22.5", "10")
    assert "anthropic claude-sonnet-4-5" in short["source"]
    assert told["book"].startswith("genai-prices ")
    lines = bench.ok("prices", "show", "gpt-5", "--at", "2026-11-01", "--tier", "flex").out.splitlines()
    assert lines[1].split("\t")[1:3] == ["0.625", "0.0625"]
    assert "they cost what input costs" in lines[1]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("my-own-model",), "no rule tells whose model it is"),
        (("gpt-5", "--tier", "priority", "--at", "2026-01-01"), "is known from"),
    ],
)
def test_a_model_without_a_price(bench: Bench, words: tuple[str, ...], reason: str) -> None:
    """Exit 1, and why."""
    said = bench.tally("prices", "show", *words, "--json")
    assert said.code == 1
    assert reason in said.json["rates"][0]["unpriced"]
    assert reason in bench.tally("prices", "show", *words).out


def test_a_day_that_is_none(bench: Bench) -> None:
    """Exit 2."""
    said = bench.tally("prices", "show", "gpt-5", "--at", "yesterday", "--json")
    assert (said.code, said.error) == (2, "unreadable-date")


def test_the_history_is_priced_response_by_response(bench: Bench) -> None:
    """By hand: each part of each response at its price; what has none is named and in no sum."""
    codex, claude = CodexAgent(bench, 1), ClaudeAgent(bench, 2)
    for agent in (codex, claude):
        agent.say()
        agent.say()
    strange = CodexAgent(bench, 3, model="my-own-model")
    strange.say()
    rows = {row["key"]["model"]: row["tokens"] for row in bench.ok("usage", "--by", "model", "--json").json["rows"]}
    told = bench.ok("prices", "coverage", "--json").json
    assert told["schema"] == "tallybook.coverage/1"
    found = {row["key"]["model"]: row for row in told["rows"]}
    it = rows["gpt-5.2-codex"]
    by_hand = it["input"] * 1750 + it["cache_read"] * 175 + it["cache_write"] * 1750 + it["output"] * 14_000
    assert found["gpt-5.2-codex"]["cost"]["nano_usd"] == by_hand
    assert found["gpt-5.2-codex"]["cost"]["priced_share"] == "1"
    assert found["my-own-model"]["cost"] == {
        "usd": None, "nano_usd": None, "priced_share": "0",
        "unpriced": [{"model": "my-own-model", "reason": "no rule tells whose model it is"}],
    }  # fmt: skip
    parts = [row["cost"]["nano_usd"] or 0 for row in told["rows"]]
    assert told["total"]["nano_usd"] == sum(parts)
    priced = sum(tokens["total"] for model, tokens in rows.items() if model != "my-own-model")
    everything = sum(tokens["total"] for tokens in rows.values())
    assert told["total"]["priced_share"] == share(Fraction(priced, everything))
    said = bench.ok("prices", "coverage")
    assert "no rule tells whose model it is" in said.out
    assert "at list prices for 0." in said.err


def test_an_empty_history_has_no_rows(bench: Bench) -> None:
    """And costs nothing."""
    told = bench.ok("prices", "coverage", "--no-update", "--json").json
    assert (told["rows"], told["total"]["usd"], told["total"]["priced_share"]) == ([], "0.00", "1")


@given(st.integers(0, 10**12))
def test_prices_are_shown_exactly(pico: int) -> None:
    """Six decimals, none of them lost."""
    whole, _, rest = per_million(pico).partition(".")
    assert int(whole) * 10**6 + int(rest.ljust(6, "0")) == pico


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_share_is_1_only_where_all_is_priced(part: int, more: int) -> None:
    """Rounding never makes it whole."""
    assert (share(Fraction(part, part + more)) == "1") is False
    assert share(Fraction(1)) == "1"
