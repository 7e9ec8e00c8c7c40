"""The logs that real agent programs leave, against what a model server on loopback has served them, call by call."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from clients.workbench import clients_directory, missing
from tallybook.agents.registry import AGENTS, readers
from tallybook.domain.own_counters import not_itemised, own_usage, session_counter
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import SessionKey
from tallybook.history.activity import activity_counts, own_counters, snapshots
from tallybook.history.ingest import ingest
from tallybook.history.queries import session_rows
from tallybook.history.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.clients
CUT = "no: failed, cut or aborted"
RESPONSES = """SELECT s.name, m.text, q.text, r.input + r.cache_write_5m + r.cache_write_1h + r.cache_write_unknown,
    r.cache_read, r.output FROM response r JOIN session s ON s.id = r.session
    JOIN word m ON m.id = r.model JOIN word q ON q.id = r.quality"""


class Call(NamedTuple):
    """One call as far as both sides tell of it."""

    session: str
    """Empty where the server was told none."""
    sent: int
    cache_read: int
    output: int


@pytest.fixture(scope="session")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs and truth of one run: of ``TALLYBOOK_CLIENT_LOGS``, else made now; ``WITH_OLD=1`` has older versions too."""
    named = os.environ.get("TALLYBOOK_CLIENT_LOGS")
    if named:
        return Path(named)
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    place = tmp_path_factory.mktemp("real")
    tools = os.environ.get("TALLYBOOK_CLIENT_TOOLS", str(tmp_path_factory.mktemp("tools")))
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "WITH_OLD") if name in os.environ}
    done = subprocess.run(
        ["bash", clients_directory() / "run_real_clients.sh", place],
        env={**environ, "TOOLS": tools},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    if not (place / "ground_truth.json").exists():
        pytest.skip(f"the agent programs could not be run: {done.stderr[-200:]}")
    return place


def served(truth: dict[str, Any], client: str) -> Iterator[tuple[str, Call]]:
    """What the server served a client: whether its log should hold it, and the call."""
    for call in truth["calls"]:
        it = call["neutral"]
        if call["label"] == client and it is not None:
            sent = it["input_uncached"] + it["cache_write_5m"] + it["cache_write_1h"]
            yield call["logged"], Call(call["session"] or "", sent, it["cache_read"], it["output"])


def is_placeholder(client: str, call: Call) -> bool:
    """What a log holds of an answer that was cut: Claude's all that was sent, OpenCode's nothing at all."""
    if client == "opencode":
        return (call.sent, call.cache_read, call.output) == (0, 0, 0)
    return call.sent > 0 and call.output == 1


def cut_short(truth: dict[str, Any], client: str) -> int:
    """Answers of which no usage was told; a run that took too long was ended within one."""
    cut = [call for call in truth["calls"] if call["label"] == client and call["logged"].startswith(CUT)]
    return len(cut) + len([run for run in truth["runs"] if run["label"] == client and run["rc"] == "timeout"])


def test_each_call_is_counted_once(outcome: Path, tmp_path: Path) -> None:
    """All calls that are logged and no other, in their sessions; answers that were cut are lower bounds."""
    truth = json.loads((outcome / "ground_truth.json").read_text())
    agents = set()
    for client, run in truth["clients"].items():
        if client.split("-")[0] not in AGENTS:
            continue
        home = outcome / run["home"]
        with open_store(tmp_path / client) as store:
            report = ingest(store, readers(), {"HOME": str(home)})
            rows = store.rows(RESPONSES)
        assert [problem for problem in report.problems if problem.code != "unreadable-log"] == [], client
        calls = list(served(truth, client))
        wanted = Counter(call for logged, call in calls if logged == "yes")
        blind = {call._replace(session="") for call in wanted if not call.session}
        found: Counter[Call] = Counter()
        cut = 0
        for session, _, quality, *counts in rows:
            call = Call(session.partition("/")[0], *counts)
            if quality == "lower_bound":
                cut += 1
                assert is_placeholder(client, call), (client, call)
            else:
                bare = call._replace(session="")
                found[bare if bare in blind else call] += 1
        assert found == wanted, client
        assert cut <= cut_short(truth, client), client
        agents.add(client.split("-")[0])
    assert {"claude", "codex"} <= agents


def responses_of(store: Store, session: str) -> list[tuple[str, TokenVector]]:
    """Model and tokens of a session's responses and of its subagents'."""
    rows = store.rows(
        """SELECT m.text, r.input, r.cache_read, r.cache_write_5m, r.cache_write_1h, r.cache_write_unknown, r.output,
        r.reasoning FROM response r JOIN word m ON m.id = r.model JOIN session s ON s.id = r.session
        WHERE s.name = ? OR s.name LIKE ? || '/%'""",
        (session, session),
    )
    return [(model, TokenVector(*parts)) for model, *parts in rows]


def test_each_call_of_a_tool_is_counted_once(outcome: Path, tmp_path: Path) -> None:
    """As often as responses have asked for one; each has an end, and a program where a shell ran it."""
    truth = json.loads((outcome / "ground_truth.json").read_text())
    for client in ("claude", "claude-latest", "codex"):
        with open_store(tmp_path / client) as store:
            ingest(store, readers(), {"HOME": str(outcome / truth["clients"][client]["home"])})
            told = [calls for (calls,) in store.rows("SELECT calls FROM response")]
            calls = {hashes[at : at + 8] for hashes in told for at in range(0, len(hashes), 8)}
            counts = Counter[str]()
            for row in activity_counts(store):
                counts[row.kind] += row.count
        assert counts["tool"] == len(calls) > 0, client
        assert counts["shell"] > 0, client
        assert counts["turn"] == counts["prompt"] - counts["subagent"] or client == "codex", client


def test_codex_counts_as_we_do(outcome: Path, tmp_path: Path) -> None:
    """Its own totals, by count and by record, are what the thread's responses come to."""
    truth = json.loads((outcome / "ground_truth.json").read_text())
    with open_store(tmp_path / "data") as store:
        ingest(store, readers(), {"HOME": str(outcome / truth["clients"]["codex"]["home"])})
        compared = 0
        for row in session_rows(store):
            counters = {one.scope: one.tokens for one in own_counters(store, row.key)}
            for scope in ("thread", "record"):
                own = own_usage(counters, scope)
                if own is not None:
                    assert own == row.tokens, (row.session, scope)
                    compared += 1
    assert compared > 10


def test_what_claude_counts_beyond_its_rows_is_what_was_served_without_one(outcome: Path, tmp_path: Path) -> None:
    """Compactions and titles, exact to the token; in forks without what their parents had."""
    truth = json.loads((outcome / "ground_truth.json").read_text())
    unseen: Counter[str] = Counter()
    cut = {call.get("session") for call in truth["calls"] if call["logged"].startswith(CUT)}
    for logged, call in served(truth, "claude-latest"):
        if logged != "yes":
            unseen[call.session] += call.output
    with open_store(tmp_path / "data") as store:
        ingest(store, readers(), {"HOME": str(outcome / truth["clients"]["claude-latest"]["home"])})
        forks = dict(store.rows("SELECT name, forked_from FROM session WHERE forked_from IS NOT NULL"))
        compared = 0
        for row in session_rows(store):
            own = snapshots(store, row.key, "cost-state")
            parent = SessionKey("claude", forks.get(row.session, ""))
            counter = session_counter(own, snapshots(store, parent, "cost-state"), row.born_at)
            if counter is not None and row.session not in cut:
                rest = not_itemised(counter, responses_of(store, row.session))
                assert sum(tokens.output for tokens in rest.values()) == unseen[row.session], row.session
                compared += 1
    assert compared > 5
    assert forks
