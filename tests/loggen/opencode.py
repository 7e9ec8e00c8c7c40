"""OpenCode's sessions made up message by message, in both of its stores, with usage that is known at every look."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Json = dict[str, Any]
Parts = tuple[int, int, int, int, int]
"""Input, cache read, cache write, output without reasoning, reasoning."""
Known = tuple[str, Parts, str, bool]
"""Session, parts, quality, final."""

START: Final = 1_763_985_600_000
"""24 November 2025, in milliseconds since the epoch."""
MODEL: Final = "claude-sonnet-4-5"
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS session (id text PRIMARY KEY, project_id text NOT NULL, parent_id text,
    directory text NOT NULL, title text NOT NULL, version text NOT NULL, tokens_input integer DEFAULT 0 NOT NULL,
    time_created integer NOT NULL, time_updated integer NOT NULL);
CREATE TABLE IF NOT EXISTS message (id text PRIMARY KEY, session_id text NOT NULL, time_created integer NOT NULL,
    time_updated integer NOT NULL, data text NOT NULL,
    FOREIGN KEY (session_id) REFERENCES session(id) ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS message_session_time_created_id_idx ON message (session_id, time_created, id);
CREATE TABLE IF NOT EXISTS part (id text PRIMARY KEY, message_id text NOT NULL, session_id text NOT NULL,
    time_created integer NOT NULL, time_updated integer NOT NULL, data text NOT NULL);
CREATE INDEX IF NOT EXISTS part_message_id_id_idx ON part (message_id, id);
"""


def session_id(number: int) -> str:
    """The id of a session."""
    return f"ses_{number:012x}AbCdEfGhIjKlMn"


def dated_id(created: int, number: int = 0) -> str:
    """The id of a message that was written at a moment, which is a part of it; the rest is the number."""
    return f"msg_{created * 4096 % 2**48:012x}{number:06d}GhIjKlMn"


def message_id(number: int) -> str:
    """The id of a message."""
    return f"msg_{number:012x}AbCdEfGhIjKlMn"


def tokens(parts: Parts, total: str = "sum") -> Json:
    """``tokens``: with the ``sum`` of all, ``none``, a sum without ``reasoning`` or without what the ``cache`` did."""
    given, read, write, output, reasoning = parts
    told: Json = {"input": given, "output": output, "reasoning": reasoning, "cache": {"read": read, "write": write}}
    if total == "reasoning":
        told["output"] = output + reasoning
    sums = {"sum": sum(parts), "reasoning": sum(parts), "cache": given + output + reasoning}
    return {"total": sums[total], **told} if total in sums else told


def answer(created: int, used: Json | None, *, completed: int | None = None, **more: object) -> Json:
    """A message of the model, without ids."""
    time = {"created": created} if completed is None else {"created": created, "completed": completed}
    message: Json = {"parentID": "msg_asked", "role": "assistant", "mode": "build", "agent": "build"}
    message |= {"path": {"cwd": "/srv/shop", "root": "/srv/shop"}, "cost": 0.03, "modelID": MODEL}
    message |= {"providerID": "anthropic", "time": time}
    return message | ({} if used is None else {"tokens": used}) | more


def prompt(created: int) -> Json:
    """A message of the user."""
    model = {"providerID": "anthropic", "modelID": MODEL}
    return {"role": "user", "time": {"created": created}, "agent": "build", "model": model, "summary": {"diffs": []}}


def session(identity: str, created: int, **more: object) -> Json:
    """The file of a session."""
    time = {"created": created, "updated": created}
    return {"id": identity, "version": "1.1.0", "projectID": "p", "directory": "/srv/shop", "time": time, **more}


def step(used: Json) -> Json:
    """The part that ends a step."""
    return {"type": "step-finish", "reason": "tool-calls", "tokens": used, "cost": 0.01}


def tool(call: str, name: str = "bash", status: str = "completed", **more: object) -> Json:
    """The part of a tool call, in a state that began at the start of all and took a second."""
    time = {"start": START} if status == "running" else {"start": START, "end": START + 1000}
    state: Json = {"status": status, "input": {"command": "ls"}, "time": time, "metadata": {"exit": 0}}
    return {"type": "tool", "tool": name, "callID": call, "state": state | more}


TOOLS: Final[tuple[tuple[str, Json, tuple[tuple[str, str], ...]], ...]] = (
    ("bash", {}, (("tool", "bash"), ("shell", "ls"))),
    ("bash", {"metadata": {"exit": 2}}, (("tool", "bash"), ("shell", "ls"), ("tool-error", "bash"))),
    ("webfetch", {"input": {"url": "x"}}, (("tool", "webfetch"), ("web", "fetch"))),
    ("task", {"input": {"subagent_type": "general"}}, (("tool", "task"), ("subagent", "general"))),
)
"""Tools, what is told of a call, and what that tells."""


