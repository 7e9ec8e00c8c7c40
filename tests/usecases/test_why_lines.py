"""Any worlds of all agents in one store: every session is explained to the token, and every line of its logs once."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from loggen import amp, claude, codex, copilot, gemini, pi
from tallybook.agents.registry import reader, readers
from tallybook.agents.verdicts import What
from tallybook.domain.usage import SessionKey
from tallybook.history.explanation import explanation
from tallybook.history.ingest import ingest
from tallybook.history.response_keys import key_text
from tallybook.history.store import Store, open_store
from tallybook.usecases.why_lines import Spot, View, WhyLog, explained

if TYPE_CHECKING:
    from collections.abc import Iterator


def codex_files(rng: random.Random) -> dict[str, bytes]:
    """Threads that fork, spawn and repeat themselves."""
    world = codex.World(rng.choice(["2025", "legacy", "paginated"]))
    world.begin_turn(world.start(), "gpt-5.5")
    for _ in range(rng.randrange(12)):
        session = rng.choice(world.sessions)
        match rng.randrange(5):
            case 0:
                world.begin_turn(session, "gpt-5.5")
            case 1 if len(world.sessions) < 4:
                world.begin_turn(world.fork(session, spawned=rng.random() < 0.5), "gpt-5.5")
            case 2:
                world.noise(session, rng.randrange(4))
            case _:
                world.respond(session, rng.randrange(3), recorded=world.era != "2025" and rng.random() < 0.5)
    return {f"codex/sessions/2026/01/01/{key.rpartition(':')[2]}.jsonl": data for key, data in world.files().items()}


def stepped(world: amp.World | copilot.World | gemini.World | pi.World, rng: random.Random) -> dict[str, bytes]:
    """Some life of an agent."""
    for _ in range(rng.randrange(1, 15)):
        world.step()
    return world.files()


def files_of(rng: random.Random) -> dict[str, bytes]:
    """Logs of an agent, by their paths below a home."""
    match rng.randrange(6):
        case 0:
            return codex_files(rng)
        case 1:
            corpus = claude.Maker(rng).corpus()
            return {f"claude/projects/p/{key}.jsonl": data for key, data in corpus.encoded().items()}
        case 2:
            return {f"amp/threads/{name}": data for name, data in stepped(amp.World(rng, True, False), rng).items()}
        case 3:
            return {f".gemini/tmp/{name}": data for name, data in stepped(gemini.World(rng, False), rng).items()}
        case 4:
            world = pi.World(rng, True, True)
            return {f".pi/agent/sessions/p/{Path(name).name}": data for name, data in stepped(world, rng).items()}
        case _:
            return {name.removeprefix("/home/"): data for name, data in stepped(copilot.World(rng), rng).items()}


def environ_of(place: str) -> dict[str, str]:
    homes = {"CODEX_HOME": "codex", "CLAUDE_CONFIG_DIR": "claude", "AMP_DATA_DIR": "amp"}
    return {"HOME": place, **{name: f"{place}/{below}" for name, below in homes.items()}}


def keys(store: Store) -> list[SessionKey]:
    return [
        SessionKey(*row)
        for row in store.rows("SELECT a.name, s.name FROM session s JOIN agent a ON a.id = s.agent ORDER BY s.id")
    ]


def logs_of(store: Store, key: SessionKey, *, every: bool) -> Iterator[WhyLog]:
    """The explanation of a session, whose sum is checked."""
    found = explanation(store, reader(key.agent), key)
    assert found is not None
    spots = {name: Spot(*place) for name, place in found.places.items()}
    logs = [explained(View(reader(key.agent), key.session, spots, {}, every), log) for log in found.logs]
    told = Counter(one.key for log in logs for line in log.lines for one in line.counted)
    stored = store.rows(
        """SELECT r.key, s.name FROM response r JOIN session s ON s.id = r.session JOIN agent a ON a.id = s.agent
        WHERE a.name = ? AND s.name = ?""",
        (key.agent, key.session),
    )
    assert told == Counter(key_text(*row) for row in stored)
    for line in (line for log in logs for line in log.lines):
        assert line.why
        assert not (line.what is What.COPY and line.response and line.counted_at is None)
    return iter(logs)


def lines_in(path: str) -> int:
    """How many there are, with one that is not written to its end."""
    return len(Path(path).read_bytes().splitlines())


@given(st.integers(0, 2**32))
@settings(max_examples=60)
def test_every_line_is_explained_once_and_every_token_is_counted(seed: int) -> None:
    """With --all each line has its own row; without it, rows and sums make up the same lines."""
    rng = random.Random(seed)
    with TemporaryDirectory() as place, open_store(Path(place) / "store") as store:
        for name, data in files_of(rng).items():
            path = Path(place, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        ingest(store, readers(), environ_of(place))
        for key in keys(store):
            for log in logs_of(store, key, every=True):
                if log.whole and log.lines and log.lines[0].number is not None:
                    assert {line.number for line in log.lines} == set(range(1, lines_in(log.path) + 1))
                    assert not log.sums
            for log in logs_of(store, key, every=False):
                if log.whole and any(line.number is not None for line in log.lines):
                    shown = [line.number for line in log.lines]
                    assert len({*shown}) + sum(one.lines for one in log.sums) >= lines_in(log.path)


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_what_is_gone_is_explained_by_what_was_kept(seed: int) -> None:
    """The same responses, without lines."""
    rng = random.Random(seed)
    with TemporaryDirectory() as place, open_store(Path(place) / "store") as store:
        paths = [Path(place, name) for name in files_of(rng)]
        for path, data in zip(paths, files_of(random.Random(seed)).values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        ingest(store, readers(), environ_of(place))
        for path in paths:
            path.unlink()
        unnoticed = [log for key in keys(store) for log in logs_of(store, key, every=False)]
        assert all(log.fault is not None or all(line.byte is None for line in log.lines) for log in unnoticed)
        ingest(store, readers(), environ_of(place))
        for key in keys(store):
            assert all(log.fault is None and not log.readable for log in logs_of(store, key, every=False))
