"""Whose a copied answer is, by every kind of evidence and by none."""

from __future__ import annotations

from itertools import permutations

import pytest

from loggen.claude import answer, encode, prompt, queued, stamp, usage
from loggen.harness import count, ingest
from tallybook.agents.claude_code.reader import ClaudeCodeReader
from tallybook.domain.quality import Quality

READER = ClaudeCodeReader()

# ids are chosen so that the alphabet speaks against the owner
ORIGINAL, COPY, THIRD = "zzz", "aaa", "mmm"
ROW = answer(ORIGINAL, "m", usage(1, 2, 3, 40), requestId="r")
ASKED = prompt(ORIGINAL)


def copied(session: str, **more: object) -> list[dict[str, object]]:
    """A prompt and an answer as a fork shows them: only the session is another."""
    return [{**ASKED, "sessionId": session}, {**ROW, "sessionId": session, **more}]


def owner(files: dict[str, list[dict[str, object]]]) -> tuple[str, Quality]:
    """Session and quality of the only answer, whatever the order of files."""
    contents = {key: encode(records) for key, records in files.items()}
    found = {
        (response.session, response.quality)
        for order in permutations(contents)
        for response in count(READER, {key: contents[key] for key in order})
    }
    (only,) = found
    return only


FORKS: dict[str, list[dict[str, object]]] = {
    "a file younger than the row": [queued(COPY, 500), *copied(COPY)],
    "/branch": copied(COPY, forkedFrom={"sessionId": ORIGINAL, "messageUuid": "x"}),
    "2.1.330 --fork-session": copied(COPY, requestSessionId=ORIGINAL),
    "an ancestor": copied(COPY, session_id=ORIGINAL),
}


@pytest.mark.parametrize("fork", FORKS.values(), ids=FORKS)
def test_the_original_owns(fork: list[dict[str, object]]) -> None:
    assert owner({"fork.jsonl": fork, "original.jsonl": [ASKED, ROW]}) == (ORIGINAL, Quality.EXACT)


def test_a_file_that_shows_it_live_beats_one_that_shows_nothing() -> None:
    hook = {**ASKED, "timestamp": stamp(-1), "type": "attachment"}
    live = [queued(ORIGINAL, 0.5), ROW]
    assert owner({"live.jsonl": live, "other.jsonl": [{**hook, "sessionId": COPY}, *copied(COPY)]}) == (
        ORIGINAL,
        Quality.EXACT,
    )


def test_the_older_file_beats_the_younger() -> None:
    fork = [{**ASKED, "sessionId": COPY, "timestamp": stamp(3)}, *copied(COPY)]
    assert owner({"original.jsonl": [ASKED, ROW], "fork.jsonl": fork}) == (ORIGINAL, Quality.EXACT)


def test_level_claims_are_not_proved() -> None:
    assert owner({"one.jsonl": [ASKED, ROW], "two.jsonl": copied(COPY)}) == (COPY, Quality.UNVERIFIED)


def test_nothing_dated_is_not_proved() -> None:
    files = {
        "one.jsonl": [{**ROW, "timestamp": None}],
        "two.jsonl": [{**ROW, "timestamp": None, "sessionId": COPY}],
    }
    assert owner(files) == (COPY, Quality.UNVERIFIED)


def test_named_origin_owns_though_its_file_is_gone() -> None:
    assert owner({"fork.jsonl": FORKS["/branch"]}) == (ORIGINAL, Quality.EXACT)


def test_fork_of_a_fork() -> None:
    third = [queued(THIRD, 600), *copied(THIRD, requestSessionId=COPY)]
    files = {"fork.jsonl": FORKS["2.1.330 --fork-session"], "third.jsonl": third}
    assert owner(files) == (ORIGINAL, Quality.EXACT)
    assert owner({**files, "original.jsonl": [ASKED, ROW]}) == (ORIGINAL, Quality.EXACT)


def test_sessions_that_name_each_other_are_left_to_the_other_evidence() -> None:
    files = {
        "one.jsonl": copied(ORIGINAL, session_id=COPY),
        "two.jsonl": [queued(COPY, 500), *copied(COPY, session_id=ORIGINAL)],
    }
    assert owner(files) == (ORIGINAL, Quality.EXACT)


def test_old_resume_keeps_the_rows_of_the_first_session() -> None:
    resumed = [queued(COPY, 500), ASKED, ROW]
    assert owner({"original.jsonl": [ASKED, ROW], "resumed.jsonl": resumed}) == (ORIGINAL, Quality.EXACT)


def test_agents_copy_belongs_to_the_main_conversation() -> None:
    side = {**ROW, "agentId": "a1", "isSidechain": True}
    again = {**ROW, "agentId": "acompact-1", "isSidechain": True}
    files = {f"{ORIGINAL}/subagents/agent-a1.jsonl": [side], f"{ORIGINAL}/subagents/agent-acompact-1.jsonl": [again]}
    assert owner(files) == (f"{ORIGINAL}/agent-a1", Quality.EXACT)
    assert owner({**files, "original.jsonl": [ROW]}) == (ORIGINAL, Quality.EXACT)


def test_row_of_the_owner_is_shown_as_the_source() -> None:
    files = {"fork.jsonl": FORKS["a file younger than the row"], "original.jsonl": [ASKED, ROW]}
    (response,) = count(READER, {key: encode(records) for key, records in files.items()})
    assert (response.source, response.offset) == ("original.jsonl", len(encode([ASKED])))