class Deed(msgspec.Struct, eq=False):
    """One thing that has happened in a session."""

    home: str
    kind: str
    name: str = ""
    at_home: bool = False
    """Its own session has shown it."""
    seen: bool = False


def _compact(told: Json) -> str:
    """As the columns of a database have it."""
    return json.dumps(told, separators=(",", ":"))


class Database:
    """An OpenCode database that is written as OpenCode writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(SCHEMA)
        self._open: sqlite3.Connection | None = None

    def connect(self) -> sqlite3.Connection:
        """A connection that stays open, so that what is written may stay in the journal."""
        if self._open is None:
            self._open = sqlite3.connect(self.path)
        return self._open

    def close(self) -> None:
        """Close it, which moves everything out of the journal."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def put_session(self, told: Json, updated: int) -> None:
        """Insert or update the row of a session, from its file."""
        values = (told["id"], "p", told.get("parentID"), told["directory"], told.get("title", "Shop"), told["version"])
        self._upsert("session", (*values, 0, told["time"]["created"], updated))

    def put_message(self, identity: str, home: str, data: Json, updated: int) -> None:
        """Insert or update the row of a message."""
        self._upsert("message", (identity, home, data["time"]["created"], updated, _compact(data)))

    def put_part(self, identity: str, message: str, data: Json) -> None:
        """Insert or update the row of a part."""
        self._upsert("part", (identity, message, "ses", 0, 0, _compact(data)))

    def commit(self) -> None:
        """Make it last."""
        self.connect().commit()

    def _upsert(self, table: str, values: Sequence[object]) -> None:
        marks = ", ".join("?" * len(values))
        names = [row[1] for row in self.connect().execute(f"PRAGMA table_info({table})")]
        news = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        self.connect().execute(
            f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {news}",  # noqa: S608 - of a test
            values,
        )


class Served(msgspec.Struct, eq=False):
    """One response as it was served, and what of it was to be seen so far."""

    home: str
    parts: Parts
    seen: str = ""
    """How its message was last seen: ``open``, ``whole`` or ``broken``."""
    copies: set[tuple[int, str]] = msgspec.field(default_factory=set)
    """Birth and id of the sessions in which whole copies were seen."""

    def expected(self) -> Known | None:
        """What can be known of it; None if nothing can."""
        if self.seen == "whole" or (self.seen == "open" and self.copies):
            return self.home, self.parts, "exact", True
        if self.copies:
            return min(self.copies)[1], self.parts, "unverified", True
        return (self.home, (0, 0, 0, 0, 0), "lower_bound", False) if self.seen == "open" else None


class Entry(msgspec.Struct, eq=False):
    """One message as it stands now."""

    id: str
    data: Json
    served: Served | None
    state: str
    steps: list[Json]
    updated: int
    parts: list[Json] = msgspec.field(default_factory=list)
    deeds: list[Deed] = msgspec.field(default_factory=list)
    asks: Deed | None = None
    """Of a prompt, its turn."""


class Chat(msgspec.Struct, eq=False):
    """One session as it stands now."""

    told: Json
    entries: list[Entry] = msgspec.field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.told["id"])

    @property
    def born(self) -> int:
        return int(self.told["time"]["created"])


