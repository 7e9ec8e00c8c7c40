"""What was added between two looks at a session of Droid: its parts, its moment, its model."""

from __future__ import annotations

import pytest

from loggen.droid import MODELS, START, Json, Parts, compaction, encode, lines, message, name, settings, start
from loggen.harness import derive, ingest
from tallybook.agents.droid.reader import DroidReader
from tallybook.agents.port import Batch, Line, LogFile, Response

READER = DroidReader()
S, T = name(1), name(2)
A: Parts = (10, 20, 30, 40, 5)
B: Parts = (15, 20, 130, 90, 25)
MINUTE = 60_000


def look(document: Json, minute: float | None, session: str = S) -> Batch:
    """What a document is, as it was written so many minutes after ``START``."""
    written = None if minute is None else int((START + minute * MINUTE) * 1000)
    log = LogFile("droid", f"{session}.settings.json", f"{session}.settings.json", whole=True, written=written)
    return READER.read(log, [Line(0, encode(document))], b"")


def count(*looks: Batch, beside: list[Json] | None = None) -> list[Response]:
    """All responses, in the order of what was used."""
    files = {f"{S}.settings.json": list(looks), f"{S}.jsonl": ingest(READER, f"{S}.jsonl", [lines(beside or [])])}
    return sorted(derive(READER, files), key=lambda one: one.offset)


def at(minute: float) -> int:
    return int((START + minute * MINUTE) * 1000)


def vectors(responses: list[Response]) -> list[tuple[int, ...]]:
    return [one.tokens.parts() for one in responses]


def test_the_first_look_finds_the_whole_total() -> None:
    """It is one response of the model that is set now, and its date is an estimate."""
    (found,) = count(look(settings(A, locked=START + MINUTE), 9))
    assert found.tokens.parts() == (10, 30, 0, 0, 20, 40, 5)
    assert (found.session, found.model, found.quality, found.final) == (S, MODELS[0], "estimated", True)
    assert (found.at, found.provider, found.effort, found.offset) == (at(1), "anthropic", "high", 100)


def test_later_looks_find_what_was_added() -> None:
    """Each with the model that was set then."""
    found = count(look(settings(A), 1), look(settings(B, model=MODELS[1]), 2))
    assert vectors(found) == [(10, 30, 0, 0, 20, 40, 5), (5, 100, 0, 0, 0, 50, 20)]
    assert [one.model for one in found] == list(MODELS[:2])
    assert [one.offset for one in found] == [100, 255]


def test_a_document_that_is_written_again_adds_nothing() -> None:
    """Another model or level is no usage."""
    again = [look(settings(A, model=model), minute) for minute, model in enumerate(MODELS)]
    assert [one.model for one in count(*again)] == [MODELS[0]]


def test_an_earlier_version_that_comes_back_adds_nothing() -> None:
    """As from a backup; counting goes on from there."""
    more: Parts = (12, 20, 30, 40, 5)
    found = count(look(settings(A), 1), look(settings(B), 2), look(settings(A), 3), look(settings(more), 4))
    assert sum(one.tokens.total for one in found) == sum(B[:4]) + 2


def test_a_total_that_fell_is_added_whole() -> None:
    """Also where one part alone fell."""
    for fallen in ((1, 2, 3, 4, 0), (99, 99, 99, 39, 0)):
        found = count(look(settings(A), 1), look(settings(fallen), 2))
        assert sum(one.tokens.total for one in found) == 100 + sum(fallen[:4])


def test_thinking_that_fell_alone_is_no_new_beginning() -> None:
    """It is estimated by Droid itself, and no part of the total."""
    found = count(look(settings(A), 1), look(settings((11, 20, 30, 40, 1)), 2))
    assert vectors(found)[1] == (1, 0, 0, 0, 0, 0, 0)


def test_thinking_is_a_part_of_output_and_no_more() -> None:
    """Where more is told, the output holds."""
    (found,) = count(look(settings((0, 0, 0, 7, 50)), 1))
    assert found.tokens.parts()[-2:] == (7, 7)


