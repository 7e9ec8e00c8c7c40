"""The reader keeps the port's contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loggen.claude import answer, encode, usage
from tallybook.agents.claude_code.reader import ClaudeCodeReader
from tallybook.agents.lines import LineReader
from tallybook.agents.port import SourceRows

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.agents.port import LogReader


def test_contract(tmp_path: Path) -> None:
    reader: LogReader = ClaudeCodeReader()
    assert (reader.agent, reader.version, reader.unreported) == ("claude", "claude/2", ())
    assert (reader.session_variables, reader.call_variable) == (("CLAUDE_CODE_SESSION_ID",), None)
    path = tmp_path / "projects/slug/s.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(encode([answer("s", "m", usage(1, 2, 3, 40))]))
    environ = {"CLAUDE_CONFIG_DIR": str(tmp_path)}
    (log,) = reader.discover(environ)
    with log.path.open("rb") as stream:
        batch = reader.read(log, LineReader(stream), b"")
    (response,) = reader.derive([SourceRows(log.key, batch.occurrences)])
    assert (response.key, response.source, response.session) == ("m@s", log.key, "s")
    assert response.tokens.total == 46
    assert batch.links == ()
    assert reader.is_agent_process(["claude"])
    assert reader.registered_session(environ, 7, "1") is None


def test_nothing_gives_nothing() -> None:
    assert ClaudeCodeReader().derive([]) == []
