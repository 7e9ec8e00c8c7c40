"""Kinds of things that happen in a session besides responses; docs/reference/activity.md says what each means."""

from __future__ import annotations

from typing import Final

MICROSECONDS: Final = "microseconds"
CHARACTERS: Final = "characters"
TOKENS: Final = "tokens"
TURNS: Final = "turns"

KINDS: Final[dict[str, str | None]] = {
    "abort": None,
    "api-error": None,
    "approval": None,
    "attachment": None,
    "command": None,
    "compaction": TOKENS,
    "effort": None,
    "first-token": MICROSECONDS,
    "image": None,
    "injected": None,
    "instructions": CHARACTERS,
    "mcp": None,
    "message": None,
    "mode": None,
    "model-switch": None,
    "prompt": None,
    "reasoning": None,
    "review": None,
    "rollback": TURNS,
    "sandbox": None,
    "shell": None,
    "skill": None,
    "subagent": None,
    "tool": MICROSECONDS,
    "tool-denied": None,
    "tool-error": None,
    "turn": MICROSECONDS,
    "undo": None,
    "web": None,
}
"""Every kind, and what its amounts are measured in; None where items of the kind have no amount."""
