"""`tally prices`: the book by model, and how much of the history has a price."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.agents import ClaudeAgent, CodexAgent
from tallybook.reports.costs import share, share_json
from tallybook.reports.prices import per_million

if TYPE_CHECKING:
    from commands.bench import Bench


def test_a_model_by_the_size_of_its_requests(bench: Bench) -> None:
    """Dollars per million tokens; sizes that cost the same are one row."""
    told = bench.ok("prices", "show", "claude-sonnet-4-5", "--json").json
    assert told["schema"] == "tallybook.price/1"
    short, long = told["rates"]
    assert (short["context"], long["context"]) == ("≤200k", ">200k")
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


def test_a_dated_name_with_a_price_of_its_own(bench: Bench) -> None:
    """The first GPT-4o cost twice what later ones do; its response is priced as that, and not as its family."""
    it = CodexAgent(bench, 1, model="gpt-4o-2024-05-13")
    it.say()
    told = bench.ok("usage", "--json").json["total"]
    tokens = told["tokens"]
    fresh = tokens["input"] + tokens["cache_read"] + tokens["cache_write"]  # cache reads have no price of their own
    assert told["cost"]["nano_usd"] == fresh * 5000 + tokens["output"] * 15_000


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
    assert found["gpt-5.2-codex"]["cost"]["priced_share"] == 1
    assert found["my-own-model"]["cost"] == {
        "usd": None, "nano_usd": None, "priced_share": 0, "quality": "unmeasured",
        "reason": "no rule tells whose model it is",
        "unpriced": [{"model": "my-own-model", "reason": "no rule tells whose model it is"}],
    }  # fmt: skip
    parts = [row["cost"]["nano_usd"] or 0 for row in told["rows"]]
    assert told["total"]["nano_usd"] == sum(parts)
    priced = sum(tokens["total"] for model, tokens in rows.items() if model != "my-own-model")
    everything = sum(tokens["total"] for tokens in rows.values())
    assert told["total"]["priced_share"] == share_json(Fraction(priced, everything))
    said = bench.ok("prices", "coverage")
    assert "no rule tells whose model it is" in said.out
    assert " USD for 0." in said.err


def test_an_empty_history_has_no_rows(bench: Bench) -> None:
    """And costs nothing."""
    told = bench.ok("prices", "coverage", "--no-update", "--json").json
    assert (told["rows"], told["total"]["usd"], told["total"]["priced_share"]) == ([], "0.00", 1)


def agree(bench: Bench, text: str, *, everywhere: bool = False) -> None:
    """Write down what was agreed, for the repository or for all of the user."""
    place = bench.data / "prices.toml" if everywhere else bench.repo / "config" / "prices.toml"
    place.parent.mkdir(exist_ok=True, parents=True)
    place.write_text(text)


def test_what_was_agreed_counts_everywhere(bench: Bench) -> None:
    """The repository's own first, then the user's; nothing needs to be kept of it."""
    it = CodexAgent(bench, 1)
    it.say()
    listed = bench.ok("prices", "coverage", "--json").json["total"]
    agree(bench, '[[discount]]\npercent = 50\nsource = "all"', everywhere=True)
    half = bench.ok("prices", "coverage", "--json").json["total"]
    assert 2 * half["nano_usd"] == listed["nano_usd"]
    assert bench.ok("usage", "--json").json["total"]["cost"] == half
    agree(bench, '[[rate]]\nmodel = "gpt-5.2*"\ninput = 0\ncache_read = 0\noutput = 0\n[[discount]]\npercent = 0')
    told = bench.ok("prices", "coverage", "--json").json["total"]
    assert (told["usd"], told["priced_share"], told["quality"]) == ("0.00", 1, "exact")
    shown = bench.ok("prices", "show", "gpt-5.2-codex", "--json").json["rates"]
    assert [(one["source"], one["remarks"][-1]) for one in shown] == [
        ("agreed (rate 1)", "less 0 %: agreed (discount 1)")
    ]


def test_prices_may_be_agreed_for_one_agent(bench: Bench) -> None:
    """Others pay what the book says."""
    codex, claude = CodexAgent(bench, 1, model="claude-opus-4-5"), ClaudeAgent(bench, 2)
    codex.say()
    claude.say()
    before = {row["key"]["agent"]: row["cost"] for row in bench.ok("usage", "--by", "agent", "--json").json["rows"]}
    agree(bench, '[[discount]]\nagent = "codex"\npercent = 50')
    after = {row["key"]["agent"]: row["cost"] for row in bench.ok("usage", "--by", "agent", "--json").json["rows"]}
    assert 2 * after["codex"]["nano_usd"] == before["codex"]["nano_usd"]
    assert after["claude"] == before["claude"]
    prices = [
        bench.ok("prices", "show", "gpt-5", *who, "--json").json["rates"][0] for who in ((), ("--agent", "codex"))
    ]
    assert [one["usd_per_million_tokens"]["output"] for one in prices] == ["10", "5"]


def test_what_could_never_hold_is_no_agreement(bench: Bench) -> None:
    """A vendor or an agent that nobody knows would leave the book's price where another was meant."""
    for key, known in (("vendor", "anthropic"), ("agent", "codex")):
        agree(bench, f'[[discount]]\npercent = 5\n{key} = "Claude Code"')
        error = bench.tally("usage", "--json").json["error"]
        assert "prices.toml:3: discount 1: " in error["message"]
        assert known in error["hint"]


