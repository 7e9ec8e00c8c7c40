"""Amp's threads made up message by message, and a small world of them whose true usage is known at every look."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]
Parts = tuple[int, int, int, int]
"""Input, cache read, cache write, output."""

START: Final = 1_763_985_600_000
"""24 November 2025, in milliseconds since the epoch."""
MODEL: Final = "claude-haiku-4-5-20251001"


def name(number: int) -> str:
    """The id of a thread."""
    return f"T-{number:08x}-0000-4000-8000-{number:012x}"


def stamp(at: int) -> str:
    """A time as Amp writes it, of milliseconds since the epoch."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def usage(parts: Parts, at: int | None = None, model: str = MODEL) -> Json:
    """The usage of a message; the sum of the inputs stands beside them."""
    given, read, write, output = parts
    told: Json = {
        "model": model,
        "maxInputTokens": 168_000,
        "inputTokens": given,
        "outputTokens": output,
        "cacheCreationInputTokens": write,
        "cacheReadInputTokens": read,
        "totalInputTokens": given + read + write,
        "credits": 1.25,
    }
    return told if at is None else {**told, "timestamp": stamp(at)}


def answer(number: object, used: Json | None, *, state: str = "complete", calls: Iterable[str] = ()) -> Json:
    """A message of the model."""
    blocks = [{"type": "tool_use", "id": call, "name": "Bash", "input": {"cmd": "ls"}} for call in calls]
    content = [{"type": "text", "text": 'done {"usage":{"inputTokens":9}}'}, *blocks]
    message: Json = {"role": "assistant", "messageId": number, "content": content, "state": {"type": state}}
    return message if used is None else {**message, "usage": used}


def prompt(number: object, at: int | None = None) -> Json:
    """A message of the user."""
    message: Json = {"role": "user", "messageId": number, "content": [{"type": "text", "text": "add a shelf"}]}
    return message if at is None else {**message, "meta": {"sentAt": at}}


def result(number: object, call: str, status: str) -> Json:
    """What a tool gave back."""
    block = {"type": "tool_result", "toolUseID": call, "run": {"status": status, "result": "x"}}
    return {"role": "user", "messageId": number, "content": [block]}


def event(identity: str, number: object, tokens: Json, at: int | None, **more: object) -> Json:
    """An event of the ledger."""
    told = {"id": identity, "model": MODEL, "credits": 1.25, "tokens": tokens, "operationType": "inference"}
    dated = {} if at is None else {"timestamp": stamp(at)}
    return {**told, **dated, "fromMessageId": 0, "toMessageId": number, **more}


def thread(identity: str, messages: list[Json], events: list[Json] | None = None, **more: object) -> Json:
    """A document."""
    ledger: Json = {} if events is None else {"usageLedger": {"events": events}}
    return {"v": 7, "id": identity, "created": START, "title": "Shelf", "messages": messages, **ledger, **more}


def encode(document: Json, *, pretty: bool = True) -> bytes:
    """The bytes of a file, without a newline at the end."""
    return json.dumps(document, indent=2 if pretty else None).encode()


class Served(msgspec.Struct, eq=False):
    """One response as it was served, and where it was to be seen so far."""

    home: str
    parts: Parts
    told: bool = False
    copied: bool = False
    """Its message was seen in a fork."""
    remains: bool = False
    """What was left of it when it was broken off was seen in a fork."""
    begun: bool = False
    """Its message was seen while it was written, or after it had been broken off."""
    ledger: Parts | None = None
    """What its event told."""
    instead: tuple[Served, ...] = ()
    """Responses of a subagent that it stands for, as long as none of them was seen."""

    @property
    def seen(self) -> bool:
        return self.told or self.copied or self.remains or self.begun or self.ledger is not None

    def expected(self) -> tuple[str, Parts, str] | None:
        """Session, tokens and quality; None for what nobody can know, or is told by others."""
        if not self.seen or any(one.seen for one in self.instead):
            return None
        if self.told or ((self.copied or self.begun) and self.ledger is not None):
            return self.home, self.parts, "exact"
        if self.copied:
            return self.home, self.parts, "unverified"
        if self.begun or self.remains:
            return self.home, (*self.parts[:3], 1), "lower_bound" if self.begun else "unverified"
        return self.home, self.ledger or (0, 0, 0, 0), "lower_bound"


Happened = tuple[str, str, str]
"""Thread, kind and name of something that happened; how a turn has ended is left out."""


