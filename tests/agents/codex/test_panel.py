"""A pasted panel tells the same whether shares are shown as used or left, framed or bare, wide or narrow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.agents.codex.panel import LARGEST, panel
from tallybook.agents.codex.reader import CodexReader
from tallybook.agents.panels import Panel, PanelContext, PanelLimit, PanelReader, PanelTokens

THREAD = "0199a213-81c0-7800-8aa1-bbab2a035a53"
USED = f"""
╭──────────────────────────────────────────────────────────────╮
│  >_ OpenAI Codex (v0.50.0)                                   │
│                                                              │
│  Model:            gpt-5-codex (reasoning medium)            │
│  Directory:        ~/somewhere/private                       │
│  Account:          someone@example.com (Plus)                │
│  Session:          {THREAD}      │
│                                                              │
│  Token usage:      1.9K total  (1K input + 900 output)       │
│  Context window:   75% left (68.1K used / 272K)              │
│  5h limit:         [██████░░░░░░░░░░░░░░] 28% used (resets 03:14)        │
│  Weekly limit:     [█████████░░░░░░░░░░░] 45.5% used (resets 03:24 on 23 Nov) │
╰──────────────────────────────────────────────────────────────╯
"""
FIVE = PanelLimit("", "5h", 300, 2800, "03:14")
WEEK = PanelLimit("", "weekly", 10_080, 4550, "03:24 on 23 Nov")


def told(text: str) -> Panel:
    """What is found, which is something."""
    found = panel(text)
    assert found is not None
    return found


def test_a_whole_panel() -> None:
    """Everything but what is private: no directory, no address."""
    assert told(USED) == Panel(
        THREAD, "gpt-5-codex", "plus", (FIVE, WEEK), None, PanelTokens(1900, 1000, None, 900, None, rounded=True),
        PanelContext(7500, 68_100, 272_000),
    )  # fmt: skip
    assert isinstance(CodexReader(), PanelReader)
    assert CodexReader().panel(USED) == told(USED)


def test_left_is_the_rest_of_used() -> None:
    """Both ways of showing it come to the same."""
    left = USED.replace("28% used", "72% left").replace("45.5% used", "54.5% left").replace("75% left", "25% used")
    assert told(left) == told(USED)
    assert told("5h limit: 130% left").limits[0].used == 0
    assert told("Context window: 140% used").context == PanelContext(0, None, None)


def test_colours_and_frames_do_not_matter() -> None:
    """Escape sequences, bells and frames are passed over."""
    coloured = USED.replace("28%", "\x1b[1;32m28%\x1b[0m").replace("5h", "\x1b]8;;x\x075h")
    assert told(coloured).limits == (FIVE, WEEK)


def test_a_narrow_terminal_puts_the_reset_below() -> None:
    """It belongs to the allowance above, and does not replace what stands there."""
    text = (
        "5h limit: [██░] 28% used\n   (resets 03:14)\nWeekly limit: 45.5% used (resets 03:24 on 23 Nov)\n(resets 09:09)"
    )
    assert told(text).limits == (FIVE, WEEK)


def test_allowances_of_one_model_stand_below_its_name() -> None:
    """The name is in the line, or in a line of its own above."""
    text = "5h limit: 1% used\ngpt-5.3-spark limit:\n5h limit: 2% used\nother-model 5h limit: 3% used"
    assert [(one.name, one.used) for one in told(text).limits] == [
        ("", 100), ("gpt-5.3-spark", 200), ("other-model", 300),
    ]  # fmt: skip


def test_months_and_credits() -> None:
    """A month has no length in minutes; what is spent of credits stands below it."""
    found = told(
        "Monthly limit: 40% left (resets 00:00 on 1 Dec)\n   1,500 of 2,500 credits used\nCredits: 1,234.5 credits"
    )
    assert found.limits == (PanelLimit("", "monthly", None, 6000, "00:00 on 1 Dec", 1500, 2500),)
    assert found.credits == "1234.5"
    assert told("Credits: Unlimited").credits == "unlimited"
    assert [one.minutes for one in told("90m limit: 1% used\n2d limit: 1% used\nDaily limit: 1% used").limits] == [
        90, 2880, 1440,
    ]  # fmt: skip


def test_the_line_that_codex_leaves_with() -> None:
    """Exact numbers, and the session to go on with."""
    text = f"Token usage: total=31,444 input=31,013 (+ 3,456 cached) output=431 (reasoning 264)\ncodex resume {THREAD}"
    found = told(text)
    assert found.tokens == PanelTokens(31_444, 31_013, 3456, 431, 264, rounded=False)
    assert found.session == THREAD
    bare = told("Token usage: total=3 input=2 output=1").tokens
    assert bare == PanelTokens(3, 2, None, 1, None, rounded=False)


def test_the_last_word_holds() -> None:
    """Of two panels in one text the second."""
    both = told(USED + USED.replace("28%", "29%").replace("gpt-5-codex", "gpt-5.1-codex"))
    assert (both.limits[0].used, both.model) == (2900, "gpt-5.1-codex")
    assert told("Token usage: 2M total").tokens == PanelTokens(2_000_000, None, None, None, None, rounded=True)


def test_a_panel_that_calls_itself_stale() -> None:
    """It says that its limits may be old."""
    assert told("Warning: limits may be stale - start new turn to refresh\n5h limit: 1% used").stale
    assert not told(USED).stale


@pytest.mark.parametrize("text", ["", "hello", "5h limit: data not available yet", f"Session: {THREAD}", "\0" * 99])
def test_what_is_no_panel(text: str) -> None:
    """Nothing of use: nothing."""
    assert panel(text) is None


def test_a_very_long_text_is_looked_at_in_part() -> None:
    """What stands beyond is not seen, and long lines are passed over."""
    assert panel("x\n" * LARGEST + USED) is None
    assert panel("5h limit: " + " " * 600 + "5% used") is None


@given(st.text(max_size=300))
def test_any_text_is_harmless(text: str) -> None:
    """Whatever is pasted."""
    for whole in (text, f"5h limit: {text}% used", f"Token usage: total={text}", f"Credits: {text}"):
        panel(whole)


@given(st.integers(min_value=0, max_value=100), st.integers(min_value=0, max_value=99))
def test_shares_are_exact(whole: int, rest: int) -> None:
    """Hundredths of a percent, with no rounding."""
    assert told(f"5h limit: {whole}.{rest:02}% used").limits[0].used == 100 * whole + rest
