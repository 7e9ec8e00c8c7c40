"""What people and models wrote stays in the logs."""

from __future__ import annotations

from msgspec.structs import replace

from loggen.claude import answer, encode, prompt, queued, usage
from loggen.harness import derive, ingest
from tallybook.agents.claude_code.reader import ClaudeCodeReader

READER = ClaudeCodeReader()


def secrets() -> list[dict[str, object]]:
    """Records with a secret in every field that may hold text of people, models, tools or files."""
    number = 0

    def secret() -> str:
        nonlocal number
        number += 1
        return f"SECRET-{number:03d} of mine"

    blocks = [
        {"type": "text", "text": secret(), "citations": [{"cited_text": secret()}]},
        {"type": "thinking", "thinking": secret(), "signature": secret()},
        {"type": "tool_use", "id": "toolu_1", "name": secret(), "input": {"command": secret(), secret(): secret()}},
        {"type": "server_tool_use", "id": secret(), "input": {"query": secret()}},
        {"type": secret(), "data": secret()},
    ]
    common: dict[str, object] = {
        "gitBranch": secret(),
        "slug": secret(),
        "error": secret(),
        "attributionSkill": secret(),
        "version": "2.1.200 " + secret(),
        "effort": secret(),
        "wireToolInputs": {"toolu_1": secret()},
        "teamName": secret(),
        "timestamp": secret(),
        "apiBlockIndex": secret(),
        "toolUseResult": {"stdout": secret(), "usage": {"note": secret()}},
    }
    message = {"content": blocks, "stop_reason": secret(), "stop_details": {"explanation": secret()}}
    return [
        queued("s", 0) | {"content": secret()},
        {"type": "summary", "summary": secret(), "leafUuid": secret()},
        {"type": "last-prompt", "lastPrompt": secret(), "sessionId": "s"},
        prompt("s", message={"role": "user", "content": secret()}, **common),
        prompt("s", message={"role": "user", "content": [{"type": "tool_result", "content": secret()}]}),
        answer("s", "m1", usage(1, 2, 3, 40, more={"inference_geo": secret()}), **message, **common),
        answer("s", "m2", usage(1, 2, 3, 1), stop_reason=None, content=blocks, uuid=secret(), parentUuid=secret()),
        answer("s", "m3", usage(1, 2, 3, 40), content=secret(), isSidechain=True, agentId="a1", promptId=secret()),
        answer("s", "m4", usage(1, 2, 3, 40), model="<synthetic>", content=secret()),
        {"type": secret(), "text": secret()},
    ]


def test_no_secret_leaves_the_reader() -> None:
    records = secrets()
    content = encode(records) + b'{"type":"user","message":"SECRET-998"\n' + b'{"text":"\\ud83d SECRET-999"}\n'
    batches = ingest(READER, "s.jsonl", [content])
    found = derive(READER, {"s.jsonl": batches})
    assert content.count(b"SECRET-") > 40
    assert len(batches[0].occurrences) == len(found) == 3
    kept = [replace(one, items=tuple(("", *item[1:6], None) for item in one.items)) for one in batches]
    shown = repr(kept) + repr(found) + "".join(row.data.decode("latin-1") for row in batches[0].occurrences)
    assert "SECRET" not in shown


def test_working_directory_is_in_the_session_fact_alone() -> None:
    (batch,) = ingest(READER, "s.jsonl", [encode([answer("s", "m", usage(1, 2, 3, 40), cwd="/home/dev/private")])])
    assert batch.sessions[0].cwd == "/home/dev/private"
    assert b"private" not in batch.occurrences[0].data
