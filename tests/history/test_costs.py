"""What the history cost: every sum is the sum of its responses, each priced by itself, to the last picodollar."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history.fake import SECOND, T0, World
from tallybook.domain.money import NOTHING, Cost, cost_of, total_cost
from tallybook.domain.sizes import Size
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import SessionKey
from tallybook.history.queries import usage_of
from tallybook.history.usage import DIMENSIONS, Query, Usage, usage
from tallybook.history.zones import NamedZone
from tallybook.pricing.book import GenaiBook
from tallybook.pricing.overrides import agreed_in
from tallybook.pricing.prices import Prices

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.domain.tariffs import Tariff

ZONE = NamedZone(ZoneInfo("Asia/Kolkata"))
DAY = 86_400 * SECOND
BOOK = GenaiBook()
AGREED = """
[[rate]]
model = "house"
since = 2026-09-25
input = 1.5
output = 2
[[discount]]
agent = "fake"
model = "gpt-5*"
since = 2026-09-23
until = 2026-10-01
percent = 10
"""
"""The first moment of these histories is 2026-09-21, 14:13 UTC."""


class Served(NamedTuple):
    """One response as it was logged."""

    session: str
    model: str
    tier: str
    at: int | None
    """Microseconds after the first moment; None for an undated one."""
    tokens: TokenVector
    searches: int

    def cost(self, prices: Prices) -> Cost:
        """By itself: its own day, its own size."""
        day = f"{datetime.fromtimestamp((T0 + (self.at or 0)) // SECOND, UTC):%Y-%m-%d}"
        size = Size(self.tokens.context - 1, self.tokens.context)
        return cost_of(prices.tariff("fake", self.model, self.tier).rates(day, size), self.tokens, self.searches)


sizes = st.sampled_from([0, 1, 99_999, 100_000, 100_001, 127_999, 199_999, 200_000, 200_001, 271_999, 272_001, 600_000])


def vector(size: int, reads: int, written: tuple[int, int, int], answer: tuple[int, int]) -> TokenVector:
    """Of a request of about that size."""
    read = reads % (size + 1)
    return TokenVector(size - read, read, *written, *answer)


few = st.integers(0, 2)
vectors = st.builds(
    vector,
    sizes,
    st.integers(0, 600_000),
    st.tuples(few, few, few),
    st.tuples(st.integers(3, 10**5), st.integers(0, 3)),
)
MODELS = ("claude-sonnet-4-5", "claude-opus-4-5", "claude-haiku-5-5", "gpt-5.2-codex", "gpt-5.4", "house", "gpt-5-evil",
          "gemini-2.5-pro", "deepseek-chat", "grok-4")  # fmt: skip
served = st.builds(
    Served,
    st.sampled_from(["s1", "s2"]),
    st.sampled_from(MODELS),
    st.sampled_from(["standard", "standard", "flex", "priority", "fast"]),
    st.integers(0, 30 * DAY),
    vectors,
    st.sampled_from([0, 0, 2]),
)
histories = st.lists(served, max_size=20)
texts = st.sampled_from(["", AGREED])


def fill(world: World, responses: list[Served]) -> None:
    """One log for each session."""
    logs: dict[str, list[dict[str, object]]] = defaultdict(list)
    for number, one in enumerate(responses):
        parts = dict(zip(PARTS, one.tokens.parts(), strict=True))
        row: dict[str, object] = {"id": f"r{number}", "session": one.session, "tokens": parts, "model": one.model}
        row |= {"tier": one.tier, "web_searches": one.searches} | ({} if one.at is None else {"at": T0 + one.at})
        logs[one.session].append(row)
    for session, rows in logs.items():
        world.write(session, *rows)
    world.ingest()


PARTS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "cache_write_unknown", "output", "reasoning")


def asked(world: World, prices: Prices, *by: str) -> Usage:
    """The answer of the store."""
    with world.store() as store:
        return usage(store, Query(by, ZONE, prices=prices))


def cost_in(found: Usage) -> Cost:
    """Of the total, which there is."""
    assert found.total.cost is not None
    return found.total.cost


@settings(max_examples=60)
@given(responses=histories, by=st.lists(st.sampled_from(DIMENSIONS), max_size=3, unique=True).map(tuple), agreed=texts)
def test_rows_add_up_to_the_whole_at_every_grouping(
    responses: list[Served], by: tuple[str, ...], agreed: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Which is the sum of the responses; what has no price is named with its reason, in its row and in the whole."""
    world = World(tmp_path_factory.mktemp("costs"))
    fill(world, responses)
    prices = Prices(BOOK, agreed_in(agreed))
    whole = total_cost(one.cost(prices) for one in responses)
    found = asked(world, prices, *by)
    assert found.total.cost == whole
    assert sum((row.cost for row in found.rows if row.cost is not None), NOTHING) == whole
    assert all(row.cost is not None for row in found.rows)
    if by and by[0] == "model":
        of_model: dict[str, Cost] = defaultdict(Cost)
        for one in responses:
            of_model[one.model] += one.cost(prices)
        for row in found.rows:
            others = [one.cost for one in found.rows if one.key[0] == row.key[0] and one.cost is not None]
            assert total_cost(others) == of_model[row.key[0] or ""]


