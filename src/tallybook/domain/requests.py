"""Whether the words and numbers of a request are allowed at all, whatever the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.commands import ContinueTask, FinishTask, MarkStage, Request, StartTask
from tallybook.domain.goal import (
    FAILURE_REASONS,
    KINDS,
    LARGEST_COUNT,
    OUTCOMES,
    RESULT_FITS,
    moment,
    text_fault,
)
from tallybook.domain.problems import Refusal
from tallybook.domain.screening import secret_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIME_HINT = "write it as 2026-06-20T14:03:00+02:00"


def request_fault(request: Request) -> Refusal | None:
    """The first thing in ``request`` that is not allowed, or None."""
    return next(_faults(request), None)


def _faults(request: Request) -> Iterator[Refusal]:
    for name, text in _texts(request):
        fault = text_fault(text)
        if fault is not None:
            yield Refusal("bad-text", f"the {name} {fault}", "use plain text on one line", usage=True)
        rule = None if request.allow_secret_like else secret_rule(text)
        if rule is not None:
            yield Refusal(
                "secret-like",
                f"the {name} looks like a secret (rule {rule}); nothing was written",
                "take it out, or pass --allow-secret-like if it is none",
            )
    for name, value, allowed in _choices(request):
        if value not in allowed:
            yield Refusal("bad-choice", f"the {name} {value!r} is none of {', '.join(allowed)}", usage=True)
    for name, text in _times(request):
        if moment(text) is None:
            yield Refusal("bad-time", f"the {name} {text!r} is no time with a zone", _TIME_HINT, usage=True)
    for name, number in _numbers(request):
        if type(number) is not int or not 0 <= number <= LARGEST_COUNT:
            message = f"the {name} {number} is no whole number from 0 to {LARGEST_COUNT}"
            yield Refusal("bad-number", message, usage=True)


def _texts(request: Request) -> Iterator[tuple[str, str]]:
    if request.notes is not None:
        yield "notes", request.notes
    match request:
        case StartTask():
            yield "title", request.title
            single = (("agent", request.agent), ("model", request.model), ("source id", request.source_id))
            yield from ((name, text) for name, text in single if text is not None)
            yield from (("reference", ref) for ref in request.refs)
            yield from (("input source", source) for source in request.input_sources)
        case MarkStage():
            yield "stage", request.stage
            if request.key is not None:
                yield "key", request.key
        case _:
            pass


def _choices(request: Request) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if isinstance(request, StartTask):
        yield "kind", request.kind, KINDS
    if isinstance(request, FinishTask):
        yield "status", request.status, OUTCOMES
        if request.result_fit is not None:
            yield "result fit", request.result_fit, RESULT_FITS
    if isinstance(request, ContinueTask | FinishTask) and request.failure_reason is not None:
        yield "failure reason", request.failure_reason, FAILURE_REASONS


def _times(request: Request) -> Iterator[tuple[str, str]]:
    if isinstance(request, StartTask) and request.started_at is not None:
        yield "start time", request.started_at
    if isinstance(request, FinishTask) and request.finished_at is not None:
        yield "finish time", request.finished_at


def _numbers(request: Request) -> Iterator[tuple[str, int]]:
    if isinstance(request, StartTask):
        numbers = (("token budget", request.budget_tokens), ("money budget", request.budget_nano_usd))
        yield from ((name, number) for name, number in numbers if number is not None)
