"""Single responses by their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from history.fake import T0, World
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import TokenVector
from tallybook.history.served import served

if TYPE_CHECKING:
    from pathlib import Path


def test_a_response_is_found_by_all_of_its_key(tmp_path: Path) -> None:
    """Those of other sessions look alike in the store, which keeps no names of sessions in their keys."""
    world = World(tmp_path)
    for number, session in enumerate(("s", "t"), 1):
        row = {"id": f"{session}:ab12", "group": f"g{number}", "session": session, "at": T0}
        world.write(session, {**row, "tokens": {"input": number}, "quality": "lower_bound"})
    world.ingest()
    with world.store() as store:
        assert store.rows("SELECT count(DISTINCT key) FROM response") == [(1,)]
        for number, session in enumerate(("s", "t"), 1):
            (found,) = served(store, f"{session}:ab12")
            assert (found.key, found.session, found.tokens) == (f"{session}:ab12", session, TokenVector(input=number))
            assert (found.quality, found.dated, found.at) == (Quality.LOWER_BOUND, True, T0)
        assert served(store, "u:ab12") == ()
