"""What one answer of Pi counts, part by part, and whose it is when files are missing."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from loggen.harness import count
from loggen.pi import ROOT, START, Json, answer, encode, entry, head, path, prompt, stamp, usage, uuid7
from tallybook.agents.pi.reader import PiReader

if TYPE_CHECKING:
    from tallybook.agents.port import Response

READER = PiReader()
A, B, C = (uuid7(number, START + 10_000 * number) for number in range(3))
BORN = {A: START, B: START + 10_000, C: START + 20_000}
PATHS = {session: path(session, born) for session, born in BORN.items()}
FIRST = answer("0000000a", START + 1000, usage((1, 2, 3, 4)), responseId="msg_1")


def opened(session: str, *lines: Json, parent: str | None = None) -> bytes:
    return encode([head(session, BORN[session], parent), *lines])


def one(used: Json | None, **more: object) -> Response:
    (found,) = count(READER, {PATHS[A]: opened(A, answer("0000000a", START + 1000, used, **more))})
    return found


def vector(response: Response) -> tuple[int, ...]:
    return response.tokens.parts()


def test_an_answer_with_all_that_is_told_of_it() -> None:
    """Parts, model, moment, provider, level of thinking and calls are those of the log."""
    level = entry("thinking_level_change", "0000000b", START + 10, thinkingLevel="high")
    content = opened(A, level, answer("0000000a", START + 1000, usage((10, 20, 30, 40)), calls=["c1", "c2"]))
    (found,) = count(READER, {PATHS[A]: content})
    assert vector(found) == (10, 20, 0, 0, 30, 40, 0)
    assert (found.session, found.at, found.quality, found.final) == (A, (START + 1000) * 1000, "exact", True)
    assert (found.provider, found.effort, found.calls) == ("anthropic", "high", ("c1", "c2"))
    assert content[found.offset :].startswith(b'{"type":"message","id":"0000000a"')


@pytest.mark.parametrize(
    ("more", "writes"),
    [
        ({}, (0, 0, 300)),
        ({"cacheWrite1h": 0}, (0, 0, 300)),
        ({"cacheWrite1h": 100}, (200, 100, 0)),
        ({"cacheWrite1h": 300}, (0, 300, 0)),
        ({"cacheWrite1h": 301}, (0, 0, 300)),
        ({"cttl": {"ephemeral5m": 120, "ephemeral1h": 180}}, (120, 180, 0)),
        ({"cttl": {"ephemeral5m": 120}}, (120, 0, 180)),
        ({"cttl": {"ephemeral1h": 180}}, (120, 180, 0)),
        ({"cttl": {"ephemeral5m": 250, "ephemeral1h": 180}}, (0, 0, 300)),
    ],
)
def test_how_long_cache_writes_live(more: Json, writes: tuple[int, int, int]) -> None:
    """The hour is split off where it is told; a split that can't be is none."""
    found = one(usage((1, 2, 300, 4), **more))
    assert vector(found)[2:5] == writes
    assert (found.tokens.total, found.quality) == (307, "exact")


@pytest.mark.parametrize(
    ("used", "total", "quality"),
    [
        (usage((1, 2, 3, 4)), 10, "exact"),
        (usage((1, 2, 3, 4), totalTokens=5), 10, "exact"),
        (usage((1, 2, 3, 4), totalTokens=0), 10, "exact"),
        (usage((1, 2, 3, 4), totalTokens=11), 10, "lower_bound"),
        (usage((1, 2, 3, 4), totalTokens=7), 10, "estimated"),
        (usage((0, 0, 0, 0)), 0, "lower_bound"),
        (usage((-20, 120, 0, 4), totalTokens=104), 124, "estimated"),
        ({"input": 5, "output": 6, "totalTokens": 11}, 11, "exact"),
        ({"input": 5, "output": 6, "totalTokens": 12}, 11, "lower_bound"),
        ({"input": 5, "output": 6}, 11, "lower_bound"),
        ({"input": 5.0, "output": 6, "cacheRead": 0, "cacheWrite": 0}, 11, "exact"),
        ({"input": 5.5, "output": 6, "cacheRead": 0, "cacheWrite": 0}, 6, "lower_bound"),
    ],
)
def test_the_total_checks_the_parts(used: Json, total: int, quality: str) -> None:
    """A total of input and output alone is a habit of some providers; any other one that differs is a doubt."""
    found = one(used)
    assert (found.tokens.total, found.quality) == (total, quality)


@pytest.mark.parametrize("name", ["reasoning", "reasoningTokens"])
def test_reasoning_is_a_part_of_output(name: str) -> None:
    """It is never added, and never more than the output."""
    assert vector(one(usage((1, 2, 3, 40), **{name: 30})))[-2:] == (40, 30)
    assert vector(one(usage((1, 2, 3, 40), **{name: 50})))[-2:] == (40, 40)


