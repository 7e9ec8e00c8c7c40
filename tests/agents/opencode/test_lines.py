"""Databases as they are found: in use, large, broken, foreign; what changed is read, and nothing is written."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from loggen.opencode import START, Database, Json, answer, message_id, prompt, session, session_id, step, tokens
from tallybook.agents.opencode import database as opening
from tallybook.agents.opencode import lines
from tallybook.agents.opencode.reader import OpenCodeReader
from tallybook.agents.port import Batch, SourceRows, UnreadableRows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READER = OpenCodeReader()
HOME = session_id(1)


def read(path: Path, state: bytes = b"") -> Batch:
    log = READER.log_at(path)
    return READER.read(log, READER.lines(log, state), state)


def ids(batch: Batch) -> list[str]:
    return [row.group.removeprefix("message/") for row in batch.occurrences if row.group.startswith("message/")]


def told(number: int, **more: object) -> Json:
    at = START + 1000 * number
    return {**answer(at, tokens((number, 2, 3, 4, 5)), completed=at + 500, finish="stop"), **more}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "opencode.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    found = Database(path)
    found.put_session(session(HOME, START), START)
    found.commit()
    yield found
    found.close()


def fill(database: Database, *numbers: int, **more: object) -> None:
    for number in numbers:
        database.put_message(message_id(number), HOME, told(number, **more), START + number)
    database.commit()


def test_what_stands_in_the_journal_alone_is_read(database: Database, path: Path) -> None:
    fill(database, 1, 2)
    assert path.with_name("opencode.db-wal").stat().st_size > 0
    assert ids(read(path)) == [message_id(1), message_id(2)]


def test_what_a_program_has_not_finished_is_not_read_and_is_not_waited_for(database: Database, path: Path) -> None:
    fill(database, 1)
    database.put_message(message_id(2), HOME, told(2), START)
    assert ids(read(path)) == [message_id(1)]
    database.commit()
    assert ids(read(path)) == [message_id(1), message_id(2)]


@pytest.mark.parametrize("busy", [False, True])
def test_nothing_is_written_and_nothing_is_left_beside(database: Database, path: Path, busy: bool) -> None:
    fill(database, 1)
    if not busy:
        database.close()
    before = {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in path.parent.iterdir()}
    assert ids(read(path)) == [message_id(1)]
    after = {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in path.parent.iterdir()}
    for name in ("opencode.db", "opencode.db-wal"):
        assert after.get(name) == before.get(name)
    assert set(after) == set(before)


def test_a_journal_that_a_dead_program_left_is_read(database: Database, path: Path, tmp_path: Path) -> None:
    fill(database, 1)
    shutil.copytree(path.parent, tmp_path / "left", ignore=shutil.ignore_patterns("*-shm"))
    left = tmp_path / "left" / path.name
    content = {name: left.with_name(name).read_bytes() for name in (path.name, f"{path.name}-wal")}
    assert ids(read(left)) == [message_id(1)]
    assert {name: left.with_name(name).read_bytes() for name in content} == content


def test_a_database_without_a_journal_that_changes_is_read_next_time(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, 1)
    database.close()
    connect = opening._connect

    def changing(place: str, *, still: bool) -> sqlite3.Connection:
        found = connect(place, still=still)
        os.utime(place, ns=(1, 1))
        return found

    monkeypatch.setattr(opening, "_connect", changing)
    with pytest.raises(UnreadableRows, match="it changed while it was read"):
        read(path)


def test_only_blocks_that_changed_are_read_again(database: Database, path: Path) -> None:
    fill(database, *range(300))
    first = read(path)
    assert len(ids(first)) == 300
    assert set(ids(read(path, first.state))) <= {message_id(number) for number in range(255, 300)}
    database.put_message(message_id(70), HOME, told(70, cost=2), START + 1000)
    database.commit()
    second = read(path, first.state)
    assert message_id(70) in ids(second)
    assert len(ids(second)) <= 128
    third = read(path, second.state)
    assert set(ids(third)) <= {message_id(number) for number in (*range(63, 127), *range(255, 300))}


def test_a_row_written_twice_within_a_millisecond_is_seen(database: Database, path: Path) -> None:
    fill(database, 1)
    database.put_message(message_id(2), HOME, answer(START, None), START + 7)
    database.commit()
    state = read(path).state
    database.put_message(message_id(2), HOME, told(2), START + 7)
    database.commit()
    assert message_id(2) in ids(read(path, state))


def test_a_clock_that_was_put_back_hides_nothing(database: Database, path: Path) -> None:
    fill(database, *range(100))
    state = read(path).state
    database.put_message(message_id(5), HOME, told(5, cost=2), START - 10_000)
    database.commit()
    assert message_id(5) in ids(read(path, state))


def test_rows_that_are_deleted_or_numbered_anew_are_no_news_and_no_loss(database: Database, path: Path) -> None:
    fill(database, *range(200))
    state = read(path).state
    database.connect().execute("DELETE FROM message WHERE id < ?", (message_id(150),))
    database.commit()
    second = read(path, state)
    assert set(ids(second)) <= {message_id(number) for number in range(120, 200)}
    database.connect().execute("VACUUM")
    assert sorted(ids(read(path, second.state))) == [message_id(number) for number in range(150, 200)]


@pytest.mark.parametrize("number", [-(2**63), -1, 0, 63, 64, 2**63 - 64, 2**63 - 1])
def test_rows_of_any_number_are_read(database: Database, path: Path, number: int) -> None:
    """The last block of all ends with the largest number that SQLite knows."""
    fill(database, 1, 2)
    database.connect().execute("UPDATE message SET rowid = ? WHERE id = ?", (number, message_id(1)))
    database.connect().execute("UPDATE session SET rowid = ?", (number,))
    database.commit()
    assert sorted(ids(read(path))) == [message_id(1), message_id(2)]
    assert [one.session for one in read(path).sessions] == [HOME]


def test_a_migration_is_read_whole(database: Database, path: Path) -> None:
    fill(database, *range(200))
    state = read(path).state
    database.connect().execute("ALTER TABLE message ADD COLUMN more text")
    assert len(ids(read(path, state))) == 200


@pytest.mark.parametrize("most", [1, 64, 100, 1000])
def test_a_large_one_comes_in_parts(database: Database, path: Path, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST", most)
    fill(database, *range(300))
    found: list[str] = []
    state, more = b"", True
    while more:
        batch = read(path, state)
        state, more = batch.state, batch.more
        assert len(ids(batch)) <= most + 64
        found += ids(batch)
    assert sorted(found) == [message_id(number) for number in range(300)]


def test_an_older_database_without_times_of_change_is_read_in_parts_again_and_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST", 64)
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, data TEXT)")
        for number in range(200):
            connection.execute(
                "INSERT INTO message VALUES (?, ?, ?)", (message_id(number), HOME, json.dumps(told(number)))
            )
        connection.commit()
    state = b""
    for _ in range(2):
        found, more = [], True
        while more:
            batch = read(path, state)
            state, more = batch.state, batch.more
            found += ids(batch)
        assert sorted(found) == [message_id(number) for number in range(200)]
        assert {fact.session for fact in batch.sessions} == {HOME}


def test_a_session_tells_of_itself(database: Database, path: Path) -> None:
    child = session(session_id(2), START + 5, parentID=HOME, version="1.18.33", title="look (@general subagent)")
    database.put_session(child, START + 60)
    database.put_session(session(session_id(3), START, parentID=session_id(3), version="x y", directory=""), START)
    database.commit()
    facts = {fact.session: fact for fact in read(path).sessions}
    it = facts[session_id(2)]
    assert (it.parent, it.origin, it.cwd, it.version) == (HOME, "subagent", "/srv/shop", "1.18.33")
    assert (it.born_at, it.last_at, it.forked_from) == ((START + 5) * 1000, (START + 60) * 1000, None)
    odd = facts[session_id(3)]
    assert (odd.parent, odd.origin, odd.cwd, odd.version) == (None, "main", None, None)


def test_the_steps_of_early_builds_are_added_up(database: Database, path: Path) -> None:
    database.put_message(message_id(1), HOME, answer(START, tokens((1, 2, 3, 4, 5)), completed=START + 5), START)
    parts = [step(tokens((10, 20, 30, 40, 50))), step(tokens((1, 2, 3, 4, 5))), {"type": "text", "text": "x"}, []]
    for number, part in enumerate(parts):
        database.put_part(f"prt_{number}", message_id(1), part)  # type: ignore[arg-type]
    database.put_part("prt_x", message_id(2), parts[0])  # type: ignore[arg-type]
    database.commit()
    (row,) = [row for row in read(path).occurrences if row.group.startswith("message/")]
    (response,) = READER.derive([SourceRows("x", (row,))])
    assert (response.tokens.input, response.tokens.output, response.tokens.reasoning) == (11, 99, 55)


_TOKENS: list[object] = [5, "many", [], {"input": "7"}, {"output": -1}, {"cache": 5}]
_TOKENS += [{"input": wrong} for wrong in (1.5, True, [1], 10**12 + 1)]
WRONG: list[object] = [
    5,
    None,
    b"\xff\xfe",
    "",
    "{",
    "[]",
    "null",
    "{}",
    '{"role": 5}',
    *(json.dumps(told(9, tokens=wrong)) for wrong in _TOKENS),
    json.dumps(told(9)).replace('"input": 9', '"input": ' + "9" * 5000),
    json.dumps(told(9)).replace('"input": 9', '"input": ' + "[" * 5000 + "]" * 5000),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: repr(wrong)[:40])
def test_a_wrong_row_is_counted_and_spoils_no_other(path: Path, wrong: object) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE message (id, session_id, time_created, time_updated, data)")
        rows: list[tuple[object, ...]] = [
            (message_id(1), HOME, 1, 1, json.dumps(told(1))),
            (message_id(9), HOME, 1, 1, wrong),
        ]
        rows += [(message_id(2), HOME, "x", None, json.dumps(told(2)))]
        connection.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?)", rows)
        connection.commit()
    batch = read(path)
    assert (ids(batch), batch.bad_lines) == ([message_id(1), message_id(2)], 1)
    assert read(path, batch.state).bad_lines == 1


@pytest.mark.parametrize("column", ["id", "session_id"])
@pytest.mark.parametrize("wrong", [None, 7, b"\xff", ""], ids=repr)
def test_a_row_without_an_id_is_counted(path: Path, column: str, wrong: object) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE message (id, session_id, data)")
        connection.execute("INSERT INTO message VALUES ('msg_1', 'ses_1', ?)", (json.dumps(told(1)),))
        connection.execute(f"UPDATE message SET {column} = ?", (wrong,))  # noqa: S608
        connection.commit()
    assert (ids(read(path)), read(path).bad_lines) == ([], 1)


def test_half_of_an_emoji_costs_nothing(database: Database, path: Path) -> None:
    broken = json.dumps(told(1, error={"name": "x", "data": {"message": "\ud83d"}}))
    connection = database.connect()
    connection.execute("INSERT INTO message VALUES (?, ?, 1, 1, ?)", (message_id(1), HOME, broken))
    connection.commit()
    assert (ids(read(path)), read(path).bad_lines) == ([message_id(1)], 0)


def test_a_message_of_the_user_is_nothing_however_long(database: Database, path: Path) -> None:
    database.put_message(message_id(1), HOME, {**prompt(START), "summary": {"diffs": ["x" * 100_000]}}, START)
    database.commit()
    batch = read(path)
    assert (ids(batch), batch.bad_lines) == ([], 0)


def test_answers_in_the_table_that_is_to_come_are_counted_as_unknown(database: Database, path: Path) -> None:
    fill(database, 1)
    connection = database.connect()
    connection.execute("CREATE TABLE session_message (id text, session_id text, type text, data text)")
    rows = [(message_id(1), "assistant"), (message_id(2), "assistant"), (message_id(3), "user")]
    connection.executemany("INSERT INTO session_message VALUES (?, 'ses', ?, '{}')", rows)
    connection.commit()
    assert read(path).unknown_records == 1


def refused(path: Path) -> str:
    with pytest.raises(UnreadableRows) as fault:
        read(path)
    return str(fault.value)


def test_things_that_are_no_databases(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database, and long enough to be one" * 100)
    assert refused(path) == "it is no SQLite database"
    path.unlink()
    path.mkdir()
    assert refused(path) == "not a regular file"
    path.rmdir()
    with pytest.raises(FileNotFoundError):
        read(path)


def test_an_empty_file_and_one_without_tables_hold_nothing(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert read(path, b"state") == Batch(state=b"state")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE x (a)")
        connection.execute("DROP TABLE x")
    assert read(path) == Batch()


def test_a_schema_that_nobody_knows(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE migration (id)")
    assert refused(path) == "it has no table of messages that this version knows"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE message (id, content)")
    assert refused(path) == "it has no column 'data' of messages that this version knows"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE message")
        connection.execute("CREATE TABLE message (id TEXT PRIMARY KEY, session_id, data) WITHOUT ROWID")
    assert refused(path) == "SQLite can't read it (SQLITE_ERROR)"


def test_a_view_is_no_table(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE x (id, session_id, data)")
        connection.execute("CREATE VIEW message AS SELECT * FROM x")
    assert "no table of messages" in refused(path)


def test_a_locked_one_is_told_of_and_read_later(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "PATIENCE", 0.01)
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE message (id, session_id, data)")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("INSERT INTO message VALUES ('msg_1', 'ses_1', ?)", (json.dumps(told(1)),))
        connection.commit()
        assert refused(path) == "another program has locked it"
    assert ids(read(path)) == ["msg_1"]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_a_torn_one_never_crashes(database: Database, path: Path, share: float) -> None:
    fill(database, *range(300))
    database.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert refused(path) in {"it is damaged", "it is no SQLite database"}


@pytest.mark.parametrize("seed", range(12))
def test_damage_anywhere_is_a_clear_word_or_does_no_harm(database: Database, path: Path, seed: int) -> None:
    fill(database, *range(300))
    database.close()
    content = bytearray(path.read_bytes())
    for at in range(100 + seed * 997, len(content), 9973):
        content[at : at + 40] = b"\xff" * 40
    path.write_bytes(content)
    try:
        batch = read(path)
    except UnreadableRows as fault:
        assert str(fault) in {"it is damaged", "it is no SQLite database"} or "SQLite can't read it" in str(fault)  # noqa: PT017
    else:
        assert len(ids(batch)) <= 300


def test_a_database_where_nothing_can_be_written_beside(database: Database, path: Path, tmp_path: Path) -> None:
    """Without a journal it is read; with one SQLite needs a file beside it, and says so."""
    fill(database, 1)
    database.close()
    read_only = tmp_path / "closed"
    shutil.copytree(path.parent, read_only)
    read_only.chmod(0o500)
    try:
        assert ids(read(read_only / path.name)) == [message_id(1)]
    finally:
        read_only.chmod(0o700)


def test_no_text_of_a_damaged_schema_is_repeated(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE message (id, session_id, data)")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = 'CREATE TABLE message (top secret (('")
        connection.commit()
    assert "secret" not in refused(path)


def test_a_state_that_nobody_understands_is_a_first_look(database: Database, path: Path) -> None:
    fill(database, 1)
    for state in (b"x", b"\x93\x01\x02\xc3", b"\x90", b"\xff" * 20):
        assert ids(read(path, state)) == [message_id(1)]
