"""Threads as Amp writes them: only fields that are used are decoded, each so that a wrong one spoils no other."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from tallybook.agents.values import tolerant

Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Raw = msgspec.Raw
_ABSENT: Final = Raw(b"null")


class Thread(msgspec.Struct, rename="camel", gc=False):
    """One document."""

    id: Raw = _ABSENT
    created: Raw = _ABSENT
    env: Raw = _ABSENT
    messages: Raw = _ABSENT
    usage_ledger: Raw = _ABSENT
    main_thread: Raw = msgspec.field(default=_ABSENT, name="mainThreadID")
    origin_thread: Raw = msgspec.field(default=_ABSENT, name="originThreadID")
    fork_point_index: Raw = _ABSENT
    relationships: Raw = _ABSENT


class Block(msgspec.Struct, gc=False):
    """One content block, its text left out."""

    type: str | None = None
    id: str | None = None
    name: object = None
    input: Raw = _ABSENT
    answers: object = msgspec.field(default=None, name="toolUseID")
    run: Raw = _ABSENT


class Message(msgspec.Struct, rename="camel", gc=False):
    """One message; a wrong id makes it unreadable."""

    role: str
    message_id: int | str | None = None
    state: object = None
    """How far it has come: ``streaming``, ``complete``, ``cancelled``, ``error``."""
    usage: Raw = _ABSENT
    content: list[Block] | None = None
    meta: Raw = _ABSENT
    source: Raw = _ABSENT
    interrupted: object = None
    agent_mode: object = None
    file_mentions: Raw = _ABSENT
    discovered_guidance_files: Raw = _ABSENT

    @property
    def stage(self) -> str | None:
        """How far it has come; None where it says nothing, empty where nobody understands it."""
        if self.state is None:
            return None
        told = self.state.get("type") if isinstance(self.state, dict) else None
        return told if isinstance(told, str) else ""

    @property
    def blocks(self) -> list[Block]:
        """What it consists of."""
        return self.content or []


class Meta(msgspec.Struct, rename="camel", gc=False):
    """What a user's message carries."""

    sent_at: Raw = _ABSENT


class Run(msgspec.Struct, gc=False):
    """How a tool has run."""

    status: object = None


class Given(msgspec.Struct, gc=False):
    """What a tool was called with, as far as it has a name."""

    cmd: object = None
    command: object = None
    name: object = None
    subagent_type: object = None


class Source(msgspec.Struct, gc=False):
    """Who has written a user's message in the user's place."""

    type: object = None


class Mentions(msgspec.Struct, gc=False):
    """Files that a prompt names, and that went with it."""

    files: list[Raw] = []


class Usage(msgspec.Struct, rename="camel", gc=False):
    """What a message used; the three inputs do not overlap, and their sum may be told too."""

    model: object = None
    timestamp: object = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    total_input_tokens: Count | None = None
    max_input_tokens: Raw = _ABSENT


class Ledger(msgspec.Struct, gc=False):
    """``usageLedger``."""

    events: Raw = _ABSENT


class Tokens(msgspec.Struct, rename="camel", gc=False):
    """What an event used."""

    input: Count | None = None
    output: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    total: Count | None = None


class Event(msgspec.Struct, rename="camel", gc=False):
    """One event of the ledger."""

    id: str | int | None = None
    timestamp: Raw = _ABSENT
    model: Raw = _ABSENT
    tokens: Tokens | None = None
    operation_type: str | None = None
    to_message_id: int | str | None = None
    subagent: Raw = msgspec.field(default=_ABSENT, name="subagentThreadID")


class Relationship(msgspec.Struct, rename="camel", gc=False):
    """How another thread is related."""

    type: str | None = None
    role: str | None = None
    thread: str | None = msgspec.field(default=None, name="threadID")
    message_index: int | None = None


class Repository(msgspec.Struct, gc=False):
    """What was checked out there."""

    ref: object = None
    sha: object = None


class Tree(msgspec.Struct, gc=False):
    """One directory of the workspace."""

    uri: str | None = None
    repository: Raw = _ABSENT


class Platform(msgspec.Struct, rename="camel", gc=False):
    """The program."""

    client: object = None
    client_version: object = None


class Surroundings(msgspec.Struct, gc=False):
    """Where a thread began."""

    trees: list[Tree] | None = None
    cwd: str | None = None
    platform: Raw = _ABSENT


class Env(msgspec.Struct, gc=False):
    """``env``."""

    initial: Surroundings | None = None
    cwd: str | None = None


thread: Final = msgspec.json.Decoder(Thread).decode
messages: Final = msgspec.json.Decoder(list[Raw] | None).decode
message: Final = tolerant(Message, "role", "message_id")
usage: Final = tolerant(
    Usage,
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "total_input_tokens",
)
ledger: Final = msgspec.json.Decoder(Ledger | None).decode
event: Final = msgspec.json.Decoder(Event).decode
meta: Final = msgspec.json.Decoder(Meta | None).decode
run: Final = msgspec.json.Decoder(Run).decode
given: Final = msgspec.json.Decoder(Given).decode
source: Final = msgspec.json.Decoder(Source | None).decode
mentions: Final = msgspec.json.Decoder(Mentions | None).decode
repository: Final = msgspec.json.Decoder(Repository | None).decode
platform: Final = msgspec.json.Decoder(Platform | None).decode
relationships: Final = msgspec.json.Decoder(list[Relationship]).decode
env: Final = msgspec.json.Decoder(Env).decode
number: Final = msgspec.json.Decoder(int).decode
