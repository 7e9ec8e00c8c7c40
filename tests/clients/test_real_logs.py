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
from tallybook.history.ingest import ingest
from tallybook.history.store import open_store

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
                assert (call.sent > 0, call.output) == (True, 1), client
            else:
                bare = call._replace(session="")
                found[bare if bare in blind else call] += 1
        assert found == wanted, client
        assert cut <= sum(call["label"] == client and call["logged"].startswith(CUT) for call in truth["calls"]), client
        agents.add(client.split("-")[0])
    assert {"claude", "codex"} <= agents
