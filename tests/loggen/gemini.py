"""Gemini CLI's chats made up record by record, and a small world of them whose true usage is known at every look."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]
Parts = tuple[int, int, int, int, int]
"""Input with the cached part in it, the cached part, output without thoughts, thoughts, tool."""
Known = tuple[str, str, tuple[int, int, int, int], str]
"""Session, model, (uncached input, cache read, output, reasoning), quality."""

START: Final = 1_795_658_400_000
"""26 November 2026, in milliseconds since the epoch."""
MODEL: Final = "gemini-2.5-pro"
FLASH: Final = "gemini-2.5-flash"
PLACE: Final = "/srv/shop"
PROJECT: Final = sha256(PLACE.encode()).hexdigest()
TEXT: Final = 'done {"type":"gemini","tokens":{"input":9,"output":9,"total":18}}\n{"$rewindTo":"x"}'


def name(number: int) -> str:
    """A random id, of a session or a message."""
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def stamp(at: int) -> str:
    """A time as Gemini writes it, of milliseconds since the epoch."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def usage(parts: Parts) -> Json:
    """The tokens of an answer."""
    given, cached, output, thoughts, tool = parts
    total = given + output + thoughts + tool
    return {"input": given, "output": output, "cached": cached, "thoughts": thoughts, "tool": tool, "total": total}


def vector(parts: Parts) -> tuple[int, int, int, int]:
    """What is to be counted: uncached input, cache read, output, reasoning."""
    given, cached, output, thoughts, tool = parts
    return given - cached + tool, cached, output + thoughts, thoughts


def prompt(identity: str, at: int) -> Json:
    """A message of the user."""
    return {"id": identity, "timestamp": stamp(at), "type": "user", "content": [{"text": f"add a shelf {TEXT}"}]}


def answer(identity: str, at: int, tokens: Json | None, model: str = MODEL) -> Json:
    """A message of the model; where the agent was told no usage, that is null."""
    told = {"id": identity, "timestamp": stamp(at), "type": "gemini", "content": TEXT}
    return {**told, "thoughts": [{"subject": "tokens", "description": TEXT}], "tokens": tokens, "model": model}


def context(at: int) -> Json:
    """What the program puts in at the head of a session; its id is the same in all."""
    return {**prompt("e" * 32, at), "content": [{"text": f"<session_context>\n{TEXT}</session_context>"}]}


def call(identity: str, at: int, name: str = "run_shell_command", **more: object) -> Json:
    """A tool call that has come back."""
    result = [{"functionResponse": {"id": identity, "response": {"output": TEXT}}}]
    told = {"id": identity, "name": name, "args": {"command": "ls"}, "result": result}
    return {**told, "status": "success", "timestamp": stamp(at), "resultDisplay": TEXT, **more}


CALLS: Final[tuple[tuple[Json, tuple[tuple[str, str], ...]], ...]] = (
    ({}, (("tool", "run_shell_command"), ("shell", "ls"))),
    ({"status": "cancelled"}, (("tool", "run_shell_command"), ("shell", "ls"), ("tool-error", "run_shell_command"))),
    ({"name": "google_web_search", "args": {"query": TEXT}}, (("tool", "google_web_search"), ("web", "search"))),
    ({"name": "mcp_a_b", "status": "error"}, (("tool", "mcp_a_b"), ("mcp", "a.b"), ("tool-error", "mcp_a_b"))),
    ({"name": "invoke_agent", "args": {"agent_name": "looker"}}, (("tool", "invoke_agent"), ("subagent", "looker"))),
)  # fmt: skip
"""Calls, and what each tells."""


def head(session: str, at: int, kind: str = "main", **more: object) -> Json:
    """The first line of a chat."""
    told = {"sessionId": session, "projectHash": PROJECT, "startTime": stamp(at), "lastUpdated": stamp(at)}
    return {**told, "kind": kind, **more}


def patch(**more: object) -> Json:
    """A line that changes what is known of the session."""
    return {"$set": more}


def document(session: str, at: int, messages: list[Json], **more: object) -> Json:
    """A chat of a version before 0.40."""
    told = {"sessionId": session, "projectHash": PROJECT, "startTime": stamp(at), "lastUpdated": stamp(at)}
    return {**told, "messages": messages, **more}


def bare(message: Json) -> Json:
    """A message as a resumed session repeats it: a new time, and no usage."""
    kept = {key: message[key] for key in ("id", "type", "content")}
    return {**kept, "timestamp": stamp(START + 86_400_000)}


