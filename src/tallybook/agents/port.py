"""What a reader of one agent's logs must offer; the rest of the program knows agents only by this.

A reader works in two steps, both free of I/O but for small files of the agent's own beside a log. ``read`` turns
complete lines into *occurrences*: facts as they stand in one file at one byte offset, text left out. ``derive`` turns
all occurrences of one *unit* (files that may copy from each other) into *responses*, each counted once whatever the
order in which files were found.

A log is a growing file of lines, or a *document* that its agent rewrites as a whole. Of a document all is read anew
whenever it has changed, and what was served stays served: a group that a later version does not have is kept as it
was, with its links, for as long as the store. So the name of a group is the identity of what it tells, in every
version of the document and of its reader; and a reader goes on to understand what its earlier versions have left.

A *database* is a document that is too large to be read anew each time, and whose bytes nobody but its engine
understands. Its reader has one step more, with all of the I/O: ``lines`` gives what has changed since ``state`` as
lines of the reader's own encoding, which ``read`` takes as it takes all others.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import msgspec

from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tallybook.agents.verdicts import Verdict
    from tallybook.agents.walked import Walked


class LogFile(NamedTuple):
    """One log, where it is now; plain text and no ``Path``, since there are tens of thousands of them."""

    agent: str
    key: str
    """Stays the same when the file is archived or compressed; unique within the agent."""
    place: str
    """Its path, in the file system's own encoding."""
    compressed: bool = False
    whole: bool = False
    """One document that is rewritten as a whole, not lines that are added to."""
    written: int | None = None
    """Of a document that is being read, when this version of it was written: microseconds since the epoch, UTC."""
    journal: str | None = None
    """Of a database, which is ``whole`` too, the path of the file beside it that takes what is written first."""

    @property
    def path(self) -> Path:
        """Where it is now."""
        return Path(self.place)

    @property
    def is_closed(self) -> bool:
        """It is no log but a directory, its place with a slash at the end, which the user may not look into."""
        return self.place.endswith("/")


class Line(NamedTuple):
    """One complete line, without its newline; or all bytes of one document."""

    offset: int
    """Of its first byte in the (decompressed) file."""
    raw: bytes