def test_an_agreed_name_with_brackets(bench: Bench) -> None:
    """The long context of Claude Code is named with brackets, and what is agreed for that name counts."""
    agree(bench, '[[rate]]\nmodel = "claude-sonnet-4-5-20250929[1m]"\ninput = 1\nsource = "contract"')
    told = bench.ok("prices", "show", "claude-sonnet-4-5-20250929[1m]", "--json").json["rates"]
    assert [(one["source"], one["usd_per_million_tokens"]["input"]) for one in told] == [("contract", "1")] * 2


@pytest.mark.parametrize(
    "words", [("prices", "list"), ("prices", "show", "gpt-5"), ("prices", "coverage"), ("prices", "explain", "r"),
              ("usage",)]
)  # fmt: skip
def test_a_fault_in_what_was_agreed_is_a_fault_of_usage(bench: Bench, words: tuple[str, ...]) -> None:
    """Exit 2 with the file and the key; never a price of the book where another was agreed."""
    agree(bench, "# what we pay\n[[rate]]\ninput = -1")
    said = bench.tally(*words, "--json")
    assert (said.code, said.error) == (2, "prices-unusable")
    message = said.json["error"]["message"]
    assert f"{bench.repo / 'config' / 'prices.toml'}:3: " in message
    assert "rate 1: 'input' must be a number" in message


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff", "it is no UTF-8 (byte 0)"), (b"#" * (1 << 20) + b"#", "larger than 1 MiB"), (None, "no regular file")],
)
def test_a_file_that_can_not_be_read(bench: Bench, content: bytes | None, message: str) -> None:
    """Is told, and not passed over."""
    agree(bench, "", everywhere=True)
    path = bench.data / "prices.toml"
    path.unlink()
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    assert message in bench.tally("prices", "list", "--json").json["error"]["message"]


def test_credits_are_shown_beside_what_they_pay_for(bench: Bench) -> None:
    """As far as it goes, and only in its time."""
    it = CodexAgent(bench, 1)
    it.say()
    cost = bench.ok("prices", "coverage", "--json").json["total"]
    agree(
        bench,
        """
    [[credit]]
    usd = 100
    vendor = "openai"
    since = 2020-01-01
    source = "trial"
    [[credit]]
    usd = "0.000001"
    [[credit]]
    usd = 7
    until = 2020-01-01
    """,
    )
    told = bench.ok("prices", "coverage", "--json").json
    assert told["total"] == cost
    one, small, over = told["credits"]
    assert (one["source"], one["since"], one["until"], one["usd"]) == ("trial", "2020-01-01", None, "100.00")
    assert one["used_usd"] == cost["usd"]
    assert (one["priced_share"], one["quality"]) == (1, "exact")
    assert (small["used_usd"], small["left_usd"]) == ("0.000001", "0.00")
    assert (over["used_usd"], over["left_usd"]) == ("0.00", "7.00")
    assert "trial" in bench.ok("prices", "coverage").out


def test_a_credit_that_pays_for_more_than_has_a_price(bench: Bench) -> None:
    """How much of what it is for has a price stands beside what it has paid."""
    known, own = CodexAgent(bench, 1), CodexAgent(bench, 2, model="own-1")
    known.say()
    own.say()
    agree(bench, "[[credit]]\nusd = 100")
    told = bench.ok("prices", "coverage", "--json").json
    (credit,) = told["credits"]
    assert 0 < credit["priced_share"] < 1
    assert (credit["priced_share"], credit["quality"]) == (told["total"]["priced_share"], "lower_bound")
    assert bench.ok("prices", "coverage").out.splitlines()[-1].endswith(f"\t{credit['priced_share']}")


def test_the_list_has_every_model_of_the_vendors_with_its_price(bench: Bench) -> None:
    """By vendor, on a day; what has no price says why."""
    told = bench.ok("prices", "list", "--at", "2026-11-01", "--json").json
    assert told["schema"] == "tallybook.price-list/1"
    assert (told["day"], told["problems"]) == ("2026-11-01", [])
    by_name = {(one["vendor"], one["model"]): one for one in told["models"]}
    assert by_name["anthropic", "claude-opus-4-5"]["usd_per_million_tokens"]["output"] == "25"
    assert by_name["aws", "us.anthropic.claude-opus-4-5-v1:0"]["usd_per_million_tokens"]["output"] == "27.5"
    assert "time of day" in by_name["deepseek", "deepseek-chat"]["unpriced"]
    rows = bench.ok("prices", "list", "--vendor", "openai").out.splitlines()[1:]
    assert {row.split("\t")[0] for row in rows} == {"openai"}
    said = bench.tally("prices", "list", "--vendor", "nobody", "--json")
    assert (said.code, said.error) == (2, "unknown-vendor")
    assert "anthropic" in said.json["error"]["hint"]
    assert bench.tally("prices", "list", "--at", "never", "--json").error == "unreadable-date"