class World(msgspec.Struct):
    """Sessions that answer, fork, delegate, go back and vanish as those of OpenCode do."""

    rng: random.Random
    rows: bool
    """Messages are rows of a database now, and no files any more."""
    chats: list[Chat] = msgspec.field(default_factory=list)
    served: list[Served] = msgspec.field(default_factory=list)
    moves: bool = False
    """Whether the database may take over on the way."""
    old: dict[str, bytes] = msgspec.field(default_factory=dict)
    """Files that were left when the database came."""
    left: list[tuple[Chat, Served, str]] = msgspec.field(default_factory=list)
    """What they tell of: session, response, state."""
    left_deeds: list[tuple[Chat, Deed]] = msgspec.field(default_factory=list)
    deeds: list[Deed] = msgspec.field(default_factory=list)
    serial: int = 0

    def tick(self) -> int:
        """A moment of its own."""
        self.serial += 1
        return START + 60_000 * self.serial

    def start(self, **more: object) -> Chat:
        at = self.tick()
        chat = Chat(session(session_id(self.serial), at, **more))
        self.chats.append(chat)
        entry = self._add(chat, prompt(self.tick()), None, "whole")
        entry.parts = [{"type": "text", "text": "sell more"}]
        entry.deeds = [self._deed(chat, "prompt", "agent" if more.get("parentID") else "typed")]
        entry.asks = self._deed(chat, "turn")
        return chat

    def step(self) -> None:
        """Something happens."""
        chat = self.rng.choice(self.chats) if self.chats and self.rng.random() < 0.9 else self.start()
        self.finish(chat)
        match self.rng.randrange(11):
            case 0:
                self.fork(chat)
            case 1:
                self.answer(self.start(parentID=chat.id, title="Look (@general subagent)"))
            case 2:
                del chat.entries[self.rng.randrange(len(chat.entries) + 1) :]
            case 3 if len(self.chats) > 1:
                self.chats.remove(chat)
            case 4 | 5:
                self.begin(chat)
            case 6:
                self._add(
                    chat,
                    answer(self.tick(), tokens((0,) * 5), completed=self.tick(), finish="tool-calls"),
                    None,
                    "whole",
                )
            case 7 if self.moves and not self.rows:
                self.migrate()
            case 8:
                self.walk(chat)
            case _:
                self.answer(chat)

    def answer(self, chat: Chat) -> None:
        """A whole response."""
        served = self._serve(chat)
        at = self.tick()
        used = tokens(served.parts, self.rng.choice(["sum", "sum", "none", "reasoning", "cache"]))
        more = {"finish": "stop"} if self.rows or self.rng.random() < 0.5 else {}
        entry = self._add(chat, answer(at, used, completed=self.tick(), **more), served, "whole")
        entry.parts = [{"type": "reasoning", "text": "so"}, {"type": "text", "text": "done"}]
        entry.deeds = [self._deed(chat, "reasoning"), self._deed(chat, "message")]
        if self.rng.random() < 0.5:
            name, state, told = self.rng.choice(TOOLS)
            entry.parts.append(tool(f"call_{self.serial}", name, **state))
            entry.deeds += [self._deed(chat, *one) for one in told]

    def walk(self, chat: Chat) -> None:
        """A response of several steps, as early builds put them into one message, which tells of the last one."""
        served = self._serve(chat)
        steps = [tokens((1, 2, 3, 4, 5)), tokens((10, 0, 0, 7, 0)), tokens(served.parts)]
        sums = [sum(column) for column in zip(served.parts, (1, 2, 3, 4, 5), (10, 0, 0, 7, 0), strict=True)]
        entry = self._add(chat, answer(self.tick(), tokens(served.parts), completed=self.tick()), served, "whole")
        entry.steps = [step(used) for used in steps]
        served.parts = (sums[0], sums[1], sums[2], sums[3], sums[4])

    def begin(self, chat: Chat) -> None:
        """A response that is being written."""
        data = answer(self.tick(), tokens((0, 0, 0, 0, 0), "none"))
        entry = self._add(chat, data, self._serve(chat), "open")
        entry.parts = [tool("call_1", status="running")]
        entry.deeds = [self._deed(chat, "tool", "bash"), self._deed(chat, "shell", "ls")]

    def finish(self, chat: Chat) -> None:
        """What was being written is whole, or broken off, or left alone by a program that died."""
        if not chat.entries or chat.entries[-1].state != "open" or chat.entries[-1].served is None:
            return
        entry, served = chat.entries[-1], chat.entries[-1].served
        if served.home != chat.id or self.rng.random() < 0.2:
            return
        entry.data["time"]["completed"] = entry.updated = self.tick()
        if self.rng.random() < 0.3:
            entry.state = "broken"
            entry.data["error"] = {"name": "MessageAbortedError", "data": {"message": "aborted"}}
            entry.parts = [tool("call_1", status="error", error="Tool execution aborted")]
            entry.deeds += [self._deed(chat, "tool-error", "bash"), self._deed(chat, "abort", "interrupted")]
        else:
            entry.state = "whole"
            entry.data |= {"tokens": tokens(served.parts), "finish": "stop"}
            entry.parts = [tool("call_1")]

    def fork(self, chat: Chat) -> None:
        """A session that begins with a copy under new ids."""
        at = self.tick()
        fork = Chat(session(session_id(self.serial), at, title=f"{chat.told.get('title', 'Shop')} (fork #1)"))
        self.chats.append(fork)
        for entry in chat.entries[: self.rng.randrange(len(chat.entries) + 1)]:
            data = json.loads(json.dumps(entry.data))
            copy = self._add(fork, data, entry.served, entry.state, copied=True)
            copy.steps, copy.parts, copy.deeds = list(entry.steps), list(entry.parts), list(entry.deeds)
            copy.asks = entry.asks

    def migrate(self) -> None:
        """The database takes over; the files stay as they are."""
        self.old = self.files()
        self.left = list(self._visible())
        self.left_deeds = list(self._deeds())
        self.rows = True

    def look(self) -> None:
        """Everything is seen as it stands; of two versions of a message the one that has ended is taken."""
        for chat, served, state in [*self.left, *self._visible()]:
            if served.home == chat.id:
                served.seen = state if state != "open" else served.seen or state
            elif state == "whole":
                served.copies.add((chat.born, chat.id))
            elif state == "broken" and served.seen == "open":
                served.seen = state  # the copy was made once it had ended
        for chat, deed in [*self.left_deeds, *self._deeds()]:
            deed.seen = True
            deed.at_home = deed.at_home or deed.home == chat.id

    def forget(self) -> None:
        """Nobody has looked yet."""
        for served in self.served:
            served.seen = ""
            served.copies.clear()
        for deed in self.deeds:
            deed.seen = deed.at_home = False

    def happened(self) -> list[Deed]:
        """What was seen of what has happened, each once."""
        return [deed for deed in self.deeds if deed.seen]

    def expected(self) -> Counter[Known]:
        """What can be known of each response from what was seen."""
        return Counter(known for served in self.served if (known := served.expected()))

    def files(self) -> dict[str, bytes]:
        """Every JSON file by its path below ``storage``."""
        if self.rows:
            return self.old
        return {path: json.dumps(told, indent=2).encode() for path, told in self._documents()}

    def write(self, database: Database) -> None:
        """Bring a database up to date; what has gone is deleted."""
        for chat in self.chats:
            database.put_session(chat.told, max([chat.born, *(entry.updated for entry in chat.entries)]))
            for entry in chat.entries:
                database.put_message(entry.id, chat.id, entry.data, entry.updated)
                for number, part in enumerate([*entry.steps, *entry.parts]):
                    database.put_part(f"prt_{entry.id}_{number}", entry.id, part)
        ids = {
            "session": [chat.id for chat in self.chats],
            "message": [one.id for chat in self.chats for one in chat.entries],
        }
        for table, there in ids.items():
            marks = ", ".join("?" * len(there))
            database.connect().execute(f"DELETE FROM {table} WHERE id NOT IN ({marks})", there)  # noqa: S608
        database.commit()

    def _visible(self) -> Iterator[tuple[Chat, Served, str]]:
        for chat in self.chats:
            for entry in chat.entries:
                if entry.served is not None:
                    yield chat, entry.served, entry.state

    def _deeds(self) -> Iterator[tuple[Chat, Deed]]:
        """What is to be seen of what has happened, and where."""
        for chat in self.chats:
            asks = next((entry.asks for entry in chat.entries if entry.asks is not None), None)
            for entry in chat.entries:
                yield from ((chat, deed) for deed in entry.deeds)
                ended = "completed" in entry.data["time"] and entry.data.get("finish") != "tool-calls"
                if asks is not None and ended:
                    yield chat, asks

    def _deed(self, chat: Chat, kind: str, name: str = "") -> Deed:
        self.deeds.append(Deed(chat.id, kind, name))
        return self.deeds[-1]

    def _documents(self) -> Iterator[tuple[str, Json]]:
        for chat in self.chats:
            yield f"session/p/{chat.id}.json", chat.told
            for entry in chat.entries:
                for number, part in enumerate([*entry.steps, *entry.parts]):
                    told = {"id": f"prt_{number}", "messageID": entry.id, **part}
                    yield f"part/{entry.id}/prt_{number}.json", told
                yield f"message/{chat.id}/{entry.id}.json", {"id": entry.id, "sessionID": chat.id, **entry.data}

    def _add(self, chat: Chat, data: Json, served: Served | None, state: str, *, copied: bool = False) -> Entry:
        at = self.tick()
        entry = Entry(dated_id(at if copied else data["time"]["created"], self.serial), data, served, state, [], at)
        if "parentID" in data:
            asked = [one.id for one in chat.entries if one.asks is not None]
            data["parentID"] = asked[0] if asked else "msg_gone"
        chat.entries.append(entry)
        return entry

    def _serve(self, chat: Chat) -> Served:
        n = self.serial
        served = Served(chat.id, (3 + n, 10_000 + 31 * n, 500 + 7 * n, 100 + n, n % 3 * 40))
        self.served.append(served)
        return served
