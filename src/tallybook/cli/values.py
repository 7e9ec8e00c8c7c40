"""Arguments with a form of their own: choices and amounts of money; what can't be read is a usage error."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tallybook.cli.parameters import BadValueError
from tallybook.domain.goal import LARGEST_COUNT

if TYPE_CHECKING:
    from tallybook.domain.commands import ManualNumbers


class KindName(StrEnum):
    """What sort of work a goal is."""

    PRODUCT = "product"
    RETRO = "retro"
    META = "meta"
    CHECK = "check"


class OutcomeName(StrEnum):
    """How a goal ended."""

    SUCCESS = "success"
    FAIL = "fail"


class ReasonName(StrEnum):
    """Why an attempt failed."""

    UNCLEAR_TASK = "unclear_task"
    MISSING_CONTEXT = "missing_context"
    VALIDATION_FAILED = "validation_failed"
    ENVIRONMENT_ISSUE = "environment_issue"
    MODEL_MISTAKE = "model_mistake"
    SCOPE_TOO_LARGE = "scope_too_large"
    TOOLING_ISSUE = "tooling_issue"
    OTHER = "other"


class FitName(StrEnum):
    """How well a result fits."""

    EXACT_FIT = "exact_fit"
    PARTIAL_FIT = "partial_fit"
    MISS = "miss"


class CheckOutcome(StrEnum):
    """How a check ended."""

    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def status(self) -> str:
        """The same as the status of a goal."""
        return OutcomeName.SUCCESS.value if self is CheckOutcome.COMPLETED else OutcomeName.FAIL.value


Counts = tuple[int | None, int | None, int | None, int | None, int | None]
"""Tokens of input, cache read, cache write, output, reasoning."""


def by_hand(counts: Counts, model: str | None) -> ManualNumbers | None:
    """Numbers that were given by hand; None where nothing was given."""
    from tallybook.domain.commands import ManualNumbers

    return None if set(counts) | {model} == {None} else ManualNumbers(*counts, model=model)


class GoodFitName(StrEnum):
    """How well a result fits that is a success."""

    EXACT_FIT = "exact_fit"
    PARTIAL_FIT = "partial_fit"


class ShellName(StrEnum):
    """A shell that completes words."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_AMOUNT: Final = re.compile(r"0*([0-9]{1,16})(?:\.([0-9]{1,9})0*)?", re.ASCII)


def nano_usd(text: str, option: str = "--budget-usd") -> int:
    """A decimal amount of US dollars as whole nano-dollars; finer or negative amounts are refused."""
    found = _AMOUNT.fullmatch(text)
    amount = -1 if found is None else int(found[1] + (found[2] or "").ljust(9, "0"))
    if not 0 <= amount <= LARGEST_COUNT:
        message = f"{text[:40]!r} is no amount of US dollars such as 2.50, from 0 up, with at most nine decimals"
        raise BadValueError(message, option)
    return amount
