"""What was agreed with vendors: read from TOML, and put in place of what the book says."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.money import PARTS, Rates, Unpriced, cost_of
from tallybook.domain.sizes import Size
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import PriceClass
from tallybook.pricing.book import GenaiBook
from tallybook.pricing.overrides import PriceFault, agreed_in
from tallybook.pricing.prices import Prices

if TYPE_CHECKING:
    from tallybook.domain.tariffs import Tariff

BOOK = GenaiBook()
SMALL = Size(-1, 5)


def found(text: str, model: str = "gpt-5", day: str = "2026-11-01", **asked: str) -> Rates | Unpriced:
    """The price that comes of a text."""
    tariff = Prices(BOOK, agreed_in(text)).tariff(asked.get("agent", ""), model, asked.get("tier", "standard"))
    return tariff.rates(day, SMALL)


def rates(text: str, model: str = "gpt-5", day: str = "2026-11-01", **asked: str) -> Rates:
    """The same, where there is one."""
    it = found(text, model, day, **asked)
    assert isinstance(it, Rates), it
    return it


def test_a_part_that_is_not_named_keeps_the_price_of_the_book() -> None:
    """To six decimals, and from the day it was agreed for."""
    it = rates('[[rate]]\nmodel = "gpt-5"\nsince = 2026-10-01\ninput = 0.000001\nsource = "contract 7"')
    assert (it.input, it.output, it.cache_read) == (1, 10_000_000, 125_000)
    assert (it.source, it.since, it.model) == ("contract 7", "2026-10-01", "gpt-5")
    assert it.notes == ("no price of cache_write_5m: it costs what input costs",
                        "no price of cache_write_1h: it costs what cache_write_5m costs")  # fmt: skip
    assert (it.cache_write_5m, it.cache_write_1h) == (1, 1)


def test_a_part_that_the_book_has_no_price_of_follows_what_is_agreed() -> None:
    """By hand: GPT-5 has no price of cache writes; at 1 dollar a million for input, 1,000 of them cost 0.001."""
    it = rates('[[rate]]\nmodel = "gpt-5"\ninput = 1')
    assert it.cost(TokenVector(input=1000, cache_read=1000, cache_write_5m=1000)) == 10**9 + 125 * 10**6 + 10**9
    own = rates("[[rate]]\ninput = 1", "claude-opus-4-5")
    assert (own.input, own.cache_write_5m, own.cache_write_1h, own.notes) == (10**6, 6_250_000, 10**7, ())


@pytest.mark.parametrize("model", ["claude-sonnet-4-5[1m]", "*[1m]", "claude-*-4-5[[]1m]", "claude-sonnet-4-5?1m]"])
def test_only_the_star_stands_for_anything(model: str) -> None:
    """A name with brackets is written as it is logged."""
    text = f'[[rate]]\nmodel = "{model}"\ninput = 1'
    fits = model in {"claude-sonnet-4-5[1m]", "*[1m]"}
    assert rates(text, "claude-sonnet-4-5[1m]").input == (1_000_000 if fits else 3_000_000)
    assert rates(text, "claude-sonnet-4-5").input == 3_000_000


@pytest.mark.parametrize("logged", ["", "standard", "default", "auto", "on_demand"])
@pytest.mark.parametrize("told", ["", '\ntier = "standard"', '\ntier = "default"', '\ntier = "*"'])
def test_the_standard_tier_has_several_names(logged: str, told: str) -> None:
    """What is agreed for it holds whichever of them is logged; for other tiers it does not."""
    text = f'[[rate]]\nmodel = "gpt-5"\ninput = 1{told}'
    assert rates(text, tier=logged).input == 1_000_000
    assert rates(text, tier="flex").input == (1_000_000 if "*" in told else 625_000)


@pytest.mark.parametrize(
    ("day", "price"),
    [("2026-09-30", 1_250_000), ("2026-10-01", 1_000_000), ("2026-10-31", 1_000_000), ("2026-11-01", 1_250_000)],
)
def test_until_is_the_first_day_that_does_not_count(day: str, price: int) -> None:
    """By UTC."""
    text = '[[rate]]\nmodel = "gpt-5"\nsince = "2026-10-01"\nuntil = 2026-11-01\ninput = "1"'
    assert rates(text, day=day).input == price


def test_the_first_row_that_fits_counts() -> None:
    """By agent, vendor, model and tier; a rate without a tier is for the standard one."""
    text = """
    [[rate]]
    agent = "codex"
    input = 3
    [[rate]]
    vendor = "openai"
    model = "gpt-5*"
    input = 2
    [[rate]]
    tier = "*"
    input = 1
    """
    assert rates(text, agent="codex").input == 3_000_000
    assert rates(text, agent="amp").input == rates(text, "openai/gpt-5").input + 1_000_000 == 2_000_000
    assert rates(text, "claude-opus-4-5").input == 1_000_000
    assert rates(text, tier="flex").input == 1_000_000
    assert rates(text, "gpt-5.1", agent="amp").input == 2_000_000


def test_a_model_that_the_book_does_not_know_needs_both_prices() -> None:
    """Then it has one, whatever it is called; cache and reasoning cost what the next wider part costs."""
    half = '[[rate]]\nmodel = "house-model"\ninput = 1'
    assert found(half, "house-model") == Unpriced(
        "house-model", "agreed (rate 1) tells no price of its output, and neither does the book"
    )
    it = rates(f"{half}\noutput = 4", "house-model")
    assert [getattr(it, part) for part in PARTS] == [10**6] * 4 + [4 * 10**6] * 2
    assert it.assumed == ("cache_read", "cache_write_5m", "cache_write_1h")
    assert it.web_search is None
    cost = cost_of(it, TokenVector(cache_read=1))
    assert cost.quality == "estimated"


def test_nothing_is_a_price_and_not_unknown() -> None:
    """Such as for a model of the house."""
    it = rates('[[rate]]\nmodel = "house"\ninput = 0\noutput = 0\nweb_search = 0', "house")
    cost = cost_of(it, TokenVector(input=5, output=5), 3)
    assert (cost.nano_usd, cost.unpriced, str(cost.quality)) == (0, frozenset(), "exact")


def test_a_discount_is_off_all_prices() -> None:
    """Agreed ones too, searches as well; what has no price gets none."""
    text = '[[rate]]\nmodel = "gpt-5"\ninput = 1\n[[discount]]\nvendor = "openai"\npercent = 12.5\nsource = "Q4"'
    it = rates(text)
    assert (it.input, it.output, it.web_search) == (875_000, 8_750_000, 8_750_000_000)
    assert it.notes[-1] == "less 12.5 %: Q4"
    assert rates(text, "claude-opus-4-5").input == 5_000_000
    assert isinstance(found(text, "gpt-5-evil"), Unpriced)
    assert rates("[[discount]]\npercent = 100", "kimi-k2.6").web_search is None


@given(st.sampled_from(["gpt-5", "claude-sonnet-4-5", "house"]), st.sampled_from(["2026-01-01", "2026-11-01"]))
def test_nothing_agreed_changes_nothing(model: str, day: str) -> None:
    """Nor does what is agreed for others."""
    for text in ("", '[[discount]]\nmodel = "other"\npercent = 5', "[[discount]]\nuntil = 2020-01-01\npercent = 5"):
        assert found(text, model, day) == BOOK.tariff(model, "standard").rates(day, SMALL)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rate]", "line 1"),
        ("[[rates]]\ninput = 1", "there is no 'rates'"),
        ("rate = 3", "rate must be a list of tables"),
        ("rate = [3]", "rate must be a list of tables"),
        ("[[rate]]", "rate 1: 'input' is missing"),
        ("[[rate]]\ninput = 1\n[[rate]]\ninptu = 1", "rate 2: 'inptu' is not known"),
        ("[[rate]]\ninput = -1", "rate 1: 'input' must be a number from 0"),
        ("[[rate]]\ninput = nan", "must be a number"),
        ("[[rate]]\ninput = inf", "must be a number"),
        ('[[rate]]\ninput = "1,25"', "must be a number"),
        ("[[rate]]\ninput = true", "must be a number"),
        ("[[rate]]\ninput = [1]", "must be a number"),
        ("[[rate]]\ninput = 1000001", "must be a number from 0 to 1,000,000"),
        ("[[rate]]\ninput = 1e999999999", "must be a number"),
        ("[[rate]]\ninput = 0.0000001", "has more than six decimals"),
        ('[[rate]]\ninput = 1\nmodel = ""', "'model' must be text, and not empty"),
        ("[[rate]]\ninput = 1\nmodel = 3", "'model' must be text"),
        ('[[rate]]\ninput = 1\nmodel = "a\\u001b[31m"', "'model' must be text"),
        ('[[rate]]\ninput = 1\n"a\\u001b[31m" = 3', "'a\\x1b[31m' is not known"),
        ('[[rate]]\ninput = 1\nsince = "yesterday"', "'since' must be a day"),
        ("[[rate]]\ninput = 1\nsince = 2026-01-01T00:00:00Z", "'since' must be a day"),
        ("[[rate]]\ninput = 1\nsince = 5", "'since' must be a day"),
        ("[[rate]]\ninput = 1\nsince = 2026-01-02\nuntil = 2026-01-02", "'until' is not later than since"),
        ("[[discount]]\ninput = 1", "discount 1: 'input' is not known"),
        ("[[discount]]\npercent = 101", "discount 1: 'percent' must be a number from 0 to 100"),
        ("[[discount]]", "discount 1: 'percent' is missing"),
        ("[[credit]]", "credit 1: 'usd' is missing"),
        ("[[credit]]\nusd = -5", "credit 1: 'usd' must be a number"),
        ("a = " + "[" * 5000, ""),
        ("[[rate]]\ninput = 1\nweb_search = 1e-999999999", "rate 1: 'web_search' has more than 24 digits"),
        ("[[discount]]\npercent = 0." + "1" * 30, "discount 1: 'percent' has more than 24 digits"),
        ('[[rate]]\ninput = 1\nvendor = "Anthropic"', "rate 1: 'vendor' is none that is known: 'Anthropic'"),
        ('[[credit]]\nusd = 1\nagent = "claude-code"', "credit 1: 'agent' is none that is known: 'claude-code'"),
    ],
)
def test_a_fault_is_told_by_its_key(text: str, message: str) -> None:
    """The first of them, never a half of what was meant."""
    with pytest.raises(PriceFault) as told:
        agreed_in(text, ("codex", "claude"))
    assert message in told.value.message
    assert told.value.hint


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# mine\n\n[[rate]", 3),
        ("[[rate]]\ninput = 1\n\n[[rates]]\ninput = 1", 4),
        ("\nrate = 3", 2),
        ("\n[rate]\ninput = 1", 2),
        ("[[rate]]\ninput = 1\n\n[[discount]]\npercent = 1\n\n[[rate]]\n  'output'=2\ninput = -1\n", 9),
        ('[[rate]]\ninput = 1\n[[ "rate" ]]\noutput = 2\n"since" = 3', 5),
        ("[[rate]]\ninput = 1\n[[rate]] # no price", 3),
        ("# a\u2028b\n[[rate]]\ninput = -1", 3),
        ("rate = [{input = 1}, {input = -1}]", None),
    ],
)
def test_a_fault_is_told_by_its_line(text: str, line: int | None) -> None:
    """Of the key where there is one, else of the table; nothing where a table stands within a line."""
    with pytest.raises(PriceFault) as told:
        agreed_in(text)
    assert told.value.line == line


@given(st.text(max_size=40) | st.text("[]rate= \n\"'disconput.12-", max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    """In no other way."""
    with suppress(PriceFault):
        assert agreed_in(text).days() is not None


def test_credits_change_no_price() -> None:
    """They are kept beside, with what they are for."""
    text = '[[credit]]\nusd = 0.10\nvendor = "openai"\nsource = "trial"\n[[credit]]\nusd = "100"'
    one, other = agreed_in(text).credits
    assert (one.pico_usd, one.source, one.where.vendor) == (10**11, "trial", "openai")
    assert (other.pico_usd, other.source) == (10**14, "agreed (credit 2)")
    assert rates(text) == BOOK.tariff("gpt-5", "standard").rates("2026-11-01", SMALL)


def test_a_class_is_looked_up_once() -> None:
    """Whatever agent it is, unless something was agreed for one."""
    asked: list[str] = []

    class Counting(GenaiBook):
        def tariff(self, model: str, tier: str) -> Tariff:
            asked.append(model)
            return super().tariff(model, tier)

    it = PriceClass("gpt-5", "standard", "≤200k", "2026-11-01")
    prices = Prices(Counting())
    for agent in ("codex", "amp", "codex"):
        assert prices.of_class(agent, it) == BOOK.tariff("gpt-5", "standard").rates(it.day, SMALL)
    assert asked == ["gpt-5"]
    assert prices.days() == frozenset()
    some = Prices(Counting(), agreed_in('[[rate]]\nagent = "codex"\nsince = 2026-10-01\nuntil = 2026-12-01\ninput = 1'))
    by_agent = [some.of_class(agent, it) for agent in ("codex", "amp", "codex")]
    assert [one.input for one in by_agent if isinstance(one, Rates)] == [1_000_000, 1_250_000, 1_000_000]
    assert asked == ["gpt-5"] * 3
    assert some.days() == {"2026-10-01", "2026-12-01"}
    assert some.version.startswith("genai-prices ")