def test_fork_keeps_what_it_did_itself() -> None:
    own = answer(COPY, "m2", usage(5, 0, 0, 60), requestId="r2", timestamp=stamp(700))
    files = {"fork.jsonl": [*FORKS["a file younger than the row"], own], "original.jsonl": [ASKED, ROW]}
    found = count(READER, {key: encode(records) for key, records in files.items()})
    assert {response.session: response.tokens.output for response in found} == {ORIGINAL: 40, COPY: 60}


def test_facts_of_a_fork() -> None:
    own = answer(COPY, "m2", usage(5, 0, 0, 60), timestamp=stamp(700))
    rows = [queued(COPY, 500), *copied(COPY, requestSessionId=ORIGINAL), own]
    (batch,) = ingest(READER, "fork.jsonl", [encode(rows)])
    (fact,) = batch.sessions
    queue, last = (ingest(READER, "x.jsonl", [encode([queued("x", at)])])[0].sessions[0].born_at for at in (500, 700))
    assert (fact.session, fact.forked_from, fact.born_at, fact.last_at) == (COPY, ORIGINAL, queue, last)
    assert (fact.cwd, fact.model, fact.parent, fact.origin) == ("/home/dev/project", "claude-opus-4-5", None, "main")


@pytest.mark.parametrize(
    ("path", "session", "origin"),
    [
        ("s.jsonl", "s", "main"),
        ("slug/s/old.jsonl", "old", "main"),
        ("slug/s/subagents/agent-a1.jsonl", "s/agent-a1", "subagent"),
        ("slug/s/subagents/workflows/wf_1/agent-a2.jsonl", "s/agent-a2", "subagent"),
        ("slug/s/subagents/agent-acompact-77.jsonl", "s/agent-acompact-77", "compaction"),
        ("slug/agent-a3.jsonl", "agent-a3/agent-a3", "subagent"),
    ],
)
def test_place_of_a_row_that_names_no_session(path: str, session: str, origin: str) -> None:
    row = answer("s", "m", usage(1, 0, 0, 20), sessionId=None, agentId=None)
    (batch,) = ingest(READER, path, [encode([row])])
    assert [(fact.session, fact.origin) for fact in batch.sessions] == [(session, origin)]
    assert count(READER, {path: encode([row])})[0].session == session


def test_sidechain_that_lost_its_parent_is_a_thread_of_its_own() -> None:
    orphan = answer("s", "m1", usage(1, 0, 0, 20), isSidechain=True, parentUuid="gone", uuid="own")
    bare = answer("s", "m2", usage(1, 0, 0, 20), isSidechain=True, uuid=None)
    found = count(READER, {"s.jsonl": encode([orphan, bare])})
    assert [response.session for response in found] == ["s/agent-own", "s/agent-sidechain"]


def test_memory_of_sidechains_is_bounded() -> None:
    rows = [prompt("s", isSidechain=True, uuid=f"u{number}", parentUuid=f"u{number - 1}") for number in range(1500)]
    last = answer("s", "m", usage(1, 0, 0, 20), isSidechain=True, parentUuid="u1499")
    (batch,) = ingest(READER, "s.jsonl", [encode([*rows, last])])
    assert count(READER, {"s.jsonl": encode([*rows, last])})[0].session == "s/agent-u0"
    assert len(batch.state) < 15_000


def test_undated_copy_without_a_request_is_told_by_its_uuid() -> None:
    row = {**ROW, "timestamp": None, "requestId": None}
    assert owner({"one.jsonl": [row], "two.jsonl": [queued(COPY, 500), {**row, "sessionId": COPY}]})[0] == COPY


def test_fuller_copy_counts_for_the_original() -> None:
    short = answer(ORIGINAL, "m", usage(1, 2, 3, 4), requestId="r", stop_reason=None)
    fork = FORKS["a file younger than the row"]
    (response,) = count(READER, {"original.jsonl": encode([short]), "fork.jsonl": encode(fork)})
    assert (response.session, response.tokens.output, response.source) == (ORIGINAL, 40, "fork.jsonl")
    short = answer(ORIGINAL, "m", usage(1, 2, 3, 4), requestId="r")
    (response,) = count(READER, {"original.jsonl": encode([short]), "fork.jsonl": encode(fork)})
    assert (response.session, response.tokens.output, response.source) == (ORIGINAL, 40, "fork.jsonl")


def test_aside_of_an_agent_gives_way_to_the_agent() -> None:
    agent = {**ROW, "agentId": "af00", "isSidechain": True}
    aside = {**ROW, "agentId": "aaside_question-00", "isSidechain": True, "requestId": "r2", "uuid": "other"}
    files = {f"{ORIGINAL}/subagents/agent-af00.jsonl": [agent], f"{ORIGINAL}/subagents/agent-x.jsonl": [aside]}
    assert owner(files) == (f"{ORIGINAL}/agent-af00", Quality.EXACT)


@pytest.mark.parametrize(
    "session", ["0190A5C3-0000-7000-8000-00000000000A", "0190a5c3-0000-7000-8000-00000000000a", "é"]
)
def test_session_ids_are_kept_as_written(session: str) -> None:
    (response,) = count(READER, {"s.jsonl": encode([{**ROW, "sessionId": session}])})
    assert response.session == session