def test_what_a_provider_used_beside_the_conversation() -> None:
    """Such tokens are billed, and in the total."""
    beside = {"input": 100, "cacheRead": 200, "output": 300}
    found = one(usage((1, 2, 3, 4), orchestration=beside, totalTokens=610))
    assert (vector(found), found.quality) == ((101, 202, 0, 0, 3, 304, 0), "exact")


@pytest.mark.parametrize("stop", ["error", "aborted"])
def test_an_answer_that_was_broken_off(stop: str) -> None:
    """What the provider had told by then is a lower bound; where it told nothing, nothing is counted."""
    assert one(usage((9, 8, 7, 1)), stopReason=stop).quality == "lower_bound"
    nothing = opened(A, answer("0000000a", START + 1000, usage((0, 0, 0, 0)), stopReason=stop))
    assert count(READER, {PATHS[A]: nothing}) == []


def test_the_model_that_answered() -> None:
    """It is the one that served, then the one that was asked for, then unknown."""
    assert one(usage((1, 2, 3, 4)), model="auto", responseModel="openai/gpt-5.1").model == "openai/gpt-5.1"
    assert one(usage((1, 2, 3, 4)), model="auto").model == "auto"
    assert one(usage((1, 2, 3, 4)), model="").model == "unknown"


def test_summaries_are_counted_where_they_tell_and_contexts_never() -> None:
    """How many tokens stood before a compaction is no usage; what its summary took is."""
    plain = entry("compaction", "0000000c", START + 2000, summary="s", tokensBefore=90_000)
    counted = entry("branch_summary", "0000000d", START + 3000, summary="s", usage=usage((5, 0, 0, 6)))
    found = count(READER, {PATHS[A]: opened(A, FIRST, plain, counted)})
    assert sorted(one.tokens.total for one in found) == [10, 11]
    assert {one.model for one in found} == {"claude-sonnet-4-5"}


def test_numbers_inside_of_tool_results_are_not_usage() -> None:
    """A tool that ran an agent tells what that used; its own session does too."""
    message = {"role": "toolResult", "toolName": "task", "details": {"usage": usage((1, 1, 1, 1))}, "usage": {}}
    assert count(READER, {PATHS[A]: opened(A, entry("message", "0000000a", START + 9, message=message))}) == []


def test_a_fork_of_a_fork_counts_for_the_first_session() -> None:
    """Which of three files is read decides neither the total nor, where names tell, the owner."""
    files = {
        PATHS[A]: opened(A, FIRST),
        PATHS[B]: opened(B, FIRST, parent=PATHS[A]),
        PATHS[C]: opened(C, FIRST, parent=PATHS[B]),
    }
    for kept, owner, quality in (("ABC", A, "exact"), ("BC", A, "exact"), ("AC", A, "exact"), ("C", B, "unverified")):
        names = [PATHS[{"A": A, "B": B, "C": C}[letter]] for letter in kept]
        random.Random(kept).shuffle(names)
        (found,) = count(READER, {name: files[name] for name in names})
        assert (found.session, found.quality, found.tokens.total) == (owner, quality, 10)


def test_two_forks_of_a_file_that_is_gone() -> None:
    """What both hold is the session's that both name."""
    files = {PATHS[session]: opened(session, FIRST, parent=PATHS[A]) for session in (B, C)}
    (found,) = count(READER, files)
    assert (found.session, found.quality) == (A, "exact")


def test_a_parent_that_is_named_by_its_id() -> None:
    """As oh-my-pi does; such an id tells when the session was born."""
    (found,) = count(READER, {PATHS[B]: opened(B, FIRST, parent=A)})
    assert (found.session, found.quality) == (A, "exact")
    (found,) = count(READER, {PATHS[B]: opened(B, FIRST, parent="by-hand")})
    assert (found.session, found.quality) == ("by-hand", "unverified")


def test_a_parent_whose_name_says_nothing() -> None:
    """Its own file tells who it is; without it, the fork keeps the answer, unproved."""
    named = f"{ROOT}/mine.jsonl"
    fork = {PATHS[B]: opened(B, FIRST, parent=named)}
    (found,) = count(READER, fork)
    assert (found.session, found.quality) == (B, "unverified")
    (found,) = count(READER, {**fork, named: opened(A, FIRST)})
    assert (found.session, found.quality) == (A, "exact")


def test_a_clock_that_was_set_back() -> None:
    """An answer older than its session is its own where the parent's file does not have it."""
    files = {PATHS[A]: opened(A), PATHS[B]: opened(B, FIRST, parent=PATHS[A])}
    (found,) = count(READER, files)
    assert (found.session, found.quality) == (B, "exact")