class Chat(msgspec.Struct, eq=False):
    """One thread as it stands now."""

    id: str
    created: int
    messages: list[Json] = msgspec.field(default_factory=list)
    answers: list[Served | None] = msgspec.field(default_factory=list)
    """What each message was served with."""
    homes: list[str] = msgspec.field(default_factory=list)
    """The thread in which each message was written."""
    events: list[Json] = msgspec.field(default_factory=list)
    ledger: list[Served] = msgspec.field(default_factory=list)
    """What each event tells of."""
    number: int = 0
    more: Json = msgspec.field(default_factory=dict)
    copied: int = 0
    saved: bool = True

    def add(self, message: Json, served: Served | None) -> None:
        self.messages.append({**message, "messageId": self.number})
        self.answers.append(served)
        self.homes.append(self.id)
        self.number += 1

    def content(self, rng: random.Random) -> bytes:
        events = list(self.events)
        rng.shuffle(events)
        document = thread(self.id, self.messages, events, created=self.created, **self.more)
        return encode(document, pretty=rng.random() < 0.5)


class World(msgspec.Struct):
    """Threads that answer, edit, fork and delegate as Amp does."""

    rng: random.Random
    dated: bool
    """Whether messages tell their times."""
    reuses: bool = False
    """Whether an edited thread gives the numbers of what was cut to later ones; each answer is told twice there."""
    chats: list[Chat] = msgspec.field(default_factory=list)
    served: list[Served] = msgspec.field(default_factory=list)
    happened: dict[object, list[Happened]] = msgspec.field(default_factory=dict)
    """What was seen to have happened, by the message that tells of it."""
    serial: int = 0

    def tick(self) -> int:
        """A moment of its own."""
        self.serial += 1
        return START + 60_000 * self.serial

    def start(self, **more: object) -> Chat:
        at = self.tick()
        chat = Chat(name(self.serial), at, more=more)
        self.chats.append(chat)
        chat.add(prompt(0, at), None)
        return chat

    def step(self) -> None:
        """Something happens."""
        saved = [chat for chat in self.chats if chat.saved]
        chat = self.rng.choice(saved) if saved and self.rng.random() < 0.9 else self.start()
        self.finish(chat)
        match self.rng.choice([0, 1, 2, 3, 6]) if self.reuses else self.rng.randrange(10):
            case 0:
                self.cut(chat)
            case 1:
                self.fork(chat)
            case 2:
                self.delegate(chat)
            case 3:
                self.side(chat)
            case 4:
                self.answer(chat, told=self.rng.random() < 0.3, kind=self.rng.choice(["none", "total", "split"]))
            case 5:
                self.begin(chat)
            case _:
                kinds = ["split"] if self.reuses else ["none", "total", "split", "split"]
                self.answer(chat, told=True, kind=self.rng.choice(kinds))

    def answer(self, chat: Chat, *, told: bool, kind: str) -> Served:
        """A whole response, told by a message, an event, both or neither."""
        at, served = self._serve(chat)
        chat.add(prompt(0, at), None)
        number = chat.number
        if told:
            calls = [f"toolu_{self.serial}"] if self.rng.random() < 0.3 else []
            chat.add(answer(0, self._usage(served, at), calls=calls), served)
            for call in calls:
                status = self.rng.choice(["done", "error", "cancelled", "rejected-by-user", "in-progress"])
                chat.add(result(0, call, status), None)
        if kind != "none":
            self._book(chat, served, kind, at + 3, number)
        return served

    def begin(self, chat: Chat) -> None:
        """A response that is being written."""
        at, served = self._serve(chat)
        chat.add(prompt(0, at), None)
        partial = usage((*served.parts[:3], 1))
        chat.add(answer(0, partial, state="streaming", calls=[f"toolu_{self.serial}"]), served)

    def finish(self, chat: Chat) -> None:
        """What was being written is complete, or broken off."""
        if not chat.messages or chat.messages[-1].get("state", {}).get("type") != "streaming":
            return
        served, message = chat.answers[-1], chat.messages[-1]
        assert served is not None
        at = self.tick()
        if self.rng.random() < 0.3:
            message["state"] = {"type": "cancelled"}
            return
        message |= {"state": {"type": "complete", "stopReason": "end_turn"}, "usage": self._usage(served, at)}
        self._book(chat, served, "split", at, message["messageId"])

    def cut(self, chat: Chat) -> None:
        """An earlier prompt is edited: all that came after it is gone, and billed."""
        if chat.messages:
            at = self.rng.randrange(len(chat.messages))
            del chat.messages[at:], chat.answers[at:], chat.homes[at:]
            chat.number = len(chat.messages) if self.reuses else chat.number

    def fork(self, chat: Chat) -> None:
        """A new thread that begins with a copy."""
        if not chat.messages or chat.copied or chat.more.get("mainThreadID"):
            return
        end = self.rng.randrange(1, len(chat.messages) + 1)
        fork = Chat(name(self.serial + 1), self.tick(), json.loads(json.dumps(chat.messages[:end])), copied=end)
        fork.answers, fork.homes = list(chat.answers[:end]), list(chat.homes[:end])
        relationship = {"threadID": chat.id, "type": "fork", "role": "child", "messageIndex": end - 1}
        fork.more = self.rng.choice([{"originThreadID": chat.id, "forkPointIndex": end - 1}, {}])
        fork.more = {**fork.more, "relationships": [relationship]}
        self.chats.append(fork)

    def delegate(self, chat: Chat) -> None:
        """A subagent, whose thread may have a document of its own; the ledger of its parent has the sum."""
        child = self.start(mainThreadID=chat.id)
        child.saved = self.rng.random() < 0.5
        inner = tuple(self.answer(child, told=True, kind="split") for _ in range(self.rng.randrange(1, 3)))
        total = (sum(one.parts[0] for one in inner), 0, 0, sum(one.parts[3] for one in inner))
        whole = Served(chat.id, total, instead=inner)
        self.served.append(whole)
        more: Json = {"operationType": "subagent", "subagentThreadID": child.id}
        self._book(chat, whole, "split", self.tick(), max(chat.number - 1, 0), **more)

    def side(self, chat: Chat) -> None:
        """A call on the side, booked under the first message."""
        at, served = self._serve(chat)
        self._book(chat, served, "split", at, 0, operationType="title-generation")

    def look(self) -> None:
        """All documents are seen as they stand."""
        for chat in self.chats:
            if not chat.saved:
                continue
            self._notice(chat)
            for message, served in zip(chat.messages, chat.answers, strict=True):
                if served is not None:
                    own, whole = served.home == chat.id, message["state"]["type"] == "complete"
                    served.told |= own and whole
                    served.copied |= whole and not own
                    served.remains |= not whole and not own
                    served.begun |= own and not whole
            for told, served in zip(chat.events, chat.ledger, strict=True):
                tokens = told["tokens"]
                served.ledger = (tokens.get("input", 0), 0, 0, tokens.get("output", 0))

    def _notice(self, chat: Chat) -> None:
        """What the messages of one document tell, save an answer that is being written."""
        tools: set[str] = set()
        for message, served, home in zip(chat.messages, chat.answers, chat.homes, strict=True):
            first = message["content"][0]
            if first["type"] == "tool_result":
                told = {"rejected-by-user": ["tool-error", "tool-denied"], "done": [], "in-progress": []}
                kinds = told.get(first["run"]["status"], ["tool-error"])
                if first["toolUseID"] in tools:
                    self.happened[first["toolUseID"]] = [(home, kind, "Bash") for kind in kinds]
            elif served is None:
                asked = "agent" if "mainThreadID" in chat.more else "typed"
                self.happened[message["meta"]["sentAt"]] = [(home, "prompt", asked), (home, "turn", "")]
            elif message["state"]["type"] != "streaming":
                calls = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
                tools.update(calls)
                things = [("message", ""), *[("tool", "Bash"), ("shell", "ls")] * len(calls)]
                if message["state"]["type"] == "cancelled":
                    things.append(("abort", "interrupted"))
                self.happened[id(served)] = [(home, *thing) for thing in things]

    def happenings(self) -> Counter[Happened]:
        """All that was seen to have happened."""
        return Counter(thing for things in self.happened.values() for thing in things)

    def forget(self) -> None:
        """Nobody has looked yet."""
        self.happened.clear()
        for served in self.served:
            served.told = served.copied = served.remains = served.begun = False
            served.ledger = None

    def expected(self) -> Counter[tuple[str, Parts, str]]:
        """Session, tokens and quality of each response that can be known from what was seen."""
        return Counter(known for served in self.served if (known := served.expected()))

    def files(self) -> dict[str, bytes]:
        """Every document by its name."""
        return {f"{chat.id}.json": chat.content(self.rng) for chat in self.chats if chat.saved}

    def _serve(self, chat: Chat) -> tuple[int, Served]:
        at = self.tick()
        n = self.serial
        served = Served(chat.id, (3 + n, 10_000 + 31 * n, 500 + 7 * n, 100 + n))
        self.served.append(served)
        return at, served

    def _usage(self, served: Served, at: int) -> Json:
        return usage(served.parts, at if self.dated else None)

    def _book(self, chat: Chat, served: Served, kind: str, at: int, number: int, **more: object) -> None:
        tokens = {"input": served.parts[0], "output": served.parts[3]}
        if kind == "total":
            tokens = {"total": sum(served.parts)}
        chat.events.append(event(f"event-{self.serial}", number, tokens, at, **more))
        chat.ledger.append(served)
