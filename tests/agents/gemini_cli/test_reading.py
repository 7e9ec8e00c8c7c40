"""What a chat says of its session, and what no bytes can do to its reader."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loggen.gemini import MODEL, PLACE, START, Json, answer, document, encode, head, name, patch, prompt, stamp, usage
from loggen.harness import derive, ingest
from loggen.harness import document as read_document
from tallybook.agents.gemini_cli.reader import GeminiReader
from tallybook.agents.port import Batch, SessionFact

if TYPE_CHECKING:
    from pathlib import Path

READER = GeminiReader()
ONE, TWO = name(1), name(2)
FIRST, SECOND = name(11), name(12)
AT = START + 5000
USED = usage((100, 40, 7, 3, 0))
GOOD = document(ONE, START, [prompt(name(9), AT), answer(FIRST, AT, USED)])
NEST = b"[" * 100_000 + b"]" * 100_000
PLACED = f"/home/.gemini/tmp/shop/chats/session-x-{ONE[:8]}"


def read(*records: Json, place: str = f"{PLACED}.jsonl") -> Batch:
    """One file of lines."""
    (batch,) = ingest(READER, place, [encode(records)])
    return batch


def whole(content: bytes | Json) -> Batch:
    """One document."""
    return read_document(
        READER, f"{PLACED}.json", content if isinstance(content, bytes) else json.dumps(content).encode()
    )


def outputs(batch: Batch) -> list[int]:
    """The output of each response."""
    return [one.tokens.output for one in derive(READER, {"x": [batch]})]


def fact(*records: Json, place: str = f"{PLACED}.jsonl") -> SessionFact:
    """What a chat says of its one session."""
    (found,) = read(*records, place=place).sessions
    return found


def test_a_session_and_its_times() -> None:
    """It begins with its head and ends with whatever was written last."""
    records = [head(ONE, START), prompt(name(9), AT), answer(FIRST, AT + 1, USED), patch(lastUpdated=stamp(AT + 7))]
    expected = SessionFact(ONE, born_at=START * 1000, last_at=(AT + 7) * 1000, model=MODEL)
    assert fact(*records) == expected
    assert whole({**GOOD, "lastUpdated": stamp(AT + 7)}).sessions == (expected,)
    resumed = head(ONE, AT + 60_000)
    assert fact(*records, resumed).born_at == START * 1000
    assert fact(head(ONE, START)).last_at == START * 1000
    for wrong in ("yesterday", 5, None, "", "1969-01-01T00:00:00Z"):
        assert fact({**head(ONE, START), "startTime": wrong}).born_at is None


def test_a_chat_that_has_not_told_its_session_has_the_name_of_the_file() -> None:
    """As soon as it tells one, what follows is that one's."""
    found = read(
        *(answer(FIRST, AT, USED), head(ONE, START), answer(SECOND, AT, USED)),
        *(patch(sessionId=TWO, lastUpdated=stamp(AT)), head(ONE, START)),
    )
    assert [one.session for one in found.sessions] == [f"session-x-{ONE[:8]}", ONE, TWO]
    assert [one.session for one in derive(READER, {"x": [found]})] == [f"session-x-{ONE[:8]}", ONE]
    assert whole({"messages": [], "sessionId": 5, "projectHash": "x"}).sessions == ()
    assert fact(answer(FIRST, AT, USED), place="/x/s.jsonl.unreadable-17").session == "s"
    assert fact(answer(FIRST, AT, USED), place="/chats/\udcff/\udcfe.jsonl").session == "\\xff/\\xfe"


def test_a_subagent_is_the_child_of_the_session_whose_directory_it_lies_in() -> None:
    """Six characters are no name without that of the session."""
    child = fact(head(TWO, START, "subagent"), place=f"/h/tmp/p/chats/{ONE}/{TWO}.jsonl")
    assert (child.session, child.parent, child.origin) == (TWO, ONE, "subagent")
    short = fact(head("k3x9q1", START, "subagent"), place=f"/h/tmp/p/chats/{ONE}/k3x9q1.jsonl")
    assert (short.session, short.parent, short.origin) == (f"{ONE}/k3x9q1", ONE, "subagent")
    headless = fact(answer(FIRST, AT, USED), place=f"/h/tmp/p/chats/{ONE}/k3x9q1.jsonl")
    assert headless.session == f"{ONE}/k3x9q1"


