"""Counts of one row as a token vector: the flat total of cache writes decides, and nothing is guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from tallybook.agents.claude_code.records import Answer, Counts, Usage

PLACEHOLDER: Final = 9
"""``message_start`` announces at most this much output; the real count comes with ``message_delta``."""


_MOST_SEARCHES: Final = 100_000

Parts = tuple[int, int, int, int, int, int, int]
"""Tokens in the order of ``tallybook.domain.tokens.COMPONENTS``."""


def parts(counts: Counts, usage: Usage | None = None) -> Parts:
    """Disjoint tokens of one model call; ``usage`` lends its iterations where the split of cache writes is stale."""
    five, hour = _split(counts) or (0, 0)
    flat = counts.cache_creation_input_tokens
    if flat is None:
        flat = five + hour
    elif five + hour != flat:
        five, hour = _iteration_split(usage, flat) or ((five, hour) if five + hour < flat else (0, 0))
    output = counts.output_tokens or 0
    details = counts.output_tokens_details
    reasoning = min(details.thinking_tokens or 0, output) if details else 0
    read = counts.cache_read_input_tokens or 0
    return counts.input_tokens or 0, read, five, hour, flat - five - hour, output, reasoning


def _split(counts: Counts) -> tuple[int, int] | None:
    creation = counts.cache_creation
    return (creation.five_minutes or 0, creation.one_hour or 0) if creation else None


def _iteration_split(usage: Usage | None, flat: int) -> tuple[int, int] | None:
    for iteration in reversed(usage.iterations or () if usage else ()):
        split = _split(iteration)
        own = iteration.cache_creation_input_tokens == flat and iteration.type != "advisor_message"
        if own and split and sum(split) == flat:
            return split
    return None


def advisors(usage: Usage, advisor_model: object) -> tuple[tuple[str, Parts], ...]:
    """Model and tokens of each advisor's answer: calls of their own that the top level leaves out."""
    if not usage.iterations:
        return ()
    return tuple(
        (name(iteration.model, advisor_model), parts(iteration))
        for iteration in usage.iterations
        if iteration.type == "advisor_message"
    )


def name(*candidates: object) -> str:
    """The first candidate that is a name, else ``unknown``."""
    for text in candidates:
        if text and isinstance(text, str):
            return text
    return "unknown"


def tier(usage: Usage) -> str:
    """``fast`` where the speed says so, else the service tier as logged."""
    if usage.speed == "fast":
        return "fast"
    return usage.service_tier if isinstance(usage.service_tier, str) and usage.service_tier else "standard"


def searches(usage: Usage) -> int:
    """Searches of the web that the response paid for."""
    told = usage.server_tool_use.web_search_requests if usage.server_tool_use else None
    return told if type(told) is int and 0 <= told < _MOST_SEARCHES else 0


def finished(record: Answer, usage: Usage) -> bool:
    """Whether the row holds the final count of output, not the placeholder of a stream that was cut or goes on.

    Builds since 2.1.142 write ``stop_details`` when the final count arrives. 2.1.330 closes a cut stream with a
    made-up ``stop_reason``, so that the reason alone proves nothing. Up to 2.0.77 the last row of an answer can lack
    the reason although it has the final count.
    """
    message, output = record.message, usage.output_tokens or 0
    if record.aborted is True:
        return False
    if message.stop_details is msgspec.UNSET and output <= (1 if record.block is None else PLACEHOLDER):
        return False
    if message.stop_reason is not None or usage.iterations is not None:
        return True
    return _before_2_1(record.version) and output > PLACEHOLDER


def _before_2_1(version: object) -> bool:
    return isinstance(version, str) and version.startswith(("0.", "1.", "2.0."))