class Occurrence(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One fact at one place of one log; there are very many."""

    group: str
    """Occurrences of one group, and of groups that are linked, are derived together."""
    offset: int
    """Of the line; in a document, where bytes move, any number that grows with what happened and outlives rewriting."""
    at: int | None
    """Microseconds since the epoch, UTC; None where the line has no readable time."""
    data: bytes
    """The fact, in an encoding that the reader alone knows; counts, ids and names, never text."""


class SessionFact(msgspec.Struct, frozen=True):
    """What a log says of one session; later facts fill what earlier ones left None."""

    session: str
    parent: str | None = None
    """The session that spawned this one (subagent, review, compaction); a fork has none."""
    forked_from: str | None = None
    born_at: int | None = None
    """Microseconds since the epoch, UTC."""
    last_at: int | None = None
    cwd: str | None = None
    """Kept in the store alone, never in the ledger."""
    model: str | None = None
    origin: str = "main"
    """``main``, ``subagent``, ``review`` or ``compaction``."""
    branch: str | None = None
    """The git branch that was checked out."""
    commit: str | None = None
    """The commit that was checked out."""
    version: str | None = None
    """Of the agent's program."""
    entry: str | None = None
    """How the agent was run, by its own word: a terminal, an editor, a script."""
    provider: str | None = None
    """Who serves the models, by the agent's own name for it."""


class Item(NamedTuple):
    """One thing that happened in a session besides responses: counted, never told."""

    key: str
    """The agent's own id of it, or what else every copy of it keeps; unique within the agent and ``kind``."""
    session: str
    at: int | None
    """Microseconds since the epoch, UTC."""
    kind: str
    """Such as ``prompt``, ``tool``, ``mcp``, ``shell``, ``turn`` or ``compaction``; docs/reference lists them all."""
    name: str = ""
    """Which one of its kind: a tool, a phase, a reason; never text that a person or a model wrote."""
    amount: int | None = None
    """A duration in microseconds, or a length; what it is follows from ``kind``."""
    secret: bytes | None = None
    """Text that only its keyed hash may be kept of; it never leaves memory."""


ItemRow = tuple[str, str, int | None, str, str, int | None, bytes | None]
"""An item, or the plain tuple of all its fields: there are very many."""


class LimitSample(NamedTuple):
    """How much of one allowance was used at one moment."""

    session: str
    at: int
    """Microseconds since the epoch, UTC."""
    limit: str
    """The agent's id of the limit."""
    window: int | None
    """In minutes."""
    used: int | None
    """In hundredths of a percent."""
    resets_at: int | None = None
    """Microseconds since the epoch, UTC."""
    plan: str | None = None
    credits: str | None = None
    """The balance as logged: a decimal number, or ``unlimited``."""
    taken_back: bool = False
    """An earlier visit has told a sample of these five minutes that their end makes none."""


class OwnCounter(NamedTuple):
    """What an agent itself says a session has used; compared with the responses, never added to them."""

    session: str
    at: int | None
    scope: str
    """Which of its counters, such as ``thread`` or ``cost-state``."""
    model: str | None
    """None where it is not told by model."""
    tokens: TokenVector
    unreported: tuple[str, ...] = ()
    """Components that this counter does not tell."""


class Batch(msgspec.Struct, frozen=True):
    """What one run of complete lines held."""

    occurrences: tuple[Occurrence, ...] = ()
    sessions: tuple[SessionFact, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    """Pairs of groups that must be derived together."""
    state: bytes = b""
    """Handed to the next ``read`` of the same file, so that reading can go on at a cursor."""
    pending_call: str | None = None
    """Tool call logged at the end of the lines whose response has no usage yet."""
    pending_session: str | None = None
    """The session of that call."""
    bad_lines: int = 0
    """Lines, or parts of a document, that can't be understood."""
    unknown_records: int = 0
    torn: str | None = None
    """Why a document is not whole; nothing else of the batch counts then, and the document is read again next time."""
    more: bool = False
    """A database has more that is new: it is read again at once, with ``state``."""
    items: tuple[ItemRow, ...] = ()
    limits: tuple[LimitSample, ...] = ()
    counters: tuple[OwnCounter, ...] = ()
    """In the order of the lines; of one session, scope and model the last one holds."""


class SourceRows(msgspec.Struct, frozen=True):
    """The occurrences of one log, in the order of their offsets."""

    key: str
    rows: tuple[Occurrence, ...]


class Response(msgspec.Struct, frozen=True):
    """One completed model response: the atom of usage."""

    key: str
    """Unique within the agent."""
    session: str
    source: str
    """Key of the log that holds the counted row."""
    offset: int
    at: int | None
    """Microseconds since the epoch, UTC."""
    model: str
    """As logged; ``unknown`` where the log names none."""
    tokens: TokenVector
    tier: str = "standard"
    quality: Quality = Quality.EXACT
    final: bool = True
    """False while the log holds a placeholder that a later row may replace."""
    calls: tuple[str, ...] = ()
    """Ids of the tool calls that this response issued."""
    turn: str | None = None
    """The agent's id of the turn that it belongs to."""
    effort: str | None = None
    """Of reasoning, as logged."""
    branch: str | None = None
    """Checked out at that moment; None where the log says no more than its session does."""
    cwd: str | None = None
    """At that moment; None where the log says no more than its session does."""
    provider: str | None = None
    """Who served it, by the agent's own name for it; None where the log says no more than its session does."""
    window: int | None = None
    """The size of the model's context in tokens, as logged."""
    web_searches: int = 0
    """Requests that are paid for one by one."""


class Keeping(NamedTuple):
    """How long an agent keeps the logs below one directory."""

    root: Path
    days: int
    """After a log's last change; then the agent deletes it."""
    most: int | None = None
    """So many logs of one directory at most, the newest ones: the agent deletes all others when it starts."""
    at_once: frozenset[str] = frozenset()
    """Paths of logs that it deletes when it starts, however new they are."""


class Grown(NamedTuple):
    """What further rows add to a unit of one log."""

    responses: tuple[Response, ...]
    """None of them is a response of the rows before, unless the store holds one of its key."""
    kept: bytes | None
    """What the rows after these are counted from; None where that would be too much, or can't be told."""


class UnreadableRows(Exception):  # noqa: N818
    """A database can't be read now; the message says why."""


class LogReader(Protocol):
    """One agent's logs."""

    agent: str
    """Name used everywhere, such as ``codex``."""
    version: str
    """Changes whenever counting changes, so that stored occurrences are read anew."""
    unreported: tuple[str, ...]
    """Components of the token vector that this agent never logs."""
    unlogged: tuple[str, ...]
    """What was served and no log of this agent tells of, as short phrases."""
    usage_since: int | None
    """Sessions born earlier may hold answers without any usage (microseconds since the epoch); None if none do."""
    session_variables: tuple[str, ...]
    """Environment variables that hold the session id, in the order of preference."""
    call_variable: str | None
    """Environment variable that holds the id of the running tool call."""

    def roots(self, environ: Mapping[str, str]) -> tuple[Path, ...]:
        """The directories below which logs are looked for, whether they are there or not."""
        ...

    def keepings(self, environ: Mapping[str, str]) -> tuple[Keeping, ...]:
        """Which logs the agent deletes by itself, and when; none if it keeps them for ever."""
        ...

    def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
        """Every log below the agent's roots, each key once (plain beats compressed, live beats archived).

        Directories there that the user may not look into are among them, see ``LogFile.is_closed``.
        """
        ...

    def log_at(self, path: Path) -> LogFile:
        """The log at this path, wherever it lies; its key is that of ``discover`` only below the agent's roots."""
        ...

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        """Read complete lines that follow those which left ``state`` (``b""`` at the head of the file).

        A document comes as one line, with no state.
        """
        ...

    def derive(self, unit: Sequence[SourceRows]) -> list[Response]:
        """Count one unit; the result depends on the set of sources only, not on their order."""
        ...

    def explain(self, unit: Sequence[SourceRows]) -> Iterable[Verdict]:
        """What became of every occurrence of one unit, each once, as ``derive`` counts it."""
        ...

    def is_agent_process(self, argv: Sequence[str]) -> bool:
        """Whether a process with these arguments is this agent."""
        ...

    def registered_session(self, environ: Mapping[str, str], pid: int, started: str) -> str | None:
        """The session that the agent's own registry names for the process ``pid`` (start time as in /proc)."""
        ...


@runtime_checkable
class GrowingReader(Protocol):
    """A reader whose units may become long, and that can count one log alone by what was added to it."""

    def kept(self, source: SourceRows) -> bytes | None:
        """What further rows of a unit that is this log alone can be counted from; None where all rows are needed."""
        ...

    def grow(self, kept: bytes, source: SourceRows) -> Grown | None:
        """Count the rows that follow those which left ``kept``: with the responses before, ``derive`` of all rows.

        None where these rows may change a response before them, so that all rows must be derived.
        """
        ...


@runtime_checkable
class WalkingReader(Protocol):
    """A reader that can say which directories its logs were found by: for agents that have thousands of logs."""

    def walk(self, environ: Mapping[str, str], walked: Walked) -> Iterator[LogFile]:
        """What ``discover`` tells, all of it plain or compressed lines; ``walked`` is told of every directory."""
        ...


class DatabaseReader(LogReader, Protocol):
    """One agent's logs, databases among them."""

    def lines(self, log: LogFile, state: bytes) -> Iterator[Line]:
        """What a database holds that is new or changed since ``state``, all of it as it stood at one moment.

        ``state`` is that of ``read``, ``b""`` at first. Nothing is written, not even beside the database.

        Raises:
            UnreadableRows: while it is iterated too; what was given until then counts for nothing.

        """
        ...
