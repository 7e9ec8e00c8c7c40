"""A reader whose lines are items, samples of limits and counters, as its agent would tell them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from history.fake import FakeReader
from tallybook.agents.port import Batch, Item, LimitSample, OwnCounter
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Line, LogFile


def item_line(item: Item) -> bytes:
    """One line that tells of an item."""
    return json.dumps(["item", *item[:-1], None if item.secret is None else item.secret.decode()]).encode() + b"\n"


class Talker(FakeReader):
    """Its logs hold nothing else."""

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        self.reads.append(log.key)
        items: list[Item] = []
        limits: list[LimitSample] = []
        counters: list[OwnCounter] = []
        for line in lines:
            kind, *fields = json.loads(line.raw)
            if kind == "item":
                *plain, secret = fields
                items.append(Item(*plain)._replace(secret=None if secret is None else secret.encode()))
            elif kind == "limit":
                limits.append(LimitSample(*fields))
            else:
                session, at, scope, model, parts = fields
                counters.append(OwnCounter(session, at, scope, model, TokenVector(*parts), ("reasoning",)))
        return Batch(items=tuple(items), limits=tuple(limits), counters=tuple(counters), state=state)
