"""Both agents' logs through the store: whatever arrives first, and in whatever parts, the truth comes out once."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from history.fake import DUMPS
from loggen.claude import Maker
from loggen.codex import World
from tallybook.agents.registry import readers
from tallybook.domain.tokens import ZERO, TokenVector, total_of
from tallybook.history import growth
from tallybook.history.activity import activity_by_session
from tallybook.history.ingest import ingest
from tallybook.history.queries import history_total
from tallybook.history.response_keys import key_text
from tallybook.history.settling import settle_activity
from tallybook.history.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def codex_world(rng: random.Random) -> World:
    world = World(rng.choice(["2025", "legacy", "paginated"]))
    world.begin_turn(world.start(), "gpt-5.5")
    for _ in range(rng.randrange(12)):
        session = rng.choice(world.sessions)
        match rng.randrange(4):
            case 0:
                world.begin_turn(session, rng.choice(["gpt-5.5", "gpt-5.5-mini"]))
            case 1 if len(world.sessions) < 4:
                world.begin_turn(world.fork(session, spawned=rng.random() < 0.5), "gpt-5.5")
            case _:
                world.respond(session, rng.randrange(3), recorded=world.era != "2025" and rng.random() < 0.5)
    return world


def codex_vector(usage: Sequence[int]) -> TokenVector:
    whole, cached, written, output, reasoning = usage
    return TokenVector(whole - cached - written, cached, 0, 0, written, output, reasoning)


def parts(rng: random.Random, data: bytes) -> Iterator[bytes]:
    """The file as it stands at some moments of its growth, whole at last."""
    for end in sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(3))):
        yield data[:end]
    yield data


BESIDE = {
    "counters": """SELECT o.key, s.name, c.scope, c.model, c.at, c.input, c.cache_read, c.cache_write_5m,
        c.cache_write_1h, c.cache_write_unknown, c.output, c.reasoning, c.unreported FROM own_counter c
        JOIN session s ON s.id = c.session JOIN source o ON o.id = c.source""",
    "limits": """SELECT o.key, s.name, l.slot, l.at, l.name, l.minutes, l.used, l.resets_at, l.plan, l.credits
        FROM limit_sample l JOIN session s ON s.id = l.session JOIN source o ON o.id = l.source""",
}


def contents(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All that is told of responses and sessions, of what agents count themselves, and of their allowances."""
    store.add_function("key_text", key_text)
    queries = {name: DUMPS[name] for name in ("responses", "sessions")} | BESIDE
    found = {name: sorted(store.rows(query), key=repr) for name, query in queries.items()}
    settle_activity(store)
    return {**found, "activity": sorted(map(astuple, activity_by_session(store)), key=repr)}


@pytest.fixture(params=[0, growth.LONG], ids=["all-grow", "long-ones-grow"], scope="module")
def long(request: pytest.FixtureRequest) -> Iterator[None]:
    """How many rows a log must have to be counted by what is added to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growth, "LONG", request.param)
        yield


@pytest.mark.usefixtures("long")
@given(st.integers(0, 2**32))
@settings(max_examples=25)
def test_truth_comes_out_once(seed: int) -> None:
    rng = random.Random(seed)
    corpus, world = Maker(rng).corpus(), codex_world(rng)
    with TemporaryDirectory() as place:
        home = Path(place)
        environ = {"HOME": place, "CODEX_HOME": f"{place}/codex", "CLAUDE_CONFIG_DIR": f"{place}/claude"}
        files = {home / "claude" / "projects" / "p" / f"{key}.jsonl": data for key, data in corpus.encoded().items()}
        files |= {
            home / "codex" / "sessions" / "2026" / "01" / "01" / f"{key.rpartition(':')[2]}.jsonl": data
            for key, data in world.files().items()
        }
        arrivals = [(path, part) for path, data in files.items() for part in parts(rng, data)]
        rng.shuffle(arrivals)
        with open_store(home / "grown") as store:
            sizes: dict[Path, int] = {}
            for path, part in arrivals:
                if len(part) >= sizes.get(path, 0):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(part)
                    sizes[path] = len(part)
                    ingest(store, readers(), environ)
            grown = contents(store)
        with open_store(home / "cold") as store:
            ingest(store, readers(), environ)
            assert contents(store) == grown
            total = history_total(store)
    claude = total_of(TokenVector(*truth.tokens) for truth in corpus.truth)
    codex = total_of(codex_vector(usage) for usage in world.expected({*world.files()}))
    assert total.tokens == sum((claude, codex), ZERO)
    assert total.responses == len(corpus.truth) + len(world.expected({*world.files()}))
