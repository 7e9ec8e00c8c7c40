"""Names of models: what agents and gateways call them, and names that only look like one."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.money import Rates
from tallybook.domain.sizes import Size
from tallybook.pricing.book import GenaiBook
from tallybook.pricing.names import translated

BOOK = GenaiBook()


def source(model: str) -> str | None:
    """The entry of the book that prices it; None where nothing does."""
    found = BOOK.tariff(model, "standard").rates("2026-11-01", Size(-1, 1000))
    return found.source if isinstance(found, Rates) else None


@pytest.mark.parametrize(
    ("model", "entry"),
    [
        ("claude-opus-4-5", "anthropic claude-opus-4-5"),
        ("claude-opus-4-5-20251101", "anthropic claude-opus-4-5"),
        ("claude-opus-4.5", "anthropic claude-opus-4-5"),
        ("claude-opus-4-5-20251101-thinking", "anthropic claude-opus-4-5"),
        ("Claude-Opus-4-5", "anthropic claude-opus-4-5"),
        ("claude-opus-4-5-latest", "anthropic claude-opus-4-5"),
        ("claude-opus-4-20250514", "anthropic claude-opus-4-0"),
        ("claude-opus-4", "anthropic claude-opus-4-0"),
        ("claude-4-opus-20250514", "anthropic claude-opus-4-0"),
        ("claude-sonnet-4-20250514", "anthropic claude-sonnet-4-0"),
        ("claude-sonnet-4-20250514[1m]", "anthropic claude-sonnet-4-0"),
        ("claude-sonnet-4-5-20250929[1m]", "anthropic claude-sonnet-4-5"),
        ("claude-3-5-haiku-20241022", "anthropic claude-3-5-haiku-latest"),
        ("claude-3-7-sonnet-20250219", "anthropic claude-3-7-sonnet-latest"),
        ("claude-3.5-sonnet", "anthropic claude-3-5-sonnet"),
        ("claude-sonnet-4-5@20250929", "anthropic claude-sonnet-4-5"),
        ("vertex_ai/claude-sonnet-4-5@20250929", "anthropic claude-sonnet-4-5"),
        ("google-vertex-anthropic/claude-opus-4-5@20251101", "anthropic claude-opus-4-5"),
        ("anthropic/claude-haiku-4.5", "anthropic claude-haiku-4-5"),
        ("openrouter/anthropic/claude-haiku-4.5", "anthropic claude-haiku-4-5"),
        ("github-copilot/claude-sonnet-4.5", "anthropic claude-sonnet-4-5"),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", "aws regional.anthropic.claude-opus-4-5-v1:0"),
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", "aws global.anthropic.claude-opus-4-5-v1:0"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "aws regional.anthropic.claude-3-haiku-20240307-v1:0"),
        ("amazon-bedrock/apac.anthropic.claude-sonnet-4-20250514-v1:0",
         "aws regional.anthropic.claude-sonnet-4-20250514-v1:0"),
        ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
         "aws regional.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("gpt-5", "openai gpt-5"),
        ("gpt-5-2025-08-07", "openai gpt-5"),
        ("gpt-5-20250807", "openai gpt-5"),
        ("gpt-5-codex", "openai gpt-5"),
        ("gpt-5-codex high", "openai gpt-5"),
        ("gpt-5-codex (high)", "openai gpt-5"),
        ("gpt-5-high", "openai gpt-5"),
        ("gpt-5:minimal", "openai gpt-5"),
        ("gpt-5.1-codex-max", "openai gpt-5.1"),
        ("gpt-5.1-codex-max xhigh", "openai gpt-5.1"),
        ("gpt-5.2-codex max", "openai gpt-5.2"),
        ("gpt-5.2-codex (max)", "openai gpt-5.2"),
        ("gpt-5.1-codex-mini", "openai gpt-5.1-codex-mini"),
        ("openai/gpt-5.2-codex", "openai gpt-5.2"),
        ("azure/gpt-5.2", "openai gpt-5.2"),
        ("codex-mini-latest", "openai codex-mini"),
        ("o3", "openai o3"),
        ("o4-mini", "openai o4-mini"),
        ("gpt-4o", "openai gpt-4o"),
        ("gpt-4o-2024-08-06", "openai gpt-4o"),
        ("gpt-4o-2024-05-13", "openai gpt-4o-2024-05-13"),
        ("azure/gpt-4o-2024-05-13", "openai gpt-4o-2024-05-13"),
        ("kimi-k2-thinking", "moonshotai kimi-k2-thinking"),
        ("openrouter/deepseek/deepseek-v3.2-exp", "deepseek deepseek-v3.2-exp"),
        ("gemini-2.5-flash-preview", "google gemini-2.5-flash-preview"),
        ("gemini-2.5-flash-preview-09-2025", "google gemini-2.5-flash"),
        ("gemini-2.5-pro", "google gemini-2.5-pro"),
        ("models/gemini-2.5-pro", "google gemini-2.5-pro"),
        ("gemini/gemini-2.5-flash", "google gemini-2.5-flash"),
        ("grok-code-fast-1", "x-ai grok-code-fast-1"),
        ("opencode/kimi-k2.6", "moonshotai kimi-k2.6"),
        ("GLM-4.6", "zai GLM-4.6"),
    ],
)  # fmt: skip
def test_names_that_agents_log(model: str, entry: str) -> None:
    """Each leads to the one entry whose price it has."""
    assert source(model) == entry


@pytest.mark.parametrize(
    "model",
    [
        *("", " ", "unknown", "<synthetic>", "default", "auto", "gpt", "claude", "claude-", "gpt-", "/", "//", "a/b/c"),
        *("claude-opus-4-5-evil", "claude-opus-4-51", "claude-opus-4-5-turbo", "claude-opus-4-5-20251101-turbo"),
        *("claude-4-opus-evil", "claude-4-5-haiku-turbo", "claude-3-5-haiku-evil", "claude-opus-99"),
        "claude-sonnet-4-50",
        *("claude-sonnet-4-2025", "claude-sonnet-4-2025evil", "claude-sonnet-4-20251", "claude-opus-4-5-2025110"),
        *("claude-opus-4-5[2m]", "claude-opus-4-5[1m][1m]", "claude-opus-4-5 high", "claude-opus-4-5:free"),
        *("gpt-5-evil", "gpt-5-nano-evil", "gpt-5-turbo", "gpt-5.1-codex-ultra", "gpt-5-codex extreme", "gpt-55"),
        "gpt-5.",
        *("gpt-5.2-codex-max", "gpt-5-max", "gpt-5.2-codex-max high"),
        *("gpt-5 high low", "gpt-5-high-high", "gpt-5:free", "gpt-5(high)x", "ft:gpt-4o-2024-08-06:me::1", "o5", "o33"),
        *("anthropic/gpt-5", "openai/claude-opus-4-5", "deepseek/gpt-5", "google/gpt-5", "nowhere/gpt-5"),
        "ollama/gpt-5",
        "me-central.anthropic.claude-opus-4-5-20251101-v1:0",
        *("openrouter/nowhere/gpt-5", "openai/anthropic/claude-opus-4-5", "gpt-5/", "/gpt-5", "openrouter/"),
        *("mars.anthropic.claude-opus-4-5-v1:0", "us.anthropic.claude-opus-4-5-evil-v1:0", "us.anthropic.claude-"),
        "openai/us.anthropic.claude-opus-4-5-20251101-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
        "claude-opus-4-5@evil",
        "gemini-2.5-pro-evil",
        "regional.anthropic.claude-opus-4-5-v1:0",
        *(
            "gpt-5\n",
            "gpt-5\x00",
            "\x1b[1mgpt-5",
            "\uff47pt-5",
            "gpt\u20115",
            "gpt-5\u202e",
            "\ud800gpt-5",
            "x" * 10_000,
        ),
        "claude-opus-4-5" + "-20251101" * 9,
    ],
)
def test_names_that_are_nobodys(model: str) -> None:
    """A suffix, a route or a letter that no rule knows prices nothing."""
    if model != "gpt-5\n":  # white space around a name is no part of it
        assert source(model) is None, source(model)


@given(st.text(max_size=300) | st.text("/.:-@[]() claudegptopus0145v", max_size=60))
def test_any_text_is_a_name_or_is_none(model: str) -> None:
    """Nothing is raised, and nothing takes long."""
    named = translated(model)
    assert named is None or (named.vendor and named.model)


@given(
    st.sampled_from(["claude-opus-4-5", "claude-4-opus", "claude-sonnet-4-5-20250929", "gpt-5", "gpt-5-nano", "o3",
                     "gemini-2.5-pro", "grok-4.5", "kimi-k2.6"]),
    st.text(string.ascii_lowercase, min_size=1, max_size=8),
)  # fmt: skip
def test_no_unknown_word_behind_a_name_is_priced(model: str, word: str) -> None:
    """Only words that are written down here, or in the book, make no other model of it."""
    known = {"latest", "preview", "exp", "thinking", "none", "minimal", "low", "medium", "high", "xhigh"}
    listed = {"codex", "chat", "pro", "mini", "nano", "flash", "image", "lite", "fast", "beta"}
    if word not in known | listed:
        assert source(f"{model}-{word}") is None


def test_every_model_of_the_list_has_its_own_price() -> None:
    """The name of an entry leads to it, and to no other one that begins alike or has a shorter name."""
    listed = [(vendor, name) for vendor, name in BOOK.models() if vendor != "aws"]
    found = {name: source(name) for _, name in listed}
    assert {name: told for name, told in found.items() if told not in {None, name.replace("/", " ", 1)}} == {}
    assert sum(told is not None for told in found.values()) > 150
