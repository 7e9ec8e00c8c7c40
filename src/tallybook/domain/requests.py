"""Whether the words and numbers of a request are allowed at all, whatever the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.commands import (
    AddCheck,
    ContinueTask,
    FinishTask,
    MarkStage,
    MergeTasks,
    Request,
    SetBudget,
    StartTask,
    UpdateTask,
)
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
    from collections.abc import Iterable, Iterator

    from tallybook.domain.commands import Changes, ManualNumbers

TAKE_OUT = "take it out, or pass --allow-secret-like if it is none"
_TIME_HINT = "write it as 2026-06-20T14:03:00+02:00"


def request_fault(request: Request) -> Refusal | None:
    """The first thing in ``request`` that is not allowed, or None."""
    if isinstance(request, AddCheck):
        return request_fault(request.start) or request_fault(request.finish)
    return next(_faults(request), None)


def screened_texts(request: Request) -> Iterator[tuple[str, str]]:
    """The texts that must not look like a secret, each with what it is called."""
    if isinstance(request, AddCheck):
        yield from screened_texts(request.start)
        yield from screened_texts(request.finish)
    elif not isinstance(request, MergeTasks) and not request.allow_secret_like:
        yield from _texts(request)


def _faults(request: Request) -> Iterator[Refusal]:
    screened = not isinstance(request, MergeTasks | AddCheck) and not request.allow_secret_like
    for name, text in _texts(request):
        yield from _text_faults(name, text, screened=screened)
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
    if isinstance(request, FinishTask | UpdateTask) and request.manual is not None:
        yield from _manual_faults(request.manual)


def _text_faults(name: str, text: str, *, screened: bool) -> Iterator[Refusal]:
    fault = text_fault(text)
    if fault is not None:
        yield Refusal("bad-text", f"the {name} {fault}", "use plain text on one line", usage=True)
    rule = secret_rule(text) if screened else None
    if rule is not None:
        yield Refusal(
            "secret-like",
            f"the {name} looks like a secret (rule {rule}); nothing was written",
            TAKE_OUT,
        )


def _manual_faults(numbers: ManualNumbers) -> Iterator[Refusal]:
    if not numbers.counts():
        message = "a model is named for numbers of tokens that are not given"
        yield Refusal("no-numbers", message, "give --tokens-input, --tokens-output or another number", usage=True)
    if numbers.reasoning is not None and numbers.reasoning > (numbers.output or 0):
        message = "the tokens of reasoning are a part of the output, which is smaller"
        yield Refusal("bad-number", message, "give --tokens-output with reasoning included", usage=True)


def _texts(request: Request) -> Iterator[tuple[str, str]]:
    match request:
        case StartTask():
            single = (("notes", request.notes), ("title", request.title), ("agent", request.agent))
            yield from _given((*single, ("model", request.model), ("source id", request.source_id)))
            yield from (("reference", ref) for ref in request.refs)
            yield from (("input source", source) for source in request.input_sources)
        case MarkStage():
            yield from _given((("notes", request.notes), ("stage", request.stage), ("key", request.key)))
        case FinishTask():
            yield from _given((("notes", request.notes),))
            yield from _changed_texts(request.changes, request.manual)
        case UpdateTask():
            yield from _changed_texts(request.changes, request.manual)
        case SetBudget():
            yield from _given((("stage", request.stage),))
        case MergeTasks() | AddCheck():
            pass
        case _:
            yield from _given((("notes", request.notes),))


def _changed_texts(changes: Changes, manual: ManualNumbers | None) -> Iterator[tuple[str, str]]:
    by_hand = None if manual is None else manual.model
    yield from _given((("title", changes.title), ("notes", changes.notes)))
    yield from _given((("model", changes.model), ("model", by_hand)))
    yield from (("reference", ref) for ref in changes.refs)
    yield from (("input source", source) for source in changes.input_sources)


def _given(texts: Iterable[tuple[str, str | None]]) -> Iterator[tuple[str, str]]:
    yield from ((name, text) for name, text in texts if text is not None)


def _choices(request: Request) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if isinstance(request, StartTask):
        yield "kind", request.kind, KINDS
    if isinstance(request, FinishTask):
        yield "status", request.status, OUTCOMES
    fit = request.result_fit if isinstance(request, FinishTask) else None
    fit = request.changes.result_fit if isinstance(request, UpdateTask) else fit
    if fit is not None:
        yield "result fit", fit, RESULT_FITS
    if isinstance(request, ContinueTask | FinishTask) and request.failure_reason is not None:
        yield "failure reason", request.failure_reason, FAILURE_REASONS


def _times(request: Request) -> Iterator[tuple[str, str]]:
    if isinstance(request, StartTask) and request.started_at is not None:
        yield "start time", request.started_at
    if isinstance(request, FinishTask) and request.finished_at is not None:
        yield "finish time", request.finished_at


def _numbers(request: Request) -> Iterator[tuple[str, int]]:
    numbers: tuple[tuple[str, int | None], ...] = ()
    if isinstance(request, StartTask):
        numbers = (("token budget", request.budget_tokens), ("money budget", request.budget_nano_usd))
        numbers = (*numbers, ("pass number", request.pass_number))
    elif isinstance(request, SetBudget):
        numbers = (("token budget", request.tokens), ("money budget", request.nano_usd))
    elif isinstance(request, FinishTask | UpdateTask):
        claims = request.changes
        numbers = (("claims extracted", claims.claims_extracted), ("claims updated", claims.claims_updated))
        given = {} if request.manual is None else request.manual.counts()
        numbers = (*numbers, *((f"tokens of {name.replace('_', ' ')}", count) for name, count in given.items()))
    yield from ((name, number) for name, number in numbers if number is not None)
