"""Tool calls whose ids are unique among those that wait alone: some servers count them from 0 in each answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.calls import Calls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.agents.calls import Place, Waiting
    from tallybook.agents.port import ItemRow

Keys = dict[str, str]
"""Keys of calls that have no result yet, by the ids that the log gives them, the newest last."""
_MOST: Final = 256


class LocalCalls:
    """The calls of one run of lines, which become items of ``items``."""

    def __init__(self, waiting: Waiting, keys: Keys, items: list[ItemRow]) -> None:
        self._keys = keys
        self._calls = Calls(waiting, items)

    def call(self, identity: str, place: Place, name: str, given: bytes) -> None:
        """A call is made; ``place`` holds the key that all copies of it share."""
        self._keys.pop(identity, None)
        self._keys[identity] = place[0]
        if len(self._keys) > _MOST:
            del self._keys[next(iter(self._keys))]
        self._calls.call(place, name, given)

    def server(self, place: Place, name: str) -> None:
        """The same call as one of a server's tools, where its full name says that it is."""
        self._calls.server(place, name)

    def command(self, place: Place, command: str | Sequence[str]) -> None:
        """The same call as a command."""
        self._calls.command(place, command)

    def result(self, identity: str, at: int | None, failed: bool) -> None:  # noqa: FBT001 - there are very many
        """The result of a call has come."""
        key = self._keys.pop(identity, None)
        if key is not None:
            self._calls.result(key, at, failed)

    def finish(self) -> tuple[ItemRow, ...]:
        """All items, with calls of these lines that wait for their results."""
        return self._calls.finish()
