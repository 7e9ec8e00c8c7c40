"""Nothing is decided on that would break an invariant, and nothing that looks like a secret is written."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tallybook.domain.commands import (
    AddCheck,
    Changes,
    Circumstances,
    ContinueTask,
    Decision,
    FinishTask,
    ManualNumbers,
    MarkStage,
    MergeTasks,
    Request,
    SetBudget,
    StartTask,
    UpdateTask,
)
from tallybook.domain.decide import decide
from tallybook.domain.events import GoalStarted
from tallybook.domain.goal import FAILURE_REASONS, KINDS, LARGEST_COUNT
from tallybook.domain.problems import Refusal
from tallybook.domain.requests import screened_texts
from tallybook.domain.screening import RULES, secret_rule
from tallybook.domain.workflow import Work
from worlds import Book

NOW = "2026-06-20T18:00:00+00:00"
HERE = Circumstances(NOW, frozenset({"w-a"}), "tree", Work.NONE)
START = StartTask("new", "a title", "product")
BAD_TEXTS = ["", "  ", "two\nlines", "\x1b[2J", "nul\x00", "x" * 2001]
SECRETS = {
    "private-key": "-----BEGIN RSA " + "PRIVATE KEY",
    "aws-access-key-id": "AKIA" + "A" * 16,
    "github-token": "ghp_" + "a" * 36,
    "gitlab-token": "glpat-" + "a" * 20,
    "anthropic-key": "sk-ant-" + "a" * 16,
    "openai-key": "sk-proj-" + "a" * 24,
    "slack-token": "xoxb-" + "1" * 10,
    "stripe-key": "sk_live_" + "a" * 16,
    "google-api-key": "AIza" + "a" * 35,
    "npm-token": "npm_" + "a" * 36,
    "pypi-token": "pypi-" + "a" * 40,
    "json-web-token": ".".join(["eyJ" + "a" * 10, "b" * 10, "c" * 10]),
    "url-with-password": "https://ada:" + "pass" + "@example.org",
    "assigned-password": "password = " + "hunter22",
}


@pytest.fixture
def book() -> Book:
    """One open goal of each kind, ``old`` closed."""
    book = Book()
    book.start("old")
    book.finish("old")
    for kind in KINDS:
        book.start(kind, kind=kind)
    return book


def code(book: Book, request: Request) -> str:
    answer = decide(book.state, HERE, request)
    return answer.code if isinstance(answer, Refusal) else "accepted"


def with_text(field: str, text: str) -> Request:
    """A request that is fine but for one text."""
    kind, _, name = field.partition(".")
    requests: dict[str, Request] = {
        "start": START,
        "continue": ContinueTask("product"),
        "mark": MarkStage("stage", "product"),
        "finish": FinishTask("success", "product"),
        "update": UpdateTask(Changes(model="m"), "product"),
        "budget": SetBudget("product", tokens=1),
    }
    value: Any = (text,) if name in {"refs", "input_sources"} else text
    if kind == "update":
        return UpdateTask(replace(Changes(model="m"), **{name: value}), "product")
    if name == "manual":
        return FinishTask("success", "product", manual=ManualNumbers(1, model=text))
    return replace(requests[kind], **{name: value})


TEXTS = [
    *(f"start.{name}" for name in ("title", "notes", "agent", "model", "source_id", "refs", "input_sources")),
    "continue.notes",
    *(f"mark.{name}" for name in ("stage", "notes", "key")),
    "finish.notes",
    "finish.manual",
    *(f"update.{name}" for name in ("title", "notes", "model", "refs", "input_sources")),
    "budget.stage",
]


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize("text", BAD_TEXTS)
def test_texts(book: Book, field: str, text: str) -> None:
    answer = decide(book.state, HERE, with_text(field, text))
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.usage) == ("bad-text", True)
    assert code(book, with_text(field, "x" * 2000)) == "accepted"


@pytest.mark.parametrize("field", TEXTS)
def test_secrets_in_every_text_field(book: Book, field: str) -> None:
    request = with_text(field, "see " + SECRETS["github-token"])
    answer = decide(book.state, HERE, request)
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.usage) == ("secret-like", False)
    assert "github-token" in answer.message
    assert "ghp_" not in answer.message
    assert "--allow-secret-like" in answer.hint
    assert not isinstance(request, MergeTasks | AddCheck)
    assert code(book, replace(request, allow_secret_like=True)) == "accepted"


@pytest.mark.parametrize("rule", RULES)
def test_every_rule(rule: str) -> None:
    assert secret_rule(f"see {SECRETS[rule]} there") == rule


@pytest.mark.parametrize(
    "text",
    ["a title", "rotate the token", "ask for a password", "sk-learn", "https://example.org/a@b", "PROJ-1234: fix"],
)
def test_what_is_no_secret(text: str) -> None:
    assert secret_rule(text) is None


@pytest.mark.parametrize(
    "request_",
    [
        replace(START, kind="chore"),
        replace(START, kind=""),
        FinishTask("done", "product"),
        FinishTask("open", "product"),
        FinishTask("fail", "product", "bad luck"),
        FinishTask("success", "product", result_fit="good"),
        ContinueTask("product", "bad luck"),
    ],
)
def test_choices(book: Book, request_: Request) -> None:
    assert code(book, request_) == "bad-choice"


@pytest.mark.parametrize("time", ["", "now", "2026-06-20", "2026-06-20T12:00:00", "2026-13-01T00:00:00Z"])
def test_times_without_a_zone(book: Book, time: str) -> None:
    assert code(book, replace(START, started_at=time)) == "bad-time"
    assert code(book, FinishTask("success", "product", finished_at=time)) == "bad-time"


@pytest.mark.parametrize("number", [-1, LARGEST_COUNT + 1, 1.5, True, float("nan"), float("inf")])
def test_numbers(book: Book, number: Any) -> None:  # noqa: ANN401 - of any type
    assert code(book, replace(START, budget_tokens=number)) == "bad-number"
    assert code(book, replace(START, budget_nano_usd=number)) == "bad-number"
    assert code(book, replace(START, source_id="s", pass_number=number)) == "bad-number"
    assert code(book, SetBudget("product", tokens=number)) == "bad-number"
    assert code(book, SetBudget("product", nano_usd=number)) == "bad-number"
    assert code(book, UpdateTask(Changes(claims_extracted=number), "product")) == "bad-number"
    assert code(book, UpdateTask(Changes(claims_updated=number), "product")) == "bad-number"
    assert code(book, UpdateTask(Changes(), "product", ManualNumbers(number))) == "bad-number"
    assert code(book, FinishTask("success", "product", manual=ManualNumbers(output=number))) == "bad-number"


def test_numbers_by_hand_fit_together(book: Book) -> None:
    def told(numbers: ManualNumbers) -> str:
        return code(book, UpdateTask(Changes(), "product", numbers))

    assert told(ManualNumbers(model="m")) == "no-numbers"
    assert told(ManualNumbers(reasoning=1)) == "bad-number"
    assert told(ManualNumbers(output=1, reasoning=2)) == "bad-number"
    assert told(ManualNumbers(output=2, reasoning=2)) == "accepted"
    assert told(ManualNumbers(cache_read=0)) == "accepted"


@pytest.mark.parametrize("number", [0, 1, LARGEST_COUNT])
def test_numbers_that_are_allowed(book: Book, number: int) -> None:
    assert code(book, replace(START, budget_tokens=number, budget_nano_usd=number)) == "accepted"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (FinishTask("fail"), "outcome-invalid"),
        (FinishTask("success", failure_reason="other"), "outcome-invalid"),
        (FinishTask("success", result_fit="miss"), "outcome-invalid"),
        (FinishTask("fail", failure_reason="other", result_fit="exact_fit"), "outcome-invalid"),
        (FinishTask("fail", failure_reason="other", result_fit="partial_fit"), "outcome-invalid"),
        (FinishTask("success", finished_at="2026-06-20T09:00:00Z"), "outcome-invalid"),
        (FinishTask("success", finished_at="2026-06-20T12:00:00+02:30"), "outcome-invalid"),
        (FinishTask("fail", failure_reason="other", result_fit="miss"), "accepted"),
        (FinishTask("fail", failure_reason="other"), "accepted"),
        (FinishTask("success", result_fit="exact_fit"), "accepted"),
        (FinishTask("success", result_fit="partial_fit"), "accepted"),
        (FinishTask("success"), "accepted"),
    ],
)
def test_outcomes(book: Book, request_: FinishTask, expected: str) -> None:
    assert code(book, replace(request_, goal="product")) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_is_for_product_goals(book: Book, kind: str) -> None:
    expected = "accepted" if kind == "product" else "outcome-invalid"
    assert code(book, FinishTask("success", kind, result_fit="exact_fit")) == expected
    assert code(book, FinishTask("fail", kind, "other", "miss")) == expected


@pytest.mark.parametrize("reason", FAILURE_REASONS)
def test_reasons(book: Book, reason: str) -> None:
    assert code(book, FinishTask("fail", "product", reason)) == "accepted"
    assert code(book, ContinueTask("product", reason)) == "accepted"


def test_a_finish_before_the_attempt_began(book: Book) -> None:
    book.go_on("product")
    between = book.state.goals["product"].started_at
    assert code(book, FinishTask("success", "product", finished_at=between)) == "outcome-invalid"


def test_an_attempt_that_would_end_before_it_began(book: Book) -> None:
    book.write("later", GoalStarted("later", "product", "2026-06-21T00:00:00Z", "tree"))
    assert code(book, ContinueTask("later")) == "clock-behind"
    assert code(book, FinishTask("success", "later")) == "outcome-invalid"


def test_inputs_must_be_there(book: Book) -> None:
    answer = decide(book.state, HERE, replace(START, inputs=("old", "nowhere", "gone")))
    assert isinstance(answer, Refusal)
    assert answer.code == "input-unknown"
    assert "nowhere, gone" in answer.message
    assert code(book, replace(START, inputs=("old", "product"))) == "accepted"


def test_an_id_is_used_once(book: Book) -> None:
    assert code(book, replace(START, goal="old")) == "goal-exists"


def test_what_can_be_superseded(book: Book) -> None:
    def supersede(goal: str, kind: str = "product") -> str:
        return code(book, StartTask("new", "a title", kind, supersedes=goal))

    assert supersede("nowhere") == "goal-unknown"
    assert supersede("new") == "goal-unknown"
    assert supersede("product") == "supersedes-open"
    assert supersede("old", "check") == "supersedes-other-kind"
    assert supersede("old") == "accepted"
    book.write("heir", GoalStarted("heir", "product", NOW, "tree", supersedes="old"))
    assert supersede("old") == "superseded-already"
    book.finish("heir")
    book.merge("product", "heir")
    assert supersede("heir") == "superseded-already"


def test_the_successor_is_named(book: Book) -> None:
    book.write("heir", GoalStarted("heir", "product", NOW, "tree", supersedes="old"))
    answer = decide(book.state, HERE, replace(START, supersedes="old"))
    assert isinstance(answer, Refusal)
    assert "supersede heir" in answer.hint


def test_a_successor_says_whom_it_supersedes(book: Book) -> None:
    answer = decide(book.state, HERE, replace(START, supersedes="old", inputs=("old",)))
    assert isinstance(answer, Decision)
    body = answer.events[-1].body
    assert isinstance(body, GoalStarted)
    assert (body.supersedes, body.inputs) == ("old", ("old",))


def test_which_texts_are_screened() -> None:
    """All that a person writes, each by its name, unless that is let through."""
    finish = FinishTask("new", "success", notes="b")
    assert list(screened_texts(AddCheck(START, finish))) == [("title", "a title"), ("notes", "b")]
    assert list(screened_texts(replace(START, allow_secret_like=True))) == []
    assert list(screened_texts(MergeTasks("a", "b"))) == []