def test_sessions_that_name_each_other() -> None:
    """A circle of parents is cut, and nothing is lost."""
    files = {PATHS[A]: opened(A, FIRST, parent=PATHS[B]), PATHS[B]: opened(B, FIRST, parent=PATHS[A])}
    (found,) = count(READER, files)
    assert (found.session, found.tokens.total) == (A, 10)
    (found,) = count(READER, {PATHS[A]: opened(A, FIRST, parent=PATHS[A])})
    assert (found.session, found.quality) == (A, "exact")


def test_copies_of_a_file_without_parent_are_no_second_answer() -> None:
    """Two sessions claim the answer, and nothing proves whose it is."""
    (found,) = count(READER, {PATHS[A]: opened(A, FIRST), PATHS[B]: opened(B, FIRST)})
    assert (found.session, found.quality, found.tokens.total) == (A, "unverified", 10)
    (found,) = count(READER, {PATHS[A]: opened(A, FIRST), f"{ROOT}/copy.jsonl": opened(A, FIRST)})
    assert (found.session, found.quality) == (A, "exact")


def test_a_server_that_gives_one_id_to_several_answers() -> None:
    """They are told apart by entry and time, and each counts."""
    lines = [answer(f"0000000{n}", START + 1000 * n, usage((1, 2, 3, 4)), responseId="chatcmpl-7") for n in (1, 2, 3)]
    assert len(count(READER, {PATHS[A]: opened(A, *lines)})) == 3
    again = {**lines[0], "id": "0000000f"}
    assert len(count(READER, {PATHS[A]: opened(A, *lines), PATHS[B]: opened(B, again, parent=PATHS[A])})) == 3


def test_a_line_that_stands_twice_in_one_file() -> None:
    """It is one answer, with an id of the provider or without."""
    for line in (FIRST, answer("0000000a", START + 1000, usage((1, 2, 3, 4)))):
        assert len(count(READER, {PATHS[A]: opened(A, line, line)})) == 1


def test_two_answers_alike_are_two() -> None:
    """Another entry is another answer, though its time and its counts are the same."""
    lines = [answer(name, START + 1000, usage((1, 2, 3, 4))) for name in ("0000000a", "0000000b")]
    assert len(count(READER, {PATHS[A]: opened(A, *lines)})) == 2


def test_sessions_of_the_first_version_have_no_ids() -> None:
    """A migration writes the file anew with ids; a fork that was made before it has none."""
    old = [answer(None, START + 1000 * n, usage((1, 2, 3, 4))) for n in (1, 1, 2)]
    new = [{**line, "id": f"0000000{n}"} for n, line in enumerate(old)]
    fork = opened(B, *old, parent=PATHS[A])
    for own in (old, new):
        files = {PATHS[A]: opened(A, *own), PATHS[B]: fork}
        for order in (files, dict(reversed(files.items()))):
            found = count(READER, order)
            assert [one.session for one in found] == [A] * 3
            assert len({one.key for one in found}) == 3


def test_answers_without_a_time() -> None:
    """They count too, and a copy of one is the parent's."""
    line = {**FIRST, "timestamp": None}
    del line["message"]["timestamp"]
    files = {PATHS[A]: opened(A, line), PATHS[B]: opened(B, line, parent=PATHS[A])}
    (found,) = count(READER, files)
    assert (found.session, found.at) == (A, None)
    dated = {**FIRST, "timestamp": "soon", "message": {**FIRST["message"], "timestamp": START + 5}}
    (found,) = count(READER, {PATHS[A]: opened(A, prompt("0000000b", START), dated)})
    assert found.at == (START + 5) * 1000
    assert stamp(START + 5) not in found.key


def test_a_summary_is_of_the_model_that_was_set_before_it() -> None:
    """Its entry names none; Pi and oh-my-pi spell a change of the model in two ways."""
    used = usage((5, 0, 0, 6))
    for told in ({"modelId": "gpt-5.1", "provider": "openai"}, {"model": "gpt-5.1"}):
        change = entry("model_change", "0000000b", START + 10, **told)
        content = opened(A, change, entry("compaction", "0000000c", START + 20, summary="s", usage=used))
        assert [one.model for one in count(READER, {PATHS[A]: content})] == ["gpt-5.1"]


def test_a_parent_whose_name_holds_no_real_moment() -> None:
    """Then its id may still tell when it was born."""
    named = PATHS[A].replace("2026-05-28T", "2026-99-99T")
    (found,) = count(READER, {PATHS[B]: opened(B, FIRST, parent=named)})
    assert (found.session, found.quality) == (A, "exact")
