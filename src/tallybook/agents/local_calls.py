"""Tool calls whose ids are unique among those that wait alone: some servers count them from 0 in each answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.calls import Calls

if TYPE_CHECKING:
    from tallybook.agents.calls import Place, Waiting
    from tallybook.agents.port import ItemRow

Keys = dict[str, str]
"""Keys of calls that have no result yet, by the ids that the log gives them, the newest last."""
_MOST: Final = 256


class LocalCalls(Calls):
    """The calls of one run of lines, which become items of ``items``."""

    def __init__(self, waiting: Waiting, keys: Keys, items: list[ItemRow]) -> None:
        super().__init__(waiting, items)
        self._keys = keys

    def begin(self, identity: str, place: Place, name: str, given: bytes) -> None:
        """A call is made; ``place`` holds the key that all copies of it share."""
        keys = self._keys
        if identity in keys:
            del keys[identity]
        keys[identity] = place[0]
        if len(keys) > _MOST:
            del keys[next(iter(keys))]
        self.call(place, name, given)

    def end(self, identity: str, at: int | None, failed: bool) -> None:  # noqa: FBT001 - there are very many
        """The result of a call has come."""
        key = self._keys.pop(identity, None)
        if key is not None:
            self.result(key, at, failed)
