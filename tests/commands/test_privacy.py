"""Secrets planted in every text field of the logs: none reaches the store, the ledger or what is shown."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from commands.agents import AmpAgent, ClaudeAgent, CodexAgent, milliseconds, now
from commands.copilot_agent import CopilotAgent
from commands.droid_agent import DroidAgent
from commands.gemini_agent import GeminiAgent
from commands.opencode_agent import OpenCodeAgent
from commands.pi_agent import PiAgent
from loggen import amp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from commands.agents import Agent
    from commands.bench import Bench, Json

MARK = "Zq9Xk7"
"""Stands in every secret, so that a piece of one is found too."""
BODY = f"{MARK}aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1"
FAMILIES = {
    "aws key": f"AKIA{MARK.upper()}AB3DE5FG7H",
    "aws secret": f"aws_secret_access_key={BODY}x/+y",
    "github": f"ghp_{BODY}",
    "github fine": f"github_pat_{BODY}",
    "github oauth": f"gho_{BODY}",
    "gitlab": f"glpat-{BODY}",
    "anthropic": f"sk-ant-api03-{BODY}",
    "openai": f"sk-proj-{BODY}",
    "slack bot": f"xoxb-12345-{BODY}",
    "slack user": f"xoxp-12345-{BODY}",
    "slack hook": f"https://hooks.slack.com/services/T0/B0/{BODY}",
    "stripe": f"sk_live_{BODY}",
    "stripe restricted": f"rk_live_{BODY}",
    "google api": f"AIza{BODY}xy",
    "google oauth": f"ya29.{BODY}",
    "google client": f"GOCSPX-{BODY}",
    "npm": f"npm_{BODY}",
    "pypi": f"pypi-{BODY}",
    "jwt": f"eyJhbGciOiJIUzI1NiJ9.{BODY}.{BODY}",
    "private key": f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----",
    "ssh key": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}",
    "pgp": f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n{BODY}",
    "postgres": f"postgres://ada:{BODY}@db.example.com/shop",
    "mongodb": f"mongodb+srv://ada:{BODY}@cluster.example.com",
    "redis": f"redis://:{BODY}@cache.example.com",
    "basic auth": f"Authorization: Basic {BODY}==",
    "bearer": f"Authorization: Bearer {BODY}",
    "cookie": f"Set-Cookie: session={BODY}; HttpOnly",
    "password": f"password={BODY}",
    "env": f"export API_KEY='{BODY}'",
    "netrc": f"machine example.com login ada password {BODY}",
    "docker": f'{{"auths":{{"r":{{"auth":"{BODY}"}}}}}}',
    "kubernetes": f"client-key-data: {BODY}",
    "azure": f"AccountKey={BODY}==;EndpointSuffix=core.windows.net",
    "sendgrid": f"SG.{BODY}.{BODY}",
    "twilio": f"SK{MARK}0123456789abcdef",
    "mailgun": f"key-{BODY}",
    "telegram": f"110201543:AA{BODY}",
    "discord": f"MTk4{BODY}.Cl2FMQ.{BODY}",
    "heroku": f"HEROKU_API_KEY={MARK}-1234",
    "digitalocean": f"dop_v1_{BODY}",
    "hugging face": f"hf_{BODY}",
    "databricks": f"dapi{BODY}",
    "vault": f"hvs.{BODY}",
    "shopify": f"shpat_{BODY}",
    "card": f"4111 1111 1111 1111 {MARK}",
    "mail": f"ada.{MARK}@example.com",
    "telephone": f"+1 555 0100 {MARK}",
    "file": f"/home/ada/{MARK}/letter-to-my-lawyer.odt",
    "source code": f"def {MARK}(x): return x",
}


def claude_rows(session: str, secret: str) -> Iterator[Json]:
    """Records of Claude Code with a secret wherever text can stand."""
    base: Json = {"sessionId": session, "timestamp": now(), "version": secret, "gitBranch": secret, "slug": secret}
    texts: list[Json] = [
        {"type": "text", "text": secret},
        {"type": "thinking", "thinking": secret, "signature": secret},
        {"type": "tool_use", "id": "t", "name": secret, "input": {"command": secret, secret: secret}},
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": secret}]},
    ]
    yield {**base, "type": "user", "message": {"role": "user", "content": secret}, "toolUseResult": {"stdout": secret}}
    yield {**base, "type": "user", "message": {"role": "user", "content": texts}}
    yield {
        **base,
        "type": "assistant",
        "message": {
            "id": "<none>",
            "role": "assistant",
            "model": "<synthetic>",
            "content": texts,
            "stop_reason": secret,
        },
        "error": secret,
    }
    yield from claude_doings(base, secret)
    for kind in ("summary", "ai-title", "system", "attachment", "progress", "queue-operation", "last-prompt", secret):
        yield {**base, "type": kind, "summary": secret, "content": secret, "title": secret, "data": {secret: [secret]}}


def claude_doings(base: Json, secret: str) -> Iterator[Json]:
    """Records of what happens in a session, with a secret where a name is looked for."""
    base |= {"isSidechain": False, "permissionMode": secret, "entrypoint": secret, "effort": secret}
    texts = (f"<command-name>/{secret}</command-name>", f"<task-notification>{secret}", f"please {secret}")
    for number, text in enumerate(texts):
        message = {"role": "user", "content": text}
        yield {**base, "uuid": f"u{number}", "type": "user", "message": message, "origin": {"kind": secret}}
        yield {**base, "uuid": f"v{number}", "type": "user", "message": message}
    for number, name in enumerate(("Bash", "Task", "Skill", "WebFetch", f"mcp__{secret}__{secret}")):
        given = {"command": secret, "subagent_type": secret, "skill": secret, "url": secret}
        call = f"c{number}-{crc32(secret.encode('utf-8', 'surrogatepass'))}"
        content: list[Json] = [{"type": "tool_use", "id": call, "name": name, "input": given}]
        answer: Json = {"id": f"m{number}", "role": "assistant", "model": "opus", "content": content}
        quota = {"rateLimitType": secret, "status": secret}
        usage = {"input_tokens": 1, "output_tokens": 20, "service_tier": "standard"}
        rest = {"requestId": f"r{number}", "uuid": f"w{number}", "quotaLimits": quota}
        yield {**base, **rest, "type": "assistant", "message": {**answer, "stop_reason": "tool_use", "usage": usage}}
    failed = {"model": "<synthetic>", "content": secret}
    yield {**base, "uuid": "x1", "type": "assistant", "message": failed, "isApiErrorMessage": True, "error": secret}
    for number, subtype in enumerate(("api_error", "compact_boundary", "turn_duration")):
        more = {"error": {"status": secret, "message": secret}, "compactMetadata": {"trigger": secret}}
        yield {**base, **more, "uuid": f"y{number}", "type": "system", "subtype": subtype, "durationMs": secret}
    yield {**base, "type": "cost-state", "startTime": secret, "modelUsage": {"opus": {"inputTokens": secret}}}


def codex_doings(secret: str) -> Iterator[Json]:
    """Records of what happens in a thread, with a secret where a name is looked for."""
    sandbox = {"type": secret, "writable_roots": [secret], "network_access": secret}
    context = {"turn_id": "t9", "model": "gpt-5", "user_instructions": secret, "effort": secret}
    yield {"type": "turn_context", "payload": {**context, "approval_policy": secret, "sandbox_policy": sandbox}}
    yield {
        "type": "turn_context",
        "payload": {**context, "approval_policy": {secret: secret}, "sandbox_policy": secret},
    }
    limits = {"limit_id": secret, "plan_type": secret, "primary": {"used_percent": 3, "resets_at": secret}}
    limits |= {"credits": {"has_credits": True, "balance": secret}}
    items = [
        {"type": "UserMessage", "id": "u", "content": [{"type": "text", "text": secret}, {"type": secret}]},
        {"type": "McpToolCall", "id": "m", "server": secret, "tool": secret, "arguments": secret},
        {"type": "AgentMessage", "id": "a", "phase": secret, "content": [{"text": secret}]},
        {"type": secret, "id": "o", "text": secret},
    ]
    events = [
        {"type": "token_count", "info": None, "rate_limits": limits},
        *({"type": "item_completed", "turn_id": "t9", "item": item} for item in items),
        {"type": "mcp_tool_call_end", "call_id": "m2", "invocation": {"server": secret, "tool": secret}},
        {"type": "error", "message": secret, "codex_error_info": {secret: secret}},
        {"type": "stream_error", "message": secret, "codex_error_info": secret},
        {"type": "thread_rolled_back", "num_turns": secret},
        {"type": "turn_aborted", "turn_id": "t9", "reason": secret},
        {
            "type": "thread_settings_applied",
            "thread_settings": {"model_provider_id": secret, "reasoning_effort": secret},
        },
    ]
    yield from ({"type": "event_msg", "payload": event} for event in events)
    given: tuple[tuple[str, Json], ...] = (
        ("shell", {"command": ["bash", "-lc", secret]}),
        ("exec_command", {"cmd": secret}),
        ("spawn_agent", {"agent_type": secret}),
    )
    for number, (name, arguments) in enumerate(given, 1):
        call = {"type": "function_call", "call_id": f"k{number}", "name": name, "arguments": json.dumps(arguments)}
        yield {"type": "response_item", "payload": call}
    skill = f"<skill>\n<name>{secret}</name>"
    calls = [
        {"type": "function_call", "call_id": "k4", "name": "x", "namespace": f"mcp__{secret}", "arguments": "{}"},
        {"type": "local_shell_call", "call_id": "k5", "action": {"type": "exec", "command": [secret, secret]}},
        {"type": "web_search_call", "action": {"type": secret, "query": secret}},
        {"type": "function_call_output", "call_id": "k1", "output": f"Exit code: 1\n{secret}"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": skill}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": f"<{secret}>"}]},
        {"type": "message", "role": "assistant", "phase": secret, "content": [{"text": secret}]},
    ]  # fmt: skip
    yield from ({"type": "response_item", "payload": call} for call in calls)


def codex_rows(secret: str) -> Iterator[Json]:
    """Records of Codex with a secret wherever text can stand."""
    yield {"type": "session_meta", "payload": {"id": "x", "base_instructions": secret, "git": {"branch": secret}}}
    yield {
        "type": "turn_context",
        "payload": {"user_instructions": secret, "summary": secret, "approval_policy": secret},
    }
    events = ("user_message", "agent_message", "agent_reasoning", "error", "exec_command_end", "task_complete")
    for kind in (*events, "patch_apply_end", "mcp_tool_call_end", secret):
        more = {"message": secret, "text": secret, "stdout": secret, "command": [secret], "changes": {secret: secret}}
        yield {"type": "event_msg", "payload": {"type": kind, **more, "last_agent_message": secret}}
    for kind in ("message", "reasoning", "function_call_output", "custom_tool_call_output", secret):
        content = [{"type": "output_text", "text": secret}]
        yield {
            "type": "response_item",
            "payload": {"type": kind, "content": content, "summary": content, "output": secret},
        }
    more = {"name": secret, "arguments": json.dumps({"cmd": secret}), "input": secret, "action": {"command": [secret]}}
    for kind in ("function_call", "custom_tool_call", "local_shell_call", "web_search_call"):
        yield {"type": "response_item", "payload": {"type": kind, "call_id": f"call_{kind}", **more}}
    yield from codex_doings(secret)
    yield {"type": "compacted", "payload": {"message": secret, "replacement_history": [{"text": secret}]}}
    yield {"type": secret, "payload": secret}


def amp_secrets(agent: AmpAgent, secret: str) -> None:
    """Put a secret wherever text can stand in a thread."""
    content = [
        {"type": "text", "text": secret},
        {"type": "thinking", "thinking": secret, "signature": secret},
        {"type": "tool_use", "id": "toolu_x", "name": secret, "input": {secret: [secret]}},
        {"type": "tool_result", "toolUseID": "toolu_x", "run": {"status": secret, "result": secret, "error": secret}},
        {"type": secret, "text": secret},
    ]
    number = len(agent.messages)
    more = {"content": content, "state": {"type": "complete", "stopReason": secret}, "~debug": {secret: secret}}
    given = {"cmd": secret, "name": secret, "subagent_type": secret}
    content += [
        {"type": "tool_use", "id": f"toolu_{number}_{n}", "name": name, "input": given}
        for n, name in enumerate(("Bash", "skill", "Task", f"mcp__{secret}__{secret}"))
    ]
    used = {"usage": amp.usage((1, 1, 1, 1), milliseconds()) | {"maxInputTokens": secret, "note": secret}}
    agent.messages += [
        {"role": "user", "messageId": number, **more, "source": {"type": secret}},
        {"role": "user", "messageId": number, **more, "agentMode": "smart"},
        {"role": "user", "messageId": number, **more, "agentMode": secret, "meta": {"sentAt": secret}},
        {"role": "user", "messageId": number, **more, "interrupted": secret, "discoveredGuidanceFiles": [secret]},
        {"role": "assistant", "messageId": number, **more, **used},
        {"role": "user", "messageId": number, **more, "fileMentions": {"files": [{"uri": secret, "content": secret}]}},
        {"role": "assistant", "messageId": number + 1, **more},
        {"role": "info", "messageId": number + 2, **more},
        {"role": "info", "messageId": number + 2, "content": [{"type": "manual_bash_invocation", "args": given}]},
        {"role": secret, "messageId": number + 3, **more},
        {"role": "assistant", "messageId": [secret], "usage": secret},
    ]
    agent.events.append({"id": [secret], "operationType": secret, "tokens": {"note": secret}})
    agent.more |= {"title": secret, "draft": content, "queuedMessages": [secret], "meta": {secret: secret}}


def gemini_lines(secret: str) -> Iterator[Json]:
    """Records of Gemini with a secret wherever text can stand."""
    parts = [{"text": secret, "thought": secret}, {"functionCall": {"name": secret, "args": {secret: secret}}}]
    told = {"content": parts, "displayContent": secret, "thoughts": [{"subject": secret, "description": secret}]}
    calls = [{"id": "call_x", "name": secret, "args": {secret: [secret]}, "result": parts, "resultDisplay": secret}]
    for nth, kind in enumerate(("user", "gemini", "info", "error", "warning", secret)):
        yield {"id": f"{kind[:1]}{nth}", "timestamp": now(), "type": kind, **told, "toolCalls": calls, "note": secret}
        yield {"id": [secret], "type": kind, **told, "tokens": {secret: secret, "input": secret}}
    yield {"$set": {"summary": secret, "memoryScratchpad": {secret: secret}, "directories": [secret], "kind": secret}}
    yield {"$set": {"messages": [{"id": "m", "type": "gemini", **told}, secret]}}
    yield from gemini_doings(secret)
    yield {"$rewindTo": secret}
    yield {secret: secret}


def gemini_doings(secret: str) -> Iterator[Json]:
    """Records of what happens in a chat, with a secret where a name is looked for."""
    given = {"command": secret, "name": secret, "agent_name": secret}
    result = [{"functionResponse": {"response": {"output": f"{secret}\nExit Code: 1", "error": secret}}}]
    names = ("run_shell_command", "activate_skill", "invoke_agent", f"mcp_{secret}_{secret}", secret)
    calls = [
        {"id": f"c{nth}", "name": name, "args": given, "status": secret, "result": result, "agentId": secret}
        for nth, name in enumerate(names)
    ]
    number = crc32(secret.encode("utf-8", "surrogatepass"))
    for nth, model in enumerate(("gemini-2.5-pro", secret)):
        answer = {"id": f"a{number}-{nth}", "timestamp": now(), "type": "gemini", "content": secret, "model": "m"}
        yield {**answer, "tokens": None, "toolCalls": calls, "thoughts": [secret], "kind": model}
    texts = (f"/{secret}", f"<state_snapshot>{secret}", f"<session_context>{secret}", f"Content from @{secret}", secret)
    for nth, text in enumerate(texts):
        asked = {"id": f"q{number}-{nth}", "timestamp": now(), "type": "user"}
        yield {**asked, "content": [{"text": text}, {"inlineData": {"mimeType": secret, "data": secret}}]}
    yield {
        "id": f"e{number}",
        "timestamp": now(),
        "type": "error",
        "content": f"[API Error: {secret} (Status: {secret})]",
    }
    yield {"$set": {"messages": [{"id": "s", "type": "user", "content": f"<state_snapshot>{secret}"}]}}


def plant(agent: Agent | DroidAgent) -> None:
    """Write all secrets into the log, as good lines, as lines of wrong shape, and torn."""
    for secret in FAMILIES.values():
        if isinstance(agent, AmpAgent):
            amp_secrets(agent, secret)
        elif isinstance(agent, GeminiAgent):
            agent.lines += gemini_lines(secret)
        elif isinstance(agent, ClaudeAgent):
            agent.records += claude_rows(agent.session, secret)
        elif isinstance(agent, CopilotAgent | DroidAgent | OpenCodeAgent | PiAgent):
            agent.tell(secret)
        else:
            agent.rollout.lines += [
                {"timestamp": now(), **row} for row in codex_rows(secret) if row["payload"] != secret
            ]
    agent.flush()
    if isinstance(agent, OpenCodeAgent):
        storage = agent.log.parent / "storage" / "message" / agent.session
        storage.mkdir(parents=True)
        for identity, message in agent.messages.items():
            (storage / f"{identity}.json").write_text(json.dumps(message))
            (storage / f"{identity}-torn.json").write_text(json.dumps(message)[:-9])
        return
    if isinstance(agent, AmpAgent):
        agent.log.with_name("T-torn.json").write_bytes(agent.log.read_bytes()[:-20])
        agent.log.with_name("T-other.json").write_bytes(b'["' + BODY.encode() + b'"]')
        return
    lines = agent.log.with_name(f"{agent.session}.jsonl") if isinstance(agent, DroidAgent) else agent.log
    with lines.open("ab") as log:
        for secret in FAMILIES.values():
            log.write(f'{{"timestamp": "{now()}", "type": "{MARK}", "payload": {json.dumps(secret)}}}\n'.encode())
            log.write(secret.encode() + b"\n" + f'{{"type":"assistant","message":"{MARK}'.encode() + b"\n")
        log.write(f'{{"type":"user","message":{{"content":"{BODY}'.encode())


def held(*places: Path) -> set[str]:
    """Files below the places in which a piece of a secret stands."""
    files = (path for place in places for path in place.rglob("*") if path.is_file())
    return {path.name for path in files if MARK.lower().encode() in path.read_bytes().lower()}


LOGS = (".claude", ".codex", ".copilot", ".factory", ".gemini", ".local", ".pi")
KINS = (AmpAgent, ClaudeAgent, CodexAgent, CopilotAgent, DroidAgent, GeminiAgent, OpenCodeAgent, PiAgent)

NAMED = {
    AmpAgent: {"injected", "mode", "shell", "skill", "subagent", "tool"},
    ClaudeAgent: {"command", "skill", "shell"},
    CodexAgent: {"approval", "shell"},
    CopilotAgent: {
        *("api-error", "approval", "attachment", "effort", "instructions", "mode", "shell", "skill"),
        *("abort", "compaction", "injected", "message", "subagent", "tool", "command"),
    },
    DroidAgent: {"approval", "compaction", "effort", "message", "shell", "skill", "subagent", "tool"},
    GeminiAgent: {"api-error", "shell", "skill", "subagent", "tool"},
    OpenCodeAgent: {"api-error", "mode", "model-switch", "shell", "skill", "subagent", "tool"},
    PiAgent: {"compaction", "effort", "injected", "mcp", "message", "mode", "shell", "skill", "subagent", "tool"},
}
"""Kinds of things of which a secret stood in place of the name."""


@pytest.mark.parametrize("kin", KINS)
def test_no_secret_is_kept_or_shown(bench: Bench, kin: type[Agent | DroidAgent]) -> None:
    assert len(FAMILIES) >= 40
    agent = DroidAgent() if issubclass(kin, DroidAgent) else kin(bench, 1)
    used = agent.say()
    plant(agent)
    assert held(*(bench.home / place for place in LOGS))
    said = [bench.ok("start-task", "--title", "t", "--kind", "product", "--json", **agent.environ)]
    goal = str(said[0].goal["id"])
    said += [
        bench.ok(*command, **agent.environ) for command in (("mark", "plan"), ("sessions",), ("sessions", "--json"))
    ]
    said.append(bench.ok("continue-task", "--failure-reason", "other", **agent.environ))
    said.append(bench.ok("finish-task", goal, "--status", "success", **agent.environ))
    for command in ("show", "log", "report", "verify", "settle"):
        said += [bench.ok(command), bench.ok(command, "--json")]
    said.append(bench.tally("start-task", "--title", "t", "--kind", "product"))
    for words in ((), ("--all",), ("--json",), ("--all", "--json")):
        said.append(bench.ok("why", agent.session, *words))
    assert used
    assert held(bench.data, bench.ledger) == set()
    with closing(sqlite3.connect(bench.data / "history.db")) as store:
        kinds = {kind for (kind,) in store.execute("SELECT kind FROM what WHERE name = 'other'")}
        states = b"".join(state for (state,) in store.execute("SELECT state FROM source"))
    assert MARK.encode() not in states
    assert kinds >= NAMED.get(kin, set())
    for one in said:
        assert MARK.lower() not in (one.out + one.err).lower()


def test_the_search_would_find_one(bench: Bench) -> None:
    bench.start(f"about {MARK}")
    assert held(bench.ledger)


@pytest.mark.parametrize("family", ["aws key", "github", "anthropic", "jwt", "postgres", "password", "slack bot"])
@pytest.mark.parametrize("option", ["--title", "--notes", "--ref", "--model", "--input-source", "--source-id"])
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(bench: Bench, family: str, option: str) -> None:
    start = ("start-task", "--title", "t", "--kind", "check")
    assert bench.refused(*start, option, FAMILIES[family]) == "secret-like"
    said = bench.tally(*start, option, FAMILIES[family])
    assert MARK.lower() not in (said.out + said.err).lower()


def test_the_directory_is_kept_in_the_store_alone(bench: Bench) -> None:
    place = bench.repo / "sub-zz81"
    place.mkdir()
    bench.go(place)
    agent = ClaudeAgent(bench, 1)
    agent.say()
    bench.start(**agent.environ)
    bench.ok("mark", "plan", **agent.environ)
    assert b"sub-zz81" not in b"".join(bench.lines().values())
    assert str(bench.repo).encode() not in b"".join(bench.lines().values())
    assert "sub-zz81" not in bench.ok("show", "--json").out + bench.ok("report").out
