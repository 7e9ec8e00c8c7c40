"""Logs that ccusage prices otherwise, each on a day of its own, with what ccusage 20.0.24 said of them offline."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from loggen import claude, codex
from tallybook.domain.price_causes import Way
from tallybook.history.reconcile import UNEXPLAINED
from tallybook.history.reconcile_money import NO_PRICE_AT_ALL, NO_PRICE_THERE

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
OPUS: Final = "claude-opus-4-5-20251101"
SONNET: Final = "claude-sonnet-4-5-20250929"
EQUAL: Final = ""


class Case(msgspec.Struct, frozen=True):
    """Responses of one model on one day."""

    day: str
    model: str
    told: str
    """The cost that the report has, as its JSON has it."""
    cause: str
    usages: tuple[Json, ...] = ()
    """Of Claude Code; else those of Codex."""
    counts: codex.Usage | None = None
    tier: str | None = None
    more: Json = {}
    called: str | None = None
    """What the report calls the model, if it is not the same."""


def _claude(day: str, model: str, told: str, cause: str, *usages: Json, **more: Any) -> Case:  # noqa: ANN401 - JSON
    called = more.pop("called", None)
    return Case(day, model, told, cause, usages, more=more, called=called)


def _codex(day: str, model: str, told: str, cause: str, counts: codex.Usage, **more: Any) -> Case:  # noqa: ANN401
    return Case(day, model, told, cause, counts=counts, **more)


_SMALL: Final = (10_000, 8_000, 0, 500, 100)
_USAGE: Final = claude.usage(100, 0, 5000, 300)
CASES: Final = (
    _claude("2026-04-02", OPUS, "0.0105", EQUAL, _USAGE),
    _claude("2026-04-03", OPUS, "0.01675", EQUAL, claude.usage(100, 1000, 5000, 300, split=(1000, 0))),
    _claude("2026-04-04", OPUS, "0.0205", EQUAL, claude.usage(100, 1000, 5000, 300, split=(0, 1000))),
    _claude("2026-04-05", OPUS, "0.01675", EQUAL, claude.usage(100, 1000, 5000, 300)),
    _claude("2026-04-06", SONNET, "0.9047999999999998", Way.MARGINAL, claude.usage(250_000, 0, 1000, 300)),
    _claude("2026-04-07", SONNET, "0.1698", Way.MARGINAL, claude.usage(100, 20_000, 250_000, 300, split=(20_000, 0))),
    _claude("2026-04-08", SONNET, "0.0996", EQUAL, *[claude.usage(100, 0, 150_000, 300)] * 2),
    _claude("2026-03-01", "claude-sonnet-4-6", "0.0798", Way.TODAY, claude.usage(100, 0, 250_000, 300)),
    _claude("2026-04-09", "claude-sonnet-4-6", "0.0798", EQUAL, claude.usage(100, 0, 250_000, 300)),
    _claude(
        "2026-04-11",
        "claude-opus-4-8",
        "0.021",
        EQUAL,
        claude.usage(100, 0, 5000, 300, more={"speed": "fast"}),
        called="claude-opus-4-8-fast",
    ),
    _claude("2026-04-14", OPUS, "0.0105", Way.NO_TIERS, _USAGE | {"service_tier": "batch"}),
    _claude(
        "2026-04-16",
        OPUS,
        "0.0105",
        Way.NO_FEES,
        claude.usage(100, 0, 5000, 300, more={"server_tool_use": {"web_search_requests": 3}}),
    ),
    _claude("2026-04-18", "some-gateway/unheard-of-7b", "0.0", NO_PRICE_AT_ALL, _USAGE),
    _claude("2026-04-21", "claude-fable-5-2", "0.0", NO_PRICE_THERE, _USAGE),
    _claude("2026-04-25", "anthropic/claude-opus-4.5", "0.0105", EQUAL, _USAGE),
    _claude("2026-04-27", OPUS, "9.5", UNEXPLAINED, _USAGE, costUSD=9.5),
    _codex("2026-04-29", "gpt-5-codex", "0.0085", EQUAL, _SMALL),
    _codex("2026-05-13", "o4-mini", "0.0033", Way.HALF, _SMALL),
    _codex(
        "2026-05-15",
        "codex-auto-review",
        "0.0145",
        "no price here: the book does not know the model (openai codex-auto-review)",
        _SMALL,
        called="gpt-5.4",
    ),
    _codex("2026-05-17", "gpt-5.4", "1.4752500000000002", EQUAL, (300_000, 8_000, 0, 500, 100)),
    _codex("2026-05-19", "gpt-5.4", "0.02475", Way.WRITES, (10_000, 4_000, 2_000, 500, 100)),
    _codex("2026-05-20", "gpt-5.4", "0.029", Way.TODAY, _SMALL, tier="priority"),
    _codex("2026-05-21", "gpt-5.4", "0.0145", Way.NO_TIERS, _SMALL, tier="flex"),
    _codex("2026-08-10", "gpt-5.6-sol", "0.0212", Way.TODAY, _SMALL),
    _codex("2026-09-10", "gpt-5.6-sol", "0.0212", EQUAL, _SMALL),
)


def write_logs(home: Path) -> None:
    """The logs of all cases, where the agents would have them."""
    for number, case in enumerate(CASES, 1):
        if case.counts is None:
            _write_claude(home / ".claude", number, case)
        else:
            _write_codex(home / ".codex", number, case, case.counts)


def _write_claude(home: Path, number: int, case: Case) -> None:
    session = codex.uuid4(number)
    records = [claude.prompt(session, timestamp=f"{case.day}T10:00:00.000Z")]
    for serial, usage in enumerate(case.usages):
        ids = {"requestId": f"req_{number}_{serial}", "timestamp": f"{case.day}T10:00:{serial:02}.500Z"}
        more = {**ids, "model": case.model, **case.more}
        records.append(claude.answer(session, f"msg_{number}_{serial}", usage, **more))
    path = home / "projects" / "-work" / f"{session}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(claude.encode(records))


def _write_codex(home: Path, number: int, case: Case, counts: codex.Usage) -> None:
    moment = datetime.fromisoformat(f"{case.day}T10:00:00+00:00")
    rollout = codex.Rollout(codex.uuid7(number, moment), moment)
    rollout.meta()
    if case.tier is not None:
        rollout.settings(rollout.thread, case.model, case.tier)
    rollout.turn(codex.uuid7(5000 + number, moment), case.model)
    rollout.say()
    rollout.count(counts, counts)
    name = f"rollout-{case.day}T10-00-00-{rollout.thread}.jsonl"
    path = home / "sessions" / case.day.replace("-", "/") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(rollout.data())