def test_what_was_added_is_dated_by_the_last_answer_before_it_was_written() -> None:
    """Later answers do not move it; they date what they added."""
    talk = [
        start(S, START),
        *(message("assistant", START + n * MINUTE) for n in (1, 3, 5)),
        message("user", START + 10**7),
    ]
    found = count(look(settings(A), 2), look(settings(B), 4), beside=talk)
    assert [one.at for one in found] == [at(1), at(3)]
    assert [one.at for one in count(look(settings(A), 4.5), beside=talk)] == [at(3)]
    assert [one.at for one in count(look(settings(A), 10**6), beside=talk)] == [at(5)]


@pytest.mark.parametrize(
    ("talk", "locked", "expected"),
    [
        ([message("user", START + MINUTE)], START, at(1)),
        ([message("assistant", None)], START, at(0)),
        ([message("assistant", START + 9 * MINUTE)], START, at(0)),
        ([], None, None),
    ],
)
def test_what_dates_it_else(talk: list[Json], locked: int | None, expected: int | None) -> None:
    """The user's messages, then the moment when the provider was settled, then nothing."""
    (found,) = count(look(settings(A, locked), 2), beside=talk)
    assert found.at == expected


def test_without_the_moment_of_writing_the_last_answer_dates_it() -> None:
    """And totals are in the order of what was used."""
    talk = [message("assistant", START + MINUTE), message("assistant", START + 2 * MINUTE)]
    found = count(look(settings(B), None), look(settings(A), None), beside=talk)
    assert [one.at for one in found] == [at(2), at(2)]
    assert sum(one.tokens.total for one in found) == sum(B[:4])


def taken_over(*more: Batch, beside: list[Json]) -> dict[str, int]:
    """Sums by session, where S used A and T stands at B."""
    files = {
        f"{S}.settings.json": [look(settings(A), 1)],
        f"{T}.settings.json": [look(settings(B), 3, T), *more],
        f"{T}.jsonl": ingest(READER, f"{T}.jsonl", [lines(beside)]),
    }
    found = derive(READER, files)
    return {session: sum(one.tokens.total for one in found if one.session == session) for session in (S, T)}


def test_a_session_that_goes_on_after_a_compaction_counts_its_own() -> None:
    """Droid lets its total begin with that of the session before."""
    talk = [start(T, START, parent=S), compaction(START), message("assistant", START)]
    assert taken_over(beside=talk) == {S: 100, T: sum(B[:4]) - 100}
    first = look(settings(A), 2, T)
    assert taken_over(first, beside=talk) == {S: 100, T: sum(B[:4]) - 100}


@pytest.mark.parametrize(
    "talk",
    [
        [start(T, START)],
        [start(T, START, parent=None), compaction(START)],
        [start(T, START, parent=T), compaction(START)],
        [start(T, START, parent=S), message("user", START), compaction(START)],
        [start(T, START, parent=S, forkedAtMessageId=None), compaction(START)],
        [start(T, START, callingSessionId=S, parent=S), compaction(START)],
    ],
)
def test_other_sessions_begin_with_nothing(talk: list[Json]) -> None:
    """Forks, subagents, and sessions that were compacted in place."""
    assert taken_over(beside=talk) == {S: 100, T: sum(B[:4])}


def test_a_session_whose_origin_is_gone_counts_all() -> None:
    """Nothing of it stands elsewhere."""
    talk = [start(T, START, parent=name(9)), compaction(START)]
    assert taken_over(beside=talk) == {S: 100, T: sum(B[:4])}


def test_an_origin_that_went_on_is_not_counted_twice() -> None:
    """Of what was taken over no more is known than that it is in both totals."""
    files = {
        f"{S}.settings.json": [look(settings((50, 20, 35, 95, 5)), 9)],
        f"{T}.settings.json": [look(settings(B), 3, T)],
        f"{T}.jsonl": ingest(READER, f"{T}.jsonl", [lines([start(T, START, parent=S), compaction(START)])]),
    }
    found = {one.session: one.tokens.total for one in derive(READER, files)}
    assert found == {S: 200, T: 95}


def test_sessions_that_name_each_other_end() -> None:
    """A circle of origins is no reason to stop."""
    both = ((S, T), (T, S))
    files = {f"{one}.settings.json": [look(settings(A), 1, one)] for one, _ in both}
    for one, other in both:
        talk = [start(one, START, parent=other), compaction(START)]
        files[f"{one}.jsonl"] = ingest(READER, f"{one}.jsonl", [lines(talk)])
    assert derive(READER, files) == []
