"""What stands around a response and a session: effort, place, provider, turn, window, searches."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from loggen.codex import Rollout, plus, uuid7
from loggen.harness import count, derive, ingest
from tallybook.agents.codex.reader import CodexReader

if TYPE_CHECKING:
    from tallybook.agents.port import Response

READER = CodexReader()
USAGE = (1000, 100, 0, 50, 5)
GIT = {"commit_hash": "f861cb13832623823bd3d5d185dc7ef781abf333", "branch": "fix/till"}


def busy() -> Rollout:
    """Two turns in different places and two responses in each."""
    log = Rollout(uuid7(1))
    log.meta(git=GIT, cli_version="0.160.0", originator="codex_exec", model_provider="openai")
    total = (0, 0, 0, 0, 0)
    for nth, (cwd, effort, window) in enumerate([("/srv/shop", "high", 1000), ("/srv/shop/back", "low", 2000)]):
        turn = f"turn-{nth}"
        log.event("task_started", turn_id=turn, model_context_window=window)
        log.put("turn_context", {"turn_id": turn, "cwd": cwd, "model": "gpt-5.5", "effort": effort})
        for search in range(2):
            for _ in range(search):
                log.item("web_search_call", status="completed", action={"type": "search", "query": "q"})
            total = plus(total, USAGE)
            log.count(total, USAGE)
            log.lines[-1]["payload"]["info"]["model_context_window"] = window
    return log


def told(responses: list[Response]) -> list[tuple[object, ...]]:
    """What stands around each, in the order of the log."""
    ordered = sorted(responses, key=lambda one: one.offset)
    return [(one.turn, one.effort, one.cwd, one.window, one.web_searches, one.provider) for one in ordered]


EXPECTED = [
    ("turn-0", "high", None, 1000, 0, None),
    ("turn-0", "high", None, 1000, 1, None),
    ("turn-1", "low", "/srv/shop/back", 2000, 0, None),
    ("turn-1", "low", "/srv/shop/back", 2000, 1, None),
]


def test_a_response_tells_what_its_turn_told() -> None:
    """A place or a provider that is the session's is not told again."""
    log = busy()
    assert told(count(READER, {log.key: log.data()})) == EXPECTED


@given(st.lists(st.integers(0, 10_000), max_size=4))
def test_any_split_tells_the_same(cuts: list[int]) -> None:
    """However the file grew."""
    log = busy()
    data = log.data()
    edges = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    pieces = [data[left:right] for left, right in pairwise(edges)]
    assert told(derive(READER, {log.key: ingest(READER, log.key, pieces)})) == EXPECTED


def test_settings_tell_provider_and_effort_where_no_context_does() -> None:
    """Since 2026-07 the settings tell of both; the provider only where it is another than the session's."""
    log = Rollout(uuid7(1))
    log.meta(model_provider="openai")
    log.event(
        "thread_settings_applied",
        thread_settings={"model": "m", "model_provider_id": "house", "reasoning_effort": "max"},
    )
    log.count(USAGE, USAGE)
    assert told(count(READER, {log.key: log.data()})) == [(None, "max", None, 258400, 0, "house")]


def test_fields_of_a_wrong_shape_are_left_out() -> None:
    """Nothing of a response is lost by what stands beside it."""
    log = Rollout(uuid7(1))
    log.meta(git="none", cli_version=3, originator=["x"], model_provider={"a": 1})
    log.put("turn_context", {"turn_id": "t", "model": "m", "effort": {"x": 1}, "cwd": 7})
    log.count(USAGE, USAGE)
    log.lines[-1]["payload"]["info"]["model_context_window"] = "wide"
    (response,) = count(READER, {log.key: log.data()})
    assert (response.model, response.effort, response.cwd, response.window) == ("m", None, None, None)


def test_a_session_tells_branch_commit_version_entry_and_provider() -> None:
    """All of them stand in the head."""
    log = busy()
    (batch,) = ingest(READER, log.key, [log.data()])
    head = batch.sessions[0]
    assert (head.branch, head.commit, head.version) == ("fix/till", GIT["commit_hash"], "0.160.0")
    assert (head.entry, head.provider) == ("codex_exec", "openai")
    assert "repository_url" not in json.dumps(log.lines)