@pytest.mark.parametrize("agreed", ["", AGREED])
def test_every_sort_of_price_is_that_of_its_responses(tmp_path: Path, agreed: str) -> None:
    """Models with and without prices of searches, of tiers, of caches; some that nobody has a price for."""
    world = World(tmp_path)
    tokens = TokenVector(5, 4, 3, 2, 1, 9, 1)
    tiers = ("standard", "flex", "priority", "fast")
    responses = [
        Served("s1", model, tier, 0, tokens, searches) for model in MODELS for tier in tiers for searches in (0, 2)
    ]
    fill(world, responses)
    prices = Prices(BOOK, agreed_in(agreed))
    found = asked(world, prices, "model", "tier")
    expected = {
        (model, tier): total_cost(one.cost(prices) for one in responses if (one.model, one.tier) == (model, tier))
        for model in MODELS
        for tier in tiers
    }
    assert {row.key: row.cost for row in found.rows} == expected
    assert any("searches" in why.reason for cost in expected.values() for why in cost.unpriced)


@settings(max_examples=40)
@given(responses=histories, agreed=texts)
def test_snapshots_and_the_history_agree_to_the_nanodollar(
    responses: list[Served], agreed: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What a session's snapshot knows is priced as its responses are."""
    world = World(tmp_path_factory.mktemp("costs"))
    fill(world, responses)
    prices = Prices(BOOK, agreed_in(agreed))
    for session in {one.session for one in responses}:
        with world.store() as store:
            counter = usage_of(store, SessionKey("fake", session))
        assert counter is not None
        own = [one for one in responses if one.session == session]
        by_class: dict[str, Cost] = defaultdict(Cost)
        for part in counter.classes:
            by_class[part.price_class.model] += cost_of(
                prices.of_class("fake", part.price_class), part.tokens, part.web_searches
            )
        for model, cost in by_class.items():
            single = total_cost(one.cost(prices) for one in own if one.model == model)
            assert (cost.pico_usd, cost.nano_usd, cost) == (single.pico_usd, single.nano_usd, single)


def test_small_requests_that_come_to_a_large_one_cost_as_small_ones(tmp_path: Path) -> None:
    """Sonnet 4.5 costs twice as much above 200,000 tokens: none of these is that large, one more is."""
    world = World(tmp_path)
    small, large = TokenVector(input=150_000), TokenVector(input=200_001)
    fill(world, [Served("s1", "claude-sonnet-4-5", "standard", 0, small, 0)] * 3)
    assert cost_in(asked(world, Prices(BOOK))).usd == "1.35"
    fill(world, [Served("s2", "claude-sonnet-4-5", "standard", 0, large, 0)])
    found = asked(world, Prices(BOOK), "session").rows
    assert [row.cost.usd for row in found if row.cost is not None] == ["1.35", "1.200006"]


def test_a_price_that_changes_within_a_session(tmp_path: Path) -> None:
    """Each response has the price of its own day, by UTC and not by the zone of the question."""
    world = World(tmp_path)
    midnight = (T0 // DAY + 1) * DAY - T0
    one = Served("s1", "house", "standard", midnight - SECOND, TokenVector(input=10**6), 0)
    fill(world, [one, one._replace(at=midnight)])
    text = '[[rate]]\nmodel = "house"\ninput = 1\noutput = 1\nuntil = 2026-09-22\n'
    text += '[[rate]]\nmodel = "house"\ninput = 3\noutput = 1\nsince = 2026-09-22'
    found = asked(world, Prices(BOOK, agreed_in(text)), "day")
    assert [(row.key, row.cost.usd) for row in found.rows if row.cost is not None] == [(("2026-09-22",), "4.00")]


def test_an_undated_response_has_the_price_of_the_moment_that_stands_for_its_own(tmp_path: Path) -> None:
    """Of the nearest dated one in its log; the cost is added like any other."""
    world = World(tmp_path)
    dated = Served("s1", "gpt-5.4", "standard", 0, TokenVector(input=10**5), 0)
    fill(world, [dated, dated._replace(at=None)])
    for text in ("", AGREED):
        assert cost_in(asked(world, Prices(BOOK, agreed_in(text)), "day")).usd == "0.50"


@pytest.mark.parametrize("at", [0, None])
@pytest.mark.parametrize("alone", [*PARTS, "web_searches"])
@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gpt-5.4", "o3", "nobody's"])
def test_what_only_one_response_has_is_counted_and_priced(
    tmp_path: Path, model: str, alone: str, at: int | None
) -> None:
    """Dated or not, beside others that have none of it; the price of o3 changed on a day."""
    world = World(tmp_path)
    plain = Served("s1", model, "standard", 0, TokenVector(), 0)
    its = {name: 7 for name in PARTS if name == alone or (alone == "reasoning" and name == "output")}
    other = plain._replace(at=at, tokens=TokenVector(**its), searches=2 * (alone == "web_searches"))
    fill(world, [plain, other])
    prices = Prices(BOOK)
    found = asked(world, prices, "session")
    cost = plain.cost(prices) + other.cost(prices)
    assert [(row.tokens, row.cost) for row in found.rows] == [(other.tokens, cost)]
    assert (found.total.tokens, found.total.cost) == (other.tokens, cost)


def test_prices_are_looked_up_once_for_each_class(tmp_path: Path) -> None:
    """However many responses there are."""
    world = World(tmp_path)
    fill(world, [Served("s1", "gpt-5.4", "standard", n * SECOND * 900, TokenVector(input=n), 0) for n in range(300)])
    asked_for: list[str] = []

    class Counting(GenaiBook):
        def tariff(self, model: str, tier: str) -> Tariff:
            asked_for.append(model)
            return super().tariff(model, tier)

    prices = Prices(Counting())
    asked(world, prices, "day")
    asked(world, prices, "model")
    assert asked_for == ["gpt-5.4"]


def test_who_asks_for_no_cost_gets_none(tmp_path: Path) -> None:
    """And no price is looked up."""
    world = World(tmp_path)
    fill(world, [Served("s1", "gpt-5.4", "standard", 0, TokenVector(input=3), 0)])
    with world.store() as store:
        found = usage(store, Query(("model",), ZONE))
    assert (found.total.cost, found.rows[0].cost) == (None, None)
    assert cost_in(asked(World(tmp_path / "empty"), Prices(BOOK))) == NOTHING