def test_an_early_subagent_tells_its_sender_in_its_name() -> None:
    """Beside the session that sent it; one whose name tells nobody has no parent."""
    sent = fact(head(f"{ONE}-codebase_investigator-ab12cd", START, "subagent"))
    assert (sent.parent, sent.origin) == (ONE, "subagent")
    assert fact(head(f"{ONE}-x", START)).parent is None
    alone = fact(head("generalist-ab12cd", START, "subagent"))
    assert (alone.parent, alone.origin) == (None, "subagent")


def test_the_directory_is_what_the_hash_of_the_project_proves() -> None:
    """Gemini names directories in some heads; the others are not where the session ran."""
    directories = ["/srv/other", PLACE]
    assert fact({**head(ONE, START), "directories": directories}).cwd == PLACE
    assert fact(head(ONE, START), patch(directories=directories)).cwd == PLACE
    assert fact(head(ONE, START)).cwd is None
    for wrong in (["/srv/other"], [PLACE, 5], PLACE, None, [f"{PLACE}/"]):
        assert fact({**head(ONE, START), "directories": wrong}).cwd is None
    assert fact({**head(ONE, START), "directories": [PLACE], "projectHash": 5}).cwd is None


def chat(tmp_path: Path, note: bytes | None, *deeper: str) -> SessionFact:
    """What a chat says that lies below a directory with Gemini's note."""
    place = tmp_path.joinpath("shop", "chats", *deeper, f"{ONE}.jsonl")
    place.parent.mkdir(parents=True)
    if note is not None:
        (tmp_path / "shop" / ".project_root").write_bytes(note)
    return fact(head(ONE, START), place=str(place))


@pytest.mark.parametrize("deeper", [(), (TWO,)])
def test_the_directory_stands_in_a_note_beside_the_chats(tmp_path: Path, deeper: tuple[str, ...]) -> None:
    """Also for a subagent, one level deeper."""
    assert chat(tmp_path, f"{PLACE}\n".encode(), *deeper).cwd == PLACE


@pytest.mark.parametrize("note", [None, b"", b"/srv/other", b"\xff\xfe", PLACE.encode() + b"\0" * 20_000])
def test_a_note_that_proves_nothing(tmp_path: Path, note: bytes | None) -> None:
    """It is missing, of another project, no text or too long."""
    assert chat(tmp_path, note).cwd is None


def test_a_note_that_is_no_file(tmp_path: Path) -> None:
    """A directory, or a path that no system has."""
    (tmp_path / "shop" / ".project_root").mkdir(parents=True)
    assert chat(tmp_path, None).cwd is None
    assert fact(head(ONE, START), place="/x\0/chats/y.jsonl").cwd is None


def test_a_project_in_a_place_with_letters_of_its_own(tmp_path: Path) -> None:
    """The hash is that of the bytes in UTF-8."""
    place = "/srv/büro"
    hashed = {**head(ONE, START), "projectHash": sha256(place.encode()).hexdigest(), "directories": [place]}
    assert fact(hashed, place=str(tmp_path / "x.jsonl")).cwd == place


TORN: dict[str, bytes] = {
    "empty": b"",
    "cut": json.dumps(GOOD).encode()[:-5],
    "two": json.dumps(GOOD).encode() * 2,
    "NUL": b"\0" + json.dumps(GOOD).encode(),
    "deep": json.dumps({**GOOD, "summary": "!"}).encode().replace(b'"!"', NEST),
}


@pytest.mark.parametrize("raw", TORN.values(), ids=TORN)
def test_a_document_that_is_not_whole_is_torn(raw: bytes) -> None:
    """Nothing of it is taken."""
    batch = whole(raw)
    assert batch.torn
    assert batch == Batch(torn=batch.torn)


@pytest.mark.parametrize("raw", [b"[]", b"5", b"null", b'"x"'])
def test_a_document_or_line_that_is_no_object_is_bad(raw: bytes) -> None:
    """It is counted and passed over."""
    assert (whole(raw).bad_lines, whole(raw).occurrences) == (1, ())
    (batch,) = ingest(READER, "/x.jsonl", [raw + b"\n" + encode([answer(FIRST, AT, USED)])])
    assert (batch.bad_lines, outputs(batch)) == (1, [10])


@pytest.mark.parametrize("raw", [b"{", b"\0\0\0", b'{"id": NaN}', b'{"a":' + NEST + b"}", b"\xff", b'{"id":"x"}}'])
def test_a_broken_line_is_counted_and_the_next_is_read(raw: bytes) -> None:
    """A line that was cut when the disk was full, for example."""
    (batch,) = ingest(READER, "/x.jsonl", [raw + b"\n" + encode([answer(FIRST, AT, USED)])])
    assert (batch.bad_lines, outputs(batch)) == (1, [10])