def encode(records: Iterable[Json], *, spaced: bool = False, backwards: bool = False) -> bytes:
    """The bytes of a file of lines."""
    separators = (" , ", " : ") if spaced else (",", ":")
    turned = (turn(record) if backwards else record for record in records)
    return b"".join(
        json.dumps(record, separators=separators, ensure_ascii=spaced).encode() + b"\n" for record in turned
    )


def turn(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The same value with all keys in the opposite order."""
    if isinstance(value, dict):
        return {key: turn(inner) for key, inner in reversed(value.items())}
    return [turn(inner) for inner in value] if isinstance(value, list) else value


class Served(msgspec.Struct, eq=False):
    """One answer as it was served, and what was to be seen of it so far."""

    home: str
    parts: Parts
    model: str
    home_told: Parts | None = None
    """What the session that it was served in has told of it at the last look."""
    untold: bool = False
    """Its session has told that there was no usage."""
    copies: list[tuple[int, str]] = msgspec.field(default_factory=list)
    """When sessions began that have told a copy, and which."""

    def expected(self) -> Known | None:
        """What must be known of it; None while nothing can be."""
        if self.home_told is not None:
            return self.home, self.model, vector(self.home_told), "exact"
        if self.untold:
            return self.home, self.model, (0, 0, 0, 0), "lower_bound"
        if self.copies:
            return min(self.copies)[1], self.model, vector(self.parts), "unverified"
        return None


class Deed(msgspec.Struct, eq=False):
    """One thing that has happened in a session."""

    home: str
    kind: str
    name: str = ""


class Message(msgspec.Struct, eq=False):
    """One message as its session has it now."""

    json: Json
    served: Served | None = None
    told: Parts | None = None
    deeds: list[Deed] = msgspec.field(default_factory=list)


class Line(msgspec.Struct, eq=False):
    """What was written, and which answers and deeds it tells of."""

    json: Json
    tells: list[tuple[Served, Parts | None]] = msgspec.field(default_factory=list)
    deeds: list[Deed] = msgspec.field(default_factory=list)


class Chat(msgspec.Struct, eq=False):
    """One file: lines, or a document."""

    session: str
    born: int
    path: str
    whole: bool = False
    messages: list[Message] = msgspec.field(default_factory=list)
    lines: list[Line] = msgspec.field(default_factory=list)
    gone: bool = False

    def write(self, message: Message) -> None:
        """Add a message, or what has become of it."""
        if all(message is not one for one in self.messages):
            self.messages.append(message)
        if not self.whole:
            self.lines.append(_line(message))

    def told(self) -> list[tuple[Served, Parts | None]]:
        """All that the file tells of answers, in its order."""
        lines = [_line(one) for one in self.messages] if self.whole else self.lines
        return [tells for line in lines for tells in line.tells]

    def done(self) -> list[Deed]:
        """All that the file tells to have happened."""
        lines = [_line(one) for one in self.messages] if self.whole else self.lines
        return [deed for line in lines for deed in line.deeds]

    def content(self, *, spaced: bool = False, backwards: bool = False) -> bytes:
        """The bytes of the file."""
        if not self.whole:
            return encode((line.json for line in self.lines), spaced=spaced, backwards=backwards)
        whole = document(self.session, self.born, [one.json for one in self.messages])
        return json.dumps(turn(whole) if backwards else whole, indent=4 if spaced else 2).encode()


def _line(message: Message) -> Line:
    tells = [] if message.served is None else [(message.served, message.told)]
    return Line(message.json, tells, list(message.deeds))


class World(msgspec.Struct):
    """Sessions that answer, rewind, repeat themselves, are resumed, copied and deleted as Gemini's are."""

    rng: random.Random
    short: bool = False
    """Whether ids of messages are unique in their session alone."""
    chats: list[Chat] = msgspec.field(default_factory=list)
    served: list[Served] = msgspec.field(default_factory=list)
    numbers: dict[str, int] = msgspec.field(default_factory=dict)
    """How many ids were given, in each session or in all."""
    serial: int = 0
    contexts: dict[str, Deed] = msgspec.field(default_factory=dict)
    """By session, what the program put in at its head."""

    def tick(self) -> int:
        """A moment of its own."""
        self.serial += 1
        return START + 60_000 * self.serial

    def start(self, *, whole: bool | None = None, above: str | None = None, **more: object) -> Chat:
        """A new session, of a subagent perhaps."""
        at = self.tick()
        session = name(self.serial)
        old = self.rng.random() < 0.3 if whole is None else whole
        place = f"session-{stamp(at)[:16].replace(':', '-')}-{session[:8]}" if above is None else f"{above}/{session}"
        chat = Chat(session, at, f"shop/chats/{place}.json{'' if old else 'l'}", old)
        self.chats.append(chat)
        if not old:
            chat.lines.append(Line(head(session, at, "main" if above is None else "subagent", **more)))
            self.contexts[session] = Deed(session, "injected", "session-context")
            chat.lines.append(
                Line(patch(messages=[context(at)], lastUpdated=stamp(at)), deeds=[self.contexts[session]])
            )
        chat.write(self._prompt(chat))
        return chat

    def step(self) -> None:
        """Something happens."""
        live = [chat for chat in self.chats if not chat.gone]
        chat = self.rng.choice(live) if live and self.rng.random() < 0.85 else self.start()
        deeds = [self.answer, self.answer, self.answer, self.calls, self.grow, self.silent, self.rewind, self.repeat]
        self.rng.choice([*deeds, self.resume, self.copy, self.delegate, self.migrate, self.noise])(chat)

    def answer(self, chat: Chat) -> Message:
        """A whole answer behind a prompt."""
        chat.write(self._prompt(chat))
        message = self._serve(chat)
        chat.write(message)
        self._touch(chat)
        return message

    def calls(self, chat: Chat) -> None:
        """An answer that calls tools; it is told once more when they have come back."""
        message = self.answer(chat)
        at = self.tick()
        chosen = [self.rng.choice(CALLS) for _ in range(self.rng.randrange(1, 3))]
        calls = [call(f"call_{nth}", at, **more) for nth, (more, _) in enumerate(chosen)]
        message.json = {**message.json, "toolCalls": calls}
        message.deeds += [Deed(chat.session, *told) for _, tells in chosen for told in tells]
        chat.write(message)

    def grow(self, chat: Chat) -> None:
        """An answer that is told in part, or without usage, before it is told whole."""
        message = self._serve(chat)
        whole, parts = message.json, message.told
        assert parts is not None
        message.told = (*parts[:2], 1, 0, 0) if self.rng.random() < 0.5 else None
        message.json = {**whole, "tokens": message.told and usage(message.told)}
        chat.write(message)
        if self.rng.random() < 0.8:
            message.told, message.json = parts, whole
            chat.write(message)

    def silent(self, chat: Chat) -> None:
        """What no model has written, or what the agent put there by itself."""
        at = self.tick()
        message = answer(self._identity(chat), at, None)
        del message[self.rng.choice(["tokens", "model"])]
        chat.write(Message(message))

    def rewind(self, chat: Chat) -> None:
        """The user goes back; what comes after was billed."""
        at = self.rng.randrange(len(chat.messages))
        gone = chat.messages[at:]
        del chat.messages[at:]
        if not chat.whole:
            deed = Deed(chat.session, "rollback", "rewind")
            chat.lines.append(Line({"$rewindTo": gone[0].json["id"]}, deeds=[deed]))
        chat.write(self._prompt(chat))

    def repeat(self, chat: Chat) -> None:
        """The history is written once more, with all that is known of it."""
        if not chat.whole:
            tells = [tells for one in chat.messages for tells in _line(one).tells]
            messages = [{**one.json, "content": [{"text": TEXT}]} for one in chat.messages]
            chat.lines.append(Line(patch(messages=messages, lastUpdated=stamp(self.tick())), tells))

    def resume(self, chat: Chat) -> None:
        """The session goes on: a second head, in this file or in a stub of a later minute, and a bare history."""
        if chat.whole:
            return
        at = self.tick()
        again = Line(head(chat.session, at))
        stub = chat
        if self.rng.random() < 0.5:
            path = f"shop/chats/session-{stamp(at)[:16].replace(':', '-')}-{chat.session[:8]}.jsonl"
            stub = Chat(chat.session, at, path, lines=[again])
            told = self.contexts.setdefault(chat.session, Deed(chat.session, "injected", "session-context"))
            stub.lines.append(Line(patch(messages=[context(at)]), deeds=[told]))
            stub.messages.append(self._prompt(stub, at))
            self.chats.append(stub)
        else:
            chat.lines.append(again)
        chat.lines.append(Line(patch(sessionId=chat.session)))
        chat.lines.append(Line(patch(messages=[bare(one.json) for one in chat.messages])))
        chat.messages = [
            Message(bare(one.json), deeds=[deed for deed in one.deeds if deed.kind in {"prompt", "turn"}])
            for one in chat.messages
        ]

    def copy(self, chat: Chat) -> None:
        """Another session begins with a copy."""
        if any(one.served is not None and one.told != one.served.parts for one in chat.messages):
            return
        other = self.start()
        for one in chat.messages:
            other.write(Message(one.json, one.served, one.told, one.deeds))
        if self.short:
            self.numbers[other.session] += self.numbers[chat.session]

    def delegate(self, chat: Chat) -> None:
        """A subagent works for the session."""
        if "/chats/session-" in chat.path:
            self.answer(self.start(whole=False, above=chat.session))

    def migrate(self, chat: Chat) -> None:
        """A newer version resumes a document: it goes on in lines, and the document stays as it is."""
        if not chat.whole or any(one.path == f"{chat.path}l" for one in self.chats):
            return
        lines = Chat(chat.session, chat.born, f"{chat.path}l", lines=[Line(head(chat.session, chat.born))])
        for one in chat.messages:
            lines.write(Message(one.json, one.served, one.told, one.deeds))
        self.chats.append(lines)

    def noise(self, chat: Chat) -> None:
        """What is no answer."""
        if not chat.whole:
            kinds = ["info", "error", "warning"]
            message = {"id": name(10**6 + self.tick() % 10**6), "type": self.rng.choice(kinds), "content": TEXT}
            chat.lines.append(Line({**message, "timestamp": stamp(self.tick())}))
            notes = [("error", "[API Error: no (Status: UNAVAILABLE)]"), ("info", "Request cancelled.")]
            for (kind, text), told in zip(notes, (("api-error", "UNAVAILABLE"), ("abort", "interrupted")), strict=True):
                note = {"id": name(10**6 + self.tick()), "timestamp": stamp(self.tick()), "type": kind, "content": text}
                chat.lines.append(Line(note, deeds=[Deed(chat.session, *told)]))
            chat.lines.append(Line(patch(summary=TEXT, memoryScratchpad={"tokens": {"input": 5}})))

    def lose(self) -> None:
        """Gemini deletes a transcript."""
        live = [chat for chat in self.chats if not chat.gone]
        if live:
            self.rng.choice(live).gone = True

    def look(self) -> None:
        """All files are seen as they stand."""
        for chat in self.chats:
            if not chat.gone:
                for served, parts in chat.told():
                    self._see(chat, served, parts)

    def forget(self) -> None:
        """Nobody has looked yet."""
        for served in self.served:
            served.home_told, served.untold, served.copies = None, False, []

    def expected(self) -> Counter[Known]:
        """What must be known of each answer of which anything was seen."""
        return Counter(known for served in self.served if (known := served.expected()))

    def happened(self, paths: Iterable[str]) -> list[Deed]:
        """What these files tell to have happened, each once."""
        there = set(paths)
        return list({id(deed): deed for one in self.chats if one.path in there for deed in one.done()}.values())

    def files(self, *, spaced: bool = False, backwards: bool = False) -> dict[str, bytes]:
        """Every file by its path."""
        return {chat.path: chat.content(spaced=spaced, backwards=backwards) for chat in self.chats if not chat.gone}

    def _see(self, chat: Chat, served: Served, parts: Parts | None) -> None:
        if chat.session != served.home:
            served.copies.append((chat.born, chat.session))
        elif parts is None:
            served.untold = True
        elif served.home_told is None or sum(parts) >= sum(served.home_told):
            served.home_told = parts

    def _serve(self, chat: Chat) -> Message:
        at = self.tick()
        n = self.serial
        parts = (5000 + 31 * n, 4000 + 17 * n, 100 + n, self.rng.choice([0, 40 + n]), self.rng.choice([0, 0, 7 + n]))
        served = Served(chat.session, parts, self.rng.choice([MODEL, MODEL, FLASH]))
        self.served.append(served)
        deeds = [Deed(chat.session, kind) for kind in ("message", "reasoning")]
        return Message(answer(self._identity(chat), at, usage(parts), served.model), served, parts, deeds)

    def _prompt(self, chat: Chat, at: int | None = None) -> Message:
        deeds = [Deed(chat.session, "prompt", "typed" if "/chats/session-" in chat.path else "agent")]
        message = prompt(self._identity(chat), self.tick() if at is None else at)
        return Message(message, deeds=[*deeds, Deed(chat.session, "turn")])

    def _touch(self, chat: Chat) -> None:
        if not chat.whole:
            chat.lines.append(Line(patch(lastUpdated=stamp(self.tick()))))

    def _identity(self, chat: Chat) -> str:
        space = chat.session if self.short else ""
        self.numbers[space] = number = self.numbers.get(space, 0) + 1
        return str(number) if self.short else name(10**7 + number)