def keys_of(bench: Bench, session: str) -> set[str]:
    """The keys of its responses."""
    logs = bench.ok("why", session, "--json").json["logs"]
    return {one["response"] for log in logs for row in log["lines"] for one in row["counted"]}


def test_the_price_of_one_response_is_explained(bench: Bench) -> None:
    """Part by part; the parts add up, and the sum over all responses is the cost of the session."""
    it = ClaudeAgent(bench, 2)
    it.say()
    it.say()
    keys = keys_of(bench, it.session)
    assert len(keys) == 2
    found = [one for key in keys for one in bench.ok("prices", "explain", key, "--json").json["responses"]]
    assert {one["session"] for one in found} == {it.session}
    total = bench.ok("usage", "--json").json["total"]["cost"]["nano_usd"]
    assert sum(one["cost"]["nano_usd"] for one in found) == total
    for one in found:
        assert sum(one["nano_usd"].values()) == one["cost"]["nano_usd"]
        assert one["rates"]["source"].startswith("anthropic ")
        assert (one["agent"], one["dated"], one["tier"]) == ("claude", True, "standard")
        assert (one["quality"], one["cost"]["quality"]) == ("exact", "exact")
    said = bench.ok("prices", "explain", keys.pop())
    assert "a million = " in said.out
    assert said.out.splitlines()[-1].startswith("cost      ")


@pytest.mark.parametrize(
    ("model", "fee", "text"),
    [
        ("claude-opus-4-5-20251101", 30_000_000, "web searches: 3 at 10 a thousand = 0.03 USD"),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", None, "web searches: 3 = no price"),
    ],
)
def test_searches_of_the_web_are_never_silently_free(bench: Bench, model: str, fee: int | None, text: str) -> None:
    """The fee where there is one; else no zero, but that there is none, in every command that looks at the cost."""
    agent = ClaudeAgent(bench, 1, model=model)
    goal = bench.start("search", "--budget-usd", "5", **agent.environ)
    agent.say()
    agent.records[-1]["message"]["usage"]["server_tool_use"] = {"web_search_requests": 3}
    agent.flush()
    said = bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    (key,) = keys_of(bench, agent.session)
    (told,) = bench.ok("prices", "explain", key, "--json").json["responses"]
    assert told["nano_usd"]["web_search"] == fee
    assert sum(part or 0 for part in told["nano_usd"].values()) == told["cost"]["nano_usd"]
    assert text in bench.ok("prices", "explain", key).out
    (budget,) = bench.ok("budget", "show", "--json").json["budgets"]
    assert budget["at_least"] is (fee is None)
    free = f"is checked without its searches of the web: {model} (its searches of the web have no price)"
    assert (free in said.err) is (fee is None)
    reasons = [one["message"] for row in bench.ok("cost-audit", "--json").json["goals"] for one in row["reasons"]]
    whole = f"a part of it has no price: {model} (its searches of the web have no price)"
    assert reasons == ([] if fee is not None else [whole])


def test_a_response_without_a_price_is_explained_as_well(bench: Bench) -> None:
    """By the reason."""
    it = CodexAgent(bench, 1, model="my-own-model")
    it.say()
    (key,) = keys_of(bench, it.session)
    (told,) = bench.ok("prices", "explain", key, "--json").json["responses"]
    assert (told["rates"], told["nano_usd"]) == ({"unpriced": "no rule tells whose model it is"}, {})
    assert "no price  no rule tells" in bench.ok("prices", "explain", key).out


def test_a_price_of_tokens_that_are_a_lower_bound(bench: Bench) -> None:
    """It is exact, and said to be the price of at least so much."""
    it = ClaudeAgent(bench, 1)
    it.say()
    message = it.records[-1]["message"]
    message["stop_reason"] = None
    message.pop("stop_details", None)
    message["usage"] |= {"output_tokens": 1}
    it.flush()
    (key,) = keys_of(bench, it.session)
    (told,) = bench.ok("prices", "explain", key, "--json").json["responses"]
    assert (told["quality"], told["cost"]["quality"]) == ("lower_bound", "exact")
    assert "tokens    lower_bound" in bench.ok("prices", "explain", key).out
    counted = bench.ok("why", it.session, "--json").json["counted"]
    assert (counted["quality"], counted["cost"]["quality"]) == ("lower_bound", "exact")
    assert " tokens (lower_bound), " in bench.ok("why", it.session).out.splitlines()[-1]


def test_a_response_that_nobody_knows(bench: Bench) -> None:
    """Exit 2, and where keys are told."""
    said = bench.tally("prices", "explain", "nothing", "--json")
    assert (said.code, said.error) == (2, "unknown-response")
    assert "tally why" in said.json["error"]["hint"]


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
    assert share_json(Fraction(1)) == 1
    assert share_json(Fraction(part, part + more)) != 1