WRONG: list[object] = [
    *({**USED, field: wrong} for field in USED for wrong in (-1, 1.5, "7", True, [1], 10**12 + 1)),
    *(5, "many", [1], True),
]


@pytest.mark.parametrize("tokens", WRONG, ids=repr)
def test_usage_that_is_none_is_counted_as_bad(tokens: object) -> None:
    """In a line, in a document and in a replay; what stands beside it is read."""
    wrong = {**answer(SECOND, AT, None), "tokens": tokens}
    for batch in (
        read(wrong, answer(FIRST, AT, USED)),
        whole({**GOOD, "messages": [wrong, *GOOD["messages"]]}),
        read(patch(messages=[wrong, answer(FIRST, AT, USED)])),
    ):
        assert (batch.bad_lines, outputs(batch)) == (1, [10])


@pytest.mark.parametrize("wrong", [{"$set": 5}, {"$set": [1]}, {"$set": {"messages": 5}}, {"$rewindTo": 5}], ids=repr)
def test_a_patch_that_is_none_is_counted_as_bad(wrong: Json) -> None:
    """A history that is no list, or a place to go back to that is no message."""
    batch = read(wrong, answer(FIRST, AT, USED), patch(messages=[5, answer(SECOND, AT, USED)]))
    assert (batch.bad_lines, len(outputs(batch))) == (2, 2)


def test_what_is_new_is_counted_as_unknown_and_passed_over() -> None:
    """Records of kinds that nobody has heard of."""
    batch = read({"$merge": {}}, {"type": "telemetry", "tokens": USED}, {"id": "x"}, answer(FIRST, AT, USED))
    assert (batch.unknown_records, batch.bad_lines, outputs(batch)) == (3, 0, [10])
    kinds = [{"id": name(n), "type": kind} for n, kind in enumerate(("user", "info", "error", "warning"))]
    assert read(*kinds, patch(summary="x"), patch(), {"$set": {"messages": None}}).unknown_records == 0


@pytest.mark.parametrize("odd", [b'"\xff\xfe"', b"7", b"[]", b'{"type":"gemini"}'])
def test_a_type_that_is_no_text_is_a_bad_one(odd: bytes) -> None:
    """In a line without more, and in a message; nothing is known of either."""
    lines = [b'{"type":%s}', b'{"id":%s}', b'{"sessionId":%s}', b'{"id":"m","type":%s,"tokens":{"input":1}}']
    (batch,) = ingest(READER, f"{PLACED}.jsonl", [b"".join(line % odd + b"\n" for line in lines)])
    assert (batch.bad_lines, batch.unknown_records, batch.occurrences) == (4, 0, ())


def test_half_an_emoji_spoils_nothing() -> None:
    """JavaScript writes it as an escape that no UTF-8 holds."""
    message = json.dumps({**answer(FIRST, AT, USED), "content": "\ud83d"}).encode()
    (batch,) = ingest(READER, "/x.jsonl", [message + b"\n"])
    assert (batch.bad_lines, outputs(batch)) == (0, [10])


def test_what_repeats_itself_takes_no_room() -> None:
    """A history of many messages that is written again and again is kept once."""
    messages = [answer(name(20 + n), AT + n, USED) for n in range(50)]
    batch = read(*messages, *[patch(messages=messages)] * 20)
    assert len(batch.occurrences) == 50


def test_the_places_of_a_document_outlive_its_rewriting() -> None:
    """They follow the moments of its messages, and each has its own."""
    messages = [answer(name(20 + n), AT + n // 2, USED) for n in range(6)]
    before, after = whole({**GOOD, "messages": messages}), whole({**GOOD, "messages": messages[2:]})
    places = [row.offset for row in before.occurrences]
    assert places == sorted(set(places))
    assert [row.offset for row in after.occurrences] == places[2:]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from([*answer(FIRST, AT, USED), *head(ONE, START), "messages", "$set", "$rewindTo", "toolCalls"])


@given(st.lists(st.dictionaries(fields, json_values, max_size=6), max_size=5))
def test_no_json_breaks_the_reader(rows: list[Json]) -> None:
    """Whatever stands in whatever field, what is good beside it counts."""
    batch = read(*rows, answer(FIRST, AT, USED))
    assert 10 in outputs(batch)
    whole({**GOOD, "messages": rows})
    for row in rows:
        whole(row)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    """A document or a line of anything."""
    whole(raw)
    ingest(READER, "/x.jsonl", [raw + b"\n"])
