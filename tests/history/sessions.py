"""Stores with a few sessions in them, made by ingest."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from history.talker import Talker, item_line
from tallybook.agents.port import Batch, SessionFact
from tallybook.history.ingest import ingest
from tallybook.history.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tallybook.agents.port import Item, Line, LogFile


class Speaker(Talker):
    """Tells of sessions too."""

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        read = [(json.loads(line.raw), line) for line in lines]
        batch = super().read(log, [line for row, line in read if row[0] != "session"], state)
        sessions = tuple(SessionFact(**row[1]) for row, _ in read if row[0] == "session")
        return Batch(sessions=sessions, items=batch.items, state=state)


def fill(home: Path, store: Store, facts: Sequence[SessionFact], items: Sequence[Item] = ()) -> None:
    """Write one log of these and ingest it."""
    logs = home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    fields = SessionFact.__struct_fields__
    rows = [json.dumps(["session", {name: getattr(fact, name) for name in fields}]).encode() + b"\n" for fact in facts]
    path = logs / "one.log"
    path.write_bytes(b"".join([*rows, *map(item_line, items)]))
    ingest(store, [Speaker()], {"FAKE_HOME": str(logs)})


@contextmanager
def session_store(home: Path, cwds: Sequence[str]) -> Iterator[Store]:
    """A store with a session in each of these directories."""
    with open_store(home / "data") as store:
        fill(home, store, [SessionFact(f"s{number}", cwd=cwd) for number, cwd in enumerate(cwds)])
        yield store
