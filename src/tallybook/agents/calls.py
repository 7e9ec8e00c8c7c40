"""Tool calls as items: one per call, with the time that its result took, however late that comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.argv import program_of, script_of
from tallybook.agents.names import OTHER, safe_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.agents.port import ItemRow

Place = tuple[str, str, int | None]
"""Id, session and moment of a call."""
Waiting = dict[str, tuple[str, int | None, str]]
"""Session, moment and name of calls that have no result yet, by their ids, the newest last."""
_MOST: Final = 256
_MCP: Final = "mcp__"


class Calls:
    """The calls of one run of lines, which become items of ``items``."""

    def __init__(self, waiting: Waiting, items: list[ItemRow]) -> None:
        self.waiting = waiting
        """What a later run of lines must know."""
        self._items = items
        self._given: dict[str, bytes] = {}
        """What the calls of these lines that wait were called with."""

    def call(self, place: Place, name: str, given: bytes) -> None:
        """A call is made."""
        call, session, at = place
        waiting = self.waiting
        if call in waiting:
            return
        waiting[call] = (session, at, name)
        self._given[call] = given
        if len(waiting) > _MOST:
            oldest = next(iter(waiting))
            if oldest in self._given:
                self._unanswered(oldest)
            del waiting[oldest]

    def server(self, place: Place, name: str) -> None:
        """The same call as one of a server's tools, where its full name says that it is."""
        if name.startswith(_MCP):
            server, _, tool = name.removeprefix(_MCP).partition("__")
            self._items.append(server_item(place, server, tool))

    def result(self, call: str, at: int | None, failed: bool) -> None:  # noqa: FBT001 - there are very many
        """The result of a call has come."""
        told = self.waiting.pop(call, None)
        if told is None:
            return
        session, called, name = told
        wait = at - called if at is not None and called is not None and at >= called else None
        self._items.append((call, session, called, "tool", name, wait, self._given.pop(call, None)))
        if failed:
            self._items.append((call, session, at, "tool-error", name, None, None))

    def command(self, place: Place, command: str | Sequence[str]) -> None:
        """The same call as a command: the program's name, and the whole for its keyed hash."""
        item = shell_item(place, command)
        if item is not None:
            self._items.append(item)

    def finish(self) -> tuple[ItemRow, ...]:
        """All items, with calls of these lines that wait for their results."""
        for call in list(self._given):
            self._unanswered(call)
        return tuple(self._items)

    def _unanswered(self, call: str) -> None:
        session, at, name = self.waiting[call]
        self._items.append((call, session, at, "tool", name, None, self._given.pop(call)))


def server_item(place: Place, server: object, tool: object) -> ItemRow:
    """A call of a tool of an MCP server."""
    names = [safe_name(part) or OTHER for part in (server, tool)]
    return (*place, "mcp", ".".join(names), None, None)


def shell_item(place: Place, command: str | Sequence[str]) -> ItemRow | None:
    """A command that a call runs: the program's name, and the whole for its keyed hash; None for no command."""
    program = program_of(command)
    if not program:
        return None
    return (*place, "shell", program, None, script_of(command).encode("utf-8", "surrogatepass"))
