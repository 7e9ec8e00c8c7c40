"""The texts that agents are given; each stands once, in a file beside this one, and the docs show the same."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

_MARK: Final = "<!-- tallybook: skill;"
"""A skill file without it is somebody else's."""


def instructions() -> str:
    """What stands in every session's context."""
    return _text("instructions.md")


def skill() -> str:
    """What is read when it is needed."""
    return _text("skill.md")


def without_skill(text: str) -> str | None:
    """None for a skill file of ours; that of somebody else stays."""
    return None if _MARK in text else text


def _text(name: str) -> str:
    return (files("tallybook.usecases.agent_setup") / name).read_text("utf-8")
